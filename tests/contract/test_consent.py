"""A recorded no is never changed to anything else, unless the caller says opt_in=True for it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._http.rate_limits import Budget, parse_rate
from contactkit._providers import find, names
from contactkit.spec.record import last_change_of
from tests.support.consent import NO, SILENCE, YES, has, record
from tests.support.providers import EXAMPLES, loses, says

METHODS = {"PATCH", "PUT", "POST", "DELETE"}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(params=["sync", "async"])
def call(request, client):
    """Calls a verb of the sync or the async client."""

    def sync(verb: str, *args: Any, **fields: Any) -> pd.DataFrame:
        return getattr(client.contacts, verb)(*args, **fields)

    async def on_a_loop(verb: str, *args: Any, **fields: Any) -> pd.DataFrame:
        async with client.aio as other:
            return await getattr(other.contacts, verb)(*args, **fields)

    def run(verb: str, *args: Any, **fields: Any) -> pd.DataFrame:
        return asyncio.run(on_a_loop(verb, *args, **fields))

    return sync if request.param == "sync" else run


def start(client, wire, name, values):
    """Give the example contact these values; returns its row."""
    client.contacts.get(EXAMPLES[name].key)
    # Privy's consent needs a number.
    number = {"phone_number": "+12125550190"} if name == "privy" else {}
    record(wire, name, {**number, **values})
    row = client.contacts.get(EXAMPLES[name].key)
    wire.requests.clear()
    return row


def methods(wire):
    return [request.method for request in wire.requests]


def writes(wire):
    return [method for method in methods(wire) if method in METHODS]


def test_no_is_not_overwritten_by_key(call, client, wire, name, example):
    start(client, wire, name, NO[name])
    with pytest.raises(ck.InvalidInputError, match="say opt_in=True if you hold their consent"):
        call("update", example.key, **YES[name])
    assert methods(wire) == ["GET"]
    assert has(wire, name, NO[name])


def test_no_in_the_row_is_refused_before_anything_is_sent(call, client, wire, name):
    row = start(client, wire, name, NO[name])
    for contact in (row, row.iloc[0]):
        with pytest.raises(ck.InvalidInputError, match="opt_in=True") as caught:
            call("update", contact, **YES[name])
        assert [problem.code for problem in caught.value.problems] == ["consent"]
    assert wire.requests == []


@pytest.mark.parametrize("opt_in", [False, True])
def test_no_since_the_row_was_read_is_a_conflict(call, client, wire, name, opt_in):
    row = start(client, wire, name, SILENCE.get(name, YES[name]))
    record(wire, name, NO[name])
    with pytest.raises(ck.InvalidInputError, match="opted out since it was read") as caught:
        call("update", row, **YES[name], opt_in=opt_in)
    assert [problem.code for problem in caught.value.problems] == ["conflict"]
    assert writes(wire) == []
    assert has(wire, name, NO[name])


def test_opt_in_overwrites_the_no_that_is_read(call, client, wire, name, example):
    row = start(client, wire, name, NO[name])
    for contact in (example.key, row):
        record(wire, name, NO[name])
        row = client.contacts.get(example.key)
        result = call(
            "update", row if contact is not example.key else contact, **YES[name], opt_in=True
        )
        assert result["outcome"][0] == "updated"
        assert {n: result["before"][0][n] for n in NO[name]} == NO[name]
        assert has(wire, name, YES[name])


def test_opt_in_is_true_or_false(client, name, example):
    with pytest.raises(ck.InvalidInputError, match="opt_in: must be True or False"):
        client.contacts.update(example.key, **YES[name], opt_in="yes")


@pytest.mark.parametrize("name", [*SILENCE])
def test_first_yes_over_silence_needs_no_flag(call, client, wire, name, example):
    start(client, wire, name, SILENCE[name])
    assert call("update", example.key, **YES[name])["outcome"][0] == "updated"
    assert methods(wire)[0] == "GET" and len(writes(wire)) == 1


def test_no_is_written_at_once(call, client, wire, name, example):
    start(client, wire, name, YES[name])
    assert call("update", example.key, **NO[name])["outcome"][0] == "updated"
    assert len(methods(wire)) == 1


def test_change_without_consent_is_written_at_once(client, wire, name, example):
    fields = {n: v for n, v in example.update.items() if n not in find(name).consent.fields}
    start(client, wire, name, NO[name])
    if fields:
        client.contacts.update(example.key, **fields)
        assert len(methods(wire)) == 1


def test_widening_without_a_response_is_never_sent_twice(call, client, wire, name, example):
    start(client, wire, name, YES[name])
    for after in (True, False):
        wire.requests.clear()
        wire.faults = [None, loses(httpx.ReadTimeout, after=after)]
        with pytest.raises(ck.TransportError) as caught:
            call("update", example.key, **YES[name])
        assert caught.value.sent
        assert len(writes(wire)) == 1


def test_widening_after_a_server_error_is_never_sent_twice(call, client, wire, name, example):
    start(client, wire, name, YES[name])
    wire.faults = [None, says(503, "{}")]
    with pytest.raises(ck.ServerError):
        call("update", example.key, **YES[name])
    assert len(writes(wire)) == 1


@pytest.mark.parametrize("opt_in", [False, True])
def test_no_while_the_rate_limit_refuses_is_kept(call, client, wire, name, example, opt_in):
    start(client, wire, name, YES[name])

    def limited(request, answer):
        record(wire, name, NO[name])
        return says(429, "{}", retry_after="1")(request, answer)

    wire.faults = [None, limited]
    with pytest.raises(ck.InvalidInputError, match="opted out since it was read"):
        call("update", example.key, **YES[name], opt_in=opt_in)
    assert [method == "GET" for method in methods(wire)] == [True, False, True]
    assert has(wire, name, NO[name])


def opts_out_again(wire, name):
    """Record another no, later than the first."""
    wire.clock.sleep(wire.clock.now() + 60)
    record(wire, name, NO[name])


TIMED = pytest.mark.parametrize("name", [n for n in names() if last_change_of(find(n).record)])


@TIMED
def test_another_no_while_the_rate_limit_refuses_is_kept(call, client, wire, name, example):
    start(client, wire, name, NO[name])

    def limited(request, answer):
        opts_out_again(wire, name)
        return says(429, "{}", retry_after="1")(request, answer)

    wire.faults = [None, limited]
    with pytest.raises(ck.InvalidInputError, match="may have opted out again"):
        call("update", example.key, **YES[name], opt_in=True)
    assert has(wire, name, NO[name])


@TIMED
def test_another_no_since_the_row_was_read_is_a_conflict(call, client, wire, name):
    row = start(client, wire, name, NO[name])
    opts_out_again(wire, name)
    with pytest.raises(ck.InvalidInputError, match="may have opted out again") as caught:
        call("update", row, **YES[name], opt_in=True)
    assert [problem.code for problem in caught.value.problems] == ["conflict"]
    time = last_change_of(find(name).record).name
    assert call("update", row.drop(columns=time), **YES[name], opt_in=True)["outcome"][0]
    assert has(wire, name, YES[name])


def test_rate_limited_widening_is_sent_after_another_read(call, client, wire, name, example):
    start(client, wire, name, {**YES[name], **NO[name]})
    wire.faults = [None, says(429, "{}", retry_after="1"), says(429, "{}", retry_after="1")]
    result = call("update", example.key, **YES[name], opt_in=True)
    assert result["outcome"][0] == "updated"
    assert [method == "GET" for method in methods(wire)] == [True, False, True, True, False]


def test_dry_run_reads_first_and_changes_nothing(call, client, wire, name, example):
    if not find(name).dry_run:
        return
    start(client, wire, name, NO[name])
    with pytest.raises(ck.InvalidInputError, match="opt_in=True"):
        call("update", example.key, **YES[name], dry_run=True)
    result = call("update", example.key, **YES[name], dry_run=True, opt_in=True)
    assert result["outcome"][0] == "planned"
    assert has(wire, name, NO[name])


def test_create_with_consent_is_never_sent_twice(call, wire, client, name):
    values = {
        "privy": {"phone_number": "+12125550187", "sms_consent": "subscribed"},
        "digital_onboarding": {"unique_id": "core-20009", **YES["digital_onboarding"]},
    }
    if name not in values:
        assert not find(name).consent.fields & {"phone", "phone_number"}
        return
    wire.faults = [loses(httpx.ReadTimeout, after=False)]
    with pytest.raises(ck.TransportError):
        call("create", **values[name])
    assert methods(wire) == ["POST"]


def test_row_with_the_column_of_the_no_shows_that_there_is_none(call, client, wire, name):
    row = start(client, wire, name, YES[name])
    record(wire, name, NO[name])
    part = row[[row.columns[0], *NO[name]]]
    with pytest.raises(ck.InvalidInputError, match="opted out since it was read"):
        call("update", part, **YES[name], opt_in=True)
    part = row.drop(columns=[*NO[name]])
    with pytest.raises(ck.InvalidInputError, match="say opt_in=True"):
        call("update", part, **YES[name])
    assert call("update", part, **YES[name], opt_in=True)["outcome"][0] == "updated"


def test_consent_that_is_not_documented_may_be_a_no(call, client, wire, name, example):
    start(client, wire, name, YES[name])
    (field,) = NO[name]

    def odd(request, answer):
        content = re.sub(rf'"{field}": ?("\w+"|\w+)', f'"{field}": "blocked"', answer(request).text)
        return says(200, content)(request, answer)

    wire.faults = [odd]
    with pytest.raises(ck.InvalidInputError, match=f"{field}: may be a no") as caught:
        call("update", example.key, **YES[name])
    assert [problem.code for problem in caught.value.problems] == ["consent"]
    assert writes(wire) == []
    wire.faults = [odd]
    assert call("update", example.key, **YES[name], opt_in=True)["http_status"][0] == 200


def test_repeats_wait_longer_each_time(call, client, wire, name, example):
    start(client, wire, name, YES[name])
    wire.faults = [None, says(429, "{}")] * 4
    started = wire.clock.now()
    with pytest.raises(ck.RateLimitError):
        call("update", example.key, **YES[name])
    assert len(writes(wire)) == 4
    assert 1.7 < wire.clock.now() - started < 5


@pytest.mark.parametrize("rate", ["1/minute", "2/minute"])
def test_write_follows_its_read_without_a_wait(name, wire, example, rate):
    client = ck.connect(name, via=wire, rate_limit=rate, patience=300)
    start(client, wire, name, YES[name])
    times = []

    def stamp(request, answer):
        times.append(wire.clock.now())
        return answer(request)

    wire.faults = [stamp, stamp]
    client.contacts.update(example.key, **YES[name])
    assert len(times) == 2 and times[0] == times[1]


@pytest.mark.parametrize("name", ["privy", "digital_onboarding"])
def test_refused_token_is_renewed_without_a_wait_after_the_read(name, wire, example):
    ck.connect(name, via=wire)
    oauth = wire.simulator.accounts["oauth"]
    client = ck.connect(name, via=wire, rate_limit="2/minute", patience=300, **oauth)
    start(client, wire, name, YES[name])
    started = wire.clock.now()
    code = {"privy": "unauthorized", "digital_onboarding": "invalid_token"}[name]
    body = f'{{"error": {{"code": "{code}"}}, "errors": [{{"code": "{code}"}}]}}'
    client._session.budget = Budget([], [parse_rate("2/minute")])
    wire.faults = [None, says(401, body)]
    assert client.contacts.update(example.key, **YES[name])["http_status"][0] == 200
    assert methods(wire)[0] == "GET" and methods(wire)[2] == "POST" and len(methods(wire)) == 4
    assert wire.clock.now() - started < 1


def test_interrupt_of_the_read_leaves_no_entry(name, wire, example, tmp_path):
    path = tmp_path / "journal.sqlite3"
    client = ck.connect(name, via=wire, journal=path)
    start(client, wire, name, YES[name])

    def pressed(request, answer):
        raise KeyboardInterrupt

    for faults, outcomes in (([pressed], []), ([None, pressed], ["unknown"])):
        wire.faults = faults
        with pytest.raises(KeyboardInterrupt):
            client.contacts.update(example.key, **YES[name])
        assert ck.journal(path)["outcome"].tolist() == outcomes


def test_recorded_widening_replays(name, wire, example, tmp_path):
    client = ck.connect(name, via=wire)
    start(client, wire, name, NO[name])
    path = tmp_path / "cassette.jsonl"
    with ck.record(client, path):
        client.contacts.update(example.key, **YES[name], opt_in=True)
    replay = ck.connect(name, via=ck.Cassette(path, "replay", exhausted="error"))
    assert replay.contacts.update(example.key, **YES[name], opt_in=True)["outcome"][0] == "updated"
    replay = ck.connect(name, via=ck.Cassette(path, "replay", exhausted="error"))
    with pytest.raises(ck.InvalidInputError, match="opt_in=True"):
        replay.contacts.update(example.key, **YES[name])


SENDBLUE = pytest.mark.parametrize("name", ["sendblue"])


@SENDBLUE
def test_verify_sends_no_text_to_a_contact_who_opted_out(call, client, wire, name, example):
    row = start(client, wire, name, YES[name])
    record(wire, name, NO[name])
    for contact in (example.key, row):
        with pytest.raises(ck.InvalidInputError, match="opted out, so no text is sent"):
            call("verify", contact)
    denied = client.contacts.get(example.key)
    wire.requests.clear()
    with pytest.raises(ck.InvalidInputError, match="opted out"):
        call("verify", denied)
    assert wire.requests == []
    assert wire.simulator.outbox().empty


@SENDBLUE
def test_verify_texts_everyone_else(call, client, wire, name, example):
    start(client, wire, name, YES[name])
    assert call("verify", example.key)["outcome"][0] == "updated"
    assert len(wire.simulator.outbox()) == 1


@SENDBLUE
def test_opt_out_verb_opts_in_only_with_opt_in(call, client, wire, name, example):
    start(client, wire, name, NO[name])
    with pytest.raises(ck.InvalidInputError, match="opt_in=True"):
        call("opt_out", example.key, opted_out=False)
    assert has(wire, name, NO[name])
    call("opt_out", example.key, opted_out=False, opt_in=True)
    assert has(wire, name, YES[name])
    wire.requests.clear()
    call("opt_out", example.key)
    assert has(wire, name, NO[name]) and len(wire.requests) == 1


DIGITAL_ONBOARDING = pytest.mark.parametrize("name", ["digital_onboarding"])


@DIGITAL_ONBOARDING
def test_upsert_reads_the_contacts_that_it_may_opt_in(call, client, wire, name):
    row = start(client, wire, name, YES[name])
    record(wire, name, NO[name])
    columns = ["unique_id", *YES[name]]
    new = {"unique_id": "core-20009", **YES[name]}
    with pytest.raises(ck.InvalidInputError) as caught:
        call("upsert", [new, row[columns].iloc[0].to_dict()])
    assert [(p.field, p.code) for p in caught.value.problems] == [("[1] sms_opted_in", "consent")]
    assert writes(wire) == []
    result = call("upsert", row[columns], opt_in=True)
    assert result["before"][0]["sms_unsubscribed"] is True
    assert has(wire, name, YES[name])


@DIGITAL_ONBOARDING
@pytest.mark.parametrize("first", [YES, NO])
def test_no_while_the_rate_limit_refuses_an_upsert_is_kept(call, client, wire, name, first):
    row = start(client, wire, name, first[name])

    def limited(request, answer):
        if request.method != "POST":
            return answer(request)
        wire.faults = []
        opts_out_again(wire, name)
        return says(429, "{}", retry_after="1")(request, answer)

    wire.faults = [limited] * 9
    with pytest.raises(ck.InvalidInputError, match="since it was read"):
        call("upsert", [{"unique_id": row["unique_id"].item(), **YES[name]}], opt_in=True)
    assert writes(wire) == ["POST"]
    assert has(wire, name, NO[name])


@DIGITAL_ONBOARDING
def test_upsert_without_consent_reads_nothing(call, wire, name):
    call("upsert", [{"unique_id": "core-10002", "city": "Troy", "sms_unsubscribed": True}])
    assert methods(wire) == ["POST"]


@DIGITAL_ONBOARDING
def test_upsert_of_consent_is_never_sent_twice(call, wire, name):
    def fail_post(request, answer):
        if request.method == "POST":
            raise httpx.ReadTimeout("no response", request=request)
        return answer(request)

    wire.faults = [fail_post] * 20
    with pytest.raises(ck.TransportError):
        call("upsert", [{"unique_id": "core-20009", **YES[name]}])
    assert writes(wire) == ["POST"]


@DIGITAL_ONBOARDING
def test_upsert_reads_again_after_the_rate_limit_refused(call, client, wire, name):
    row = start(client, wire, name, YES[name])[["unique_id", *YES[name]]]

    def limited(request, answer):
        record(wire, name, NO[name])
        return says(429, "{}", retry_after="1")(request, answer)

    wire.faults = [None, None, limited]
    with pytest.raises(ck.InvalidInputError, match="opted out since it was read"):
        call("upsert", row, opt_in=True)
    assert methods(wire) == ["GET", "GET", "POST", "GET", "GET"]
    assert has(wire, name, NO[name])


@DIGITAL_ONBOARDING
def test_upsert_of_a_contact_that_is_deleted_meanwhile_creates_it(call, client, wire, name):
    row = start(client, wire, name, YES[name])[["unique_id", *YES[name]]]
    wire.faults = [None, says(404, '{"errors": [{"code": "not_found"}]}')]
    assert call("upsert", row)["outcome"][0] in ("created", "updated")
