"""How a live answer differs from the recorded one, place by place.

Both are redacted. Status, content type and the leaves of the body's JSON are compared. Contacts in
a list are paired by their key, wherever they stand in it; the items of other lists by their place.

What every answer has anew is compared by type alone: an id or a time, by the last word of its name,
that stands beside the records. Records are what the envelope's places hold, and every object with a
contact's key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from contactkit._frames.frame import STRING, declared_frame
from contactkit.cassette.exchange import Exchange, RecordedResponse, path_of
from contactkit.cassette.format import written
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
_NOTHING: JSON = object()
_ANEW = {"id", "time", "timestamp", "at"}
# The stand-ins of secrets are numbered in the order in which those came.
_NUMBERED = re.compile(r"(redacted-[a-z0-9-]*?)-\d+\b")
_TYPES: dict[type, str] = {int: "number", float: "number"}


class Drift(NamedTuple):
    """One place in which an answer differs; None on the side where there is nothing."""

    method: str
    path: str
    field: str
    drift: Change
    recorded: str | None
    live: str | None


def drift_frame(rows: Iterable[Drift]) -> pd.DataFrame:
    """Differences as a frame, whose columns and dtypes do not depend on what is in it."""
    return declared_frame(COLUMNS, [each._asdict() for each in rows])


def differences(
    recorded: Exchange, live: Exchange, provider: Provider, *, same_key: bool = True
) -> Iterator[Drift]:
    """What differs. An answer of another kind, as a refusal for a contact, differs in its status.

    Without the `same_key`, under which both have the same pseudonyms, personal values are compared
    by type, and contacts whose key is personal by their place.
    """
    method, path = recorded.request.method, path_of(recorded.request.url)
    changes = _changes(recorded.response, live.response, _Bodies(provider, same_key))
    for field, change, before, after in changes:
        yield Drift(method, path, field, change, _shown(before), _shown(after))


_Found: TypeAlias = tuple[str, Change, JSON, JSON]


def _changes(
    recorded: RecordedResponse, live: RecordedResponse, bodies: _Bodies
) -> Iterator[_Found]:
    before, after = _status(recorded), _status(live)
    if before != after:
        yield "status", "value changed", before, after
    if _kind(recorded) != _kind(live) or recorded.failure:
        return
    before, after = _content_type(recorded), _content_type(live)
    if before != after:
        yield "content-type", _change(before, after), before, after
    for field, before, after in bodies.compared(_body(recorded), _body(live)):
        yield field, _change(before, after), before, after


def _status(response: RecordedResponse) -> JSON:
    return response.status or response.failure


def _kind(response: RecordedResponse) -> int:
    """The hundreds of its status, 0 for a failure."""
    return (response.status or 0) // 100


def _content_type(response: RecordedResponse) -> JSON:
    return response.content_type.replace(" ", "").lower() or _NOTHING


def _body(response: RecordedResponse) -> JSON:
    """Its JSON, its bytes where it is none, or nothing."""
    if not response.body:
        return _NOTHING
    try:
        return json.loads(response.body, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return response.body


def _no_json(constant: str) -> JSON:
    raise ValueError(constant)


def _change(before: JSON, after: JSON) -> Change:
    if before is _NOTHING:
        return "added"
    if after is _NOTHING:
        return "removed"
    return "value changed" if _type(before) == _type(after) else "type changed"


def _type(value: object) -> str:
    """The JSON type, of which whole numbers and others have one."""
    return _TYPES.get(type(value), type(value).__name__)


def _shown(value: JSON) -> str | None:
    if value is _NOTHING:
        return None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return written(text).decode()[:_LONGEST]


class _Bodies:
    """Compares the bodies of one provider's answers."""

    def __init__(self, provider: Provider, same_key: bool) -> None:
        key, envelope = key_of(provider.record), provider.envelope
        self._spellings = key.spellings
        self._by_key = same_key or not key.marker.personal
        self._records = {place for place in (envelope.one, envelope.many) if place}
        self._fields = None if same_key else PersonalFields(provider)

    def compared(
        self,
        before: JSON,
        after: JSON,
        field: str = "",
        names: tuple[str, ...] = (),
        inside: bool = False,
    ) -> Iterator[tuple[str, JSON, JSON]]:
        """The places that differ, with both their values; `inside` of a record from here on."""
        inside = inside or names in self._records or self._is_contact(before, after)
        if isinstance(before, dict) and isinstance(after, dict):
            for name, ours, theirs in _pairs(as_object(before), as_object(after)):
                place = f"{field}.{name}" if field else name
                yield from self.compared(ours, theirs, place, (*names, name), inside)
        elif isinstance(before, list) and isinstance(after, list):
            for label, ours, theirs in self._items(as_list(before), as_list(after)):
                yield from self.compared(ours, theirs, f"{field}[{label}]", names, inside)
        elif self._differ(before, after, names, inside):
            yield field or "body", before, after

    def _is_contact(self, *values: JSON) -> bool:
        return any(self._key(each) is not None for each in values)

    def _items(
        self, before: list[JSON], after: list[JSON]
    ) -> Iterator[tuple[str | int, JSON, JSON]]:
        ours, theirs = self._keyed(before), self._keyed(after)
        if ours is None or theirs is None:
            return _pairs(dict(enumerate(before)), dict(enumerate(after)))
        return _pairs(ours, theirs)

    def _keyed(self, items: Sequence[JSON]) -> dict[str, JSON] | None:
        """Contacts by their key; None where each item does not have one of its own."""
        found = {key: each for each in items if (key := self._key(each)) is not None}
        return found if self._by_key and len(found) == len(items) else None

    def _key(self, item: JSON) -> str | None:
        held = map(as_object(item).get, self._spellings)
        return next((str(key) for key in held if isinstance(key, str | int)), None)

    def _differ(self, before: JSON, after: JSON, names: tuple[str, ...], inside: bool) -> bool:
        if before is _NOTHING or after is _NOTHING:
            return before is not after
        if _type(before) != _type(after):
            return True
        if self._is_personal(names) or (names and not inside and _is_anew(names[-1])):
            return False
        return _unnumbered(before) != _unnumbered(after)

    def _is_personal(self, names: tuple[str, ...]) -> bool:
        return self._fields is not None and any(map(self._fields.declared, names))


_Label: TypeAlias = Any


def _pairs(
    before: Mapping[_Label, JSON], after: Mapping[_Label, JSON]
) -> Iterator[tuple[_Label, JSON, JSON]]:
    for label in dict.fromkeys((*before, *after)):
        yield label, before.get(label, _NOTHING), after.get(label, _NOTHING)


def _is_anew(name: str) -> bool:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return re.split(r"[_\-\s]", spaced)[-1] in _ANEW


def _unnumbered(value: JSON) -> JSON:
    if isinstance(value, str) and "redacted-" in value:
        return _NUMBERED.sub(r"\1", value)
    return value
