"""How a client carries a plan out: on an event loop of its own, or on the caller's."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._http.connection import Connection, arun, run
from contactkit._http.session import Flow, Session
from contactkit._http.world import Clock, World
from contactkit._plans.apply import Apply
from contactkit._plans.options import checked
from contactkit._plans.plan import Plan
from contactkit._plans.undo import plan_undo

if TYPE_CHECKING:
    from contactkit.forms import PlanView

INTERRUPTED = "it was interrupted"
# Some systems tell of an interrupt only when a wait is over.
_GLANCE = 0.2


class PlanRunner:
    """What a plan is applied, undone and shown through."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        connection: Connection,
        listed: Callable[[], Flow[pd.DataFrame]],
        world: Callable[[], World],
    ) -> None:
        self.session = session
        self._listed = listed
        self._clock = clock
        self._connection = connection
        self._world = world

    @property
    def world(self) -> World:
        """Where it sends now: a client that is being recorded has a cassette's."""
        return self._world()

    def view(self, plan: Plan) -> PlanView:
        """Show it as a widget."""
        # Only forms need what draws them.
        from contactkit.forms import PlanView

        return PlanView(plan)

    def apply(self, plan: Plan, options: Mapping[str, Any]) -> pd.DataFrame:
        """Apply it on a thread of its own: a notebook's loop is running already."""
        apply = self._under_way(plan, options)
        return _Thread(apply, lambda: self._alone(apply)).result()

    async def aapply(self, plan: Plan, options: Mapping[str, Any]) -> pd.DataFrame:
        """Apply it on the running loop."""
        apply = self._under_way(plan, options)
        running = asyncio.ensure_future(apply.run())
        for end in (lambda: apply.stop("it was cancelled"), apply.abort):
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if running.cancelled():
                    raise
                end()
        return await running

    def undo(self, plan: Plan) -> Plan:
        """Plan its undoing."""
        return run(plan_undo(self.session, plan, self._listed), self._connection, self._clock)

    async def aundo(self, plan: Plan) -> Plan:
        """The same, awaited."""
        flow = plan_undo(self.session, plan, self._listed)
        return await arun(flow, self._connection, self._clock)

    def _under_way(self, plan: Plan, given: Mapping[str, Any]) -> Apply:
        options = checked(self.session, **given)
        notice = self.world.notice
        return Apply(plan, self.session, self._connection, self._clock, options, notice)

    async def _alone(self, apply: Apply) -> pd.DataFrame:
        try:
            return await apply.run()
        finally:
            await self._connection.aclose_client()


class _Thread:
    """An apply on a thread of its own; who waits for it may interrupt it, and then once more."""

    def __init__(self, apply: Apply, run: Callable[[], Coroutine[Any, Any, pd.DataFrame]]) -> None:
        self._ends = [lambda: apply.stop(INTERRUPTED), apply.abort]
        self._run = run
        self._done = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._found: pd.DataFrame | None = None
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._work,), daemon=True)

    def _work(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                self._found = runner.run(self._run())
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def result(self) -> pd.DataFrame:
        """The result frame, or what it raised; an interrupt brings the frame too."""
        with _interrupts(self._end):
            self._thread.start()
            while not self._through():
                pass
        if self._error or self._found is None:
            raise self._error or RuntimeError("the apply ended without a frame")
        return self._found

    def _through(self) -> bool:
        try:
            return self._done.wait(_GLANCE)
        except BaseException as error:
            # Whoever has a way of their own with interrupts may still raise one.
            self._end()
            if not isinstance(error, KeyboardInterrupt):
                raise
            return False

    def _end(self) -> None:
        """Stop it, or abort it the second time; one that has ended already needs neither."""
        with suppress(RuntimeError, IndexError):
            self._loop.call_soon_threadsafe(self._ends.pop(0))


@contextmanager
def _interrupts(end: Callable[[], None]) -> Generator[None]:
    """Have Ctrl-C, or a kernel's stop button, call this; an exception could come at any line.

    Whoever has a way of their own with interrupts, or waits on another thread, keeps it.
    """
    own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not own or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: end())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
