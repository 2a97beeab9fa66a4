"""The simulator as a world: what a notebook sees of it besides the provider's responses."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest

import contactkit as ck
from contactkit._frames.frame import dtype_of
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.spec.record import fields_of, last_change_of
from tests.support.providers import EXAMPLES
from tests.support.requests import RawClient

FIRST = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
JANET = "cus_a1b2c3d4e5f60001"
PHONE = "+12125550187"
FIRST_KEYS = {name: example.key for name, example in EXAMPLES.items()}
providers = pytest.mark.parametrize("provider", names())


@pytest.fixture
def world() -> ck.Simulator:
    return ck.Simulator(contacts=8)


# state()


@providers
@pytest.mark.parametrize("contacts", [0, 1, 30])
def test_state_is_a_contact_frame_with_three_more_columns(provider, contacts):
    state = RawClient(provider, contacts).simulator.state()
    declared = {n: dtype_of(field) for n, field in fields_of(find(provider).record).items()}
    more = {"writes": "Int64", "deleted": "boolean", "owner": "string"}
    assert {name: str(kind) for name, kind in state.dtypes.items()} == {
        name: str(kind) for name, kind in (declared | more).items()
    }
    assert len(state) == contacts
    assert not state["writes"].any() and not state["deleted"].any()


def test_state_counts_writes(privy):
    for name in ("Jan", "Janet"):
        privy("PATCH", f"/contacts/{JANET}", json={"first_name": name})
    privy("PATCH", f"/contacts/{JANET}", json={"first_name": 1})
    state = privy.simulator.state().set_index("id")
    assert state.loc[JANET, "writes"] == 2
    assert state["writes"].sum() == 2


def test_state_includes_deleted_contacts(sent):
    sent("DELETE", f"/v3/contacts/{FIRST}")
    state = sent.simulator.state().set_index("id")
    assert state.loc[FIRST, ["deleted", "writes"]].tolist() == [True, 1]
    assert state["deleted"].sum() == 1


def test_state_shows_the_owner(sent):
    state = sent.simulator.state()
    assert state["owner"].nunique() == 2
    assert (state["owner"] == state["customer_id"]).all()


# outbox()


def test_outbox_columns(privy):
    kinds = {"key": "string", "phone_number": "string", "text": "string"}
    kinds["at"] = "datetime64[us, UTC]"
    empty = privy.simulator.outbox()
    assert {name: str(kind) for name, kind in empty.dtypes.items()} == kinds
    privy("POST", "/contacts", json={"phone_number": PHONE, "sms_consent": "subscribed"})
    full = privy.simulator.outbox()
    assert {name: str(kind) for name, kind in full.dtypes.items()} == kinds
    assert (len(empty), len(full)) == (0, 1)


def test_outbox_shows_recipient_and_time(privy):
    privy.wait(90)
    created = privy("POST", "/contacts", json={"phone_number": PHONE, "sms_consent": "subscribed"})
    [row] = privy.simulator.outbox().to_dict("records")
    assert (row["key"], row["phone_number"]) == (created.json()["data"]["id"], PHONE)
    assert row["at"] == pd.Timestamp("2026-10-01T09:01:30Z")
    assert "STOP" in row["text"]


# put()


def test_put_adds_a_contact(privy):
    key = privy.simulator.put(email="new@example.com", email_consent="compliance_suppressed")
    data = privy("GET", f"/contacts/{key}").json()["data"]
    assert (data["email"], data["email_consent"]) == ("new@example.com", "compliance_suppressed")


def test_put_sets_fields(privy):
    assert privy.simulator.put(JANET, email_consent="compliance_suppressed") == JANET
    data = privy("GET", f"/contacts/{JANET}").json()["data"]
    assert (data["first_name"], data["email_consent"]) == ("Janet", "compliance_suppressed")


def test_put_does_not_count_as_a_write(privy):
    privy.simulator.put(JANET, first_name="Jan")
    privy.simulator.put(email="new@example.com")
    assert not privy.simulator.state()["writes"].any()


@pytest.mark.parametrize(("provider", "key"), [*FIRST_KEYS.items()])
def test_put_sets_the_time_of_last_change(provider, key, world):
    ck.connect(provider, via=world)
    world.clock.sleep(world.clock.now() + 60)
    world.put(key)
    time = last_change_of(find(provider).record)
    assert (time is None) == (provider == "sendblue")
    if time:
        now = pd.Timestamp(world.clock.now(), unit="s", tz="UTC")
        assert world.state()[time.name].eq(now).sum() == 1
        world.put(key, **{time.name: "2026-01-01T00:00:00Z"})
        assert pd.Timestamp("2026-01-01", tz="UTC") in world.state()[time.name].to_list()


def test_put_with_a_new_key_as_a_field(sent):
    key = "6ba7b810-9dad-11d1-80b4-00c04fd43000"
    assert sent.simulator.put(id=key, phone_number=PHONE) == key
    assert sent("GET", f"/v3/contacts/{key}").json()["data"]["format_e164"] == PHONE


def test_put_makes_the_address_taken(privy):
    key = privy.simulator.put(email="new@example.com")
    response = privy("POST", "/contacts", json={"email": "new@example.com"})
    assert (response.status_code, response.json()["error"]["id"]) == (409, key)


@pytest.mark.parametrize("key", ["cus_0", FIRST])
def test_put_refuses_an_unknown_key(privy, key):
    with pytest.raises(ck.ConfigurationError, match="no contact"):
        privy.simulator.put(key, first_name="Jan")


def test_put_refuses_an_undeclared_field(privy):
    with pytest.raises(ck.ConfigurationError, match="no field nickname"):
        privy.simulator.put(JANET, nickname="J")
    assert len(privy.simulator.state()) == 8


# accounts


@providers
def test_every_account_connects(provider, world):
    with ck.connect(provider, via=world):
        for name, credentials in world.accounts.items():
            if name != "expired":
                read = find(provider).endpoint("list").scope
                scope = {"scope": read} if "client_id" in credentials else {}
                with ck.connect(provider, via=world, **credentials, **scope) as client:
                    assert len(client.contacts.list()) > 0


def test_first_account_is_the_default(world):
    ck.connect("sent", via=world)
    first = next(iter(world.accounts.values()))
    assert world.credentials(find("sent")) == first


def test_accounts_are_copies(world):
    ck.connect("privy", via=world)
    world.accounts["token"]["token"] = "stolen"
    assert world.accounts["token"]["token"] != "stolen"


def test_accounts_repr_hides_credentials(world):
    ck.connect("privy", via=world)
    text = repr(world.engine.accounts)
    assert not any(value in text for values in world.accounts.values() for value in values.values())


# One simulator, one provider


@pytest.mark.parametrize("strict", ["yes", 2])
def test_strict_is_true_false_or_none(strict):
    with pytest.raises(ck.ConfigurationError, match="strict must be True, False or None"):
        ck.Simulator(strict=strict)


def test_simulator_is_one_provider(world):
    ck.connect("sent", via=world)
    with pytest.raises(ConfigurationError, match="is for sent; create another one for privy"):
        ck.connect("privy", via=world)


@pytest.mark.parametrize("ask", ["state", "outbox", "put"])
def test_simulator_without_a_client(world, ask):
    with pytest.raises(ConfigurationError, match="connect a client"):
        getattr(world, ask)()


def test_clients_share_the_state(world):
    with ck.connect("privy", via=world) as one, ck.connect("privy", via=world) as other:
        one.contacts.update(JANET, first_name="Jan")
        assert other.contacts.get(JANET)["first_name"].tolist() == ["Jan"]


def test_sync_and_async_clients_share_the_state(world):
    with ck.connect("privy", via=world) as client:

        async def rename() -> None:
            async with client.aio as aio:
                await aio.contacts.update(JANET, first_name="Jan")

        asyncio.run(rename())
        assert client.contacts.get(JANET)["first_name"].tolist() == ["Jan"]


def test_simulators_share_nothing():
    one, other = RawClient("privy"), RawClient("privy")
    one("PATCH", f"/contacts/{JANET}", json={"first_name": "Jan"})
    assert other.row(JANET)["first_name"] == "Janet"


def test_rate_limit_passes_in_virtual_time(world):
    with ck.connect("privy", via=world) as client:
        before = world.clock.now()
        for _ in range(61):
            client.contacts.get(JANET)
        assert 60 <= world.clock.now() - before < 61
