"""The record: it tells the story in plain HTML, and holds nothing that a file must not hold."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.forms import transcript
from contactkit.forms.html import mask, personal_texts, text_of
from contactkit.spec.record import fields_of
from tests.support.front_end import FrontEnd, Markup
from tests.support.providers import EXAMPLES, NOTICE, Noticed, loses


class Shown:
    """A notebook's outputs: what was displayed, and how it was updated."""

    def __init__(self) -> None:
        self.html: list[str] = []

    def display(self, shown: Any, display_id: bool) -> Any:
        self.html.append(shown.data)
        return self

    def update(self, shown: Any) -> None:
        self.html.append(shown.data)


@pytest.fixture
def shown(monkeypatch) -> Shown:
    made = Shown()
    monkeypatch.setattr(transcript, "display", made.display)
    return made


async def test_transcript_has_what_was_shown_sent_and_answered(wire, shown):
    form = ck.connect("privy", via=wire).contacts.form(EXAMPLES["privy"].key)
    form.transcript.open()
    front = FrontEnd(form.widget)
    assert "Nothing was sent" in shown.html[-1]
    await front.press("save", first_name="Canary", email_consent="unsubscribed")
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.press("save", last_name="Warbler")
    last = shown.html[-1]
    assert "updated" in last and "unknown" in last
    assert "Email consent: subscribed → unsubscribed" in last
    assert "First name: J••• → C•••" in last
    assert EXAMPLES["privy"].key in last


def test_transcript_has_the_notice(wire):
    noticed = ck.connect("privy", via=Noticed()).contacts.form().transcript.html()
    assert Markup(noticed).text.startswith(f"Contact at Privy · simulator {NOTICE} A record")
    assert ("div", {"role": "note"}) in Markup(noticed).tags
    plain = ck.connect("privy", via=wire).contacts.form().transcript.html()
    assert Markup(plain).text.startswith("Contact at Privy · wire A record")
    assert not [tag for tag, attributes in Markup(plain).tags if "role" in attributes]


async def test_transcript_has_no_personal_value_and_no_credential(name, example, wire, shown):
    client = ck.connect(name, via=wire)
    form = client.contacts.form(example.key)
    form.transcript.open()
    front = FrontEnd(form.widget)
    typed = {
        n: "Canary"
        for n, each in fields_of(find(name).record).items()
        if each.marker.personal == "name"
    }
    if typed:
        await front.press("save", **typed)
    personal = personal_texts(fields_of(find(name).record), form._current or {})
    assert personal
    declared = fields_of(find(name).record)
    # A city stands in the name of a time zone, which tells little.
    public = " ".join(mask(declared[n], v) for n, v in (form._current or {}).items())
    for html in shown.html:
        assert "Canary" not in html and "<script" not in html
        for each in (*personal, *client._session.secrets):
            assert each in public or each not in html


@pytest.mark.parametrize(
    ("provider", "field", "value", "told"),
    [
        ("privy", "phone_number", "+12025550123", "•••23"),
        ("privy", "email", "janet@example.com", "j•••"),
        ("privy", "first_name", "Janet", "J•••"),
        ("privy", "custom_fields", {"a": "b"}, "•••"),
        ("privy", "first_name", None, ""),
        ("privy", "tags", ["a", "b"], "a, b"),
        ("sent", "opt_out", True, "yes"),
    ],
)
def test_mask_hides_personal_values(provider, field, value, told):
    assert mask(fields_of(find(provider).record)[field], value) == told


def test_text_of_a_nested_value():
    assert text_of({"a": [1, None, True]}) == "a: 1, , yes"
