"""The box beside Save: without its tick, no form opts in a contact who opted out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.forms import ContactForm
from contactkit.forms.controls import raw_of
from contactkit.spec.record import fields_of
from tests.support.consent import NO, SILENCE, YES, has, record
from tests.support.front_end import FrontEnd
from tests.support.providers import EXAMPLES, Wire, loses, says

# Sent deprecated deleting contacts.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TEXTED = "They have agreed to be texted again"
# Another field of each contact whose consent can be edited.
OTHER = {
    "sendblue": {"first_name": "Eve"},
    "privy": {"first_name": "Ada"},
    "digital_onboarding": {"name_first": "Ada"},
}


def raws(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The content of the controls for these values."""
    declared = fields_of(find(name).record)
    return {field: raw_of(declared[field], value) for field, value in values.items()}


def opened(
    name: str, wire: Wire, values: Mapping[str, Any], *, journal: Any = None, **more: Any
) -> tuple[ContactForm, FrontEnd, ck.Client]:
    """The form of the example contact with these values."""
    client = ck.connect(name, via=wire, journal=journal)
    client.contacts.get(EXAMPLES[name].key)
    # Privy's consent needs a number.
    number = {"phone_number": "+12125550190"} if name == "privy" else {}
    record(wire, name, {**number, **values, **more})
    form = client.contacts.form(EXAMPLES[name].key)
    wire.requests.clear()
    return form, FrontEnd(form.widget), client


def writes(wire: Wire) -> list[httpx.Request]:
    return [request for request in wire.requests if request.method != "GET"]


async def refuses_until_ticked(front: FrontEnd, wire: Wire, **typed: Any) -> None:
    """Check that Save and Dry run send nothing, and say why."""
    sent = len(wire.requests)
    for kind in ("save", "dry_run"):
        await front.press(kind, **typed)
        assert "Tick the box beside Save first" in front.text("problems")
        assert front.focus == "opt_in"
    assert len(wire.requests) == sent
    assert "save" in front.off()


async def test_change_that_opts_in_needs_the_box(name, wire):
    form, front, _ = opened(name, wire, NO[name])
    assert not front.box and not front.off() and not front.text("consent_reason")
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    assert front.text("consent") == TEXTED
    assert front.region("consent").tags[0][1]["data-raw"] == '""'
    has_dry_run = find(name).endpoint("update").dry_run
    assert front.off() == {"save", "dry_run"} if has_dry_run else {"save"}
    assert "nothing is sent until the box beside Save is ticked" in front.text("consent_reason")
    await refuses_until_ticked(front, wire, **typed)
    assert has(wire, name, NO[name]) and form.result.empty


async def test_ticked_box_sends_opt_in(name, wire, tmp_path):
    path = tmp_path / "journal.sqlite3"
    form, front, _ = opened(name, wire, NO[name], journal=path)
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    front.send("edit", **typed, opt_in=front.box)
    assert not front.off() and "Save opts them in again" in front.text("consent_reason")
    await front.press("save", **typed, opt_in=front.box)
    assert form.result["outcome"].item() == "updated"
    assert has(wire, name, YES[name])
    assert ck.journal(path)["opt_in"].tolist() == [True]
    assert "opt_in=True)" in front.text("report")
    assert "update (opt in)" in form.transcript.html()
    assert not front.box and not front.off() and not front.text("consent_reason")


async def test_buttons_that_are_off_name_the_reason(name, wire):
    _, front, _ = opened(name, wire, NO[name])
    front.send("edit", **raws(name, YES[name]))
    (reason,) = (a["id"] for _, a in front.region("consent_reason").tags if "id" in a)
    inputs = [a for tag, a in front.region("consent").tags if tag == "input"]
    off = [a for _, a in front.region("send").tags if "data-off" in a]
    assert [a["aria-describedby"] for a in (*inputs, *off)] == [reason] * (1 + len(off))


@pytest.mark.parametrize("name", [*SILENCE])
async def test_first_yes_over_silence_needs_no_box(name, wire):
    form, front, _ = opened(name, wire, SILENCE[name])
    await front.press("save", **raws(name, YES[name]))
    assert form.result["outcome"].item() == "updated"
    assert "opt_in" not in front.text("report")


async def test_no_needs_no_box(name, wire):
    form, front, _ = opened(name, wire, YES[name])
    front.send("edit", **raws(name, NO[name]))
    assert not front.box
    await front.press("save", **raws(name, NO[name]))
    assert form.result["outcome"].item() == "updated" and len(writes(wire)) == 1


