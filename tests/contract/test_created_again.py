"""A deleted contact who had opted out, and whom others have created again, is not opted in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find
from tests.support.consent import NO, SILENCE, YES, record
from tests.support.providers import EXAMPLES, Wire

FIELDS = {"sendblue": "phone", "privy": "phone_number", "digital_onboarding": "phone_mobile"}
NUMBER = "+12125550190"
NUMBERS = {"privy": {"phone_number": NUMBER}, "digital_onboarding": {"phone_mobile": NUMBER}}
# A new contact at Sent is open at once.
SILENT = sorted(FIELDS)

WAYS: dict[str, Callable[[ck.Client, pd.DataFrame, dict[str, Any]], pd.DataFrame]] = {
    "by key": lambda client, row, yes: client.contacts.update(row.iloc[0, 0], **yes),
    "by row": lambda client, row, yes: client.contacts.update(row, **yes),
    "in a plan": lambda client, row, yes: client.contacts.plan(row.assign(**yes), row).apply(
        progress=False
    ),
    "in a plan without an original": lambda client, row, yes: client.contacts.plan(
        row.assign(**yes)
    ).apply(progress=False),
}


@pytest.fixture
def client(name, wire, tmp_path):
    return ck.connect(name, via=wire, journal=tmp_path / "journal.sqlite3")


def create_again(client: ck.Client, wire: Wire, name: str) -> pd.DataFrame:
    """Delete the example contact, who has opted out, and let others create it; returns its row."""
    client.contacts.get(EXAMPLES[name].key)
    record(wire, name, {**NUMBERS.get(name, {}), **NO[name]})
    row = client.contacts.get(EXAMPLES[name].key)
    confirm = {"confirm": True} if find(name).endpoint("delete").confirm else {}
    client.contacts.delete(EXAMPLES[name].key, **confirm)
    other = {"unique_id": "core-20009"} if name == "digital_onboarding" else {}
    number = {FIELDS[name]: row[FIELDS[name]].item()}
    return client.contacts.get(wire.simulator.put(**number, **SILENCE[name], **other))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SILENT)
def test_first_consent_is_refused(client, wire, name, way):
    row = create_again(client, wire, name)
    try:
        message = WAYS[way](client, row, YES[name])["message"].item()
    except ck.InvalidInputError as error:
        message = str(error)
    assert f"{FIELDS[name]}: belongs to a deleted contact who had opted out" in message
    after = client.contacts.get(row.iloc[0, 0])
    pd.testing.assert_frame_equal(after.filter([*YES[name]]), row.filter([*YES[name]]))
    assert wire.simulator.outbox().empty


@pytest.mark.parametrize("name", SILENT)
def test_opt_in_is_sent_and_then_needed_no_more(client, wire, name):
    row = create_again(client, wire, name)
    key = row.iloc[0, 0]
    assert client.contacts.update(key, **YES[name], opt_in=True)["outcome"].item() == "updated"
    wire.simulator.put(key, **SILENCE[name])
    assert client.contacts.update(key, **YES[name])["outcome"].item() == "updated"


@pytest.mark.parametrize("name", SILENT)
def test_other_changes_are_sent(client, wire, name):
    row = create_again(client, wire, name)
    field = "name_first" if name == "digital_onboarding" else "first_name"
    done = client.contacts.update(row, **{field: "Jan"})
    assert done["outcome"].item() == "updated"
    assert client.contacts.update(row.iloc[0, 0], **NO[name])["http_status"].item() == 200


@pytest.mark.parametrize("name", ["sendblue"])
def test_verify_and_opt_out_are_refused(client, wire, name):
    phone = create_again(client, wire, name)["phone"].item()
    with pytest.raises(ck.InvalidInputError, match="opted out, so no text is sent"):
        client.contacts.verify(phone)
    with pytest.raises(ck.InvalidInputError, match="phone: belongs to a deleted contact"):
        client.contacts.opt_out(phone, opted_out=False)
    assert wire.simulator.outbox().empty


@pytest.mark.parametrize("name", ["digital_onboarding"])
def test_upsert_is_refused(client, wire, name):
    create_again(client, wire, name)
    with pytest.raises(ck.InvalidInputError, match=r"\[0\] phone_mobile: belongs to a deleted"):
        client.contacts.upsert([{"unique_id": "core-20009", **YES[name]}])
