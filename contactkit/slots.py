"""How many jobs are under way at once: first come, first served, and never more than allowed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Slots:
    """`most` says how many there are; it may change, and is asked when somebody comes or goes."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._taken = 0
        self._open = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Take a slot as soon as there is one."""
        if not self._open and (self._waiting or self._taken >= self._most()):
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            try:
                await waiting
            except asyncio.CancelledError:
                if waiting.done() and not waiting.cancelled():
                    self.leave()
                raise
        else:
            self._taken += 1

    def leave(self) -> None:
        """Give a slot back."""
        self._taken -= 1
        self._admit()

    def open(self) -> None:
        """Let everybody in from now on."""
        self._open = True
        self._admit()

    def _admit(self) -> None:
        while self._waiting and (self._open or self._taken < self._most()):
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._taken += 1
                waiting.set_result(None)
