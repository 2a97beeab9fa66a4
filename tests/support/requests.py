"""Raw HTTP to a simulator without a client of ours, so that responses are seen unchanged."""

from __future__ import annotations

import json
from typing import Any

import httpx

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.auth import HeaderAuth

ANONYMOUS = "anonymous"


class RawClient:
    """One simulator, and requests to it with the credentials of its accounts."""

    def __init__(
        self, provider: str, contacts: int = 8, seed: int = 0, strict: bool | None = None
    ) -> None:
        declaration = find(provider)
        self.simulator = ck.Simulator(contacts, seed, strict=strict)
        transport = self.simulator.transport(declaration)
        self.http = httpx.Client(base_url=declaration.base_url, transport=transport)
        self.engine = self.simulator.engine

    def __call__(self, method: str, path: str, account: str = "", **sent: Any) -> httpx.Response:
        """Send one request as an account, the first by default; `headers` are added to its own."""
        headers = {**self.credentials(account), **sent.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **sent)

    def credentials(self, account: str = "") -> dict[str, str]:
        """The headers that show an account's credential."""
        if account == ANONYMOUS:
            return {}
        values = self.simulator.accounts[account or next(iter(self.simulator.accounts))]
        ways = [way for way in self.engine.provider.auth if isinstance(way, HeaderAuth)]
        return {each.header: each.prefix + values[each.name] for each in ways[0].credentials}

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.simulator.clock.sleep(self.simulator.clock.now() + seconds)

    def snapshot(self) -> str:
        """Everything that is stored, for a comparison."""
        stored = [(each.row, each.owner, each.deleted) for each in self.engine.contacts]
        return json.dumps(stored, sort_keys=True)

    def row(self, key: str) -> dict[str, Any]:
        """One stored contact."""
        stored = self.engine.contacts.find(key)
        assert stored is not None
        return stored.row
