"""Suppression files: every denied address with its source, so that a deleted no is remembered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._people.suppression import key_check
from contactkit.cassette.redaction.key import ensure_pseudonym_key
from tests.people.test_people import OTHER, PHONE, THIRD, privy, sent
from tests.support.examples import examples
from tests.support.people_reference import Contact
from tests.support.people_worlds import people_of, worlds

MAY = datetime(2026, 5, 1, tzinfo=UTC)


@settings(max_examples=examples(40))
@given(
    world=worlds,
    shared_by=st.sampled_from([1, 3, None]),
    digests=st.booleans(),
    data=st.data(),
)
def test_a_no_outlives_the_contacts_that_said_it(
    tmp_path_factory: pytest.TempPathFactory,
    world: dict[str, list[Contact]],
    shared_by: int | None,
    digests: bool,
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.mktemp("files") / "dnc.csv"
    before = people_of(world, shared_by=shared_by)
    before.suppress(path, digests=digests)
    left = {
        name: [contact for contact in contacts if data.draw(st.booleans())]
        for name, contacts in world.items()
    }
    after = people_of(left, shared_by=shared_by, suppression=path)
    old = before.contacts.set_index(["source", "key"])
    new = after.contacts.query("source != 'suppression'").set_index(["source", "key"])
    for channel in ("text_denied", "email_denied"):
        assert not (old.loc[new.index, channel] & ~new[channel]).any()


def test_a_row_says_whose_no_it_is_and_since_when(tmp_path: Path) -> None:
    frame = sent(("a", PHONE, True)).assign(updated_at=MAY)
    people = ck.people(sent=frame, privy=privy(("b", PHONE, "pending", "p@example.com", "pending")))
    for name in ("dnc.csv", "dnc.parquet"):
        written = people.suppress(tmp_path / name)
        assert written.dtypes.astype(str).tolist() == [
            *["string"] * 5,
            "datetime64[us, UTC]",
            "string",
        ]
        assert written[["address", "channel", "source", "key"]].to_numpy().tolist() == [
            [PHONE, "text", "sent", "a"],
            ["p@example.com", "text", "sent", "a"],
        ]
        assert written["since"].tolist() == [MAY] * 2
        assert written[["digest", "key_check"]].isna().all(axis=None)
        again = ck.people(sent=sent(("z", PHONE, False)), suppression=tmp_path / name)
        assert "suppressed by sent a" in again.conflicts()["because"].iloc[0]
        assert again.conflicts()["since"].tolist()[0] == MAY


def test_digests_keep_source_key_and_since_but_no_address(tmp_path: Path) -> None:
    blue = pd.DataFrame({"phone": [OTHER], "opt_out": [True]})
    people = ck.people(sent=sent(("a", PHONE, True)).assign(updated_at=MAY), sendblue=blue)
    written = people.suppress(tmp_path / "dnc.csv", digests=True).set_index("source")
    assert written["address"].isna().all()
    assert written["key"].fillna("").to_dict() == {"sent": "a", "sendblue": ""}
    assert written.loc["sent", "since"] == MAY
    assert written["digest"].str.fullmatch("[0-9a-f]{32}").all()
    assert written["key_check"].nunique() == 1
    content = (tmp_path / "dnc.csv").read_text()
    assert PHONE[1:] not in content and OTHER[1:] not in content


def test_every_denied_address_of_both_channels_is_written(tmp_path: Path) -> None:
    people = ck.people(
        privy=privy(
            ("a", PHONE, "unsubscribed", "a@example.com", "subscribed"),
            ("b", OTHER, "subscribed", "b@example.com", "unsubscribed"),
            ("c", THIRD, "subscribed", "c@example.com", "compliance_suppressed"),
            ("d", "+12025550188", "subscribed", "d@example.com", "subscribed"),
        )
    )
    written = people.suppress(tmp_path / "dnc.csv")
    rows = {(row.address, row.channel) for row in written.itertuples()}
    assert rows == {
        (PHONE, "text"),
        ("a@example.com", "text"),
        (OTHER, "email"),
        ("b@example.com", "email"),
        (THIRD, "email"),
        ("c@example.com", "email"),
    }


def test_a_file_that_is_there_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "dnc.csv"
    ck.people(sent=sent(("a", PHONE, True))).suppress(path)
    # These people have not read the file.
    written = ck.people(sent=sent(("b", PHONE, True), ("c", OTHER, True))).suppress(path)
    assert dict(zip(written["address"], written["key"], strict=True)) == {PHONE: "a", OTHER: "c"}
    hidden = ck.people(sent=sent(("d", THIRD, True))).suppress(path, digests=True)
    assert len(hidden) == 3
    assert hidden["address"].isna().all()
    shown = ck.people(sent=sent(("b", PHONE, True))).suppress(path)
    assert shown["address"].dropna().tolist() == [PHONE]
    assert len(shown) == 3
    people = ck.people(sent=sent(("e", OTHER, False), ("f", THIRD, False)), suppression=path)
    assert people.contacts["text_denied"].all()


def test_calls_at_once_lose_nothing(tmp_path: Path) -> None:
    numbers = [f"+1202555{number:04}" for number in range(110, 126)]
    everybody = [ck.people(sent=sent((number, number, True))) for number in numbers]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda people: people.suppress(tmp_path / "dnc.csv"), everybody))
    assert sorted(pd.read_csv(tmp_path / "dnc.csv", dtype=str)["address"]) == numbers


def test_what_a_file_has_is_never_lost(tmp_path: Path) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(f"address,channel\n202-555-0123,text\n{PHONE},email\n{OTHER},text\n")
    with pytest.warns(ck.ContactKitWarning, match="1 of the suppressed addresses cannot be read"):
        suppressed = ck.people(sent=sent(("z", THIRD, False)), suppression=path)
    for people in (ck.people(sent=sent(("z", THIRD, False))), suppressed):
        written = people.suppress(path)
        assert written[["address", "channel"]].to_numpy().tolist() == [
            ["202-555-0123", "text"],
            [PHONE, "email"],
            [OTHER, "text"],
        ]


def test_a_list_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    path, content = tmp_path / "list.csv", f"phone,note\n{PHONE},x\n"
    path.write_text(content)
    with pytest.raises(ck.InvalidInputError, match="is no file of suppress: choose another path"):
        ck.people(sent=sent(("a", PHONE, True))).suppress(path)
    assert path.read_text() == content


@pytest.mark.parametrize("action", ["read", "add"])
@pytest.mark.parametrize("damage", ["another key", "no check", "no key"])
def test_digests_that_cannot_match_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, action: str
) -> None:
    path = tmp_path / "dnc.csv"
    people: Any = ck.people(sent=sent(("a", PHONE, True)))
    people.suppress(path, digests=True)
    if damage == "another key":
        monkeypatch.setenv("CONTACTKIT_PSEUDONYM_KEY", "another key of these tests")
    elif damage == "no check":
        pd.read_csv(path).drop(columns="key_check").to_csv(path, index=False)
    else:
        monkeypatch.setenv("CONTACTKIT_PSEUDONYM_KEY", "")
        monkeypatch.setattr("contactkit._people.suppression.pseudonym_key", lambda: None)
    with pytest.raises(ck.ConfigurationError, match="its digests were made with the key"):
        if action == "read":
            ck.people(sent=sent(("b", PHONE, False)), suppression=path)
        else:
            people.suppress(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"Phone,phone\n{OTHER},{PHONE}\n", "two columns have the name phone"),
        (f"digest,phone\n{'0' * 32},{PHONE}\n", "digests beside phone numbers"),
        ("digest,channel,key_check\n0123,text,KEY\n", "row 0 must have an address or a digest"),
        ("address,digest,channel\n,,text\n", "row 0 must have an address or a digest"),
        (f"phone,channel\n{PHONE},text sms\n", "row 0 must name a channel"),
    ],
)
def test_a_damaged_no_is_refused(tmp_path: Path, content: str, message: str) -> None:
    check = key_check(ensure_pseudonym_key())
    path = tmp_path / "dnc.csv"
    path.write_text(content.replace("KEY", check))
    with pytest.raises(ck.InvalidInputError, match=message):
        ck.people(sent=sent(("a", PHONE, False)), suppression=path)


def test_a_digest_in_capitals_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "dnc.csv"
    ck.people(sent=sent(("a", PHONE, True))).suppress(path, digests=True)
    written = pd.read_csv(path, dtype=str)
    written.assign(digest=written["digest"].str.upper()).to_csv(path, index=False)
    people = ck.people(sent=sent(("b", PHONE, False)), suppression=path)
    assert people.contacts["text_denied"].all()


def test_a_list_with_places_keeps_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(f"address,phone\n12 Main Street,{PHONE}\n")
    people = ck.people(sent=sent(("a", PHONE, False)), suppression=path)
    assert people.contacts["text_denied"].all()
    with pytest.raises(ck.InvalidInputError, match="no file of suppress"):
        people.suppress(path)
    assert "12 Main Street" in path.read_text()


@pytest.mark.parametrize(
    "cell",
    [
        "<MARA@example.com>",
        "Mara <mara@example.com>",
        "mailto:mara@example.com",
        "Mara@example.com",
    ],
)
@pytest.mark.parametrize("heading", ["email", "phone", "address"])
def test_an_address_closes_its_channel_however_it_is_listed(
    tmp_path: Path, heading: str, cell: str
) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(f"{heading},note\n{cell},x\n")
    contact = {"id": ["a"], "email": ["mara@example.com"], "phone_number": [PHONE]}
    says_yes = {"email_consent": ["subscribed"], "sms_consent": ["subscribed"]}
    people = ck.people(privy=pd.DataFrame(contact | says_yes), suppression=path)
    assert people.contacts["email_denied"].all()
    assert people.contacts["text_denied"].all() == (heading == "phone")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("email\nmara@example.com/home\n", "1 of the suppressed addresses cannot be read"),
        (f"phone,cell\n{PHONE},{OTHER}\n", "addresses in cell are not read"),
        ("phone\n(202) 555-0123\n", "1 of the suppressed addresses cannot be read.*`region` reads"),
    ],
)
def test_what_closes_nothing_is_warned_of(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(content)
    with pytest.warns(ck.ContactKitWarning, match=message):
        ck.people(sent=sent(("a", PHONE, False)), suppression=path)


@pytest.mark.parametrize(
    ("path", "digests", "field"),
    [(5, False, "path"), (None, False, "path"), ("dnc.csv", "no", "digests")],
)
def test_suppress_names_the_argument_that_is_wrong(path: Any, digests: Any, field: str) -> None:
    people = ck.people(sent=sent(("a", PHONE, True)))
    with pytest.raises(ck.InvalidInputError, match=field):
        people.suppress(path, digests=digests)
