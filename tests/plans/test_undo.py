"""The undoing of a plan: what is restored, and what is refused or reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pandas as pd
import pytest

import contactkit as ck
from tests.plans.test_apply import counts, writes
from tests.support.providers import Example, Wire, loses


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


@pytest.fixture
def plan(client: ck.Client, people: pd.DataFrame, example: Example) -> ck.Plan:
    columns = {n: pd.Series([v] * len(people), dtype=object) for n, v in example.update.items()}
    return client.contacts.plan(people.assign(**columns), people)


@pytest.fixture
def connect(wire: Wire) -> Iterator[Callable[[str], ck.Client]]:
    clients: list[ck.Client] = []

    def made(name: str) -> ck.Client:
        clients.append(ck.connect(name, via=wire))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


def named(client: ck.Client) -> ck.Plan:
    people = client.contacts.list()
    return client.contacts.plan(people.assign(first_name="Zoë"), people)


async def test_sync_and_async_undo_plan_the_same(plan: ck.Plan) -> None:
    await plan.aio.apply(progress=False)
    back = await plan.aio.undo()
    assert back.digest == plan.undo().digest
    assert back.numbers == plan.undo().numbers


def test_undone_plan_may_be_applied_again(connect: Callable[[str], ck.Client]) -> None:
    client = connect("sendblue")
    people = client.contacts.list()
    plan = named(client)
    for _ in range(2):
        assert counts(plan.apply(progress=False)) == {"updated": len(plan)}
        assert counts(plan.apply(progress=False)) == {"skipped": len(plan)}
        back = plan.undo()
        assert counts(back.apply(progress=False)) == {"updated": len(plan)}
        assert counts(back.apply(progress=False)) == {"skipped": len(plan)}
        assert client.contacts.list()["first_name"].equals(people["first_name"])
    assert len(plan.undo()) == 0


def test_undo_covers_only_written_contacts(connect: Callable[[str], ck.Client]) -> None:
    plan = named(connect("sendblue"))
    assert len(plan.undo()) == 0
    plan.apply(progress=False, limit=3)
    assert len(plan.undo()) == 3


def test_undo_refuses_contacts_changed_since(connect: Callable[[str], ck.Client]) -> None:
    client = connect("sendblue")
    plan = named(client)
    plan.apply(progress=False)
    key = plan.contacts[0].key
    client.contacts.update(key, first_name="Grace")
    refused = plan.undo().rows.query("outcome == 'refused'")
    assert refused["key"].to_list() == [key]
    assert (refused["field"].item(), refused["code"].item()) == ("first_name", "conflict")
    plan.undo().apply(progress=False)
    assert client.contacts.get(key)["first_name"].item() == "Grace"


def test_undo_leaves_other_fields_changed_since(connect: Callable[[str], ck.Client]) -> None:
    client = connect("sendblue")
    plan = named(client)
    plan.apply(progress=False)
    key = plan.contacts[0].key
    client.contacts.update(key, last_name="Hopper")
    plan.undo().apply(progress=False)
    now = client.contacts.get(key)
    assert now["last_name"].item() == "Hopper"
    assert now["first_name"].item() != "Zoë"


def test_undo_deletes_created_and_recreates_deleted_contacts(
    connect: Callable[[str], ck.Client],
) -> None:
    client = connect("sendblue")
    client.contacts.create(phone="+12125550186", first_name="Grace")
    people = client.contacts.list()
    removed = people.set_index("phone", drop=False).loc["+12125550186"]
    new = pd.DataFrame({"phone": ["+12125550187"], "first_name": ["Ada"]}, dtype=object)
    edited = pd.concat([people[people["phone"] != removed["phone"]].astype(object), new])
    plan = client.contacts.plan(edited, people, create=True, delete=True)
    plan.apply(progress=False)
    back = plan.undo()
    assert set(back.rows["operation"]) == {"create", "delete"}
    assert counts(back.apply(progress=False)) == {"created": 1, "deleted": 1}
    with pytest.raises(ck.NotFoundError):
        client.contacts.get("+12125550187")
    assert client.contacts.get(removed["phone"])["first_name"].item() == removed["first_name"]


@pytest.mark.filterwarnings("ignore:Sent deprecated:DeprecationWarning")
def test_undo_never_recreates_a_contact_without_its_opt_out(
    connect: Callable[[str], ck.Client],
) -> None:
    client = connect("sent")
    key = client.contacts.list().query("opt_out == True")["id"].iloc[0]
    people = client.contacts.list()
    plan = client.contacts.plan(people[people["id"] != key], people, delete=True)
    assert counts(plan.apply(progress=False)) == {"deleted": 1}
    (refused,) = plan.undo().rows.to_dict("records")
    assert refused["outcome"] == "refused"
    assert "opt_out" in refused["field"]


def test_undo_refuses_consent_that_may_not_go_back(connect: Callable[[str], ck.Client]) -> None:
    client = connect("privy")
    people = client.contacts.list()
    some = people[people["sms_consent"].isin(["single_opt_in", "subscribed"])]
    plan = client.contacts.plan(some.assign(sms_consent="unsubscribed"), some)
    plan.apply(progress=False)
    was = some.set_index("id")["sms_consent"]
    for row in plan.undo(opt_in=True).rows.itertuples():
        refused = was[row.key] == "single_opt_in"
        assert (row.outcome == "refused") is refused
        assert not refused or "cannot become single_opt_in" in row.message


def test_undo_of_consent_sends_no_second_welcome_text(
    connect: Callable[[str], ck.Client], wire: Wire
) -> None:
    client = connect("privy")
    people = client.contacts.list()
    some = people[people["sms_consent"].eq("subscribed")]
    plan = client.contacts.plan(some.assign(sms_consent="unsubscribed"), some)
    plan.apply(progress=False)
    back = plan.undo(opt_in=True)
    assert [contact.options for contact in back.contacts] == [{"send_welcome_sms": False}] * len(
        some
    )
    back.apply(progress=False)
    assert b'"send_welcome_sms":false' in writes(wire)[-1].content


@pytest.mark.parametrize(("options", "warned"), [({}, True), ({"send_welcome_sms": False}, False)])
def test_undo_reports_a_welcome_text_that_was_sent(
    connect: Callable[[str], ck.Client], options: dict[str, bool], warned: bool
) -> None:
    client = connect("privy")
    people = client.contacts.list()
    some = people[people["sms_consent"].eq("unsubscribed")]
    edited = some.assign(sms_consent="subscribed", **options)
    plan = client.contacts.plan(edited, some, opt_in=True)
    assert counts(plan.apply(progress=False)) == {"updated": len(some)}
    messages = plan.undo().rows["message"].fillna("")
    assert messages.str.contains("welcome text").to_list() == [warned] * len(some)


@pytest.mark.parametrize(("options", "warned"), [({}, True), ({"send_welcome_sms": False}, False)])
def test_undo_reports_a_welcome_text_to_a_new_contact(
    connect: Callable[[str], ck.Client], options: dict[str, bool], warned: bool
) -> None:
    client = connect("privy")
    people = client.contacts.list()
    new = {"phone_number": "+12125550187", "sms_consent": "subscribed", **options}
    edited = pd.concat([people.astype(object), pd.DataFrame([new], dtype=object)])
    plan = client.contacts.plan(edited, people, create=True)
    assert counts(plan.apply(progress=False)) == {"created": 1}
    (row,) = plan.undo().rows.to_dict("records")
    assert row["operation"] == "delete"
    assert ("welcome text" in str(row["message"])) is warned


def test_undo_refuses_writes_in_doubt(connect: Callable[[str], ck.Client], wire: Wire) -> None:
    plan = named(connect("sendblue"))
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    plan.apply(progress=False, concurrency=1, limit=1)
    wire.faults.clear()
    (row,) = plan.undo().rows.to_dict("records")
    assert (row["outcome"], row["code"]) == ("refused", "unknown")
    plan.apply(progress=False, limit=1)
    assert plan.undo().rows["outcome"].to_list() == ["planned"]


def test_undo_reads_many_contacts_with_a_listing(wire: Wire) -> None:
    wire.simulator = ck.Simulator(contacts=80, seed=7)
    with ck.connect("sendblue", via=wire) as client:
        plan = named(client)
        plan.apply(progress=False)
        before = len(wire.requests)
        back = plan.undo()
        assert len(wire.requests) - before < 10
        assert back.requests == len(plan)


def test_undo_survives_a_file(connect: Callable[[str], ck.Client], tmp_path) -> None:
    client = connect("sendblue")
    plan = named(client)
    plan.apply(progress=False)
    plan.undo().to_parquet(tmp_path / "back.parquet")
    back = ck.read_plan(tmp_path / "back.parquet", client)
    assert counts(back.apply(progress=False, limit=2))["updated"] == 2
    again = ck.read_plan(tmp_path / "back.parquet", client)
    assert counts(again.apply(progress=False))["skipped"] == 2