@pytest.mark.parametrize("name", [*OTHER])
async def test_other_change_of_a_contact_who_opted_out_needs_no_box(name, wire):
    form, front, _ = opened(name, wire, NO[name])
    front.send("edit", **OTHER[name])
    assert not front.box
    await front.press("save", **OTHER[name])
    assert form.result["outcome"].item() == "updated"


async def test_tick_is_for_one_change_of_consent(name, wire):
    _, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    first = front.box
    front.send("edit", opt_in=first)
    assert not front.box
    front.send("edit", **typed, opt_in=first)
    assert front.box != first
    await refuses_until_ticked(front, wire, **typed, opt_in=first)


@pytest.mark.parametrize("name", [*OTHER])
async def test_tick_stays_while_another_field_is_edited(name, wire):
    form, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    tick = front.box
    front.send("edit", **typed, **OTHER[name], opt_in=tick)
    assert front.box == tick and not front.off()
    await front.press("save", **typed, **OTHER[name], opt_in=tick)
    assert form.result["outcome"].item() == "updated"


EMAIL_NO = {
    "privy": {"email_consent": "unsubscribed", "email": "janet@example.com"},
    "digital_onboarding": {"email_unsubscribed": True},
}
EMAIL_YES = {
    "privy": {"email_consent": "subscribed"},
    "digital_onboarding": {"email_unsubscribed": False},
}


@pytest.mark.parametrize("name", [*EMAIL_NO])
async def test_box_names_the_channels(name, wire):
    form, front, _ = opened(name, wire, NO[name], **EMAIL_NO[name])
    email, text = raws(name, EMAIL_YES[name]), raws(name, YES[name])
    front.send("edit", **email)
    assert front.text("consent") == "They have agreed to be e-mailed again"
    assert "opted out of e-mails" in front.text("consent_reason")
    tick = front.box
    front.send("edit", **email, **text, opt_in=tick)
    assert front.text("consent") == "They have agreed to be texted and e-mailed again"
    await refuses_until_ticked(front, wire, **email, **text, opt_in=tick)
    await front.press("save", **email, **text, opt_in=front.box)
    assert form.result["outcome"].item() == "updated"
    assert has(wire, name, {**YES[name], **EMAIL_YES[name]})


async def test_review_shows_that_it_opts_in(name, wire):
    _, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("review", **typed)
    assert "This opts in a contact who opted out." in front.text("report")
    assert "opt_in=True)" in front.text("report")
    front.send("edit", **typed, opt_in=front.box)
    assert "opt_in=True)" in front.text("report")
    front.send("edit")
    assert "opt_in" not in front.text("report")


@pytest.mark.parametrize("name", ["sent", "digital_onboarding"])
async def test_dry_run_needs_the_box_and_keeps_its_tick(name, wire):
    form, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    tick = front.box
    await front.press("dry_run", **typed, opt_in=tick)
    assert form.result["outcome"].item() == "planned"
    assert "opt_in=True, dry_run=True)" in front.text("report")
    assert "update (opt in, dry run)" in form.transcript.html()
    await front.press("save", **typed, opt_in=tick)
    assert form.result["outcome"].item() == "updated"


def test_change_that_cannot_be_saved_needs_no_box(wire):
    _, front, _ = opened("privy", wire, NO["privy"])
    front.send("save", sms_consent="single_opt_in")
    assert "cannot become single_opt_in" in front.problems()["sms_consent"] and not front.box


def test_locked_channel_has_no_box(wire):
    locked = {"email": "janet@example.com", "email_consent": "compliance_suppressed"}
    _, front, _ = opened("privy", wire, locked)
    front.send("save", email_consent="subscribed")
    assert "compliance_suppressed" in front.problems()["email_consent"] and not front.box


async def test_failed_save_needs_a_new_tick(name, wire):
    form, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    tick = front.box
    wire.faults = [None, says(422, "{}")]
    await front.press("save", **typed, opt_in=tick)
    assert form.result["outcome"].item() == "refused"
    await refuses_until_ticked(front, wire, **typed, opt_in=tick)
    await front.press("save", **typed, opt_in=front.box)
    assert form.result["outcome"].item() == "updated"


async def test_revert_withdraws_the_box(name, wire):
    _, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    tick = front.box
    await front.press("revert", **typed, opt_in=tick)
    assert not front.box and not front.off()
    await refuses_until_ticked(front, wire, **typed, opt_in=tick)


# A contact who changes meanwhile


