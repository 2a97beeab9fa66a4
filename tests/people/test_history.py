"""The history of an address, and contacts that return, by the journals of the sources' clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._people.history import COLUMNS
from contactkit._providers import find, names
from tests.people.test_people import OTHER, PHONE, privy, sent
from tests.support.providers import lift_suppressions


def open_contact(client: ck.Client, channel: str) -> str:
    """The key of a contact that is one person, and says yes."""
    table = ck.people(one=client).contacts
    alone = ~table["person"].duplicated(keep=False)
    says_yes = (table[channel] == "allowed") & table[f"{channel}_address"]
    return str(table["key"][alone & says_yes].iloc[0])


def address_of(client: ck.Client, key: str) -> str:
    """A phone number of a contact."""
    links = ck.people(one=client).links
    mine = links[(links["key"] == key) & links["identifier"].str.startswith("+")]
    return str(mine["identifier"].iloc[0])


def make_writable(simulator: ck.Simulator, name: str) -> None:
    if name == "privy":
        lift_suppressions(simulator)


def values_of(provider: str, channel: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that say no, and those that say yes."""
    declared = find(provider).consent.channels[channel]
    yes = {
        name: "subscribed" if "subscribed" in values else values[0]
        for name, values in declared.allowed.items()
    }
    no = dict(declared.deny)
    return no, yes | {name: False for name in no if name not in yes}


CHANNELS = [(name, channel) for name in names() for channel in find(name).consent.channels]


@pytest.mark.parametrize(("name", "channel"), CHANNELS)
def test_a_contact_that_says_yes_after_a_no_written_here_has_returned(
    name: str, channel: str, tmp_path: Path
) -> None:
    simulator = ck.Simulator()
    no, yes = values_of(name, channel)
    with (
        ck.connect(name, via=simulator, journal=tmp_path / "journal") as client,
        ck.connect(name, via=simulator) as other,
    ):
        make_writable(simulator, name)
        key = open_contact(client, channel)
        before = ck.people(one=client)
        client.contacts.update(key, **no)
        # It was read before the no was written.
        assert "returned" not in before.conflicts()["kind"].tolist()
        assert "returned" not in ck.people(one=client).conflicts()["kind"].tolist()
        other.contacts.update(key, **yes, opt_in=True)
        people = ck.people(one=client)
        found = people.conflicts().query("kind == 'returned'")
        assert found["channel"].tolist() == [channel]
        assert found["allowed_at"].tolist() == [["one"]]
        assert found["denied_by"].tolist() == [[]]
        assert "said no before, written here 2026-" in found["because"].iloc[0]
        assert found["since"].notna().all()
        client.contacts.update(key, **no)
        client.contacts.update(key, **yes, opt_in=True)
        assert "returned" not in ck.people(one=client).conflicts()["kind"].tolist()


def test_a_no_that_was_carried_and_is_revived_has_returned(tmp_path: Path) -> None:
    simulator = ck.Simulator()
    with (
        ck.connect("sendblue", via=simulator, journal=tmp_path / "journal") as client,
        ck.connect("sendblue", via=simulator) as importer,
    ):
        key = open_contact(client, "text")
        others = sent(("a", key, True))
        plans = ck.people(sendblue=client, sent=others).propagate()
        assert plans.apply()["outcome"].tolist() == ["updated"]
        importer.contacts.update(key, opt_out=False, opt_in=True)
        kinds = ck.people(sendblue=client, sent=others).conflicts().set_index("kind")
        assert kinds.loc["returned", "denied_by"] == ["sent"]
        assert kinds.loc["denied_elsewhere", "allowed_at"] == ["sendblue"]


def test_a_history_has_what_was_seen_written_propagated_and_undone(tmp_path: Path) -> None:
    with ck.connect("sent", via=ck.Simulator(), journal=tmp_path / "journal") as client:
        key = open_contact(client, "text")
        address = address_of(client, key)
        others = pd.DataFrame({"phone": [address], "opt_out": [True]})
        ck.people(sent=client, sendblue=others).propagate().apply()
        client.contacts.update(key, opt_out=False, opt_in=True)
        client.contacts.update(key, default_channel="sms")
        plan = client.contacts.plan(client.contacts.get(key), opt_out=True)
        plan.apply()
        plan.undo(opt_in=True).apply()
        frame = ck.people(sent=client, sendblue=others).history(address)
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        name: str(kind) for name, kind in COLUMNS.items()
    }
    written = frame[frame["by"] != "seen"]
    assert written["by"].tolist() == ["propagated", "written here", "written here", "undone"]
    assert written["was"].tolist() == ["allowed", "denied", "allowed", "denied"]
    assert written["now"].tolist() == ["denied", "allowed", "denied", "allowed"]
    assert written["because"].tolist() == [
        f"sendblue {address} says opt_out=True, by {address}",
        "opt_out=False",
        "opt_out=True",
        "opt_out=False",
    ]
    assert written["request_id"].is_unique and written["request_id"].notna().all()
    assert written["at"].is_monotonic_increasing
    seen = frame[frame["by"] == "seen"].set_index("source")
    assert seen.loc["sendblue", ["now", "because"]].tolist() == ["denied", "opt_out=True"]
    assert seen.loc["sent", "now"] == "allowed"
    assert seen["was"].isna().all()


