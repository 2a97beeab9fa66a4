"""A new contact of a simulated provider, with what the provider adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from contactkit.simulator.messages import Row
from contactkit.spec import JSON, RecordField, fields_of

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_BLANKS: dict[str, JSON] = {"boolean": False, "Int64": 0, "string": ""}


def new_row(engine: Engine, values: Mapping[str, JSON], owner: str) -> Row:
    """A new contact: the given values, what the provider fills in, and blanks for the rest."""
    fields = fields_of(engine.provider.record)
    stamp = {"created_at": engine.rules.timestamp(engine.now)} if "created_at" in fields else {}
    key = {engine.contacts.key: engine.rules.new_key(engine.rng)}
    known = {**key, **stamp, **engine.rules.defaults, **values}
    row = {n: known[n] if n in known else _blank(engine, field) for n, field in fields.items()}
    engine.rules.fill_in(row, owner)
    return row


def _blank(engine: Engine, field: RecordField) -> JSON:
    if field.nullable:
        return None
    match field.kind:
        case "category":
            return field.choices[0]
        case "datetime":
            return engine.rules.timestamp(engine.now)
        case "list":
            return []
        case "dict":
            return {}
        case kind:
            return _BLANKS[kind]
