"""What holds for every provider, from its declaration alone."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import httpx
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import contactkit as ck
from contactkit._frames.frame import RESULT_COLUMNS, dtype_of
from contactkit._providers import find, names
from contactkit.spec.outcome import Outcome
from contactkit.spec.paging import PageNumbers
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import check, writable_fields
from tests.support.examples import examples
from tests.support.providers import EXAMPLES, NOTICE, Example, Noticed, Wire, loses, says, then_says

REFUSING = pytest.mark.parametrize("name", [n for n in names() if EXAMPLES[n].refused])
CHANCE = ["idempotency_key", "elapsed_ms", "at"]


def declared_dtypes(name: str) -> dict[str, Any]:
    return {field.name: dtype_of(field) for field in fields_of(find(name).record).values()}


def quietly(verb: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return verb(*args, **kwargs)


def delete(client: ck.Client, key: str) -> pd.DataFrame:
    confirm = {"confirm": True} if client._session.provider.endpoint("delete").confirm else {}
    return quietly(client.contacts.delete, key, **confirm)


# Reading


def test_list_has_the_declared_columns_and_every_contact(client, wire, name):
    people = client.contacts.list()
    assert people.dtypes.to_dict() == declared_dtypes(name)
    visible = wire.simulator.state().query("not deleted")
    assert set(people.iloc[:, 0]) <= set(visible.iloc[:, 0])
    assert len(people) == 8


def test_empty_list_has_the_same_columns(name):
    client = ck.connect(name, via=ck.Simulator(contacts=0))
    assert client.contacts.list().dtypes.to_dict() == declared_dtypes(name)


def test_list_reads_every_page(name):
    size = find(name).paging.largest
    client = ck.connect(name, via=ck.Simulator(contacts=5 * size // 2))
    pages = list(client.contacts.pages())
    assert [len(page) <= size for page in pages] == [True] * 3
    assert sum(map(len, pages)) == 5 * size // 2
    assert_frame_equal(client.contacts.list(), pd.concat(pages, ignore_index=True))


def test_list_warns_when_the_limit_cuts(name):
    client = ck.connect(name, via=ck.Simulator(contacts=250))
    with pytest.warns(ck.ContactKitWarning, match=r"cut at 120( of 250|; .* more)") as caught:
        assert len(client.contacts.list(limit=120)) == 120
    assert caught[0].filename == __file__
    assert len(client.contacts.list(limit=250)) == 250
    assert len(client.contacts.list(limit=900)) == 250


@pytest.mark.parametrize("limit", [0, -1, True])
def test_invalid_limit_is_refused(client, wire, limit):
    with pytest.raises(ck.InvalidInputError, match="limit"):
        client.contacts.list(limit=limit)
    assert not wire.requests


def test_list_filters_at_the_provider(client, example):
    (column, value), *_ = example.filter.items()
    people = client.contacts.list(**example.filter)
    assert 0 < len(people) < 8
    if column in people:
        assert (people[column] == value).all()


@pytest.mark.parametrize("name", [n for n in names() if isinstance(find(n).paging, PageNumbers)])
def test_list_drops_a_row_on_two_pages_and_warns(name):
    wire = Wire(ck.Simulator(contacts=150))
    client = ck.connect(name, via=wire)

    def shifted(request: httpx.Request, answer: Any) -> httpx.Response:
        response = answer(request)
        # A place before all others.
        wire.simulator.engine.contacts._places = iter([-1])
        wire.simulator.put(**EXAMPLES[name].create)
        return response

    wire.faults = [shifted]
    with pytest.warns(ck.ContactKitWarning, match="changed while it was read"):
        people = client.contacts.list()
    assert people.iloc[:, 0].is_unique
    assert len(people) == 150


def test_endless_list_is_abandoned(name):
    size = find(name).paging.largest
    wire = Wire(ck.Simulator(contacts=2 * size))
    client = ck.connect(name, via=wire)
    first: list[httpx.Response] = []

    def again(request: httpx.Request, answer: Any) -> httpx.Response:
        first.append(answer(request))
        return httpx.Response(200, content=first[0].content, headers=first[0].headers)

    wire.faults = [again] * 50
    with pytest.warns(ck.ContactKitWarning, match="returned none|changed while it"):
        assert len(client.contacts.list()) == size
    assert len(wire.requests) < 4


def test_get_returns_the_row_of_list(client, example):
    people = client.contacts.list()
    row = people[people.iloc[:, 0] == example.key].reset_index(drop=True)
    own = people.columns.difference(example.unlisted, sort=False)
    assert_frame_equal(client.contacts.get(example.key)[own], row[own])


def test_attrs_name_the_source_and_hold_no_secret(client, name, example):
    attrs = client.contacts.get(example.key).attrs
    assert attrs["provider"] == name
    assert attrs["world"] == "wire"
    assert attrs["at"].startswith("2026-")
    assert not set(client._session.secrets) & set(map(str, attrs.values()))


def test_frames_hold_the_notice_of_their_world(name, example):
    contacts = ck.connect(name, via=Noticed()).contacts
    read = [contacts.list(), next(contacts.pages()), contacts.get(example.key)]
    assert all((f.attrs["world"], f.attrs["notice"]) == ("simulator", NOTICE) for f in read)
    written = [contacts.create(**example.create), contacts.update(example.key, **example.update)]
    writing = {v: call for v, call in example.others.items() if find(name).endpoint(v).effect}
    written += [getattr(contacts, v)(*a, **fields) for v, (a, fields) in writing.items()]
    assert pd.concat(written).attrs == {"world": "simulator", "notice": NOTICE}


def test_frames_hold_no_notice_without_one(client, example):
    assert "notice" not in client.contacts.get(example.key).attrs
    assert client.contacts.update(example.key, **example.update).attrs == {"world": "wire"}


# Writing


def test_create_is_written_and_read_back(client, wire, name, example):
    result = client.contacts.create(**example.create)
    assert result.dtypes.to_dict() == {
        k: pd.Series(dtype=v).dtype for k, v in RESULT_COLUMNS.items()
    }
    assert result["outcome"][0] == "created"
    row = client.contacts.get(result["key"][0])
    for field, value in example.create.items():
        assert row[field][0] == value
    state = wire.simulator.state()
    assert state.loc[state.iloc[:, 0] == result["key"][0], "writes"].item() == 1


def test_update_changes_only_the_given_fields(client, example):
    before = client.contacts.get(example.key)
    result = client.contacts.update(example.key, **example.update)
    after = client.contacts.get(example.key)
    assert result["outcome"][0] == "updated"
    assert result["changed"][0] == list(example.update)
    changed = [c for c in before if not before[c].equals(after[c])]
    assert set(changed) == {*example.update} | ({"updated_at"} & {*before.columns})


def test_update_by_row_records_before_and_unchanged(client, example):
    row = client.contacts.get(example.key)
    result = client.contacts.update(row, **example.update)
    assert result["outcome"][0] == "updated"
    assert result["before"][0][key_of(find(result["provider"][0]).record).name] == example.key
    again = client.contacts.update(client.contacts.get(example.key), **example.update)
    assert again["outcome"][0] == "unchanged"
    people = client.contacts.list()
    (row,) = [row for _, row in people.iterrows() if row.iloc[0] == example.key]
    assert client.contacts.update(row, **example.update)["key"].item() == example.key


def test_key_of_several_rows_is_refused(client, wire):
    people = client.contacts.list()
    wire.requests.clear()
    with pytest.raises(ck.InvalidInputError, match="must be one row, not a frame of 8"):
        client.contacts.get(people)
    for several in (people, list(people.iloc[:, 0])):
        with pytest.raises(ck.InvalidInputError, match=r"must be one .*; plan\(\) changes many"):
            client.contacts.update(several)
    assert not wire.requests


def test_deleted_contact_is_not_found(client, example):
    result = delete(client, example.key)
    assert result["outcome"][0] == "deleted"
    with pytest.raises(ck.NotFoundError):
        client.contacts.get(example.key)
    assert example.key not in set(client.contacts.list().iloc[:, 0])


def test_outcome_is_a_category_of_all_outcomes(client, example):
    result = client.contacts.update(example.key, **example.update)
    assert list(result["outcome"].cat.categories) == [*Outcome]


def test_sync_and_async_clients_give_equal_frames_for_every_verb(name, example):
    def sync_frames() -> list[pd.DataFrame]:
        client = ck.connect(name, via=ck.Simulator(contacts=120, seed=3))
        frames = [*client.contacts.pages(), client.contacts.list(**example.filter)]
        for verb, key, fields in calls_of_every_verb(name, example):
            frames.append(quietly(getattr(client.contacts, verb), *key, **fields))
        return frames

    async def async_frames() -> list[pd.DataFrame]:
        client = ck.connect(name, via=ck.Simulator(contacts=120, seed=3)).aio
        frames = [page async for page in client.contacts.pages()]
        frames.append(await client.contacts.list(**example.filter))
        for verb, key, fields in calls_of_every_verb(name, example):
            frames.append(await quietly(getattr(client.contacts, verb), *key, **fields))
        return frames

    for one, other in zip(sync_frames(), asyncio.run(async_frames()), strict=True):
        same = [column for column in one if column not in CHANCE]
        assert_frame_equal(one[same], other[same])


def calls_of_every_verb(name: str, example: Example) -> list[Any]:
    """A call of every verb: its name, its arguments; texts come first, the deletion last."""
    fields = {"create": example.create, "update": example.update}
    verbs = [endpoint for endpoint in find(name).endpoints if endpoint.answer != "page"]
    verbs.sort(key=lambda endpoint: (endpoint.effect == "delete", not endpoint.texts))
    usual = {
        endpoint.verb: (
            (example.key,) if endpoint.takes_key else (),
            {**fields.get(endpoint.verb, {}), **({"confirm": True} if endpoint.confirm else {})},
        )
        for endpoint in verbs
    }
    return [(verb, *call) for verb, call in (usual | dict(example.others)).items()]


async def test_sync_client_works_in_a_running_loop(client, example):
    assert asyncio.get_running_loop().is_running()
    assert len(client.contacts.get(example.key)) == 1
    assert len(await client.aio.contacts.get(example.key)) == 1


async def test_sync_and_async_clients_share_one_budget(name, wire, example):
    client = ck.connect(name, via=wire, rate_limit="200/minute")
    client.contacts.get(example.key)
    await client.aio.contacts.get(example.key)
    assert "198 of 200 requests left" in repr(client)


# Refusals before anything is sent

BAD_KEYS = ["", "a/b", "..", ".", "a?b", "a b", "zoë", "a#b", "a%2fb", None, float("nan"), pd.NA]


def test_key_that_could_change_the_path_is_refused(client, wire, example):
    for key in BAD_KEYS:
        with pytest.raises(ck.InvalidInputError, match="key"):
            client.contacts.get(key)
        with pytest.raises(ck.InvalidInputError, match="key"):
            client.contacts.update(key, **example.update)
    assert not wire.requests


def test_unknown_field_suggests_the_nearest(client, wire, example):
    (field, value), *_ = example.update.items()
    with pytest.raises(ck.InvalidInputError, match=f"did you mean '{field}'"):
        client.contacts.update(example.key, **{f"{field}s": value})
    with pytest.raises(ck.InvalidInputError, match="did you mean"):
        client.contacts.list(**{f"{next(iter(example.filter))}s": value})
    assert not wire.requests


def test_read_only_field_is_refused(client, wire, name, example):
    for field in fields_of(find(name).record).values():
        if field.marker.access in ("read_only", "key"):
            with pytest.raises(ck.InvalidInputError, match=rf"{field.name}: .*(read-only|key)"):
                client.contacts.update(example.key, **{field.name: "x"})
    assert not wire.requests


def test_update_without_changes_is_refused(client, wire, example):
    for changes in ({}, dict.fromkeys(example.update, pd.NA)):
        with pytest.raises(ck.InvalidInputError, match="nothing to change"):
            client.contacts.update(example.key, **changes)
    assert not wire.requests


def test_option_that_the_provider_lacks_is_refused(client, wire, name, example):
    for option, offered in [("dry_run", True), ("idempotency_key", "k1")]:
        if not getattr(
            find(name).endpoint("update"), {"idempotency_key": "keyed"}.get(option, option)
        ):
            with pytest.raises(ck.InvalidInputError, match=option):
                client.contacts.update(example.key, **example.update, **{option: offered})
    assert not wire.requests


@REFUSING
def test_change_that_the_row_rules_out_is_refused_without_a_request(client, wire, example):
    key, change = example.refused
    row = client.contacts.get(key)
    wire.requests.clear()
    with pytest.raises(ck.InvalidInputError):
        client.contacts.update(row, **change)
    assert not wire.requests


# Refusals by the provider


@REFUSING
def test_documented_refusal_is_a_typed_error_and_writes_nothing(client, wire, example):
    key, change = example.refused
    with pytest.raises(ck.InvalidRequestError) as caught:
        client.contacts.update(key, **change)
    problem = caught.value.problem
    assert problem.status in (400, 422)
    assert problem.code and problem.message and problem.request_id and problem.docs
    state = wire.simulator.state()
    assert state["writes"].sum() == 0


def test_unknown_contact_is_not_found(client, example):
    unknown = example.unknown
    for verb in (client.contacts.get, lambda k: client.contacts.update(k, **example.update)):
        with pytest.raises(ck.NotFoundError):
            verb(unknown)


def test_duplicate_is_a_conflict_after_one_request(client, wire, example):
    client.contacts.create(**example.create)
    wire.requests.clear()
    with pytest.raises(ck.ConflictError):
        client.contacts.create(**example.create)
    assert len(wire.requests) == 1


def test_authentication_error_does_not_show_the_credential(name):
    wrong = {each.name: "canary-4f1d" for each in find(name).auth[0].credentials}
    client = ck.connect(name, via=ck.Simulator(), **wrong)
    with pytest.raises(ck.AuthenticationError) as caught:
        client.contacts.list()
    assert "canary" not in str(caught.value) + repr(caught.value) + repr(client)
    assert "canary" not in client._repr_html_()


WRONG_ANSWERS = {
    "html": says(200, "<html>canary-4f1d</html>", "text/html"),
    "empty": says(200),
    "truncated": says(200, '{"data": {"id": "x"'),
    "wrong type": says(200, '{"data": {}}', "text/plain"),
    "not an object": says(200, '"text"'),
    "no contact": says(200, '{"success": true, "data": null}'),
    "redirect": says(302, "{}", Location="https://example.com/"),
}


@pytest.mark.parametrize("fault", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_undocumented_answer_is_an_api_error(name, wire, example, fault):
    client = ck.connect(name, via=wire)
    for verb in (lambda: client.contacts.get(example.key), client.contacts.list):
        wire.faults = [fault]
        with pytest.raises(ck.ApiError) as caught:
            verb()
        assert caught.value.problem.code == "undocumented"
        assert caught.value.problem.status in (200, 302)


STATUSES = {
    400: ck.InvalidRequestError,
    401: ck.AuthenticationError,
    403: ck.PermissionDeniedError,
    404: ck.NotFoundError,
    409: ck.ConflictError,
    418: ck.InvalidRequestError,
    422: ck.InvalidRequestError,
    429: ck.RateLimitError,
    500: ck.ServerError,
    503: ck.ServerError,
}


@pytest.mark.parametrize(("status", "error"), STATUSES.items())
def test_refusal_is_typed_by_its_status(name, wire, example, status, error):
    for content in (b"", b"<h1>no</h1>", b'{"a": 1}', b'{"error": {"code": "NEW"}}'):
        client = ck.connect(name, via=wire)
        wire.faults = [says(status, content)] * 9
        with pytest.raises(error) as caught:
            client.contacts.get(example.key)
        assert type(caught.value) is error
        assert caught.value.problem.status == status
        wire.faults.clear()


# What is repeated, and what is not

LOST_BEFORE = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]
LOST_AFTER = [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError]


@pytest.mark.parametrize("error", [*LOST_BEFORE, *LOST_AFTER])
def test_lost_read_is_repeated(client, wire, example, error):
    wire.faults = [loses(error, after=False)] * 2
    assert len(client.contacts.get(example.key)) == 1
    assert len(wire.requests) == 3


@pytest.mark.parametrize("error", [*LOST_BEFORE, *LOST_AFTER])
def test_transport_error_says_whether_the_request_was_sent(client, wire, example, error):
    wire.faults = [loses(error, after=False)] * 99
    with pytest.raises(ck.TransportError) as caught:
        client.contacts.get(example.key)
    assert caught.value.sent is (error in LOST_AFTER)
    assert f" at {client._session.base_url}; " in str(caught.value)
    assert len(wire.requests) == 4


@pytest.mark.parametrize("fault", [loses(httpx.ReadTimeout, after=True), then_says(500)])
def test_create_in_doubt_is_repeated_only_under_an_idempotency_key(
    client, wire, name, example, fault
):
    wire.faults = [fault]
    keyed = find(name).endpoint("create").keyed
    if keyed:
        result = client.contacts.create(**example.create)
        assert result["attempts"][0] == 2
        assert result["outcome"][0] == "created"
    else:
        with pytest.raises((ck.TransportError, ck.ServerError)):
            client.contacts.create(**example.create)
        assert len(wire.requests) == 1
    assert wire.simulator.state()["writes"].sum() == 1


def test_create_that_was_not_sent_is_repeated(client, wire, example):
    wire.faults = [loses(httpx.ConnectError, after=False)]
    result = client.contacts.create(**example.create)
    assert (result["attempts"][0], result["outcome"][0]) == (2, "created")


@pytest.mark.parametrize("name", [each for each in names() if find(each).idempotency])
def test_attempts_share_one_idempotency_key(client, wire, name, example):
    header = find(name).idempotency.header
    wire.faults = [loses(httpx.ReadTimeout, after=True)] * 2
    result = client.contacts.update(example.key, **example.update)
    keys = {request.headers[header] for request in wire.requests}
    assert keys == {result["idempotency_key"][0]}
    assert wire.simulator.state()["writes"].sum() == 1


def test_refused_repeat_leaves_a_write_in_doubt(client, wire, example):
    wire.faults = [loses(httpx.ReadTimeout, after=True), says(404, "{}")]
    with pytest.raises(ck.TransportError) as caught:
        client.contacts.update(example.key, **example.update)
    assert caught.value.sent
    assert "may have been carried out" in str(caught.value)


def test_delete_in_doubt_is_never_repeated(client, wire, example):
    # It is read before it is deleted: by a repeat, it may have opted out.
    wire.faults = [None, loses(httpx.ReadTimeout, after=True)]
    with pytest.raises(ck.TransportError) as caught:
        delete(client, example.key)
    assert caught.value.sent
    assert [request.method for request in wire.requests] == ["GET", "DELETE"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_refusal_is_never_repeated(client, wire, example, status):
    wire.faults = [says(status, "{}")] * 9
    with pytest.raises(ck.ApiError):
        client.contacts.update(example.key, **example.update)
    assert len(wire.requests) == 1


def test_long_retry_after_is_obeyed(name, wire, example):
    client = ck.connect(name, via=wire, patience=10_000)
    start = wire.clock.now()
    wire.faults = [says(429, "{}", Retry_After="4000")]
    client.contacts.get(example.key)
    assert wire.clock.now() - start >= 4000
    assert len(wire.requests) == 2


def test_retry_after_beyond_patience_raises_with_resume_at(client, wire, example):
    start = wire.clock.now()
    wire.faults = [says(429, "{}", Retry_After="4000")]
    with pytest.raises(ck.RateLimitError) as caught:
        client.contacts.get(example.key)
    assert caught.value.resume_at.timestamp() == start + 4000
    assert wire.clock.now() == start
    with pytest.raises(ck.RateLimitError, match="the rate limit is used up for 4000 s") as caught:
        client.contacts.get(example.key)
    assert caught.value.resume_at.timestamp() == start + 4000
    assert len(wire.requests) == 1


@pytest.mark.parametrize("name", [n for n in names() if find(n).limits])
def test_declared_rate_limit_is_never_exceeded(name, wire, example):
    limit = find(name).limits[0].requests
    client = ck.connect(name, via=wire)
    statuses: list[int] = []
    wire.faults = [lambda request, answer: record_status(statuses, answer(request))] * 1000
    for _ in range(2 * limit + 5):
        client.contacts.get(example.key)
    assert set(statuses) == {200}
    assert len(statuses) == 2 * limit + 5


def record_status(statuses: list[int], response: httpx.Response) -> httpx.Response:
    statuses.append(response.status_code)
    return response


def test_rate_limit_of_the_caller_is_obeyed(name, wire, example):
    client = ck.connect(name, via=wire, rate_limit=["3/minute", "1000/day"])
    start = wire.clock.now()
    for _ in range(4):
        client.contacts.get(example.key)
    assert 60 <= wire.clock.now() - start < 65


# Client and simulator read the same declaration

JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.text(max_size=8),
    st.sampled_from(["subscribed", "pending", "sms", "whatsapp", "+12125550150", "a@example.com"]),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.lists(st.none())), max_size=2),
)


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_client_and_simulator_refuse_the_same_updates(name, data):
    provider = find(name)
    simulator = ck.Simulator(contacts=3)
    endpoint = provider.endpoint("update")
    fields = [*writable_fields(provider, endpoint), *fields_of(provider.record)]
    changes = data.draw(st.dictionaries(st.sampled_from(fields), JSON_VALUES, min_size=1))
    client = ck.connect(name, via=simulator)
    row = client.contacts.get(EXAMPLES[name].key)
    current = simulator.engine.contacts.find(EXAMPLES[name].key).row
    rules = simulator.engine.rules
    own = writable_fields(provider, endpoint)
    values = {n: v for n, v in changes.items() if v is not None or not rules.null_is_absent}
    if rules.allows_unchanged:
        values = {n: v for n, v in values.items() if n in own or v != current.get(n, changes)}
    problems = check(provider, endpoint, values, current).problems
    refused = any(each.code != "empty" or not rules.allows_empty_update for each in problems)
    ask = httpx.Request(
        endpoint.method,
        provider.base_url + endpoint.path.format(key=row.iloc[0, 0]),
        json=changes,
        headers=auth_headers(client),
    )
    status = simulator.transport(provider).handler(ask).status_code
    assert (400 <= status < 500) is refused or status == 409


def auth_headers(client: ck.Client) -> dict[str, str]:
    session = client._session
    return {
        each.header: each.prefix + session.credentials[each.name]
        for each in session.auth.credentials
    }
