"""The progress of a fleet: one display for all accounts, now and then."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

import contactkit as ck
from contactkit._fleet import budgets, progress
from contactkit._fleet.local_engines import Threads


def test_progress_is_shown_at_most_twice_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[float, Any]] = []
    monkeypatch.setattr(
        progress, "display", lambda: lambda each: shown.append((time.monotonic(), each))
    )
    accounts = {f"a{n}": {"provider": "sent", "via": ck.Simulator(contacts=1)} for n in range(40)}
    fleet = ck.fleet(accounts)
    started = time.monotonic()

    def step(account: Any, client: Any) -> dict[str, Any]:
        time.sleep(0.6)
        return {}

    rows = progress.drive(Threads(), step, [*fleet.accounts.values()])
    seconds = time.monotonic() - started
    assert len(rows) == 40
    # The last one is shown at once.
    assert 3 <= len(shown) <= 2 * seconds + 2
    pauses = [after - before for (before, _), (after, _) in pairwise(shown)]
    assert all(pause > 0.4 for pause in pauses[:-1])
    last = shown[-1][1]
    assert last.finished and str(last) == "40 of 40 accounts · 40 done"


def test_progress_has_the_requests_of_accounts_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "_REPORT_EVERY", 0.0)
    texts: list[str] = []
    monkeypatch.setattr(progress, "display", lambda: lambda each: texts.append(str(each)))
    monkeypatch.setattr(progress, "_SHOW_EVERY", 0.0)
    fleet = ck.fleet({"a": {"provider": "sent", "via": ck.Simulator(contacts=1)}})

    def step(account: Any, client: Any) -> dict[str, Any]:
        for _ in range(3):
            client.contacts.list()
        time.sleep(0.3)
        return {}

    progress.drive(Threads(), step, [*fleet.accounts.values()])
    assert "0 of 1 accounts · 3 requests" in texts
    assert texts[-1] == "1 of 1 accounts · 1 done · 3 requests"


def test_a_second_interrupt_abandons_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(watch: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress._Watch, "look", look)
    with pytest.raises(KeyboardInterrupt):
        ck.fleet({"a": {"provider": "sent", "via": ck.Simulator(contacts=1)}}).check()
