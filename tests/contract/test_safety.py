"""No write is lost, doubled or misreported, and no secret or personal value is shown."""

from __future__ import annotations

import asyncio
import json
import traceback
import warnings
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

import contactkit as ck
from tests.support.providers import EXAMPLES, Wire, loses, says

KEY = EXAMPLES["sent"].key
JANET = EXAMPLES["privy"].key
CONTACT = {"success": True, "data": {"id": KEY}, "error": None}


def sent(wire: Wire, **options: Any) -> ck.Client:
    return ck.connect("sent", via=wire, **options)


# A write that may have been carried out is reported neither as refused nor as done.


@pytest.mark.parametrize("fault", [loses(httpx.ReadTimeout, after=True), says(500, "{}")])
def test_write_stays_in_doubt_when_the_budget_is_spent(wire, fault):
    client = sent(wire, rate_limit="1/hour")
    wire.faults = [fault]
    with pytest.raises(ck.TransportError) as caught:
        client.contacts.update(KEY, opt_out=True)
    assert caught.value.sent
    assert caught.value.idempotency_key == wire.requests[0].headers["Idempotency-Key"]


def test_write_stays_in_doubt_when_the_token_cannot_be_renewed(wire):
    ck.connect("privy", via=wire)
    client = ck.connect("privy", via=wire, **wire.simulator.accounts["oauth"])
    client.contacts.get(JANET)

    def lose_answer_and_token(request: httpx.Request, answer: Any) -> httpx.Response:
        client._session.token_expires = 0.0
        raise httpx.ReadTimeout("no answer", request=request)

    wire.faults = [lose_answer_and_token, says(401, '{"error": "invalid_client"}')]
    with pytest.raises(ck.TransportError) as caught:
        client.contacts.update(JANET, first_name="Jan")
    assert caught.value.sent


@pytest.mark.parametrize("name", ["sent", "privy"])
@pytest.mark.parametrize("body", ["null", '{"data": null}', '{"data": {}}', '{"data": {"id": 5}}'])
def test_answer_without_the_contact_is_not_a_success(wire, name, body):
    client = ck.connect(name, via=wire)
    for write in (
        lambda: client.contacts.create(**EXAMPLES[name].create),
        lambda: client.contacts.update(EXAMPLES[name].key, **EXAMPLES[name].update),
    ):
        wire.faults = [says(200, body)]
        with pytest.raises(ck.ApiError) as caught:
            write()
        assert caught.value.problem.code == "undocumented"


def test_answer_with_another_contact_is_not_a_success(wire):
    wire.faults = [says(200, json.dumps({**CONTACT, "data": {"id": "another"}}))]
    with pytest.raises(ck.ApiError, match="a different contact"):
        sent(wire).contacts.update(KEY, opt_out=True)


@pytest.mark.parametrize("success", [False, "false", 0, None, "no"])
def test_success_other_than_true_is_an_error(wire, success):
    wire.faults = [says(200, json.dumps({**CONTACT, "success": success}))]
    with pytest.raises(ck.ApiError):
        sent(wire).contacts.update(KEY, opt_out=True)


def test_delete_answered_with_an_envelope_is_deleted(wire):
    # The contact is read before it is deleted.
    wire.faults = [None, says(200, '{"success": true, "data": null, "error": null}')]
    with pytest.warns(DeprecationWarning):
        result = sent(wire).contacts.delete(KEY)
    assert result["outcome"][0] == "deleted"


def test_used_idempotency_key_is_skipped(wire):
    contacts = sent(wire).contacts
    contacts.update(KEY, opt_out=True, idempotency_key="k1")
    contacts.update(KEY, opt_out=False, opt_in=True)
    with pytest.warns(ck.ContactKitWarning, match="nothing was done"):
        again = contacts.update(KEY, opt_out=True, idempotency_key="k1")
    assert again["outcome"][0] == "skipped"
    assert not contacts.get(KEY)["opt_out"][0]


def test_unconfirmed_dry_run_is_unknown(wire):
    wire.faults = [says(200, json.dumps(CONTACT))]
    with pytest.warns(ck.ContactKitWarning, match="may have been carried out"):
        result = sent(wire).contacts.update(KEY, opt_out=True, dry_run=True)
    assert result["outcome"][0] == "unknown"


