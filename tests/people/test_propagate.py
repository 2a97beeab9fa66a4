"""A no is planned for every contact of a person that is still sent to, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._people.plans import APPLY_COLUMNS, SUMMARY_COLUMNS
from contactkit._people.reasons import MOST
from contactkit._plans.change import REASON
from contactkit._providers import find, names
from tests.support.shared_people import ALLOWED, EMAILS, PHONE_OF, PHONES, SharedPeople

DENIER = {name: "sent" if name != "sent" else "sendblue" for name in names()}


@pytest.fixture
def world() -> SharedPeople:
    return SharedPeople()


@pytest.fixture
def denied(world: SharedPeople, name: str) -> SharedPeople:
    """Two people at two providers; the first said no elsewhere."""
    for person in range(2):
        world.add(name, person)
        world.add(DENIER[name], person)
    world.deny(DENIER[name], 0)
    return world


def writes(plans: Any) -> dict[tuple[str, str], Any]:
    return {(source, c.key): c for source, plan in plans.items() for c in plan.contacts}


def test_every_missing_no_is_written_once_and_nothing_else() -> None:
    simulators = {name: ck.Simulator() for name in names()}
    clients = {name: ck.connect(name, via=via) for name, via in simulators.items()}
    before = {name: via.state() for name, via in simulators.items()}
    states = {name: via.outbox() for name, via in simulators.items()}
    people = ck.people(**clients)
    plans = people.propagate()
    result = plans.apply(progress=False)
    assert len(result) == 48 and set(result["outcome"]) == {"updated"}
    assert result.dtypes.to_dict() == APPLY_COLUMNS
    assert [*result.columns[:4]] == ["source", "outcome", "key", "message"]
    for name, simulator in simulators.items():
        consent, key = find(name).consent, before[name].columns[0]
        old, new = before[name].set_index(key), simulator.state().set_index(key)
        assert old.index.equals(new.index) and not new["deleted"].any()
        planned = {c.key: c.changes for c in plans[name].contacts}
        for contact in new.index:
            changes = planned.get(contact, {})
            differs = {n for n in old if str(old.at[contact, n]) != str(new.at[contact, n])}
            assert differs <= ({*changes, "writes", "updated_at"} if changes else set())
            assert {n: new.at[contact, n] for n in changes} == changes
        assert {n for changes in planned.values() for n in changes} <= consent.fields
        pd.testing.assert_frame_equal(simulator.outbox(), states[name])
    again = ck.people(**clients)
    assert "denied_elsewhere" not in again.conflicts()["kind"].tolist()
    assert not any(map(len, again.propagate().values()))
    assert len(again.propagate().apply(progress=False)) == 0


def test_write_has_its_reasons_and_watches_the_addresses(denied: SharedPeople, name: str) -> None:
    plans = denied.read().propagate()
    (write,) = plans[name].contacts
    (reason,) = write.because
    denier = DENIER[name]
    assert write.key == denied.keys[name, 0]
    assert tuple(reason) and {*reason} == {*REASON}
    expected = {"channel": "text", "source": denier, "key": denied.keys[denier, 0]}
    expected |= {"field": "opt_out", "value": True, "state": "denied", "path": [PHONES[0]]}
    assert {n: reason[n] for n in expected} == expected
    assert reason["seen_at"] == "2026-10-01T09:00:00+00:00" and reason["line"] is None
    assert write.watched[PHONE_OF[name]] == PHONES[0]
    assert write.watched.keys() == find(name).consent.address_fields
    assert dict(write.changes) == dict(find(name).consent.channels["text"].deny)
    assert not write.options
    assert f"{denier} {denied.keys[denier, 0]} says opt_out=True" in repr(plans[name])
    assert f"{denier} {denied.keys[denier, 0]} says opt_out=True" in plans._repr_html_()


def test_plan_reads_each_contact_first_and_counts_that(denied: SharedPeople, name: str) -> None:
    plan = denied.read().propagate()[name]
    requests = denied.wires[name].requests
    start = len(requests)
    assert plan.requests == 2
    assert plan.apply(progress=False)["outcome"].tolist() == ["updated"]
    assert requests[start].method == "GET" and len(requests) - start == 2


def test_reasons_tell_the_chain_of_addresses(world: SharedPeople) -> None:
    world.add("sendblue", 0)
    world.add("privy", 0)
    world.add("digital_onboarding", 1, email=EMAILS[0])
    world.deny("sendblue", 0)
    (write,) = world.read().propagate()["digital_onboarding"].contacts
    assert write.because[0]["path"] == [EMAILS[0], PHONES[0]]


def test_no_of_a_line_names_the_line(world: SharedPeople) -> None:
    line = "+12025550199"
    for person in range(4):
        world.add("sent", person, phone_number=PHONES[person])
    world.add("sendblue", 9, phone=line)
    world.add("digital_onboarding", 0, phone_work=line)
    world.deny("sendblue", 9)
    plans = world.read(apart=[line]).propagate()
    found = writes(plans)
    assert {key for key in found} == {
        ("sent", world.keys["sent", 0]),
        ("digital_onboarding", world.keys["digital_onboarding", 0]),
    }
    at_sent = found["sent", world.keys["sent", 0]].because[0]
    assert at_sent["line"] == line and at_sent["path"] == [PHONES[0], line]


def test_a_contact_has_the_latest_reasons_and_not_too_many(world: SharedPeople) -> None:
    world.add("sendblue", 0)
    frame = pd.DataFrame(
        {
            "id": [f"00000000-0000-4000-8000-{number:012d}" for number in range(MOST + 5)],
            "phone_number": PHONES[0],
            "opt_out": True,
            "updated_at": pd.date_range("2026-01-01", periods=MOST + 5, tz="UTC"),
        }
    )
    people = ck.people(sendblue=world.clients["sendblue"], sent=frame, shared_by=None)
    (write,) = people.propagate()["sendblue"].contacts
    assert len(write.because) == MOST
    assert [r["key"] for r in write.because] == frame["id"].tolist()[::-1][:MOST]


def test_both_channels_of_a_contact_are_one_write(world: SharedPeople) -> None:
    world.add("privy", 0)
    world.add("digital_onboarding", 0)
    world.deny("digital_onboarding", 0, "text")
    world.deny("digital_onboarding", 0, "email")
    (write,) = world.read().propagate()["privy"].contacts
    assert write.changes == {"sms_consent": "unsubscribed", "email_consent": "unsubscribed"}
    assert [reason["channel"] for reason in write.because] == ["text", "email"]
    assert world.read().propagate().apply(progress=False)["outcome"].tolist() == ["updated"]
    assert len(world.wires["privy"].simulator.outbox()) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"email_consent": "suppressed"},
        {"email_consent": "compliance_suppressed"},
        {"email_consent": "never_subscribed"},
    ],
)
def test_no_in_other_words_and_silence_are_left_alone(
    world: SharedPeople, fields: dict[str, str]
) -> None:
    world.add("privy", 0, **fields)
    world.add("digital_onboarding", 0)
    world.deny("digital_onboarding", 0, "email")
    assert not len(world.read().propagate()["privy"])


def test_missing_flag_is_a_target_where_the_provider_sends(world: SharedPeople) -> None:
    world.add("sendblue", 0, opt_out=None)
    world.add("sent", 0)
    world.deny("sent", 0)
    assert len(world.read().propagate()["sendblue"]) == 1


def test_refused_contacts_come_first(world: SharedPeople) -> None:
    for person in range(4):
        world.add("sent", person, is_inherited=person == 3)
        world.add("sendblue", person)
        world.deny("sendblue", person)
    plan = world.read().propagate()["sent"]
    assert [bool(c.problems) for c in plan.contacts] == [True, False, False, False]
    assert plan.contacts[0].key == world.keys["sent", 3] and plan.contacts[0].because
    plans = world.read().propagate()
    row = plans.summary().set_index("source").loc["sent"]
    assert (row["refused"], row["planned"], row["requests"]) == (1, 3, 6)
    assert "1 refused, 3 planned" in repr(plans)
    first = plans._drawing()[2][0]
    assert first["refused_because"] == "This contact is read-only and cannot be updated."
    result = plans.apply(progress=False)
    assert result["outcome"].tolist() == ["refused", "updated", "updated", "updated"]
    assert not world.contact("sent", 3)["opt_out"]


def test_plans_depend_on_no_order(world: SharedPeople) -> None:
    for name in names():
        for person in range(5):
            world.add(name, person)
    for number, name in enumerate(names()):
        world.deny(name, number)
    clients = {**world.clients}
    frames = {name: client.contacts.list() for name, client in clients.items()}
    first = ck.people(**frames).propagate(**clients)
    turned = {name: frames[name].iloc[::-1] for name in reversed(frames)}
    second = ck.people(**turned).propagate(**clients)
    assert first.digest == second.digest and [*second] == [*turned]
    assert {at: c.because for at, c in writes(first).items()} == {
        at: c.because for at, c in writes(second).items()
    }


def test_summary_has_the_ages_and_the_latest_eta(world: SharedPeople) -> None:
    for person in range(9):
        for name in ("privy", "sendblue"):
            world.add(name, person)
        world.deny("sendblue", person)
    plans = world.read().propagate()
    summary = plans.summary()
    assert summary.dtypes.to_dict() == SUMMARY_COLUMNS
    assert summary["read_at"].notna().all()
    assert plans.eta == max(plan.eta for plan in plans.values() if plan.requests)
    assert summary["eta"].dropna().tolist() == [pd.Timestamp(plans.eta)]
    assert "read 2026-10-01 09:00" in repr(plans)


def test_old_source_is_planned_and_its_age_shown(denied: SharedPeople, name: str) -> None:
    people = denied.read()
    clock = denied.wires[name].simulator.clock
    clock.sleep(clock.now() + 3 * 86_400)
    assert len(people.propagate()[name]) == 1


def test_frame_needs_a_client_by_name_if_it_has_contacts_to_write(
    denied: SharedPeople, name: str
) -> None:
    clients = denied.clients
    frames = {n: clients[n].contacts.list() for n in (name, DENIER[name])}
    people = ck.people(**frames)
    with pytest.raises(ck.InvalidInputError, match=rf"propagate\({name}=client\)"):
        people.propagate()
    plans = people.propagate(**{name: clients[name]})
    assert plans.apply(progress=False)["outcome"].tolist() == ["updated"]
    with pytest.raises(ck.InvalidInputError, match="is no source"):
        people.propagate(other=clients[name])
    for wrong in (clients[DENIER[name]], 3, None):
        with pytest.raises(ck.InvalidInputError, match="must be a client of"):
            people.propagate(**{name: wrong})


def test_frame_with_national_numbers_is_written_by_its_own_key(world: SharedPeople) -> None:
    world.add("sendblue", 0)
    world.add("sent", 0)
    world.deny("sent", 0)
    clients = world.clients
    frame = clients["sendblue"].contacts.list()
    frame["phone"] = "(202) 555-0150"
    people = ck.people(sendblue=frame, sent=clients["sent"], region="US")
    plans = people.propagate(sendblue=clients["sendblue"])
    assert plans.apply(progress=False)["outcome"].tolist() == ["updated"]


def test_two_accounts_of_a_provider_have_a_plan_each(world: SharedPeople) -> None:
    other = SharedPeople()
    world.add("sendblue", 0)
    other.add("sendblue", 0)
    world.deny("sendblue", 0)
    people = ck.people(here=world.clients["sendblue"], there=other.clients["sendblue"])
    plans = people.propagate()
    assert [len(plans["here"]), len(plans["there"])] == [0, 1]
    result = plans.apply(progress=False)
    assert result["source"].tolist() == ["there"]
    assert other.contact("sendblue", 0)["opt_out"]


def test_suppression_is_a_reason(world: SharedPeople, name: str, tmp_path: Path) -> None:
    world.add(name, 0)
    (tmp_path / "dnc.csv").write_text(f"phone\n{PHONES[0]}\n")
    people = ck.people(**{name: world.clients[name]}, suppression=tmp_path / "dnc.csv")
    (write,) = people.propagate()[name].contacts
    reason = write.because[0]
    assert (reason["source"], reason["key"], reason["value"]) == (
        "suppression",
        PHONES[0],
        "suppressed",
    )


def test_proof_sets_aside_earlier_noes_only(denied: SharedPeople, name: str) -> None:
    people = denied.read()
    proof = {"address": PHONES[0], "channel": "text", "how": "a signed form"}
    later = pd.DataFrame([{**proof, "given_at": "2026-10-01T09:00:00Z"}])
    earlier = pd.DataFrame([{**proof, "given_at": "2026-09-30T09:00:00Z"}])
    assert len(people.propagate(given=earlier)[name]) == 1
    assert not len(people.propagate(given=later)[name])
    with pytest.raises(ck.InvalidInputError, match="how"):
        people.propagate(given=later.drop(columns="how"))


def test_file_keeps_reasons_and_watched_addresses(
    denied: SharedPeople, name: str, tmp_path: Path
) -> None:
    plan = denied.read().propagate()[name]
    plan.to_parquet(tmp_path / "plan.parquet")
    saved = ck.read_plan(tmp_path / "plan.parquet", denied.clients[name])
    assert saved.contacts == plan.contacts
    assert saved.digest == plan.digest and saved.is_propagated
    denied.deny(name, 0)
    assert saved.apply(progress=False)["outcome"].tolist() == ["unchanged"]


def test_file_with_another_watched_address_is_refused(
    denied: SharedPeople, name: str, tmp_path: Path, put: Callable[..., None]
) -> None:
    path = tmp_path / "plan.parquet"
    for column in ("because", "watched"):
        denied.read().propagate()[name].to_parquet(path)
        put(path, column)
        with pytest.raises(ck.ConfigurationError, match="changed after the plan was saved"):
            ck.read_plan(path)


@pytest.fixture
def put() -> Callable[..., None]:
    """Changes a number in a column of a plan's file."""

    def change(path: Path, column: str) -> None:
        frame = pd.read_parquet(path)
        frame[column] = frame[column].str.replace(PHONES[0], PHONES[1], regex=False)
        frame.to_parquet(path)

    return change


def test_plans_without_contacts_need_no_client() -> None:
    frame = pd.DataFrame({"id": ["a"], "phone_number": [PHONES[0]], "opt_out": [True]})
    plans = ck.people(sent=frame).propagate()
    assert len(plans) == 1 and not len(plans["sent"])
    assert plans.apply(progress=False).columns.tolist() == [*APPLY_COLUMNS]
    assert plans.eta is None and "0 planned" in repr(plans)


def test_allowed_values_of_these_tests_are_allowed() -> None:
    for name, values in ALLOWED.items():
        for channel in find(name).consent.channels.values():
            assert channel.sends(values)
