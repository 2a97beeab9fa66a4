"""Raw HTTP to a simulator, with no client of ours between, so that an answer is seen as it is."""

from __future__ import annotations

import json
from typing import Any

import httpx

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.provider import HeaderAuth


class Talk:
    """One simulator, and requests to it in the name of its accounts; the first by default."""

    def __init__(self, provider: str, contacts: int = 8, seed: int = 0) -> None:
        declared = find(provider)
        self.simulator = ck.Simulator(contacts, seed)
        transport = self.simulator.transport(declared)
        self.http = httpx.Client(base_url=declared.base_url, transport=transport)
        self.engine = self.simulator.engine

    def __call__(self, method: str, path: str, account: str = "", **sent: Any) -> httpx.Response:
        """Send one request; `headers` are added to those of the account ("nobody" has none)."""
        headers = {**self.signed(account), **sent.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **sent)

    def signed(self, account: str) -> dict[str, str]:
        """The headers that show an account's credential."""
        if account == "nobody":
            return {}
        held = self.simulator.accounts[account or next(iter(self.simulator.accounts))]
        ways = [way for way in self.engine.provider.auth if isinstance(way, HeaderAuth)]
        return {each.header: each.prefix + held[each.name] for each in ways[0].credentials}

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.simulator.clock.sleep(self.simulator.clock.now() + seconds)

    def rows(self) -> str:
        """Everything that is stored, to be compared."""
        stored = [(each.row, each.owner, each.deleted) for each in self.engine.contacts]
        return json.dumps(stored, sort_keys=True)

    def row(self, key: str) -> dict[str, Any]:
        """One stored contact."""
        found = self.engine.contacts.find(key)
        assert found is not None
        return found.row
