"""Sendblue through the client: every documented operation, its spellings and its long listing."""

from __future__ import annotations

import json
import warnings
from datetime import datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.simulator.seeds import phone
from tests.support.providers import Wire, says

DOE, ADA = "+1234567890", "+12025550123"


@pytest.fixture
def wire() -> Wire:
    return Wire(ck.Simulator(contacts=12, seed=2))


@pytest.fixture
def contacts(wire: Wire) -> Any:
    return ck.connect("sendblue", via=wire).contacts


def last(wire: Wire) -> tuple[str, str, Any]:
    request = wire.requests[-1]
    body = json.loads(request.content) if request.content else None
    return request.method, request.url.raw_path.decode(), body


def answers(contact: dict[str, Any]) -> Any:
    return says(200, json.dumps({"status": "OK", "contact": contact}))


# Every endpoint, by name


def test_list_reads_a_bare_array_and_sends_two_key_headers(contacts, wire):
    assert len(contacts.list()) == 12
    request = wire.requests[-1]
    assert request.headers["sb-api-key-id"] == "simulator-key-id"
    assert request.headers["sb-api-secret-key"] == "simulator-secret-key"
    assert request.url.path == "/api/v2/contacts"
    assert dict(request.url.params) == {
        "order_by": "created_at",
        "order_direction": "asc",
        "limit": "1000",
        "offset": "0",
    }


def test_access_token_is_sent_in_the_place_of_both_keys(wire, monkeypatch):
    wire.simulator.start(find("sendblue"))
    token = wire.simulator.accounts["token"]["access_token"]
    for given in ({"access_token": token}, {}):
        assert len(ck.connect("sendblue", via=wire, **given).contacts.list()) == 12
    with_token, with_keys = wire.requests[-2:]
    assert with_token.headers["Authorization"] == f"Bearer {token}"
    assert not {"sb-api-key-id", "sb-api-secret-key"} & set(with_token.headers)
    assert "Authorization" not in with_keys.headers
    monkeypatch.setenv("SENDBLUE_API_ACCESS_TOKEN", token)
    assert list(ck.connect("sendblue")._session.credentials) == ["access_token"]


@pytest.mark.parametrize("token", ["simulator-expired-token", "simulator-access-tokens"])
def test_access_token_that_is_expired_or_wrong_is_refused(wire, token):
    with pytest.raises(ck.AuthenticationError) as caught:
        ck.connect("sendblue", via=wire, access_token=token).contacts.list()
    assert caught.value.problem.status == 401
    assert token not in f"{caught.value!r} {caught.value}"


def test_access_token_or_both_keys_are_needed(monkeypatch):
    with pytest.raises(ck.ConfigurationError, match=r"api_secret=, or access_token=;"):
        ck.connect("sendblue")
    with pytest.raises(ck.ConfigurationError, match="api_secret="):
        ck.connect("sendblue", api_key="key")


def test_list_filters_and_order_have_plain_names(contacts, wire):
    assert contacts.list(phone="+1 (202) 555-0123")["phone"].to_list() == [ADA]
    assert wire.requests[-1].url.params["phone_number"] == ADA
    assert b"phone_number=%2B12025550123" in wire.requests[-1].url.query
    identity = contacts.list(phone=ADA)["contact_id"][0]
    assert contacts.list(contact_id=identity)["phone"].to_list() == [ADA]
    assert wire.requests[-1].url.params["cid"] == identity
    names = contacts.list(order_by="first_name", order_direction="asc")["first_name"].dropna()
    assert names.is_monotonic_increasing
    assert wire.requests[-1].url.params["order_by"] == "firstName"
    since = pd.Timestamp("2025-12-24T17:42:10Z")
    assert (contacts.list(created_at_gte=since)["created_at"] >= since).all()


def test_get_reads_the_documented_example(contacts, wire):
    row = contacts.get(DOE)
    assert row["first_name"][0] == "John"
    assert row["tags"][0] == ["customer", "vip"]
    assert row["created_at"][0] == pd.Timestamp("2024-01-15T10:30:00Z")
    assert last(wire) == ("GET", "/api/v2/contacts/%2B1234567890", None)


def test_create_sends_phone_as_number(contacts, wire):
    done = contacts.create(
        phone="+1 212 555 0187", first_name="Eve", custom_variables={"Size": "M"}
    )
    assert (done["outcome"][0], done["key"][0]) == ("created", "+12125550187")
    assert last(wire) == (
        "POST",
        "/api/v2/contacts",
        {"number": "+12125550187", "first_name": "Eve", "custom_variables": {"Size": "M"}},
    )
    assert contacts.get("+12125550187")["custom_variables"][0] == {"Size": "M"}


