"""The two drivers of flows: one blocks, the other awaits.

A flow may recover from what a step raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from contactkit._http.background import Begin, Finish, ParallelFlow, ThreadJob
from contactkit._http.session import Answer, Request, Step, Wait
from contactkit._http.world import RealClock, apause, pause

if TYPE_CHECKING:
    from contactkit._http.connection import Connection
    from contactkit._http.world import Clock

T = TypeVar("T")
StepT = TypeVar("StepT")
AnswerT = TypeVar("AnswerT")


def run(flow: ParallelFlow[T], connection: Connection, clock: Clock) -> T:
    """Run a flow until it returns; blocks."""
    return drive(flow, partial(_perform, connection, clock))


async def arun(flow: ParallelFlow[T], connection: Connection, clock: Clock) -> T:
    """Run a flow until it returns; awaits."""
    return await adrive(flow, partial(_aperform, connection, clock))


def drive(flow: Generator[StepT, AnswerT, T], perform: Callable[[StepT], AnswerT]) -> T:
    """Perform each step of a flow, and return what the flow returns."""
    resume: Callable[[], StepT] = partial(next, flow)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            return end.value
        try:
            answer = perform(step)
        except BaseException as interrupt:
            resume = partial(flow.throw, interrupt)
        else:
            resume = partial(flow.send, answer)


async def adrive(
    flow: Generator[StepT, AnswerT, T], perform: Callable[[StepT], Awaitable[AnswerT]]
) -> T:
    """The same, awaiting each step."""
    resume: Callable[[], StepT] = partial(next, flow)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            return end.value
        try:
            answer = await perform(step)
        except BaseException as interrupt:
            resume = partial(flow.throw, interrupt)
        else:
            resume = partial(flow.send, answer)


def _perform(connection: Connection, clock: Clock, step: Step | Begin | Finish) -> Answer:
    match step:
        case Request():
            return connection.send(step)
        case Begin():
            if connection.is_remote and isinstance(clock, RealClock):
                step.job = ThreadJob(partial(drive, step.flow), connection.send, clock)
        case Finish():
            cast("ThreadJob", step.job).join()
        case Wait():
            pause(clock, step.until)
    return None


async def _aperform(connection: Connection, clock: Clock, step: Step | Begin | Finish) -> Answer:
    match step:
        case Request():
            return await connection.asend(step)
        case Begin():
            if connection.is_remote and isinstance(clock, RealClock):
                step.job = asyncio.create_task(arun(step.flow, connection, clock))
        case Finish():
            await asyncio.wait({cast("asyncio.Task[Any]", step.job)})
        case Wait():
            await apause(clock, step.until)
    return None
