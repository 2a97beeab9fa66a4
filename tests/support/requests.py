"""Raw HTTP to a simulator, without contactkit's client in between."""

from __future__ import annotations

import json
from typing import Any

import httpx

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.provider import HeaderAuth


class Talk:
    """Sends requests to a simulator in the name of an account, the first by default."""

    def __init__(self, provider: str, contacts: int = 8, seed: int = 0) -> None:
        declared = find(provider)
        self.simulator = ck.Simulator(contacts, seed)
        transport = self.simulator.transport(declared)
        self.http = httpx.Client(base_url=declared.base_url, transport=transport)
        self.engine = self.simulator.engine

    def __call__(self, method: str, path: str, account: str = "", **sent: Any) -> httpx.Response:
        """Send a request with the headers of the account ("nobody" has none) and these."""
        headers = {**self.signed(account), **sent.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **sent)

    def signed(self, account: str) -> dict[str, str]:
        """The headers with the credential of an account."""
        if account == "nobody":
            return {}
        credentials = self.simulator.accounts[account or next(iter(self.simulator.accounts))]
        ways = [way for way in self.engine.provider.auth if isinstance(way, HeaderAuth)]
        return {each.header: each.prefix + credentials[each.name] for each in ways[0].credentials}

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.simulator.clock.sleep(self.simulator.clock.now() + seconds)

    def rows(self) -> str:
        """All stored contacts, as text to compare."""
        stored = [(each.row, each.owner, each.deleted) for each in self.engine.contacts]
        return json.dumps(stored, sort_keys=True)

    def row(self, key: str) -> dict[str, Any]:
        """A stored contact."""
        contact = self.engine.contacts.find(key)
        assert contact is not None
        return contact.row
