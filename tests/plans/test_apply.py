"""Applying a plan: what is sent, the result frame, and what the next apply does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._frames.frame import RESULT_COLUMNS
from contactkit._plans.progress import Progress
from contactkit._providers import find
from contactkit.spec.record import key_of
from tests.support.providers import (
    EXAMPLES,
    NOTICE,
    ONE_PROVIDER,
    Example,
    Noticed,
    Wire,
    loses,
    says,
    then_says,
)


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


@pytest.fixture
def edited(people: pd.DataFrame, name: str, example: Example) -> pd.DataFrame:
    """Every contact as the example's update leaves one."""
    columns = {n: pd.Series([v] * len(people), dtype=object) for n, v in example.update.items()}
    return people.assign(**columns)


@pytest.fixture
def plan(client: ck.Client, edited: pd.DataFrame, people: pd.DataFrame) -> ck.Plan:
    return client.contacts.plan(edited, people)


@pytest.fixture
def sendblue(wire: Wire, tmp_path: Path) -> Iterator[ck.Client]:
    """A client of a provider that cannot tell a repeated write."""
    with ck.connect("sendblue", via=wire, journal=tmp_path / "journal.sqlite3") as client:
        yield client


@pytest.fixture
def sent(wire: Wire, tmp_path: Path) -> Iterator[ck.Client]:
    """A client of one that can."""
    with ck.connect("sent", via=wire, journal=tmp_path / "journal.sqlite3") as client:
        yield client


def opted_out(client: ck.Client) -> ck.Plan:
    """A plan to opt every contact out."""
    people = client.contacts.list()
    return client.contacts.plan(people.assign(opt_out=True), people)


def counts(result: pd.DataFrame) -> dict[str, int]:
    totals = result["outcome"].value_counts()
    return {str(outcome): int(count) for outcome, count in totals.items() if count}


def writes(wire: Wire) -> list[httpx.Request]:
    return [request for request in wire.requests if request.method != "GET"]


def test_apply_writes_every_contact_and_returns_rows_in_order(
    client: ck.Client, plan: ck.Plan, example: Example, name: str
) -> None:
    result = plan.apply(progress=False)
    assert result.dtypes.to_dict() == RESULT_COLUMNS
    assert list(result.index) == list(plan.index)
    assert list(result["key"]) == list(plan.rows["key"])
    assert set(result["outcome"]) <= {"updated", "unchanged", "refused"}
    refused = result["outcome"] == "refused"
    assert (
        list(result.loc[refused, "key"])
        == list(plan.rows.query("outcome == 'refused'")["key"].to_list())
        or refused.any()
    )
    for row in result[~refused].itertuples():
        now = client.contacts.get(row.key)
        for field, value in example.update.items():
            current = now[field].item()
            assert current.items() >= value.items() if isinstance(value, dict) else current == value


async def test_sync_and_async_apply_return_the_same(name: str, example: Example) -> None:
    frames: list[pd.DataFrame] = []
    for kind in ("sync", "async"):
        client = ck.connect(name, via=Wire())
        people = client.contacts.list()
        columns = {n: pd.Series([v] * len(people), dtype=object) for n, v in example.update.items()}
        plan = client.contacts.plan(people.assign(**columns), people)
        if kind == "sync":
            frames.append(plan.apply(progress=False))
        else:
            frames.append(await plan.aio.apply(progress=False))
        await client.aio.aclose()
        client.close()
    columns = ["key", "operation", "outcome", "changed", "after", "message", "field"]
    one, other = (frame[columns].to_dict("records") for frame in frames)
    assert one == other


@ONE_PROVIDER
def test_second_apply_sends_nothing(plan: ck.Plan, wire: Wire) -> None:
    first = plan.apply(progress=False)
    before = len(wire.requests)
    again = plan.apply(progress=False)
    assert len(wire.requests) == before
    done = first["outcome"].isin(["updated", "unchanged"])
    assert (again.loc[done, "outcome"] == "skipped").all()
    assert (again.loc[~done, "outcome"] == "refused").all()
    assert again.loc[done, "message"].str.contains("already updated at 20").all()


def test_apply_in_a_new_process_skips_written_contacts(
    sent: ck.Client, wire: Wire, tmp_path: Path
) -> None:
    plan = opted_out(sent)
    plan.apply(progress=False, limit=3)
    sent.close()
    before = len(writes(wire))
    with ck.connect("sent", via=wire, journal=tmp_path / "journal.sqlite3") as other:
        people = other.contacts.list()
        again = other.contacts.plan(plan_edit(plan, people), plan_original(plan, people))
        assert again.digest == plan.digest
        result = again.apply(progress=False)
    assert counts(result)["skipped"] == 3
    assert len(writes(wire)) - before == plan.requests - 3


