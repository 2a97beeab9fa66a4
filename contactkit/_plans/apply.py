"""One apply of a plan on an event loop: what is sent when, when to stop, and the result frame."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

import pandas as pd

from contactkit._frames.frame import result_frame
from contactkit._http.drivers import adrive
from contactkit._http.response import utc
from contactkit._http.results import Row
from contactkit._http.session import Answer, Request, Response, Wait
from contactkit._http.world import apause, time_of, world_attrs
from contactkit._journal.writer import JournalWriter
from contactkit._plans.apply_report import ApplyReport
from contactkit._plans.name import PlanName
from contactkit._plans.pacing import ConcurrencyLimit, Pacer, RequestStats
from contactkit._plans.plan import Plan
from contactkit._plans.resume import pending_writes
from contactkit._plans.steps import (
    ApplySettings,
    AwaitSlot,
    JournalIntent,
    PendingWrite,
    Stopped,
    WriteResult,
    Writing,
    unsent_row,
)
from contactkit._plans.write import write_contact
from contactkit.errors import JournalError
from contactkit.spec.outcome import FAILURES, Outcome

if TYPE_CHECKING:
    from contactkit._http.connection import Connection

# After this many contacts in a row without a response, the provider is considered down.
_MOST_UNANSWERED = 10
_LONG_WAIT = 1.0
_GRACE = 0.5


class Apply:
    """One apply of a plan. `stop` lets requests in flight finish; `abort` abandons them."""

    def __init__(self, plan: Plan, settings: ApplySettings, connection: Connection) -> None:
        self._plan = plan
        self._settings = settings
        self._session = session = settings.session
        self._connection = connection
        self._clock = session.clock
        self._attrs = world_attrs(session.world)
        self.stopped = ""
        self._resume_at: float | None = None
        self._pacer = Pacer(session.budget, settings.concurrency)
        self._slots = ConcurrencyLimit(self._pacer)
        self._stats = RequestStats(session.uptime(), session.budget)
        self._report = ApplyReport(session, len(plan), self._stats, settings.report)
        self._rows: list[Row | None] = [None] * len(plan)
        self._halted: asyncio.Future[None] | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._writer: JournalWriter | None = None
        self._failures = 0
        self._unanswered = 0

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
            self._most_failures = settings.most_failures(len(pending))
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
        self._show_progress(finished=True)
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
        self._report.add(position, row["outcome"])

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
        has_slot = False

        async def perform(step: Request | Wait | AwaitSlot | JournalIntent) -> Answer:
            nonlocal has_slot
            if isinstance(step, AwaitSlot) and not has_slot:
                await self._slots.enter()
                has_slot = True
            return await self._step(step)

        try:
            return await adrive(flow, perform)
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
        self._report.in_flight += 1
        try:
            answer = await self._connection.asend(request)
        finally:
            self._report.in_flight -= 1
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
                self._report.waiting_until = ready if ready - now > _LONG_WAIT else None
                if self._report.waiting_until:
                    self._show_progress()
                await self._sleep(ready)
                self._report.waiting_until = None
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
        self._show_progress()

    async def _flush_journal(self) -> None:
        if self._writer:
            try:
                await self._writer.flush()
            except JournalError as error:
                self.stop(f"the journal does not have the outcome of some contacts: {error}")

    def _show_progress(self, *, finished: bool = False) -> None:
        if error := self._report.show(finished=finished):
            self.stop(error)

    def _frame(self) -> pd.DataFrame:
        frame = result_frame(cast("list[Row]", self._rows), self._plan.index, self._attrs)
        frame.attrs["plan"] = PlanName.of(self._plan)
        frame.attrs["timeline"] = self._stats.timeline()
        if self.stopped:
            frame.attrs["stopped"] = self.stopped
        if self._resume_at is not None:
            frame.attrs["resume_at"] = utc(self._resume_at).isoformat(timespec="seconds")
        return frame
