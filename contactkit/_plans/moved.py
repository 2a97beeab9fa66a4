"""Edited rows whose contact has changed since, when only the contacts as they are now are known.

The time of last change shows it, or another field that only the provider sets. The journal shows
whether the client itself made the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from contactkit._frames.coerce import coerce_cell
from contactkit._http.results import Values
from contactkit._http.session import Session
from contactkit._plans.diff import FrameDiff, contacts_in
from contactkit._plans.match import key_as_sent
from contactkit._plans.steps import Entry
from contactkit.errors import FieldProblem
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, last_change_of, parse_time
from contactkit.spec.user_input import normalise_phone
from contactkit.spec.validate import is_phone, json_equal

_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
_OVERWRITE = "on_conflict='overwrite' writes over the change"
_CONSENT = "its consent is never overwritten"


def settle_moved_rows(
    session: Session,
    diff: FrameDiff,
    rows: Sequence[int],
    now: Sequence[Values],
    *,
    overwrite: bool,
) -> dict[int, FieldProblem]:
    """The conflicts among the rows that differ; `now` has their contacts.

    A cell that differs only because of the client's own write is removed from the `diff`.
    """
    seen = contacts_in(session.provider, diff.edited.columns, rows)
    moved = {
        row: change
        for row, *contacts in zip(rows, seen, now, strict=True)
        if (change := _find_change(session.provider, *contacts))
    }
    keys = {row: key_as_sent(session.provider, diff.keys[row]) for row in moved}
    entries = _own_entries(session, [*keys.values()])
    conflicts: dict[int, FieldProblem] = {}
    for row, change in moved.items():
        edits = change.own_edits(diff.changes[row], entries.get(keys[row], []))
        if edits is not None:
            diff.changes[row] = edits
        elif not (overwrite and _may_overwrite(session.provider, change.now, diff.changes[row])):
            conflicts[row] = change.problem(_CONSENT if overwrite else _OVERWRITE)
    return conflicts


def _may_overwrite(provider: Provider, now: Values, changes: Values) -> bool:
    """Whether edits may be written over what others have changed: never over consent."""
    return not provider.consent.widened(now, changes)


def _own_entries(session: Session, keys: Sequence[str]) -> dict[str, list[Entry]]:
    """The journal's entries of these contacts with the contact after the write, oldest first."""
    entries: dict[str, list[Entry]] = {}
    for entry in session.plan_journal.written(keys, session.account) if keys else ():
        entries.setdefault(entry["key"], []).append(entry)
    return entries


def _find_change(provider: Provider, seen: Values, now: Values) -> _Change | None:
    """What shows that a contact has changed since it was `seen`; None if nothing does.

    An empty time of last change says something only in a row with other cells that the provider
    has filled.
    """
    fields, time = fields_of(provider.record), last_change_of(provider.record)
    own = [n for n, field in fields.items() if field.marker.access == "read_only" and n in seen]
    filled = [n for n in own if seen[n] is not None and fields[n].accepts(seen[n])]
    unset = time and time.nullable and time.name in own and seen[time.name] is None
    if time and (time.name in filled or (unset and filled)):
        names = [time.name]
    else:
        names = [n for n in filled if now.get(n) is not None]
    shown_by = [n for n in names if not _is_same(fields[n], seen[n], now.get(n))]
    return _Change(provider=provider, seen=seen, now=now, shown_by=shown_by) if shown_by else None


def _is_same(field: RecordField, seen: JSON, now: JSON) -> bool:
    """Whether two values are equal, or times of which a file has rounded the one that was seen."""
    if field.kind != "datetime" or seen is None or now is None:
        return json_equal(seen, now)
    old, new = parse_time(seen), parse_time(now)
    if old.microsecond % 1000:
        return old == new
    return abs(new - old) < (_MILLISECOND if old.microsecond else _SECOND)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """A contact as it was `seen` in an edited frame and as it is `now`.

    `shown_by` are the fields which show that it has changed in between.
    """

    provider: Provider
    seen: Values
    now: Values
    shown_by: Sequence[str]

    def problem(self, way_out: str) -> FieldProblem:
        """What has changed, when, and what the caller can do."""
        time, names = last_change_of(self.provider.record), ", ".join(self.shown_by)
        if time is None:
            what = f"{names} differs; {self.provider.title} tells no time of last change"
        elif time.name in self.shown_by:
            times = (str(contact[time.name] or "empty") for contact in (self.seen, self.now))
            what = f"{time.name} {' → '.join(times)}"
        else:
            what = f"{names} differs; {time.name} is now {self.now.get(time.name) or 'empty'}"
        message = f"changed since it was read ({what}): give the frame as it was read as original"
        return FieldProblem(field="", message=f"{message}; {way_out}", code="conflict")

    def own_edits(self, changes: Values, entries: Sequence[Entry]) -> dict[str, JSON] | None:
        """The changes that are edits, if only the client has changed the contact; otherwise None.

        A cell that has the value before the client's own writes is no edit.
        """
        writes = self._own_writes(entries)
        read = writes[-1]["before"] if writes else None
        if read is None:
            return dict(changes) if writes else None
        since = next(n for n, e in enumerate(entries) if self._is_version(e["before"], self.seen))
        ours = {name for entry in entries[since:] for name in entry["changes"] or ()}
        if any(self._differs(n, read, self.now) for n in self._editable if n not in ours):
            return None
        return {n: value for n, value in changes.items() if self._differs(n, read, self.seen)}

    def _own_writes(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """The client's writes that lead back from now to what was seen, or to one by key alone.

        None of them if somebody else has changed the contact in between.
        """
        writes: list[Entry] = []
        contact = self.now
        for entry in reversed(entries):
            if self._is_version(entry["after"], contact):
                writes.append(entry)
                if entry["before"] is None or self._is_version(entry["before"], self.seen):
                    return writes
                contact = entry["before"]
        return []

    def _is_version(self, contact: Values | None, other: Values) -> bool:
        """Whether two contacts are the same version of one.

        Values are compared with the contact of now only: others may be edited.
        """
        if contact is None or not all(name in contact for name in self.shown_by):
            return False
        names = [n for n in self._editable if n in contact] if other is self.now else []
        return not any(self._differs(name, contact, other) for name in [*self.shown_by, *names])

    @property
    def _editable(self) -> list[str]:
        fields = fields_of(self.provider.record).items()
        return [n for n, field in fields if field.marker.access in ("writable", "write_once")]

    def _differs(self, name: str, one: Values, other: Values) -> bool:
        """Whether two contacts have different values of a field, and not only in notation."""
        field = fields_of(self.provider.record).get(name)
        values = (contact.get(name) for contact in (one, other))
        plain = [_plain(field, value) if field else value for value in values]
        return not json_equal(*plain)


def _plain(field: RecordField, value: JSON) -> JSON:
    """A value as frames have it, in whatever notation it was given."""
    value = coerce_cell(field, value)
    return normalise_phone(value) if is_phone(field) else value
