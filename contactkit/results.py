"""What became of a write: its answer held against what was asked, as one result row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from contactkit.answers import picked, undocumented
from contactkit.calls import Ask, Done, Session
from contactkit.columns import named
from contactkit.errors import warn
from contactkit.record import fields_of, key_of
from contactkit.spec import JSON

_OUTCOMES = {"create": "created", "update": "updated", "delete": "deleted"}


def row_of(session: Session, ask: Ask, done: Done) -> dict[str, JSON]:
    """The one record of an answer, as it came; ApiError when there is none."""
    row = picked(session, ask, done, session.provider.envelope.one)
    if not isinstance(row, dict):
        raise undocumented(session, ask, done.reply, "holds no contact")
    return cast("dict[str, JSON]", row)


def result(
    session: Session,
    ask: Ask,
    done: Done,
    *,
    key: str,
    changes: Mapping[str, JSON],
    before: Mapping[str, JSON] | None,
) -> dict[str, Any]:
    """The result row of a write, by column; `before` is the contact as the caller knew it."""
    after = None if ask.endpoint.answer == "nothing" else _after(session, ask, done, key)
    name = key_of(session.provider.record).name
    return {
        "provider": session.provider.name,
        "key": key or (after or {}).get(name),
        "operation": ask.endpoint.effect,
        "outcome": _outcome(session, ask, done, changes, before, after),
        "changed": [n for n in changes if before is None or before.get(n) != changes[n]],
        "before": before,
        "after": after,
        "http_status": done.reply.status,
        "attempts": done.attempts,
        "request_id": done.request_id or None,
        "idempotency_key": ask.idempotency_key or None,
        "elapsed_ms": round(done.elapsed * 1000),
        "at": datetime.fromtimestamp(done.at, UTC),
    }


def _after(session: Session, ask: Ask, done: Done, key: str) -> dict[str, JSON]:
    """The contact that a write answered with; it must be the one that was asked for."""
    record = session.provider.record
    after = named(record, row_of(session, ask, done))
    found = after.get(key_of(record).name)
    other = isinstance(found, str) and key and found.casefold() != key.casefold()
    if not isinstance(found, str) or not found or (other and not ask.dry_run):
        why = "holds another contact than the one that was written, or none"
        raise undocumented(session, ask, done.reply, why)
    return after


def _outcome(
    session: Session,
    ask: Ask,
    done: Done,
    changes: Mapping[str, JSON],
    before: Mapping[str, JSON] | None,
    after: Mapping[str, JSON] | None,
) -> str:
    title = session.provider.title
    if ask.dry_run:
        return _rehearsed(session, done)
    if ask.own_key and _replayed(session, done):
        told = "nothing was done, the answer is from then"
        told = "whether by this call cannot be told" if done.doubted else told
        warn(f"this idempotency key was used before: {told}")
        return "unknown" if done.doubted else "skipped"
    if after is not None and (other := _contradicted(session, changes, after)):
        warn(f"{title} answered without what was asked of {', '.join(other)}")
        return "unknown"
    if changes and before and all(before.get(n) == changes[n] for n in changes):
        return "unchanged"
    return _OUTCOMES[ask.endpoint.effect]


def _rehearsed(session: Session, done: Done) -> str:
    form = session.provider.dry_run
    if form and form.confirmed.lower() in done.reply.headers:
        return "planned"
    warn(f"{session.provider.title} did not confirm the dry run; it may have been carried out")
    return "unknown"


def _replayed(session: Session, done: Done) -> bool:
    form = session.provider.idempotency
    return form is not None and form.replayed.lower() in done.reply.headers


def _contradicted(
    session: Session, changes: Mapping[str, JSON], after: Mapping[str, JSON]
) -> list[str]:
    """Flags and enumerations that do not stand in the answer as they were written."""
    declared = fields_of(session.provider.record)
    exact = [n for n in changes if declared[n].kind in ("boolean", "category")]
    return [n for n in exact if after.get(n) != changes[n]]
