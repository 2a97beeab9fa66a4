"""One contact's edit held against the contact as it stands: what to send, and what is refused.

The verbs, the form and a plan ask it alike. What may be written is asked of `checks`; nothing here
knows where a value comes from.
"""

from __future__ import annotations

from collections.abc import Mapping

from contactkit.checks import Checked, check, clean, same
from contactkit.records import Record, RecordField, fields_of
from contactkit.spec import JSON, Endpoint, Provider, as_object


def whole(record: type[Record], row: Mapping[str, JSON]) -> bool:
    """Whether a row has all that a contact has, so that what is missing is truly not there."""
    declared = fields_of(record).items()
    return all(n in row and (row[n] is not None or each.nullable) for n, each in declared)


def judged(
    provider: Provider,
    endpoint: Endpoint,
    values: Mapping[str, JSON],
    current: Mapping[str, JSON] | None,
) -> Checked:
    """`check` of what a person gave; a contact that is known in part only is not judged by."""
    known = current if current and whole(provider.record, current) else None
    return check(provider, endpoint, clean(provider, endpoint, values), known)


def to_send(field: RecordField, held: JSON, wanted: JSON) -> JSON:
    """What makes a field that holds one value hold the other; ValueError when nothing does.

    That is the value itself, but for a collection that the provider merges with what it holds.
    """
    if field.marker.collection != "merge" or not isinstance(wanted, dict):
        return wanted
    there, value = as_object(held), as_object(wanted)
    gone = [name for name in there if name not in value]
    if gone and value:
        message = f"cannot lose {', '.join(gone)} alone: what is sent is merged with what is there"
        raise ValueError(f"{message}; remove all to clear it")
    new = {n: v for n, v in value.items() if n not in there or not same(there[n], v)}
    return new or (None if gone else dict(value))


def after(field: RecordField, held: JSON, sent: JSON) -> JSON:
    """What a field holds once a value was sent."""
    merges = field.marker.collection == "merge" and bool(sent)
    return {**as_object(held), **as_object(sent)} if merges else sent
