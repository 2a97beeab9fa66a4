"""The vocabulary read both ways: paging, envelopes and error shapes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._providers import find, names
from contactkit.errors import ConflictError, FieldProblem, Problem, RateLimitError, ServerError
from contactkit.spec.provider import Envelope, as_list, as_object

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)

JSON_VALUES = st.none() | st.integers() | st.text() | st.lists(st.integers())


@given(st.lists(st.text(), max_size=4), JSON_VALUES)
def test_envelope_pick_reads_what_put_wrote(path: list[str], value: Any) -> None:
    assert Envelope.pick(Envelope.put({}, path, value), path) == value


def test_envelope_places_are_independent(name: str) -> None:
    provider = find(name)
    envelope = provider.envelope
    rows, info = provider.paging.cut([{"id": "1"}], {}, 20)
    body = envelope.put({}, envelope.many, rows)
    for place, value in info.items():
        body = envelope.put(body, place, value)
    if envelope.seal and isinstance(body, dict):
        envelope.seal(body, "req_1", NOW)
    assert envelope.pick(body, envelope.many) == [{"id": "1"}]
    for place, value in info.items():
        assert envelope.pick(body, place).items() >= value.items()


@pytest.mark.parametrize("body", [None, [], "text", {}, {"data": None}, {"data": []}])
def test_envelope_pick_of_a_missing_place_raises_lookup_error(body: Any) -> None:
    with pytest.raises(LookupError, match=r"data\.contacts"):
        Envelope.pick(body, ("data", "contacts"))


def test_as_object_and_as_list_of_other_types_are_empty() -> None:
    assert (as_object([]), as_list({}), as_object({"a": 1}), as_list([1])) == (
        {},
        [],
        {"a": 1},
        [1],
    )


TEXT = st.text(min_size=1)
SENT_FIELDS = st.dictionaries(TEXT, st.lists(TEXT, min_size=1, max_size=3), max_size=3).map(
    lambda found: tuple(
        FieldProblem(field=name, message=message)
        for name, messages in found.items()
        for message in messages
    )
)
FIELDS = st.lists(st.builds(FieldProblem, field=st.text(), message=TEXT), max_size=3).map(tuple)
# A refusal of the whole record names `base`.
PRIVY_FIELDS = st.lists(st.builds(FieldProblem, field=TEXT, message=TEXT), max_size=3).map(tuple)

# What each provider's refusals carry besides a code; a provider not named carries a message.
CARRIED: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "sent": {"message": TEXT, "fields": SENT_FIELDS, "request_id": st.text(), "docs": TEXT},
    "privy": {"message": st.text(), "fields": PRIVY_FIELDS, "existing_key": st.text()},
    "digital_onboarding": {"message": TEXT, "fields": FIELDS},
}
CODELESS = {"sendblue"}
CODE_ALONE = {"invalid_client", "invalid_scope"}


@pytest.mark.parametrize("name", names())
@given(data=st.data())
def test_error_shape_reads_what_it_wrote(name: str, data: st.DataObject) -> None:
    shape, carried = find(name).errors, CARRIED.get(name, {"message": TEXT})
    problem = data.draw(st.builds(Problem, **carried))
    for code in shape.catalogue:
        names = {n for n in carried if n != "existing_key" or code == "conflict"}
        known = {"code": code} | (
            {} if code in CODE_ALONE else {n: getattr(problem, n) for n in names}
        )
        written = Problem(**known)
        body = json.loads(json.dumps(shape.write(written, NOW)))
        found = shape.read(body)
        assert found
        plain = tuple(replace(field, code="") for field in found.fields)
        expected = written if found.code else replace(written, code="")
        assert replace(found, fields=plain) == expected
        assert bool(found and found.code) is (name not in CODELESS)


@given(key=TEXT)
def test_privy_existing_key_is_read_from_a_conflict_only(key: str) -> None:
    shape = find("privy").errors
    assert {"conflict", "not_found"} <= set(shape.catalogue)
    for code in (*shape.catalogue, "", "unheard_of"):
        details = [{"id": key, "message": "m"}]
        for body in (
            {"error": {"code": code, "id": key}},
            {"error": {"code": code, "details": details}},
            {"error": {"code": code}, "data": {"contact_id": key}},
        ):
            found = shape.read(json.loads(json.dumps(body)))
            assert found is not None
            assert (found.code, found.existing_key) == (code, key if code == "conflict" else "")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        5,
        {},
        {"data": {"id": "1"}},
        {"data": []},
        {"error": None},
        {"data": {"id": "1"}, "error": None},
    ],
)
def test_error_shape_reads_no_refusal_in_other_bodies(name: str, body: Any) -> None:
    assert find(name).errors.read(body) is None


def test_error_shape_reads_no_refusal_in_a_sealed_answer(name: str) -> None:
    provider = find(name)
    body = Envelope.put({}, provider.envelope.one, {"id": "1"})
    if provider.envelope.seal:
        provider.envelope.seal(body, "req_1", NOW)
    assert provider.errors.read(body) is None


@pytest.mark.parametrize(
    "error", [None, [], "text", 5, {}, {"code": None}, {"details": "x"}, {"details": [5, None, {}]}]
)
def test_error_shape_reads_a_malformed_refusal(name: str, error: Any) -> None:
    shape = find(name).errors
    for body in ({"error": error}, {"success": False, "error": error, "meta": []}):
        assert isinstance(shape.read(body), Problem | None)


def test_catalogue_statuses_fit_their_error_classes(name: str) -> None:
    for code, (status, kind) in find(name).errors.catalogue.items():
        assert 400 <= status < 600, code
        assert issubclass(kind, ServerError) == (status >= 500), code
        assert issubclass(kind, RateLimitError) == (status == 429), code
        assert issubclass(kind, ConflictError) == (status == 409), code


def test_endpoint_is_found_by_verb(name: str) -> None:
    provider = find(name)
    for endpoint in provider.endpoints:
        assert provider.endpoint(endpoint.verb) is endpoint
    with pytest.raises(LookupError, match="fly"):
        provider.endpoint("fly")


def test_endpoint_match_gives_the_key_and_ignores_the_base_path() -> None:
    get, count = (find("sendblue").endpoint(verb) for verb in ("get", "count"))
    found = get.match("/proxy/api/v2/contacts/%2B12025550123")
    assert found and (found["key"], found.start()) == ("%2B12025550123", len("/proxy"))
    assert count.match("/api/v2/contacts/count")
    for path in ("/api/v2/contacts/", "/api/v2/contacts/a/b", "/api/v2/contacts/a\n/"):
        assert get.match(path) is None, path


def test_scopes_are_collected_from_endpoints() -> None:
    assert find("privy").scopes == ("contacts_read", "contacts_write")
    assert find("sent").scopes == ()
