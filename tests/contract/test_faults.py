"""Every fault of the simulator at every provider: what is reported is what happened.

A read, a listing and two writes stand for the other verbs: of the writes, providers differ in which
may be sent again.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import contactkit as ck
from contactkit._providers import find, names
from contactkit.simulator.fault_kinds import KINDS
from contactkit.simulator.seeds import phone
from contactkit.spec.auth import Auth, ClientCredentials
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.record import fields_of, key_of, unique_fields
from tests.support.examples import examples
from tests.support.providers import EXAMPLES, Wire

Options = Mapping[str, Any]

HARMLESS: list[tuple[str, Options]] = [("latency", {"seconds": 2}), ("slow_body", {})]
PASSING: list[tuple[str, Options]] = [
    ("latency", {"seconds": 45}),
    ("rate_limited", {}),
    ("rate_limited", {"retry_after": 7}),
    ("server_error", {}),
    ("server_error", {"status": 503, "retry_after": 7}),
    ("written_then_500", {}),
    ("written_then_dropped", {}),
    ("dropped", {}),
    ("truncated_body", {}),
    ("html", {"status": 502}),
]
LASTING: list[tuple[str, Options]] = [
    ("html", {}),
    ("unsuccessful", {}),
    ("expired_token", {}),
    ("empty_refusal", {}),
    ("empty_refusal", {"status": 403}),
]
OF_LISTINGS: list[tuple[str, Options]] = [("duplicated_row", {}), ("deleted_row", {})]
FAULTS = [*HARMLESS, *PASSING, *LASTING, *OF_LISTINGS]
READS = [(name, verb) for name in names() for verb in ("get", "list")]
WRITES = [(name, verb) for name in names() for verb in ("create", "update")]
VERBS = [*READS, *WRITES]


def test_faults_cover_every_kind():
    assert {kind for kind, _ in FAULTS} == set(KINDS)


def applies_to(kind: str, endpoint: Endpoint) -> bool:
    """Whether the fault can occur in a request of this verb."""
    if kind.endswith("_row"):
        return endpoint.answer == "page"
    return bool(endpoint.effect) or not kind.startswith("written")


@dataclass
class Attempt:
    """One call: its frame or its error, its requests and its warnings."""

    frame: pd.DataFrame | None
    error: ck.ContactKitError | None
    requests: list[httpx.Request]
    warnings: list[str]

    @property
    def refused(self) -> bool:
        """Whether the error reports that nothing was written."""
        if isinstance(self.error, ck.TransportError):
            return not self.error.sent
        if not isinstance(self.error, ck.ApiError):
            return self.error is not None
        in_doubt = isinstance(self.error, ck.ServerError)
        return not in_doubt and self.error.problem.code != "undocumented"


def arguments(name: str, endpoint: Endpoint) -> tuple[list[Any], dict[str, Any]]:
    example = EXAMPLES[name]
    fields = {"create": example.create, "update": example.update}.get(endpoint.verb, {})
    confirmed = {"confirm": True} if endpoint.confirm else {}
    return [example.key] if endpoint.subject else [], {**fields, **confirmed}


def attempt(client: ck.Client, wire: Wire, verb: str, *args: Any, **fields: Any) -> Attempt:
    wire.requests.clear()
    frame = error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame = getattr(client.contacts, verb)(*args, **fields)
        except ck.ContactKitError as raised:
            error = raised
    tokens = {
        urlsplit(way.token_url).path
        for way in client._session.provider.auth
        if isinstance(way, ClientCredentials)
    }
    requests = [each for each in wire.requests if each.url.path not in tokens]
    messages = [str(each.message) for each in caught if each.category is ck.ContactKitWarning]
    return Attempt(frame, error, requests, messages)


def run_under(name: str, verb: str, fault: tuple[str, Options] | None, **times: Any):
    """Call a verb under a fault: the attempt, the contacts before and after, the writes."""
    wire = Wire()
    client = ck.connect(name, via=wire)
    before = rows(wire)
    if fault:
        wire.simulator.fault(fault[0], **fault[1], **times)
    args, fields = arguments(name, find(name).endpoint(verb))
    return attempt(client, wire, verb, *args, **fields), before, rows(wire), writes(wire)


@cache
def undisturbed(name: str, verb: str):
    """Call a verb without a fault."""
    return run_under(name, verb, None)


def rows(wire: Wire) -> list[str]:
    """The stored contacts, without the fields that depend on chance or the clock."""
    record = fields_of(wire.simulator.engine.provider.record)
    own = [n for n, field in record.items() if field.marker.access not in ("key", "read_only")]
    return [
        json.dumps({name: each.row[name] for name in own}, sort_keys=True)
        for each in wire.simulator.engine.contacts
        if not each.deleted
    ]


def writes(wire: Wire) -> int:
    return sum(each.writes for each in wire.simulator.engine.contacts)


def may_repeat(endpoint: Endpoint, requests: list[httpx.Request]) -> bool:
    """Whether a write in doubt may be sent again."""
    return endpoint.keyed or endpoint.is_repeatable(json.loads(requests[0].content or b"{}"))


# One fault at a time


@pytest.mark.parametrize(("name", "verb"), READS)
@pytest.mark.parametrize("fault", [*HARMLESS, *PASSING], ids=str)
def test_read_survives_a_passing_fault(name, verb, fault):
    call, *_ = run_under(name, verb, fault)
    expected, *_ = undisturbed(name, verb)
    assert call.frame is not None and expected.frame is not None
    assert_frame_equal(call.frame, expected.frame)
    hit = fault in PASSING and applies_to(fault[0], find(name).endpoint(verb))
    assert len(call.requests) == 1 + hit
    assert not call.warnings


@pytest.mark.parametrize(("name", "verb"), WRITES)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_write_is_reported_as_what_happened(name, verb, fault):
    endpoint = find(name).endpoint(verb)
    call, before, after, count = run_under(name, verb, fault)
    _, _, expected_rows, expected_writes = undisturbed(name, verb)
    if call.error is None:
        assert after == expected_rows
    elif call.refused:
        assert (after, count) == (before, 0)
    else:
        assert after in (before, expected_rows)
    if endpoint.keyed or not may_repeat(endpoint, call.requests):
        assert count <= expected_writes


@pytest.mark.parametrize(("name", "verb"), WRITES)
@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_write_is_repeated_when_safe_and_in_doubt_otherwise(name, verb, fault):
    call, *_ = run_under(name, verb, fault)
    endpoint = find(name).endpoint(verb)
    if fault[0] == "rate_limited" or may_repeat(endpoint, call.requests):
        assert call.frame is not None
        assert call.frame["attempts"].to_list() == [2]
        assert call.frame["outcome"][0] in ("created", "updated", "deleted")
        assert len(call.requests) == 2
    else:
        assert isinstance(call.error, ck.TransportError | ck.ServerError)
        assert not call.refused
        assert len(call.requests) == 1


@pytest.mark.parametrize(("name", "verb"), WRITES)
@pytest.mark.parametrize("fault", HARMLESS, ids=str)
def test_slow_write_is_written_once(name, verb, fault):
    call, *_, count = run_under(name, verb, fault)
    _, *_, expected_writes = undisturbed(name, verb)
    assert call.frame is not None
    assert call.frame["attempts"].to_list() == [1]
    assert count == expected_writes


@pytest.mark.parametrize(("name", "verb"), VERBS)
def test_html_page_is_an_undocumented_answer(name, verb):
    call, *_ = run_under(name, verb, ("html", {}), times=9)
    assert isinstance(call.error, ck.ApiError)
    assert call.error.problem.code == "undocumented"
    assert len(call.requests) == 1


@pytest.mark.parametrize(("name", "verb"), VERBS)
def test_refusal_with_status_200_is_final(name, verb):
    call, before, after, _ = run_under(name, verb, ("unsuccessful", {}), times=9)
    assert isinstance(call.error, ck.ApiError)
    assert call.refused
    assert before == after
    assert len(call.requests) == 1


WAYS = [(name, verb, way) for name, verb in VERBS for way in find(name).auth]


@pytest.mark.parametrize(("name", "verb", "way"), WAYS, ids=lambda each: type(each).__name__)
def test_expired_key_is_refused_and_expired_token_renewed(name, verb, way):
    wire = Wire()
    client = connect_with(name, wire, way)
    client.contacts.get(EXAMPLES[name].key)
    renewed = isinstance(way, ClientCredentials)
    wire.simulator.fault("expired_token", times=1 if renewed else 9)
    args, fields = arguments(name, find(name).endpoint(verb))
    before = rows(wire)
    call = attempt(client, wire, verb, *args, **fields)
    if renewed:
        assert call.frame is not None
        assert len(call.requests) == 2
    else:
        assert isinstance(call.error, ck.AuthenticationError)
        assert len(call.requests) == 1
        assert rows(wire) == before


def connect_with(name: str, wire: Wire, way: Auth) -> ck.Client:
    """A client that authenticates in this way."""
    ck.connect(name, via=wire)
    wanted = {credential.name for credential in way.credentials}
    accounts = wire.simulator.accounts.values()
    return ck.connect(
        name, via=wire, **next(account for account in accounts if wanted == set(account))
    )


# Waiting


@pytest.mark.parametrize("kind", ["rate_limited", "server_error"])
def test_retry_after_is_obeyed(name, example, kind):
    wire = Wire()
    client = ck.connect(name, via=wire)
    wire.simulator.fault(kind, retry_after=90)
    start = wire.clock.now()
    assert len(client.contacts.get(example.key)) == 1
    assert 90 <= wire.clock.now() - start < 91


@pytest.mark.parametrize("kind", ["rate_limited", "server_error"])
def test_retry_after_beyond_patience_fails_at_once_with_resume_at(name, example, kind):
    wire = Wire()
    client = ck.connect(name, via=wire)
    wire.simulator.fault(kind, retry_after=4000)
    start = wire.clock.now()
    with pytest.raises(ck.RateLimitError if kind == "rate_limited" else ck.ServerError):
        client.contacts.get(example.key)
    with pytest.raises(ck.RateLimitError) as caught:
        client.contacts.get(example.key)
    assert caught.value.resume_at.timestamp() == start + 4000
    assert wire.clock.now() == start
    assert len([each for each in wire.requests if each.url.path.endswith(example.key)]) == 1


# Listings that shift


def wire_of_several_pages(name: str) -> Wire:
    return Wire(ck.Simulator(contacts=2 * find(name).paging.largest + 10, seed=3))


def keys(name: str, people: pd.DataFrame) -> list[str]:
    return people[key_of(find(name).record).name].to_list()


@pytest.mark.parametrize("times", [{"times": 1}, {"times": 3}, {"probability": 0.5, "seed": 2}])
def test_list_drops_a_duplicated_row(name, times):
    wire = wire_of_several_pages(name)
    client = ck.connect(name, via=wire)
    everyone = keys(name, client.contacts.list())
    wire.simulator.fault("duplicated_row", **times)
    listed = keys(name, client.contacts.list())
    assert len(listed) == len(set(listed))
    assert set(listed) == set(everyone)


@pytest.mark.parametrize("times", [{"times": 1}, {"times": 2}, {"probability": 0.5, "seed": 2}])
def test_list_warns_if_a_deleted_row_may_hide_others(name, times):
    wire = wire_of_several_pages(name)
    client = ck.connect(name, via=wire)
    everyone = set(keys(name, client.contacts.list()))
    wire.simulator.fault("deleted_row", **times)
    call = attempt(client, wire, "list")
    wire.simulator.faults.clear()
    assert call.frame is not None
    stayed = everyone & set(keys(name, client.contacts.list()))
    assert stayed < everyone
    missing = stayed - set(keys(name, call.frame))
    assert not missing or "some may be missing" in " ".join(call.warnings)


# Sync and async clients


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_sync_and_async_clients_report_a_fault_alike(name, fault):
    async def awaited(verb: str, *args: Any, **fields: Any) -> pd.DataFrame:
        return await getattr(other.aio.contacts, verb)(*args, **fields)

    wires = Wire(), Wire()
    client, other = (ck.connect(name, via=wire) for wire in wires)
    for verb in ("list", "get", "update", "create"):
        for wire in wires:
            wire.simulator.fault(fault[0], **fault[1])
        args, fields = arguments(name, find(name).endpoint(verb))
        call = attempt(client, wires[0], verb, *args, **fields)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                frame = asyncio.run(awaited(verb, *args, **fields))
            except ck.ContactKitError as error:
                assert type(error) is type(call.error)
            else:
                assert call.frame is not None
                for column in {"attempts", "outcome"} & set(frame):
                    assert frame[column].to_list() == call.frame[column].to_list()
        assert rows(wires[0]) == rows(wires[1])
        for wire in wires:
            wire.simulator.faults.clear()


# Any faults, any operations


def unique_values(name: str, wire: Wire, index: int) -> dict[str, Any]:
    """The unique values of a contact that does not exist yet, for `create`."""
    declared, values = find(name).record, EXAMPLES[name].create
    record = fields_of(declared)
    texts = {"phone": phone(70_000 + index), "email": f"new{index}@example.com"}
    unique = {field.name for field in (*unique_fields(declared), key_of(declared))}
    return {
        field: texts.get(record[field].marker.personal, f"{value}-{index}")
        for field, value in values.items()
        if field in unique
    }


def holders(wire: Wire, unique: Options) -> list[Any]:
    """The stored contacts with one of these values, deleted ones included."""
    stored = wire.simulator.engine.contacts
    return [each for each in stored if any(each.row[n] == v for n, v in unique.items())]


@settings(max_examples=examples(40))
@given(
    faults=st.lists(
        st.tuples(st.sampled_from(FAULTS), st.sampled_from([0.2, 0.5, 1.0]), st.integers(0, 99)),
        min_size=1,
        max_size=4,
    ),
    verbs=st.lists(
        st.sampled_from(["list", "get", "create", "update", "delete"]), min_size=1, max_size=8
    ),
)
@pytest.mark.parametrize("name", names())
def test_any_sequence_of_faults_writes_each_reported_write_once(name, faults, verbs):
    wire = Wire(ck.Simulator(contacts=4, seed=1))
    client = ck.connect(name, via=wire)
    for (kind, options), probability, seed in faults:
        wire.simulator.fault(kind, probability=probability, seed=seed, **options)
    created: list[Options] = []
    for index, verb in enumerate(verbs):
        endpoint = find(name).endpoint(verb)
        args, fields = arguments(name, endpoint)
        unique = unique_values(name, wire, index) if verb == "create" else {}
        before = writes(wire)
        call = attempt(client, wire, verb, *args, **fields | unique)
        count = writes(wire) - before
        if not endpoint.effect:
            assert call.frame is None or verb == "get" or has_unique_keys(name, call.frame)
            continue
        assert not (call.refused and count)
        if call.requests and (endpoint.keyed or not may_repeat(endpoint, call.requests)):
            assert count <= 1
        if call.frame is not None:
            assert 1 <= count <= call.frame["attempts"][0]
            assert is_stored(wire, verb, call.frame, fields)
        if verb == "create":
            assert len(holders(wire, unique)) == (1 if call.frame is not None else count)
            created += [unique] if call.frame is not None else []
    for unique in created:
        (stored,) = holders(wire, unique)
        assert stored.writes - stored.deleted == 1


def has_unique_keys(name: str, people: pd.DataFrame) -> bool:
    return people[key_of(find(name).record).name].is_unique


def is_stored(wire: Wire, verb: str, result: pd.DataFrame, fields: Options) -> bool:
    """Whether the contact of a result row is stored as the row reports."""
    record = fields_of(wire.simulator.engine.provider.record)
    stored = wire.simulator.engine.contacts.find(result["key"][0])
    if stored is None or verb == "delete":
        return stored is None and result["outcome"][0] == "deleted"
    plain = [n for n in fields if record[n].kind in ("boolean", "category")]
    written = result["outcome"][0] in ("created", "updated")
    return written and all(stored.row[n] == fields[n] for n in plain)
