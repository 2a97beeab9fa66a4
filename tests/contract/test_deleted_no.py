"""A contact who opted out is remembered once it is deleted, and is not created again by itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.spec.validate import writable_fields
from tests.support.consent import NO, SILENCE, YES, record
from tests.support.providers import EXAMPLES, Wire, says

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NUMBER = "+12125550190"
FIELDS = {
    "sent": "phone_number",
    "sendblue": "phone",
    "privy": "phone_number",
    "digital_onboarding": "phone_mobile",
}
# Where the number can be written, the contact is given this one.
NUMBERS = {"privy": {"phone_number": NUMBER}, "digital_onboarding": {"phone_mobile": NUMBER}}
EMAIL_NO = {
    "privy": {"email_consent": "unsubscribed"},
    "digital_onboarding": {"email_unsubscribed": True},
}
SAYS = "had opted out: creating it again is refused without opt_in=True"
REFUSAL = "belongs to a deleted contact who had opted out; say opt_in=True"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def client(name, wire, path):
    return ck.connect(name, via=wire, journal=path)


@pytest.fixture(params=["sync", "async"])
def call(request, client):
    """Calls a verb of the sync or the async client."""

    async def on_a_loop(verb: str, *args: Any, **fields: Any) -> pd.DataFrame:
        async with client.aio as other:
            return await getattr(other.contacts, verb)(*args, **fields)

    def run(verb: str, *args: Any, **fields: Any) -> pd.DataFrame:
        if request.param == "async":
            return asyncio.run(on_a_loop(verb, *args, **fields))
        return getattr(client.contacts, verb)(*args, **fields)

    return run


def start(client, wire, name, values) -> pd.DataFrame:
    """Give the example contact these values; returns its row."""
    client.contacts.get(EXAMPLES[name].key)
    record(wire, name, {**NUMBERS.get(name, {}), **values})
    return client.contacts.get(EXAMPLES[name].key)


def confirmed(name) -> dict[str, bool]:
    return {"confirm": True} if find(name).endpoint("delete").confirm else {}


def new(name, number) -> dict[str, str]:
    """A new contact with this number."""
    other = {"unique_id": "core-20009"} if name == "digital_onboarding" else {}
    return {FIELDS[name]: number, **other}


def spellings(number) -> list[str]:
    area, office, line = number[2:5], number[5:8], number[8:]
    return [number, f"+1 ({area}) {office}-{line}", f"+1.{area}.{office}.{line}"]


def delete_denied(client, wire, name) -> str:
    """Delete the example contact, who has opted out; returns its number."""
    row = start(client, wire, name, NO[name])
    client.contacts.delete(EXAMPLES[name].key, **confirmed(name))
    wire.requests.clear()
    return row[FIELDS[name]].item()


def is_suppressed(client, number) -> bool:
    provider = client._session.provider.name
    return bool(client._session.plan_journal.suppression.find(provider, [("phone", number)]))


@pytest.mark.parametrize("given", ["key", "row", "stale row"])
def test_deletion_of_a_no_is_reported_and_its_number_refused(call, client, wire, name, given):
    row = start(client, wire, name, SILENCE.get(name, YES[name]))
    record(wire, name, NO[name])
    contact = {
        "key": EXAMPLES[name].key,
        "row": client.contacts.get(EXAMPLES[name].key),
        "stale row": row,
    }[given]
    done = call("delete", contact, **confirmed(name))
    assert (done["outcome"].item(), done["message"].item()) == ("deleted", SAYS)
    wire.requests.clear()
    for number in spellings(row[FIELDS[name]].item()):
        with pytest.raises(ck.InvalidInputError, match=REFUSAL) as caught:
            call("create", **new(name, number))
        assert [p.field for p in caught.value.problems] == [FIELDS[name]]
    assert wire.requests == []
    assert wire.simulator.outbox().empty


def test_deletion_of_a_yes_is_not_reported(call, client, wire, name):
    row = start(client, wire, name, YES[name])
    done = call("delete", EXAMPLES[name].key, **confirmed(name))
    assert done["message"].isna().item()
    assert call("create", **new(name, row[FIELDS[name]].item()))["outcome"].item() in (
        "created",
        "updated",
    )


def test_creation_with_opt_in_is_sent_and_leaves_the_list(call, client, wire, name, path):
    number = delete_denied(client, wire, name)
    assert is_suppressed(client, number)
    done = call("create", **new(name, number), opt_in=True)
    assert done["outcome"].item() in ("created", "updated")
    assert not is_suppressed(client, number)
    assert ck.journal(path)["opt_in"].tolist() == [False, True]


def test_opt_in_leaves_the_list_alone_if_the_provider_refuses(call, client, wire, name):
    number = delete_denied(client, wire, name)
    wire.faults = [says(422, "{}")]
    with pytest.raises(ck.ApiError):
        call("create", **new(name, number), opt_in=True)
    assert is_suppressed(client, number)


def test_forget_and_prune_leave_the_no(client, wire, name, path):
    number = delete_denied(client, wire, name)
    assert ck.journal.forget(number, path=path) == 1
    assert ck.journal.prune(timedelta(0), path=path) == 1
    assert ck.journal(path).empty
    with pytest.raises(ck.InvalidInputError, match=REFUSAL):
        client.contacts.create(**new(name, number))


def test_other_account_sees_the_no(client, wire, name, path):
    number = delete_denied(client, wire, name)
    other = ck.connect(name, via=ck.Simulator(seed=3), journal=path, base_url="https://other.test")
    with pytest.raises(ck.InvalidInputError, match=REFUSAL):
        other.contacts.create(**new(name, number))


def test_other_process_sees_the_no_of_every_provider(path):
    creations = {}
    for name in names():
        wire = Wire()
        with ck.connect(name, via=wire, journal=path) as client:
            creations[name] = new(name, delete_denied(client, wire, name))
    code = """if True:
        import contactkit as ck, sys
        for name, fields in CREATIONS.items():
            client = ck.connect(name, via=ck.Simulator(), journal=sys.argv[1])
            try:
                client.contacts.create(**fields)
            except ck.InvalidInputError as error:
                print(name, error)
        """
    program = [sys.executable, "-c", code.replace("CREATIONS", str(creations)), str(path)]
    ran = subprocess.run(program, capture_output=True, text=True, check=True)
    printed = ran.stdout.splitlines()
    assert [line.partition(" ")[0] for line in printed if REFUSAL in line] == [*names()]


def test_missing_key_of_the_list_stops_before_anything_is_sent(client, wire, name, path):
    number = delete_denied(client, wire, name)
    path.with_name(f"{path.name}-key").unlink()
    with pytest.raises(ck.ConfigurationError, match="the key of the suppression list"):
        client.contacts.create(**new(name, number))
    assert wire.requests == []


@pytest.mark.parametrize("named", [True, False])
def test_creation_with_opt_in_needs_no_key_of_the_list(wire, name, path, named):
    client = ck.connect(name, via=wire, journal=path if named else None)
    number = delete_denied(client, wire, name)
    client._session.plan_journal.suppression.key_file.path.unlink()
    done = client.contacts.create(**new(name, number), opt_in=True)
    assert done["outcome"].item() in ("created", "updated")


@pytest.mark.parametrize("name", ["privy", "digital_onboarding"])
def test_deleted_no_to_email_is_refused_in_any_case(call, client, wire, name):
    row = start(client, wire, name, {**YES[name], "email": "zoe@example.com", **EMAIL_NO[name]})
    client.contacts.delete(EXAMPLES[name].key, **confirmed(name))
    wire.requests.clear()
    other = {"unique_id": "core-20009"} if name == "digital_onboarding" else {}
    for email in ("zoe@example.com", "Zoe@EXAMPLE.com"):
        with pytest.raises(ck.InvalidInputError, match=f"email: {REFUSAL}"):
            call("create", email=email, **other)
    assert wire.requests == []
    number = row[FIELDS[name]].item()
    assert call("create", **new(name, number))["outcome"].item() == "created"


@pytest.mark.parametrize("name", ["privy", "digital_onboarding"])
def test_suppressed_number_is_not_given_to_another_contact(call, client, wire, name):
    number = delete_denied(client, wire, name)
    other = {"privy": {"email": "zoe@example.com"}}.get(name, {"unique_id": "core-20009"})
    key = client.contacts.create(**other)["key"].item()
    row = client.contacts.get(key)
    wire.requests.clear()
    for contact in (key, row):
        for spelling in spellings(number):
            with pytest.raises(ck.InvalidInputError, match=REFUSAL):
                call("update", contact, **{FIELDS[name]: spelling})
    assert wire.requests == []
    done = call("update", key, **{FIELDS[name]: number}, opt_in=True)
    assert done["outcome"].item() == "updated"
    assert not is_suppressed(client, number)


def test_number_is_given_to_another_contact_only_where_it_can_be_written(name):
    provider = find(name)
    writable = FIELDS[name] in writable_fields(provider, provider.endpoint("update"))
    assert writable is (name in ("privy", "digital_onboarding"))


SENDBLUE = pytest.mark.parametrize("name", ["sendblue"])


@SENDBLUE
def test_bulk_deletion_of_a_no_is_reported_and_its_number_refused(call, client, wire, name):
    people = client.contacts.list()
    key = EXAMPLES[name].key
    other = people.loc[(people["phone"] != key) & ~people["opt_out"].fillna(False), "phone"].iloc[0]
    record(wire, name, NO[name])
    done = call("bulk_delete", [other, key])
    assert done["message"].tolist()[1] == SAYS and done["message"].isna()[0]
    wire.requests.clear()
    rows = [{"phone": "+12125550191"}, {"phone": spellings(key)[1]}]
    with pytest.raises(ck.InvalidInputError, match=REFUSAL) as caught:
        call("bulk_create", rows)
    assert [problem.field for problem in caught.value.problems] == ["[1] phone"]
    assert wire.requests == []
    assert call("bulk_create", rows, opt_in=True)["outcome"].tolist() == ["updated", "updated"]
    assert not is_suppressed(client, key)


@SENDBLUE
def test_bulk_deletion_reads_again_after_the_rate_limit_refused(call, client, wire, name):
    start(client, wire, name, YES[name])

    def limited(request, answer):
        record(wire, name, NO[name])
        return says(429, "{}", retry_after="1")(request, answer)

    wire.faults = [None, limited]
    done = call("bulk_delete", [EXAMPLES[name].key])
    assert done["message"].item() == SAYS
    assert is_suppressed(client, EXAMPLES[name].key)


@SENDBLUE
def test_bulk_deletion_is_not_sent_again_without_a_read(call, client, wire, name):
    start(client, wire, name, YES[name])

    def fails(request, answer):
        record(wire, name, NO[name])
        raise httpx.ConnectError("no connection", request=request)

    wire.faults = [None, fails]
    with pytest.raises(ck.TransportError):
        call("bulk_delete", [EXAMPLES[name].key])
    assert call("bulk_delete", [EXAMPLES[name].key])["message"].item() == SAYS
    assert is_suppressed(client, EXAMPLES[name].key)


@SENDBLUE
def test_suppressed_number_without_a_contact_is_neither_texted_nor_opted_in(
    call, client, wire, name
):
    number = delete_denied(client, wire, name)
    for spelling in spellings(number):
        with pytest.raises(ck.InvalidInputError, match="opted out, so no text is sent"):
            call("verify", spelling)
        with pytest.raises(ck.InvalidInputError, match=f"phone: {REFUSAL}"):
            call("opt_out", spelling, opted_out=False)
    assert {request.method for request in wire.requests} == {"GET"}
    assert wire.simulator.outbox().empty
    assert call("opt_out", number)["outcome"].item() == "updated"
    assert call("opt_out", number, opted_out=False, opt_in=True)["outcome"].item() == "updated"
    assert not is_suppressed(client, number)


@pytest.mark.parametrize("name", ["digital_onboarding"])
def test_upsert_of_a_suppressed_number_is_refused(call, client, wire, name):
    number = delete_denied(client, wire, name)
    rows = [{"unique_id": "core-20008"}, new(name, spellings(number)[1])]
    with pytest.raises(ck.InvalidInputError, match=REFUSAL) as caught:
        call("upsert", rows)
    assert [problem.field for problem in caught.value.problems] == ["[1] phone_mobile"]
    assert wire.requests == []
    assert call("upsert", rows[1:], opt_in=True)["outcome"].tolist() == ["created"]
    assert not is_suppressed(client, number)


@pytest.mark.parametrize("name", ["privy"])
def test_no_welcome_text_is_sent_to_a_deleted_no(call, client, wire, name):
    number = delete_denied(client, wire, name)
    with pytest.raises(ck.InvalidInputError, match=REFUSAL):
        call("create", phone_number=number, sms_consent="subscribed")
    assert wire.simulator.outbox().empty