@pytest.mark.parametrize("fault", [loses(httpx.ReadTimeout, after=True), says(503, "{}")])
def test_failed_write_can_be_repeated_under_its_idempotency_key(wire, fault):
    wire.faults = [fault] * 9
    with pytest.raises((ck.TransportError, ck.ServerError)) as caught:
        sent(wire).contacts.create(phone_number="+12025550188")
    error = caught.value
    key = (
        error.idempotency_key
        if isinstance(error, ck.TransportError)
        else error.problem.idempotency_key
    )
    wire.faults = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ContactKitWarning)
        sent(wire).contacts.create(phone_number="+12025550188", idempotency_key=key)
    assert wire.simulator.state()["writes"].sum() == 1


def test_provider_headers_do_not_raise_the_limit_of_the_caller(wire):
    headers = {
        "X_RateLimit_Limit": "10000",
        "X_RateLimit_Remaining": "9999",
        "X_RateLimit_Reset": str(int(wire.clock.now()) + 60),
    }
    wire.faults = [says(200, json.dumps(CONTACT), **headers)] * 9
    client = sent(wire, rate_limit="2/minute")
    start = wire.clock.now()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ContactKitWarning)
        for _ in range(3):
            client.contacts.get(KEY)
    assert wire.clock.now() - start >= 60
    assert "of 2 requests left this minute" in repr(client)


def test_limit_of_the_provider_counts_beside_that_of_the_caller(wire):
    client = ck.connect("privy", via=wire, rate_limit="1000/minute", patience=3600)
    start = wire.clock.now()
    for _ in range(61):
        client.contacts.get(JANET)
    assert wire.clock.now() - start > 0
    assert "Rate limit exceeded" not in repr(client)


# No error is hidden by a short frame.


@pytest.mark.parametrize("limit", [0, -1, 2.5, 5.0, "5", float("nan"), pd.NA, [], True, None])
def test_limit_other_than_a_whole_number_is_refused(wire, limit):
    if limit is None:
        assert len(sent(wire).contacts.list(limit=limit)) == 8
        return
    with pytest.raises(ck.InvalidInputError, match="limit"):
        sent(wire).contacts.list(limit=limit)
    assert not wire.requests


@pytest.mark.parametrize("value", [pd.NA, float("nan"), pd.NaT])
def test_filter_of_na_is_refused(wire, value):
    with pytest.raises(ck.InvalidInputError, match="phone"):
        sent(wire).contacts.list(phone=value)
    assert not wire.requests


def test_page_without_has_more_is_an_error(wire):
    body = '{"success": true, "data": {"contacts": [], "pagination": {}}}'
    wire.faults = [says(200, body)]
    with pytest.raises(ck.ApiError, match="more pages"):
        sent(wire).contacts.list()


def test_promise_of_more_pages_that_is_not_kept_warns(wire):
    body = '{"success": true, "data": {"contacts": [], "pagination": {"has_more": true}}}'
    for read in (lambda c: c.list(), lambda c: list(c.pages())):
        wire.faults = [says(200, body)]
        with pytest.warns(ck.ContactKitWarning, match="announced more but returned none"):
            read(sent(wire).contacts)


def test_pages_warn_when_the_listing_changed(wire):
    def fewer(request: httpx.Request, answer: Any) -> httpx.Response:
        body = answer(request).json()
        body["data"]["contacts"].pop()
        return httpx.Response(200, json=body)

    async def count_async() -> int:
        return sum([len(page) async for page in sent(wire).aio.contacts.pages()])

    wire.faults = [fewer]
    with pytest.warns(ck.ContactKitWarning, match="some may be missing"):
        assert sum(map(len, sent(wire).contacts.pages())) == 7
    wire.faults = [fewer]
    with pytest.warns(ck.ContactKitWarning, match="some may be missing"):
        assert asyncio.run(count_async()) == 7


# Secrets and people

TOKENS = ['{"access_token": "canary-token"', "access_token=canary-token"]


@pytest.mark.parametrize("body", TOKENS)
def test_malformed_token_answer_is_not_quoted(wire, body):
    ck.connect("privy", via=wire)
    client = ck.connect("privy", via=wire, **wire.simulator.accounts["oauth"])
    wire.faults = [says(200, body, "text/plain")]
    with pytest.raises(ck.ApiError) as caught:
        client.contacts.get(JANET)
    assert "canary" not in str(caught.value)


def test_secret_at_the_cut_is_not_shown_in_part(wire):
    wire.faults = [says(200, "x" * 190 + "canary-4f1d-canary-4f1d", "text/html")]
    with pytest.raises(ck.ApiError) as caught:
        sent(wire, api_key="canary-4f1d-canary-4f1d").contacts.get(KEY)
    assert "can" not in str(caught.value)


