"""The form: edits are checked, reviewed and sent once, and every refusal is shown."""

from __future__ import annotations

import asyncio
import html
import json
import re
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._frames.frame import RESULT_COLUMNS
from contactkit.forms import ContactForm, attempts, messages
from contactkit.forms.controls import raw_of
from contactkit.forms.fields import field_groups
from contactkit.forms.who import short_key
from tests.support.front_end import FrontEnd
from tests.support.providers import EXAMPLES, NOTICE, Noticed, Wire, loses, says, then_says
from tests.support.widgets import open_widgets

SENT = EXAMPLES["sent"].key
PRIVY = EXAMPLES["privy"].key
ONBOARDING = EXAMPLES["digital_onboarding"].key


def opened(provider: str, wire: Wire, key: str | None) -> tuple[ContactForm, FrontEnd, ck.Client]:
    client = ck.connect(provider, via=wire)
    form = client.contacts.form(key)
    wire.requests.clear()
    return form, FrontEnd(form.widget), client


def writes(wire: Wire) -> list[httpx.Request]:
    return [request for request in wire.requests if request.method != "GET"]


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


async def test_save_sends_the_edits_and_reads_the_contact_again(wire):
    form, front, client = opened("privy", wire, PRIVY)
    await front.press(
        "save", first_name="Ada", tags=[["vip"], ["new"]], email_consent="unsubscribed"
    )
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


def test_every_provider_has_an_edit_and_a_create_form(name, example, wire):
    client = ck.connect(name, via=wire)
    edit = FrontEnd(client.contacts.form(example.key).widget)
    create = FrontEnd(client.contacts.form().widget)
    assert edit.fields.controls and create.fields.controls
    assert set(example.update) <= set(edit.fields.controls)
    assert set(example.create) <= set(create.fields.controls)


@pytest.mark.parametrize("key", [PRIVY, None])
def test_notice_is_shown_above_the_fields(key):
    _, front, _ = opened("privy", Wire(Noticed()), key)
    assert ("div", {"class": "ck-notice", "role": "note"}) in front.head.tags
    assert NOTICE in front.head.text


