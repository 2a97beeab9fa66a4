"""How a client applies, undoes and shows a plan: on its own event loop, or on the caller's."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import sys
import threading
from collections.abc import Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from contactkit._http.connection import Connection
from contactkit._http.drivers import arun, run
from contactkit._http.session import Session
from contactkit._plans.apply import Apply
from contactkit._plans.apply_options import check_apply
from contactkit._plans.lift import Grounds, check_lift
from contactkit._plans.plan import Plan
from contactkit._plans.undo import plan_undo
from contactkit._redact import Unpicklable
from contactkit.errors import ConfigurationError

if TYPE_CHECKING:
    from contactkit._people.plans import Plans
    from contactkit.forms import PlansView, PlanView

INTERRUPTED = "interrupted"
# Some systems deliver an interrupt only between two waits.
_WAIT = 0.2


class PlanRunner(Unpicklable):
    """Applies, undoes and shows the plans of one client."""

    def __init__(self, session: Session, connection: Connection) -> None:
        self.session = session
        self._connection = connection

    def apply(self, plan: Plan, **options: Any) -> pd.DataFrame:
        """Apply a plan on a separate thread, because a notebook's event loop is already running."""
        return self.apply_together({"": plan}, **options)[""]

    @staticmethod
    def apply_together(plans: Mapping[str, Plan], **options: Any) -> dict[str, pd.DataFrame]:
        """Apply plans of different clients at the same time; an interrupt stops all of them.

        The names are shown with the progress. If one raises, the others still finish before that
        error is raised.
        """
        started = [plan._runner._start(plan, title=name, **options) for name, plan in plans.items()]
        applies = _Applies(started)
        in_browser = sys.platform == "emscripten"
        frames = _wait_in_browser(applies.run()) if in_browser else _ApplyThread(applies).result()
        return dict(zip(plans, frames, strict=True))

    def _start(self, plan: Plan, **options: Any) -> tuple[Apply, Connection]:
        """An apply of this plan that is not running yet; its options are checked."""
        check_lift(plan)
        settings = check_apply(plan, self.session, **options)
        return Apply(plan, settings, self._connection), self._connection

    async def apply_async(self, plan: Plan, **options: Any) -> pd.DataFrame:
        """Apply a plan on the running event loop."""
        apply, _ = self._start(plan, **options)
        running = asyncio.ensure_future(apply.run())
        for end in (partial(apply.stop, "cancelled"), apply.abort):
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if running.cancelled():
                    raise
                end()
        return await running

    def undo(self, plan: Plan, opt_in: bool, **shown: Any) -> Plan:
        """Return a plan that undoes another; `shown` are the arguments of `find_grounds`."""
        flow = plan_undo(self.session, plan, opt_in, _grounds(plan, shown))
        return run(flow, self._connection, self.session.clock)

    async def undo_async(self, plan: Plan, opt_in: bool, **shown: Any) -> Plan:
        """Return a plan that undoes another, on the running event loop."""
        if sys.platform == "emscripten":
            grounds = _grounds(plan, shown)
        else:
            # It may read all sources again, which must not keep the event loop waiting.
            grounds = await asyncio.to_thread(_grounds, plan, shown)
        flow = plan_undo(self.session, plan, opt_in, grounds)
        return await arun(flow, self._connection, self.session.clock)

    def view(self, plan: Plan) -> PlanView:
        """Show a plan as a widget."""
        # Importing the widgets is slow.
        from contactkit.forms import PlanView

        return PlanView(plan)

    @staticmethod
    def view_together(plans: Plans) -> PlansView:
        """Show the plans of several clients as one widget."""
        from contactkit.forms import PlansView

        return PlansView(plans)


def _grounds(plan: Plan, shown: Mapping[str, Any]) -> Grounds | None:
    if all(value is None for value in shown.values()):
        return None
    # It is slow, and most plans are undone without it.
    from contactkit._people.lift import find_grounds

    return find_grounds(plan, **shown)


class _Applies:
    """Several applies on one event loop."""

    def __init__(self, started: Sequence[tuple[Apply, Connection]]) -> None:
        self._applies = [apply for apply, _ in started]
        self._connections = {id(connection): connection for _, connection in started}.values()

    async def run(self) -> list[pd.DataFrame]:
        """The result frames; raises the first error once all have ended."""
        running = (apply.run() for apply in self._applies)
        try:
            ended = await asyncio.gather(*running, return_exceptions=True)
        finally:
            for connection in self._connections:
                await connection.aclose_client()
        for result in ended:
            if isinstance(result, BaseException):
                raise result
        return cast("list[pd.DataFrame]", ended)

    def stop(self, why: str) -> None:
        """Let requests in flight finish."""
        for apply in self._applies:
            apply.stop(why)

    def abort(self) -> None:
        """Abandon requests in flight."""
        for apply in self._applies:
            apply.abort()


def _wait_in_browser(applying: Coroutine[Any, Any, list[pd.DataFrame]]) -> list[pd.DataFrame]:
    """Apply on the running event loop, since a browser has no threads; the cell waits for it."""
    from pyodide.ffi import can_run_sync, run_sync  # pyright: ignore[reportMissingImports]

    if can_run_sync():
        return run_sync(applying)
    applying.close()
    raise ConfigurationError("this browser cannot wait in a cell: use `await plan.aio.apply()`")


class _ApplyThread:
    """Applies on a separate thread; the first interrupt stops them, the second aborts them."""

    def __init__(self, applies: _Applies) -> None:
        self._applies = applies
        self._interrupts = 0
        self._done = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._frames: list[pd.DataFrame] | None = None
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._work,), daemon=True)

    def result(self) -> list[pd.DataFrame]:
        """The result frames, also after an interrupt; raises what the apply raised."""
        with self._handling_interrupts():
            self._thread.start()
            while not self._wait():
                pass
        if self._error or self._frames is None:
            raise self._error or RuntimeError("the apply ended without a frame")
        return self._frames

    def _work(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                self._frames = runner.run(self._applies.run())
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def _wait(self) -> bool:
        try:
            return self._done.wait(_WAIT)
        except BaseException as error:
            # The caller's signal handler may still raise an interrupt.
            self._interrupt()
            if not isinstance(error, KeyboardInterrupt):
                raise
            return False

    def _interrupt(self) -> None:
        self._interrupts += 1
        # The loop is closed once the apply has ended.
        with suppress(RuntimeError):
            if self._interrupts == 1:
                self._loop.call_soon_threadsafe(self._applies.stop, INTERRUPTED)
            elif self._interrupts == 2:
                self._loop.call_soon_threadsafe(self._applies.abort)

    @contextmanager
    def _handling_interrupts(self) -> Generator[None]:
        """Handle Ctrl-C, or a kernel's stop button, instead of raising at any line.

        In other threads, and in programs with their own signal handler, nothing changes.
        """
        default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not default or threading.current_thread() is not threading.main_thread():
            yield
            return
        signal.signal(signal.SIGINT, lambda *_: self._interrupt())
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
