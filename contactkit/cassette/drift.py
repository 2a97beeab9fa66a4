"""How a live response differs from the recorded one, field by field.

Both are redacted. Status, content type and the values in a JSON body are compared. Contacts in a
list are paired by their key, whatever their order; the items of other lists by their position.

Ids and times outside of records differ in every response, so only their types are compared; they
are recognised by the last word of a field's name. Records are what the provider's envelope
contains, and every object with a contact's key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from contactkit._frames.frame import STRING, declared_frame
from contactkit.cassette.body import refuse_constant
from contactkit.cassette.exchange import Exchange, RecordedResponse, path_of
from contactkit.cassette.format import json_line
from contactkit.cassette.redaction.fields import PersonalFields
from contactkit.spec.provider import JSON, Provider, as_list, as_object
from contactkit.spec.record import key_of

Change: TypeAlias = Literal["added", "removed", "type changed", "value changed"]
COLUMNS: dict[str, Any] = {
    "method": STRING,
    "path": STRING,
    "field": STRING,
    "drift": pd.CategoricalDtype(get_args(Change)),
    "recorded": STRING,
    "live": STRING,
}
_LONGEST = 60
_MISSING: JSON = object()
_ALWAYS_NEW = {"id", "time", "timestamp", "at"}
# Secrets have numbered placeholders, in the order of their appearance.
_NUMBERED = re.compile(r"(redacted-[a-z0-9-]*?)-\d+\b")
_Label: TypeAlias = Any
_Pairs: TypeAlias = Iterator[tuple[_Label, JSON, JSON]]


class Drift(NamedTuple):
    """One difference; None where the recorded or the live response has no such field."""

    method: str
    path: str
    field: str
    drift: Change
    recorded: str | None
    live: str | None


def drift_frame(rows: Iterable[Drift]) -> pd.DataFrame:
    """Differences as a frame, with the same columns and dtypes for none or many."""
    return declared_frame(COLUMNS, [row._asdict() for row in rows])


def differences(
    recorded: Exchange, live: Exchange, provider: Provider, *, same_key: bool = True
) -> Iterator[Drift]:
    """The differences; a response of another kind, such as a refusal, differs only in its status.

    With the `same_key`, both have the same pseudonyms. Without it, personal values are compared by
    type, and contacts with a personal key by their position.
    """
    method, path = recorded.request.method, path_of(recorded.request.url)
    old, new = recorded.response, live.response
    before, after = old.status or old.failure, new.status or new.failure
    if before != after:
        yield Drift(method, path, "status", "value changed", _shown(before), _shown(after))
    if _hundreds(old) != _hundreds(new) or old.failure:
        return
    bodies = _BodyComparison(provider, same_key)
    types = _content_type(old), _content_type(new)
    changed = [("content-type", *types)] if types[0] != types[1] else []
    for field, before, after in (*changed, *bodies.compare(_body(old), _body(new))):
        yield Drift(method, path, field, _change(before, after), _shown(before), _shown(after))


def _hundreds(response: RecordedResponse) -> int:
    """The first digit of its status, 0 for a failure."""
    return (response.status or 0) // 100


def _content_type(response: RecordedResponse) -> JSON:
    return response.content_type.replace(" ", "").lower() or _MISSING


def _body(response: RecordedResponse) -> JSON:
    """Its JSON, its text or bytes if it is not JSON, or nothing."""
    if not response.body:
        return _MISSING
    try:
        return json.loads(response.body, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return response.body


def _change(before: JSON, after: JSON) -> Change:
    if before is _MISSING:
        return "added"
    if after is _MISSING:
        return "removed"
    return "value changed" if _type(before) == _type(after) else "type changed"


def _type(value: object) -> str:
    """The JSON type; whole and other numbers have the same type."""
    return "number" if type(value) in (int, float) else type(value).__name__


def _shown(value: JSON) -> str | None:
    if value is _MISSING:
        return None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return json_line(text).decode()[:_LONGEST]


class _BodyComparison:
    """Compares the bodies of one provider's responses."""

    def __init__(self, provider: Provider, same_key: bool) -> None:
        key, envelope = key_of(provider.record), provider.envelope
        self._spellings = key.spellings
        self._by_key = same_key or not key.marker.personal
        self._records = {place for place in (envelope.one, envelope.many) if place}
        self._personal = None if same_key else PersonalFields(provider)

    def compare(
        self,
        before: JSON,
        after: JSON,
        field: str = "",
        names: tuple[str, ...] = (),
        in_record: bool = False,
    ) -> Iterator[tuple[str, JSON, JSON]]:
        """The fields that differ, with both their values."""
        in_record = in_record or names in self._records or self._is_contact(before, after)
        if isinstance(before, dict) and isinstance(after, dict):
            for name, ours, theirs in _pairs(as_object(before), as_object(after)):
                path = f"{field}.{name}" if field else name
                yield from self.compare(ours, theirs, path, (*names, name), in_record)
        elif isinstance(before, list) and isinstance(after, list):
            for label, ours, theirs in self._items(as_list(before), as_list(after)):
                yield from self.compare(ours, theirs, f"{field}[{label}]", names, in_record)
        elif self._differ(before, after, names, in_record):
            yield field or "body", before, after

    def _is_contact(self, *values: JSON) -> bool:
        return any(self._key(value) is not None for value in values)

    def _items(self, before: list[JSON], after: list[JSON]) -> _Pairs:
        ours, theirs = self._keyed(before), self._keyed(after)
        if ours is None or theirs is None:
            return _pairs(dict(enumerate(before)), dict(enumerate(after)))
        return _pairs(ours, theirs)

    def _keyed(self, items: Sequence[JSON]) -> dict[str, JSON] | None:
        """Contacts by their key; None unless every item has a key of its own."""
        keyed = {key: item for item in items if (key := self._key(item)) is not None}
        return keyed if self._by_key and len(keyed) == len(items) else None

    def _key(self, item: JSON) -> str | None:
        values = map(as_object(item).get, self._spellings)
        return next((str(value) for value in values if isinstance(value, str | int)), None)

    def _differ(self, before: JSON, after: JSON, names: tuple[str, ...], in_record: bool) -> bool:
        if before is _MISSING or after is _MISSING:
            return before is not after
        if _type(before) != _type(after):
            return True
        if self._is_personal(names) or (names and not in_record and _is_always_new(names[-1])):
            return False
        return _unnumbered(before) != _unnumbered(after)

    def _is_personal(self, names: tuple[str, ...]) -> bool:
        return self._personal is not None and any(map(self._personal.declared, names))


def _pairs(before: Mapping[_Label, JSON], after: Mapping[_Label, JSON]) -> _Pairs:
    for label in dict.fromkeys((*before, *after)):
        yield label, before.get(label, _MISSING), after.get(label, _MISSING)


def _is_always_new(name: str) -> bool:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return re.split(r"[_\-\s]", spaced)[-1] in _ALWAYS_NEW


def _unnumbered(value: JSON) -> JSON:
    if isinstance(value, str) and "redacted-" in value:
        return _NUMBERED.sub(r"\1", value)
    return value
