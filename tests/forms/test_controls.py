"""Controls: values round-trip through them, for every kind of field and every provider."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._frames.frame import rows_of
from contactkit._providers import find
from contactkit.forms.controls import control_of, kinds_of, raw_of, value_of
from contactkit.spec.record import Date, Record, Time, fields_of, key, writable


class Everything(Record):
    """One field of every kind."""

    id: Annotated[str, key("Key.")]
    text: Annotated[str | None, writable("Text.")] = None
    number: Annotated[int | None, writable("Number.")] = None
    choice: Annotated[Literal["a", "b"] | None, writable("Choice.")] = None
    flag: Annotated[bool | None, writable("Flag.")] = None
    day: Annotated[Date | None, writable("Day.")] = None
    time: Annotated[Time | None, writable("Time.")] = None
    tags: Annotated[list[str] | None, writable("Tags.")] = None
    texts: Annotated[dict[str, str] | None, writable("Texts.")] = None
    mixed: Annotated[dict[str, Any] | None, writable("Mixed.")] = None
    objects: Annotated[list[dict[str, str]] | None, writable("Objects.")] = None


FIELDS = fields_of(Everything)

flat = st.text(min_size=1) | st.integers(-(10**30), 10**30) | st.booleans() | st.none()
nested = st.dictionaries(st.text(min_size=1), st.lists(st.text()), min_size=1)
values = {
    "text": st.text(min_size=1),
    "number": st.integers(-(10**17), 10**17),
    "choice": st.sampled_from(["a", "b"]),
    "flag": st.booleans(),
    "day": st.dates(date(1, 1, 1)).map(date.isoformat),
    "time": st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
        lambda t: t.replace(microsecond=0, tzinfo=UTC).isoformat()
    ),
    "tags": st.lists(st.text(min_size=1)),
    "texts": st.dictionaries(st.text(min_size=1), st.text(min_size=1)),
    "mixed": st.dictionaries(st.text(min_size=1), flat | nested | st.floats(-1e30, 1e30)),
    "objects": st.lists(st.dictionaries(st.text(), st.text())),
}


@pytest.mark.parametrize("name", values)
def test_value_round_trips_through_its_control(name):
    field = FIELDS[name]

    @given(values[name])
    def comes_back(value: Any) -> None:
        assert value_of(field, raw_of(field, value)) == value

    comes_back()


@pytest.mark.parametrize("name", values)
def test_empty_control_has_no_value(name):
    field = FIELDS[name]
    empty = {"tags": [], "pairs": {}}.get(control_of(field))
    assert value_of(field, raw_of(field, None)) == empty


@pytest.mark.parametrize("provider", ck.providers()["name"])
def test_simulated_values_round_trip_through_their_controls(provider):
    people = ck.connect(provider, via=ck.Simulator(contacts=60, seed=7)).contacts.list()
    record = find(provider).record
    for row in rows_of(record, people):
        for name, field in fields_of(record).items():
            if field.kind != "datetime":
                empty = [] if field.kind == "list" else {} if field.kind == "dict" else None
                again = value_of(field, raw_of(field, row[name]))
                assert again == (empty if row[name] is None else row[name])


def test_raw_of_a_time_is_in_utc():
    east = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))).isoformat()
    assert raw_of(FIELDS["time"], east) == "2026-03-01T10:00:00"


def test_control_of_long_text_has_several_lines():
    assert control_of(FIELDS["text"], "a\nb") == "long"
    assert control_of(FIELDS["text"], "x" * 100) == "long"
    assert control_of(FIELDS["text"], "Ada") == "text"


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("day", None, "incomplete"),
        ("number", "12x", "whole number"),
        ("number", "1.5", "whole number"),
        ("time", "yesterday", "must be a time"),
        ("texts", [["", "text", "x"]], "without a name"),
        ("texts", [["a", "text", "x"], ["a", "text", "y"]], "has a twice"),
        ("mixed", [["a", "number", "twelve"]], "a must be a number"),
        ("mixed", [["a", "number", "NaN"]], "a must be a number"),
        ("mixed", [["a", "flag", "maybe"]], "a must be yes or no"),
        ("mixed", [["a", "empty", "x"]], "a must be empty"),
        ("mixed", [["a", "json", "{"]], "a must be JSON"),
        ("mixed", [["a", "colour", "x"]], "of a kind"),
        ("objects", "[", "must be JSON"),
    ],
)
def test_value_of_says_what_is_wrong(name, raw, message):
    with pytest.raises(ValueError, match=message):
        value_of(FIELDS[name], raw)


def test_value_of_keeps_an_existing_blank():
    assert value_of(FIELDS["tags"], [["a"], [""], ["b"]]) == ["a", "", "b"]


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("text", {"a": 1}),
        ("flag", 1),
        ("tags", "a"),
        ("tags", [["a", "b"]]),
        ("tags", [[1]]),
        ("texts", [["a", "b"]]),
        ("texts", ["a"]),
    ],
)
def test_value_of_refuses_other_content(name, raw):
    with pytest.raises(ValueError, match="not a value for this control"):
        value_of(FIELDS[name], raw)


def test_kinds_of_a_mapping_are_those_it_accepts():
    assert list(kinds_of(FIELDS["texts"])) == ["text"]
    assert list(kinds_of(FIELDS["mixed"])) == ["text", "number", "flag", "empty", "json"]
    custom = fields_of(find("privy").record)["custom_fields"]
    assert list(kinds_of(custom)) == ["text", "number", "flag", "empty"]
