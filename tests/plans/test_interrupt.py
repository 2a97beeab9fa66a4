"""What ends an apply early: an interrupt, a rate limit, or an error of the caller's own.

In each case the apply returns its frame, and the same call again finishes.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_client.manager import start_new_kernel

import contactkit as ck
from contactkit._frames.frame import RESULT_COLUMNS
from contactkit._journal.store import Journal
from contactkit._plans.progress import Progress
from tests.plans.test_apply import counts, opted_out, writes
from tests.support.apply_processes import Forks, applies
from tests.support.providers import Wire, says


@pytest.fixture
def many(wire: Wire) -> Iterator[ck.Client]:
    wire.simulator = ck.Simulator(contacts=90, seed=7)
    with ck.connect("sent", via=wire) as client:
        yield client


def once(number: int) -> Callable[[Progress], None]:
    """Have the first report of progress send this process a signal."""
    left = [number]
    return lambda _: os.kill(os.getpid(), left.pop()) if left else None


# Ctrl-C


def test_interrupted_process_returns_its_frame(forks: Forks, tmp_path: Path) -> None:
    with applies(forks, "sent", 80, tmp_path) as apply, apply.connect() as client:
        plan = opted_out(client)
        apply.app.simulator.fault("latency", up_to=0.02, probability=1.0)
        process = apply.start(plan, concurrency=4)
        apply.until(10)
        process.interrupt()
        result = process.result()
        assert counts(result)["planned"] > 0
        assert counts(result)["updated"] >= 10
        again = plan.apply(progress=False)
        done = result["outcome"] == "updated"
        assert (again.loc[done, "outcome"] == "skipped").all()
        assert (again.loc[result["outcome"] == "planned", "outcome"] == "updated").all()
        assert apply.most_writes == 1


def test_interrupt_ends_the_wait_for_a_rate_limit(forks: Forks, tmp_path: Path) -> None:
    with applies(forks, "sent", 40, tmp_path) as apply, apply.connect() as client:
        plan = opted_out(client)
        apply.options["rate_limit"] = "1/minute"
        process = apply.start(plan)
        apply.until(1)
        process.interrupt()
        totals = counts(process.result())
    assert (totals["updated"], totals["planned"]) == (1, plan.requests - 1)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_interrupt_waits_no_longer_than_a_request_may_take(
    silent: str, tmp_path: Path, many: ck.Client
) -> None:
    # The first import of aiohttp takes longer than the interrupt waits.
    importlib.import_module("contactkit._http.aiohttp_transport")
    people = many.contacts.list().head(20)
    with ck.connect(
        "sent", api_key="key", base_url=silent, timeout=0.3, journal=tmp_path / "journal"
    ) as client:
        plan = client.contacts.plan(people.assign(opt_out=True), people)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        result = plan.apply(progress=False, concurrency=4)
    assert counts(result)["unknown"] == 4
    assert "interrupted" in result.attrs["stopped"]


def test_interrupt_through_the_callers_own_handler_returns_the_frame(many: ck.Client) -> None:
    def raises(*_: object) -> None:
        raise KeyboardInterrupt

    plan = opted_out(many)
    own = signal.signal(signal.SIGINT, raises)
    try:
        result = plan.apply(progress=once(signal.SIGINT), concurrency=1)
        assert signal.getsignal(signal.SIGINT) is raises
    finally:
        signal.signal(signal.SIGINT, own)
    assert "interrupted" in result.attrs["stopped"]
    assert counts(result)["planned"] > 0


def test_other_exception_while_waiting_stops_the_apply(many: ck.Client, wire: Wire) -> None:
    def ends(*_: object) -> None:
        raise SystemExit(3)

    plan, before = opted_out(many), {*threading.enumerate()}
    own = signal.signal(signal.SIGTERM, ends)
    try:
        with pytest.raises(SystemExit):
            plan.apply(progress=once(signal.SIGTERM), concurrency=1)
    finally:
        signal.signal(signal.SIGTERM, own)
    for thread in {*threading.enumerate()} - before:
        thread.join()
    assert len(writes(wire)) < plan.requests


CELL = """
import contactkit as ck
from contactkit._plans.progress import Progress
client = ck.connect("sent", base_url={address!r}, journal={journal!r}, rate_limit="100/s", **{held})
people = client.contacts.list()
plan = client.contacts.plan(people.assign(opt_out=True), people)
"""


def test_stop_button_of_a_kernel_keeps_the_frame(forks: Forks, tmp_path: Path) -> None:
    with applies(forks, "sent", 300, tmp_path) as apply:
        kernel, talk = start_new_kernel(kernel_name="python3")
        try:
            account = apply.app.simulator.credentials(apply.app.provider)
            options = {"address": apply.options["base_url"], "journal": str(apply.journal)}
            talk.execute_interactive(CELL.format(held=account, **options), output_hook=print)
            talk.execute("result = plan.apply(progress=False)")
            apply.until(5)
            kernel.interrupt_kernel()
            output: list[str] = []
            talk.execute_interactive(
                "print(len(result) == len(plan), result.attrs['stopped'])",
                output_hook=lambda message: output.append(message["content"].get("text", "")),
            )
            assert "True interrupted" in "".join(output)
            assert 5 <= apply.writes < 250
        finally:
            talk.stop_channels()
            kernel.shutdown_kernel(now=True)


# What is the caller's own


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_progress_that_raises_stops_the_apply_and_keeps_the_frame(
    many: ck.Client, wire: Wire, error: type[BaseException]
) -> None:
    def breaks(progress: Progress) -> None:
        raise error("a cell of mine is wrong")

    plan = opted_out(many)
    result = plan.apply(progress=breaks, concurrency=2)
    assert result.attrs["stopped"] == f"progress= raised {error.__name__}: a cell of mine is wrong"
    assert 0 < counts(result)["updated"] < 4
    assert counts(plan.apply(progress=False))["skipped"] == counts(result)["updated"]


class OutOfThreads(Journal):
    """A journal whose second write fails in an unforeseen way."""

    begun = 0

    def begin(self, *given: Any, **more: Any) -> list[int | None]:
        self.begun += 1
        if self.begun > 1:
            raise RuntimeError("can't start new thread")
        return super().begin(*given, **more)


def test_unexpected_error_of_the_journal_stops_the_apply(many: ck.Client, tmp_path: Path) -> None:
    plan = opted_out(many)
    many._session.plan_journal = OutOfThreads(tmp_path / "journal.sqlite3")
    result = plan.apply(progress=False, concurrency=2)
    assert "can't start new thread" in result.attrs["stopped"]
    done = counts(result)["updated"]
    assert 0 < done < plan.requests
    many._session.plan_journal = Journal(tmp_path / "journal.sqlite3")
    assert counts(plan.apply(progress=False))["skipped"] == done


def test_journal_moved_during_an_apply_stops_it(many: ck.Client, tmp_path: Path) -> None:
    plan, path = opted_out(many), tmp_path / "journal.sqlite3"
    many._session.plan_journal = Journal(path)

    def move(progress: Progress) -> None:
        if progress.done and path.exists():
            path.rename(tmp_path / "moved.sqlite3")

    result = plan.apply(progress=move, concurrency=2)
    assert "was moved, removed or replaced" in result.attrs["stopped"]
    (tmp_path / "moved.sqlite3").rename(path)
    assert set(plan.apply(progress=False)["outcome"]) <= {"updated", "skipped", "refused"}
    assert many.world.simulator.state()["writes"].max() == 1


# Rate limits, tokens, and frames of any kind


def test_endless_rate_limit_stops_the_apply(many: ck.Client, wire: Wire) -> None:
    plan, before = opted_out(many), len(wire.requests)
    wire.faults = [says(429, b"{}")] * 10_000
    result = plan.apply(progress=False, concurrency=256)
    assert "rate limit" in result.attrs["stopped"]
    assert pd.Timestamp(result.attrs["resume_at"]).timestamp() > wire.clock.now()
    # The hold doubles each time, to spare the provider.
    assert len(wire.requests) - before < 100
    wire.faults.clear()
    assert set(plan.apply(progress=False)["outcome"]) <= {"updated", "refused"}
    assert wire.simulator.state()["writes"].max() == 1


@pytest.mark.parametrize("seconds", ["86400000", "9" * 200])
def test_retry_after_of_years_stops_the_apply(many: ck.Client, wire: Wire, seconds: str) -> None:
    plan = opted_out(many)
    wire.faults = [None, says(429, b"{}", Retry_After=seconds)]
    result = plan.apply(progress=False)
    assert "rate limit" in result.attrs["stopped"]
    assert counts(result)["updated"] > 0
    assert result.attrs["resume_at"] > "2029"


def test_apply_without_patience_still_waits_for_the_even_pace(many: ck.Client, wire: Wire) -> None:
    with ck.connect("sent", via=wire, rate_limit="40/minute") as client:
        result = opted_out(client).apply(progress=False, patience=0)
    # Two may go at once, and what the listing needed is of the same 40.
    assert 30 < counts(result)["updated"] < 40
    assert result.attrs["stopped"].startswith("the rate limit is used up until 2026-10-01 09:01")


def test_slow_limit_with_trouble_is_not_used_up(wire: Wire) -> None:
    with ck.connect("sent", via=wire, rate_limit="1/minute") as client:
        plan = opted_out(client)
        wire.faults = [says(503, b"{}"), None] * 3
        result = plan.apply(progress=False)
    assert "stopped" not in result.attrs


def test_burst_of_429_fails_no_contact(many: ck.Client, wire: Wire) -> None:
    plan = opted_out(many)
    wire.faults = [says(429, b"{}", Retry_After="1")] * 17
    result = plan.apply(progress=False, concurrency=256, patience=1e6)
    assert set(result["outcome"]) <= {"updated", "refused"}
    assert sum(row[2] for row in result.attrs["timeline"]) >= 17
    assert wire.simulator.state()["writes"].max() == 1


def test_token_expiring_during_an_apply_is_renewed_once(wire: Wire) -> None:
    wire.simulator = ck.Simulator(contacts=60, seed=7)
    with ck.connect("digital_onboarding", via=wire) as first:
        people = first.contacts.list()
        account = wire.simulator.accounts["oauth"]
    with ck.connect("digital_onboarding", via=wire, **account) as client:
        plan = client.contacts.plan(people.assign(name_first="Zoë"), people)
        tokens = [0]

        def expire(progress: Progress) -> None:
            if not tokens.pop():
                wire.simulator.engine.tokens.clear()
            tokens.append(1)

        result = plan.apply(progress=expire)
    assert counts(result) == {"updated": 60}
    assert sum("token" in request.url.path for request in wire.requests) == 2
    assert wire.simulator.state()["writes"].max() == 1


def test_empty_plan_is_applied(many: ck.Client, wire: Wire) -> None:
    people = many.contacts.list()
    reports: list[Progress] = []
    result = many.contacts.plan(people, people).apply(progress=reports.append)
    assert result.empty
    assert result.dtypes.to_dict() == RESULT_COLUMNS
    assert [progress.finished for progress in reports] == [True]


def test_apply_keeps_duplicated_labels(many: ck.Client) -> None:
    people = many.contacts.list()
    people.index = pd.MultiIndex.from_product([["a", "b", "c"], [1] * 30])
    edited = people.assign(opt_out=~people["opt_out"])[::-1]
    plan = many.contacts.plan(edited, people)
    result = plan.apply(progress=False)
    assert result.index.equals(edited.index)
    assert list(result["key"]) == list(edited["id"])


def test_plan_is_not_done_at_another_profile(wire: Wire, tmp_path: Path) -> None:
    own = {"via": wire, "journal": tmp_path / "journal.sqlite3"}
    with ck.connect("sent", **own) as client:
        plan = opted_out(client)
        plan.to_parquet(tmp_path / "plan")
        plan.apply(progress=False)
        other = wire.simulator.accounts["organisation_for_profile"]
    with ck.connect("sent", **own, **other) as client:
        result = ck.read_plan(tmp_path / "plan", client).apply(progress=False, anyway=True)
        assert "skipped" not in counts(result)
    with ck.connect("sendblue", via=ck.Simulator()) as client:
        with pytest.raises(ck.ConfigurationError, match="the plan is for sent"):
            ck.read_plan(tmp_path / "plan", client)
