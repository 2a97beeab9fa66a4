"""Drift: each change is one row that names its field, and nothing else is reported."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._frames.frame import STRING
from contactkit._providers import find
from contactkit.cassette.drift import Drift, differences, drift_frame
from contactkit.cassette.exchange import RecordedRequest, RecordedResponse
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.spec.provider import Envelope, Provider
from contactkit.spec.record import key_of
from tests.cassette.redaction.test_redactor import contact
from tests.support.exchanges import exchange

JSON_TYPE = (("Content-Type", "application/json"),)
SENT = find("sent")


def drifts(before: Any, after: Any, provider: Provider = SENT, **how: Any) -> list[Drift]:
    """The differences of two responses with these bodies."""
    return list(differences(exchange(body=before), exchange(body=after), provider, **how))


def changes_of(
    before: Any, after: Any, provider: Provider = SENT, **how: Any
) -> list[tuple[str, str]]:
    return [(drift.field, drift.drift) for drift in drifts(before, after, provider, **how)]


def sealed(provider: Provider, contacts: Any, number: int, many: bool = True) -> Any:
    """The body of the provider's response with these contacts, or with one."""
    place = provider.envelope.many if many else provider.envelope.one
    body = Envelope.put({}, place, contacts)
    if provider.envelope.seal and isinstance(body, dict):
        provider.envelope.seal(body, f"req_{number}", datetime(2026, 1, number, tzinfo=UTC))
    return body


def people(provider: Provider, *numbers: int) -> list[dict[str, Any]]:
    key = key_of(provider.record).wire
    return [contact(provider.name) | {key: f"+1202555{number:04}"} for number in numbers]


def shuffled(value: Any) -> Any:
    """The same value with the fields of each object reversed."""
    if isinstance(value, dict):
        return {name: shuffled(inner) for name, inner in reversed(value.items())}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text("xé")
names_ = st.text("abc", min_size=1, max_size=3)
bodies = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names_, inner, max_size=3),
    max_leaves=12,
)


@given(bodies)
def test_drift_is_empty_for_the_same_body_in_any_order(body):
    assert changes_of(body, shuffled(body)) == []


def places(value: Any, field: str = "", way: tuple[Any, ...] = ()) -> list[tuple[str, Any]]:
    """The innermost values of a body: their names, and their paths."""
    if isinstance(value, dict) and value:
        parts = [(f"{field}.{item}".lstrip("."), item) for item in value]
    elif isinstance(value, list) and value:
        parts = [(f"{field}[{index}]", index) for index in range(len(value))]
    else:
        return [(field or "body", way)]
    return [one for name, each in parts for one in places(value[each], name, (*way, each))]


def put(value: Any, way: tuple[Any, ...], leaf: Any) -> Any:
    if not way:
        return leaf
    copy = value.copy()
    copy[way[0]] = put(value[way[0]], way[1:], leaf)
    return copy


JSON_TYPES = {int: "number", float: "number"}


def test_drift_tells_true_from_one():
    assert changes_of([True], [1]) == [("[0]", "type changed")]


@given(bodies, scalars, st.data())
def test_drift_of_one_changed_value_is_one_row(body, leaf, data):
    field, way = data.draw(st.sampled_from(places(body)))
    before = body
    for step in way:
        before = before[step]
    kinds = [JSON_TYPES.get(type(value), type(value)) for value in (before, leaf)]
    change = "value changed" if kinds[0] == kinds[1] else "type changed"
    same = change == "value changed" and before == leaf
    assert changes_of(body, put(body, way, leaf)) == ([] if same else [(field, change)])


@given(st.dictionaries(names_, bodies, max_size=4), st.sampled_from("xyz"), bodies)
def test_drift_of_one_added_field_is_one_row(body, name, value):
    more = {**body, name: value}
    assert changes_of(body, more) == [(name, "added")]
    assert changes_of(more, body) == [(name, "removed")]


@pytest.mark.parametrize("many", [True, False])
def test_drift_ignores_new_ids_and_times(name, many):
    provider = find(name)
    contacts = people(provider, 101, 102) if many else people(provider, 101)[0]
    one, other = (sealed(provider, contacts, number, many) for number in (1, 2))
    assert changes_of(one, shuffled(other), provider) == []


def test_drift_reports_missing_ids_and_times_or_their_other_type():
    body = {"requestId": "a", "meta": {"timestamp": "now", "version": "v3"}, "data": {"id": "1"}}
    after = {"requestId": 7, "meta": {"version": "v4"}, "data": {"id": "2"}}
    assert changes_of(body, after) == [
        ("requestId", "type changed"),
        ("meta.timestamp", "removed"),
        ("meta.version", "value changed"),
        ("data.id", "value changed"),
    ]


@pytest.mark.parametrize("word", ["format", "valid", "runtime", "updates", "ats"])
def test_drift_compares_names_that_only_end_like_a_time(word):
    assert changes_of({word: 1}, {word: 2}) == [(word, "value changed")]


def test_drift_compares_the_times_of_a_contact(name):
    provider = find(name)
    before = people(provider, 101)[0]
    changed = {wire for wire in before if wire.endswith(("_at", "At"))}
    after = {wire: "2026-02-02T00:00:00Z" if wire in changed else v for wire, v in before.items()}
    bodies = (sealed(provider, part, 1, many=False) for part in (before, after))
    place = ".".join(provider.envelope.one)
    expected = {(f"{place}.{wire}".lstrip("."), "value changed") for wire in changed}
    assert changed and set(changes_of(*bodies, provider)) == expected