def test_create_refuses_fields_outside_its_schema(contacts, wire):
    for field, value in [("company_name", "X"), ("opt_out", True), ("verified", True)]:
        with pytest.raises(ck.InvalidInputError, match=field):
            contacts.create(phone="+12125550187", **{field: value})
    assert not wire.requests


def test_create_with_update_if_exists_changes_and_merges(contacts):
    contacts.create(phone=ADA, custom_variables={"Size": "M"}, update_if_exists=True)
    row = contacts.get(ADA)
    assert row["custom_variables"][0] == {"Favourite colour": "green", "Size": "M"}
    assert row["first_name"][0] == "Ada"
    done = contacts.create(phone=ADA, last_name="Byron", update_if_exists=True)
    assert (done["operation"][0], done["outcome"][0]) == ("create", "updated")


def test_create_is_retried_only_with_update_if_exists(contacts, wire):
    wire.faults = [lambda request, answer: (answer(request), says(500, "{}")(request, answer))[1]]
    done = contacts.create(phone=ADA, first_name="A", update_if_exists=True)
    assert done["attempts"][0] == 2
    wire.faults = [says(500, "{}")]
    with pytest.raises(ck.ServerError):
        contacts.create(phone="+12125550187")


def test_create_duplicate_is_one_request(contacts, wire):
    with pytest.raises(ck.ConflictError, match="Contact already exists"):
        contacts.create(phone=DOE)
    assert len(wire.requests) == 1


def test_update_sends_only_the_given_fields(contacts, wire):
    before = contacts.get(ADA)
    done = contacts.update(ADA, company_name="Byron & Co", tags=["a"], custom_variables={"x": "1"})
    assert done["outcome"][0] == "updated"
    assert last(wire)[:2] == ("PUT", "/api/v2/contacts/%2B12025550123")
    assert last(wire)[2] == {
        "company_name": "Byron & Co",
        "tags": ["a"],
        "custom_variables": {"x": "1"},
    }
    after = contacts.get(ADA)
    assert after["custom_variables"][0] == {"Favourite colour": "green", "x": "1"}
    assert after["tags"][0] == ["a"]
    assert after["first_name"][0] == before["first_name"][0]


def test_delete_removes_the_contact(contacts, wire):
    assert contacts.delete(ADA)["outcome"][0] == "deleted"
    assert last(wire) == ("DELETE", "/api/v2/contacts/%2B12025550123", None)
    with pytest.raises(ck.NotFoundError, match="Contact not found"):
        contacts.delete(ADA)


def test_count_is_a_frame_of_one_number(contacts, wire):
    counted = contacts.count()
    assert counted["count"].dtype == pd.Int64Dtype()
    assert counted["count"].to_list() == [12]
    assert last(wire) == ("GET", "/api/v2/contacts/count", None)


def test_verify_is_never_retried(contacts, wire):
    done = contacts.verify("+1 202 555 0123")
    assert last(wire) == ("POST", "/api/v2/contacts/verify", {"number": ADA})
    assert (done["key"][0], done["changed"][0]) == (ADA, [])
    assert wire.simulator.outbox()["phone_number"].to_list() == [ADA]
    wire.faults = [None, says(500, "{}")]
    with pytest.raises(ck.ServerError):
        contacts.verify(ADA)
    assert [request.method for request in wire.requests] == ["GET", "POST"] * 2


def test_opt_out_and_opt_in_again(contacts, wire):
    done = contacts.opt_out(ADA)
    assert last(wire) == ("POST", "/api/v2/contacts/opt-out", {"number": ADA, "opted_out": True})
    assert (done["outcome"][0], done["after"][0]) == ("updated", {"phone": ADA, "opted_out": True})
    assert contacts.get(ADA)["opt_out"][0]
    contacts.opt_out(ADA, opted_out=False, opt_in=True)
    assert not contacts.get(ADA)["opt_out"][0]
    contacts.update(ADA, opt_out=True)
    assert contacts.get(ADA)["opt_out"][0]


def test_opt_out_with_another_state_in_the_answer_is_unknown(contacts, wire):
    body = {"status": "OK", "number": ADA, "opted_out": False}
    wire.faults = [says(200, json.dumps(body))]
    with pytest.warns(ck.ContactKitWarning, match="opted_out"):
        assert contacts.opt_out(ADA)["outcome"][0] == "unknown"


def test_opt_out_outlives_its_contact(contacts):
    contacts.opt_out(ADA)
    contacts.delete(ADA)
    contacts.create(phone=ADA, opt_in=True)
    assert contacts.get(ADA)["opt_out"][0]
    contacts.opt_out("+12125550187")
    contacts.bulk_create([{"phone": "+12125550187"}])
    assert contacts.get("+12125550187")["opt_out"][0]


