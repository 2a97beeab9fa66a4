"""A write between its intents and its outcomes in the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contactkit._http.flow import send
from contactkit._http.results import failure_row
from contactkit._http.session import Flow, Operation, Session, Success
from contactkit._journal.store import Intent, Journal
from contactkit.errors import JournalError, warn
from contactkit.spec.provider import JSON

Rows = list[dict[str, Any]]


def intent(
    session: Session,
    ask: Operation,
    *,
    key: str,
    changes: Mapping[str, JSON],
    before: Mapping[str, JSON] | None,
    plan: str = "",
    row: int = 0,
    seen: int = 0,
) -> Intent:
    """What the journal must know of a request before it is sent, for one of its contacts."""
    return Intent(
        provider=session.provider.name,
        account=session.account,
        base_url=session.base_url,
        operation=ask.endpoint.effect,
        request=ask.request.digest,
        made_at=session.clock.now(),
        key=key,
        changes=changes,
        before=before,
        idempotency_key=ask.idempotency_key,
        plan=plan,
        row=row,
        seen=seen,
    )


def journaled(
    session: Session,
    ask: Operation,
    told: Callable[[], Sequence[Intent]],
    judged: Callable[[Success], Rows],
) -> Flow[Rows]:
    """Carry a request out and judge its answer, with the journal before and after.

    A dry run is no write. An interrupt that leaves it open what happened leaves the entries open.
    """
    journal = session.journal if ask.writes else None
    if journal is None:
        return judged((yield from send(session, ask)))
    begun = told()
    ids = journal.begin(begun)
    try:
        rows = judged((yield from send(session, ask)))
    except BaseException as error:
        rows = [_failed(session, error, each) for each in begun]
        if isinstance(error, Exception) or rows[0]["outcome"] != "unknown":
            _close(journal, ids, rows)
        raise
    _close(journal, ids, rows)
    return rows


def _failed(session: Session, error: BaseException, begun: Intent) -> dict[str, Any]:
    return failure_row(
        session,
        begun.operation,
        error,
        key=begun.key,
        changes=begun.changes,
        before=begun.before,
    )


def _close(journal: Journal, ids: Sequence[int | None], rows: Rows) -> None:
    """What has been sent cannot be unsent, so that a journal that fails now is only told of."""
    try:
        journal.end({id: row for id, row in zip(ids, rows, strict=True) if id is not None})
    except JournalError as error:
        warn(f"the journal does not say what became of this write: {error}")