@pytest.mark.parametrize("field", ["sms_consent", "email_consent"])
async def test_no_since_it_was_read_is_shown_beside_its_field(field, wire):
    silence = {"email": "janet@example.com", field: "never_subscribed"}
    form, front, _ = opened("privy", wire, silence)
    record(wire, "privy", {field: "unsubscribed"})
    await front.press("save", **{field: "subscribed"})
    problem = front.problems()[field]
    assert "the contact opted out since it was read; Revert shows it as it is now" in problem
    assert form.result[["outcome", "code"]].iloc[0].tolist() == ["refused", "conflict"]
    assert writes(wire) == [] and not front.box
    await front.press("save", **{field: "subscribed"})
    assert writes(wire) == []
    await front.press("revert")
    assert front.fields.controls[field] == "unsubscribed" and not front.problems()
    front.send("edit", **{field: "subscribed"})
    await refuses_until_ticked(front, wire, **{field: "subscribed"})


async def test_no_while_the_form_is_open_is_kept(name, wire):
    _, front, _ = opened(name, wire, YES[name])
    record(wire, name, NO[name])
    await front.press("save", **raws(name, YES[name]))
    assert has(wire, name, NO[name])
    await front.press("revert")
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    await refuses_until_ticked(front, wire, **typed)


async def test_doubted_write_is_read_before_it_can_be_sent_again(name, wire):
    form, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    tick = front.box
    wire.faults = [None, loses(httpx.ReadTimeout, after=False)]
    await front.press("save", **typed, opt_in=tick)
    assert form.result["outcome"].item() == "unknown" and len(writes(wire)) == 1
    assert [request.method for request in wire.requests][-1] == "GET"
    assert "this is the contact as it is now" in front.text("status")
    assert front.widget.draft == typed and front.box != tick
    await refuses_until_ticked(front, wire, **typed, opt_in=tick)
    await front.press("save", **typed, opt_in=front.box)
    assert form.result["outcome"].item() == "updated" and has(wire, name, YES[name])
    keys = [write.headers.get("Idempotency-Key") for write in writes(wire)]
    assert len(keys) == 2 and (keys == [None, None] or len({*keys}) == 2)


async def test_doubted_write_that_was_carried_out_is_not_sent_again(name, wire):
    form, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    wire.faults = [None, loses(httpx.ReadTimeout, after=True)]
    await front.press("save", **typed, opt_in=front.box)
    assert form.result["outcome"].item() == "unknown" and not front.box
    await front.press("save", **typed)
    assert "Nothing was changed" in front.text("problems") and len(writes(wire)) == 1


async def test_no_after_a_doubted_first_yes_needs_the_box(wire):
    form, front, _ = opened("privy", wire, SILENCE["privy"])
    typed = raws("privy", YES["privy"])

    def carried_out_before_a_stop(request: httpx.Request, answer: Any) -> Any:
        answer(request)
        record(wire, "privy", NO["privy"])
        raise httpx.ReadTimeout("no response", request=request)

    wire.faults = [None, carried_out_before_a_stop]
    await front.press("save", **typed)
    assert form.result["outcome"].item() == "unknown"
    assert front.fields.controls["sms_consent"] == "unsubscribed"
    assert front.text("consent") == TEXTED
    await refuses_until_ticked(front, wire, **typed)


async def test_box_is_gone_with_the_fields_of_a_contact_that_cannot_be_read(name, wire):
    form, front, _ = opened(name, wire, NO[name])
    typed = raws(name, YES[name])
    front.send("edit", **typed)
    wire.faults = [None, *[loses(httpx.ReadTimeout, after=True)] * 9]
    await front.press("save", **typed, opt_in=front.box)
    assert form.result["outcome"].item() == "unknown"
    assert not front.fields.controls and not front.box
    front.send("save", **typed)
    assert "Press Revert first" in front.text("status")


# A new contact


def delete_opted_out(client: ck.Client, wire: Wire, name: str) -> dict[str, Any]:
    """Delete a contact who opted out; returns how to create it again."""
    create = {"privy": {"phone_number": "+12125550187"}}
    create["digital_onboarding"] = {"phone_mobile": "+12125550187", "unique_id": "core-20001"}
    values = create.get(name, EXAMPLES[name].create)
    if name != "digital_onboarding":
        values = {n: v for n, v in values.items() if n.startswith("phone")}
    key = client.contacts.create(**values)["key"].item()
    wire.simulator.put(key, **NO[name])
    confirm = {"confirm": True} if name == "digital_onboarding" else {}
    client.contacts.delete(key, **confirm)
    wire.requests.clear()
    return values