def test_bulk_create_has_a_row_a_contact_under_the_callers_index(contacts, wire):
    frame = pd.DataFrame(
        {"phone": ["+1 212 555 0187", "+12125550188"], "tags": [["a"], pd.NA]}, index=["x", "y"]
    )
    done = contacts.bulk_create(frame)
    assert last(wire) == (
        "POST",
        "/api/v2/contacts/bulk",
        {"contacts": [{"phone": "+12125550187", "tags": ["a"]}, {"phone": "+12125550188"}]},
    )
    assert done.index.to_list() == ["x", "y"]
    assert done["key"].to_list() == ["+12125550187", "+12125550188"]
    assert done["outcome"].to_list() == ["updated"] * 2
    assert done["message"]["x"] == "created or changed: Sendblue does not say which"
    assert done["after"]["x"]["tags"] == ["a"]
    assert contacts.count()["count"][0] == 14


def test_bulk_create_contact_absent_from_the_answer_is_unknown(contacts, wire):
    body = {"status": "OK", "contacts": [{"phone": "+12125550188"}]}
    wire.faults = [says(200, json.dumps(body))]
    done = contacts.bulk_create([{"phone": "+12125550187"}, {"phone": "+12125550188"}])
    assert done["outcome"].to_list() == ["unknown", "updated"]
    assert "not among" in done["message"][0]


def test_bulk_delete_sends_the_numbers(contacts, wire):
    done = contacts.bulk_delete([DOE, "+1 202 555 0123"])
    assert last(wire) == ("DELETE", "/api/v2/contacts", {"contact_ids": [DOE, ADA]})
    assert done["outcome"].to_list() == ["deleted"] * 2
    assert contacts.count()["count"][0] == 10


def test_bulk_delete_does_not_guess_which_were_deleted(contacts):
    done = contacts.bulk_delete([DOE, "+12125550187"])
    assert done["outcome"].to_list() == ["unknown"] * 2
    assert done["message"][0].startswith("1 of 2 were deleted")


@pytest.mark.parametrize("keys", [[], pd.Series([], dtype=object), None, DOE, [DOE, None], [""]])
def test_bulk_delete_without_keys_is_refused(contacts, wire, keys):
    with pytest.raises(ck.InvalidInputError):
        contacts.bulk_delete(keys)
    assert not wire.requests


# Names and numbers


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("firstName", "first_name", "A"),
        ("lastName", "last_name", "B"),
        ("companyName", "company_name", "C"),
        ("assignedToEmail", "assigned_to_email", "d@example.com"),
        ("sendblueNumber", "sendblue_number", "+12025550100"),
        ("optOut", "opt_out", True),
    ],
)
def test_deprecated_field_name_warns(contacts, wire, old, new, value):
    with pytest.warns(DeprecationWarning, match=f"use {new}= instead of {old}=") as caught:
        contacts.update(ADA, **{old: value})
    assert caught[0].filename == __file__
    assert last(wire)[2] == {new: value}


@pytest.mark.parametrize("old", ["number", "phone_number", "phoneNumber"])
def test_deprecated_phone_name_warns(contacts, wire, old):
    with pytest.warns(DeprecationWarning, match=f"use phone= instead of {old}="):
        contacts.create(**{old: "+12125550187"})
    assert last(wire)[2] == {"number": "+12125550187"}


@pytest.mark.parametrize("old", ["phone_number", "number"])
def test_deprecated_filter_name_warns(contacts, old):
    with pytest.warns(DeprecationWarning, match=f"use phone= instead of {old}="):
        assert contacts.list(**{old: ADA})["phone"].to_list() == [ADA]


CAMEL = {
    "phone": ADA,
    "firstName": "Ada",
    "lastName": "Byron",
    "companyName": "Analytical Ltd",
    "assignedToEmail": "agent@example.com",
    "sendblueNumber": "+12025550100",
    "customVariables": {"a": "b"},
    "createdAt": "2025-11-03T08:15:00Z",
    "tags": [],
}
SNAKE = {
    "phone": ADA,
    "first_name": "Ada",
    "last_name": "Byron",
    "company_name": "Analytical Ltd",
    "assigned_to_email": "agent@example.com",
    "sendblue_number": "+12025550100",
    "custom_variables": {"a": "b"},
    "created_at": "2025-11-03T08:15:00Z",
    "tags": [],
}
BOTH = {**CAMEL, **SNAKE, "firstName": "Old"}


