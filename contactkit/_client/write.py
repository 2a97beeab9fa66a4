"""A single verb's write of one contact: recorded in the journal, sent, and its result row.

A write that may open a channel to the contact is sent once, right after a fresh read. What counts
is the contact as it is then, not as the caller knew it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from contactkit._http.flow import ATTEMPTS, acquire, send
from contactkit._http.results import Row, Values, result_row
from contactkit._http.session import Flow, Operation, Session, Wait
from contactkit._journal.write import intent_of, journaled
from contactkit._plans.listing import read_contact
from contactkit.errors import (
    FieldProblem,
    InvalidInputError,
    NotFoundError,
    RateLimitError,
    UnrecordedRequestError,
)
from contactkit.spec.consent import CODE, ConsentState, consent_changes, reads_first
from contactkit.spec.provider import JSON

T = TypeVar("T")

_NO_TEXT = FieldProblem(field="", message="opted out, so no text is sent", code=CODE)


@dataclass(frozen=True, kw_only=True)
class ContactWrite:
    """The write of one contact; `shown` is the contact as the caller gave it."""

    session: Session
    operation: Operation
    key: str
    changes: Mapping[str, JSON]
    shown: Values | None
    opt_in: bool

    def check(self) -> None:
        """Raise InvalidInputError if it must not be sent to the contact as the caller knows it."""
        provider, session = self.session.provider, self.session
        self._refuse(self.shown or {})
        names: Iterable[str] = self.changes if self.operation.endpoint.fields else ()
        after = {**(self.shown or {}), **self.changes}
        if not self.opt_in:
            self._raise(session.plan_journal.suppression.refusals(provider, after, names))

    def _refuse(self, current: Values) -> None:
        """Raise InvalidInputError if it must not be sent to this contact."""
        provider, endpoint = self.session.provider, self.operation.endpoint
        changes = consent_changes(provider, endpoint, self.changes)
        problems = provider.consent.refusals(
            changes, shown=self.shown, current=current, opt_in=self.opt_in
        )
        state = provider.consent.states(current).get("text", ConsentState.unknown)
        texts_a_no = endpoint.texts and state >= ConsentState.denied
        self._raise([_NO_TEXT] if texts_a_no else problems)

    def _raise(self, problems: Sequence[FieldProblem]) -> None:
        if problems:
            where = f"{self.session.provider.name} {self.operation.endpoint.verb}"
            raise InvalidInputError(where, problems)

    def run(self) -> Flow[list[Row]]:
        """Record the write and send it, after a fresh read if it needs one."""
        endpoint = self.operation.endpoint
        if reads_first(self.session.provider, endpoint, self.changes):
            return self._read_and_send()
        return self._record(self.shown, self._send(self.shown))

    def _read_and_send(self) -> Flow[list[Row]]:
        before = yield from _retry_when_limited(self.session, self._read)
        current = [before]

        def attempt() -> Flow[list[Row]]:
            contact = current.pop() if current else (yield from self._read())
            return (yield from self._send(contact, paced=True))

        return (yield from self._record(before, _retry_when_limited(self.session, attempt)))

    def _record(self, before: Values | None, sending: Flow[list[Row]]) -> Flow[list[Row]]:
        intent = intent_of(
            self.session,
            self.operation,
            key=self.key,
            changes=self.changes,
            before=before,
            opt_in=self.opt_in,
        )
        return journaled(self.session, self.operation, [intent], sending)

    def _read(self) -> Flow[Values | None]:
        """The contact as it is now, if the write may be sent to it."""
        session = self.session
        # Two places: the write need not wait for the rate limit after the read.
        yield from acquire(session, self.operation)
        yield from acquire(session, self.operation)
        try:
            current = yield from read_contact(session, self.key, paced=True)
        except UnrecordedRequestError:
            # Recordings of earlier versions have no such read, and reach nobody.
            return self.shown
        except NotFoundError:
            if self.operation.endpoint.fields:
                raise
            return self.shown
        self._refuse(current)
        return current

    def _send(self, before: Values | None, *, paced: bool = False) -> Flow[list[Row]]:
        session, operation = self.session, self.operation
        success = yield from send(session, operation, paced=paced)
        changes = self.changes
        row = result_row(session, operation, success, key=self.key, changes=changes, before=before)
        return [row]


def _retry_when_limited(session: Session, attempt: Callable[[], Flow[T]]) -> Flow[T]:
    """Repeat an attempt that the rate limit refused, if the wait is not too long."""
    for _ in range(ATTEMPTS - 1):
        try:
            return (yield from attempt())
        except RateLimitError as error:
            resume_at = error.resume_at.timestamp()
            if resume_at - session.clock.now() > session.patience:
                raise
            yield Wait(until=resume_at)
    return (yield from attempt())