async def test_deleted_no_is_created_again_only_with_the_box(name, wire):
    client = ck.connect(name, via=wire)
    values = delete_opted_out(client, wire, name)
    form = client.contacts.form()
    front, typed = FrontEnd(form.widget), raws(name, values)
    front.send("edit", **typed)
    assert not front.box
    await front.press("save", **typed)
    (problem,) = front.problems().values()
    assert "belongs to a deleted contact who had opted out; tick the box beside Save" in problem
    assert form.result[["outcome", "code"]].iloc[0].tolist() == ["refused", "consent"]
    assert front.text("consent") == TEXTED
    await refuses_until_ticked(front, wire, **typed)
    assert [request for request in wire.requests if request.method != "GET"] == []
    await front.press("save", **typed, opt_in=front.box)
    assert form.result["outcome"].item() == "created"
    assert "opt_in=True)" in front.text("report") and not front.box


async def test_box_of_a_deleted_no_is_for_its_number_alone(name, wire):
    client = ck.connect(name, via=wire)
    values = delete_opted_out(client, wire, name)
    front = FrontEnd(client.contacts.form().widget)
    await front.press("save", **raws(name, values))
    assert front.box
    number = next(field for field in values if field.startswith("phone"))
    front.send("edit", **raws(name, {**values, number: "+12125550188"}), opt_in=front.box)
    assert not front.box and not front.off()


async def test_number_of_a_deleted_no_is_given_to_another_contact_only_with_the_box(wire):
    form, front, client = opened("digital_onboarding", wire, SILENCE["digital_onboarding"])
    delete_opted_out(client, wire, "digital_onboarding")
    await front.press("save", phone_mobile="+12125550187")
    assert "tick the box beside Save" in front.problems()["phone_mobile"]
    await refuses_until_ticked(front, wire, phone_mobile="+12125550187")
    await front.press("save", phone_mobile="+12125550187", opt_in=front.box)
    assert form.result["outcome"].item() == "updated"


@pytest.mark.parametrize("box", ["text", "email"])
async def test_box_asks_about_the_other_channel_of_a_deleted_no(wire, tmp_path, box):
    name, path = "digital_onboarding", tmp_path / "journal.sqlite3"
    email, phone = {"email": "gone@example.com"}, {"phone_mobile": "+12125550187"}
    no, yes, denied, address = {
        "text": (NO[name], YES[name], EMAIL_NO[name], email),
        "email": (EMAIL_NO[name], EMAIL_YES[name], NO[name], phone),
    }[box]
    values = {**YES[name], **EMAIL_YES[name], **no}
    form, front, client = opened(name, wire, values, journal=path)
    key = client.contacts.create(**address, unique_id="core-20001")["key"].item()
    wire.simulator.put(key, **denied)
    client.contacts.delete(key, confirm=True)
    wire.requests.clear()
    typed = raws(name, {**yes, **address})
    front.send("edit", **typed)
    await front.press("save", **typed, opt_in=front.box)
    assert form.result[["outcome", "code"]].iloc[0].tolist() == ["refused", "consent"]
    assert front.text("consent") == "They have agreed to be texted and e-mailed again"
    assert "belongs to a deleted contact" in front.problems()[next(iter(address))]
    await refuses_until_ticked(front, wire, **typed)
    assert writes(wire) == []
    await front.press("save", **typed, opt_in=front.box)
    assert form.result["outcome"].item() == "updated" and has(wire, name, {**yes, **address})


async def test_widget_shows_the_box_again_after_a_reload(wire):
    _, front, _ = opened("privy", wire, NO["privy"])
    typed = raws("privy", YES["privy"])
    front.send("edit", **typed)
    front.send("edit", **typed, opt_in=front.box)
    front.widget.receive({"kind": "ready"})
    again = front.messages[-1] if "layout" in front.messages[-1] else front.messages[-2]
    assert again["draft"] == {**typed, "opt_in": front.box}
    assert "consent" in again["regions"]


async def test_browser_has_the_same_form(name, wire):
    client = ck.connect(name, via=wire)
    client.contacts.get(EXAMPLES[name].key)
    record(wire, name, {"phone_number": "+12125550190"} if name == "privy" else {})
    record(wire, name, NO[name])
    browser = client.contacts.browse()
    listing = FrontEnd(browser.widget.children[0])
    await asyncio.wait([listing.widget.task])
    await listing.press("pick", EXAMPLES[name].key)
    assert browser.form
    front, typed = FrontEnd(browser.form.widget), raws(name, YES[name])
    front.send("edit", **typed)
    await refuses_until_ticked(front, wire, **typed)
    await front.press("save", **typed, opt_in=front.box)
    assert has(wire, name, YES[name])
    assert "update (opt in)" in browser.transcript.html()


async def test_widget_state_has_no_tick(wire):
    _, front, _ = opened("privy", wire, NO["privy"])
    front.send("edit", sms_consent="subscribed")
    front.send("edit", sms_consent="subscribed", opt_in=front.box)
    assert "agreed" not in json.dumps(front.widget.get_state(), default=str)
