"""How a request reaches the engine and its answer comes back, whatever carries them.

`deliver` decides and yields how long to wait; who carries the answer, in process or over HTTP,
does the waiting.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from contactkit.simulator.gate import mark
from contactkit.simulator.messages import Answer, Request

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

IN_FLIGHT_PATIENCE = 5.0
_NAP = 0.05


def deliver(engine: Engine, request: Request) -> Generator[float, None, Answer]:
    """Answer one request; yields seconds to let pass.

    A second request under an idempotency key waits for the first one, but not for ever. A request
    is in flight while a fault holds it up.
    """
    delay, answer = engine.faults.meet(engine, request)
    marked = mark(engine, request)
    if marked:
        naps = round(IN_FLIGHT_PATIENCE / _NAP)
        while marked in engine.in_flight and naps:
            naps -= 1
            yield _NAP
        engine.in_flight.setdefault(marked, request)
    try:
        if delay:
            yield delay
        with engine.lock:
            return answer(request)
    finally:
        if marked and engine.in_flight.get(marked) is request:
            del engine.in_flight[marked]
