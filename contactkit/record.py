"""What a contact is: pydantic records whose fields carry one `Marker` each, and what that yields.

From a record come the frame's columns, the checks of what is written, the runtime signatures and
`describe`; each is derived once, in `fields_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

Access = Literal["key", "read_only", "writable", "create_only", "write_once", "option"]
Kind = Literal["string", "category", "boolean", "Int64", "datetime", "list", "dict"]
Evidence = Literal["documented", "inferred"]


@dataclass(frozen=True)
class Marker:
    """What a field's type cannot say. `check` is a stricter rule for values that are written."""

    access: Access
    help: str
    _: KW_ONLY
    wire: str = ""
    required: bool = False
    collection: Literal["", "replace", "merge"] = ""
    personal: Literal["", "phone", "email", "name", "free"] = ""
    check: Callable[[Any], Any] | None = None
    deprecated: tuple[str, ...] = ()
    evidence: Evidence = "documented"
    docs: str = ""


key = partial(Marker, "key")
read_only = partial(Marker, "read_only")
writable = partial(Marker, "writable")
create_only = partial(Marker, "create_only")
write_once = partial(Marker, "write_once")
option = partial(Marker, "option")


def parse_time(value: object) -> datetime:
    """A datetime in UTC, from an aware one or ISO 8601 text with an offset; else ValueError."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError("must be a time with its offset from UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999") from None


Time = Annotated[datetime, BeforeValidator(parse_time)]


_STRICT = ConfigDict(strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class Record(BaseModel):
    """A contact, or the parameters of a verb: annotated fields, each with one Marker.

    A field without a default is promised by the provider; one whose type allows None may be empty.
    """

    model_config = {**_STRICT, "extra": "allow"}


@dataclass(frozen=True)
class RecordField:
    """One field of a Record, with all that is derived from its annotation."""

    name: str
    marker: Marker
    type: Any
    plain: Any
    kind: Kind
    choices: tuple[str, ...]
    nullable: bool
    promised: bool

    @property
    def wire(self) -> str:
        """The provider's name for it."""
        return self.marker.wire or self.name

    def holds(self, value: object) -> bool:
        """Whether a value is one that the type allows."""
        try:
            self.adapter.validate_python(value)
        except ValidationError:
            return False
        return True

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Checks one value of this field, strictly."""
        return TypeAdapter(self.type, config=_STRICT)


_KINDS: dict[Any, Kind] = {
    str: "string",
    bool: "boolean",
    int: "Int64",
    datetime: "datetime",
    list: "list",
    dict: "dict",
}


def _derive(name: str, hint: Any, promised: bool) -> RecordField:
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
        promised=promised,
    )


@cache
def fields_of(record: type[Record]) -> Mapping[str, RecordField]:
    """The declared fields by name, in declared order."""
    hints = get_type_hints(record, include_extras=True)
    return {
        name: _derive(name, hints[name], info.is_required())
        for name, info in record.model_fields.items()
    }


@cache
def key_of(record: type[Record]) -> RecordField:
    """The field that names a contact in a path."""
    return next(field for field in fields_of(record).values() if field.marker.access == "key")
