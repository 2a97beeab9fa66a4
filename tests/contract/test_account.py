"""What providers say beside contacts: numbers, profiles, lines, users; and overrides of a write."""

from __future__ import annotations

import inspect
import json
import random
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

import contactkit as ck
from contactkit._frames.frame import dtype_of
from contactkit._providers import find
from contactkit.spec.record import fields_of
from tests.support.providers import Wire, says

# Made here, since a number that is reserved for fiction would have no pseudonym.
REAL = f"+1212{random.Random(7).randint(2_300_000, 9_899_999)}"
LINE = "+12025550100"
CALLS = {
    ("sent", "lookup"): lambda client: client.contacts.lookup(REAL),
    ("sent", "profiles"): lambda client: client.profiles(),
    ("sendblue", "contact_status"): lambda client: client.contacts.contact_status(
        REAL, sendblue_number=LINE
    ),
    ("sendblue", "seats"): lambda client: client.seats(),
}
reads = pytest.mark.parametrize(("provider", "verb"), CALLS)


@reads
def test_frames_have_the_declared_columns_and_dtypes(provider, verb):
    frame = CALLS[provider, verb](ck.connect(provider, via=ck.Simulator()))
    fields = fields_of(find(provider).endpoint(verb).record)
    assert list(frame) == list(fields)
    assert [*map(str, frame.dtypes)] == [str(dtype_of(field)) for field in fields.values()]
    assert ck.problems(frame).empty


@reads
async def test_async_client_reads_the_same(provider, verb):
    frame = CALLS[provider, verb](ck.connect(provider, via=ck.Simulator()))
    other = await CALLS[provider, verb](ck.connect(provider, via=ck.Simulator()).aio)
    assert_frame_equal(frame, other)


@reads
def test_recordings_replay_and_keep_nobody(provider, verb, tmp_path):
    client = ck.connect(provider, via=ck.Simulator())
    with ck.record(client, tmp_path / "calls.jsonl"):
        frame = CALLS[provider, verb](client)
    replayed = CALLS[provider, verb](
        ck.connect(provider, via=ck.Cassette(tmp_path / "calls.jsonl"))
    )
    assert list(replayed) == list(frame) and len(replayed) == len(frame)
    kept = (tmp_path / "calls.jsonl").read_text()
    for text in (REAL, REAL[1:], "Jo Bell", "Kim", "Vale"):
        assert text not in kept, text


@reads
def test_a_response_of_another_shape_is_an_api_error(provider, verb):
    for body in ("[7]", "{}", '{"data": {"profiles": 5}}', '{"number": "+12025550199"}'):
        with pytest.raises(ck.ApiError, match="the response"):
            CALLS[provider, verb](ck.connect(provider, via=Wire(faults=[says(200, body)])))


def test_lookup_returns_the_documented_answer():
    documented = {
        "phone_number": "+12025551234",
        "is_valid": True,
        "carrier_name": "T-Mobile",
        "line_type": "mobile",
        "country_code": "US",
        "mobile_country_code": "310",
        "mobile_network_code": "260",
        "is_ported": False,
        "is_voip": False,
    }
    meta = {"request_id": "req_7X9zKp2jDw", "timestamp": "2026-03-31T15:21:52.1705467+00:00"}
    answer = {"success": True, "data": documented, "error": None, "meta": meta}
    wire = Wire(faults=[says(200, json.dumps(answer))])
    row = ck.connect("sent", via=wire).contacts.lookup("(202) 555-1234".replace("(", "+1 ("))
    assert row.to_dict("records") == [documented]
    assert wire.requests[-1].url.raw_path == b"/v3/numbers/lookup/%2B12025551234"
    own = ck.connect("sent", via=ck.Simulator()).contacts.lookup("+12025551234")
    assert own.drop(columns="carrier_name").to_dict("records") == [
        {name: value for name, value in documented.items() if name != "carrier_name"}
    ]


