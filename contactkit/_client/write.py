"""A single verb's write of one contact: recorded in the journal, sent, and its result row.

A write that may open a channel to the contact is sent once, right after a fresh read. What counts
is the contact as it is then, not as the caller knew it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from contactkit._http.background import ParallelFlow
from contactkit._http.flow import ATTEMPTS, acquire, backoff, send
from contactkit._http.results import Row, Values, result_row
from contactkit._http.session import Flow, Operation, Session, Wait
from contactkit._journal.write import intent_of, journaled
from contactkit._plans.consent import changed_problems, shows_time
from contactkit._plans.listing import read_contact
from contactkit._plans.whole import changed_consent, whole_request
from contactkit.errors import (
    FieldProblem,
    InvalidInputError,
    NotFoundError,
    RateLimitError,
    UnrecordedRequestError,
)
from contactkit.spec.consent import CODE, ConsentState
from contactkit.spec.doubts import undocumented, unstated
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import key_of
from contactkit.spec.widening import consent_changes, reads_first

_NO_TEXT = FieldProblem(field="", message="opted out, so no text is sent", code=CODE)


@dataclass(frozen=True, kw_only=True)
class ContactWrite:
    """The write of one contact; `shown` is the contact as the caller gave it.

    A `whole` one also sends everything else of the contact, as it is read right before.
    """

    session: Session
    operation: Operation
    key: str = field(repr=False)
    changes: Mapping[str, JSON] = field(repr=False)
    shown: Values | None = field(repr=False)
    opt_in: bool
    whole: bool

    def check(self) -> None:
        """Raise InvalidInputError if it must not be sent to the contact as the caller knows it."""
        shown = self.shown or {}
        self._refuse(shown, self.shown)
        if self.operation.endpoint.fields:
            new = [name for name, value in self.changes.items() if value != shown.get(name)]
            self._raise(self._suppressed({**shown, **self.changes}, new))

    def run(self) -> ParallelFlow[list[Row]]:
        """Record the write and send it, after a fresh read if it needs one."""
        reads = reads_first(self.session.provider, self.operation.endpoint, self.changes)
        if reads or self.whole:
            return self._read_and_send()
        if self.operation.once:
            return repeat_when_limited(self.session, self._record_and_send)
        return self._record_and_send()

    def _read_and_send(self) -> ParallelFlow[list[Row]]:
        known = self.shown

        def attempt() -> Flow[list[Row]]:
            nonlocal known
            # Two places: the write need not wait for the rate limit after the read.
            yield from acquire(self.session, self.operation)
            yield from acquire(self.session, self.operation)
            known = yield from self._read(known)
            return (yield from self._record_and_send(known, paced=True))

        return repeat_when_limited(self.session, attempt)

    def _read(self, known: Values | None) -> Flow[Values | None]:
        """The contact as it is now, if the write may be sent to it; None if there is none.

        `known` is the contact as it was read before.
        """
        try:
            current = yield from read_contact(self.session, self.key, paced=True)
        except UnrecordedRequestError:
            if self.whole:
                raise
            # Recordings of earlier versions have no such read, and reach nobody.
            return None
        except NotFoundError:
            if self.operation.endpoint.fields:
                raise
            self._refuse_missing()
            return None
        self._refuse(current, known)
        self._refuse_doubts(current)
        if self.whole:
            self._raise(changed_consent(self.session.provider, known, current))
        return current

    def _refuse(self, current: Values, known: Values | None) -> None:
        """Raise InvalidInputError if it must not be sent to this contact."""
        provider, endpoint = self.session.provider, self.operation.endpoint
        changes = consent_changes(provider, endpoint, self.changes)
        problems = consent_problems(provider, changes, known, current, opt_in=self.opt_in)
        if not self.opt_in and (changes or endpoint.texts):
            problems += undocumented(provider, current)
        state = provider.consent.states(current).get("text", ConsentState.unknown)
        texts_a_no = endpoint.texts and (problems or state >= ConsentState.denied)
        self._raise([_NO_TEXT] if texts_a_no else problems)

    def _refuse_doubts(self, current: Values) -> None:
        """Refuse to open a channel that may be closed, or to a number on the suppression list."""
        if self.opt_in:
            return
        provider, endpoint = self.session.provider, self.operation.endpoint
        changes = consent_changes(provider, endpoint, self.changes)
        self._raise(unstated(provider, current, changes))
        names = provider.consent.opened_fields(current, changes)
        names += provider.consent.phones if endpoint.texts else ()
        problems = self._suppressed({**current, **changes}, names)
        self._raise([_NO_TEXT] if problems and endpoint.texts else problems)

    def _refuse_missing(self) -> None:
        """Refuse to text or opt in a key without a contact, if it is on the suppression list."""
        provider, endpoint = self.session.provider, self.operation.endpoint
        if endpoint.effect == "delete":
            return
        name = key_of(provider.record).name
        changes = consent_changes(provider, endpoint, self.changes)
        problems = self._suppressed({name: self.key, **changes}, [name])
        self._raise([_NO_TEXT] if problems and endpoint.texts else problems)

    def _suppressed(self, contact: Values, names: Iterable[str]) -> list[FieldProblem]:
        """Why these fields of a contact must not be written: the suppression list has them."""
        if self.opt_in:
            return []
        suppression = self.session.plan_journal.suppression
        return suppression.refusals(self.session.provider, contact, names)

    def _raise(self, problems: Sequence[FieldProblem]) -> None:
        if problems:
            where = f"{self.session.provider.name} {self.operation.endpoint.verb}"
            raise InvalidInputError(where, problems)

    def _record_and_send(
        self, before: Values | None = None, *, paced: bool = False
    ) -> Flow[list[Row]]:
        operation, before = self.operation, before or self.shown
        if self.whole:
            request = whole_request(self.session.provider, operation.request, before or {})
            operation = replace(operation, request=request)
        intent = intent_of(
            self.session,
            operation,
            key=self.key,
            changes=self.changes,
            before=before,
            opt_in=self.opt_in,
        )
        sending = self._send(operation, before, paced)
        return journaled(self.session, operation, [intent], sending)

    def _send(self, operation: Operation, before: Values | None, paced: bool) -> Flow[list[Row]]:
        session = self.session
        success = yield from send(session, operation, paced=paced)
        changes = self.changes
        row = result_row(session, operation, success, key=self.key, changes=changes, before=before)
        return [row]


def consent_problems(
    provider: Provider, changes: Values, known: Values | None, current: Values, *, opt_in: bool
) -> list[FieldProblem]:
    """Why these changes of consent must not be sent to the contact as it is now.

    opt_in=True holds for the no that was `known`, not for one that was said since.
    """
    problems = provider.consent.refusals(changes, shown=known, current=current, opt_in=opt_in)
    if problems or not shows_time(provider, known):
        return problems
    return changed_problems(provider, known, current, changes)


def repeat_when_limited(
    session: Session, attempt: Callable[[], ParallelFlow[list[Row]]]
) -> ParallelFlow[list[Row]]:
    """Repeat an attempt that the rate limit refused, if the wait is not too long.

    Each attempt has its own entry in the journal.
    """
    for count in range(1, ATTEMPTS):
        try:
            return (yield from attempt())
        except RateLimitError as error:
            seconds = error.resume_at.timestamp() - session.clock.now()
            if seconds > session.patience:
                raise
            # Without a time in the response it is now, give or take a rounding.
            pause = seconds if seconds > 0.001 else backoff(count)
            yield Wait(until=session.uptime() + pause)
    return (yield from attempt())
