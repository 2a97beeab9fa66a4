"""A plan never opts in a contact who opted out, unless opt_in=True is said after that no."""

from __future__ import annotations

from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.record import last_change_of
from tests.support.consent import NO, SILENCE, YES, has, record
from tests.support.providers import EXAMPLES, loses, says

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ON_CONFLICT = pytest.mark.parametrize("on_conflict", [None, "refuse", "reread"])


def start(client: ck.Client, wire: Any, name: str, values: dict[str, Any]) -> pd.DataFrame:
    """Give the example contact these values; returns its row of a listing."""
    client.contacts.get(EXAMPLES[name].key)
    number = {"phone_number": "+12125550190"} if name == "privy" else {}
    record(wire, name, {**number, **values})
    people = client.contacts.list()
    wire.requests.clear()
    return people[people.iloc[:, 0] == EXAMPLES[name].key]


def edit(frame: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    return frame.assign(**values).astype({n: frame[n].dtype for n in values})


def methods(wire: Any) -> list[str]:
    return [request.method for request in wire.requests]


def writes(wire: Any) -> list[str]:
    return [method for method in methods(wire) if method != "GET"]


def widen(client, row, name, **options):
    return client.contacts.plan(edit(row, YES[name]), row, **options)


def widen_blindly(client, row, name, **options):
    """A plan whose original does not show the consent of its contact."""
    original = row.drop(columns=[*find(name).consent.fields])
    return client.contacts.plan(edit(row, YES[name]), original, **options)


def apply(plan, **options):
    return plan.apply(progress=False, **options).iloc[0]


def test_no_in_the_plan_is_refused_without_opt_in(client, wire, name):
    row = start(client, wire, name, NO[name])
    plan = widen(client, row, name)
    assert plan.rows["outcome"].to_list() == ["refused"]
    assert plan.rows["code"].to_list() == ["consent"]
    assert "opt_in=True" in plan.rows["message"].item()
    assert (plan.opts_in, plan.requests) == (0, 0)
    assert apply(plan)["outcome"] == "refused"
    assert wire.requests == []


def test_plan_without_original_compares_with_the_no_that_is_recorded(client, wire, name):
    before = start(client, wire, name, YES[name])
    record(wire, name, NO[name])
    names = [before.columns[0], *YES[name]]
    plan = client.contacts.plan(before[names])
    assert plan.rows["code"].to_list() == ["consent"]


def test_opt_in_is_planned_counted_first_and_applied_after_a_read(client, wire, name):
    row = start(client, wire, name, NO[name])
    plan = widen(client, row, name, opt_in=True)
    assert (plan.opts_in, plan.requests) == (1, 2)
    assert next(iter(plan.facts().items())) == ("opts in", "1 person who had opted out")
    assert plan.summary().iloc[0].to_list() == ["opt_in", "planned", 1]
    assert "opts in: 1 person who had opted out" in repr(plan)
    assert apply(plan)["outcome"] == "updated"
    assert [method == "GET" for method in methods(wire)] == [True, False]
    assert has(wire, name, YES[name])


def test_opt_in_is_part_of_the_digest(client, wire, name):
    row = start(client, wire, name, YES[name])
    changed = edit(row, NO[name])
    one, two = (client.contacts.plan(changed, row, opt_in=opt_in) for opt_in in (False, True))
    assert one.digest != two.digest


def test_journal_holds_that_opt_in_was_said(client, wire, name):
    row = start(client, wire, name, NO[name])
    apply(widen(client, row, name, opt_in=True))
    assert ck.journal(client._session.plan_journal.path)["opt_in"].to_list() == [True]


@ON_CONFLICT
@pytest.mark.parametrize("opt_in", [False, True])
def test_no_after_the_plan_is_refused(client, wire, name, on_conflict, opt_in):
    row = start(client, wire, name, YES[name])
    plan = widen_blindly(client, row, name, opt_in=opt_in)
    assert plan.requests == 2
    record(wire, name, NO[name])
    result = apply(plan, on_conflict=on_conflict)
    assert (result["outcome"], result["code"]) == ("refused", "conflict")
    assert "opted out since it was read" in result["message"]
    assert writes(wire) == []
    assert has(wire, name, NO[name])
    assert wire.simulator.outbox().empty


def test_another_no_after_the_plan_is_refused_where_the_provider_has_a_time(client, wire, name):
    row = start(client, wire, name, NO[name])
    plan = widen(client, row, name, opt_in=True)
    wire.clock.sleep(wire.clock.now() + 60)
    record(wire, name, YES[name])
    record(wire, name, {**YES[name], **NO[name]})
    outcome = apply(plan)["outcome"]
    assert outcome == ("refused" if last_change_of(find(name).record) else "updated")


def test_doubted_opt_in_is_never_sent_again(client, wire, name):
    row = start(client, wire, name, NO[name])
    plan = widen(client, row, name, opt_in=True)
    wire.faults = [None, loses(httpx.ReadTimeout, after=False)]
    assert apply(plan)["outcome"] == "unknown"
    assert len(writes(wire)) == 1
    result = apply(plan)
    assert (result["outcome"], result["code"]) == ("refused", "conflict")
    assert "plan it anew" in result["message"]
    assert len(writes(wire)) == 1
    assert apply(plan)["outcome"] == "refused"
    assert has(wire, name, NO[name])


@pytest.mark.parametrize("name", [*SILENCE])
def test_doubted_first_yes_is_sent_again_where_nothing_changed(client, wire, name):
    row = start(client, wire, name, SILENCE[name])
    plan = widen(client, row, name)
    wire.faults = [None, loses(httpx.ReadTimeout, after=False)]
    assert apply(plan)["outcome"] == "unknown"
    assert apply(plan)["outcome"] == "updated"
    assert len(writes(wire)) == 2


def test_doubted_yes_that_was_carried_out_is_read_back(client, wire, name):
    row = start(client, wire, name, NO[name])
    plan = widen(client, row, name, opt_in=True)
    wire.faults = [None, loses(httpx.ReadTimeout, after=True)]
    assert apply(plan)["outcome"] == "unknown"
    assert apply(plan)["outcome"] == "updated"
    assert len(writes(wire)) == 1


@pytest.mark.parametrize("after", [False, True])
def test_no_after_a_doubted_yes_is_never_overwritten(client, wire, name, after):
    row = start(client, wire, name, YES[name])
    plan = widen_blindly(client, row, name)
    wire.faults = [None, loses(httpx.ReadTimeout, after=after)]
    assert apply(plan)["outcome"] == "unknown"
    record(wire, name, NO[name])
    texts = len(wire.simulator.outbox())
    for _ in range(2):
        assert apply(plan)["outcome"] in ("refused", "unknown")
    assert len(writes(wire)) == 1
    assert has(wire, name, NO[name])
    assert len(wire.simulator.outbox()) == texts


def test_failed_opt_in_is_read_again_before_it_is_sent(client, wire, name):
    row = start(client, wire, name, YES[name])
    plan = widen_blindly(client, row, name)
    wire.faults = [None, loses(httpx.ConnectError, after=False)]
    assert apply(plan)["outcome"] == "failed"
    record(wire, name, NO[name])
    assert apply(plan)["outcome"] == "refused"
    assert has(wire, name, NO[name])


def test_contact_is_read_again_after_a_refusal_by_the_rate_limit(client, wire, name):
    row = start(client, wire, name, YES[name])
    plan = widen_blindly(client, row, name)

    def limited(request, answer):
        record(wire, name, NO[name])
        return says(429, "{}", retry_after="1")(request, answer)

    wire.faults = [None, limited]
    assert apply(plan)["outcome"] == "refused"
    assert len(writes(wire)) == 1
    assert has(wire, name, NO[name])


def test_rows_without_consent_are_sent_without_a_read(client, wire, name):
    row = start(client, wire, name, YES[name])
    plan = client.contacts.plan(edit(row, NO[name]), row)
    assert plan.requests == 1
    assert apply(plan)["outcome"] == "updated"
    assert "GET" not in methods(wire)


@pytest.mark.parametrize("name", [*SILENCE])
def test_first_consent_is_counted_with_its_texts(client, wire, name):
    row = start(client, wire, name, SILENCE[name])
    facts = widen(client, row, name).facts()
    texts = ", 1 welcome text" if name == "privy" else ""
    assert facts["consent"] == f"first consent for 1 person{texts}"
    assert "opts in" not in facts


# Undo


def test_undo_of_an_opt_out_is_refused_without_opt_in(client, wire, name):
    row = start(client, wire, name, YES[name])
    plan = client.contacts.plan(edit(row, NO[name]), row)
    apply(plan)
    undo = plan.undo()
    assert undo.rows["code"].to_list() == ["consent"]
    assert apply(undo)["outcome"] == "refused"
    again = plan.undo(opt_in=True)
    assert again.opts_in == 1
    assert apply(again)["outcome"] == "updated"
    assert not has(wire, name, NO[name])


def test_undo_is_refused_where_the_contact_has_opted_out_itself(client, wire, name):
    row = start(client, wire, name, YES[name])
    plan = client.contacts.plan(edit(row, NO[name]), row)
    apply(plan)
    wire.clock.sleep(wire.clock.now() + 60)
    record(wire, name, NO[name])
    undo = plan.undo(opt_in=True)
    if last_change_of(find(name).record):
        assert undo.rows["code"].to_list() == ["conflict"]
        assert apply(undo)["outcome"] == "refused"
        assert has(wire, name, NO[name])
    else:
        assert undo.rows["message"].to_list() == ["may have opted out themselves since"]


def test_undo_opt_in_is_true_or_false(client, wire, name):
    row = start(client, wire, name, YES[name])
    plan = client.contacts.plan(edit(row, NO[name]), row)
    with pytest.raises(ck.InvalidInputError, match="opt_in: must be True or False"):
        plan.undo(opt_in=1)
    with pytest.raises(ck.InvalidInputError, match="opt_in: must be True or False"):
        client.contacts.plan(row, row, opt_in="no")


# Deleted contacts


def test_deleted_contact_who_opted_out_is_not_created_again_by_a_plan(client, wire, name):
    row = start(client, wire, name, {**YES[name], **NO[name]})
    people = client.contacts.list()
    gone = client.contacts.plan(people.drop(row.index), people, delete=True)
    result = apply(gone)
    assert (result["outcome"], gone.requests) == ("deleted", 2)
    assert "had opted out" in result["message"]
    consent = find(name).consent
    addresses = row[[*consent.phones, *consent.emails]].dropna(axis=1)
    new = addresses.assign(unique_id="core-20009") if name == "digital_onboarding" else addresses
    original = people.drop(row.index)
    plan = client.contacts.plan(
        new if name == "sendblue" else new.assign(**{people.columns[0]: pd.NA}),
        original,
        create=True,
    )
    wire.requests.clear()
    result = apply(plan)
    assert (result["outcome"], result["code"]) == ("refused", "consent")
    assert wire.requests == []


def test_delete_in_a_plan_with_opt_in_keeps_the_no(client, wire, name):
    row = start(client, wire, name, {**YES[name], **NO[name]})
    people = client.contacts.list()
    gone = client.contacts.plan(people.drop(row.index), people, delete=True, opt_in=True)
    assert apply(gone)["outcome"] == "deleted"
    phone = next(n for n in find(name).consent.phones if row[n].notna().item())
    new = {"unique_id": "core-20009"} if name == "digital_onboarding" else {}
    with pytest.raises(ck.InvalidInputError, match="opt_in=True"):
        client.contacts.create(**{phone: row[phone].item()}, **new)


def new_contact(row: pd.DataFrame, name: str) -> pd.DataFrame:
    """A new contact with the addresses of this one."""
    consent, key = find(name).consent, row.columns[0]
    new = row[[*consent.phones, *consent.emails]].dropna(axis=1)
    new = new if name == "sendblue" else new.assign(**{key: pd.NA})
    return new.assign(unique_id="core-20009") if name == "digital_onboarding" else new


def test_opt_in_of_a_plan_does_not_hold_for_a_contact_deleted_since(client, wire, name):
    row = start(client, wire, name, YES[name])
    people = client.contacts.list()
    new, rest = new_contact(row, name), people.drop(row.index)
    plan = client.contacts.plan(new, rest, create=True, opt_in=True)
    wire.clock.sleep(wire.clock.now() + 60)
    record(wire, name, NO[name])
    apply(client.contacts.plan(rest, people, delete=True))
    wire.requests.clear()
    result = apply(plan)
    assert (result["outcome"], result["code"]) == ("refused", "conflict")
    assert "deleted since this was planned: plan it anew" in result["message"]
    assert wire.requests == []
    again = client.contacts.plan(new, rest, create=True, opt_in=True)
    assert apply(again)["outcome"] == "created"


@pytest.mark.parametrize("opt_in", [False, True])
def test_no_that_is_deleted_during_an_apply_is_not_created_again(client, wire, name, opt_in):
    row = start(client, wire, name, {**YES[name], **NO[name]})
    people = client.contacts.list()
    new = new_contact(row, name)
    plan = client.contacts.plan(new, people.drop(row.index), create=True, opt_in=opt_in)
    wire.clock.sleep(wire.clock.now() + 60)

    def deletes_first(request, answer):
        gone = client.contacts.plan(people.drop(row.index), people, delete=True)
        assert apply(gone)["outcome"] == "deleted"
        return says(429, "{}", retry_after="1")(request, answer)

    wire.faults = [deletes_first]
    result = apply(plan)
    assert (result["outcome"], result["code"]) == ("refused", "conflict" if opt_in else "consent")
    phone = next(n for n in find(name).consent.phones if row[n].notna().item())
    assert row[phone].item() not in client.contacts.list()[phone].dropna().tolist()


@pytest.mark.parametrize("step", [-5.0, -90_000.0])
def test_opt_in_does_not_hold_for_what_is_deleted_after_the_clock_was_set_back(
    client, wire, name, step, monkeypatch
):
    row = start(client, wire, name, YES[name])
    people = client.contacts.list()
    rest = people.drop(row.index)
    plan = client.contacts.plan(new_contact(row, name), rest, create=True, opt_in=True)
    clock, now = client._session.clock, client._session.clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + step)
    record(wire, name, NO[name])
    apply(client.contacts.plan(rest, people, delete=True))
    assert apply(plan)["outcome"] == "refused"


def test_stale_frame_does_not_hide_the_no_of_a_deleted_contact(client, wire, name):
    row = start(client, wire, name, YES[name])
    people = client.contacts.list()
    record(wire, name, NO[name])
    plan = client.contacts.plan(people.drop(row.index), people, delete=True)
    assert "had opted out" in apply(plan)["message"]


def test_saved_plan_keeps_that_opt_in_was_said(client, wire, name, tmp_path):
    row = start(client, wire, name, NO[name])
    plan = widen(client, row, name, opt_in=True)
    plan.to_parquet(tmp_path / "plan.parquet")
    loaded = ck.read_plan(tmp_path / "plan.parquet", client)
    assert (loaded.opt_in, loaded.opts_in, loaded.digest) == (True, 1, plan.digest)
    assert apply(loaded)["outcome"] == "updated"


@pytest.mark.parametrize("name", ["privy"])
def test_consent_that_is_not_documented_is_not_taken_for_silence(client, wire, name):
    row = start(client, wire, name, SILENCE[name])
    plan = widen(client, row, name)
    record(wire, name, {"sms_consent": "blocked"})
    result = apply(plan)
    assert (result["outcome"], result["code"]) == ("refused", "consent")
    assert writes(wire) == []
