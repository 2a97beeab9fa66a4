"""The form: what is typed is checked, reviewed and sent once, and every refusal is seen."""

from __future__ import annotations

import asyncio
import html
import json
import re
from typing import Any

import httpx
import pandas as pd
import pytest
from ipywidgets.widgets import widget

import contactkit as ck
from contactkit._frames.frame import RESULT_COLUMNS
from contactkit.forms import ContactForm, attempts, messages
from tests.support.front_end import Front
from tests.support.providers import EXAMPLES, NOTICE, Noticed, Wire, loses, says, then_says

SENT = EXAMPLES["sent"].key
PRIVY = EXAMPLES["privy"].key
ONBOARDING = EXAMPLES["digital_onboarding"].key


def opened(provider: str, wire: Wire, key: str | None) -> tuple[ContactForm, Front, ck.Client]:
    client = ck.connect(provider, via=wire)
    form = client.contacts.form(key)
    wire.requests.clear()
    return form, Front(form.widget), client


def writes(wire: Wire) -> list[httpx.Request]:
    return [each for each in wire.requests if each.method != "GET"]


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


async def test_what_is_on_the_screen_is_sent_and_read_again(wire):
    form, front, client = opened("privy", wire, PRIVY)
    await front.ask("save", first_name="Ada", tags=[["vip"], ["new"]], email_consent="unsubscribed")
    (write,) = writes(wire)
    assert write.method in ("PUT", "PATCH")
    assert body(write) == {
        "first_name": "Ada",
        "tags": ["vip", "new"],
        "email_consent": "unsubscribed",
    }
    assert form.result["outcome"].item() == "updated"
    assert front.fields.controls["first_name"] == "Ada"
    assert form.contact["first_name"].item() == "Ada"
    assert client.contacts.get(PRIVY)["first_name"].item() == "Ada"
    assert "Updated: First name" in front.text("status")
    assert "updated" in front.text("report")
    assert not front.busy


def test_every_provider_has_both_forms(name, example, wire):
    client = ck.connect(name, via=wire)
    edit = Front(client.contacts.form(example.key).widget)
    create = Front(client.contacts.form().widget)
    assert edit.fields.controls and create.fields.controls
    assert set(example.update) <= set(edit.fields.controls)
    assert set(example.create) <= set(create.fields.controls)


@pytest.mark.parametrize("key", [PRIVY, None])
def test_the_world_s_notice_stands_above_the_fields(key):
    _, front, _ = opened("privy", Wire(Noticed()), key)
    assert ("div", {"class": "ck-notice", "role": "note"}) in front.head.tags
    assert NOTICE in front.head.text