def test_no_banner_without_a_notice(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    assert "wire" in front.head.text
    assert not [tag for tag, attributes in front.head.tags if attributes.get("role") == "note"]


async def test_refused_result_has_the_notice():
    wire = Wire(Noticed())
    form, front, _ = opened("privy", wire, PRIVY)
    await front.press("save", first_name="Ada")
    wire.faults = [says(422, "{}")]
    await front.press("save", first_name="Eve")
    assert len(form.history) == 2 and form.history.attrs["notice"] == NOTICE


def test_form_takes_a_row_of_a_frame(wire):
    contacts = ck.connect("privy", via=wire).contacts
    form = contacts.form(contacts.list().head(1))
    assert form.contact is not None and form.key


def test_form_of_an_unknown_contact_raises(wire):
    with pytest.raises(ck.NotFoundError):
        ck.connect("sent", via=wire).contacts.form(EXAMPLES["sent"].unknown)


async def test_create_form_edits_the_new_contact(name, example, wire):
    form, front, _client = opened(name, wire, None)
    fields = {name: view.field for name, view in field_views(form).items()}
    raws = {name: raw_of(fields[name], value) for name, value in example.create.items()}
    await front.press("save", **raws)
    assert form.result["outcome"].item() in ("created", "updated")
    assert form.key == form.result["key"].item()
    assert short_key(form.key) in front.text("head") and "New contact" not in front.text("head")
    assert len(writes(wire)) == 1
    again = {name: raw for name, raw in raws.items() if name in front.fields.controls}
    front.send("save", **again)
    assert "Nothing was changed" in front.text("problems")
    assert len(writes(wire)) == 1


def field_views(form: ContactForm) -> dict[str, Any]:
    groups = field_groups(form._provider, form._endpoint, form._current)
    return {view.field.name: view for group in groups for view in group.fields}


@pytest.mark.parametrize(
    ("key", "values"), [(SENT, {"opt_out": "yes"}), (None, {"phone_number": "+12125550187"})]
)
async def test_save_pressed_repeatedly_sends_once(key, values, wire):
    form, front, _ = opened("sent", wire, key)
    version = front.widget.version
    for _ in range(5):
        front.send("save", version=version, **values)
    await front.widget.task
    front.send("save", version=version, **values)
    assert len(writes(wire)) == 1
    assert len(form.history) == 1


async def test_wrong_value_is_shown_beside_its_field_and_not_sent(wire):
    form, front, _ = opened("digital_onboarding", wire, ONBOARDING)
    front.send("save", email="nope", timezone="UTC-05:00", phone_mobile="+13125550142")
    assert set(front.problems()) == {"email", "timezone"}
    assert "Email must be an e-mail address" in front.problems()["email"]
    assert front.messages[-2]["focus"] == "email"
    assert "2 fields need a change" in front.text("problems")
    assert not wire.requests and form.result.empty
    await front.press("save", email="a@example.com", phone_mobile="+13125550142")
    assert not front.problems() and not front.text("problems")
    assert len(writes(wire)) == 1


def test_edit_shows_wrong_values_but_not_missing_ones(wire):
    _, front, _ = opened("sent", wire, None)
    front.send("edit", phone_number="half a number")
    assert "phone_number" in front.problems()
    front.send("edit")
    assert not front.problems() and not front.text("problems")
    front.send("save")
    assert "is required" in front.problems()["phone_number"]


def test_known_flag_cannot_be_cleared(wire):
    _, front, _ = opened("sent", wire, SENT)
    front.send("save", opt_out="")
    assert "cannot be cleared" in front.problems()["opt_out"]


@pytest.fixture
def quick_reader(monkeypatch) -> None:
    monkeypatch.setattr(attempts, "READING_TIME", 0.0)


def test_double_press_does_not_confirm_a_doubt(wire):
    _, front, _ = opened("sent", wire, None)
    front.send("save", phone_number="+1202")
    front.send("save", phone_number="+1202")
    assert "press Save again" in front.problems()["phone_number"]
    assert not wire.requests


@pytest.mark.usefixtures("quick_reader")
@pytest.mark.parametrize("number", ["+1202", "+120255501", "+99912345678"])
async def test_doubtful_phone_number_needs_confirmation(number, wire):
    _, front, _ = opened("sent", wire, None)
    front.send("save", phone_number=number)
    assert "press Save again to send it anyway" in front.problems()["phone_number"]
    assert not wire.requests
    front.send("edit", phone_number=number + "0")
    assert "press Save again" not in front.problems()["phone_number"]
    front.send("save", phone_number=number + "0")
    assert not wire.requests
    await front.press("save", phone_number=number + "0")
    assert len(writes(wire)) == 1


def test_incomplete_date_is_not_empty(wire):
    _, front, _ = opened("digital_onboarding", wire, ONBOARDING)
    front.send("edit", birthdate=None)
    assert "incomplete" in front.problems()["birthdate"]
    front.send("edit")
    assert not front.problems()
    front.send("save", birthdate=None)
    assert "incomplete" in front.problems()["birthdate"]
    assert not wire.requests


def test_save_without_changes_says_so(wire):
    _, front, _ = opened("sent", wire, SENT)
    front.send("save")
    assert "Nothing was changed" in front.text("problems")
    front.send("review")
    assert "Nothing was changed" in front.text("problems")
    assert not wire.requests


async def test_provider_refusal_is_shown_beside_its_field(wire):
    form, front, _ = opened("privy", wire, "cus_a1b2c3d4e5f60003")
    wire.simulator.put("cus_a1b2c3d4e5f60003", email="first@example.com")
    await front.press("save", email="second@example.com")
    assert len(writes(wire)) == 1
    assert front.problems().keys() == {"email"}
    assert "InvalidRequestError (422" in front.text("problems")
    assert form.result["outcome"].item() == "refused"
    assert "email" in form.result["field"].item()


async def test_provider_refusal_without_a_field_is_shown_above_the_buttons(wire):
    form, front, _ = opened("privy", wire, None)
    await front.press("save", email="janet@example.com")
    assert form.result["outcome"].item() == "refused"
    assert "ConflictError (409" in front.text("problems")
    assert "existing contact: cus_a1b2c3d4e5f60001" in front.text("problems")
    assert front.widget.draft == {"email": "janet@example.com"}


async def test_lost_response_is_unknown_and_retried_under_the_same_key(wire):
    form, front, _ = opened("sent", wire, None)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.press("save", phone_number="+12125550187")
    assert form.result["outcome"].item() == "unknown"
    assert "may have been carried out" in front.text("status")
    assert "cannot be carried out twice" in front.text("status")
    with pytest.warns(ck.ContactKitWarning, match="nothing was done"):
        await front.press("save", phone_number="+12125550187")
    assert len({write.headers["Idempotency-Key"] for write in writes(wire)}) == 1
    assert form.history["outcome"].tolist()[0] == "unknown"
    assert wire.simulator.state()["phone_number"].tolist().count("+12125550187") == 1


async def test_another_value_is_sent_under_another_key(wire):
    _, front, _ = opened("sent", wire, None)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.press("save", phone_number="+12125550187")
    await front.press("save", phone_number="+12125550188")
    assert len({write.headers["Idempotency-Key"] for write in writes(wire)}) == 2


async def test_request_that_was_never_sent_has_failed(wire):
    form, front, _ = opened("privy", wire, None)
    wire.faults = [loses(httpx.ConnectError, after=False)] * 9
    await front.press("save", email="new@example.com")
    assert form.result["outcome"].item() == "failed"
    assert "TransportError" in front.text("problems")


async def test_request_that_was_not_recorded_has_failed(tmp_path):
    with ck.connect("privy", via=ck.Cassette(tmp_path / "tape.jsonl", world=Wire())) as client:
        client.contacts.get(PRIVY)
    form = ck.connect("privy", via=ck.Cassette(tmp_path / "tape.jsonl")).contacts.form(PRIVY)
    front = FrontEnd(form.widget)
    await front.press("save", email_consent="unsubscribed")
    assert form.result["outcome"].item() == "failed"
    assert "has no recorded response" in front.text("problems")
    assert "may have been carried out" not in front.text("status")


def refuses(status: int, code: str, **headers: str) -> Any:
    return says(status, json.dumps({"error": {"code": code, "message": "no"}}), **headers)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (refuses(401, "unauthorized"), "failed"),
        (refuses(403, "forbidden"), "refused"),
        (refuses(404, "not_found"), "refused"),
        (refuses(429, "rate_limited", Retry_After="9000"), "failed"),
        (then_says(200, b"<html>"), "unknown"),
    ],
)
async def test_response_decides_the_outcome(wire, fault, outcome):
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [fault] * (1 if outcome == "unknown" else 4)
    await front.press("save", first_name="Ada")
    assert form.result["outcome"].item() == outcome
    assert front.text("problems")
    assert front.widget.draft == {"first_name": "Ada"}


