"""Columns under other names: `rename=`, and what the error for unknown columns suggests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pandas as pd
import pytest

import contactkit as ck
from contactkit._frames.headings import rename_columns
from contactkit._frames.known_headings import HEADINGS, suggest_rename
from contactkit._providers import find, names
from contactkit.spec.record import fields_of

PERSON = {
    "first": "Ada",
    "last": "Ng",
    "email": "ada@example.com",
    "phone": "+12025550123",
}
# The first line of real exports, and where a person's name, address and number are in them.
EXPORTS = {
    "google": (
        "First Name,Middle Name,Last Name,Phonetic First Name,Name Prefix,Name Suffix,Nickname,"
        "File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,"
        "Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,"
        "Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value,Address 1 - Street,"
        "Address 1 - City,Address 1 - Region,Address 1 - Postal Code,Address 1 - Country",
        ("First Name", "Last Name", "E-mail 1 - Value", "Phone 1 - Value"),
    ),
    "google, older": (
        "Name,Given Name,Additional Name,Family Name,Yomi Name,Birthday,Group Membership,"
        "E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Organization 1 - Name",
        ("Given Name", "Family Name", "E-mail 1 - Value", "Phone 1 - Value"),
    ),
    "hubspot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,"
        "Lead Status,Marketing contact status,Opted out of all email,Create Date,Street Address,"
        "City,State/Region,Postal Code,Country/Region,Date of birth,Time Zone,Company name",
        ("First Name", "Last Name", "Email", "Mobile Phone Number"),
    ),
    "mailchimp": (
        "Email Address,First Name,Last Name,Address,Phone Number,Birthday,SMS Phone Number,"
        "MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,LATITUDE,TIMEZONE,CC,REGION,LEID,TAGS",
        ("First Name", "Last Name", "Email Address", "SMS Phone Number"),
    ),
    "klaviyo": (
        "Email,Klaviyo ID,First Name,Last Name,Organization,Title,Phone Number,Address,Address 2,"
        "City,State / Region,Country,Zip Code,Email Marketing Consent,SMS Marketing Consent",
        ("First Name", "Last Name", "Email", "Phone Number"),
    ),
    "shopify": (
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,"
        "Default Address Address1,Default Address City,Default Address Province Code,"
        "Default Address Country Code,Default Address Zip,Default Address Phone,Phone,"
        "Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt",
        ("First Name", "Last Name", "Email", "Phone"),
    ),
    "salesforce": (
        "Id,Salutation,FirstName,LastName,Title,AccountName,Email,Phone,MobilePhone,HomePhone,"
        "MailingStreet,MailingCity,MailingState,MailingPostalCode,MailingCountry,Birthdate,"
        "HasOptedOutOfEmail,DoNotCall",
        ("FirstName", "LastName", "Email", "MobilePhone"),
    ),
    "twilio": (
        "From,To,Body,Status,SentDate,ApiVersion,NumSegments,ErrorCode,AccountSid,Sid,Direction",
        (None, None, None, "To"),
    ),
}
FIELDS = {
    "digital_onboarding": ("name_first", "name_last", "email", "phone_mobile"),
    "privy": ("first_name", "last_name", "email", "phone_number"),
    "sendblue": ("first_name", "last_name", None, "phone"),
    "sent": (None, None, None, "phone_number"),
}


def export(path: Path, tool: str) -> Path:
    """A file of this tool with one person."""
    headings, places = EXPORTS[tool]
    cells = dict(zip(places, PERSON.values(), strict=True))
    pd.DataFrame([cells], columns=headings.split(",")).to_csv(path, index=False)
    return path


def suggested(path: Path, provider: str) -> dict[str, str | None]:
    """The rename that the error suggests."""
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.read_contacts(path, provider)
    found = re.search(r"pass rename=(\{.*\}),", str(caught.value))
    assert found
    return ast.literal_eval(found[1])


@pytest.mark.parametrize("tool", EXPORTS)
def test_suggested_rename_reads_the_export_of_a_known_tool(
    tmp_path: Path, tool: str, name: str
) -> None:
    path = export(tmp_path / "export.csv", tool)
    frame = ck.read_contacts(path, name, rename=suggested(path, name))
    places = EXPORTS[tool][1]
    for field, value, place in zip(FIELDS[name], PERSON.values(), places, strict=True):
        if field and place:
            assert frame[field].tolist() == [value]
    assert ck.problems(frame).empty


@pytest.mark.parametrize("tool", EXPORTS)
def test_suggested_rename_has_no_consent_and_no_foreign_key(
    tmp_path: Path, tool: str, name: str
) -> None:
    rename = suggested(export(tmp_path / "export.csv", tool), name)
    provider = find(name)
    fields = [field for field in rename.values() if field]
    assert not any(provider.consent.meaning(field) for field in fields)
    assert "id" not in fields
    assert len(fields) == len({*fields})


def test_unknown_columns_about_consent_are_named(tmp_path: Path) -> None:
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.read_contacts(export(tmp_path / "export.csv", "shopify"), "privy")
    last = str(caught.value).splitlines()[-1]
    assert last.endswith("may be consent: Accepts Email Marketing, Accepts SMS Marketing")


def test_known_headings_are_of_fields_that_can_be_written() -> None:
    declared = [fields_of(find(name).record) for name in names()]
    for field in HEADINGS:
        accesses = {fields[field].marker.access for fields in declared if field in fields}
        assert accesses
        assert "read_only" not in accesses


@pytest.mark.parametrize(
    ("columns", "rename"),
    [
        (["ID", "EMAIL", "OPT_OUT"], {"ID": "id", "EMAIL": "email", "OPT_OUT": None}),
        (["Id", "E-Mail"], {"Id": None, "E-Mail": "email"}),
        (["SMS_CONSENT"], {"SMS_CONSENT": "sms_consent"}),
        (["Sms Consent"], {}),
        (["Colour"], {}),
        (["-", "_"], {}),
    ],
)
def test_suggest_rename_of_other_capitals(columns: list[str], rename: object) -> None:
    assert suggest_rename(find("privy"), columns, []) == rename


def test_suggest_rename_uses_a_field_once() -> None:
    columns = ["Phone 2 - Value", "Phone", "Mobile"]
    expected = dict.fromkeys(columns) | {"Mobile": "phone_number"}
    assert suggest_rename(find("sent"), columns, []) == expected
    assert suggest_rename(find("sent"), columns, ["phone_number"]) == {}


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("Key,Phone,Mail,Notes\n1,202 555 0123,a@example.com,x\n")
    return path


def test_rename_names_fields_and_leaves_columns_out(csv: Path) -> None:
    rename = {"Key": "id", "Phone": "phone_number", "Mail": "email", "Notes": None}
    frame = ck.read_contacts(csv, "privy", rename=rename, region="US")
    assert frame.loc[0, ["id", "phone_number", "email"]].tolist() == [
        "1",
        "+12025550123",
        "a@example.com",
    ]


def test_rename_finds_the_provider(csv: Path) -> None:
    rename = {"Key": "id", "Phone": None, "Mail": "sms_consent", "Notes": None}
    with pytest.warns(ck.ContactKitWarning, match="sms_consent"):
        assert ck.read_contacts(csv, rename=rename).attrs["provider"] == "privy"


def test_suggested_rename_keeps_what_is_renamed_already(csv: Path) -> None:
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.read_contacts(csv, "privy", rename={"Key": "id"})
    assert "rename={'Key': 'id', 'Phone': 'phone_number', 'Mail': None" in str(caught.value)


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ({"phone": "phone_number"}, "there is no column 'phone'; there are: Key, Phone, Mail"),
        ({"Phone": "email", "Mail": "email"}, "'Phone' and 'Mail' have the name email"),
        ({"Phone": "Mail"}, "'Phone' and 'Mail' have the name Mail"),
        (["Phone"], "must be a mapping of columns to fields, or to None"),
        ({"Phone": 1}, "must be a mapping of columns to fields, or to None"),
    ],
)
def test_rename_of_no_column_or_onto_one_field_is_refused(csv: Path, rename, message) -> None:
    with pytest.raises(ck.InvalidInputError, match=f"people.csv: rename: {message}"):
        ck.read_contacts(csv, "privy", rename=rename)


def test_rename_may_exchange_two_columns() -> None:
    assert rename_columns("x", ["a", "b"], {"a": "b", "b": "a"}) == {"a": "b", "b": "a"}


def test_rename_to_no_field_names_it(csv: Path) -> None:
    rename = {"Key": "id", "Phone": "phone_nr", "Mail": None, "Notes": None}
    with pytest.raises(ck.ConfigurationError, match="Privy has no field phone_nr; allowed: id, "):
        ck.read_contacts(csv, "privy", rename=rename)


def test_unknown_columns_without_a_suggestion_say_how_to_rename(csv: Path) -> None:
    with pytest.raises(ck.ConfigurationError, match=r"no field Key, Notes;.*\npass rename="):
        ck.read_contacts(csv, "privy", rename={"Phone": None, "Mail": None})


@pytest.mark.parametrize("line", ["Ada,ada@example.com", "Ada,+1 202-555-0123", "2025550123,Ada"])
def test_file_without_a_line_of_headings_is_refused_without_its_values(
    tmp_path: Path, line: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"{line}\nBob,x\n")
    with pytest.raises(ck.ConfigurationError, match="its first line has values") as caught:
        ck.read_contacts(path, "privy")
    assert "Ada" not in str(caught.value)
    assert "555" not in str(caught.value)


def test_region_reads_all_phone_columns_that_can_be_written(tmp_path: Path, name: str) -> None:
    provider = find(name)
    phones = [
        field.name
        for field in fields_of(provider.record).values()
        if "phone" in field.name and field.marker.access != "read_only"
    ]
    path = tmp_path / "people.csv"
    pd.DataFrame([dict.fromkeys(phones, "(202) 555-0123")]).to_csv(path, index=False)
    frame = ck.read_contacts(path, name, region="US")
    assert phones
    assert frame[phones].to_numpy().tolist() == [["+12025550123"] * len(phones)]


def test_region_leaves_what_a_provider_formats(tmp_path: Path) -> None:
    people = ck.connect("sent", via=ck.Simulator(contacts=5)).contacts.list()
    people.to_csv(tmp_path / "people.csv", index=False)
    pd.testing.assert_frame_equal(
        ck.read_contacts(tmp_path / "people.csv", "sent", region="US"), people
    )


def test_number_that_cannot_be_read_is_a_problem_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("phone,first_name\n202 555 0123 x5,Ada\n202 555 0124,Bob\n")
    with pytest.warns(ck.ContactKitWarning, match="1 cell is"):
        frame = ck.read_contacts(path, "sendblue", region="US")
    assert frame["phone"].fillna("").tolist() == ["", "+12025550124"]
    problems = ck.problems(frame)[["row", "key", "field", "raw"]]
    assert problems.to_numpy().tolist() == [[0, "202 555 0123 x5", "phone", "202 555 0123 x5"]]


@pytest.mark.parametrize("region", ["us", "UK"])
def test_unknown_region_is_refused_before_the_file_is_read(region: str) -> None:
    with pytest.raises(ck.InvalidInputError, match=f"read_contacts: region: .*not '{region}'"):
        ck.read_contacts("missing.csv", "privy", region=region)
