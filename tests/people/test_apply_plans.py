"""Between a plan of noes and its apply: each contact is read right before its write."""

from __future__ import annotations

import inspect
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find, names
from tests.support.providers import loses, only_writes, says
from tests.support.shared_people import ALLOWED, PHONE_OF, PHONES, SharedPeople

DENIER = {name: "sent" if name != "sent" else "sendblue" for name in names()}
DENY = {name: dict(find(name).consent.channels["text"].deny) for name in names()}
WHOLE = [name for name in names() if any(e.required for e in find(name).endpoints)]
MOVED = "+12025550198"


@pytest.fixture
def world(tmp_path: Path) -> SharedPeople:
    return SharedPeople(tmp_path / "journal.sqlite3")


def people_of(world: SharedPeople, name: str, count: int) -> None:
    """People at a provider and at one where all of them said no."""
    for person in range(count):
        world.add(name, person)
        world.add(DENIER[name], person)
        world.deny(DENIER[name], person)


def denies(world: SharedPeople, name: str, person: int) -> bool:
    contact = world.contact(name, person)
    return all(contact[field] == value for field, value in DENY[name].items())


def test_stop_between_plan_and_apply_is_not_written_again(world: SharedPeople, name: str) -> None:
    people_of(world, name, 2)
    plan = world.read().propagate()[name]
    world.deny(name, 0)
    result = plan.apply(progress=False).set_index("key")
    assert result.loc[world.keys[name, 0], "outcome"] == "unchanged"
    assert result.loc[world.keys[name, 1], "outcome"] == "updated"
    assert world.contact(name, 0)["writes"] == 0


@pytest.mark.parametrize("value", ["suppressed", "never_subscribed"])
def test_no_in_other_words_since_is_not_overwritten(world: SharedPeople, value: str) -> None:
    world.add("privy", 0)
    world.add("digital_onboarding", 0)
    for channel in ("text", "email"):
        world.deny("digital_onboarding", 0, channel)
    plan = world.read().propagate()["privy"]
    world.put("privy", 0, email_consent=value)
    result = plan.apply(progress=False).iloc[0]
    assert (result["outcome"], result["changed"]) == ("updated", ["sms_consent"])
    assert world.contact("privy", 0)["email_consent"] == value
    assert denies(world, "privy", 0)


def test_changed_number_is_a_conflict_that_names_no_value(world: SharedPeople, name: str) -> None:
    people_of(world, name, 1)
    plan = world.read().propagate()[name]
    if name == "sendblue":
        with pytest.raises(ck.ConfigurationError, match="phone cannot change"):
            world.put(name, 0, phone=MOVED)
        return
    world.put(name, 0, **{PHONE_OF[name]: MOVED})
    result = plan.apply(progress=False).iloc[0]
    assert (result["outcome"], result["code"]) == ("refused", "conflict")
    assert PHONE_OF[name] in result["message"]
    assert MOVED not in str(result["message"]) and PHONES[0] not in str(result["message"])
    assert not denies(world, name, 0)
    assert not len(world.read().propagate()[name])


def test_other_address_that_changed_is_a_conflict_too(world: SharedPeople) -> None:
    people_of(world, "digital_onboarding", 1)
    plan = world.read().propagate()["digital_onboarding"]
    world.put("digital_onboarding", 0, phone_work=MOVED)
    assert plan.apply(progress=False)["field"].tolist() == ["phone_work"]


@pytest.mark.filterwarnings("ignore:Sent deprecated deleting")
def test_contact_that_is_gone_is_refused_and_not_created(world: SharedPeople, name: str) -> None:
    people_of(world, name, 2)
    plan = world.read().propagate()[name]
    options = {"confirm": True} if name == "digital_onboarding" else {}
    world.clients[name].contacts.delete(world.keys[name, 0], **options)
    result = plan.apply(progress=False).set_index("key")
    assert result.loc[world.keys[name, 0], "outcome"] == "refused"
    assert result.loc[world.keys[name, 1], "outcome"] == "updated"
    assert len(world.clients[name].contacts.list()) == 1


