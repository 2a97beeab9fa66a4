"""What a write makes of a contact, where a collection is replaced or merged."""

from __future__ import annotations

from collections.abc import Container, Mapping
from copy import deepcopy

from contactkit.spec.provider import JSON, as_object
from contactkit.spec.record import Record, RecordField, fields_of
from contactkit.spec.validate import json_equal


def merge_patch(field: RecordField, current: JSON, wanted: JSON) -> JSON:
    """What to send to change a field from one value to another; ValueError if it is impossible.

    It is the wanted value, except for a collection that the provider merges with the current one.
    """
    if field.marker.collection != "merge" or not isinstance(wanted, dict):
        return wanted
    old, new = as_object(current), as_object(wanted)
    removed = [name for name in old if name not in new]
    if removed and new:
        message = f"cannot remove only {', '.join(removed)}"
        why = "what is sent is merged with the current value; remove all to clear it"
        raise ValueError(f"{message}: {why}")
    changed = {n: v for n, v in new.items() if n not in old or not json_equal(old[n], v)}
    return changed or (None if removed else dict(new))


def value_after(field: RecordField, before: JSON, sent: JSON) -> JSON:
    """The value of a field after `sent` was written to it."""
    merges = field.marker.collection == "merge" and bool(sent)
    return {**as_object(before), **as_object(sent)} if merges else sent


def contact_after(
    record: type[Record],
    before: Mapping[str, JSON] | None,
    changes: Mapping[str, JSON],
    invalid: Container[str] = (),
) -> dict[str, JSON]:
    """A contact after `changes` were written to it; invalid changes are used unchanged."""
    current, declared = before or {}, fields_of(record)
    new = {
        name: value
        if name in invalid or name not in declared
        else value_after(declared[name], current.get(name), value)
        for name, value in changes.items()
    }
    return deepcopy({**current, **new})