def test_where_there_is_no_notice_there_is_no_banner(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    assert "wire" in front.head.text
    assert not [tag for tag, held in front.head.tags if held.get("role") == "note"]


async def test_refusals_hold_the_notice_as_other_results_do():
    wire = Wire(Noticed())
    form, front, _ = opened("privy", wire, PRIVY)
    await front.ask("save", first_name="Ada")
    wire.faults = [says(422, "{}")]
    await front.ask("save", first_name="Eve")
    assert len(form.history) == 2 and form.history.attrs == {"notice": NOTICE}


async def test_a_row_of_a_frame_opens_its_form(name, example, wire):
    client = ck.connect(name, via=wire)
    people = client.contacts.list()
    form = client.contacts.form(people.head(1))
    assert form.contact is not None and form.key


def test_a_contact_that_is_not_there_is_an_error_in_the_cell(wire):
    with pytest.raises(ck.NotFoundError):
        ck.connect("sent", via=wire).contacts.form(EXAMPLES["sent"].unknown)


async def test_a_contact_is_created_and_then_edited(name, example, wire):
    form, front, _client = opened(name, wire, None)
    held = {n: each.field for n, each in _shown(form).items()}
    from contactkit.forms.controls import raw_of

    raws = {n: raw_of(held[n], value) for n, value in example.create.items()}
    await front.ask("save", **raws)
    assert form.result["outcome"].item() in ("created", "updated")
    assert form.key == form.result["key"].item()
    assert "Edit" in front.text("head")
    assert len(writes(wire)) == 1
    kept = {n: raw for n, raw in raws.items() if n in front.fields.controls}
    front.send("save", **kept)
    assert "Nothing was changed" in front.text("problems")
    assert len(writes(wire)) == 1


def _shown(form: ContactForm) -> dict[str, Any]:
    from contactkit.forms.fields import field_groups

    found = field_groups(form._provider, form._endpoint, form._current)
    return {each.field.name: each for group in found for each in group.fields}


async def test_save_is_sent_once_however_often_it_is_pressed(wire):
    _, front, _ = opened("sent", wire, SENT)
    version = front.panel.version
    for _ in range(5):
        front.send("save", version=version, opt_out="yes")
    await front.panel.task
    for _ in range(3):
        front.send("save", version=version, opt_out="yes")
    assert len(writes(wire)) == 1


async def test_a_create_that_is_pressed_twice_creates_one(wire):
    form, front, _ = opened("sent", wire, None)
    front.send("save", version=1, phone_number="+12125550187")
    front.send("save", version=1, phone_number="+12125550187")
    await front.panel.task
    front.send("save", version=1, phone_number="+12125550187")
    assert len(writes(wire)) == 1
    assert len(form.history) == 1


async def test_a_wrong_value_is_told_beside_its_field_and_nothing_is_sent(wire):
    form, front, _ = opened("digital_onboarding", wire, ONBOARDING)
    front.send("save", email="nope", timezone="UTC-05:00", phone_mobile="+13125550142")
    assert set(front.problems()) == {"email", "timezone"}
    assert "Email must be an e-mail address" in front.problems()["email"]
    assert front.heard[-2]["focus"] == "email"
    assert "2 fields need a change" in front.text("problems")
    assert not wire.requests and form.result.empty
    await front.ask("save", email="a@example.com", phone_mobile="+13125550142")
    assert not front.problems() and not front.text("problems")
    assert len(writes(wire)) == 1


def test_what_is_wrong_is_told_while_it_is_typed_but_not_what_is_missing_yet(wire):
    _, front, _ = opened("sent", wire, None)
    front.send("edit", phone_number="half a number")
    assert "phone_number" in front.problems()
    front.send("edit")
    assert not front.problems() and not front.text("problems")
    front.send("save")
    assert "is needed" in front.problems()["phone_number"]


def test_a_flag_that_is_known_cannot_become_unknown(wire):
    _, front, _ = opened("sent", wire, SENT)
    front.send("save", opt_out="")
    assert "cannot be cleared" in front.problems()["opt_out"]


@pytest.fixture
def quick_reader(monkeypatch) -> None:
    monkeypatch.setattr(attempts, "READING_TIME", 0.0)


def test_two_presses_in_a_row_answer_no_question(wire):
    _, front, _ = opened("sent", wire, None)
    front.send("save", phone_number="+1202")
    front.send("save", phone_number="+1202")
    assert "press Save again" in front.problems()["phone_number"]
    assert not wire.requests


@pytest.mark.usefixtures("quick_reader")
@pytest.mark.parametrize("number", ["+1202", "+120255501", "+99912345678"])
async def test_half_a_number_is_asked_about_before_it_is_sent(number, wire):
    _, front, _ = opened("sent", wire, None)
    front.send("save", phone_number=number)
    assert "press Save again to send it anyway" in front.problems()["phone_number"]
    assert not wire.requests
    front.send("edit", phone_number=number + "0")
    assert "press Save again" not in front.problems()["phone_number"]
    front.send("save", phone_number=number + "0")
    assert not wire.requests
    await front.ask("save", phone_number=number + "0")
    assert len(writes(wire)) == 1


def test_a_half_typed_date_is_no_empty_one(wire):
    _, front, _ = opened("digital_onboarding", wire, ONBOARDING)
    front.send("edit", birthdate=None)
    assert "incomplete" in front.problems()["birthdate"]
    front.send("edit")
    assert not front.problems()
    front.send("save", birthdate=None)
    assert "incomplete" in front.problems()["birthdate"]
    assert not wire.requests


def test_nothing_changed_is_said(wire):
    _, front, _ = opened("sent", wire, SENT)
    front.send("save")
    assert "Nothing was changed" in front.text("problems")
    front.send("review")
    assert "Nothing was changed" in front.text("problems")
    assert not wire.requests


async def test_the_providers_refusal_stands_beside_its_field(wire):
    form, front, _ = opened("privy", wire, "cus_a1b2c3d4e5f60003")
    wire.simulator.put("cus_a1b2c3d4e5f60003", email="first@example.com")
    await front.ask("save", email="second@example.com")
    assert len(writes(wire)) == 1
    assert front.problems().keys() == {"email"}
    assert "InvalidRequestError (422" in front.text("problems")
    assert form.result["outcome"].item() == "refused"
    assert "email" in form.result["field"].item()


async def test_what_the_provider_says_of_no_field_stands_above_the_buttons(wire):
    form, front, _ = opened("privy", wire, None)
    await front.ask("save", email="janet@example.com")
    assert form.result["outcome"].item() == "refused"
    assert "ConflictError (409" in front.text("problems")
    assert "existing contact: cus_a1b2c3d4e5f60001" in front.text("problems")
    assert front.panel.draft == {"email": "janet@example.com"}


async def test_an_answer_that_is_lost_is_unknown_and_the_same_key_goes_again(wire):
    form, front, _ = opened("sent", wire, None)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.ask("save", phone_number="+12125550187")
    assert form.result["outcome"].item() == "unknown"
    assert "may have been carried out" in front.text("status")
    assert "cannot do it twice" in front.text("status")
    with pytest.warns(ck.ContactKitWarning, match="nothing was done"):
        await front.ask("save", phone_number="+12125550187")
    assert len({each.headers["Idempotency-Key"] for each in writes(wire)}) == 1
    assert form.history["outcome"].tolist()[0] == "unknown"
    assert wire.simulator.state()["phone_number"].tolist().count("+12125550187") == 1


async def test_another_value_goes_under_another_key(wire):
    _, front, _ = opened("sent", wire, None)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.ask("save", phone_number="+12125550187")
    await front.ask("save", phone_number="+12125550188")
    assert len({each.headers["Idempotency-Key"] for each in writes(wire)}) == 2


async def test_what_was_never_sent_has_failed(wire):
    form, front, _ = opened("privy", wire, None)
    wire.faults = [loses(httpx.ConnectError, after=False)] * 9
    await front.ask("save", email="new@example.com")
    assert form.result["outcome"].item() == "failed"
    assert "TransportError" in front.text("problems")


async def test_what_was_not_recorded_has_failed(tmp_path):
    with ck.connect("privy", via=ck.Cassette(tmp_path / "tape.jsonl", world=Wire())) as client:
        client.contacts.get(PRIVY)
    form = ck.connect("privy", via=ck.Cassette(tmp_path / "tape.jsonl")).contacts.form(PRIVY)
    front = Front(form.widget)
    await front.ask("save", email_consent="unsubscribed")
    assert form.result["outcome"].item() == "failed"
    assert "has no recorded answer" in front.text("problems")
    assert "may have been carried out" not in front.text("status")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (says(401, '{"error": {"code": "unauthorized", "message": "no"}}'), "failed"),
        (says(403, '{"error": {"code": "forbidden", "message": "no"}}'), "refused"),
        (says(404, '{"error": {"code": "not_found", "message": "no"}}'), "refused"),
        (
            says(429, '{"error": {"code": "rate_limited", "message": "no"}}', Retry_After="9000"),
            "failed",
        ),
        (then_says(200, b"<html>"), "unknown"),
    ],
)
async def test_every_answer_has_its_outcome(wire, fault, outcome):
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [fault] * (1 if outcome == "unknown" else 4)
    await front.ask("save", first_name="Ada")
    assert form.result["outcome"].item() == outcome
    assert front.text("problems")
    assert front.panel.draft == {"first_name": "Ada"}