def test_other_fields_may_have_changed(world: SharedPeople, name: str) -> None:
    people_of(world, name, 1)
    plan = world.read().propagate()[name]
    field = {"sent": "default_channel", "digital_onboarding": "name_first"}.get(name, "first_name")
    world.put(name, 0, **{field: "whatsapp" if name == "sent" else "Zoë"})
    assert plan.apply(progress=False)["outcome"].tolist() == ["updated"]


def test_interrupted_apply_resumes(world: SharedPeople, name: str) -> None:
    people_of(world, name, 5)
    plans = world.read().propagate()
    first = plans.apply(progress=False, limit=2)
    assert first["outcome"].tolist() == ["updated"] * 2 + ["planned"] * 3
    second = plans.apply(progress=False)
    assert second["outcome"].tolist() == ["skipped"] * 2 + ["updated"] * 3
    assert world.state(name)["writes"].tolist() == [1] * 5
    assert not len(world.read().propagate()[name])


def test_contact_that_allows_again_is_written_again(world: SharedPeople, name: str) -> None:
    people_of(world, name, 1)
    clients = {source: world.clients[source] for source in (name, DENIER[name])}
    clock = world.wires[name].simulator.clock
    for _ in range(2):
        frames = {source: client.contacts.list() for source, client in clients.items()}
        for source, frame in frames.items():
            frame.attrs = {"provider": source}
        plans = ck.people(**frames).propagate(**clients)
        assert plans.apply(progress=False)["outcome"].tolist() == ["updated"]
        assert plans.apply(progress=False)["outcome"].tolist() == ["skipped"]
        clock.sleep(clock.now() + 60)
        world.put(name, 0, **ALLOWED[name])


@pytest.mark.parametrize("arrived", [True, False])
def test_lost_responses_are_settled_by_the_next_apply(
    world: SharedPeople, name: str, arrived: bool
) -> None:
    people_of(world, name, 1)
    plan = world.read().propagate()[name]
    fault = only_writes(loses(httpx.ReadTimeout, after=arrived))
    world.wires[name].faults[:] = [None, *[fault] * 9]
    first = plan.apply(progress=False)["outcome"].item()
    world.wires[name].faults.clear()
    again = plan.apply(progress=False)["outcome"].item()
    assert first == "unknown" and again == "updated"
    assert denies(world, name, 0)
    assert plan.apply(progress=False)["outcome"].item() == "skipped"


@pytest.mark.parametrize("name", WHOLE)
def test_whole_update_has_the_rest_of_the_contact(world: SharedPeople, name: str) -> None:
    people_of(world, name, 1)
    client = ck.connect(name, via=world.wires[name], whole=True)
    plan = ck.people(**{name: client, DENIER[name]: world.clients[DENIER[name]]}).propagate()[name]
    before = world.contact(name, 0)
    assert plan.apply(progress=False)["outcome"].tolist() == ["updated"]
    after = world.contact(name, 0)
    differs = {field for field in before if str(before[field]) != str(after[field])}
    assert differs <= {*DENY[name], "writes", "updated_at"} and denies(world, name, 0)


def test_temporary_failure_is_retried(world: SharedPeople, name: str) -> None:
    people_of(world, name, 1)
    plan = world.read().propagate()[name]
    world.wires[name].faults[:] = [None, only_writes(says(503))]
    assert plan.apply(progress=False)["outcome"].item() == "updated"


def test_rate_limit_between_read_and_write_reads_again(world: SharedPeople, name: str) -> None:
    people_of(world, name, 1)
    plan = world.read().propagate()[name]

    def stop(request: httpx.Request, answer: Any) -> httpx.Response:
        world.deny(name, 0)
        return says(429, b"{}", retry_after="1")(request, answer)

    world.wires[name].faults[:] = [None, only_writes(stop)]
    result = plan.apply(progress=False).iloc[0]
    assert (result["outcome"], result["code"]) == ("refused", "conflict")
    assert world.contact(name, 0)["writes"] == 0


