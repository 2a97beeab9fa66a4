"""What a form says: who the contact is, what can be changed and why not, and how a write ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

import contactkit as ck
from contactkit._frames.frame import rows_of
from contactkit._providers import find
from contactkit.forms import ContactForm
from contactkit.forms.fields import field_groups, read_only_fields
from contactkit.forms.html import with_times
from contactkit.forms.who import short_key, who_of
from contactkit.spec.record import fields_of
from contactkit.spec.validate import accepted_fields
from tests.support.front_end import FrontEnd, Markup
from tests.support.providers import EXAMPLES, Wire, says

PRIVY = EXAMPLES["privy"].key


def opened(provider: str, wire: Wire, key: str | None) -> tuple[ContactForm, FrontEnd]:
    form = ck.connect(provider, via=wire).contacts.form(key)
    return form, FrontEnd(form.widget)


def test_title_says_who_the_contact_is(name, example, wire):
    form, front = opened(name, wire, example.key)
    provider = find(name)
    current = rows_of(provider.record, form.contact)[0]
    who = who_of(provider, current)
    assert who and front.text("head") == f"{who} {provider.title} · {short_key(example.key)}"
    assert ("span", {"title": example.key}) in front.region("head").tags
    assert opened(name, wire, None)[1].text("head") == f"New contact {provider.title}"


@pytest.mark.parametrize(
    ("contact", "who"),
    [
        ({"first_name": "Ada", "last_name": "Lovelace", "email": "a@example.com"}, "Ada Lovelace"),
        ({"first_name": None, "last_name": " Lovelace "}, "Lovelace"),
        ({"email": "a@example.com", "phone_number": "+12025550142"}, "+12025550142"),
        ({"email": "a@example.com"}, "a@example.com"),
        ({}, ""),
    ],
)
def test_who_is_a_name_or_else_an_address(contact, who):
    assert who_of(find("privy"), contact) == who


def test_who_leaves_out_titles_and_addresses_of_others():
    doctor = {"name_first": "Ada", "name_last": "Lovelace", "name_title": "Dr."}
    assert who_of(find("digital_onboarding"), doctor) == "Ada Lovelace"
    assert who_of(find("sendblue"), {"assigned_to_email": "agent@example.com"}) == ""


def test_short_key_keeps_the_end_of_a_key():
    key = "0b5c7a64-3d1e-4c57-9f00-12ab34cd56ef"
    assert short_key(key) == "0b5c7a6…cd56ef" and short_key("+12025550142") == "+12025550142"


def labels(provider: str) -> dict[str, str]:
    declared = find(provider)
    params = [fields_of(endpoint.params) for endpoint in declared.endpoints]
    return {
        name: field.label for fields in (*params, fields_of(declared.record)) for name, field in
        fields.items()
    }  # fmt: skip


def test_labels_are_words(name):
    found = labels(name)
    assert all(label[0].isupper() and "_" not in label for label in found.values())
    of_record = [field.label for field in fields_of(find(name).record).values()]
    assert len(set(of_record)) == len(of_record)


def test_labels_are_in_the_order_of_people():
    found = labels("digital_onboarding")
    assert found["name_first"] == "First name" and found["phone_mobile"] == "Mobile phone"
    assert found["address2"] == "Address, second line"
    assert found["sms_opted_in"] == "SMS opted in" and found["id"] == "ID"


def test_help_is_shown_only_where_it_says_more_than_the_label():
    provider = find("privy")
    groups = field_groups(provider, provider.endpoint("update"), None)
    helps = {view.field.name: view.help for group in groups for view in group.fields}
    assert helps["first_name"] == "" and helps["last_name"] == ""
    assert helps["phone_number"].startswith("Phone number (E.164)")
    onboarding = find("digital_onboarding")
    groups = field_groups(onboarding, onboarding.endpoint("update"), None)
    helps = {view.field.name: view.help for group in groups for view in group.fields}
    assert helps["city"] == "" and helps["name_title"] == "Title, such as Dr."


def test_choices_are_those_that_may_be_written(name):
    provider = find(name)
    people = ck.connect(name, via=ck.Simulator(contacts=60, seed=3)).contacts.list()
    for current in (None, *rows_of(provider.record, people)):
        endpoint = provider.endpoint("create" if current is None else "update")
        for group in field_groups(provider, endpoint, current):
            for view in group.fields:
                assert view.choices or not view.field.choices
                value = (current or {}).get(view.field.name)
                assert value in view.choices or not view.field.choices or value is None


def choices(provider: str, verb: str, **current: Any) -> dict[str, tuple[str, ...]]:
    declared = find(provider)
    people = ck.connect(provider, via=ck.Simulator(contacts=8)).contacts.list()
    contact = {**rows_of(declared.record, people)[0], **current} if verb == "update" else None
    groups = field_groups(declared, declared.endpoint(verb), contact)
    return {view.field.name: (*view.choices,) for group in groups for view in group.fields}


def test_choices_leave_out_what_only_the_provider_sets():
    offered = choices("privy", "update", email_consent="subscribed", sms_consent="subscribed")
    assert "compliance_suppressed" not in offered["email_consent"]
    assert "pending" not in offered["sms_consent"]
    shown = choices("privy", "update", sms_consent="pending")
    assert "pending" in shown["sms_consent"] and "single_opt_in" not in shown["sms_consent"]


def test_choices_leave_out_what_this_contact_can_never_have():
    both = choices("sent", "update", available_channels="sms,whatsapp")
    assert both["default_channel"] == ("sms", "whatsapp")
    one = choices("sent", "update", available_channels="sms", default_channel="sms")
    assert one["default_channel"] == ("sms",)
    assert "unsubscribed" not in choices("privy", "create")["sms_consent"]
    # A number may still be typed.
    assert "subscribed" in choices("privy", "update", phone_number=None)["sms_consent"]


def test_read_only_facts_come_after_the_buttons(name, example, wire):
    form, front = opened(name, wire, example.key)
    provider = find(name)
    facts = front.region("facts")
    assert facts.tags[0][0] == "details" and "open" not in facts.tags[0][1]
    for field in read_only_fields(provider, provider.endpoint("update")):
        assert field.label in facts.text
    layout = form.widget.layout_html
    assert layout.index('"fields"') < layout.index('"send"') < layout.index('"facts"')
    assert not opened(name, wire, None)[1].text("facts")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "until 2026-01-02 03:04:05 UTC (soon)",
            "until 2026-01-02 03:04:05 UTC simulated time (soon)",
        ),
        ("2026-01-02 04:04:05+01:00 (2026-01-02 03:04:05 UTC), simulated time", None),
        ("no time <b>", "no time <b>"),
    ],
)
def test_times_in_a_text_are_those_of_the_reader(text, shown):
    found = Markup(with_times(text, ck.Simulator()))
    times = [a["datetime"] for tag, a in found.tags if tag == "time"]
    assert found.text.replace(" ,", ",") == (shown or "2026-01-02 03:04:05 UTC, simulated time")
    assert times == (["2026-01-02T03:04:05Z"] if "UTC" in text else [])


def test_times_have_their_zone_and_are_marked_as_simulated():
    form = ck.connect("privy", via=ck.Simulator(contacts=8)).contacts.form(PRIVY)
    front = FrontEnd(form.widget)
    facts = front.region("facts")
    times = [a["datetime"] for tag, a in facts.tags if tag == "time"]
    assert len(times) == 2 and all(str(each).endswith("Z") for each in times)
    assert facts.text.count("UTC") == facts.text.count("simulated time") == 2


def test_docs_links_are_after_their_field_and_not_in_the_tab_order(name, example, wire):
    form, front = opened(name, wire, example.key)
    links = [a for tag, a in front.fields.tags if tag == "a"]
    fields = accepted_fields(form._provider, form._endpoint)
    assert len(links) == len(fields) and {link["tabindex"] for link in links} == {"-1"}
    last = max(n for n, (tag, _) in enumerate(front.fields.tags) if tag in ("input", "select"))
    assert any(tag == "a" for tag, _ in front.fields.tags[last:])


async def test_contact_without_an_address_marks_both_fields(wire):
    _, front = opened("privy", wire, None)
    front.send("save", first_name="Ada")
    needs = "A contact needs an email or a phone number."
    assert front.problems() == {name: f"⚠ {needs}" for name in ("email", "phone_number")}
    assert front.text("problems") == needs and front.focus == "email"
    assert "base" not in front.text("problems") and not wire.requests
    front.send("edit", first_name="Ada", email="ada@example.com")
    await front.press("save", first_name="Ada", email="ada@example.com")
    assert "Created" in front.text("status")


async def test_success_is_one_line_and_the_table_is_folded(wire):
    _, front = opened("privy", wire, PRIVY)
    await front.press("save", first_name="Ada", tags=[["new"]])
    assert front.text("status") == "✓ Updated: First name, Tags."
    assert front.region("report").tags[0] == ("details", {})
    assert front.focus == "status"
    wire.faults = [says(422, json.dumps({"error": {"code": "no", "message": "no"}}))]
    await front.press("save", first_name="Eve")
    assert "✓" not in front.text("status")


def test_save_of_an_edit_needs_changes_but_a_new_contact_is_asked_what_it_needs(wire):
    for key, needs in ((PRIVY, True), (None, False)):
        tags = opened("privy", wire, key)[1].region("send").tags
        switched = {a["name"] for tag, a in tags if "data-needs-changes" in a}
        assert switched == ({"save", "review"} if needs else set())
