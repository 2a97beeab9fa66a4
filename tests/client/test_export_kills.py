"""Exports that are killed at any moment: no contact is lost, doubled, or in the state file."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from contactkit._http.session import Session
from contactkit._plans.listing import MOST_AHEAD
from contactkit.spec.record import fields_of, key_of
from tests.support.apply_processes import Applies, Forks, applies
from tests.support.listing_server import serving_contacts
from tests.support.providers import EXAMPLES

KILLS = 20
ROWS_PER_FILE = 250


def start(forks: Forks, provider: str, client: dict[str, Any], folder: Path) -> int:
    options = {"rows_per_file": ROWS_PER_FILE}
    command = {"provider": provider, "client": client, "folder": str(folder), "options": options}
    return forks.ask(json.dumps(command))


def kill(forks: Forks, process: int) -> bool:
    """Kill a process; whether it had ended before."""
    os.kill(process, signal.SIGKILL)
    return forks.ask(f"{process}") == 0


def states(folder: Path) -> list[str]:
    """The state files of an export, with their cursors as they are and decoded."""
    texts = []
    for file in folder.parent.rglob("state.json"):
        text = file.read_text()
        texts += [text, urlsafe_b64decode(json.loads(text)["cursor"]).decode()]
    return texts


def personal_values(session: Session, rows: list[dict[str, Any]]) -> set[str]:
    """The personal values and keys of contacts, their plain digests, and the credentials."""
    fields = [field for field in fields_of(session.provider.record).values()]
    names = [f.name for f in fields if f.marker.personal]
    values = {str(row.get(name)) for row in rows for name in names if len(str(row.get(name))) > 4}
    phones = [value for value in values if value.startswith("+")]
    digests = {hashlib.sha256(phone.encode()).hexdigest()[:12] for phone in phones}
    return values - {"None"} | {phone[1:] for phone in phones} | digests | {*session.secrets} - {""}


class Counted:
    """Counts the requests to a served simulator."""

    def __init__(self, served: Applies) -> None:
        self.requests = 0
        engine = served.app.engine
        respond = engine._respond

        def counted(*args: Any) -> Any:
            self.requests += 1
            return respond(*args)

        engine._respond = counted


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_contact_is_lost_or_doubled_by_kills(name: str, forks: Forks, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    count, pages = (3_500, 4) if name == "sendblue" else (900, 9)
    with applies(forks, name, count, tmp_path) as served, served.connect() as client:
        session, counted = client._session, Counted(served)
        secret = personal_values(session, [*served.rows().values()])
        ended = places = 0
        for _ in range(KILLS):
            moment = counted.requests + random.randint(1, pages)
            process = start(forks, name, served.options, folder)
            wait_until(lambda moment=moment: counted.requests >= moment, process)
            time.sleep(random.uniform(0, 0.1))
            ended += kill(forks, process)
            texts = states(folder)
            places += any(texts[1::2])
            assert not [value for value in secret for text in texts if value in text]
        assert ended < KILLS and places
        client.contacts.export(folder, rows_per_file=ROWS_PER_FILE)
        key = key_of(session.provider.record).name
        assert sorted(pd.read_parquet(folder)[key]) == sorted(served.rows())
    assert sorted(file.name for file in folder.parent.glob(".people*")) == []


def wait_until(condition: Callable[[], bool], process: int) -> None:
    """Wait until a condition holds, or the process has ended."""
    for _ in range(30_000):
        ended = Path(f"/proc/{process}/stat").read_text().split()[2] == "Z"
        if condition() or ended:
            return
        time.sleep(0.001)
    raise TimeoutError("the process that exports does nothing")


def test_kill_costs_at_most_a_file_and_the_pages_in_flight(forks: Forks, tmp_path: Path) -> None:
    folder, pages = tmp_path / "people", 60
    with serving_contacts(100 * pages, latency=0.005) as server:
        client = {"api_key": "test", "rate_limit": "100000/s", "base_url": server.address}
        for kills in range(1, 7):
            moment = len(server.requests) + random.randrange(1, 30)
            process = start(forks, "sent", client, folder)
            wait_until(lambda moment=moment: len(server.requests) >= moment, process)
            kill(forks, process)
            asked_again = len(server.requests) - len(set(server.requests))
            assert asked_again <= kills * (ROWS_PER_FILE // 100 + MOST_AHEAD)
        assert forks.ask(f"{start(forks, 'sent', client, folder)}") == 0
        assert set(server.requests) == set(range(1, pages + 1))
        people = pd.read_parquet(folder)
        assert people["id"].to_list() == [row["id"] for row in server.contacts]
