"""What is derived from a record's annotations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contactkit.spec.record import (
    Record,
    Time,
    fields_of,
    key,
    key_of,
    parse_time,
    read_only,
    writable,
)


class Thing(Record):
    """A field of every kind."""

    id: Annotated[str, key("The key.")]
    size: Annotated[Literal["s", "m"], writable("Size.")]
    ok: Annotated[bool, writable("Flag.", wire="isOk")]
    count: Annotated[int, read_only("Count.")]
    at: Annotated[Time, read_only("Time.")]
    tags: Annotated[list[str], writable("Tags.")]
    more: Annotated[dict[str, str | int], writable("More.")]
    note: Annotated[str | None, writable("Note.")] = None
    side: Annotated[Optional[Literal["l", "r"]], writable("Side.")] = None  # noqa: UP045
    seen: Annotated[Time | None, read_only("Seen.")] = None
    names: Annotated[list[str] | None, writable("Names.")] = None


FIELDS = fields_of(Thing)


def test_fields_of_keeps_the_declared_order() -> None:
    assert list(FIELDS) == list(Thing.model_fields)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("id", "string"),
        ("size", "category"),
        ("ok", "boolean"),
        ("count", "Int64"),
        ("at", "datetime"),
        ("tags", "list"),
        ("more", "dict"),
        ("note", "string"),
        ("side", "category"),
        ("seen", "datetime"),
        ("names", "list"),
    ],
)
def test_field_kind_follows_its_type(name: str, kind: str) -> None:
    assert FIELDS[name].kind == kind


def test_field_choices_are_those_of_its_literal() -> None:
    assert FIELDS["size"].choices == ("s", "m")
    assert FIELDS["side"].choices == ("l", "r")
    assert FIELDS["note"].choices == ()


def test_field_plain_type_has_no_none_and_no_marker() -> None:
    assert FIELDS["seen"].plain is datetime
    assert FIELDS["names"].plain == list[str]


def test_field_is_nullable_if_its_type_allows_none() -> None:
    nullable = {name for name, field in FIELDS.items() if field.nullable}
    assert nullable == {"note", "side", "seen", "names"}


def test_field_is_promised_if_it_has_no_default() -> None:
    assert {name for name, field in FIELDS.items() if not field.promised} == {
        "note",
        "side",
        "seen",
        "names",
    }


def test_field_wire_name_defaults_to_its_name() -> None:
    assert (FIELDS["ok"].wire, FIELDS["id"].wire) == ("isOk", "id")


def test_key_of_is_the_field_marked_as_key() -> None:
    assert key_of(Thing).name == "id"


@pytest.mark.parametrize(
    ("name", "value"),
    [("ok", 1), ("ok", "true"), ("count", True), ("count", 1.0), ("id", 5), ("tags", ("a",))],
)
def test_field_adapter_is_strict_and_hides_the_input(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        FIELDS[name].adapter.validate_python(value)
    assert "input_value" not in str(caught.value)


@given(st.datetimes(timezones=st.timezones()))
def test_parse_time_converts_to_utc(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        with pytest.raises(ValueError, match="between the years"):
            parse_time(moment)
        return
    assert parse_time(moment) == expected
    assert parse_time(moment).tzinfo is UTC


@pytest.mark.parametrize("value", ["2026-03-01T12:00:00", "2026-03-01", "soon", "", 5, None, 1.5])
def test_parse_time_refuses_a_missing_offset(value: object) -> None:
    with pytest.raises(ValueError):
        parse_time(value)


def test_time_field_accepts_text() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert parse_time("2026-03-01T12:00:00Z") == noon
    assert parse_time("2026-03-01T14:00:00.0000000+02:00") == noon
