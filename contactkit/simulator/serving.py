"""A simulator over HTTP: an ASGI application that carries requests to the same engine.

It lives in real time, and waits without holding up other requests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from contactkit.simulator import Simulator, control
from contactkit.simulator.delivery import deliver
from contactkit.simulator.messages import Answer, Request
from contactkit.spec import Provider
from contactkit.world import RealClock

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_PIECES, _PAUSE = 10, 0.1
_REAL = RealClock()
_log = logging.getLogger(__name__)


@dataclass
class AheadClock:
    """Real time, so many seconds ahead."""

    ahead: float = 0.0

    def now(self) -> float:
        return _REAL.now() + self.ahead

    def sleep(self, until: float) -> None:
        _REAL.sleep(until - self.ahead)

    async def asleep(self, until: float) -> None:
        await _REAL.asleep(until - self.ahead)


class Served:
    """One provider, played for whoever connects; with `controlled`, there are routes to steer it.

    The server puts `hang_up`, which ends a connection, into the state of its requests.
    """

    def __init__(
        self, provider: Provider, contacts: int, seed: int, *, controlled: bool = False
    ) -> None:
        self.provider = provider
        self.controlled = controlled
        self._asked = (contacts, seed)
        self.reset()

    def reset(self) -> None:
        """Begin again, as if it were started now."""
        self.clock = AheadClock()
        self.simulator = Simulator(*self._asked, clock=self.clock)
        self.engine = self.simulator.play(self.provider)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, as https://asgi.readthedocs.io/en/latest/specs/www.html says."""
        content = await _content(receive)
        if content is None:
            return
        target = scope["raw_path"] + b"?" + scope["query_string"]
        request = Request.read(scope["method"], target, httpx.Headers(scope["headers"]), content)
        try:
            await _carry(await self._answer(request), scope, receive, send)
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            raise

    async def _answer(self, request: Request) -> Answer:
        if self.controlled and request.path.startswith(control.ROOT):
            return control.answer(self, request)
        delivery = deliver(self.engine, request)
        try:
            while True:
                await asyncio.sleep(next(delivery))
        except StopIteration as end:
            return end.value


async def _content(receive: Receive) -> bytes | None:
    """The body of a request; None when its sender went away before its end."""
    parts: list[bytes] = []
    while (message := await receive())["type"] != "http.disconnect":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
    return None


async def _carry(answer: Answer, scope: Message, receive: Receive, send: Send) -> None:
    """Send an answer, or as much of it as is to arrive."""
    content = answer.content
    if answer.carried != "dropped":
        await send(_head(answer, len(content)))
    match answer.carried:
        case "whole":
            await send(_part(content, more=False))
        case "slow":
            size = -(-len(content) // _PIECES) or 1
            for start in range(0, len(content), size):
                await asyncio.sleep(_PAUSE)
                await send(_part(content[start : start + size], more=True))
            await send(_part(b"", more=False))
        case "cut":
            await send(_part(content[: len(content) // 2], more=True))
            await _hang_up(scope, receive)
        case "dropped":
            await _hang_up(scope, receive)


def _head(answer: Answer, length: int) -> Message:
    # RFC 9110, section 8.6: a 204 has no length.
    lines = answer.lines if answer.status == 204 else {**answer.lines, "Content-Length": length}
    headers = [(name.lower().encode(), str(value).encode()) for name, value in lines.items()]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def _part(content: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def _hang_up(scope: Message, receive: Receive) -> None:
    scope["state"]["hang_up"]()
    # The server is told that the connection ended, so that it does not miss the rest.
    while (await receive())["type"] != "http.disconnect":
        pass
