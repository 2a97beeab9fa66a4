"""An intent and its outcome in the journal, by one who is alone and by 64 at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from contactkit._journal.store import Intent, Journal
from tests.bench import contacts
from tests.bench.measure import Row, medians, ms, times

ROUNDS, WRITERS, EACH = 9, 64, 25
CONTACT = contacts.contact(7)
INTENT = Intent(
    provider="sent",
    account="0a1b2c3d",
    base_url="https://api.example.com",
    operation="update",
    request="0" * 32,
    made_at=1_790_000_000.0,
    key=CONTACT["id"],
    changes={"opt_out": True},
    before=CONTACT,
    idempotency_key="0" * 36,
)
ENDED = {"outcome": "updated", "after": CONTACT, "at": datetime(2026, 10, 1, tzinfo=UTC)}


def rows() -> Iterator[Row]:
    """The cost of one write's two notes beside bare inserts that are as durable, or less so."""
    with TemporaryDirectory() as folder:
        full, normal = (Bare(Path(folder, mode), mode) for mode in ("full", "normal"))
        with closing(Journal(Path(folder, "journal"))) as journal:
            ours, durable, less = medians(
                ROUNDS, lambda: noted(journal), full.insert, normal.insert, calls=200
            )
            together = median(at_once(lambda: noted(journal)) for _ in range(ROUNDS))
    yield Row(
        subject="an intent and its outcome, alone",
        measured=ms(ours),
        beside="one bare insert, synchronous=FULL",
        against=ms(durable),
        outcome=times(ours / durable),
        wanted="≤ 3x",
    )
    yield Row(
        subject="what a power failure costs",
        measured=ms(durable),
        beside="one bare insert, synchronous=NORMAL",
        against=ms(less),
        outcome=times(durable / less),
    )
    yield Row(
        subject=f"an intent and its outcome, {WRITERS} threads at once",
        measured=ms(together),
        beside="alone",
        against=ms(ours),
        outcome=f"{1 / together:,.0f} a second",
        wanted="≥ 2,000 a second",
    )


def noted(journal: Journal) -> None:
    """What one write costs."""
    (id,) = journal.begin([INTENT])
    assert id
    journal.end({id: ENDED})


def at_once(write: Callable[[], None]) -> float:
    """Seconds a write, of many threads together."""

    def several() -> None:
        for _ in range(EACH):
            write()

    threads = [threading.Thread(target=several) for _ in range(WRITERS)]
    started = time.perf_counter()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return (time.perf_counter() - started) / (WRITERS * EACH)


class Bare:
    """A table of one text of the same length, written by hand."""

    def __init__(self, path: Path, mode: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {mode}")
        self._connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, text)")
        self._text = repr(INTENT) + str(CONTACT)

    def insert(self) -> None:
        self._connection.execute("INSERT INTO bare (text) VALUES (?)", (self._text,))
