"""One planned contact's write as a flow: looked at, put down, sent, and judged as a result row.

It asks for a `Turn` before each request, and to `Begin` in the journal before the write, and
whoever drives it gives both. It raises for nothing that becomes of a contact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contactkit._http.flow import send
from contactkit._http.response import extract, row_of
from contactkit._http.results import failure_row, result_row
from contactkit._http.session import Operation, Success, build_operation
from contactkit._journal.write import intent
from contactkit._plans.steps import (
    ApplySettings,
    AwaitSlot,
    JournalIntent,
    PendingWrite,
    Row,
    Stopped,
    WriteResult,
    Writing,
    told,
)
from contactkit._redact import redact
from contactkit.errors import (
    AuthenticationError,
    ConfigurationError,
    ContactKitError,
    FieldProblem,
    InvalidInputError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    RateLimitError,
    TransportError,
)
from contactkit.spec.outcome import OF_VERB
from contactkit.spec.provider import JSON, Endpoint, as_list, as_object
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import (
    accepted_fields,
    json_equal,
    validate_edit,
    wire_of,
    writable_fields,
)

# After these no other contact can fare better.
_FATAL = (AuthenticationError, ConfigurationError, JournalError)
# A key is not sent again so late that the provider may forget it meanwhile.
_SPARE = 300.0


def written(terms: ApplySettings, job: PendingWrite) -> Writing[WriteResult]:
    """Write one contact, and say what became of it."""
    write = _Write(terms, job)
    try:
        row = yield from write.carried_out()
    except GeneratorExit:
        raise
    except BaseException as error:
        return write.failed(error)
    return WriteResult(row=row, id=write.id)


class _Write:
    """One contact's write under way: how far it has come decides what a failure means."""

    def __init__(self, terms: ApplySettings, job: PendingWrite) -> None:
        self.terms = terms
        self.job = job
        self.planned = job.planned
        self.session = terms.session
        self.id = job.seen if job.open else None
        self.in_doubt = job.doubted
        self.sent = False

    def carried_out(self) -> Writing[Row]:
        terms = self.terms
        endpoint = self.session.provider.endpoint(self.planned.operation)
        if terms.dry_run and not endpoint.dry_run:
            title = self.session.provider.title
            return self.told("planned", f"{title} has no dry run of this; nothing was sent")
        ask = self.ask(endpoint)
        if self.job.doubted and not (terms.dry_run or ask.own_key):
            row = yield from self.settled(ask)
            if row:
                yield from self.put_down(ask)
                return row
        elif terms.on_conflict and endpoint.takes_key:
            if (yield from self.stands(endpoint)):
                return self.told("unchanged", "it was so already; nothing was sent")
        done = yield from self.answered(ask)
        # Whoever sends under the key of an earlier attempt takes the answer to that for its own.
        ask = replace(ask, own_key=False) if ask.own_key else ask
        return result_row(self.session, ask, done, **self.about())

    def about(self) -> dict[str, Any]:
        planned = self.planned
        return {"key": planned.key, "changes": planned.changes, "before": planned.before}

    def ask(self, endpoint: Endpoint) -> Operation:
        """The request; under the key of an earlier one where that is still good for it."""
        provider, planned = self.session.provider, self.planned
        taken = accepted_fields(provider, endpoint)
        given = {**planned.changes, **planned.options}
        body: dict[str, JSON] = {wire_of(endpoint, taken[n]): v for n, v in given.items()}

        def made(key: str) -> Operation:
            return build_operation(
                self.session,
                endpoint,
                key=planned.key,
                body=body,
                idempotency_key=key,
                dry_run=self.terms.dry_run,
            )

        ask = made("")
        key = self.earlier_key(ask)
        return made(key) if key and ask.idempotency_key else ask

    def earlier_key(self, ask: Operation) -> str:
        """The key that an earlier attempt of the same request was sent under, while it lives."""
        earlier, form = self.job.earlier, self.session.provider.idempotency
        if not earlier or not form or earlier["request"] != ask.request.digest:
            return ""
        age = self.session.clock.now() - earlier["key_made_at"].timestamp()
        return str(earlier["idempotency_key"] or "") if age < form.life - _SPARE else ""

    def settled(self, ask: Operation) -> Writing[Row | None]:
        """What a write in doubt came to, read back; None where it is to be sent (again)."""
        planned, query = self.planned, self.own()
        if not planned.key and not query:
            return self.told("unknown", "cannot be read back without a key; look for it")
        try:
            current = yield from (self.listed(query) if query else self.current())
        except NotFoundError:
            current = None
        if planned.operation == "delete":
            return None if current else self.found({})
        if current is None:
            return None
        wanted = planned.after(self.session.provider) or {}
        if all(json_equal(current.get(name), wanted[name]) for name in planned.changes):
            return self.found(current)
        if ask.repeatable:
            return None
        return self.told("unknown", "is there with other values than were sent")

    def found(self, current: Mapping[str, JSON]) -> Row:
        row = self.told(OF_VERB[self.planned.operation], "read back: it was carried out")
        key = self.planned.key or current.get(key_of(self.session.provider.record).name)
        return row | {"key": key, "after": current or None, "changed": [*self.planned.changes]}

    def own(self) -> Mapping[str, str]:
        """What a listing may be asked for to find a new contact: its own number or address."""
        provider = self.session.provider
        if self.planned.key:
            return {}
        created = writable_fields(provider, provider.endpoint("create"))
        params = provider.endpoint("list").params
        for kind in ("phone", "email"):
            names = [n for n, each in created.items() if each.marker.personal == kind]
            asks = [n for n, each in fields_of(params).items() if each.marker.personal == kind]
            if len(names) == len(asks) == 1 and self.planned.changes.get(names[0]):
                return params.to_query({asks[0]: self.planned.changes[names[0]]})
        return {}

    def listed(self, query: Mapping[str, str]) -> Writing[dict[str, JSON] | None]:
        """The one contact that a listing answers with, if it does."""
        session = self.session
        asked = session.provider.paging.first_query(query, 2)
        ask = build_operation(session, session.provider.endpoint("list"), query=asked)
        done = yield from self.done(ask)
        rows = as_list(extract(session, ask, done, session.provider.envelope.many))
        return session.provider.record.from_wire(as_object(rows[0])) if rows else None

    def stands(self, endpoint: Endpoint) -> Writing[bool]:
        """Look at the contact as it stands now: whether it is as it should become already.

        InvalidInputError where it was changed since, and that is not to be sent over.
        """
        provider, planned = self.session.provider, self.planned
        current, before = (yield from self.current()), planned.before or {}
        wanted = planned.after(provider) or {}
        looked_at = planned.changes if wanted else before
        if wanted and all(json_equal(current.get(name), wanted[name]) for name in looked_at):
            return True
        other = [name for name in looked_at if not json_equal(current.get(name), before.get(name))]
        if other and self.terms.on_conflict == "refuse":
            message = "was changed since it was read"
            problems = [FieldProblem(field=n, message=message, code="conflict") for n in other]
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", problems)
        values = {**planned.changes, **planned.options}
        if found := validate_edit(provider, endpoint, values, current).problems:
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", found)
        self.planned = replace(planned, before=current)
        return False

    def current(self) -> Writing[dict[str, JSON]]:
        """The contact as it stands at the provider."""
        session = self.session
        ask = build_operation(session, session.provider.endpoint("get"), key=self.planned.key)
        done = yield from self.done(ask)
        return session.provider.record.from_wire(row_of(session, ask, done))

    def answered(self, ask: Operation) -> Writing[Success]:
        """The write's answer. It is put down before its turn, so that it then goes at once."""
        yield from self.put_down(ask)
        return (yield from self.done(ask))

    def done(self, ask: Operation) -> Writing[Success]:
        """A good answer; a rate limit's refusal costs a turn more and nothing else."""
        refused = 0
        while True:
            yield AwaitSlot()
            self.sent = self.sent or ask.writes
            try:
                done = yield from send(self.session, ask, paced=True)
            except RateLimitError:
                refused += 1
            else:
                return replace(done, attempts=done.attempts + refused) if refused else done

    def put_down(self, ask: Operation) -> Writing[None]:
        """Have the journal know of the write; Taken where somebody else is at it."""
        if self.terms.dry_run or self.id is not None:
            return
        job, plan = self.job, self.terms.plan
        begin = JournalIntent(
            intent(self.session, ask, **self.about(), plan=plan, row=job.row, seen=job.seen)
        )
        yield begin
        if begin.id is None:
            raise _Taken
        self.id = begin.id

    def told(self, outcome: str, message: str) -> Row:
        """A result row of which no answer tells."""
        return told(self.session, self.planned, outcome, message)

    def failed(self, error: BaseException) -> WriteResult:
        """What an error means for the contact, and for all others."""
        if isinstance(error, _Taken):
            return WriteResult(
                row=self.told("skipped", "another process is at it, or has done it since")
            )
        if isinstance(error, Stopped) and not self.sent and not self.in_doubt:
            return WriteResult(row=self.told("planned", f"not sent: {error}"), id=self.id)
        effect, never = self.planned.operation, self.terms.dry_run or not self.sent
        row = failure_row(self.session, effect, error, **self.about(), dry_run=never)
        if self.in_doubt and not _settles(effect, error):
            row["outcome"] = "unknown"
        if isinstance(error, Exception) and not isinstance(error, ContactKitError):
            # What nobody foresaw is no contact's own, and nobody has looked at what it says.
            told = redact(f"{type(error).__name__}: {error}", self.session.secrets)
            return WriteResult(row=row | {"message": told}, id=self.id, stop=told)
        stop = str(error) if isinstance(error, _FATAL) else ""
        return WriteResult(row=row, id=self.id, stop=stop, lost=isinstance(error, TransportError))


def _settles(effect: str, error: BaseException) -> bool:
    """Whether a refusal of the repeat says that the first attempt was not carried out either.

    Who may come in, and how often, is asked before it is known what is repeated; a conflict may be
    with the first attempt itself, and what is to be deleted may be gone because of it.
    """
    gone = isinstance(error, NotFoundError) and effect != "delete"
    return gone or isinstance(error, InvalidRequestError)


class _Taken(ContactKitError):
    """The journal has it that the row is somebody else's."""
