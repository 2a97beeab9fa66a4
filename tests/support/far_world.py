"""A world of any number of accounts of Sent's, whose pages are made when they are asked for.

Each account has contacts of its own, a clock of its own that only waiting moves, and a limit: what
exceeds it in any minute is refused, and counted.
"""

from __future__ import annotations

import json
import uuid
from collections import deque
from dataclasses import dataclass, field

import httpx

from contactkit._http.world import VirtualClock
from contactkit.spec.provider import Provider
from tests.bench.contacts import contact

START = 1_790_000_000.0
_ROW = json.dumps(contact(0)).replace(contact(0)["id"], "%(id)s")
_PAGE = (
    '{"success": true, "data": {"contacts": [%s], "pagination": {"page": %d, "page_size": %d, '
    '"total_count": %d, "total_pages": %d, "has_more": %s}}}'
)


def key_of_contact(account: int, number: int) -> str:
    """The key of a contact of an account."""
    return f"{account:08x}-0000-4000-8000-{number:012x}"


@dataclass
class FarAccount:
    """One account and all of its contacts; a world for `connect`."""

    number: int
    contacts: int
    per_minute: int = 200
    requests: int = 0
    refused: int = 0
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))
    name: str = "far world"
    notice: str = ""
    real: bool = False

    def __post_init__(self) -> None:
        self._sent: deque[float] = deque()

    @property
    def seconds(self) -> float:
        """How long the account was busy, by its own clock."""
        return self.clock.now() - START

    def transport(self, provider: Provider) -> httpx.MockTransport:
        return httpx.MockTransport(self._respond)

    def credentials(self, provider: Provider) -> dict[str, str]:
        return {"api_key": str(uuid.UUID(int=self.number, version=4))}

    def tap(self, session: object) -> None:
        pass

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        now = self.clock.now()
        while self._sent and self._sent[0] <= now - 60:
            self._sent.popleft()
        self._sent.append(now)
        if len(self._sent) > self.per_minute:
            self.refused += 1
            return httpx.Response(429, headers={"Retry-After": "1"}, json={})
        query = request.url.params
        page, size = int(query["page"]), int(query["page_size"])
        headers = {"Content-Type": "application/json"}
        return httpx.Response(200, headers=headers, text=self._page(page, size))

    def _page(self, page: int, size: int) -> str:
        pages = -(-self.contacts // size)
        numbers = range((page - 1) * size, min(page * size, self.contacts))
        rows = ",".join(_ROW % {"id": key_of_contact(self.number, number)} for number in numbers)
        more = "true" if page < pages else "false"
        return _PAGE % (rows, page, size, self.contacts, pages, more)