def test_two_applies_at_once_write_each_contact_once(world: SharedPeople, name: str) -> None:
    people_of(world, name, 8)
    plans = world.read().propagate()
    others = world.read().propagate()
    barrier = threading.Barrier(2)

    def apply(each: Any) -> list[str]:
        barrier.wait()
        return each.apply(progress=False)["outcome"].tolist()

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(apply, [plans, others])
    assert {*first, *second} <= {"updated", "skipped", "unchanged"}
    assert sorted([*first, *second]).count("updated") == 8
    assert world.state(name)["writes"].tolist() == [1] * 8


def test_interrupt_stops_all_plans_and_they_resume(world: SharedPeople) -> None:
    for name in names():
        for person in range(4):
            world.add(name, person)
    for person in range(4):
        world.deny("sent", person)
    plans = world.read().propagate()
    handler, sent = signal.getsignal(signal.SIGINT), list[bool]()

    def interrupt(progress: ck.Progress) -> None:
        if not sent:
            sent.append(True)
            os.kill(os.getpid(), signal.SIGINT)
            # Until the other thread has stopped the applies.
            time.sleep(0.5)

    result = plans.apply(progress=interrupt, concurrency=1)
    assert signal.getsignal(signal.SIGINT) is handler
    assert "interrupted" in result.attrs["stopped"] and "privy" in result.attrs["stopped"]
    assert {*result["outcome"]} == {"updated", "planned"}
    again = plans.apply(progress=False)
    assert {*again["outcome"]} == {"updated", "skipped"}
    assert not any(map(len, world.read().propagate().values()))


def test_plan_with_another_home_stops_all_before_anything_is_sent(world: SharedPeople) -> None:
    for name in ("privy", "sendblue", "sent"):
        world.add(name, 0)
    world.deny("sent", 0)
    plans = world.read().propagate()
    plans["privy"].runner.session.base_url = "https://elsewhere.example.com"
    with pytest.raises(ck.ConfigurationError, match="the plan is for Privy"):
        plans.apply(progress=False)
    assert world.contact("sendblue", 0)["writes"] == 0


def test_journal_has_the_reasons(world: SharedPeople, name: str, tmp_path: Path) -> None:
    people_of(world, name, 1)
    plan = world.read().propagate()[name]
    plan.apply(progress=False)
    (entry,) = ck.journal(tmp_path / "journal.sqlite3", plan=plan).to_dict("records")
    assert entry["because"] == [dict(reason) for reason in plan.contacts[0].because]
    ck.journal.to_parquet(tmp_path / "journal.parquet", tmp_path / "journal.sqlite3")


def test_forgotten_person_is_in_no_reason(world: SharedPeople, name: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    world.add(name, 0)
    other = "digital_onboarding" if name != "digital_onboarding" else "privy"
    world.add(other, 0)
    world.add(other, 1, **{PHONE_OF[other]: PHONES[0], "email": "second@example.com"})
    world.deny(other, 1)
    world.read().propagate()[name].apply(progress=False)
    assert ck.journal.forget("third@example.com", path) == 0
    assert ck.journal(path)["because"].notna().all()
    ck.journal.forget(PHONES[0], path)
    assert ck.journal(path)["because"].isna().all()


def test_unknown_option_is_refused_in_the_name_of_the_method(world: SharedPeople) -> None:
    people_of(world, "sent", 1)
    plans = world.read().propagate()
    calls: list[tuple[str, Any]] = [
        ("Plans.apply", plans.apply),
        ("Plan.apply", plans["sent"].apply),
        ("AsyncPlan.apply", plans["sent"].aio.apply),
    ]
    for method, call in calls:
        with pytest.raises(TypeError, match=rf"^{method}\(\) got an unexpected keyword .*'dryrun'"):
            call(dryrun=True)
        # What a notebook shows of it, too.
        assert inspect.signature(call) == inspect.signature(plans["sent"].apply)
