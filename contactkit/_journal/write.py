"""A single verb's write: recorded in the journal before it is sent, and closed with its outcome.

Plans record theirs through `writer`, which joins the commits of many.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from contactkit._http.results import Row, Values, failure_row
from contactkit._http.session import Flow, Operation, Session
from contactkit._http.world import boot_id
from contactkit._journal.store import Intent, Journal
from contactkit._journal.suppression import texts_of
from contactkit.errors import ConfigurationError, JournalError, warn
from contactkit.spec.doubts import with_doubts_denied
from contactkit.spec.outcome import Outcome


def intent_of(
    session: Session,
    operation: Operation,
    *,
    key: str,
    changes: Values,
    before: Values | None,
    because: Sequence[Values] = (),
    account: str = "",
    plan: str = "",
    row: int = 0,
    seen: int = 0,
    opt_in: bool = False,
) -> Intent:
    """The journal's record of a write before it is sent, for one of its contacts."""
    provider, deletes = session.provider, operation.endpoint.effect == "delete"
    lost = with_doubts_denied(provider, before) if before and deletes else {}
    return Intent(
        provider=provider.name,
        account=account or session.account,
        base_url=session.base_url,
        operation=operation.endpoint.effect,
        request=operation.request.digest,
        made_at=session.clock.now(),
        key=key,
        changes=changes,
        before=before,
        because=because,
        idempotency_key=operation.idempotency_key,
        plan=plan,
        row=row,
        seen=seen,
        opt_in=opt_in,
        suppress=provider.consent.denied_addresses(lost),
        uptime=session.uptime(),
        boot=boot_id(session.clock),
    )


def journaled(
    session: Session, operation: Operation, intents: Sequence[Intent], sending: Flow[list[Row]]
) -> Flow[list[Row]]:
    """Record a write's intents, send it, and record its result rows, one of each per contact.

    A dry run is not recorded. If an interrupt leaves the outcome unknown, the entries stay open. In
    a world without a journal, only the suppression list is kept.
    """
    if not operation.writes:
        return (yield from sending)
    journal = session.journal
    if journal is None:
        return (yield from _suppressing(session, intents, sending))
    ids = journal.begin(intents)
    try:
        rows = yield from sending
    except BaseException as error:
        rows = [_failure_row(session, error, intent) for intent in intents]
        if isinstance(error, Exception) or rows[0]["outcome"] != Outcome.UNKNOWN:
            _close(journal, ids, rows)
        raise
    _close(journal, ids, rows)
    return rows


def _suppressing(
    session: Session, intents: Sequence[Intent], sending: Flow[list[Row]]
) -> Flow[list[Row]]:
    suppression = session.plan_journal.suppression
    suppression.add(intents)
    rows = yield from sending
    # Without the key or the file they stay on the list, which is safe.
    with suppress(ConfigurationError, JournalError):
        for intent, row in zip(intents, rows, strict=True):
            opted_in = intent.opt_in and row["outcome"] in (Outcome.CREATED, Outcome.UPDATED)
            if opted_in:
                suppression.remove(intent.provider, texts_of(intent.changes, row["after"]))
    return rows


def _failure_row(session: Session, error: BaseException, intent: Intent) -> Row:
    return failure_row(
        session,
        intent.operation,
        error,
        key=intent.key,
        changes=intent.changes,
        before=intent.before,
    )


def _close(journal: Journal, ids: Sequence[int | None], rows: Sequence[Row]) -> None:
    """Close the entries; since the write was sent, a failure of the journal is only a warning."""
    try:
        journal.end({id: row for id, row in zip(ids, rows, strict=True) if id is not None})
    except JournalError as error:
        warn(f"the journal does not have the outcome of this write: {error}")