def test_lookup_takes_a_row_and_refuses_what_is_no_number():
    contacts = ck.connect("sent", via=ck.Simulator()).contacts
    row = contacts.get("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    assert contacts.lookup(row)["phone_number"][0] == row["phone_number"][0]
    with pytest.raises(ck.InvalidInputError, match="key"):
        contacts.lookup("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    with pytest.raises(ck.InvalidInputError, match="the row has no phone_number"):
        contacts.lookup(row[["id"]])


def test_lookup_of_a_number_that_is_none_is_not_found():
    message = "Phone number not found or invalid"
    error = {"code": "RESOURCE_013", "message": message, "details": None, "doc_url": ""}
    body = json.dumps({"success": False, "data": None, "error": error, "meta": {}})
    client = ck.connect("sent", via=Wire(faults=[says(404, body)]))
    with pytest.raises(ck.NotFoundError, match=message):
        client.contacts.lookup(REAL)


def test_profiles_are_those_that_profile_id_takes():
    client = ck.connect("sent", via=ck.Simulator())
    profile = client.profiles()["id"][0]
    owners = client.contacts.list(profile_id=profile)["customer_id"]
    assert set(owners) == {profile}
    assert client.profiles(profile_id=profile)["id"].to_list() == [profile]


def test_seats_are_filtered():
    client = ck.connect("sendblue", via=ck.Simulator())
    assert client.seats()["email"].to_list() == ["agent@example.com", "rep@example.com"]
    assert client.seats(email="rep@example.com")["first_name"].to_list() == ["Jane"]
    assert client.seats(limit=1, offset=1)["last_name"].to_list() == ["Doe"]
    with pytest.raises(ck.InvalidInputError, match="limit: must be a whole number"):
        client.seats(limit="all")


def test_contact_status_is_that_of_a_line():
    wire = Wire()
    contacts = ck.connect("sendblue", via=wire).contacts
    row = contacts.get("+12025550123")
    known = contacts.contact_status(row, sendblue_number=row["sendblue_number"][0])
    assert known[["classification", "known_contact"]].values.tolist() == [["known", True]]
    new = contacts.contact_status("+1 202 555 0123", sendblue_number="+12025550199")
    assert new[["classification", "known_contact"]].values.tolist() == [["new", False]]
    request = wire.requests[-1]
    assert dict(request.url.params) == {
        "number": "+12025550123",
        "sendblue_number": "+12025550199",
    }
    assert not request.content
    with pytest.raises(ck.InvalidInputError, match="sendblue_number: is required"):
        contacts.contact_status(row)


def test_account_verbs_are_methods_of_the_client_that_it_shows():
    client = ck.connect("sent", via=ck.Simulator())
    assert "account: profiles" in repr(client)
    assert not hasattr(client.contacts, "profiles")
    assert list(inspect.signature(client.profiles).parameters) == ["profile_id"]
    assert not hasattr(ck.connect("privy", via=ck.Simulator()), "profiles")
    [verb] = ck.describe("sent").query("field == 'profiles'").to_dict("records")
    assert (verb["type"], verb["of"]) == ("GET /v3/profiles", "verb")
    assert "A method of the client" in verb["help"]


# Overrides at Digital Onboarding

KEY = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01"
ODD = {"email": "janet at example"}


def flags_of(wire: Wire) -> str | None:
    return wire.requests[-1].headers.get("X-Operator-Override")


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({}, None),
        ({"force": True}, "force"),
        ({"force": False}, None),
        ({"bypass_validation": ["email_format"]}, "bypass_validation=email_format"),
        (
            {"bypass_validation": ["email_format", "phone_format"], "force": True, "dry_run": True},
            "dry_run,force,bypass_validation=email_format|phone_format",
        ),
    ],
)
def test_overrides_are_sent_as_flags(options, header):
    wire = Wire()
    contacts = ck.connect("digital_onboarding", via=wire).contacts
    contacts.update(KEY, city="Troy", **options)
    assert flags_of(wire) == header
    assert set(json.loads(wire.requests[-1].content)) == {"city"}


def test_overrides_join_what_a_deletion_needs():
    wire = Wire()
    contacts = ck.connect("digital_onboarding", via=wire).contacts
    contacts.delete(KEY, confirm=True, force=True)
    assert flags_of(wire) == "destructive,force"


@pytest.mark.parametrize("verb", ["create", "update", "upsert"])
def test_a_validator_that_is_bypassed_lets_odd_values_pass(verb):
    def call(**options: Any) -> Any:
        contacts = ck.connect("digital_onboarding", via=ck.Simulator()).contacts
        if verb == "upsert":
            return contacts.upsert([{"unique_id": "core-20001", **ODD}], bulk=True, **options)
        key = [KEY] if verb == "update" else []
        return getattr(contacts, verb)(*key, **ODD, **options)

    with pytest.raises(ck.InvalidInputError, match="email: must be an e-mail address"):
        call()
    with pytest.raises(ck.InvalidInputError, match="email: must be an e-mail address"):
        call(bypass_validation=["phone_format"])
    written = call(bypass_validation=["email_format"])
    assert written["outcome"][0] in ("created", "updated")
    assert written["after"][0]["email"] == ODD["email"]


def test_the_simulator_refuses_odd_values_without_the_flag():
    wire = Wire()
    contacts = ck.connect("digital_onboarding", via=wire).contacts
    contacts.update(KEY, **ODD, bypass_validation=["email_format"])
    request = wire.requests[-1]
    del request.headers["X-Operator-Override"], request.headers["Idempotency-Key"]
    answer = ck.Simulator().transport(find("digital_onboarding")).handle_request(request)
    assert answer.status_code == 422
    assert "email" in answer.text


@pytest.mark.parametrize("names", [[], ["email format"], "email_format", ["a|b"]])
def test_names_of_validators_are_checked(names):
    contacts = ck.connect("digital_onboarding", via=ck.Simulator()).contacts
    with pytest.raises(ck.InvalidInputError, match="bypass_validation: must be"):
        contacts.update(KEY, city="Troy", bypass_validation=names)