def plan_original(plan: ck.Plan, people: pd.DataFrame) -> pd.DataFrame:
    """The contacts as they were when it was planned, in another order."""
    return people.assign(opt_out=people["id"].isin(plan.rows["key"]) ^ True).iloc[::-1]


def plan_edit(plan: ck.Plan, people: pd.DataFrame) -> pd.DataFrame:
    return people.assign(opt_out=True).iloc[::-1]


def test_refused_contacts_are_not_sent(wire: Wire) -> None:
    with ck.connect("sent", via=wire) as client:
        people = client.contacts.list()
        plan = client.contacts.plan(people.assign(opt_out=True, region_code="DE"), people)
        result = plan.apply(progress=False)
    assert set(result["outcome"]) == {"refused"}
    assert result["message"].str.contains("region_code").all()
    assert not writes(wire)


def test_refusal_of_the_provider_says_what_it_says_of_single_fields(tmp_path: Path) -> None:
    with ck.connect("privy", via=ck.Simulator(), journal=tmp_path / "j.sqlite3") as privy:
        people = privy.contacts.list()
        locked = people.loc[people["email_consent"].eq("compliance_suppressed")].head(1)
        plan = privy.contacts.plan(locked.assign(sms_consent="unsubscribed"), locked)
        (message,) = plan.apply(progress=False)["message"]
    assert message.startswith("One or more fields are invalid: sms_consent: cannot be written: ")


@pytest.mark.filterwarnings("ignore:Sent deprecated:DeprecationWarning")
def test_apply_creates_and_deletes(
    client: ck.Client, people: pd.DataFrame, example: Example
) -> None:
    key = key_of(find(people.attrs["provider"]).record).name
    removed = people[key].iloc[0]
    new = pd.DataFrame([example.create], dtype=object)
    creates = client.contacts.plan(pd.concat([people.astype(object), new]), people, create=True)
    result = creates.apply(progress=False)
    assert counts(result) == {"created": 1}
    created = result["key"].item()
    assert client.contacts.get(created)[key].item() == created
    deletes = client.contacts.plan(people.iloc[1:], people, delete=True)
    assert counts(deletes.apply(progress=False)) == {"deleted": 1}
    with pytest.raises(ck.NotFoundError):
        client.contacts.get(removed)
    for plan in (creates, deletes):
        assert counts(plan.apply(progress=False)) == {"skipped": 1}


@ONE_PROVIDER
def test_limit_leaves_the_rest_to_the_next_apply(plan: ck.Plan) -> None:
    first = plan.apply(progress=False, limit=2)
    assert counts(first)["planned"] == plan.requests - 2
    assert first["message"].str.contains("limit=2").sum() == plan.requests - 2
    second = plan.apply(progress=False)
    assert counts(second)["skipped"] == len(first) - first["outcome"].eq("planned").sum() - counts(
        first
    ).get("refused", 0)
    assert "planned" not in counts(second)


def test_dry_run_writes_nothing(plan: ck.Plan, client: ck.Client, people: pd.DataFrame) -> None:
    result = plan.apply(progress=False, dry_run=True)
    assert set(result["outcome"]) <= {"planned", "refused"}
    assert client.contacts.list().equals(people)
    assert "skipped" not in counts(plan.apply(progress=False))