async def test_after_a_write_in_doubt_the_contact_is_as_it_is_now(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.ask("save", first_name="Ada")
    assert form.result["outcome"].item() == "unknown"
    assert "this is the contact as it is now" in front.text("status")
    assert front.fields.controls["first_name"] == "Ada"
    assert front.heard[-1].get("draft") or any(each.get("draft") for each in front.heard)
    await front.ask("save", first_name="Janet")
    assert form.result["outcome"].item() == "updated"
    assert form.contact["first_name"].item() == "Janet"


async def test_a_contact_in_doubt_that_cannot_be_read_shows_nothing(wire):
    _form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [loses(httpx.ReadError, after=True)] * 9
    await front.ask("save", first_name="Ada")
    assert not front.fields.controls
    assert "Revert" in front.text("status")
    wire.faults = []
    await front.ask("revert")
    assert front.fields.controls["first_name"] == "Ada"


async def test_an_error_of_our_own_while_it_is_read_again_creates_no_second_one(wire, monkeypatch):
    form, front, _ = opened("digital_onboarding", wire, None)

    async def broken(*_: Any) -> None:
        raise TypeError("nobody thought of this")

    monkeypatch.setattr(form._contacts, "get", broken)
    with pytest.raises(TypeError):
        await front.ask("save", email="new@example.com")
    assert form.result["outcome"].item() == "created"
    assert not front.fields.controls
    front.send("save", email="new@example.com")
    assert len(writes(wire)) == 1


def test_a_problem_comes_back_after_revert(wire):
    _, front, _ = opened("sent", wire, None)
    front.send("save", phone_number="abc")
    front.send("revert")
    assert not front.problems()
    front.heard.clear()
    front.send("save", phone_number="abc")
    told = [
        each["regions"] for each in front.heard if "problem:phone_number" in each.get("regions", {})
    ]
    assert told and "must be" in told[-1]["problem:phone_number"]


@pytest.mark.usefixtures("quick_reader")
def test_after_revert_the_question_is_asked_again(wire):
    _, front, _ = opened("sent", wire, None)
    front.send("save", phone_number="+1202")
    front.send("revert")
    front.send("save", phone_number="+1202")
    assert "press Save again" in front.problems()["phone_number"] and not wire.requests


def test_what_is_only_typed_is_unsaved(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    front.send("typed", first_name="A")
    assert form.unsaved and not front.problems()


async def test_a_contact_that_was_saved_but_not_read_again_is_not_sent_again(wire):
    form, front, _ = opened("sent", wire, None)
    wire.faults = [None, *[loses(httpx.ConnectError, after=False)] * 9]
    await front.ask("save", phone_number="+12125550187")
    assert form.result["outcome"].item() == "created"
    assert "could not be read again" in front.text("status")
    assert not front.fields.controls and not front.panel.draft
    wire.faults = []
    for kind in ("save", "review", "dry_run"):
        front.send(kind)
        assert "Press Revert first" in front.text("status")
    assert len(writes(wire)) == 1
    await front.ask("revert")
    assert form.key and front.fields.controls


async def test_cancel_while_it_is_read_again_shows_nothing_that_is_no_more(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [None, held]
    front.send("save", email_consent="unsubscribed")
    await asyncio.sleep(0.01)
    front.send("cancel")
    await asyncio.wait([front.panel.task])
    assert form.result["outcome"].item() == "updated"
    assert "Updated: Email consent" in front.text("status")
    assert not front.fields.controls
    await front.ask("revert")
    assert front.fields.controls["email_consent"] == "unsubscribed"


async def test_cancelled_and_saved_again_goes_under_the_same_key(wire):
    form, front, _ = opened("digital_onboarding", wire, None)

    def carried_out(request: httpx.Request, answer: Any) -> Any:
        answer(request)
        return asyncio.sleep(60)

    wire.faults = [carried_out]
    front.send("save", email="new@example.com")
    await asyncio.sleep(0.01)
    front.send("cancel")
    await asyncio.wait([front.panel.task])
    assert form.result["idempotency_key"].notna().all()
    assert "cannot do it twice" in front.text("status")
    await front.ask("revert")
    with pytest.warns(ck.ContactKitWarning, match="used before"):
        await front.ask("save", email="new@example.com")
    assert len({each.headers["Idempotency-Key"] for each in writes(wire)}) == 1
    assert wire.simulator.state()["email"].eq("new@example.com").sum() == 1


async def test_what_was_pressed_before_a_failure_is_not_done_after_it(wire):
    form, front, _ = opened("privy", wire, None)
    version = front.panel.version
    wire.faults = [loses(httpx.ReadError, after=True)]
    await front.ask("save", email="new@example.com")
    front.send("save", version=version, email="new@example.com")
    assert len(writes(wire)) == 1 and form.result["outcome"].item() == "unknown"
    assert front.panel.draft == {"email": "new@example.com"}


async def test_a_refused_rehearsal_is_told_as_one(wire):
    form, front, _ = opened("sent", wire, SENT)
    wire.faults = [says(403, "{}")]
    await front.ask("dry_run", opt_out="yes")
    assert "dry_run=True" in front.text("report")
    assert "update (dry run)" in form.transcript.html()


async def test_an_error_of_our_own_after_it_was_sent_is_unknown(wire):
    form, front, _ = opened("privy", wire, PRIVY)

    def broken(request: httpx.Request, answer: Any) -> Any:
        answer(request)
        raise OSError("the disk is full")

    wire.faults = [broken]
    with pytest.raises(OSError, match="disk"):
        await front.ask("save", first_name="Ada")
    assert form.result["outcome"].item() == "unknown"
    assert "Nothing was sent" not in form.transcript.html()


async def test_true_is_not_one(wire):
    wire.simulator = ck.Simulator(contacts=8)
    ck.connect("privy", via=wire)
    wire.simulator.put(PRIVY, custom_fields={"vip": 1})
    form, front, _ = opened("privy", wire, PRIVY)
    front.send("review", custom_fields=[["vip", "flag", "yes"]])
    assert "vip: 1 vip: yes" in front.text("report")
    await front.ask("save", custom_fields=[["vip", "flag", "yes"]])
    assert body(writes(wire)[0]) == {"custom_fields": {"vip": True}}
    assert form.result["outcome"].item() == "updated"


async def test_a_provider_gives_no_address_but_of_the_web(wire):
    _, front, _ = opened("sent", wire, SENT)
    told = {"success": False, "error": {"code": "VALIDATION_001", "message": "no"}}
    told["error"]["doc_url"] = "javascript:alert(1)"
    wire.faults = [says(400, json.dumps(told))]
    await front.ask("save", opt_out="yes")
    assert "javascript" not in front.panel.regions["problems"]


async def test_the_providers_word_stays_until_its_field_is_edited(wire):
    _, front, _ = opened("privy", wire, "cus_a1b2c3d4e5f60003")
    wire.simulator.put("cus_a1b2c3d4e5f60003", email="first@example.com")
    await front.ask("save", email="second@example.com")
    front.send("edit", email="second@example.com", first_name="Ada")
    assert "email" in front.problems()
    front.send("edit", first_name="Ada")
    assert not front.problems()


async def test_what_could_not_be_read_is_said(wire):
    client = ck.connect("privy", via=wire)
    wire.faults = [then_says(200, json.dumps({"data": {"id": PRIVY, "email": 5}}).encode())]
    with pytest.warns(ck.ContactKitWarning):
        front = Front(client.contacts.form(PRIVY).widget)
    assert "could not be read: email" in front.text("note")


def test_a_message_that_no_front_end_of_ours_sends_is_seen(wire, monkeypatch):
    monkeypatch.setattr(messages, "strict", False)
    _, front, _ = opened("privy", wire, PRIVY)
    for event in ({}, {"kind": "save"}, {"kind": [], "version": 1, "values": {}}):
        front.panel.receive(event)
        assert "unexpected" in front.text("problems")


async def test_review_shows_the_difference_and_the_very_request(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    typed = {"first_name": "Ada", "custom_fields": [["tier", "number", "2"]]}
    front.send("review", **typed)
    assert not wire.requests
    report = front.region("report")
    assert {("th", "col"), ("th", "row")} <= {(t, a.get("scope")) for t, a in report.tags}
    assert "First name Janet Ada" in report.text
    request = re.search(r"(\w+) (https://\S+) (\{.*?\}) Show code", report.text)
    assert request
    await front.ask("save", **typed)
    (write,) = writes(wire)
    assert request[1] == write.method and request[2] == str(write.url)
    assert json.loads(request[3]) == body(write)


async def test_what_was_reviewed_is_gone_when_something_else_is_typed(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    front.send("review", first_name="Ada")
    front.send("edit", first_name="Adam")
    assert not front.text("report")
    await front.ask("save", first_name="Adam")
    front.send("edit", first_name="Ada")
    assert "updated" in front.text("report")


async def test_the_code_that_is_shown_does_the_same(wire):
    _, front, client = opened("privy", wire, PRIVY)
    typed = {"first_name": "Ada O'Neil", "tags": [["a"]], "custom_fields": [["b", "flag", "yes"]]}
    await front.ask("save", **typed)
    code = re.search(r"privy\.contacts\..*\)", front.text("report"))
    assert code
    first = body(writes(wire)[0])
    exec(html.unescape(code[0]), {"privy": client})
    assert body(writes(wire)[1]) == first


async def test_a_dry_run_changes_nothing(wire):
    form, front, client = opened("sent", wire, SENT)
    await front.ask("dry_run", opt_out="yes")
    assert form.result["outcome"].item() == "planned"
    assert front.panel.draft == {"opt_out": "yes"}
    assert client.contacts.get(SENT)["opt_out"].item() is not True


@pytest.mark.parametrize(("provider", "there"), [("sent", True), ("privy", False)])
def test_a_dry_run_is_offered_where_there_is_one(provider, there, wire):
    form = ck.connect(provider, via=wire).contacts.form()
    assert ("Dry run" in form.widget.layout_html) is there


async def test_revert_shows_the_contact_as_it_is_now(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    front.send("edit", first_name="Ada")
    wire.simulator.put(PRIVY, last_name="Lovelace")
    await front.ask("revert")
    assert front.fields.controls["first_name"] == "Janet"
    assert front.fields.controls["last_name"] == "Lovelace"
    assert not front.panel.draft


def held(request: httpx.Request, answer: Any) -> Any:
    async def never() -> httpx.Response:
        await asyncio.sleep(60)
        return answer(request)

    return never()


async def test_cancel_ends_a_slow_save_and_says_that_nobody_knows(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [held]
    front.send("save", first_name="Ada")
    await asyncio.sleep(0.01)
    assert front.busy and "Saving" in front.text("status")
    front.send("save", first_name="Ada")
    front.send("cancel")
    await asyncio.wait([front.panel.task])
    assert "Cancelled" in front.text("problems")
    assert form.result["outcome"].item() == "unknown"
    assert not front.busy
    assert len(writes(wire)) == 1


async def test_cancel_before_anything_was_sent_has_failed(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    form._session.budget.reserve = lambda now: now + 30
    wire.simulator.clock.asleep = lambda until: asyncio.sleep(60)
    front.send("save", first_name="Ada")
    await asyncio.sleep(0.01)
    front.send("cancel")
    await asyncio.wait([front.panel.task])
    assert form.result["outcome"].item() == "failed"
    assert not wire.requests


async def test_cancel_at_once_leaves_a_form_that_works(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    front.send("save", first_name="Ada")
    front.send("cancel")
    await asyncio.wait([front.panel.task])
    assert not front.busy
    await front.ask("save", first_name="Ada")
    assert form.result["outcome"].item() == "updated"


def test_cancel_with_nothing_to_cancel_is_nothing(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    front.send("cancel")


async def test_a_contact_of_a_parent_account_is_not_to_be_changed(wire):
    key, _ = EXAMPLES["sent"].refused
    form = ck.connect("sent", via=wire).contacts.form(key)
    front = Front(form.widget)
    assert "Nothing about this contact can be changed now" in front.text("note")
    assert front.fields.disabled == {"default_channel": True, "opt_out": True}
    assert "Cannot be changed: This contact is read-only" in front.fields.text


def test_a_value_that_is_set_once_is_off_with_its_reason(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    assert front.fields.disabled["email"] and not front.fields.disabled["first_name"]
    assert "Cannot be changed: has a value already and is set once" in front.fields.text


async def test_what_is_merged_can_grow_and_be_cleared_but_not_lose_one(wire):
    key = EXAMPLES["sendblue"].key
    wire.simulator = ck.Simulator(contacts=8, seed=7)
    _, front, _ = opened("sendblue", wire, key)
    wire.simulator.put(key, custom_variables={"a": "1", "b": "2"})
    await front.ask("revert")
    front.send("save", custom_variables=[["a", "text", "1"]])
    assert "cannot lose b alone" in front.problems()["custom_variables"]
    await front.ask(
        "save", custom_variables=[["a", "text", "1"], ["b", "text", "3"], ["c", "text", "4"]]
    )
    assert body(writes(wire)[0])["custom_variables"] == {"b": "3", "c": "4"}
    assert front.fields.controls["custom_variables"] == [
        ["a", "text", "1"],
        ["b", "text", "3"],
        ["c", "text", "4"],
    ]
    await front.ask("save", custom_variables=[])
    assert front.fields.controls["custom_variables"] == []


async def test_result_and_history_are_frames_of_the_usual_kind(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    assert form.result.empty and form.history.empty
    await front.ask("save", first_name="Ada")
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.ask("save", first_name="Grace")
    assert form.history["outcome"].tolist() == ["updated", "unknown"]
    pd.testing.assert_series_equal(
        form.history.dtypes, pd.Series(RESULT_COLUMNS), check_names=False
    )
    pd.testing.assert_frame_equal(form.result, form.history.tail(1).reset_index(drop=True))


async def test_what_comes_from_the_wire_is_text(wire):
    bad = "<img src=x onerror=alert(1)>"
    _, front, _ = opened("privy", wire, PRIVY)
    await front.ask("save", first_name=bad, tags=[[bad]], custom_fields=[[bad, "text", bad]])
    front.send("review", last_name=bad)
    form, shown, _ = opened("privy", wire, PRIVY)
    for each in (*front.panel.regions.values(), *shown.panel.regions.values()):
        assert "<img" not in each
    assert "<img" not in form.transcript.html()
    assert shown.fields.controls["first_name"] == bad


async def test_what_a_provider_says_is_text_and_no_link(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    told = {
        "error": {
            "code": "<b>",
            "message": "<img src=x>",
            "details": [{"field": "<i>", "message": "<u>"}],
        }
    }
    wire.faults = [says(422, json.dumps(told))]
    await front.ask("save", first_name="Ada")
    assert (
        "<img" not in front.panel.regions["problems"]
        and "<u>" not in front.panel.regions["problems"]
    )
    assert "<img src=x>" in front.text("problems")


async def test_nothing_of_a_contact_or_a_credential_is_widget_state(wire):
    form, front, client = opened("privy", wire, PRIVY)
    await front.ask("save", first_name="Canary")
    state = json.dumps({name: str(value) for name, value in form.widget.get_state().items()})
    for each in ("Canary", "janet@example.com", PRIVY, *client._session.credentials.values()):
        assert each not in state
        assert each not in repr(form)


async def test_an_error_of_our_own_is_seen_and_raised_under_tests(wire, monkeypatch):
    form, front, _ = opened("privy", wire, PRIVY)
    secret = next(iter(form._session.credentials.values()))

    async def broken(*_: Any, **__: Any) -> None:
        raise TypeError(f"no such thing as {secret} or janet@example.com")

    monkeypatch.setattr(form._contacts, "update", broken)
    with pytest.raises(TypeError):
        await front.ask("save", first_name="Ada")
    await asyncio.sleep(0)
    assert "TypeError: unexpected: no such thing" in front.text("problems")
    assert "Traceback" in front.text("problems")
    assert secret not in front.text("problems") and "janet" not in front.text("problems")
    assert not front.busy
    monkeypatch.setattr(messages, "strict", False)
    await front.ask("save", first_name="Ada")


def test_without_an_event_loop_the_form_says_so(wire, monkeypatch):
    monkeypatch.setattr(messages, "strict", False)
    _, front, _ = opened("privy", wire, PRIVY)
    front.send("save", first_name="Ada")
    assert "no running event loop" in front.text("problems")


async def test_closing_leaves_no_widget_and_ends_what_runs(wire):
    before = dict(widget._instances)
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [held]
    front.send("save", first_name="Ada")
    await asyncio.sleep(0.01)
    form.close()
    await asyncio.wait([front.panel.task])
    assert dict(widget._instances) == before


def test_a_form_is_two_models_whatever_its_length(wire):
    before = len(widget._instances)
    ck.connect("digital_onboarding", via=wire).contacts.form(ONBOARDING)
    assert len(widget._instances) - before == 2