@pytest.mark.parametrize("body", [CAMEL, SNAKE, BOTH], ids=["camel", "snake", "both"])
def test_answer_is_read_in_either_spelling(contacts, wire, body):
    wire.faults = [answers(body), says(200, json.dumps([body]))]
    for row in (contacts.get(ADA), contacts.list()):
        assert not row.attrs["problems"]
        assert set(row.columns) == set(ck.describe("sendblue").query("of == 'contact'")["field"])
        for name, value in SNAKE.items():
            expected = pd.Timestamp(value) if name == "created_at" else value
            assert row[name][0] == expected


def test_answer_may_lack_all_but_the_number(contacts, wire):
    wire.faults = [answers({"phone": ADA})]
    row = contacts.get(ADA)
    assert row.drop(columns="phone").isna().all(axis=None)
    assert not row.attrs["problems"]


@pytest.mark.parametrize("key", [ADA, "+1 (202) 555-0123", " +1-202-555-0123"])
def test_key_is_normalised(contacts, wire, key):
    assert contacts.get(key)["phone"][0] == ADA
    assert last(wire)[1] == "/api/v2/contacts/%2B12025550123"


@pytest.mark.parametrize("key", ["3105550123", "+1-800-FLOWERS", "+12025550123 ext. 5", "abc", "+"])
def test_key_that_is_no_number_is_refused_without_repeating_it(contacts, wire, key):
    with pytest.raises(ck.InvalidInputError, match="such as") as caught:
        contacts.update(key, first_name="A")
    assert key == "+" or key not in str(caught.value)
    assert not wire.requests


def test_simulator_reads_a_quoted_and_an_unquoted_plus(wire, contacts):
    contacts.list()
    signed = {n: wire.requests[-1].headers[n] for n in ("sb-api-key-id", "sb-api-secret-key")}
    for key in ("+12025550123", "%2B12025550123", "%2b12025550123"):
        request = httpx.Request(
            "GET", f"https://api.sendblue.co/api/v2/contacts/{key}", headers=signed
        )
        answer = wire.simulator.transport(find("sendblue")).handler(request)
        assert answer.json()["contact"]["phone"] == ADA


@pytest.mark.parametrize("status", ["ERROR", "error", ""])
@pytest.mark.parametrize("verb", ["get", "update", "verify"])
def test_status_other_than_ok_under_200_is_an_error(contacts, wire, verb, status):
    wire.faults = [says(200, json.dumps({"status": status, "message": f"no {ADA} today"}))]
    fields = {"first_name": "A"} if verb == "update" else {}
    with pytest.raises(ck.ApiError) as caught:
        getattr(contacts, verb)(ADA, **fields)
    assert caught.value.problem.status == 200
    assert ADA not in str(caught.value)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("name", ["message", "error_message", "error", "error_detail"])
def test_refusal_message_is_found_under_each_name(contacts, wire, name):
    wire.faults = [says(400, json.dumps({"status": "ERROR", name: "Not like this"}))]
    with pytest.raises(ck.InvalidRequestError, match="Not like this"):
        contacts.update(ADA, first_name="A")


# The long listing