def test_write_in_doubt_is_sent_under_the_same_key(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    first = plan.apply(progress=False, concurrency=1, limit=1)
    assert counts(first)["unknown"] == 1
    wire.faults.clear()
    before = len(wire.requests)
    second = plan.apply(progress=False, limit=1)
    assert counts(second)["updated"] == 1
    keys = {request.headers["Idempotency-Key"] for request in writes(wire)}
    assert len(keys) == 1
    assert len(wire.requests) == before + 1


def test_write_in_doubt_is_read_back_without_idempotency_keys(
    sendblue: ck.Client, wire: Wire
) -> None:
    people = sendblue.contacts.list()
    plan = sendblue.contacts.plan(people.assign(first_name="Zoë"), people)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    first = plan.apply(progress=False, concurrency=1, limit=1)
    assert counts(first)["unknown"] == 1
    wire.faults.clear()
    before = len(wire.requests)
    second = plan.apply(progress=False, limit=1)
    assert counts(second)["updated"] == 1
    assert "read back" in second.query("outcome == 'updated'")["message"].item()
    assert [request.method for request in wire.requests[before:]] == ["GET"]
    assert counts(plan.apply(progress=False, limit=1))["skipped"] == 1


def test_write_that_reading_back_disproves_is_sent_again(sendblue: ck.Client, wire: Wire) -> None:
    people = sendblue.contacts.list()
    plan = sendblue.contacts.plan(people.assign(first_name="Zoë"), people)
    wire.faults = [loses(httpx.ReadError, after=False)] * 4
    assert counts(plan.apply(progress=False, concurrency=1, limit=1))["unknown"] == 1
    wire.faults.clear()
    before = len(wire.requests)
    assert counts(plan.apply(progress=False, limit=1))["updated"] == 1
    assert [request.method for request in wire.requests[before:]] == ["GET", "PUT"]


def test_failed_write_is_tried_again(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    wire.faults = [loses(httpx.ConnectError, after=False)] * 4
    first = plan.apply(progress=False, concurrency=1, limit=1)
    assert counts(first)["failed"] == 1
    assert counts(plan.apply(progress=False))["updated"] == plan.requests


def test_rate_limits_fail_no_contact(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    wire.faults = [says(429, b"{}", Retry_After="7")] * 9
    began = wire.clock.now()
    result = plan.apply(progress=False)
    assert counts(result).get("updated") == plan.requests
    assert wire.clock.now() - began >= 7
    assert sum(row[2] for row in result.attrs["timeline"]) == 9
    assert "stopped" not in result.attrs


def test_apply_stops_past_its_patience_with_a_time_to_resume(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    wire.faults = [None, says(429, b"{}", Retry_After="5000")]
    result = plan.apply(progress=False, concurrency=1, patience=60)
    assert counts(result)["updated"] == 1
    assert counts(result)["planned"] + counts(result).get("failed", 0) == plan.requests - 1
    assert "rate limit" in result.attrs["stopped"]
    resume = pd.Timestamp(result.attrs["resume_at"])
    assert 4000 < resume.timestamp() - wire.clock.now() < 5001
    assert counts(plan.apply(progress=False, patience=6000)).get("skipped") == 1


def test_too_many_failures_stop_the_apply(sent: ck.Client, wire: Wire) -> None:
    for most, expected in ((2, 2), (0.5, 4)):
        plan = opted_out(sent)
        wire.faults = [says(400, b'{"error": {"code": "VALIDATION_001"}}')] * 8
        result = plan.apply(progress=False, concurrency=1, stop_after_failures=most)
        assert counts(result)["refused"] - counts(plan.rows).get("refused", 0) in (
            expected,
            -(-plan.requests // 2),
        )
        assert "refused, failed or are unknown" in result.attrs["stopped"]
        wire.faults.clear()


def test_wrong_credential_stops_the_apply_at_once(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    wire.faults = [says(401, b"{}")] * 20
    result = plan.apply(progress=False, concurrency=1)
    assert len(writes(wire)) == 1
    assert counts(result)["failed"] == 1
    assert result.attrs["stopped"]


def test_dead_connection_stops_the_apply(wire: Wire) -> None:
    wire.simulator = ck.Simulator(contacts=60, seed=7)
    with ck.connect("sent", via=wire) as client:
        plan = opted_out(client)
        wire.faults = [loses(httpx.ConnectError, after=False)] * 1000
        result = plan.apply(progress=False, concurrency=1)
    assert counts(result)["failed"] == 10
    assert "no response" in result.attrs["stopped"]


@ONE_PROVIDER
def test_progress_is_reported_until_the_end(plan: ck.Plan) -> None:
    reports: list[Progress] = []
    result = plan.apply(progress=reports.append)
    assert reports[-1].finished
    assert reports[-1].counts == counts(result)
    assert reports[-1].done == reports[-1].total == len(plan)


def changed_since(client: ck.Client, plan: ck.Plan) -> str:
    """Somebody changes the first contact of the plan, whose key this is."""
    key = plan.contacts[0].key
    client.contacts.update(key, first_name="Grace")
    return key


def test_on_conflict_refuse_refuses_changed_contacts(sendblue: ck.Client) -> None:
    people = sendblue.contacts.list()
    plan = sendblue.contacts.plan(people.assign(first_name="Zoë"), people)
    key = changed_since(sendblue, plan)
    result = plan.apply(progress=False, on_conflict="refuse")
    refused = result.query("outcome == 'refused'")
    assert (refused["key"].item(), refused["field"].item()) == (key, "first_name")
    assert refused["code"].item() == "conflict"
    assert sendblue.contacts.get(key)["first_name"].item() == "Grace"
    assert counts(result)["updated"] == len(plan) - 1


def test_on_conflict_reread_judges_changed_contacts_anew(sendblue: ck.Client) -> None:
    people = sendblue.contacts.list()
    plan = sendblue.contacts.plan(people.assign(first_name="Zoë"), people)
    key = changed_since(sendblue, plan)
    result = plan.apply(progress=False, on_conflict="reread")
    row = result.set_index("key").loc[key]
    assert (row["outcome"], row["before"]["first_name"]) == ("updated", "Grace")
    assert sendblue.contacts.get(key)["first_name"].item() == "Zoë"


def test_on_conflict_sends_nothing_to_contacts_with_the_planned_values(
    sendblue: ck.Client, wire: Wire
) -> None:
    people = sendblue.contacts.list()
    plan = sendblue.contacts.plan(people.assign(first_name="Zoë"), people)
    sendblue.contacts.update(plan.contacts[0].key, first_name="Zoë")
    before = len(writes(wire))
    result = plan.apply(progress=False, on_conflict="refuse")
    assert counts(result) == {"updated": len(plan) - 1, "unchanged": 1}
    assert len(writes(wire)) - before == len(plan) - 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dry_run", 1),
        ("limit", 0),
        ("limit", 1.5),
        ("stop_after_failures", 0),
        ("stop_after_failures", 1.0),
        ("stop_after_failures", True),
        ("concurrency", 0),
        ("concurrency", 1000),
        ("progress", "yes"),
        ("on_conflict", "win"),
        ("patience", -1),
        ("patience", float("nan")),
    ],
)
def test_apply_refuses_a_wrong_option_before_sending(
    sent: ck.Client, wire: Wire, option: str, value: Any
) -> None:
    plan = opted_out(sent)
    with pytest.raises(ck.InvalidInputError, match=option):
        plan.apply(**{option: value})
    assert not writes(wire)


def test_apply_refuses_an_unknown_option(sent: ck.Client) -> None:
    plan = opted_out(sent)
    with pytest.raises(TypeError, match="workers"):
        asyncio.run(plan.aio.apply(workers=3))


def test_plan_without_a_client_cannot_be_applied(sent: ck.Client, tmp_path: Path) -> None:
    opted_out(sent).to_parquet(tmp_path / "plan.parquet")
    with pytest.raises(ck.ConfigurationError, match="load it with contactkit"):
        ck.read_plan(tmp_path / "plan.parquet").apply()


def test_damaged_journal_raises_before_the_first_request(wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "damaged.sqlite3"
    path.write_bytes(b"no journal " * 1000)
    with ck.connect("sent", via=wire, journal=path) as client:
        plan = opted_out(client)
        with pytest.raises(ck.JournalError, match="damaged"):
            plan.apply(progress=False)
    assert not writes(wire)


def test_journal_has_every_write_and_its_outcome(sent: ck.Client, tmp_path: Path) -> None:
    plan = opted_out(sent)
    result = plan.apply(progress=False)
    entries = ck.journal(tmp_path / "journal.sqlite3")
    sent_rows = result[result["idempotency_key"].notna()]
    assert len(entries) == len(sent_rows) == plan.requests
    assert set(entries["plan"]) == {plan.digest}
    by_key = entries.set_index("key")
    for row in sent_rows.itertuples():
        entry = by_key.loc[row.key]
        assert entry["outcome"] == row.outcome
        assert entry["idempotency_key"] == row.idempotency_key
        assert entry["before"]["opt_out"] is not True


class Slow(Wire):
    """A wire on which every write waits until it is let go, and tells that it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.there = threading.Semaphore(0)
        self.go = threading.Event()

    def transport(self, provider: Any) -> Any:
        plain = super().transport(provider).handler

        async def handle(request: httpx.Request) -> httpx.Response:
            if request.method != "GET":
                self.there.release()
                while not self.go.is_set():
                    await asyncio.sleep(0.005)
            return plain(request)

        class Both(httpx.MockTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                return plain(request)

        return Both(handle)


def interrupt_once_two_are_there(wire: Slow, later: float, then: Callable[[], None]) -> None:
    def interrupt() -> None:
        for _ in range(2):
            wire.there.acquire()
        os.kill(os.getpid(), signal.SIGINT)
        threading.Timer(later, then).start()

    threading.Thread(target=interrupt).start()


def test_interrupt_lets_requests_in_flight_finish() -> None:
    wire = Slow()
    with ck.connect("sent", via=wire) as client:
        plan = opted_out(client)

        interrupt_once_two_are_there(wire, 0.2, wire.go.set)
        result = plan.apply(progress=False, concurrency=2)
        assert counts(result)["updated"] == 2
        assert counts(result)["planned"] == plan.requests - 2
        assert "interrupted" in result.attrs["stopped"]
        again = plan.apply(progress=False)
    assert counts(again)["skipped"] == 2
    assert counts(again)["updated"] == plan.requests - 2


def test_second_interrupt_gives_up_requests_in_flight() -> None:
    wire = Slow()
    with ck.connect("sent", via=wire) as client:
        plan = opted_out(client)

        interrupt_once_two_are_there(wire, 0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
        result = plan.apply(progress=False, concurrency=2)
        assert counts(result)["unknown"] == 2
        wire.go.set()
        again = plan.apply(progress=False)
    assert counts(again)["updated"] == plan.requests


async def test_cancelled_apply_lets_requests_in_flight_finish() -> None:
    wire = Slow()
    client = ck.connect("sent", via=wire)
    people = await client.aio.contacts.list()
    plan = await client.aio.contacts.plan(people.assign(opt_out=True), people)
    task = asyncio.ensure_future(plan.aio.apply(progress=False, concurrency=2))
    for _ in range(2):
        await asyncio.to_thread(wire.there.acquire)
    task.cancel()
    await asyncio.sleep(0.05)
    assert not task.done()
    wire.go.set()
    result = await task
    assert counts(result)["updated"] == 2
    assert "cancelled" in result.attrs["stopped"]
    assert counts(await plan.aio.apply(progress=False))["skipped"] == 2
    await client.aio.aclose()


async def test_timeout_of_the_caller_cancels_the_apply() -> None:
    wire = Slow()
    client = ck.connect("sent", via=wire)
    people = await client.aio.contacts.list()
    plan = await client.aio.contacts.plan(people.assign(opt_out=True), people)
    threading.Timer(0.3, wire.go.set).start()
    async with asyncio.timeout(0.1):
        result = await plan.aio.apply(progress=False, concurrency=2)
    assert counts(result)["updated"] == 2
    await client.aio.aclose()


def test_unexpected_error_stops_the_apply(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)

    def breaks(request: httpx.Request, answer: object) -> httpx.Response:
        raise RuntimeError(f"on fire: {request.headers['x-api-key']} of ada@example.com")

    wire.faults = [breaks]
    result = plan.apply(progress=False, concurrency=1)
    assert counts(result)["unknown"] == 1
    assert result.attrs["stopped"] == "RuntimeError: on fire: ••• of …"
    assert result.query("outcome == 'unknown'")["message"].item() == result.attrs["stopped"]
    assert counts(plan.apply(progress=False))["updated"] == plan.requests


def test_write_that_may_have_been_carried_out_is_repeated(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    wire.faults = [then_says(500)] * 3
    result = plan.apply(progress=False, concurrency=1)
    assert counts(result)["updated"] == plan.requests
    assert result["attempts"].max() == 4


def test_apply_under_faults_leaves_every_contact_as_planned(name: str, example: Example) -> None:
    wire = Wire()
    with ck.connect(name, via=wire) as client:
        people = client.contacts.list()
        columns = {n: pd.Series([v] * len(people), dtype=object) for n, v in example.update.items()}
        plan = client.contacts.plan(people.assign(**columns), people)
        wire.faults = [
            loses(httpx.ReadTimeout, after=True),
            says(503, b"{}"),
            None,
            says(429, b"{}", Retry_After="1"),
            loses(httpx.ConnectError, after=False),
        ] * 3
        result = plan.apply(progress=False)
        for _ in range(3):
            result = plan.apply(progress=False)
        assert set(result["outcome"]) <= {"skipped", "refused"}
        again = client.contacts.plan(people.assign(**columns))
        assert not [contact for contact in again.contacts if not contact.problems]


def test_attrs_of_a_result_hold_nothing_personal(plan: ck.Plan) -> None:
    result = plan.apply(progress=False)
    assert "+1" not in json.dumps(result.attrs)
    assert not {"555"} & set(repr(plan.runner).split())


def test_result_keeps_the_notice_of_its_world() -> None:
    with ck.connect("sent", via=Noticed(contacts=8, seed=7)) as client:
        assert opted_out(client).apply(progress=False).attrs["notice"] == NOTICE


def test_examples_cover_every_provider() -> None:
    assert {*EXAMPLES} == {*ck.providers()["name"]}
