"""The flags of a request, written in one header: `force,bypass_validation=email_format|phone`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from contactkit.spec.provider import JSON, as_list
from contactkit.spec.record import Record, fields_of

NO_FLAGS: Mapping[str, JSON] = MappingProxyType({})


def write_flag(name: str, value: JSON) -> str:
    """A flag that is set, with its values if it has some."""
    return f"{name}={'|'.join(map(str, as_list(value)))}" if isinstance(value, list) else name


def read_flags(record: type[Record], header: str) -> Mapping[str, JSON]:
    """The flags of a header that a record declares."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    return {
        name: values.split("|") if fields_of(record)[name].kind == "list" else True
        for name, _, values in parts
        if name in fields_of(record)
    }