def crowd(size: int, together: int) -> ck.Simulator:
    """`size` contacts, of which `together` at a time share their time of creation."""
    simulator = ck.Simulator(contacts=0)
    ck.connect("sendblue", via=simulator)
    for index in range(size):
        at = datetime(2026, 1, 1) + timedelta(seconds=index // together)
        simulator.put(phone=phone(index), created_at=f"{at.isoformat()}Z")
    return simulator


@pytest.mark.parametrize("together", [1, 7, 2500])
def test_list_continues_past_the_largest_offset(together):
    size = 22_500 if together == 7 else 12_500
    people = ck.connect("sendblue", via=crowd(size, together)).contacts.list()
    assert len(people) == size
    assert people["phone"].is_unique
    assert people["created_at"].is_monotonic_increasing


def test_list_limit_gives_that_many_unique_contacts():
    contacts = ck.connect("sendblue", via=crowd(2200, 40)).contacts
    for limit in (1, 50, 1000, 1001, 2100):
        with pytest.warns(ck.ContactKitWarning, match=f"cut at {limit:,}"):
            people = contacts.list(limit=limit)
        assert len(people) == limit
        assert people["phone"].is_unique


def test_pages_with_deletions_in_between_miss_no_contact():
    simulator = crowd(3000, 5)
    seen: list[str] = []
    for page in ck.connect("sendblue", via=simulator).contacts.pages():
        seen += page["phone"].to_list()
        simulator.engine.contacts.delete(simulator.engine.contacts.find(page["phone"][0]))
    assert len(seen) == len(set(seen)) == 3000


def test_list_in_another_order_warns_at_the_largest_offset():
    contacts = ck.connect("sendblue", via=crowd(11_500, 3)).contacts
    with pytest.warns(ck.ContactKitWarning, match="11,000 contacts were read: .* may be more"):
        assert len(contacts.list(order_by="phone")) == 11_000
    with pytest.warns(ck.ContactKitWarning, match="may be more"):
        assert len(list(contacts.pages(order_by="phone"))) == 11
    with pytest.warns(ck.ContactKitWarning, match="cut at 11,000"):
        assert len(contacts.list(order_by="phone", limit=11_000)) == 11_000


@pytest.mark.parametrize("size", [10_950, 11_500])
def test_list_of_one_creation_time_warns_at_the_largest_offset(size):
    contacts = ck.connect("sendblue", via=crowd(size, 20_000)).contacts
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        people = contacts.list()
    assert len(people) == min(size, 11_000)
    assert people["phone"].is_unique
    assert ["may be more" in str(warning.message) for warning in caught] == [True] * (size > 11_000)


def test_list_accepts_mixed_spellings_of_time(wire, contacts):
    def respelled(request: httpx.Request, answer: Any) -> httpx.Response:
        rows = answer(request).json()
        for number, row in enumerate(rows):
            row["created_at"] = row["created_at"].replace("Z", ".000Z" if number % 2 else "Z")
        return httpx.Response(200, json=rows)

    wire.faults = [respelled] * 99
    wire.simulator = crowd(5000, 1200)
    people = ck.connect("sendblue", via=wire).contacts.list()
    assert len(people) == 5000 and people["phone"].is_unique


# What is not known


@pytest.mark.parametrize("flag", [pd.NA, None, float("nan"), "yes", 1])
def test_opt_out_refuses_an_unknown_flag(contacts, wire, flag):
    with pytest.raises(ck.InvalidInputError, match="opted_out: must be True or False"):
        contacts.opt_out(ADA, opted_out=flag)
    assert not wire.requests


def test_na_cells_are_not_sent_back(contacts, wire):
    contacts.update(ADA, tags=["vip"])
    wire.faults = [says(200, json.dumps([{"phone": ADA, "tags": "vip"}, {"phone": DOE}]))]
    with pytest.warns(ck.ContactKitWarning, match="became NA"):
        people = contacts.list()
    assert people["tags"].isna().all()
    contacts.bulk_create(people[["phone", "tags", "custom_variables"]])
    assert last(wire)[2] == {"contacts": [{"phone": ADA}, {"phone": DOE}]}
    contacts.update(ADA, tags=people["tags"][0], first_name="A")
    assert last(wire)[2] == {"first_name": "A"}
    assert contacts.get(ADA)["tags"][0] == ["vip"]


@pytest.mark.parametrize("status", [False, 500, None])
def test_status_that_is_no_text_is_an_error(contacts, wire, status):
    wire.faults = [says(200, json.dumps({"status": status, "contact": {"phone": ADA}}))]
    with pytest.raises(ck.ApiError):
        contacts.update(ADA, first_name="A")


@pytest.mark.parametrize("answer", [{"phone": "12025550123"}, {"number": ADA}, {"first_name": "A"}])
def test_answer_may_spell_the_number_differently(contacts, wire, answer):
    wire.faults = [answers(answer)]
    done = contacts.update(ADA, first_name="A")
    assert (done["outcome"][0], done["key"][0]) == ("updated", ADA)
    wire.faults = [says(200, json.dumps({"status": "OK", "contacts": [answer]}))]
    if "first_name" not in answer:
        assert contacts.bulk_create([{"phone": ADA}])["outcome"][0] == "updated"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({0: ["+12125550188"]}), "only text for field names"),
        (pd.DataFrame([["a", "b"]], columns=["phone", "phone"]), "two columns with the same name"),
        (pd.DataFrame({"first_name": ["A"]}), "phone: is required"),
    ],
)
def test_bulk_create_refuses_other_frames(contacts, wire, frame, message):
    with pytest.raises(ck.InvalidInputError, match=message):
        contacts.bulk_create(frame)
    assert not wire.requests


def test_custom_variables_refuse_other_values(contacts):
    with pytest.raises(ck.InvalidInputError, match="must be a mapping of text to text"):
        contacts.update(ADA, custom_variables={"a": 1})


def test_sendblue_number_is_normalised(contacts, wire):
    contacts.update(ADA, sendblue_number="+1 (202) 555-0100")
    assert last(wire)[2] == {"sendblue_number": "+12025550100"}