def test_drift_of_a_new_contact_is_one_row(name):
    provider = find(name)
    before = sealed(provider, people(provider, 101, 102), 1)
    after = sealed(provider, people(provider, 103, 102, 101), 2)
    place = f"{'.'.join(provider.envelope.many)}[+12025550103]"
    assert changes_of(before, after, provider) == [(place, "added")]
    assert changes_of(after, before, provider) == [(place, "removed")]


def test_drift_names_a_contact_by_its_key():
    before = people(SENT, 101, 102)
    after = [before[1] | {"opt_out": None}, before[0]]
    assert drifts(sealed(SENT, before, 1), sealed(SENT, after, 2)) == [
        Drift(
            "GET",
            "/v3/contacts",
            "data.contacts[+12025550102].opt_out",
            "type changed",
            "true",
            "null",
        )
    ]


def test_drift_knows_older_spellings_of_the_key():
    provider = find("sendblue")
    rows = [{"phone": "+12025550101", "tags": ["a"]}], [{"number": "+12025550101", "tags": ["b"]}]
    assert changes_of(*rows, provider) == [
        ("[+12025550101].phone", "removed"),
        ("[+12025550101].tags[0]", "value changed"),
        ("[+12025550101].number", "added"),
    ]


@pytest.mark.parametrize(
    "rows", [[{"id": "1"}, {"id": "1"}], [{"id": "1"}, {}], [{"id": "1"}, "x"], [{"id": None}]]
)
def test_drift_pairs_items_without_keys_by_position(rows):
    assert changes_of({"a": rows}, {"a": [{"b": 1}, *rows[1:]]}) == [
        ("a[0].id", "removed"),
        ("a[0].b", "added"),
    ]


def redacted(provider: Provider, key: bytes, body: Any) -> Any:
    redaction = Redactor(provider, list, key)
    request = RecordedRequest(method="GET", url="")
    answer = RecordedResponse(status=200, body=json.dumps(body).encode())
    return json.loads(redaction.exchange(request, answer)[1].body)


def test_drift_under_another_key_compares_personal_values_by_type(name):
    provider = find(name)
    rows = [contact(name, "+14155550234"), contact(name, "+911000005678")]
    personal = {cell: None for cell in rows[0] if "phone" in cell or cell == "number"}
    before = sealed(provider, redacted(provider, b"one", rows), 1)
    after = redacted(provider, b"another", rows)
    assert changes_of(before, sealed(provider, after, 2), provider, same_key=False) == []
    assert changes_of(before, sealed(provider, after, 2), provider)
    emptied = sealed(provider, [after[0] | personal, after[1]], 2)
    changes = changes_of(before, emptied, provider, same_key=False)
    assert len(changes) == len(personal) and {change for _, change in changes} == {"type changed"}


def test_drift_ignores_the_number_of_a_secret():
    before, after = ({"a": f"see redacted-token{end}, 1"} for end in ("", "-12"))
    assert changes_of(before, after) == []
    assert changes_of(before, {"a": "see redacted-key, 1"}) == [("a", "value changed")]


def test_drift_of_another_kind_of_response_is_its_status():
    one, other = exchange(body={"a": 1}), exchange(body={"b": 1}, status=404)
    failed = exchange(body=b"", status=None, failure="ReadTimeout")
    assert list(differences(one, other, SENT)) == [
        Drift("GET", "/v3/contacts", "status", "value changed", "200", "404")
    ]
    assert [drift[2:] for drift in differences(one, failed, SENT)] == [
        ("status", "value changed", "200", '"ReadTimeout"')
    ]
    assert list(differences(failed, failed, SENT)) == []
    created = exchange(body={"a": 2}, status=201)
    assert [drift.field for drift in differences(one, created, SENT)] == ["status", "a"]


def test_drift_compares_only_the_content_type_header():
    one = exchange(headers=(*JSON_TYPE, ("X-Request-Id", "1")))
    same = exchange(headers=(("content-type", "application/JSON"), ("x-request-id", "2")))
    other, none = exchange(headers=(("Content-Type", "text/html"),)), exchange()
    assert list(differences(one, same, SENT)) == []
    assert [drift[2:] for drift in differences(one, other, SENT)] == [
        ("content-type", "value changed", '"application/json"', '"text/html"')
    ]
    assert [drift.drift for drift in differences(one, none, SENT)] == ["removed"]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (b"<p>a", b"<p>b", "value changed"),
        (b"<p>a", b"{}", "type changed"),
        (b"", b"<p>a", "added"),
        (b"<p>a", b"", "removed"),
        (b"[NaN]", b"[NaN ]", "value changed"),
        (b"\xff\xfe", b"\xff", "value changed"),
    ],
)
def test_drift_of_a_body_without_json_is_one_row(before, after, change):
    assert changes_of(before, after) == [("body", change)]
    assert changes_of(before, before) == []


def test_drift_cuts_long_values():
    (drift,) = drifts({"a": "x" * 99}, {"a": ["é" * 99]})
    assert drift.recorded == '"' + "x" * 59
    assert drift.live == '["' + "é" * 58


def test_drift_frame_has_the_same_columns_when_empty():
    rows = drifts({"a": 1, "b": 2}, {"b": "2"})
    for frame in (drift_frame([]), drift_frame(rows)):
        assert frame.dtypes.drop("drift").to_dict() == dict.fromkeys(
            ["method", "path", "field", "recorded", "live"], STRING
        )
        assert frame["drift"].cat.categories.tolist() == [
            "added",
            "removed",
            "type changed",
            "value changed",
        ]
    assert frame.iloc[0].tolist() == ["GET", "/v3/contacts", "a", "removed", "1", pd.NA]