async def test_write_in_doubt_reads_the_contact_again(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.press("save", first_name="Ada")
    assert form.result["outcome"].item() == "unknown"
    assert "this is the contact as it is now" in front.text("status")
    assert front.fields.controls["first_name"] == "Ada"
    assert any(message.get("draft") for message in front.messages)
    await front.press("save", first_name="Janet")
    assert form.result["outcome"].item() == "updated"
    assert form.contact["first_name"].item() == "Janet"


async def test_write_in_doubt_hides_a_contact_that_cannot_be_read(wire):
    _form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [loses(httpx.ReadError, after=True)] * 9
    await front.press("save", first_name="Ada")
    assert not front.fields.controls
    assert "Revert" in front.text("status")
    wire.faults = []
    await front.press("revert")
    assert front.fields.controls["first_name"] == "Ada"


async def test_bug_while_reading_again_creates_no_second_contact(wire, monkeypatch):
    form, front, _ = opened("digital_onboarding", wire, None)

    async def broken(*_: Any) -> None:
        raise TypeError("unexpected")

    monkeypatch.setattr(form._contacts, "get", broken)
    with pytest.raises(TypeError):
        await front.press("save", email="new@example.com")
    assert form.result["outcome"].item() == "created"
    assert not front.fields.controls
    front.send("save", email="new@example.com")
    assert len(writes(wire)) == 1


def test_problem_is_shown_again_after_revert(wire):
    _, front, _ = opened("sent", wire, None)
    front.send("save", phone_number="abc")
    front.send("revert")
    assert not front.problems()
    front.messages.clear()
    front.send("save", phone_number="abc")
    shown = [message.get("regions", {}).get("problem:phone_number") for message in front.messages]
    assert "must be" in next(filter(None, reversed(shown)))


@pytest.mark.usefixtures("quick_reader")
def test_doubt_needs_confirmation_again_after_revert(wire):
    _, front, _ = opened("sent", wire, None)
    front.send("save", phone_number="+1202")
    front.send("revert")
    front.send("save", phone_number="+1202")
    assert "press Save again" in front.problems()["phone_number"] and not wire.requests


def test_typed_value_is_unsaved(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    front.send("typed", first_name="A")
    assert form.unsaved and not front.problems()


async def test_saved_contact_that_was_not_read_again_is_not_sent_again(wire):
    form, front, _ = opened("sent", wire, None)
    wire.faults = [None, *[loses(httpx.ConnectError, after=False)] * 9]
    await front.press("save", phone_number="+12125550187")
    assert form.result["outcome"].item() == "created"
    assert "could not be read again" in front.text("status")
    assert not front.fields.controls and not front.widget.draft
    wire.faults = []
    for kind in ("save", "review", "dry_run"):
        front.send(kind)
        assert "Press Revert first" in front.text("status")
    assert len(writes(wire)) == 1
    await front.press("revert")
    assert form.key and front.fields.controls


async def test_cancel_while_reading_again_hides_the_old_values(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [None, never_answers]
    front.send("save", email_consent="unsubscribed")
    await front.cancel()
    assert form.result["outcome"].item() == "updated"
    assert "Updated: Email consent" in front.text("status")
    assert not front.fields.controls
    await front.press("revert")
    assert front.fields.controls["email_consent"] == "unsubscribed"


async def test_cancelled_save_is_retried_under_the_same_key(wire):
    form, front, _ = opened("digital_onboarding", wire, None)

    def carried_out(request: httpx.Request, answer: Any) -> Any:
        answer(request)
        return asyncio.sleep(60)

    wire.faults = [carried_out]
    front.send("save", email="new@example.com")
    await front.cancel()
    assert form.result["idempotency_key"].notna().all()
    assert "cannot be carried out twice" in front.text("status")
    await front.press("revert")
    with pytest.warns(ck.ContactKitWarning, match="used before"):
        await front.press("save", email="new@example.com")
    assert len({write.headers["Idempotency-Key"] for write in writes(wire)}) == 1
    assert wire.simulator.state()["email"].eq("new@example.com").sum() == 1


async def test_press_before_a_failure_is_ignored_after_it(wire):
    form, front, _ = opened("privy", wire, None)
    version = front.widget.version
    wire.faults = [loses(httpx.ReadError, after=True)]
    await front.press("save", email="new@example.com")
    front.send("save", version=version, email="new@example.com")
    assert len(writes(wire)) == 1 and form.result["outcome"].item() == "unknown"
    assert front.widget.draft == {"email": "new@example.com"}


async def test_refused_dry_run_is_shown_as_a_dry_run(wire):
    form, front, _ = opened("sent", wire, SENT)
    wire.faults = [says(403, "{}")]
    await front.press("dry_run", opt_out="yes")
    assert "dry_run=True" in front.text("report")
    assert "update (dry run)" in form.transcript.html()


async def test_bug_after_sending_is_unknown(wire):
    form, front, _ = opened("privy", wire, PRIVY)

    def broken(request: httpx.Request, answer: Any) -> Any:
        answer(request)
        raise OSError("the disk is full")

    wire.faults = [broken]
    with pytest.raises(OSError, match="disk"):
        await front.press("save", first_name="Ada")
    assert form.result["outcome"].item() == "unknown"
    assert "Nothing was sent" not in form.transcript.html()


async def test_true_differs_from_one(wire):
    wire.simulator = ck.Simulator(contacts=8)
    ck.connect("privy", via=wire)
    wire.simulator.put(PRIVY, custom_fields={"vip": 1})
    form, front, _ = opened("privy", wire, PRIVY)
    front.send("review", custom_fields=[["vip", "flag", "yes"]])
    assert "vip: 1 vip: yes" in front.text("report")
    await front.press("save", custom_fields=[["vip", "flag", "yes"]])
    assert body(writes(wire)[0]) == {"custom_fields": {"vip": True}}
    assert form.result["outcome"].item() == "updated"


async def test_documentation_link_must_be_https(wire):
    _, front, _ = opened("sent", wire, SENT)
    refusal = {"success": False, "error": {"code": "VALIDATION_001", "message": "no"}}
    refusal["error"]["doc_url"] = "javascript:alert(1)"
    wire.faults = [says(400, json.dumps(refusal))]
    await front.press("save", opt_out="yes")
    assert "javascript" not in front.widget.regions["problems"]


async def test_provider_refusal_stays_until_its_field_is_edited(wire):
    _, front, _ = opened("privy", wire, "cus_a1b2c3d4e5f60003")
    wire.simulator.put("cus_a1b2c3d4e5f60003", email="first@example.com")
    await front.press("save", email="second@example.com")
    front.send("edit", email="second@example.com", first_name="Ada")
    assert "email" in front.problems()
    front.send("edit", first_name="Ada")
    assert not front.problems()


async def test_unreadable_field_is_named(wire):
    client = ck.connect("privy", via=wire)
    wire.faults = [then_says(200, json.dumps({"data": {"id": PRIVY, "email": 5}}).encode())]
    with pytest.warns(ck.ContactKitWarning):
        front = FrontEnd(client.contacts.form(PRIVY).widget)
    assert "could not be read: email" in front.text("note")


def test_malformed_event_is_shown(wire, monkeypatch):
    monkeypatch.setattr(messages, "strict", False)
    _, front, _ = opened("privy", wire, PRIVY)
    for event in ({}, {"kind": "save"}, {"kind": [], "version": 1, "values": {}}):
        front.widget.receive(event)
        assert "unexpected" in front.text("problems")


async def test_review_shows_the_changes_and_the_exact_request(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    typed = {"first_name": "Ada", "custom_fields": [["tier", "number", "2"]]}
    front.send("review", **typed)
    assert not wire.requests
    report = front.region("report")
    assert {("th", "col"), ("th", "row")} <= {(t, a.get("scope")) for t, a in report.tags}
    assert "First name Janet Ada" in report.text
    request = re.search(r"(\w+) (https://\S+) (\{.*?\}) Show code", report.text)
    assert request
    await front.press("save", **typed)
    (write,) = writes(wire)
    assert request[1] == write.method and request[2] == str(write.url)
    assert json.loads(request[3]) == body(write)


async def test_review_disappears_after_another_edit(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    front.send("review", first_name="Ada")
    front.send("edit", first_name="Adam")
    assert not front.text("report")
    await front.press("save", first_name="Adam")
    front.send("edit", first_name="Ada")
    assert "updated" in front.text("report")


async def test_shown_code_sends_the_same_request(wire):
    _, front, client = opened("privy", wire, PRIVY)
    typed = {"first_name": "Ada O'Neil", "tags": [["a"]], "custom_fields": [["b", "flag", "yes"]]}
    await front.press("save", **typed)
    code = re.search(r"privy\.contacts\..*\)", front.text("report"))
    assert code
    first = body(writes(wire)[0])
    exec(html.unescape(code[0]), {"privy": client})
    assert body(writes(wire)[1]) == first


async def test_dry_run_changes_nothing(wire):
    form, front, client = opened("sent", wire, SENT)
    await front.press("dry_run", opt_out="yes")
    assert form.result["outcome"].item() == "planned"
    assert front.widget.draft == {"opt_out": "yes"}
    assert client.contacts.get(SENT)["opt_out"].item() is not True


@pytest.mark.parametrize(("provider", "there"), [("sent", True), ("privy", False)])
def test_dry_run_is_offered_only_where_the_provider_has_one(provider, there, wire):
    form = ck.connect(provider, via=wire).contacts.form()
    assert ("Dry run" in FrontEnd(form.widget).text("send")) is there


async def test_revert_reads_the_contact_again(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    front.send("edit", first_name="Ada")
    wire.simulator.put(PRIVY, last_name="Lovelace")
    await front.press("revert")
    assert front.fields.controls["first_name"] == "Janet"
    assert front.fields.controls["last_name"] == "Lovelace"
    assert not front.widget.draft


def never_answers(request: httpx.Request, answer: Any) -> Any:
    async def never() -> httpx.Response:
        await asyncio.sleep(60)
        return answer(request)

    return never()


async def test_cancel_of_a_slow_save_is_unknown(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [never_answers]
    front.send("save", first_name="Ada")
    await asyncio.sleep(0.01)
    assert front.busy and "Saving" in front.text("status")
    front.send("save", first_name="Ada")
    front.send("cancel")
    await asyncio.wait([front.widget.task])
    assert "Cancelled" in front.text("problems")
    assert form.result["outcome"].item() == "unknown"
    assert not front.busy
    assert len(writes(wire)) == 1


async def test_cancel_before_sending_has_failed(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    form._session.budget.reserve = lambda now: now + 30
    wire.simulator.clock.apause = lambda until: asyncio.sleep(60)
    front.send("save", first_name="Ada")
    await front.cancel()
    assert form.result["outcome"].item() == "failed"
    assert not wire.requests


async def test_cancel_at_once_leaves_a_working_form(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    front.send("save", first_name="Ada")
    front.send("cancel")
    await asyncio.wait([front.widget.task])
    assert not front.busy
    await front.press("save", first_name="Ada")
    assert form.result["outcome"].item() == "updated"


def test_cancel_without_a_task_does_nothing(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    front.send("cancel")


async def test_read_only_contact_gives_its_reason_once(wire):
    key, _ = EXAMPLES["sent"].refused
    form = ck.connect("sent", via=wire).contacts.form(key)
    front = FrontEnd(form.widget)
    assert "Nothing about this contact can be changed now" in front.text("note")
    assert front.fields.read_only == {"default_channel": True, "opt_out": True}
    assert "Cannot be changed" not in front.fields.text
    (note,) = (a["id"] for _, a in front.region("note").tags if "id" in a)
    reasons = [a["aria-describedby"] for t, a in front.fields.tags if "readonly" in a]
    assert reasons == [note, note]


def test_write_once_field_is_read_only_with_its_reason(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    assert front.fields.read_only["email"] and not front.fields.read_only["first_name"]
    assert "Cannot be changed: already has a value and can be set only once" in front.fields.text


async def test_merged_field_can_grow_or_be_cleared_but_not_lose_a_name(wire):
    key = EXAMPLES["sendblue"].key
    wire.simulator = ck.Simulator(contacts=8, seed=7)
    _, front, _ = opened("sendblue", wire, key)
    wire.simulator.put(key, custom_variables={"a": "1", "b": "2"})
    await front.press("revert")
    front.send("save", custom_variables=[["a", "text", "1"]])
    assert "cannot remove only b" in front.problems()["custom_variables"]
    await front.press(
        "save", custom_variables=[["a", "text", "1"], ["b", "text", "3"], ["c", "text", "4"]]
    )
    assert body(writes(wire)[0])["custom_variables"] == {"b": "3", "c": "4"}
    assert front.fields.controls["custom_variables"] == [
        ["a", "text", "1"],
        ["b", "text", "3"],
        ["c", "text", "4"],
    ]
    await front.press("save", custom_variables=[])
    assert front.fields.controls["custom_variables"] == []


async def test_result_and_history_are_result_frames(wire):
    form, front, _ = opened("privy", wire, PRIVY)
    assert form.result.empty and form.history.empty
    await front.press("save", first_name="Ada")
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.press("save", first_name="Grace")
    assert form.history["outcome"].tolist() == ["updated", "unknown"]
    pd.testing.assert_series_equal(
        form.history.dtypes, pd.Series(RESULT_COLUMNS), check_names=False
    )
    pd.testing.assert_frame_equal(form.result, form.history.tail(1).reset_index(drop=True))


async def test_form_escapes_values(wire):
    bad = "<img src=x onerror=alert(1)>"
    _, front, _ = opened("privy", wire, PRIVY)
    await front.press("save", first_name=bad, tags=[[bad]], custom_fields=[[bad, "text", bad]])
    front.send("review", last_name=bad)
    form, reopened, _ = opened("privy", wire, PRIVY)
    for region in (*front.widget.regions.values(), *reopened.widget.regions.values()):
        assert "<img" not in region
    assert "<img" not in form.transcript.html()
    assert reopened.fields.controls["first_name"] == bad


async def test_form_escapes_provider_messages(wire):
    _, front, _ = opened("privy", wire, PRIVY)
    details = [{"field": "<i>", "message": "<u>"}]
    refusal = {"error": {"code": "<b>", "message": "<img src=x>", "details": details}}
    wire.faults = [says(422, json.dumps(refusal))]
    await front.press("save", first_name="Ada")
    html = front.widget.regions["problems"]
    assert "<img" not in html and "<u>" not in html
    assert "<img src=x>" in front.text("problems")


async def test_widget_state_has_no_contact_and_no_credential(wire):
    form, front, client = opened("privy", wire, PRIVY)
    await front.press("save", first_name="Canary")
    state = json.dumps({name: str(value) for name, value in form.widget.get_state().items()})
    for text in ("Canary", "janet@example.com", PRIVY, *client._session.credentials.values()):
        assert text not in state
        assert text not in repr(form)


async def test_bug_is_shown_without_secrets_and_raised_in_tests(wire, monkeypatch):
    form, front, _ = opened("privy", wire, PRIVY)
    secret = next(iter(form._session.credentials.values()))

    async def broken(*_: Any, **__: Any) -> None:
        raise TypeError(f"no such thing as {secret} or janet@example.com")

    monkeypatch.setattr(form._contacts, "update", broken)
    with pytest.raises(TypeError):
        await front.press("save", first_name="Ada")
    await asyncio.sleep(0)
    assert "TypeError: unexpected: no such thing" in front.text("problems")
    assert "Traceback" in front.text("problems")
    assert secret not in front.text("problems") and "janet" not in front.text("problems")
    assert not front.busy
    monkeypatch.setattr(messages, "strict", False)
    await front.press("save", first_name="Ada")


def test_save_without_an_event_loop_says_so(wire, monkeypatch):
    monkeypatch.setattr(messages, "strict", False)
    _, front, _ = opened("privy", wire, PRIVY)
    front.send("save", first_name="Ada")
    assert "no running event loop" in front.text("problems")


async def test_close_leaves_no_widget_and_cancels_the_task(wire):
    before = open_widgets()
    form, front, _ = opened("privy", wire, PRIVY)
    wire.faults = [never_answers]
    front.send("save", first_name="Ada")
    await asyncio.sleep(0.01)
    form.close()
    await asyncio.wait([front.widget.task])
    assert open_widgets() == before


def test_form_of_any_length_has_two_models(wire):
    before = len(open_widgets())
    ck.connect("digital_onboarding", via=wire).contacts.form(ONBOARDING)
    assert len(open_widgets()) - before == 2
