"""What became of a write: its answer held against what was asked, as one result row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from contactkit.answers import picked, undocumented
from contactkit.calls import Ask, Done, Session
from contactkit.columns import named
from contactkit.errors import warn
from contactkit.many import Many
from contactkit.record import fields_of, key_of
from contactkit.spec import JSON, as_object

_OUTCOMES = {"create": "created", "update": "updated", "delete": "deleted"}


def row_of(session: Session, ask: Ask, done: Done) -> dict[str, JSON]:
    """The one record of an answer, as it came; ApiError when there is none."""
    place = () if ask.endpoint.answer == "whole" else session.provider.envelope.one
    row = picked(session, ask, done, place)
    # Where no envelope says that this is the record, its key must.
    key = key_of(ask.endpoint.record or session.provider.record).wire
    if not isinstance(row, dict) or (not place and key not in row):
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
    name = key_of(ask.endpoint.record or session.provider.record).name
    return _common(session, ask, done) | {
        "key": key or (after or {}).get(name),
        "outcome": _outcome(session, ask, done, changes, before, after),
        "changed": [n for n in changes if before is None or before.get(n) != changes[n]],
        "before": before,
        "after": after,
    }


def results(session: Session, ask: Ask, done: Done, many: Many) -> list[dict[str, Any]]:
    """The result rows of a write of many contacts, one each, in the order they were given."""
    record, bulk = session.provider.record, ask.endpoint.bulk
    fates = bulk and bulk.read(done.reply.status, done.body, many.sent)
    if not fates or len(fates) != len(many.sent):
        raise undocumented(session, ask, done.reply, "does not tell of what was sent")
    found: list[dict[str, Any]] = []
    for values, (outcome, row, message) in zip(many.values, fates, strict=True):
        after = named(record, as_object(row)) if row else None
        found.append(
            _common(session, ask, done)
            | {
                "key": (after or values).get(key_of(record).name),
                "outcome": _rehearsed(session, done) if ask.dry_run else outcome,
                "changed": [] if ask.endpoint.effect == "delete" else [*values],
                "after": after,
                "message": message or None,
            }
        )
    return found


def _common(session: Session, ask: Ask, done: Done) -> dict[str, Any]:
    return {
        "provider": session.provider.name,
        "operation": ask.endpoint.effect,
        "http_status": done.reply.status,
        "attempts": done.attempts,
        "request_id": done.request_id or None,
        "idempotency_key": ask.idempotency_key or None,
        "elapsed_ms": round(done.elapsed * 1000),
        "at": datetime.fromtimestamp(done.at, UTC),
    }


def _after(session: Session, ask: Ask, done: Done, key: str) -> dict[str, JSON]:
    """The contact that a write answered with; it must be the one that was asked for."""
    record = ask.endpoint.record or session.provider.record
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
    if after is not None and (other := _contradicted(session, ask, changes, after)):
        warn(f"{title} answered without what was asked of {', '.join(other)}")
        return "unknown"
    if changes and before and all(before.get(n) == changes[n] for n in changes):
        return "unchanged"
    if ask.endpoint.effect == "create" and done.reply.status == 200 and _upserts(ask):
        return "updated"
    return _OUTCOMES[ask.endpoint.effect]


def _upserts(ask: Ask) -> bool:
    """A creation that may be carried out twice changes the contact if it is there."""
    return ask.endpoint.repeats(as_object(ask.call.body))


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
    session: Session, ask: Ask, changes: Mapping[str, JSON], after: Mapping[str, JSON]
) -> list[str]:
    """Flags and enumerations that do not stand in the answer as they were written.

    A field that a provider need not answer with contradicts nothing by its absence.
    """
    declared = fields_of(ask.endpoint.record or session.provider.record)
    exact = [n for n in changes if declared[n].kind in ("boolean", "category")]
    return [n for n in exact if (n in after or declared[n].promised) and after.get(n) != changes[n]]
