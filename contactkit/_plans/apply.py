"""One apply of a plan on an event loop: what is sent when, when to stop, and the result frame."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, cast

import pandas as pd

from contactkit._frames.frame import result_frame
from contactkit._frames.moments import time_note
from contactkit._http.response import utc
from contactkit._http.results import Row
from contactkit._http.session import Answer, Request, Response, Session, Wait
from contactkit._http.world import apause, time_of, world_attrs
from contactkit._journal.writer import JournalWriter
from contactkit._plans.apply_numbers import number_or_share, seconds, whole_number
from contactkit._plans.home import bound_home, check_home
from contactkit._plans.name import PlanName
from contactkit._plans.pacing import ConcurrencyLimit, Pacer, RequestStats, finish_time
from contactkit._plans.plan import Plan
from contactkit._plans.progress import Progress, display
from contactkit._plans.resume import pending_writes
from contactkit._plans.steps import (
    ApplySettings,
    AwaitSlot,
    JournalIntent,
    OnConflict,
    PendingWrite,
    Stopped,
    WriteResult,
    Writing,
    unsent_row,
)
from contactkit._plans.write import write_contact
from contactkit.errors import InvalidInputError, JournalError
from contactkit.spec.outcome import FAILURES, Outcome
from contactkit.spec.validate import to_python

if TYPE_CHECKING:
    from contactkit._http.connection import Connection

_MOST_AT_ONCE = 256
# After this many contacts in a row without a response, the provider is considered down.
_MOST_UNANSWERED = 10
_REPORT_EVERY = 0.1
_LONG_WAIT = 1.0
_GRACE = 0.5


class Apply:
    """One apply of a plan. `stop` lets requests in flight finish; `abort` abandons them."""

    def __init__(
        self,
        plan: Plan,
        session: Session,
        connection: Connection,
        *,
        dry_run: bool = False,
        limit: int | None = None,
        stop_after_failures: float | None = None,
        concurrency: int = 16,
        progress: bool | Callable[[Progress], None] = True,
        on_conflict: OnConflict = None,
        patience: float | None = None,
        anyway: bool = False,
    ) -> None:
        """Check the options; InvalidInputError says which is invalid and what is allowed.

        ConfigurationError if the plan has another home, unless it is applied `anyway`.
        """
        where = f"{session.provider.name} apply"
        for name, value in {"dry_run": dry_run, "anyway": anyway}.items():
            if type(to_python(value)) is not bool:
                raise InvalidInputError.one(where, name, "must be True or False")
        if on_conflict not in (None, "refuse", "reread"):
            message = "must be 'refuse', 'reread' or None"
            raise InvalidInputError.one(where, "on_conflict", message)
        if not callable(progress) and type(to_python(progress)) is not bool:
            message = "must be True or False, or a function that takes a Progress"
            raise InvalidInputError.one(where, "progress", message)
        if not anyway:
            check_home(plan, session)
        self._settings = ApplySettings(
            session=session,
            plan=plan.name,
            account=bound_home(plan, session).account,
            opt_in=plan.opt_in,
            dry_run=bool(dry_run),
            limit=None if limit is None else whole_number(where, "limit", limit),
            stop_after_failures=number_or_share(where, stop_after_failures),
            concurrency=whole_number(where, "concurrency", concurrency, _MOST_AT_ONCE),
            on_conflict=on_conflict,
            patience=session.patience if patience is None else seconds(where, patience),
        )
        self._report_to = progress if callable(progress) else display() if progress else None
        self._plan = plan
        self._session = session
        self._connection = connection
        self._clock = session.clock
        self._attrs = world_attrs(session.world)
        self.stopped = ""
        self._resume_at: float | None = None
        self._pacer = Pacer(session.budget, self._settings.concurrency)
        self._slots = ConcurrencyLimit(self._pacer)
        self._stats = RequestStats(self._session.uptime(), session.budget)
        self._rows: list[Row | None] = [None] * len(plan)
        self._counts: Counter[str] = Counter()
        self._news: dict[int, str] = {}
        self._halted: asyncio.Future[None] | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._writer: JournalWriter | None = None
        self._failures = 0
        self._unanswered = 0
        self._in_flight = 0
        self._waiting_until: float | None = None
        self._reported_at = 0.0

    async def run(self) -> pd.DataFrame:
        """Write all pending contacts; raises JournalError before anything is sent."""
        self._turns = asyncio.Lock()
        self._halted = asyncio.get_running_loop().create_future()
        if self.stopped:
            self._halted.set_result(None)
        # Opening a connection later would delay the first request.
        self._connection.async_client()
        settings, journal = self._settings, self._session.plan_journal
        with nullcontext() if settings.dry_run else journal.claim() as lease:
            contacts = pending_writes(self._plan, self._session, settings.account, journal, lease)
            pending = self._split(contacts)
            self._writer = JournalWriter(journal, lease) if lease else None
            self._most_failures = _most_failures(settings.stop_after_failures, len(pending))
            self._pending = iter(pending)
            # More workers than slots, so that intents are recorded ahead of their turn.
            count = min(settings.concurrency + settings.concurrency // 2 + 1, len(pending))
            self._workers = [asyncio.create_task(self._work()) for _ in range(count)]
            try:
                if self._workers:
                    await asyncio.wait(self._workers)
                for worker in self._workers:
                    worker.result()
            finally:
                await self._flush_journal()
        self._report(finished=True)
        return self._frame()

    def stop(self, why: str, resume_at: float | None = None) -> None:
        """Start nothing more and abandon waiting contacts; requests in flight finish."""
        if not self.stopped:
            self.stopped, self._resume_at = why, resume_at
            if self._halted:
                self._slots.open()
                self._halted.set_result(None)
                self._abort_late()

    def _abort_late(self) -> None:
        """Abort when requests in flight exceed the time that any request has."""
        if (longest := self._connection.timeout.read) is not None:
            asyncio.get_running_loop().call_later(longest + _GRACE, self.abort)

    def abort(self) -> None:
        """Abandon requests in flight too: the outcome of those contacts is unknown."""
        for worker in self._workers:
            worker.cancel()

    def _split(self, contacts: Iterator[PendingWrite | Row]) -> list[tuple[int, PendingWrite]]:
        """The writes to send, with their positions; all other contacts get their rows now."""
        limit = self._settings.limit
        pending: list[tuple[int, PendingWrite]] = []
        for position, contact in enumerate(contacts):
            if not isinstance(contact, PendingWrite):
                self._set_row(position, contact)
            elif limit is not None and len(pending) >= limit:
                self._set_row(position, self._unsent(contact, f"limit={limit}"))
            else:
                pending.append((position, contact))
        return pending

    def _unsent(self, write: PendingWrite, why: str) -> Row:
        return unsent_row(self._session, write.planned, Outcome.PLANNED, f"not sent: {why}")

    def _set_row(self, position: int, row: Row) -> None:
        self._rows[position] = row
        self._counts[row["outcome"]] += 1
        if self._report_to:
            self._news[position] = row["outcome"]

    async def _work(self) -> None:
        """Write one contact after the other."""
        for position, write in self._pending:
            if self.stopped:
                self._set_row(position, self._unsent(write, self.stopped))
            else:
                result = await self._drive(write_contact(self._settings, write))
                self._finish(position, result)

    async def _drive(self, flow: Writing[WriteResult]) -> WriteResult:
        """Run the flow of one contact, which holds a slot from its first turn on."""
        answer: Answer = None
        interrupt: BaseException | None = None
        has_slot = False
        try:
            while True:
                step = flow.throw(interrupt) if interrupt else flow.send(answer)
                answer = interrupt = None
                try:
                    if isinstance(step, AwaitSlot) and not has_slot:
                        await self._slots.enter()
                        has_slot = True
                    answer = await self._step(step)
                except BaseException as error:
                    interrupt = error
        except StopIteration as end:
            return end.value
        finally:
            if has_slot:
                self._slots.leave()

    async def _step(self, step: Request | Wait | AwaitSlot | JournalIntent) -> Answer:
        if isinstance(step, Request):
            return await self._send(step)
        if isinstance(step, AwaitSlot):
            await self._await_turn()
        elif isinstance(step, JournalIntent):
            if self._writer:
                step.id = await self._writer.begin(step.intent)
        else:
            await self._sleep(step.until)
        return None

    async def _send(self, request: Request) -> Answer:
        sent_at = self._session.uptime()
        self._stats.count_sent(sent_at)
        self._in_flight += 1
        try:
            answer = await self._connection.asend(request)
        finally:
            self._in_flight -= 1
        now = self._session.uptime()
        limited = isinstance(answer, Response) and answer.status == 429
        if limited:
            self._stats.count_limited(now)
        if isinstance(answer, Response) and answer.status < 500 and not limited:
            self._pacer.speed_up()
        else:
            timed = isinstance(answer, Response) and "retry-after" in answer.headers
            self._pacer.slow_down(sent_at, now, limited=limited, timed=timed)
        return answer

    async def _await_turn(self) -> None:
        """Wait until the next request may be sent, in order of arrival."""
        async with self._turns:
            while not self.stopped:
                now = self._session.uptime()
                ready = self._pacer.take_turn(now)
                if ready <= now:
                    return
                longest = now + self._settings.patience
                if ready > longest and (limited := self._pacer.limited_until(now)) > longest:
                    until = time_of(self._clock, limited)
                    time = f"{utc(until):%Y-%m-%d %H:%M:%S} UTC"
                    self.stop(f"the rate limit is used up until {time}", until)
                    break
                self._waiting_until = ready if ready - now > _LONG_WAIT else None
                if self._waiting_until:
                    self._report()
                await self._sleep(ready)
                self._waiting_until = None
        raise Stopped(self.stopped)

    async def _sleep(self, until: float) -> None:
        """Sleep until then; raise Stopped as soon as the apply stops."""
        if not self.stopped and self._halted:
            sleep = asyncio.ensure_future(apause(self._clock, until))
            try:
                await asyncio.wait({sleep, self._halted}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleep.cancel()
        if self.stopped:
            raise Stopped(self.stopped)

    def _finish(self, position: int, result: WriteResult) -> None:
        """Keep the outcome of a contact, and stop if the other contacts would fail too."""
        writer = self._writer
        self._set_row(position, result.row)
        if result.id is not None and writer:
            writer.end(result.id, result.row)
        self._stats.count_done(self._session.uptime())
        self._failures += result.row["outcome"] in FAILURES
        self._unanswered = self._unanswered + 1 if result.unanswered else 0
        if result.stop:
            self.stop(result.stop)
        elif writer and writer.error:
            self.stop(str(writer.error))
        elif self._failures >= self._most_failures:
            self.stop(f"{self._failures:,} contacts were refused, failed or are unknown")
        elif self._unanswered >= _MOST_UNANSWERED:
            self.stop(f"the last {_MOST_UNANSWERED} contacts got no response")
        self._report()

    async def _flush_journal(self) -> None:
        if self._writer:
            try:
                await self._writer.flush()
            except JournalError as error:
                self.stop(f"the journal does not have the outcome of some contacts: {error}")

    def _report(self, *, finished: bool = False) -> None:
        """Report the progress, but not too often."""
        report = self._report_to
        if report is None:
            return
        now = time.monotonic()
        if now - self._reported_at < _REPORT_EVERY and not finished:
            return
        self._reported_at = now
        try:
            report(self._progress(finished))
        except BaseException as error:  # An error in the caller's function must not lose the frame.
            self._report_to = None
            self.stop(f"progress= raised {type(error).__name__}: {error}")

    def _progress(self, finished: bool) -> Progress:
        now, rest = self._session.uptime(), len(self._plan) - self._counts.total()
        rate = self._stats.rate(now)
        limited = finish_time(self._session.budget, rest, now) if rest else now
        eta = max(limited, now + rest / rate) if rate else None
        news, self._news = self._news, {}
        return Progress(
            total=len(self._plan),
            counts=dict(self._counts),
            in_flight=self._in_flight,
            rate=rate,
            eta=self._time_of(eta),
            waiting=self._time_of(self._waiting_until),
            finished=finished,
            note=time_note(self._session.world.name),
            news=news,
        )

    def _time_of(self, until: float | None) -> datetime | None:
        return None if until is None else utc(time_of(self._clock, until))

    def _frame(self) -> pd.DataFrame:
        frame = result_frame(cast("list[Row]", self._rows), self._plan.index, self._attrs)
        frame.attrs["plan"] = PlanName.of(self._plan)
        frame.attrs["timeline"] = self._stats.timeline()
        if self.stopped:
            frame.attrs["stopped"] = self.stopped
        if self._resume_at is not None:
            frame.attrs["resume_at"] = utc(self._resume_at).isoformat(timespec="seconds")
        return frame


def _most_failures(most: float | None, count: int) -> float:
    """How many failures stop an apply that sends this many contacts."""
    if most is None:
        return math.inf
    return max(1, math.ceil(most * count)) if isinstance(most, float) else most
