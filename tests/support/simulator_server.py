"""Starts `contactkit serve` in a process of its own, for tests over a real socket."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PROGRAM = Path(sys.executable).parent / "contactkit"


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `contactkit serve` with these arguments until the block ends."""
    command = [PROGRAM, "serve", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.terminate()


@dataclass(frozen=True, kw_only=True)
class Served:
    """A served provider, and its control routes."""

    base_url: str
    control_url: str
    credentials: dict[str, str]
    accounts: dict[str, dict[str, Any]]
    provider: str

    def control(self, name: str, **body: Any) -> Any:
        """Post to a control route and return the answer."""
        answer = httpx.post(f"{self.control_url}/{name}", json=body, trust_env=False)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def state(self) -> dict[str, Any]:
        """All contacts and the outbox."""
        answer = httpx.get(f"{self.control_url}/state", trust_env=False)
        return answer.raise_for_status().json()

    def contacts(self) -> list[dict[str, Any]]:
        """All contacts by field name, with `writes`, `deleted` and `owner`."""
        return self.state()["contacts"]

    def wait_for_faults(self) -> None:
        """Return once no fault is on: each has met its requests."""
        for _ in range(300):
            if not self.state()["faults"]:
                return
            time.sleep(0.1)
        raise TimeoutError("a fault is still on")


@contextmanager
def served(provider: str, *arguments: str) -> Iterator[Served]:
    """Serve the simulator of a provider with its control routes."""
    with started(provider, "--json", "--control", *arguments) as process:
        assert process.stdout
        yield Served(**json.loads(process.stdout.readline()))
