"""Digital Onboarding through the client: every documented endpoint, and what is only its own."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.record import fields_of
from tests.support.providers import Wire, loses, says

PROVIDER = find("digital_onboarding")
JANET = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01"
OMAR = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b02"
LEO = "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b04"  # has no unique_id
BASE = "https://api.digitalonboarding.com/v2/partner"


@pytest.fixture
def name() -> str:
    return "digital_onboarding"


def connect(wire: Wire, account: str = "", **more: Any) -> ck.Client:
    ck.connect("digital_onboarding", via=wire)
    credentials = wire.simulator.accounts[account] if account else {}
    return ck.connect("digital_onboarding", via=wire, **credentials, **more)


def refusal(*entries: dict[str, Any]) -> str:
    return json.dumps({"errors": list(entries)})


def last_request(wire: Wire) -> tuple[str, str]:
    request = wire.requests[-1]
    return request.method, str(request.url).partition("?")[0]


def sent(wire: Wire) -> Any:
    return json.loads(wire.requests[-1].content)


# The endpoints, by name


def test_list_contacts(client, wire):
    people = client.contacts.list()
    assert last_request(wire) == ("GET", f"{BASE}/contacts")
    assert dict(wire.requests[-1].url.params) == {"meta": "count", "page[size]": "100"}
    assert len(people) == 8
    assert people["inserted_at"].is_monotonic_decreasing


def test_get_contact(client, wire):
    row = client.contacts.get(JANET).iloc[0]
    assert last_request(wire) == ("GET", f"{BASE}/contacts/{JANET}")
    assert (row["unique_id"], row["timezone"]) == ("core-10001", "America/Chicago")
    assert row["birthdate"] == pd.Timestamp("1990-05-04")
    assert row["meta_public"] == {
        "segment": "new member",
        "branch": {"number": 12, "drive_up": True},
    }
    assert row["completed_objective_keys"] == ["direct_deposit", "mobile_app"]


def test_create_contact(client, wire):
    done = client.contacts.create(
        unique_id="core-30001",
        name_first="Ada",
        phone_mobile="+1 (212) 555-0187",
        birthdate=date(1992, 2, 29),
        timezone="Europe/Vienna",
        meta_public={"tags": ["a", {"b": None}]},
        email_opted_in=True,
    )
    assert last_request(wire) == ("POST", f"{BASE}/contacts")
    assert sent(wire) == {
        "unique_id": "core-30001",
        "name_first": "Ada",
        "phone_mobile": "+12125550187",
        "birthdate": "1992-02-29",
        "timezone": "Europe/Vienna",
        "meta_public": {"tags": ["a", {"b": None}]},
        "email_opted_in": True,
    }
    assert (done["outcome"][0], done["http_status"][0]) == ("created", 201)
    assert UUID(done["key"][0]).version == 4
    assert client.contacts.get(done["key"][0])["birthdate"][0] == pd.Timestamp("1992-02-29")


def test_update_contact(client, wire):
    done = client.contacts.update(JANET, city=None, sms_unsubscribed=True)
    assert last_request(wire) == ("PATCH", f"{BASE}/contacts/{JANET}")
    assert sent(wire) == {"city": None, "sms_unsubscribed": True}
    assert (done["outcome"][0], done["http_status"][0]) == ("updated", 200)
    assert pd.isna(client.contacts.get(JANET)["city"][0])


def test_delete_contact(client, wire):
    done = client.contacts.delete(JANET, confirm=True)
    assert last_request(wire) == ("DELETE", f"{BASE}/contacts/{JANET}")
    assert wire.requests[-1].headers["X-Operator-Override"] == "destructive"
    assert (done["outcome"][0], done["http_status"][0]) == ("deleted", 204)
    with pytest.raises(ck.NotFoundError) as caught:
        client.contacts.delete(JANET, confirm=True)
    assert caught.value.problem.code == "not_found"


def test_create_contact_account(client, wire):
    opened = datetime(2026, 3, 1, 12, tzinfo=UTC)
    done = client.contacts.create_account(
        JANET, kind="loan", unique_id="loan-1", opened_at=opened, balance_cents=-250_000
    )
    assert last_request(wire) == ("POST", f"{BASE}/contacts/{JANET}/accounts")
    assert sent(wire) == {
        "kind": "loan",
        "unique_id": "loan-1",
        "opened_at": "2026-03-01T12:00:00Z",
        "balance_cents": -250_000,
    }
    assert (done["outcome"][0], done["http_status"][0]) == ("created", 201)
    account = done["after"][0]
    assert done["key"][0] == account["contact_id"] == JANET
    assert (account["type"], account["kind"]) == ("account", "loan")
    assert UUID(account["id"]).version == 4


def test_create_or_bulk_upsert_contacts(client, wire):
    before = wire.simulator.state()
    done = client.contacts.upsert([{"unique_id": "core-10002", "city": "Troy"}])
    assert last_request(wire) == ("POST", f"{BASE}/contacts")
    assert sent(wire) == [{"unique_id": "core-10002", "city": "Troy"}]
    assert (done["outcome"][0], done["http_status"][0], done["key"][0]) == ("updated", 200, OMAR)
    made = client.contacts.upsert({"unique_id": "core-30002"})
    assert (made["outcome"][0], made["http_status"][0]) == ("created", 201)
    assert len(wire.simulator.state()) == len(before) + 1


# Many at once


def test_upsert_of_many_is_a_batch_with_unknown_outcomes(client, wire):
    frame = pd.DataFrame(
        {"unique_id": ["core-10001", "core-30003"], "city": ["Troy", pd.NA]}, index=["x", "y"]
    )
    done = client.contacts.upsert(frame)
    assert sent(wire) == [{"unique_id": "core-10001", "city": "Troy"}, {"unique_id": "core-30003"}]
    assert list(done.index) == ["x", "y"]
    assert done["outcome"].to_list() == ["unknown"] * 2
    assert done["http_status"].to_list() == [202] * 2
    message = r"accepted as batch [0-9a-f-]{36}; .* how to ask for it is not documented"
    assert done["message"].str.fullmatch(message).all()
    assert client.contacts.get(JANET)["city"][0] == "Troy"
    assert len(client.contacts.list(where={"unique_id": "core-30003"})) == 1


ONE, TWO = ({"id": f"id-{n}", "unique_id": f"u-{n}"} for n in (1, 2))


@pytest.mark.parametrize(
    ("status", "answer", "outcomes"),
    [
        (200, [ONE, TWO], ["updated", "updated"]),
        (201, [TWO, ONE], ["updated", "updated"]),
        (200, {"data": [ONE, TWO]}, ["updated", "updated"]),
        (201, {"id": "b1", "operation": "contacts.upsert", "status": "accepted"}, ["unknown"] * 2),
        (202, {"id": "b1"}, ["unknown", "unknown"]),
    ],
)
def test_upsert_reads_every_form_of_answer(client, wire, status, answer, outcomes):
    wire.faults = [says(status, json.dumps(answer))]
    done = client.contacts.upsert([{"unique_id": "u-1"}, {"unique_id": "u-2"}])
    assert done["outcome"].to_list() == outcomes
    assert done["key"].to_list() == ([pd.NA] * 2 if "unknown" in outcomes else ["id-1", "id-2"])


@pytest.mark.parametrize("key", [["u-1"], {"u-1": 1}, 7, None])
def test_upsert_answer_with_a_key_that_is_no_text_is_unexpected(client, wire, key):
    wire.faults = [says(200, json.dumps({"data": [{"id": "x", "unique_id": key}]}))]
    with pytest.raises(ck.ApiError) as caught:
        client.contacts.upsert([{"unique_id": "u-1"}])
    assert caught.value.problem.code == "undocumented"


def test_upsert_row_absent_from_the_answer_is_unknown(client, wire):
    wire.faults = [says(200, json.dumps([ONE]))]
    done = client.contacts.upsert([{"unique_id": "u-1"}, {"unique_id": "u-2"}])
    assert done["outcome"].to_list() == ["updated", "unknown"]
    assert "not among" in done["message"][1]


@pytest.mark.parametrize("answer", [[], {}, [{"id": "id-2"}], "text", {"a": 1}, [5]])
def test_upsert_answer_without_any_row_is_an_error(client, wire, answer):
    wire.faults = [says(200, json.dumps(answer))]
    with pytest.raises(ck.ApiError) as caught:
        client.contacts.upsert([{"unique_id": "u-1"}, {"unique_id": "u-2"}])
    assert caught.value.problem.code == "undocumented"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"unique_id": "a"}, {"city": "Troy"}], r"\[1\] unique_id: is required"),
        ([{"unique_id": None}], r"\[0\] unique_id: is required"),
        ([{"unique_id": "a", "id": JANET}], r"\[0\] id: the key cannot be written"),
        ([{"unique_id": "a", "timezone": "UTC+1"}], r"\[0\] timezone: .*offsets"),
        ([{"unique_id": "a"}, {"unique_id": "a"}], r"\[1\] unique_id: is duplicated"),
    ],
)
def test_upsert_checks_every_row(client, wire, rows, message):
    with pytest.raises(ck.InvalidInputError, match=message):
        client.contacts.upsert(rows)
    assert not wire.requests


# Values


@pytest.mark.parametrize("zone", ["America/Chicago", "Europe/Vienna", "UTC", "Etc/GMT+5"])
def test_timezone_accepts_iana_names(client, zone):
    assert client.contacts.update(JANET, timezone=zone)["after"][0]["timezone"] == zone


@pytest.mark.parametrize(
    "offset", ["+05:00", "-5", "UTC-05:00", "utc+5", "GMT+05:30", "Z", "+0530", "UTC +1"]
)
def test_timezone_refuses_offsets(client, wire, offset):
    with pytest.raises(ck.InvalidInputError, match=r"IANA.*offsets from UTC are refused"):
        client.contacts.update(JANET, timezone=offset)
    assert not wire.requests


@pytest.mark.parametrize("zone", ["america/chicago", "Chicago", "", "CDT5", "America/Chicago "])
def test_timezone_refuses_other_text(client, zone):
    with pytest.raises(ck.InvalidInputError, match="timezone: must be an IANA time zone"):
        client.contacts.update(JANET, timezone=zone)


def test_timezone_without_a_local_database_refuses_offsets_only(client, monkeypatch):
    module = "contactkit._providers.digital_onboarding.record._zones"
    monkeypatch.setattr(module, lambda: frozenset())
    check = fields_of(PROVIDER.record)["timezone"].marker.check
    assert check and check("America/Chicago") == "America/Chicago"
    for wrong in ("", "+05:00"):
        with pytest.raises(ValueError):
            check(wrong)


@pytest.mark.parametrize("given", ["1990-05-04", date(1990, 5, 4), pd.Timestamp("1990-05-04")])
def test_birthdate_is_sent_as_a_date(client, wire, given):
    client.contacts.update(OMAR, birthdate=given)
    assert sent(wire) == {"birthdate": "1990-05-04"}


@pytest.mark.parametrize("wrong", ["04.05.1990", "1990-02-30", "1990-05-04T00:00:00Z", 1990])
def test_birthdate_refuses_other_values(client, wrong):
    with pytest.raises(ck.InvalidInputError, match="birthdate: must be a date"):
        client.contacts.update(OMAR, birthdate=wrong)


@pytest.mark.parametrize("number", ["555-0100", "ext. 4", ""])
def test_phone_that_is_not_e164_is_sent_unchanged(client, wire, number):
    client.contacts.update(OMAR, phone_work=number)
    assert sent(wire) == {"phone_work": number}


@pytest.mark.parametrize("email", ["jan", "jan@", "@example.com", "a b@example.com"])
def test_email_refuses_other_text(client, email):
    with pytest.raises(ck.InvalidInputError, match="email: must be an e-mail address"):
        client.contacts.update(OMAR, email=email)


FLAGS = [name for name, field in fields_of(PROVIDER.record).items() if field.kind == "boolean"]


def test_consent_flags_are_independent(client):
    assert len(FLAGS) == 8
    for value in (True, False):
        done = client.contacts.update(JANET, **dict.fromkeys(FLAGS, value), opt_in=True)
        assert all(done["after"][0][flag] is value for flag in FLAGS)
    mixed = {"sms_opted_in": True, "sms_unsubscribed": True}
    assert client.contacts.update(JANET, **mixed)["outcome"][0] == "updated"


@pytest.mark.parametrize("wrong", [5, [], {"a": float("nan")}, {"a": {1: 2}}, {"a": object()}])
def test_meta_public_refuses_what_is_not_json(client, wrong):
    with pytest.raises(ck.InvalidInputError, match="meta_public: must be a mapping of text"):
        client.contacts.update(JANET, meta_public=wrong)


def test_describe_marks_inferred_facts():
    evidence = ck.describe("digital_onboarding").set_index(["of", "field"])["evidence"]
    inferred = evidence[evidence == "inferred"].index
    assert {
        ("contact", "email"),
        ("contact", "unique_id"),
        ("contact", "meta_public"),
        ("contact", "inserted_at"),
        ("verb", "get"),
        ("verb", "upsert"),
        ("list", "where"),
    } <= set(inferred)
    documented = {("contact", "timezone"), ("verb", "create"), ("verb", "create_account")}
    assert not documented & set(inferred)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "kind: is required"),
        ({"kind": "savings"}, "kind: must be one of deposit, loan"),
        ({"kind": "loan", "product_id": "x"}, "product_id: must be a UUID"),
        ({"kind": "loan", "opened_at": "2026-03-01"}, "opened_at: must be a time"),
        ({"kind": "loan", "balance_cents": 1.5}, "balance_cents: must be a whole number"),
        ({"kind": "loan", "ballance_cents": 1}, "did you mean 'balance_cents'"),
    ],
)
def test_create_account_checks_its_fields(client, wire, fields, message):
    with pytest.raises(ck.InvalidInputError, match=message):
        client.contacts.create_account(JANET, **fields)
    assert not wire.requests


def test_create_account_for_another_contact_is_an_error(client, wire):
    wire.faults = [says(201, json.dumps({"id": "a1", "contact_id": OMAR}))]
    with pytest.raises(ck.ApiError, match="a different contact"):
        client.contacts.create_account(JANET, kind="loan")


# Headers to ask for: the confirmation, the dry run, the idempotency key


@pytest.mark.parametrize("options", [{}, {"confirm": False}, {"dry_run": True}])
def test_delete_requires_confirmation(client, wire, options):
    with pytest.raises(ck.InvalidInputError, match="confirm: must be True: Delete"):
        client.contacts.delete(JANET, **options)
    assert not wire.requests


WRITES: dict[str, Any] = {
    "create": lambda contacts, **more: contacts.create(unique_id="core-30004", **more),
    "update": lambda contacts, **more: contacts.update(JANET, city="Troy", **more),
    "upsert": lambda contacts, **more: contacts.upsert([{"unique_id": "core-10001"}], **more),
    "several": lambda contacts, **more: contacts.upsert(
        [{"unique_id": "core-10001", "city": "Troy"}, {"unique_id": "core-30005"}], **more
    ),
    "delete": lambda contacts, **more: contacts.delete(JANET, confirm=True, **more),
    "account": lambda contacts, **more: contacts.create_account(JANET, kind="loan", **more),
}
writes = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
# A contact is read before it is deleted.
READS = {write: [None] if name == "delete" else [] for name, write in WRITES.items()}


@writes
def test_dry_run_is_planned_and_changes_nothing(client, wire, write):
    before = wire.simulator.state()
    done = write(client.contacts, dry_run=True)
    flags = wire.requests[-1].headers["X-Operator-Override"].split(",")
    assert flags == ["destructive", "dry_run"][wire.requests[-1].method != "DELETE" :]
    assert set(done["outcome"]) == {"planned"}
    pd.testing.assert_frame_equal(wire.simulator.state(), before)
    assert "planned" not in set(write(client.contacts)["outcome"])


@writes
def test_dry_run_without_its_header_is_unknown(client, wire, write):
    body = {"id": JANET, "contact_id": JANET, "unique_id": "core-10001"}
    answer = says(202 if write is WRITES["several"] else 200, json.dumps(body))
    wire.faults = [*READS[write], answer]
    with pytest.warns(ck.ContactKitWarning, match="may have been carried out"):
        done = write(client.contacts, dry_run=True)
    assert set(done["outcome"]) == {"unknown"}


@pytest.mark.parametrize("verb", [verb for verb in WRITES if verb != "delete"])
def test_write_is_retried_under_one_idempotency_key(client, wire, verb):
    write = WRITES[verb]
    wire.faults = [*READS[write], loses(httpx.ReadTimeout, after=True), says(503, "{}")]
    done = write(client.contacts)
    sent = [request for request in wire.requests if request.method != "GET"]
    [key] = {request.headers["Idempotency-Key"] for request in sent}
    assert UUID(key).version == 4
    assert set(done["idempotency_key"]) == {key}
    assert set(done["attempts"]) == {3}
    assert wire.simulator.state()["writes"].max() <= 1


def test_idempotency_key_of_the_caller_has_at_most_128_characters(client, wire):
    client.contacts.update(JANET, city="Troy", idempotency_key="k" * 127 + "!")
    for wrong in ("k" * 129, "a b", "ü"):
        with pytest.raises(ck.InvalidInputError, match="idempotency_key"):
            client.contacts.update(JANET, city="Troy", idempotency_key=wrong)
    assert len(wire.requests) == 1


def test_idempotency_key_used_before_skips_or_conflicts(client, wire):
    client.contacts.update(JANET, city="Troy", idempotency_key="k1")
    with pytest.warns(ck.ContactKitWarning, match="used before: nothing was done"):
        again = client.contacts.update(JANET, city="Troy", idempotency_key="k1")
    assert again["outcome"][0] == "skipped"
    with pytest.raises(ck.ConflictError) as caught:
        client.contacts.update(JANET, city="Rome", county="Cook", idempotency_key="k1")
    assert caught.value.problem.code == "idempotency_conflict"
    assert [problem.field for problem in caught.value.problem.fields] == ["city", "county"]
    other = client.contacts.update(OMAR, city="Rome", idempotency_key="k1")
    assert other["outcome"][0] == "updated"


def test_dry_run_does_not_use_up_the_idempotency_key(client, wire):
    planned = client.contacts.update(JANET, city="Troy", dry_run=True, idempotency_key="k1")
    assert "Idempotency-Key" not in wire.requests[-1].headers
    assert planned["idempotency_key"].isna()[0]
    done = client.contacts.update(JANET, city="Troy", idempotency_key="k1")
    assert done["outcome"][0] == "updated"
    assert client.contacts.get(JANET)["city"][0] == "Troy"


def test_delete_in_doubt_followed_by_404_is_a_transport_error(client, wire):
    gone = says(404, refusal({"code": "not_found"}))
    wire.faults = [None, loses(httpx.ReadTimeout, after=True), gone]
    with pytest.raises(ck.TransportError) as caught:
        client.contacts.delete(JANET, confirm=True)
    assert caught.value.sent


# Refusals

REFUSALS = [
    (401, "scope_missing", ck.PermissionDeniedError),
    (401, "invalid_token", ck.AuthenticationError),
    (403, "override_required", ck.PermissionDeniedError),
    (403, "bulk_override_required", ck.PermissionDeniedError),
    (404, "not_found", ck.NotFoundError),
    (409, "idempotency_conflict", ck.ConflictError),
    (409, "conflict", ck.ConflictError),
    (410, "cursor_invalid", ck.InvalidRequestError),
    (400, "invalid_sort_field", ck.InvalidRequestError),
    (400, "invalid_filter", ck.InvalidRequestError),
    (422, "validation_failed", ck.InvalidRequestError),
    (429, "rate_limited", ck.RateLimitError),
]


@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_error_code_has_its_class(client, wire, status, code, kind):
    wire.faults = [says(status, refusal({"code": code, "title": "No", "detail": "Not so"}))] * 9
    with pytest.raises(kind) as caught:
        client.contacts.update(JANET, city="Troy")
    assert type(caught.value) is kind
    problem = caught.value.problem
    assert (problem.status, problem.code, problem.message) == (status, code, "Not so")
    assert problem.docs.startswith("https://do-api-docs.pages.dev/endpoints/patch")


def test_refusal_with_many_entries_has_a_problem_a_field(client, wire):
    entries = [
        {
            "code": "validation_failed",
            "title": "Validation failed",
            "detail": f"{field} is not right",
            "source": {"pointer": f"/data/attributes/{field}"},
        }
        for field in ("email", "timezone")
    ]
    wire.faults = [says(422, refusal(*entries))]
    with pytest.raises(ck.InvalidRequestError) as caught:
        client.contacts.update(JANET, city="Troy")
    problem = caught.value.problem
    assert (problem.code, problem.message) == ("validation_failed", "Validation failed")
    assert [str(field) for field in problem.fields] == [
        "email: email is not right",
        "timezone: timezone is not right",
    ]


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"row_count": 5000}, r"Too many \(row_count: 5000\)"),
        ({"required_scope": "partner:contacts:write"}, r"\(required_scope: partner:contacts:write"),
        ({"difference": {"city": ["Troy", "Rome"]}}, "Too many$|Too many\n"),
        ([], "Too many"),
    ],
)
def test_refusal_message_includes_its_meta(client, wire, meta, message):
    entry = {"code": "bulk_override_required", "detail": "Too many", "meta": meta}
    wire.faults = [says(403, refusal(entry))]
    with pytest.raises(ck.PermissionDeniedError, match=message):
        client.contacts.upsert([{"unique_id": "a"}])


@pytest.mark.parametrize(
    "body",
    [{"errors": [5]}, {"errors": [{}]}, {"errors": [{"source": 5, "meta": 5}]}, {"errors": []}],
)
def test_malformed_refusal_is_typed_by_its_status(client, wire, body):
    wire.faults = [says(422, json.dumps(body))]
    with pytest.raises(ck.InvalidRequestError):
        client.contacts.update(JANET, city="Troy")


def test_duplicate_unique_id_is_a_conflict(client):
    with pytest.raises(ck.ConflictError) as caught:
        client.contacts.update(LEO, unique_id="core-10001")
    assert caught.value.problem.code == "conflict"


def test_retry_after_is_obeyed(client, wire):
    start = wire.clock.now()
    wire.faults = [says(429, refusal({"code": "rate_limited"}), Retry_After="30")]
    assert len(client.contacts.get(JANET)) == 1
    assert wire.clock.now() - start >= 30


@pytest.mark.parametrize("body", ["{}", '{"data": null}', '{"unique_id": "core-10001"}', "[]"])
def test_answer_without_an_id_is_undocumented(client, wire, body):
    for verb in (
        lambda: client.contacts.get(JANET),
        lambda: client.contacts.update(JANET, city=""),
    ):
        wire.faults = [says(200, body)]
        with pytest.raises(ck.ApiError) as caught:
            verb()
        assert caught.value.problem.code == "undocumented"


# Credentials and scopes


def tokens(wire: Wire) -> list[httpx.Request]:
    return [request for request in wire.requests if request.url.path == "/oauth2/token"]


def test_token_is_sent_in_its_header(client, wire):
    client.contacts.get(JANET)
    assert wire.requests[0].headers["Authorization"] == "Bearer simulator-partner-token"


def test_client_credentials_fetch_a_token_an_hour(wire):
    client = connect(wire, "oauth")
    client.contacts.get(JANET)
    client.contacts.delete(JANET, confirm=True)
    assert [str(request.url) for request in tokens(wire)] == [
        "https://api.digitalonboarding.com/oauth2/token"
    ]
    wire.clock.sleep(wire.clock.now() + 3590)
    client.contacts.get(OMAR)
    assert len(tokens(wire)) == 2


V1 = '{"error": "invalid_token"}'
V2 = refusal({"code": "invalid_token", "title": "Token expired"})


@pytest.mark.parametrize("body", [V1, V2])
def test_refused_token_is_renewed_once(wire, body):
    client = connect(wire, "oauth")
    wire.faults = [None, says(401, body)]
    assert len(client.contacts.get(JANET)) == 1
    assert len(tokens(wire)) == 2
    wire.faults = [says(401, body), None, says(401, body)]
    with pytest.raises(ck.AuthenticationError) as caught:
        client.contacts.get(JANET)
    assert caught.value.problem.code == "invalid_token"
    assert len(tokens(wire)) == 3


def test_missing_scope_is_named_and_renews_no_token(wire):
    client = connect(wire, "oauth_read_only", scope="partner:contacts:read")
    assert len(client.contacts.list()) == 8
    with pytest.raises(ck.PermissionDeniedError) as caught:
        client.contacts.update(JANET, city="Troy")
    problem = caught.value.problem
    assert (problem.status, problem.code) == (401, "scope_missing")
    assert "partner:contacts:write" in problem.message
    assert len(tokens(wire)) == 1
    assert [request.method for request in wire.requests].count("PATCH") == 1


def test_scope_of_another_client_is_refused_with_the_token(wire):
    connect(wire, "oauth_read_only")
    credentials = wire.simulator.accounts["oauth_read_only"]
    client = ck.connect(
        "digital_onboarding", via=wire, **credentials, scope="partner:contacts:write"
    )
    with pytest.raises(ck.PermissionDeniedError) as caught:
        client.contacts.list()
    assert caught.value.problem.code == "invalid_scope"


def test_token_is_requested_with_named_scopes_only(wire):
    client = connect(wire, "oauth_read_only")
    assert len(client.contacts.list())
    assert b"scope" not in wire.requests[0].content
    with pytest.raises(ck.PermissionDeniedError, match="partner:contacts:write"):
        client.contacts.update(JANET, city="Troy")


def test_expired_token_is_an_authentication_error(wire):
    with pytest.raises(ck.AuthenticationError) as caught:
        connect(wire, "expired").contacts.list()
    assert caught.value.problem.code == "invalid_token"
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"TOKEN": "canary-1"}, "token=•••"),
        ({"CLIENT_ID": "canary-1", "CLIENT_SECRET": "canary-2", "SCOPE": "s"}, "scope=s"),
    ],
)
def test_credentials_come_from_the_environment(monkeypatch, environment, shown):
    for variable, value in environment.items():
        monkeypatch.setenv(f"DIGITAL_ONBOARDING_{variable}", value)
    client = ck.connect("digital_onboarding")
    assert shown in repr(client)
    assert "canary" not in repr(client)


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("/data/attributes/email", "email"),
        ("/email", "email"),
        ("/1/email", "[1] email"),
        ("/data/attributes/meta_public/a~1b", "meta_public"),
        ("/data/attributes/new_field", "new_field"),
    ],
)
def test_refusal_pointer_names_a_field(client, wire, pointer, field):
    entry = {"code": "validation_failed", "detail": "no", "source": {"pointer": pointer}}
    wire.faults = [says(422, json.dumps({"errors": [entry, {"code": "x", "detail": "and this"}]}))]
    with pytest.raises(ck.InvalidRequestError) as caught:
        client.contacts.update(JANET, city="Troy")
    assert [problem.field for problem in caught.value.problem.fields] == [field, ""]
    assert "and this" in str(caught.value)


def test_missing_scope_is_found_in_any_entry(client, wire):
    entries = [{"code": "x", "detail": "first"}, {"code": "scope_missing", "detail": "needs a:b:c"}]
    wire.faults = [says(401, json.dumps({"errors": entries}))]
    with pytest.raises(ck.PermissionDeniedError, match="a:b:c"):
        client.contacts.get(JANET)


def test_write_accepted_for_later_is_unknown(client, wire):
    body = json.dumps({"id": "b0b", "status": "accepted", "operation": "x"})
    for verb, args in [("create", ()), ("update", (JANET,)), ("delete", (JANET,))]:
        fields = {"confirm": True} if verb == "delete" else {"city": "Troy"}
        wire.faults = [*([None] if verb == "delete" else []), says(202, body)]
        with pytest.warns(ck.ContactKitWarning, match="accepted it for later"):
            done = getattr(client.contacts, verb)(*args, **fields)
        assert done["outcome"][0] == "unknown"
        assert "later" in done["message"][0]
        assert done["after"][0] is None


def test_upsert_that_does_not_change_a_flag_is_unknown(client, wire):
    row = wire.simulator.engine.contacts.find(JANET).row
    wire.faults = [says(200, json.dumps({**row, "sms_unsubscribed": False}))]
    with pytest.warns(ck.ContactKitWarning, match="sms_unsubscribed"):
        done = client.contacts.upsert([{"unique_id": row["unique_id"], "sms_unsubscribed": True}])
    assert done["outcome"][0] == "unknown"


def test_upsert_replayed_under_its_key_is_skipped(client):
    rows = [{"unique_id": "n-1"}]
    assert client.contacts.upsert(rows, idempotency_key="k1")["outcome"][0] == "created"
    with pytest.warns(ck.ContactKitWarning, match="used before"):
        assert client.contacts.upsert(rows, idempotency_key="k1")["outcome"][0] == "skipped"


def test_create_account_is_not_compared_with_the_contact(client):
    row = client.contacts.get(JANET)
    done = client.contacts.create_account(row, kind="loan", unique_id=row["unique_id"].item())
    assert done["changed"][0] == ["kind", "unique_id"]
    assert done["before"][0] is None


async def test_concurrent_first_calls_fetch_one_token(wire):
    aio = connect(wire, "oauth").aio
    await asyncio.gather(*(aio.contacts.get(JANET) for _ in range(10)))
    assert sum(request.url.path == "/oauth2/token" for request in wire.requests) == 1
