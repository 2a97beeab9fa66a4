"""What `people` reads: clients, frames, tables of other libraries, files and exported folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._frames.noted import ATTRS_METADATA
from contactkit._people.source import needed_columns
from contactkit._providers import find, names
from contactkit.spec import Provider
from contactkit.spec.consent import Consent, flag
from tests.people.test_people import OTHER, PHONE, THIRD, privy, sent
from tests.providers.test_fifth_provider import ACME
from tests.support.providers import Wire

NATIONAL = "(202) 555-0123"
CAMPAIGN = pd.DataFrame({"to": [PHONE]})


def people_of(name: str, source: Any) -> pd.DataFrame:
    return ck.people(**{name: source}).contacts


def to_polars(frame: pd.DataFrame, name: str) -> Any:
    import polars

    return polars.from_arrow(ck.to_arrow(frame, name))


def to_duckdb(frame: pd.DataFrame, name: str) -> Any:
    import duckdb

    return duckdb.from_arrow(ck.to_arrow(frame, name))


def save_as(suffix: str) -> Callable[[pd.DataFrame, str, Path], Path]:
    def save(frame: pd.DataFrame, name: str, folder: Path) -> Path:
        path = folder / f"people{suffix}"
        ck.write_contacts(frame, path, name)
        return path

    return save


SOURCES: dict[str, Callable[[pd.DataFrame, str, Path], Any]] = {
    "arrow": lambda frame, name, _: ck.to_arrow(frame, name),
    "polars": lambda frame, name, _: to_polars(frame, name),
    "duckdb": lambda frame, name, _: to_duckdb(frame, name),
    "csv": save_as(".csv"),
    "parquet": save_as(".parquet"),
    "feather": save_as(".feather"),
    "text": lambda frame, name, folder: str(save_as(".csv")(frame, name, folder)),
}


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    found = {}
    for name in names():
        with ck.connect(name, via=ck.Simulator()) as client:
            found[name] = client.contacts.list()
    return found


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("kind", SOURCES)
def test_tables_and_files_are_read_as_the_frame_is(
    frames: dict[str, pd.DataFrame], name: str, kind: str, tmp_path: Path
) -> None:
    source = SOURCES[kind](frames[name], name, tmp_path)
    pd.testing.assert_frame_equal(people_of(name, source), people_of(name, frames[name]))


@pytest.mark.parametrize("name", names())
def test_an_exported_folder_is_read_with_its_age(name: str, tmp_path: Path) -> None:
    with ck.connect(name, via=ck.Simulator()) as client:
        client.contacts.export(tmp_path / "people", rows_per_file=20)
        people = ck.people(old=tmp_path / "people")
        pd.testing.assert_frame_equal(
            people.contacts.drop(columns=["person", "source"]),
            ck.people(**{name: client}).contacts.drop(columns=["person", "source"]),
        )
        now = datetime.fromtimestamp(client.world.clock.now(), UTC)
    (read_at,) = people.ages.values()
    assert read_at and now - timedelta(minutes=5) < read_at <= now
    assert len(people.guard(CAMPAIGN, "text")) in (0, 1)
    assert {*people.sources[0].frame.columns} <= {*needed_columns(find(name))}


def test_pandas_reads_the_age_of_an_export(tmp_path: Path) -> None:
    with ck.connect("sent", via=ck.Simulator()) as client:
        files = client.contacts.export(tmp_path / "people").files
    attrs = pd.read_parquet(files[0]).attrs
    assert attrs["provider"] == "sent"
    assert attrs["world"] == "simulator"
    assert datetime.fromisoformat(attrs["at"]).tzinfo


def test_only_the_columns_that_matter_are_read(tmp_path: Path) -> None:
    path, frame = tmp_path / "people.parquet", privy(("b", PHONE, "subscribed", None, "subscribed"))
    frame.assign(note="x", custom_attributes="is no mapping").to_parquet(path)
    people = ck.people(privy=path)
    assert {*people.sources[0].frame.columns} == {*frame.columns}
    assert people.rows["textable"].tolist() == [True]


def test_the_folders_of_a_file_give_its_fields(tmp_path: Path) -> None:
    folder = tmp_path / "opt_out=True"
    folder.mkdir()
    frame = sent(("a", PHONE, None)).drop(columns="opt_out")
    frame.attrs = {}
    frame.to_parquet(folder / "a.parquet")
    assert people_of("sent", tmp_path)["text"].tolist() == ["denied"]


@pytest.mark.parametrize("days", [0, 2])
def test_the_oldest_file_is_the_age_of_a_folder(tmp_path: Path, days: int) -> None:
    for number, phone in enumerate((PHONE, OTHER)):
        read_at = datetime.now(UTC) - timedelta(days=days * number)
        frame = sent((f"a{number}", phone, False))
        frame.attrs |= {"world": "live", "at": read_at.isoformat()}
        frame.to_parquet(tmp_path / f"{number}.parquet")
    people = ck.people(sent=tmp_path)
    if not days:
        assert len(people.guard(CAMPAIGN, "text")) == 1
        return
    with pytest.raises(ck.InvalidInputError, match="sent was read 2 days"):
        people.guard(CAMPAIGN, "text")


def test_an_age_that_a_file_does_not_have_is_not_known(tmp_path: Path) -> None:
    ck.write_contacts(sent(("a", PHONE, False)), tmp_path / "a.csv", "sent")
    people = ck.people(sent=tmp_path / "a.csv")
    assert people.ages == {"sent": None}
    with pytest.raises(ck.InvalidInputError, match="when it was read is not known"):
        people.guard(CAMPAIGN, "text")


def test_an_arrow_table_says_whose_contacts_it_has_and_how_old_they_are() -> None:
    import pyarrow as pa

    table = pa.Table.from_pandas(sent(("a", PHONE, True)), preserve_index=False)
    attrs = b'{"provider": "sent", "world": "live", "at": "2026-05-01T00:00:00+00:00"}'
    people = ck.people(old=table.replace_schema_metadata({ATTRS_METADATA: attrs}))
    assert people.ages == {"old": datetime(2026, 5, 1, tzinfo=UTC)}
    assert people.contacts["provider"].tolist() == ["sent"]
    for damaged in (b"{", b"[]"):
        with pytest.raises(ck.InvalidInputError, match="people old: old: is no provider"):
            ck.people(old=table.replace_schema_metadata({ATTRS_METADATA: damaged}))


# National numbers.


@pytest.mark.parametrize("spelling", [NATIONAL, "202-555-0123", "1 202 555 0123", 2025550123])
def test_national_numbers_are_read_only_with_a_region(spelling: Any) -> None:
    frames = {
        "sent": sent(("a", PHONE, True)),
        "privy": privy(("b", spelling, "subscribed", None, "subscribed")),
    }
    without = ck.people(**frames)
    assert len(without.rows) == 2
    assert without.unreadable["key"].tolist() == ["b"]
    people = ck.people(**frames, region="US")
    assert people.rows["phones"].tolist() == [[PHONE]]
    assert people.unreadable.empty
    assert people.sources[1].contact(0)["phone_number"] == spelling


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64"])
def test_a_campaign_of_whole_numbers_is_read_with_a_region(dtype: str) -> None:
    people = ck.people(sent=sent(("a", PHONE, False)), region="US")
    campaign = pd.DataFrame({"to": pd.Series([2025550123], dtype=dtype), "n": [1]})
    assert len(people.guard(campaign, "text", max_age=None)) == 1


def test_a_float_that_rounds_is_no_number() -> None:
    rounded = pd.Series([2025550123], dtype="float32")
    people = ck.people(sent=sent(("a", "+12025550080", False)), region="US")
    campaign = pd.DataFrame({"to": rounded})
    because = people.verdicts(campaign, "text", field="to", max_age=None)["because"]
    assert because.tolist() == ["unreadable"]
    frame = sent(("a", PHONE, False)).assign(phone_number=rounded)
    assert len(ck.people(sent=frame, region="US").unreadable) == 1


def test_national_campaigns_and_suppressions_are_read_with_a_region(tmp_path: Path) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(f'phone\n"{NATIONAL}"\n')
    frame = sent(("a", PHONE, False), ("b", OTHER, False))
    campaign = pd.DataFrame({"to": [NATIONAL, "(202) 555-0124", "0124"]})
    with pytest.warns(ck.ContactKitWarning, match="`region` reads numbers"):
        without = ck.people(sent=frame, suppression=path)
    assert not without.verdicts(campaign, "text", field="to", max_age=None)["may"].any()
    assert len(without.unreadable) == 1
    people = ck.people(sent=frame, suppression=path, region="US")
    found = people.verdicts(campaign, "text", max_age=None)["because"].tolist()
    assert found == ["denied", "allowed", "unreadable"]
    assert people.guard(campaign, "text", max_age=None).attrs["left_out"]["unreadable"] == 1


def test_digests_and_addresses_to_set_apart_know_the_region(tmp_path: Path) -> None:
    path, national = tmp_path / "dnc.csv", sent(("a", NATIONAL, True))
    ck.people(sent=national, region="US").suppress(path, digests=True)
    people = ck.people(
        sent=sent(("b", "202.555.0123", False)), suppression=path, region="US", apart=[NATIONAL]
    )
    assert people.contacts["text_denied"].tolist() == [True, True]
    assert people.links["why"].str.contains("set apart").all()


@pytest.mark.parametrize("region", ["us", "USA", "XX", 1])
def test_a_region_is_a_code(region: Any) -> None:
    with pytest.raises(ck.InvalidInputError, match="people: region: must be an ISO 3166-1"):
        ck.people(sent=sent(("a", PHONE, True)), region=region)


# A fifth provider.


def with_consent() -> Provider:
    return replace(ACME, consent=Consent(phones=("mobile",), text=flag("blocked")))


def test_a_fifth_provider_needs_only_its_consent() -> None:
    with ck.connect(with_consent(), via=ck.Simulator(contacts=25, seed=1)) as client:
        listed = client.contacts.list()
        denied = listed["number"][listed["blocked"]]
        mobile = listed["mobile"][denied.index[0]]
        people = ck.people(acme=client, privy=privy(("b", mobile, "subscribed", None, "pending")))
        table = people.contacts.set_index(["source", "key"])
        assert table.loc[("privy", "b"), "text_denied"]
        assert {*table.loc["acme"].index[table.loc["acme", "text"] == "denied"]} == {*denied}
        campaign = pd.DataFrame({"to": [mobile, *listed["mobile"][~listed["blocked"]]]})
        may = people.verdicts(campaign, "text", max_age=None)["may"].tolist()
        assert may == [False] + [True] * (~listed["blocked"]).sum()


def test_a_provider_without_consent_is_refused_before_it_is_read() -> None:
    wire = Wire(ck.Simulator(contacts=25))
    with ck.connect(ACME, via=wire) as client:
        message = "people acme: acme: cannot be a source: Acme does not declare what its fields"
        with pytest.raises(ck.InvalidInputError, match=message):
            ck.people(acme=client)
    assert not wire.requests


# What cannot be read.


@pytest.mark.parametrize("kind", ["frame", "arrow", "parquet", "csv"])
@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("id", "people sent: id: is missing"),
        ("phone_number", "people sent: phone_number: is missing: contacts are matched by"),
        ("opt_out", "people sent: opt_out: is missing; without it"),
    ],
)
def test_a_column_that_is_missing_is_named(
    tmp_path: Path, kind: str, missing: str, message: str
) -> None:
    import pyarrow as pa

    frame = sent(("a", PHONE, True), ("b", THIRD, False)).drop(columns=missing)
    path, source = tmp_path / f"people.{kind}", frame
    if kind == "arrow":
        source = pa.Table.from_pandas(frame)
    elif kind == "parquet":
        frame.to_parquet(path)
    elif kind == "csv":
        frame.to_csv(path, index=False)
    with pytest.raises(ck.InvalidInputError, match=message):
        ck.people(sent=path if path.exists() else source)


def test_one_file_of_a_folder_without_a_column_is_refused(tmp_path: Path) -> None:
    frame = sent(("a", PHONE, True))
    frame.to_parquet(tmp_path / "a.parquet")
    sent(("b", PHONE, True)).drop(columns="opt_out").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(ck.InvalidInputError, match="opt_out: is missing"):
        ck.people(sent=tmp_path)


def test_a_key_that_is_there_twice_is_named(tmp_path: Path) -> None:
    frame = sent(("a", PHONE, True), ("a", OTHER, False))
    frame.to_csv(tmp_path / "people.csv", index=False)
    for source in (frame, tmp_path / "people.csv"):
        with pytest.raises(ck.InvalidInputError, match="people sent: id: is the same in rows 0, 1"):
            ck.people(sent=source)


@pytest.mark.parametrize("source", [PHONE.encode(), 7, None, [sent(("a", PHONE, True))]])
def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(ck.InvalidInputError, match="must be a client, a table or a file"):
        ck.people(sent=source)


def test_a_time_in_a_suppression_file_has_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(f"address,since\n{PHONE},\n{OTHER},yesterday\n")
    with pytest.raises(ck.InvalidInputError, match="row 1, since: must be a time with its offset"):
        ck.people(sent=sent(("a", PHONE, True)), suppression=path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"suppression": 7}, "people: suppression: must be the path of a file, or several"),
        ({"suppression": [7]}, "people: suppression: must be the path of a file, or several"),
        ({"apart": 7}, "people: apart: must be a list of phone numbers and e-mail addresses"),
        ({"apart": ["x"]}, "people: apart: .0. is neither a phone number"),
        ({"shared_by": 0}, "people: shared_by: must be a whole number from 1"),
        ({"sendblue": 7}, "people sendblue: sendblue: must be a client, a table or a file"),
    ],
)
def test_what_is_wrong_is_refused_before_a_client_is_read(
    options: dict[str, Any], message: str
) -> None:
    wire = Wire(ck.Simulator())
    with ck.connect("sent", via=wire) as client:
        with pytest.raises(ck.InvalidInputError, match=message):
            ck.people(sent=client, **options)
    assert not wire.requests


def test_a_suppression_names_a_channel(tmp_path: Path) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(f"address,channel\n{PHONE},fax\n")
    with pytest.raises(ck.InvalidInputError, match="row 0 must name a channel: text or email"):
        ck.people(sent=sent(("a", PHONE, True)), suppression=path)


FILTERS: dict[str, dict[str, Any]] = {
    "sent": {"channel": "sms"},
    "sendblue": {"created_at_gte": "2026-06-01T00:00:00Z"},
    "privy": {"sms_consent": "subscribed"},
    "digital_onboarding": {"where": {"sms_unsubscribed": False}},
}
ORDERS: dict[str, dict[str, Any]] = {
    "sendblue": {"order_by": "created_at", "order_direction": "asc"},
    "digital_onboarding": {"sort": "-updated_at"},
}


@pytest.mark.parametrize("name", names())
def test_a_part_of_the_contacts_is_refused(name: str, tmp_path: Path) -> None:
    with ck.connect(name, via=ck.Simulator(contacts=210)) as client:
        contacts = client.contacts
        contacts.export(tmp_path / "part", **FILTERS[name])
        with pytest.warns(ck.ContactKitWarning, match="cut at 5"):
            cut = contacts.list(limit=5)
        parts = {
            "a filtered listing": contacts.list(**FILTERS[name]),
            "a listing that was cut": cut,
            "one contact": contacts.get(client.contacts.list().iloc[0]),
        }
        if name != "sendblue":
            parts["one page"] = next(iter(contacts.pages()))
        for source in (tmp_path / "part", pd.read_parquet(tmp_path / "part")):
            with pytest.raises(ck.InvalidInputError, match=f"{name}: is a filtered listing: a no"):
                ck.people(**{name: source})
        for what, part in parts.items():
            with pytest.raises(ck.InvalidInputError, match=f"{name}: is {what}: a no of other"):
                ck.people(**{name: part})
        for whole in (contacts.list(**ORDERS.get(name, {})), contacts.list(limit=500), client):
            assert len(ck.people(**{name: whole}).contacts) == 210


@pytest.mark.parametrize(
    ("days", "message"), [(-2, "sent was read 2 days.* ago"), (2, "read in the future"), (0, "")]
)
def test_a_frame_of_a_recording_grows_old(tmp_path: Path, days: int, message: str) -> None:
    cassette = ck.Cassette(tmp_path / "c.jsonl", mode="new", world=ck.Simulator(contacts=3))
    with ck.connect("sent", via=cassette) as client:
        frame = client.contacts.list()
    frame.attrs["at"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    people = ck.people(sent=frame)
    if not message:
        assert len(people.verdicts(frame, "text")) == 3
        return
    with pytest.raises(ck.InvalidInputError, match=message):
        people.verdicts(frame, "text")


def test_contacts_under_the_name_of_another_provider_are_refused() -> None:
    with ck.connect("privy", via=ck.Simulator(contacts=2)) as client:
        for source in (client, client.contacts.list()):
            with pytest.raises(ck.InvalidInputError, match="sent: has contacts of Privy"):
                ck.people(sent=source)
            assert len(ck.people(shop=source).contacts) == 2


@pytest.mark.parametrize(
    ("at", "read"),
    [
        (pd.Timestamp("2026-05-01T02:00+02:00"), "read 2026-05-01 "),
        (datetime(2026, 5, 1, tzinfo=UTC), "read 2026-05-01 "),
        ("0001-01-01T00:00:00+14:00", "at an unknown time"),
        (pd.NaT, "at an unknown time"),
        (5, "at an unknown time"),
    ],
)
def test_any_time_of_reading_is_shown(at: Any, read: str) -> None:
    frame = sent(("a", PHONE, False))
    frame.attrs["at"] = at
    assert read in repr(ck.people(sent=frame))
