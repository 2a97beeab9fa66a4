"""What a contact is: a pydantic record whose fields carry one `Marker` each.

A frame's columns, the checks of a write, the verbs' signatures and `describe` are derived from a
record; `fields_of` does that once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cache, cached_property, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

Access = Literal["key", "read_only", "writable", "create_only", "write_once", "option"]
Kind = Literal["string", "category", "boolean", "Int64", "date", "datetime", "list", "dict"]
Evidence = Literal["documented", "inferred"]


@dataclass(frozen=True)
class Marker:
    """What a field's type cannot say.

    `label` is the field in people's words where its name does not read so, `personal` is the kind
    of personal value, `deprecated` are older names of the field, and `check` raises ValueError for
    a value that the type allows but the provider would refuse. No two contacts share a value of a
    `unique` field. `last_change` marks the time at which the contact last changed, which the
    provider sets. An option that `orders` a listing leaves no contact out. `suggested_by` is a verb
    of the client, and the column of its frame that has the usual values.
    """

    access: Access
    help: str
    _: KW_ONLY
    label: str = ""
    wire: str = ""
    required: bool = False
    collection: Literal["", "replace", "merge"] = ""
    personal: Literal["", "phone", "email", "name", "free"] = ""
    check: Callable[[Any], Any] | None = None
    deprecated: tuple[str, ...] = ()
    unique: bool = False
    last_change: bool = False
    orders: bool = False
    suggested_by: tuple[str, str] | None = None
    evidence: Evidence = "documented"
    docs: str = ""


key = partial(Marker, "key")
read_only = partial(Marker, "read_only")
writable = partial(Marker, "writable")
create_only = partial(Marker, "create_only")
write_once = partial(Marker, "write_once")
option = partial(Marker, "option")


_ACRONYMS = {"id": "ID", "sms": "SMS", "e164": "E.164"}


def name_to_label(name: str) -> str:
    """A field's name as a label."""
    first, *rest = (_ACRONYMS.get(word, word) for word in name.split("_"))
    return " ".join([first[:1].upper() + first[1:], *rest])


def parse_time(value: object) -> datetime:
    """A datetime in UTC from an aware one or from ISO 8601 text with an offset; or ValueError."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError("must be a time with its offset from UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999") from None


Time = Annotated[datetime, BeforeValidator(parse_time)]


def parse_date(value: object) -> date:
    """A date from a date, a midnight without a zone, or text like "1990-05-04"; or ValueError."""
    if isinstance(value, datetime) and value.tzinfo is None and value.time() == time():
        return value.date()
    written = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)
    day = date.fromisoformat(written[0]) if written else value
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ValueError("must be a date, such as 1990-05-04")
    return day


Date = Annotated[date, BeforeValidator(parse_date)]


_STRICT = ConfigDict(strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class Record(BaseModel):
    """A contact, or the parameters of a verb: annotated fields, each with one Marker.

    A field without a default is promised by the provider; one whose type allows None may be empty.
    """

    model_config = {**_STRICT, "extra": "allow"}

    @classmethod
    def to_query(cls, values: Mapping[str, Any]) -> dict[str, str]:
        """The query of a listing for checked values by field name."""
        declared = fields_of(cls)
        return {
            declared[name].wire: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in values.items()
        }

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> dict[str, Any]:
        """A query's values by field name; unknown parameters and invalid values stay text."""
        declared = {field.wire: field for field in fields_of(cls).values()}
        values: dict[str, Any] = {}
        for wire, text in query.items():
            field = declared.get(wire)
            values[field.name if field else wire] = _from_text(field, text) if field else text
        return values

    @classmethod
    def from_wire(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        """The declared values in a provider's row, by field name and unchanged."""
        return {name: row[wire] for wire, name in _spellings_of(cls) if wire in row}


def _from_text(field: RecordField, text: str) -> Any:
    if field.kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return int(text) if field.kind == "Int64" and re.fullmatch(r"[0-9]{1,9}", text) else text


@dataclass(frozen=True)
class RecordField:
    """One field of a Record, as derived from its annotation.

    `plain` is its type without None; a `promised` field is in every response.
    """

    name: str
    marker: Marker
    type: Any
    plain: Any
    kind: Kind
    choices: tuple[str, ...]
    nullable: bool
    promised: bool
    default: Any = None

    @cached_property
    def label(self) -> str:
        """The field in people's words."""
        return self.marker.label or name_to_label(self.name)

    @cached_property
    def wire(self) -> str:
        """The provider's name for it."""
        return self.marker.wire or self.name

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """That name, and older ones that a response may use instead."""
        return self.wire, *self.marker.deprecated

    def accepts(self, value: object) -> bool:
        """Whether the type allows a value."""
        try:
            self.adapter.validate_python(value)
        except ValidationError:
            return False
        return True

    @cached_property
    def with_gaps(self) -> RecordField:
        """The same field, which may be empty; made once, since its adapter takes long to make."""
        return self if self.nullable else replace(self, nullable=True)

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Checks one value of this field, strictly."""
        return TypeAdapter(self.type, config=_STRICT)


_KINDS: dict[Any, Kind] = {
    str: "string",
    bool: "boolean",
    int: "Int64",
    date: "date",
    datetime: "datetime",
    list: "list",
    dict: "dict",
}


def _derive(name: str, hint: Any, default: Any) -> RecordField:
    inner, *metadata = get_args(hint)
    members = get_args(inner) if get_origin(inner) in (Union, UnionType) else (inner,)
    plain = next(member for member in members if member is not NoneType)
    while get_origin(plain) is Annotated:
        plain = get_args(plain)[0]
    literal = get_origin(plain) is Literal
    return RecordField(
        name=name,
        marker=next(mark for mark in metadata if isinstance(mark, Marker)),
        type=hint,
        plain=plain,
        kind="category" if literal else _KINDS[get_origin(plain) or plain],
        choices=cast("tuple[str, ...]", get_args(plain)) if literal else (),
        nullable=NoneType in members,
        promised=default is PydanticUndefined,
        default=None if default is PydanticUndefined else default,
    )


@cache
def fields_of(record: type[Record]) -> Mapping[str, RecordField]:
    """The declared fields by name, in declared order."""
    hints = get_type_hints(record, include_extras=True)
    return {
        name: _derive(name, hints[name], info.default) for name, info in record.model_fields.items()
    }


@cache
def _spellings_of(record: type[Record]) -> list[tuple[str, str]]:
    """Each spelling, with its field: in declared order, and the one that counts most is last."""
    fields = fields_of(record).values()
    return [(wire, field.name) for field in fields for wire in reversed(field.spellings)]


@cache
def key_of(record: type[Record]) -> RecordField:
    """The field that identifies a contact; the first field of any other record."""
    declared = list(fields_of(record).values())
    return next((field for field in declared if field.marker.access == "key"), declared[0])


@cache
def unique_fields(record: type[Record]) -> tuple[RecordField, ...]:
    """The fields of which no two contacts share a value, besides a key that the provider makes."""
    return tuple(field for field in fields_of(record).values() if field.marker.unique)


@cache
def last_change_of(record: type[Record]) -> RecordField | None:
    """The field with the time at which a contact last changed; None if the provider has none."""
    fields = fields_of(record).values()
    return next((field for field in fields if field.marker.last_change), None)
