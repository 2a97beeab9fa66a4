"""The table of people over simulated providers: its frames, conflicts, guard and suppressions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._people.conflicts import KINDS
from contactkit._providers import names
from contactkit.spec.consent import ConsentState

PHONE, OTHER, THIRD = "+12025550123", "+12025550124", "+12025550125"


@pytest.fixture
def clients() -> dict[str, ck.Client]:
    return {name: ck.connect(name, via=ck.Simulator()) for name in names()}


@pytest.fixture
def people(clients: dict[str, ck.Client]) -> ck.People:
    return ck.people(**clients)


def sent(*rows: tuple[str, str, bool | None], name: str = "sent") -> pd.DataFrame:
    columns = ["id", "phone_number", "opt_out"]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    frame.attrs["provider"] = name
    return frame


def privy(*rows: tuple[str, str | None, str, str | None, str]) -> pd.DataFrame:
    columns = ["id", "phone_number", "sms_consent", "email", "email_consent"]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    frame.attrs["provider"] = "privy"
    return frame


FRAMES = {
    "rows": {
        "person": "string",
        "contacts": "Int64",
        "sources": "Int64",
        "phones": "object",
        "emails": "object",
        "text": "category",
        "email": "category",
        "text_basis": "category",
        "email_basis": "category",
        "textable": "boolean",
        "mailable": "boolean",
        "conflict": "category",
    },
    "contacts": {
        "source": "string",
        "provider": "string",
        "key": "string",
        "person": "string",
        "text": "category",
        "email": "category",
        "text_denied": "boolean",
        "email_denied": "boolean",
        "text_address": "boolean",
        "email_address": "boolean",
        "changed_at": "datetime64[us, UTC]",
    },
    "links": {
        "person": "string",
        "source": "string",
        "key": "string",
        "field": "string",
        "identifier": "string",
        "line": "boolean",
        "why": "string",
    },
    "unreadable": {"source": "string", "key": "string", "field": "string", "value": "string"},
    "conflicts": {
        "person": "string",
        "channel": "category",
        "kind": "category",
        "denied_by": "object",
        "allowed_at": "object",
        "because": "string",
        "since": "datetime64[us, UTC]",
    },
}


def frames_of(people: ck.People) -> dict[str, pd.DataFrame]:
    frames = {name: getattr(people, name) for name in FRAMES}
    return {**frames, "conflicts": people.conflicts()}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_have_the_same_dtypes_whatever_the_data(people: ck.People, name: str):
    empty = ck.people(privy=privy(), sent=sent())
    for each in (people, empty):
        frame = frames_of(each)[name]
        dtypes = {str(column): str(dtype) for column, dtype in frame.dtypes.items()}
        expected = FRAMES[name]
        if name == "rows":
            sources = [source.name for source in each.sources]
            expected = expected | dict.fromkeys([*sources, "suppression"], "Int64")
        assert dtypes == expected
    states = [state.name for state in ConsentState]
    assert [*people.contacts["text"].cat.categories] == states


def test_every_contact_is_in_the_table_once(people: ck.People, clients: dict[str, ck.Client]):
    for name, client in clients.items():
        keys = client.contacts.list().iloc[:, 0]
        mine = people.contacts.loc[people.contacts["source"] == name, "key"]
        assert sorted(mine) == sorted(keys)
    assert people.rows["contacts"].sum() == len(people.contacts)


def test_a_no_at_one_provider_is_a_no_at_all():
    people = ck.people(
        sent=sent(("a", PHONE, True)), privy=privy(("b", PHONE, "subscribed", None, "subscribed"))
    )
    row = people.rows.iloc[0]
    assert (row["contacts"], row["text"], row["text_basis"]) == (2, "denied", "opted_out")
    assert not row["textable"]
    conflict = people.conflicts().iloc[0]
    assert (conflict["kind"], conflict["denied_by"]) == ("denied_elsewhere", ["sent"])
    assert conflict["allowed_at"] == ["privy"]
    assert people.rows["conflict"].tolist() == ["denied_elsewhere"]


def test_a_no_to_texts_says_nothing_about_email():
    people = ck.people(
        sent=sent(("a", PHONE, True)),
        privy=privy(("b", PHONE, "subscribed", "p@example.com", "subscribed")),
    )
    assert people.rows["mailable"].tolist() == [True]


def test_silence_is_no_yes():
    people = ck.people(privy=privy(("b", PHONE, "never_subscribed", None, "never_subscribed")))
    row = people.rows.iloc[0]
    assert (row["text"], row["text_basis"], row["textable"]) == ("unknown", "never_asked", False)


def test_a_chain_of_addresses_is_one_person():
    people = ck.people(
        sent=sent(("a", PHONE, True)),
        privy=privy(
            ("b", PHONE, "subscribed", "p@example.com", "subscribed"),
            ("c", OTHER, "subscribed", "P@Example.com", "subscribed"),
        ),
    )
    assert people.rows["contacts"].tolist() == [3]
    text = people.explain(people.rows["person"][0])
    assert "text: sent a says opt_out=True." in text
    assert f"privy c is denied too: it shares p@example.com with privy b, it shares {PHONE}" in text


def test_an_address_that_many_have_joins_nobody():
    rows = [(str(n), PHONE, False) for n in range(4)]
    people = ck.people(sent=sent(*rows))
    assert len(people.rows) == 4
    assert set(people.links["why"]) == {"a line: too many contacts of one source have it"}
    assert len(ck.people(sent=sent(*rows), shared_by=None).rows) == 1
    assert len(ck.people(sent=sent(*rows[:3])).rows) == 1


@pytest.mark.parametrize("address", [PHONE, "+1 202-555-0123"])
def test_a_wrong_link_is_taken_apart(address: str):
    frames = {
        "sent": sent(("a", PHONE, True)),
        "privy": privy(("b", PHONE, "subscribed", "p@example.com", "subscribed")),
    }
    assert len(ck.people(**frames).rows) == 1
    people = ck.people(**frames, apart=[address])
    assert len(people.rows) == 2
    assert "a line: set apart" in people.links["why"].tolist()


def test_a_providers_example_number_is_nobodys():
    people = ck.people(sent=sent(("a", "+1234567890", True), ("b", "+1234567890", False)))
    assert len(people.rows) == 2


def test_the_no_of_a_line_counts_for_who_has_it_beside_an_own_number():
    frame = pd.DataFrame(
        {
            "id": ["x", "y"],
            "phone_mobile": [OTHER, THIRD],
            "phone_work": [PHONE, None],
            "phone_home": [None, None],
            "email": [None, None],
            **{
                f"{channel}_{flag}": [flag != "unsubscribed"] * 2
                for channel in ("sms", "email")
                for flag in ("opted_in", "authorized", "unsubscribed")
            },
        }
    )
    people = ck.people(digital_onboarding=frame, sent=sent(("a", PHONE, True)), apart=[PHONE])
    denied = people.contacts.set_index("key")["text_denied"]
    assert denied.to_dict() == {"x": True, "y": False, "a": True}


def test_a_denied_person_with_an_open_line_is_shown():
    people = ck.people(
        sent=sent(("a", PHONE, False), ("b", OTHER, True)),
        digital_onboarding=_with_work_number(OTHER, PHONE),
        apart=[PHONE],
    )
    assert people.conflicts().query("kind == 'shared'")["denied_by"].tolist() == [["sent"]]


def _with_work_number(mobile: str, work: str) -> pd.DataFrame:
    flags = {f"{c}_{f}": [False] for c in ("sms", "email") for f in ("opted_in", "authorized")}
    flags |= {f"{channel}_unsubscribed": [False] for channel in ("sms", "email")}
    return pd.DataFrame({"id": ["x"], "phone_mobile": [mobile], "phone_work": [work], **flags})


def test_an_inherited_contact_is_stuck():
    frame = sent(("a", PHONE, False))
    frame["is_inherited"] = True
    people = ck.people(one=frame, privy=privy(("b", PHONE, "unsubscribed", None, "subscribed")))
    conflict = people.conflicts().iloc[0]
    assert conflict["kind"] == "stuck"
    assert "one a cannot be written to" in conflict["because"]


def test_fields_that_say_both_are_a_contradiction():
    frame = _with_work_number(PHONE, OTHER).assign(
        sms_opted_in=True, sms_authorized=True, sms_unsubscribed=True
    )
    conflicts = ck.people(digital_onboarding=frame).conflicts()
    assert conflicts["kind"].tolist() == ["contradiction"]
    assert conflicts["because"].str.contains("sms_unsubscribed=True").all()


def test_conflicts_come_worst_first(people: ck.People):
    kinds = [KINDS.index(kind) for kind in people.conflicts()["kind"]]
    assert kinds
    assert kinds == sorted(kinds)


def test_an_id_stays_when_another_source_comes_and_contains_no_address(people: ck.People):
    one = ck.people(sent=sent(("a", PHONE, True)))
    two = ck.people(sent=sent(("a", PHONE, True), ("b", OTHER, True)))
    assert one.rows["person"][0] in two.rows["person"].tolist()
    assert people.rows["person"].is_unique
    assert people.rows["person"].str.fullmatch("[0-9a-f]{16}").all()


def test_ids_follow_from_the_users_key(monkeypatch: pytest.MonkeyPatch):
    frame = sent(("a", PHONE, True))
    first = ck.people(sent=frame).rows["person"][0]
    monkeypatch.setenv("CONTACTKIT_PSEUDONYM_KEY", "another key of these tests")
    assert ck.people(sent=frame).rows["person"][0] != first


def test_what_cannot_be_read_is_listed_and_joins_nobody():
    with pytest.warns(ck.ContactKitWarning, match="no address for text can be read of 1 contact"):
        people = ck.people(sent=sent(("a", "202-555-0123", False), ("b", "202-555-0123", True)))
    assert people.unreadable["value"].tolist() == ["202-555-0123"] * 2
    assert len(people.rows) == 2


def test_the_guard_keeps_index_and_columns_and_says_what_it_left_out():
    people = ck.people(
        sent=sent(("a", PHONE, True), ("b", OTHER, False)),
        privy=privy(("c", THIRD, "never_subscribed", None, "subscribed")),
    )
    numbers = [PHONE, OTHER, THIRD, "+12025550199", "n/a", None]
    campaign = pd.DataFrame({"to": numbers, "n": range(6)}, index=list("uvwxyz"))
    verdicts = people.verdicts(campaign, "text", max_age=None)
    because = ["denied", "allowed", "no yes", "stranger", "unreadable", "empty"]
    assert verdicts["because"].tolist() == because
    assert verdicts.index.tolist() == campaign.index.tolist()
    kept = people.guard(campaign, "text", max_age=None)
    pd.testing.assert_frame_equal(kept, campaign.loc[["v"]])
    assert kept.attrs["left_out"] == dict.fromkeys(set(because) - {"allowed"}, 1)


def test_a_written_consent_may_be_demanded():
    people = ck.people(
        sent=sent(("a", PHONE, False)),
        privy=privy(("b", OTHER, "subscribed", None, "subscribed")),
    )
    campaign = pd.DataFrame({"to": [PHONE, OTHER]})
    assert len(people.guard(campaign, "text", max_age=None)) == 2
    kept = people.guard(campaign, "text", basis="opted_in", max_age=None)
    assert kept["to"].tolist() == [OTHER]


def test_a_value_that_is_not_documented_is_no_yes():
    frame = privy(("b", PHONE, "blocked", None, "subscribed"))
    people = ck.people(privy=frame, sent=sent(("a", PHONE, False)))
    campaign = pd.DataFrame({"to": [PHONE]})
    because = people.verdicts(campaign, "text", max_age=None)["because"]
    assert because.tolist() == ["unreadable"]


def test_old_sources_do_not_pass_the_guard(clients: dict[str, ck.Client]):
    people = ck.people(sent=clients["sent"])
    campaign = clients["sent"].contacts.list()
    assert len(people.guard(campaign, "text"))
    clock = clients["sent"].world.clock
    clock.sleep(clock.now() + timedelta(days=2).total_seconds())
    with pytest.raises(ck.InvalidInputError, match=r"sent was read 2 days, .* ago"):
        people.guard(campaign, "text")
    assert len(people.guard(campaign, "text", max_age="3d"))
    with pytest.raises(ck.InvalidInputError, match="when it was read is not known"):
        ck.people(sent=sent(("a", PHONE, True))).guard(campaign, "text")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": "fax"}, "must be text or email"),
        ({"basis": "hearsay"}, "must be one of not_stated"),
        ({"max_age": "soon"}, "must be a time"),
        ({"max_age": "-1d"}, "must be a time"),
        ({"field": "nowhere"}, "must be a column"),
        ({"frame": pd.DataFrame({"a": [PHONE], "b": [OTHER]})}, "these may be it: a, b"),
        ({"frame": pd.DataFrame({"a": [1]})}, "these may be it: none"),
        ({"frame": [PHONE]}, "must be a DataFrame"),
    ],
)
def test_the_guard_refuses_what_is_not_clear(options: dict[str, Any], message: str):
    people = ck.people(sent=sent(("a", PHONE, False)))
    given = {"frame": pd.DataFrame({"to": [PHONE]}), "channel": "text", "max_age": None} | options
    with pytest.raises(ck.InvalidInputError, match=message):
        people.guard(**given)


@pytest.mark.parametrize("name", ["dnc.csv", "dnc.parquet"])
@pytest.mark.parametrize("digests", [False, True])
def test_a_suppression_file_remembers_a_deleted_no(tmp_path: Path, name: str, digests: bool):
    path = tmp_path / name
    before = ck.people(sent=sent(("a", PHONE, True)))
    written = before.suppress(path, digests=digests)
    assert len(written) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert (PHONE.encode() in path.read_bytes()) is not digests
    fresh = sent(("new", PHONE, False))
    people = ck.people(sent=fresh, suppression=path)
    assert people.conflicts()["denied_by"].tolist() == [["suppression"]]
    assert not people.rows["textable"].any()
    again = ck.people(suppression=path, sent=sent(("z", OTHER, False)))
    assert len(again.suppress(path, digests=digests)) == 1


def test_a_contact_that_says_yes_again_has_returned(tmp_path: Path):
    path = tmp_path / "dnc.csv"
    ck.people(sent=sent(("a", PHONE, True))).suppress(path)
    conflicts = ck.people(sent=sent(("a", PHONE, False)), suppression=path).conflicts()
    assert conflicts["kind"].tolist() == ["denied_elsewhere", "returned"]


def test_digests_of_another_key_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "dnc.csv"
    ck.people(sent=sent(("a", PHONE, True))).suppress(path, digests=True)
    monkeypatch.setenv("CONTACTKIT_PSEUDONYM_KEY", "another key of these tests")
    with pytest.raises(ck.ConfigurationError, match="digests were made with the key"):
        ck.people(sent=sent(("a", PHONE, False)), suppression=path)


def test_anybodys_list_of_addresses_is_a_suppression_file(tmp_path: Path):
    path = tmp_path / "list.csv"
    path.write_text(f"Phone Number,Email,note\n{PHONE},p@example.com,x\n,,y\n")
    people = ck.people(
        privy=privy(("b", PHONE, "subscribed", "P@example.com", "subscribed")), suppression=[path]
    )
    assert people.rows[["text", "email"]].iloc[0].tolist() == ["denied", "denied"]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({}, "sources: are missing"),
        ({"sent": 7}, "must be a client, a table or a file of contacts, not int"),
        ({"acme": pd.DataFrame({"id": ["a"]})}, "is no provider"),
        ({"sent": sent(("a", PHONE, True)).drop(columns="id")}, "people sent: id: is missing"),
        ({"sent": sent(("a", PHONE, True)).drop(columns="phone_number")}, "phone_number"),
        ({"sent": sent(("a", PHONE, True)).drop(columns="opt_out")}, "opt_out"),
        ({"sent": sent(("a", PHONE, True), ("a", OTHER, True))}, "is the same in rows 0, 1"),
        ({"sent": sent(("a", PHONE, True), (None, OTHER, True))}, "is empty in rows 1"),
        ({"person": sent(("a", PHONE, True))}, "is the name of a column"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(sources: dict[str, Any], message: str):
    with pytest.raises(ck.InvalidInputError, match=message):
        ck.people(**sources)


def test_an_address_to_set_apart_must_be_one():
    frame = sent(("a", PHONE, True))
    for apart in (["no address"], "p@example.com"):
        with pytest.raises(ck.InvalidInputError, match="apart"):
            ck.people(sent=frame, apart=apart)


def test_the_picture_counts_people_contacts_and_conflicts(people: ck.People):
    text = repr(people)
    assert "from digital_onboarding: 50, read 2026-10-01" in text
    assert "denied_elsewhere" in text
    assert "<table" in people._repr_html_()