def test_refusal_that_echoes_shows_no_secret_or_person(wire):
    secret, phone = "canary-4f1d", "+12025550199"
    echo = f"{secret} {phone}"
    body = {
        "success": False,
        "error": {"code": echo, "message": echo, "details": {echo: [echo]}, "doc_url": secret},
        "meta": {"request_id": secret},
    }
    wire.faults = [says(400, json.dumps(body))]
    with pytest.raises(ck.ApiError) as caught:
        sent(wire, api_key=secret).contacts.get(KEY)
    shown = str(caught.value) + repr(caught.value.problem)
    assert secret not in shown and phone not in shown


def locals_of(error: BaseException) -> str:
    """The local variables of contactkit's frames in a traceback."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    inside = (frame for frame in report.stack if "/contactkit/" in frame.filename)
    return "\n".join(str(frame.locals) for frame in inside)


def test_traceback_with_locals_shows_no_credential(wire):
    ck.connect("privy", via=wire)
    oauth = {"client_id": "canary-id", "client_secret": "canary-secret"}
    calls = [
        lambda: ck.connect("privy", via=wire, **oauth).contacts.get(JANET),
        lambda: ck.connect("privy", via=wire, token="canary-token").contacts.get(JANET),
        lambda: ck.connect("privy", token="canary-token", base_url="http://example.com"),
        lambda: ck.connect("privy", token="canary-token", scopes="all"),
    ]
    for call in calls:
        with pytest.raises(ck.ContactKitError) as caught:
            call()
        assert "canary" not in locals_of(caught.value)


def test_parquet_keeps_no_raw_value_of_a_bad_cell(wire, tmp_path):
    row = {"id": KEY, "phone_number": ["+12025550177"]}
    wire.faults = [says(200, json.dumps({**CONTACT, "data": row}))]
    with pytest.warns(ck.ContactKitWarning):
        contact = sent(wire).contacts.get(KEY)
    assert "+12025550177" in str(ck.problems(contact)["raw"].to_list())
    contact[["id"]].to_parquet(tmp_path / "ids.parquet")
    assert b"2025550177" not in (tmp_path / "ids.parquet").read_bytes()
    read = pd.read_parquet(tmp_path / "ids.parquet")
    with pytest.raises(LookupError, match="did not keep"):
        ck.problems(read)


# Only contactkit's own errors

CONNECTS: list[dict[str, Any]] = [
    {"timeout": None},
    {"timeout": "30"},
    {"timeout": float("nan")},
    {"patience": None},
    {"patience": "x"},
    {"patience": float("nan")},
    {"rate_limit": 5},
    {"rate_limit": [5]},
    {"rate_limit": ("5/s",)},
    {"base_url": 5},
    {"api_key": 123},
    {"api_key": float("nan")},
    {"api_key": b""},
    {"via": "simulator"},
    {"via": ck.Simulator},
]


@pytest.mark.parametrize("options", CONNECTS, ids=str)
def test_connect_refuses_invalid_options(options):
    with pytest.raises(ck.ConfigurationError):
        ck.connect("sent", **{"api_key": "k", **options})


@pytest.mark.parametrize("contacts", [2.5, True, -1, 10**9])
def test_simulator_refuses_an_invalid_number_of_contacts(contacts):
    with pytest.raises(ck.ConfigurationError, match="whole number"):
        ck.Simulator(contacts)


SURROGATE = "\ud800"


@pytest.mark.parametrize(
    "change",
    [
        {"first_name": SURROGATE},
        {"tags": [SURROGATE]},
        {"custom_fields": {"a": SURROGATE}},
        {"custom_fields": {SURROGATE: "a"}},
        {"custom_fields": {"a": 10**5000}},
        {"custom_fields": {"a": float("inf")}},
        {"custom_fields": {"a": {"b": 1}}},
        {"first_name": b"x"},
        {"first_name": object()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_value_that_cannot_be_sent_is_refused(wire, change):
    with pytest.raises(ck.InvalidInputError, match=next(iter(change))):
        ck.connect("privy", via=wire).contacts.update(JANET, **change)
    assert not wire.requests


@pytest.mark.parametrize("search", [SURROGATE, "x" * 70_000])
def test_filter_that_cannot_be_sent_is_refused(wire, search):
    with pytest.raises(ck.InvalidInputError, match="search"):
        sent(wire).contacts.list(search=search)
    with pytest.raises(ck.InvalidInputError, match="key"):
        sent(wire).contacts.get("a" * 70_000)
    assert not wire.requests


def test_call_with_wrong_arguments_is_refused(wire):
    contacts = sent(wire).contacts
    wrong = [
        lambda: contacts.get(KEY, chanel=1),
        lambda: contacts.get(),
        lambda: contacts.list("sms"),
        lambda: contacts.update(),
        lambda: contacts.update(opt_out=True),
        lambda: contacts.update(KEY, self=1),
        lambda: contacts.update(KEY, True),
        lambda: contacts.create("+12025550100"),
        lambda: contacts.message_summary(KEY, endpoint=1),
        lambda: contacts.update(KEY, opt_out=True, idempotency_key=""),
    ]
    for call in wrong:
        with pytest.raises(ck.InvalidInputError):
            call()
    assert not wire.requests
    assert len(contacts.get(key=KEY)) == 1


def test_numpy_scalars_are_accepted(wire):
    result = sent(wire).contacts.update(
        np.str_(KEY), opt_out=np.True_, dry_run=np.False_, idempotency_key=np.str_("k-1")
    )
    assert result["outcome"][0] == "updated"


def test_row_with_a_cell_of_the_wrong_type_is_refused(wire):
    contacts = ck.connect("privy", via=wire).contacts
    people = contacts.list().astype(object)
    wire.requests.clear()
    for column, value in [("phone_number", 5), ("phone_number", []), ("custom_fields", object())]:
        row = people.iloc[1].copy()
        row[column] = value
        with pytest.raises(ck.InvalidInputError, match=column):
            contacts.update(row, sms_consent="subscribed")
    with pytest.raises(ck.InvalidInputError, match="the row has no id"):
        contacts.update(people.set_index("id").iloc[0], first_name="Jan")
    assert not wire.requests


@pytest.mark.parametrize("token", ["é", "a b", "", "a\n"])
def test_token_that_no_header_can_hold_is_an_api_error(wire, token):
    ck.connect("privy", via=wire)
    client = ck.connect("privy", via=wire, **wire.simulator.accounts["oauth"])
    wire.faults = [says(200, json.dumps({"access_token": token}))]
    with pytest.raises(ck.ApiError, match="access_token"):
        client.contacts.get(JANET)


@pytest.mark.parametrize("life", ["1" + "0" * 400, "NaN", "-5", '"soon"', "null", "true"])
def test_invalid_token_lifetime_is_an_hour(wire, life):
    ck.connect("privy", via=wire)
    account = wire.simulator.accounts["oauth"]
    client = ck.connect("privy", via=wire, **account)
    token = wire.simulator.accounts["token"]["token"]
    wire.faults = [says(200, f'{{"access_token": "{token}", "expires_in": {life}}}')]
    client.contacts.get(JANET)
    left = client._session.token_expires - wire.clock.now()
    assert 0 < left <= 3600


@pytest.mark.parametrize(
    "variable", [("SSL_CERT_FILE", "/nowhere.pem"), ("ALL_PROXY", "socks9://x")]
)
def test_environment_that_httpx_cannot_use_is_a_configuration_error(monkeypatch, variable):
    monkeypatch.setenv(*variable)
    with pytest.raises(ck.ConfigurationError, match="environment"):
        ck.connect("sent", api_key="k", base_url="https://127.0.0.1:9").contacts.list()


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b'id,phone_number\n"a,b\n', b"id\n\xe9\n"]
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_unreadable_file_is_a_configuration_error(tmp_path, content, kind):
    (tmp_path / f"people.{kind}").write_bytes(content)
    with pytest.raises(ck.ConfigurationError):
        ck.read_contacts(tmp_path / f"people.{kind}", "sent")


def test_incomplete_credentials_are_not_replaced_from_the_environment(monkeypatch):
    monkeypatch.setenv("PRIVY_API_TOKEN", "of-another-account")
    with pytest.raises(ck.ConfigurationError, match="client_secret"):
        ck.connect("privy", client_id="app")
    monkeypatch.setenv("PRIVY_CLIENT_SECRET", "secret")
    assert "client_secret" in ck.connect("privy", client_id="app")._session.credentials


def test_many_new_fields_give_one_warning(wire):
    row = {"id": KEY, **{f"new_{n}": n for n in range(150)}}
    wire.faults = [says(200, json.dumps({**CONTACT, "data": row}))]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        contact = sent(wire).contacts.get(KEY)
    assert contact["new_149"][0] == 149
    assert [each.category for each in caught] == [ck.ContactKitWarning] * 2


# Concurrency, interrupts and answers out of the ordinary


def slow_down(client: ck.Client) -> None:
    """Let other calls run between a request and its answer."""
    send = client._connection.asend

    async def slow(call: Any) -> Any:
        await asyncio.sleep(0.005)
        answer = await send(call)
        await asyncio.sleep(0.005)
        return answer

    client._connection.asend = slow


async def test_one_token_renewal_serves_all_refused_calls(wire):
    ck.connect("privy", via=wire)
    client = ck.connect("privy", via=wire, **wire.simulator.accounts["oauth"])
    client.contacts.get(JANET)
    wire.simulator.engine.tokens.clear()
    slow_down(client)
    rows = await asyncio.gather(*(client.aio.contacts.get(JANET) for _ in range(5)))
    assert [len(row) for row in rows] == [1] * 5


@pytest.mark.parametrize("first", [says(429, "{}"), loses(httpx.ConnectError, after=False)])
def test_used_idempotency_key_is_skipped_after_a_failed_attempt(wire, first):
    contacts = sent(wire).contacts
    contacts.update(KEY, opt_out=True, idempotency_key="k1")
    contacts.update(KEY, opt_out=False, opt_in=True)
    wire.faults = [first]
    with pytest.warns(ck.ContactKitWarning, match="nothing was done"):
        again = contacts.update(KEY, opt_out=True, idempotency_key="k1")
    assert again["outcome"][0] == "skipped"


def test_replay_under_the_callers_idempotency_key_is_unknown(wire):
    wire.faults = [loses(httpx.ReadTimeout, after=True)]
    with pytest.warns(ck.ContactKitWarning, match="not known whether by this call"):
        result = sent(wire).contacts.update(KEY, opt_out=True, idempotency_key="k1")
    assert result["outcome"][0] == "unknown"


@pytest.mark.parametrize("data", [{"id": KEY, "opt_out": False}, {"id": KEY}])
def test_answer_that_contradicts_the_request_is_unknown(wire, data):
    row = sent(wire).contacts.get(KEY)
    for key in (KEY, row):
        wire.faults = [says(200, json.dumps({**CONTACT, "data": data}))]
        with pytest.warns(ck.ContactKitWarning, match="without the change of opt_out"):
            result = sent(wire).contacts.update(key, opt_out=True)
        assert result["outcome"][0] == "unknown"


def test_unchanged_row_lists_no_changes_and_keeps_its_index(wire):
    contacts = sent(wire).contacts
    people = contacts.list()
    result = contacts.update(people.iloc[[4]], opt_out=False)
    assert (result["outcome"].item(), result["changed"].item(), result.index.to_list()) == (
        "unchanged",
        [],
        [4],
    )


@pytest.mark.parametrize("name", ["sent", "privy"])
def test_status_408_is_a_server_error(wire, name):
    wire.faults = [says(408, "{}")] * 9
    with pytest.raises(ck.ServerError):
        ck.connect(name, via=wire).contacts.create(**EXAMPLES[name].create)


def test_key_in_another_case_is_the_same(wire):
    data = {"id": KEY.upper(), "opt_out": True}
    wire.faults = [says(200, json.dumps({**CONTACT, "data": data}))]
    assert sent(wire).contacts.update(KEY, opt_out=True)["outcome"][0] == "updated"


def test_row_that_cannot_be_updated_can_be_read(wire):
    contacts = sent(wire).contacts
    inherited = contacts.get(EXAMPLES["sent"].refused[0])
    assert len(contacts.get(inherited)) == 1
    assert len(contacts.message_summary(inherited)) == 1


def test_partial_row_is_left_to_the_provider(wire):
    contacts = ck.connect("privy", via=wire).contacts
    omar = contacts.list().iloc[[1]]
    result = contacts.update(omar[["id", "first_name"]], sms_consent="unsubscribed")
    assert result["outcome"].item() == "updated"
    other = sent(Wire()).contacts
    row = other.get(KEY).assign(available_channels=pd.NA)
    assert other.update(row, default_channel="whatsapp")["outcome"].item() == "updated"


@pytest.mark.parametrize("cut", [False, True])
def test_error_quotes_no_name_from_an_answer(wire, cut):
    body = json.dumps({"data": {"id": "other", "first_name": "Janet", "custom_fields": {"a": "b"}}})
    wire.faults = [says(200, body[:-3] if cut else body)]
    with pytest.raises(ck.ApiError) as caught:
        ck.connect("privy", via=wire).contacts.update(JANET, first_name="Jan")
    assert "Janet" not in str(caught.value)
    assert "bytes of JSON" in str(caught.value)


def test_error_quotes_no_personal_value_from_a_refusal(wire):
    error = {"code": "validation_failed", "message": "Zebulon is no name, gold-fish no tier"}
    wire.faults = [says(422, json.dumps({"error": error}))]
    with pytest.raises(ck.InvalidRequestError) as caught:
        ck.connect("privy", via=wire).contacts.update(
            JANET, first_name="Zebulon", custom_fields={"tier": "gold-fish"}
        )
    assert "Zebulon" not in str(caught.value) and "gold-fish" not in str(caught.value)


def test_count_too_large_for_its_column_is_a_problem(wire):
    row = {"contact_id": KEY, "message_count": 2**63, "channels_used": [], "channel_scores": []}
    wire.faults = [says(200, json.dumps({**CONTACT, "data": row}))]
    with pytest.warns(ck.ContactKitWarning):
        summary = sent(wire).contacts.message_summary(KEY)
    assert summary["message_count"].isna().all()
    assert ck.problems(summary)["field"].to_list() == ["message_count"]


def test_resume_at_is_capped_at_the_year_9999(wire):
    late = "Fri, 31 Dec 9999 23:59:59 -1200"
    wire.faults = [says(429, "{}", Retry_After=late)]
    with pytest.raises(ck.RateLimitError) as caught:
        sent(wire).contacts.get(KEY)
    assert caught.value.resume_at.year == 9999


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 1e10},
        {"timeout": float("inf")},
        {"rate_limit": []},
        {"base_url": "https://xn--zzzzzz99999"},
        {"base_url": "https://a/\ud800"},
    ],
    ids=str,
)
def test_connect_refuses_options_that_would_fail_later(options):
    with pytest.raises(ck.ConfigurationError):
        ck.connect("sent", api_key="k", **options)


@pytest.mark.parametrize("fields", [{}, {"phone_number": "garbage"}, {"nickname": "x"}])
def test_simulator_refuses_an_invalid_contact(fields):
    simulator = ck.Simulator(contacts=1)
    ck.connect("sent", via=simulator)
    with pytest.raises(ck.ConfigurationError):
        simulator.put(**fields)


def test_interrupt_notes_the_idempotency_key(wire):
    def interrupt(request: httpx.Request, answer: Any) -> httpx.Response:
        answer(request)
        raise KeyboardInterrupt

    wire.faults = [interrupt]
    with pytest.raises(KeyboardInterrupt) as caught:
        sent(wire).contacts.create(phone_number="+12025550188")
    key = wire.requests[0].headers["Idempotency-Key"]
    assert key in caught.value.__notes__[0]
    wire.faults = [interrupt]
    with pytest.raises(KeyboardInterrupt) as caught:
        sent(wire).contacts.get(KEY)
    assert not hasattr(caught.value, "__notes__")


def test_limited_list_reports_only_its_own_problems(wire):
    rows = [{"id": f"{n}"} for n in range(10)]
    info = {"page": 1, "total_pages": 1, "has_more": False, "total_count": 10}
    body = {"success": True, "data": {"contacts": rows, "pagination": info}}
    wire.faults = [says(200, json.dumps(body))]
    with pytest.warns(ck.ContactKitWarning):
        people = sent(wire).contacts.list(limit=np.int64(3))
    assert len(people) == 3
    assert set(ck.problems(people)["key"]) == {"0", "1", "2"}


def test_key_in_an_index_level_of_a_file_is_kept(tmp_path):
    people = sent(Wire()).contacts.list()
    people.set_index(["id", "phone_number"]).to_parquet(tmp_path / "people.parquet")
    read = ck.read_contacts(tmp_path / "people.parquet", "sent")
    assert read["id"].equals(people["id"])


def test_damaged_file_is_a_configuration_error(tmp_path):
    sent(Wire()).contacts.list().to_parquet(tmp_path / "people.parquet")
    content = bytearray((tmp_path / "people.parquet").read_bytes())
    content[4:400] = b"\xff" * 396
    (tmp_path / "people.parquet").write_bytes(bytes(content))
    with pytest.raises(ck.ConfigurationError):
        ck.read_contacts(tmp_path / "people.parquet", "sent")
    with pytest.raises(FileNotFoundError):
        ck.read_contacts(tmp_path / "missing.csv", "sent")