def test_a_verb_with_a_name_of_its_own_for_consent_is_in_the_history(tmp_path: Path) -> None:
    with ck.connect("sendblue", via=ck.Simulator(), journal=tmp_path / "journal") as client:
        key = open_contact(client, "text")
        client.contacts.opt_out(key)
        row = ck.people(sendblue=client).history(key).iloc[0]
    assert row[["by", "now", "because"]].tolist() == ["written here", "denied", "opted_out=True"]


@pytest.mark.filterwarnings("ignore:Sent deprecated deleting:DeprecationWarning")
@pytest.mark.parametrize("name", names())
def test_a_history_remembers_a_deleted_contact(name: str, tmp_path: Path) -> None:
    simulator = ck.Simulator()
    with ck.connect(name, via=simulator, journal=tmp_path / "journal") as client:
        make_writable(simulator, name)
        key = open_contact(client, "text")
        address = address_of(client, key)
        no, _ = values_of(name, "text")
        client.contacts.update(key, **no)
        client.contacts.delete(key, **({"confirm": True} if name == "digital_onboarding" else {}))
        frame = ck.people(one=client).history(address).query("channel == 'text'")
    assert frame["by"].tolist() == ["written here"] * 2
    assert frame["because"].tolist()[-1] == "deleted"
    assert frame["was"].tolist()[-1] == "denied"
    assert frame["now"].isna().tolist() == [False, True]


def test_an_unknown_address_has_an_empty_history_of_the_same_dtypes() -> None:
    people = ck.people(sent=sent(("a", PHONE, True)))
    empty, full = people.history("nobody@example.com"), people.history("+1 (202) 555-0123")
    assert len(full) == 1
    assert empty.empty
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_a_history_is_that_of_the_person() -> None:
    people = ck.people(
        sent=sent(("a", PHONE, True), ("z", "+12025550188", True)),
        privy=privy(
            ("b", PHONE, "subscribed", "p@example.com", "subscribed"),
            ("c", OTHER, "subscribed", "P@Example.com", "subscribed"),
        ),
    )
    for address in (PHONE, OTHER, " P@example.COM", "2025550123"):
        if address.startswith("2"):
            with pytest.raises(ck.InvalidInputError, match="people history: address: must be"):
                people.history(address)
            continue
        assert {*people.history(address)["key"]} == {"a", "b", "c"}


def test_a_suppression_is_in_the_history(tmp_path: Path) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(f"address,source,key,since\n{PHONE},sent,a,2026-04-01T00:00Z\n")
    row = ck.people(sent=sent(("b", OTHER, True)), suppression=path).history(PHONE).iloc[0]
    assert row[["source", "channel", "now", "by"]].tolist() == [
        "suppression",
        "text",
        "denied",
        "seen",
    ]
    assert row["because"] == "suppressed by sent a"
    assert row["at"] == pd.Timestamp("2026-04-01", tz="UTC")


def test_two_accounts_with_one_journal_do_not_share_a_history(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with (
        ck.connect("sendblue", via=ck.Simulator(), journal=journal) as first,
        ck.connect("sendblue", via=ck.Simulator(seed=8), journal=journal) as second,
    ):
        key = open_contact(first, "text")
        first.contacts.update(key, opt_out=True)
        history = ck.people(one=first, two=second).history(key)
    assert history[history["by"] != "seen"]["source"].tolist() == ["one"]


def test_live_frames_have_the_history_of_the_users_own_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contactkit._journal import store
    from contactkit._people import written

    path = tmp_path / "journal"
    monkeypatch.setattr(written, "Journal", lambda: store.Journal(path))
    with ck.connect("sendblue", via=ck.Simulator(), journal=path) as client:
        key = open_contact(client, "text")
        client.contacts.update(key, opt_out=True)
    frame = pd.DataFrame({"phone": [key], "opt_out": [True]})
    frame.attrs |= {"provider": "sendblue", "world": "live"}
    assert "written here" in ck.people(sendblue=frame).history(key)["by"].tolist()
    frame.attrs["world"] = "simulator"
    assert ck.people(sendblue=frame).history(key)["by"].tolist() == ["seen"]


@pytest.mark.parametrize("consents", [False, True])
def test_a_contact_that_is_deleted_and_comes_back_has_returned(
    tmp_path: Path, consents: bool
) -> None:
    simulator = ck.Simulator()
    with (
        ck.connect("sendblue", via=simulator, journal=tmp_path / "journal") as client,
        ck.connect("sendblue", via=simulator) as importer,
    ):
        key = open_contact(client, "text")
        client.contacts.update(key, opt_out=True)
        client.contacts.delete(key)
        if consents:
            client.contacts.create(phone=key, opt_in=True)
        else:
            importer.contacts.create(phone=key)
        importer.contacts.update(key, opt_out=False, opt_in=True)
        kinds = ck.people(sendblue=client).conflicts()["kind"].tolist()
    assert ("returned" in kinds) is not consents


def test_a_journal_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with ck.connect("sendblue", via=ck.Simulator(), journal=path) as client:
        people = ck.people(sendblue=client)
        path.write_text("no journal")
        with pytest.warns(ck.ContactKitWarning, match="say yes again are not listed"):
            people.conflicts()
        with pytest.raises(ck.JournalError):
            people.history("+12025550123")
