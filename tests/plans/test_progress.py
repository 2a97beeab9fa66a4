"""A moment of an apply, in one line."""

from __future__ import annotations

from datetime import UTC, datetime

from contactkit._plans.progress import Progress

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_the_line_counts_what_is_known():
    moment = Progress(total=2_000, counts={"updated": 1_200, "failed": 0, "unknown": 3}, rate=49.5)
    assert moment.done == 1_203
    assert str(moment) == "1,203 of 2,000 · 1,200 updated · 3 unknown · 49.5 a second"


def test_it_says_when_it_is_through_and_until_when_it_waits():
    assert str(Progress(total=1, counts={}, eta=NOON)).endswith(
        "through at 2026-01-02 12:00:00 UTC"
    )
    held = str(Progress(total=1, counts={}, eta=NOON, waiting=NOON))
    assert held.endswith("waiting for the rate limit until 2026-01-02 12:00:00 UTC")


def test_the_end_has_neither_rate_nor_eta():
    end = Progress(total=1, counts={"deleted": 1}, rate=3.0, eta=NOON, finished=True)
    assert str(end) == "1 of 1 · 1 deleted"
