"""The transcript: plain HTML with every action, and nothing that a file must not hold."""

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


class Outputs:
    """A notebook's outputs: what was displayed, and every update of it."""

    def __init__(self) -> None:
        self.html: list[str] = []

    def display(self, output: Any, display_id: bool) -> Any:
        self.html.append(output.data)
        return self

    def update(self, output: Any) -> None:
        self.html.append(output.data)


@pytest.fixture
def outputs(monkeypatch) -> Outputs:
    outputs = Outputs()
    monkeypatch.setattr(transcript, "display", outputs.display)
    return outputs


async def test_transcript_has_what_was_shown_sent_and_answered(wire, outputs):
    form = ck.connect("privy", via=wire).contacts.form(EXAMPLES["privy"].key)
    form.transcript.open()
    front = FrontEnd(form.widget)
    assert "Nothing was sent" in outputs.html[-1]
    await front.press("save", first_name="Canary", email_consent="unsubscribed")
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    await front.press("save", last_name="Warbler")
    last = outputs.html[-1]
    assert "updated" in last and "unknown" in last
    assert "Email consent: subscribed → unsubscribed" in last
    assert "First name: J••• → C•••" in last
    assert EXAMPLES["privy"].key in last


def test_transcript_has_the_notice(wire):
    noticed = ck.connect("privy", via=Noticed()).contacts.form().transcript.html()
    assert Markup(noticed).text.startswith(
        f"Contact at Privy · simulator (simulated time) {NOTICE} A record"
    )
    assert ("div", {"role": "note"}) in Markup(noticed).tags
    plain = ck.connect("privy", via=wire).contacts.form().transcript.html()
    assert Markup(plain).text.startswith("Contact at Privy · wire A record")
    assert not [tag for tag, attributes in Markup(plain).tags if "role" in attributes]


async def test_transcript_has_no_personal_value_and_no_credential(name, example, wire, outputs):
    client = ck.connect(name, via=wire)
    form = client.contacts.form(example.key)
    form.transcript.open()
    front = FrontEnd(form.widget)
    typed = {
        n: "Canary"
        for n, field in fields_of(find(name).record).items()
        if field.marker.personal == "name"
    }
    if typed:
        await front.press("save", **typed)
    personal = personal_texts(fields_of(find(name).record), form._current or {})
    assert personal
    declared = fields_of(find(name).record)
    # The name of a time zone contains a city, which gives little away.
    public = " ".join(mask(declared[n], v) for n, v in (form._current or {}).items())
    for html in outputs.html:
        assert "Canary" not in html and "<script" not in html
        for text in (*personal, *client._session.secrets):
            assert text in public or text not in html


@pytest.mark.parametrize(
    ("provider", "field", "value", "text"),
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
def test_mask_hides_personal_values(provider, field, value, text):
    assert mask(fields_of(find(provider).record)[field], value) == text


def test_text_of_a_nested_value():
    assert text_of({"a": [1, None, True]}) == "a: 1, , yes"
