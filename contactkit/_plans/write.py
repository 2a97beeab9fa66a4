"""One planned contact's write as a flow: checked, recorded, sent, and returned as a result row.

It yields `AwaitSlot` before each request and `JournalIntent` before the write, besides the steps of
any flow. A contact's failure is never raised: it is a result row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from contactkit._http.flow import send
from contactkit._http.request import build_operation, build_request
from contactkit._http.response import contact_of
from contactkit._http.results import Row, Values, failure_row, is_replayed, result_row
from contactkit._http.session import Operation, Request, Success
from contactkit._journal.write import intent_of
from contactkit._plans.consent import suppressed_now
from contactkit._plans.keys import REPLAYED, key_of_write
from contactkit._plans.recheck import changes_now, conflict, is_unchanged
from contactkit._plans.settle import as_sent, must_settle, read_back, settle
from contactkit._plans.steps import (
    TAKEN,
    ApplySettings,
    AwaitSlot,
    JournalIntent,
    PendingWrite,
    Stopped,
    Taken,
    WriteResult,
    Writing,
    unsent_row,
)
from contactkit._plans.whole import whole_request
from contactkit._redact import redact
from contactkit.errors import (
    AuthenticationError,
    ConfigurationError,
    ContactKitError,
    InvalidInputError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    RateLimitError,
    TransportError,
    UnrecordedRequestError,
)
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.outcome import Outcome
from contactkit.spec.provider import JSON
from contactkit.spec.validate import accepted_fields, wire_of
from contactkit.spec.widening import may_widen

# These errors concern all contacts.
_FATAL = (AuthenticationError, ConfigurationError, JournalError)


def write_contact(settings: ApplySettings, pending: PendingWrite) -> Writing[WriteResult]:
    """Write one contact; returns its result row, whatever happens."""
    write = ContactWrite(settings, pending)
    try:
        row = yield from write.run()
    except GeneratorExit:
        raise
    except BaseException as error:
        return write.failure(error)
    return WriteResult(row=row, id=write.id)


class ContactWrite:
    """One contact's write; what a failure means depends on how far it got."""

    def __init__(self, settings: ApplySettings, pending: PendingWrite) -> None:
        self.settings = settings
        self.pending = pending
        self.planned = pending.planned
        self.session = settings.session
        self.id: int | None = None
        self.in_doubt = pending.in_doubt
        self.replayed = False
        self.sent = False
        provider, planned = self.session.provider, self.planned
        endpoint = provider.endpoint(planned.operation)
        self.widens = may_widen(provider, endpoint, planned.changes)
        self.whole = self.session.whole and bool(endpoint.required)
        self.reads_first = planned.reads_first(provider, whole=self.whole)
        self.current: Values | None = None

    def run(self) -> Writing[Row]:
        settings = self.settings
        endpoint = self.session.provider.endpoint(self.planned.operation)
        if settings.dry_run and not endpoint.dry_run:
            title = self.session.provider.title
            return self.row(Outcome.PLANNED, f"{title} has no dry run for this; nothing was sent")
        operation = self.operation(endpoint)
        if must_settle(self, operation):
            row = yield from settle(self, operation)
            if row:
                yield from self.record(as_sent(self, operation))
                return row
        if self.reads_first or (settings.on_conflict and endpoint.takes_key and not self.in_doubt):
            if (yield from self.is_done_already(endpoint)):
                message = "the contact already has these values; nothing was sent"
                return self.row(Outcome.UNCHANGED, message)
        if self.whole or self.planned.because:
            operation = self.operation(endpoint)
        # An intent is recorded before its turn, so that the request is then sent immediately.
        yield from self.record(operation)
        success = yield from self.send(operation, has_turn=self.reads_first)
        # Under the key of an earlier attempt, a replayed response belongs to this write.
        is_own, operation.own_key = operation.own_key, False
        row = result_row(self.session, operation, success, **self.values())
        if is_own or not is_replayed(self.session, success):
            return row
        self.replayed = self.in_doubt = True
        return (yield from read_back(self, row))

    def values(self) -> dict[str, Any]:
        planned = self.planned
        return {"key": planned.key, "changes": planned.changes, "before": planned.before}

    def request(self, endpoint: Endpoint) -> Request:
        """The request; a whole one has the contact as it was read, once it was."""
        planned, dry_run = self.planned, self.settings.dry_run
        fields = accepted_fields(self.session.provider, endpoint)
        values = {**planned.changes, **planned.options}
        body = {wire_of(endpoint, fields[name]): value for name, value in values.items()}
        request = build_request(self.session, endpoint, key=planned.key, body=body, dry_run=dry_run)
        if self.whole and self.current:
            return whole_request(self.session.provider, request, self.current)
        return request

    def operation(self, endpoint: Endpoint) -> Operation:
        """The request, under the idempotency key of its attempt."""
        planned, request = self.planned, self.request(endpoint)
        key, is_own = key_of_write(self.settings, endpoint, request, self.pending)
        return Operation(
            endpoint=endpoint,
            request=request,
            key=planned.key,
            idempotency_key=key,
            own_key=is_own,
            dry_run=self.settings.dry_run,
            # A no may be repeated.
            once=not planned.because and (self.widens or self.reads_first),
        )

    def is_done_already(self, endpoint: Endpoint) -> Writing[bool]:
        """Read the contact, and say whether it already has the planned values.

        InvalidInputError if it must not be written.
        """
        current = yield from self.read_current(endpoint)
        if current is None:
            return False
        planned, shown, on_conflict = self.planned, self.pending.planned, self.settings.on_conflict
        self.planned = replace(planned, before=current)
        if planned.because:
            on_conflict = on_conflict or "reread"
            if not planned.changes:
                return True
        return bool(on_conflict) and is_unchanged(
            self.session, replace(shown, changes=planned.changes), current, on_conflict
        )

    def read_current(self, endpoint: Endpoint) -> Writing[Values | None]:
        """The contact as it is now, if it may be written; None if there is none to read."""
        if self.reads_first:
            # A turn for the write, too, which is then sent immediately.
            yield AwaitSlot()
        try:
            current = yield from self.read()
        except UnrecordedRequestError:
            if self.whole or self.planned.because:
                raise
            # Recordings of earlier versions have no such read, and reach nobody.
            return None
        except NotFoundError:
            if endpoint.fields:
                raise
            return None
        shown, opt_in = self.pending.planned, self.settings.opt_in
        changes = changes_now(self.session, shown, current, opt_in=opt_in, whole=self.whole)
        if self.id is not None and changes != self.planned.changes:
            raise conflict(self.session, shown, self.planned.changes)
        self.current, self.planned = current, replace(self.planned, changes=changes)
        return current

    def read(self, key: str = "") -> Writing[dict[str, JSON]]:
        """Read the contact from the provider; a new one by its `key`."""
        session = self.session
        endpoint = session.provider.endpoint("get")
        operation = build_operation(session, endpoint, key=key or self.planned.key)
        success = yield from self.send(operation)
        return contact_of(session, operation, success)

    def send(self, operation: Operation, *, has_turn: bool = False) -> Writing[Success]:
        """Send a request; after a refusal by the rate limit, wait for another turn."""
        refusals = 0
        while True:
            if not has_turn:
                yield AwaitSlot()
            elif refusals:
                yield from self.read_current(operation.endpoint)
                if self.whole:
                    operation = replace(operation, request=self.request(operation.endpoint))
            if operation.writes:
                self.refuse_suppressed()
            self.sent = self.sent or operation.writes
            try:
                success = yield from send(self.session, operation, paced=True)
            except RateLimitError:
                refusals += 1
            else:
                attempts = success.attempts + refusals
                return replace(success, attempts=attempts) if refusals else success

    def refuse_suppressed(self) -> None:
        """Refuse an address whose contact opted out and was deleted during the apply."""
        if problems := suppressed_now(self.settings, self.planned):
            where = f"{self.session.provider.name} {self.planned.operation}"
            raise InvalidInputError(where, problems)

    def record(self, operation: Operation) -> Writing[None]:
        """Record the intent in the journal; Taken if another process has the contact."""
        if self.settings.dry_run or self.id is not None:
            return
        pending = self.pending
        intent = intent_of(
            self.session,
            operation,
            **self.values(),
            because=self.planned.because or self.planned.given,
            account=self.settings.account,
            plan=self.settings.plan,
            row=pending.row,
            seen=pending.seen,
            opt_in=self.settings.opt_in,
        )
        step = JournalIntent(intent)
        yield step
        if step.id is None:
            raise Taken(TAKEN)
        self.id = step.id

    def row(self, outcome: Outcome, message: str) -> Row:
        """A result row without a response."""
        return unsent_row(self.session, self.planned, outcome, message)

    def failure(self, error: BaseException) -> WriteResult:
        """What an error means for this contact and for all others."""
        if isinstance(error, Taken):
            return WriteResult(row=self.row(Outcome.SKIPPED, f"{error}, or has done so since"))
        if isinstance(error, Stopped) and not self.sent and not self.in_doubt:
            row = self.row(Outcome.PLANNED, f"not sent: {error}")
            return WriteResult(row=row, id=self.id, stop=str(error))
        effect, harmless = self.planned.operation, self.settings.dry_run or not self.sent
        row = failure_row(self.session, effect, error, **self.values(), dry_run=harmless)
        if self.replayed:
            row |= {"outcome": Outcome.UNKNOWN, "code": REPLAYED}
        elif self.in_doubt and not _settles_first_attempt(effect, error):
            row["outcome"] = Outcome.UNKNOWN
        if isinstance(error, Exception) and not isinstance(error, ContactKitError):
            # An unexpected error may concern all contacts, and its text may contain anything.
            message = redact(f"{type(error).__name__}: {error}", self.session.secrets)
            return WriteResult(row=row | {"message": message}, id=self.id, stop=message)
        return WriteResult(
            row=row,
            id=self.id,
            stop=str(error) if isinstance(error, _FATAL) else "",
            unanswered=isinstance(error, TransportError),
        )


def _settles_first_attempt(effect: str, error: BaseException) -> bool:
    """Whether the refusal of a repeat shows that the first attempt was not carried out either.

    Access and rate limits are checked before the request itself; a conflict may be caused by the
    first attempt, and a contact may be missing because the first attempt deleted it. What is
    refused here is refused after the contact was read back.
    """
    gone = isinstance(error, NotFoundError) and effect != "delete"
    return gone or isinstance(error, InvalidRequestError | InvalidInputError)
