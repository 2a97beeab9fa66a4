"""An apply under way on one event loop: who sends what when, when to stop, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import cast

import pandas as pd

from contactkit._frames.frame import result_frame
from contactkit._http.connection import Connection
from contactkit._http.response import utc
from contactkit._http.session import Answer, Request, Response, Session, Wait
from contactkit._http.world import Clock
from contactkit._journal.writer import JournalWriter
from contactkit._plans.load import PlanName
from contactkit._plans.options import Options
from contactkit._plans.pacing import ConcurrencyLimit, Pacer, RequestStats, through
from contactkit._plans.plan import Plan
from contactkit._plans.progress import Progress
from contactkit._plans.resume import jobs_of
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
from contactkit._plans.write import written
from contactkit.errors import JournalError
from contactkit.spec.outcome import FAILURES

# So many contacts in a row without an answer mean that there is nobody to answer.
_DEAD = 10
_TELL_EVERY = 0.1
_LONG = 1.0
_SPARE = 0.5


class Apply:
    """One apply of a plan. `stop` finishes what is on the wire; `abort` gives that up too."""

    def __init__(
        self,
        plan: Plan,
        session: Session,
        connection: Connection,
        clock: Clock,
        options: Options,
        notice: str,
    ) -> None:
        self.stopped = ""
        self._resume_at: float | None = None
        self._plan = plan
        self._session = session
        self._connection = connection
        self._clock = clock
        self._options = options
        self._notice = notice
        self._terms = ApplySettings(
            session=session,
            plan=plan.name,
            dry_run=options.dry_run,
            on_conflict=options.on_conflict,
        )
        self._pace = Pacer(session.budget, options.concurrency)
        self._traffic = RequestStats(clock.now(), self._left)
        self._rows: list[Row | None] = [None] * len(plan)
        self._counts: Counter[str] = Counter()
        self._slots = ConcurrencyLimit(lambda: self._pace.in_flight)
        self._halt: asyncio.Future[None] | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._failures = 0
        self._lost = 0
        self._flying = 0
        self._waiting: float | None = None
        self._told_at = 0.0

    async def run(self) -> pd.DataFrame:
        """Write what is to be written; JournalError before anything is sent."""
        self._gate = asyncio.Lock()
        self._halt = asyncio.get_running_loop().create_future()
        if self.stopped:
            self._halt.set_result(None)
        # What is late after its turn is close to the next one.
        self._connection.async_client()
        journal, most = self._session.plan_journal, self._options.concurrency
        with nullcontext() if self._options.dry_run else journal.claim() as claim:
            jobs = self._sorted(jobs_of(self._plan, self._session, journal, claim))
            self._book = JournalWriter(journal, claim) if claim else None
            self._most = self._options.most_failures(len(jobs))
            self._jobs = iter(jobs)
            count = min(most + most // 2 + 1, len(jobs))
            self._workers = [asyncio.create_task(self._work()) for _ in range(count)]
            try:
                if self._workers:
                    await asyncio.wait(self._workers)
                for worker in self._workers:
                    worker.result()
            finally:
                await self._closed()
        self._tell(finished=True)
        return self._frame()

    def stop(self, why: str, resume_at: float | None = None) -> None:
        """Begin nothing more; what waits is given up, and what is on the wire comes to its end."""
        if not self.stopped:
            self.stopped, self._resume_at = why, resume_at
            if self._halt:
                self._slots.open()
                self._halt.set_result(None)
                self._give_up_late()

    def _give_up_late(self) -> None:
        """What is on the wire gets the time that any request has."""
        if (longest := self._connection.timeout.read) is not None:
            asyncio.get_running_loop().call_later(longest + _SPARE, self.abort)

    def abort(self) -> None:
        """Give up what is on the wire too: nobody will know what became of it."""
        for worker in self._workers:
            worker.cancel()

    def _sorted(self, found: Iterator[PendingWrite | Row]) -> list[tuple[int, PendingWrite]]:
        """The jobs with their positions; what is no job has its result row at once."""
        jobs: list[tuple[int, PendingWrite]] = []
        for position, each in enumerate(found):
            if not isinstance(each, PendingWrite):
                self._keep(position, each)
            elif self._options.limit is not None and len(jobs) >= self._options.limit:
                self._keep(position, self._unsent(each, f"limit={self._options.limit}"))
            else:
                jobs.append((position, each))
        return jobs

    def _unsent(self, job: PendingWrite, why: str) -> Row:
        return told(self._session, job.planned, "planned", f"not sent: {why}")

    def _keep(self, position: int, row: Row) -> None:
        self._rows[position] = row
        self._counts[row["outcome"]] += 1

    async def _work(self) -> None:
        """Do one job after the other; there are more workers than turns, who put down ahead."""
        for position, job in self._jobs:
            if self.stopped:
                self._keep(position, self._unsent(job, self.stopped))
            else:
                self._take(position, await self._driven(written(self._terms, job)))

    async def _driven(self, flow: Writing[WriteResult]) -> WriteResult:
        """A job from its first turn on, of which only so many may be under way, to its end."""
        answer: Answer = None
        interrupt: BaseException | None = None
        waits = True
        try:
            while True:
                step = flow.throw(interrupt) if interrupt else flow.send(answer)
                answer = interrupt = None
                try:
                    if waits and isinstance(step, AwaitSlot):
                        await self._slots.enter()
                        waits = False
                    answer = await self._step(step)
                except BaseException as error:
                    interrupt = error
        except StopIteration as end:
            return end.value
        finally:
            if not waits:
                self._slots.leave()

    async def _step(self, step: Request | Wait | AwaitSlot | JournalIntent) -> Answer:
        if isinstance(step, Request):
            return await self._send(step)
        if isinstance(step, AwaitSlot):
            await self._turn()
        elif isinstance(step, JournalIntent):
            if self._book:
                step.id = await self._book.begin(step.intent)
        else:
            await self._nap(step.until)
        return None

    async def _send(self, call: Request) -> Answer:
        sent_at = self._clock.now()
        self._traffic.sent(sent_at)
        self._flying += 1
        try:
            answer = await self._connection.asend(call)
        finally:
            self._flying -= 1
        now = self._clock.now()
        refused = isinstance(answer, Response) and answer.status == 429
        if refused:
            self._traffic.limited(now)
        if isinstance(answer, Response) and answer.status < 500 and not refused:
            self._pace.well()
        else:
            told = isinstance(answer, Response) and "retry-after" in answer.headers
            self._pace.trouble(sent_at, now, refused=refused, told=told)
        return answer

    async def _turn(self) -> None:
        """Wait until the next request may go; one after the other, in the order they came."""
        async with self._gate:
            while not self.stopped:
                now = self._clock.now()
                at = self._pace.ready(now)
                if at <= now:
                    return
                longest = now + self._options.patience
                if at > longest and (limited := self._pace.limited(now)) > longest:
                    when = f"{utc(limited):%Y-%m-%d %H:%M:%S} UTC"
                    self.stop(f"the rate limit is used up until {when}", limited)
                    break
                self._waiting = at if at - now > _LONG else None
                if self._waiting:
                    self._tell()
                await self._nap(at)
                self._waiting = None
        raise Stopped(self.stopped)

    async def _nap(self, until: float) -> None:
        if not self.stopped and self._halt:
            nap = asyncio.ensure_future(self._clock.asleep(until))
            try:
                await asyncio.wait({nap, self._halt}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                nap.cancel()
        if self.stopped:
            raise Stopped(self.stopped)

    def _take(self, position: int, fate: WriteResult) -> None:
        """Keep what became of a contact, and stop where it means no good for the others."""
        self._keep(position, fate.row)
        if fate.id is not None and self._book:
            self._book.end(fate.id, fate.row)
        self._traffic.done(self._clock.now())
        self._failures += fate.row["outcome"] in FAILURES
        self._lost = self._lost + 1 if fate.lost else 0
        if fate.stop:
            self.stop(fate.stop)
        elif self._book and self._book.error:
            self.stop(str(self._book.error))
        elif self._failures >= self._most:
            self.stop(f"{self._failures:,} contacts were refused, failed or are unknown")
        elif self._lost >= _DEAD:
            self.stop(f"the last {_DEAD} contacts got no answer")
        self._tell()

    async def _closed(self) -> None:
        if self._book:
            try:
                await self._book.flush()
            except JournalError as error:
                self.stop(f"the journal does not say what became of all: {error}")

    def _tell(self, *, finished: bool = False) -> None:
        tell, at = self._options.tell, time.monotonic()
        if not tell or (at - self._told_at < _TELL_EVERY and not finished):
            return
        self._told_at = at
        now, done = self._clock.now(), self._counts.total()
        rate, left = self._traffic.rate(now), len(self._plan) - done
        limited = through(self._session.budget, left, now) if left else now
        eta = max(limited, now + left / rate) if rate else None
        moment = Progress(
            total=len(self._plan),
            counts=dict(self._counts),
            in_flight=self._flying,
            rate=rate,
            eta=None if eta is None else utc(eta),
            waiting=None if self._waiting is None else utc(self._waiting),
            finished=finished,
        )
        try:
            tell(moment)
        except BaseException as error:  # The caller's own must not cost the frame.
            self._options = replace(self._options, tell=None)
            self.stop(f"progress= raised {type(error).__name__}: {error}")

    def _left(self, now: float) -> int | None:
        return min((left for _, left in self._session.budget.left(now)), default=None)

    def _frame(self) -> pd.DataFrame:
        frame = result_frame(cast("list[Row]", self._rows), self._plan.index, self._notice)
        frame.attrs["plan"] = PlanName.of(self._plan)
        frame.attrs["timeline"] = self._traffic.timeline()
        if self.stopped:
            frame.attrs["stopped"] = self.stopped
        if self._resume_at is not None:
            frame.attrs["resume_at"] = utc(self._resume_at).isoformat(timespec="seconds")
        return frame
