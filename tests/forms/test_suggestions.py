"""Values that the account lists are suggested in a form, and any other may be typed."""

from __future__ import annotations

import pytest

import contactkit as ck
from tests.support.front_end import FrontEnd
from tests.support.providers import Wire, says

KEY = "+12025550123"
USERS = ["agent@example.com", "rep@example.com"]


def suggested(front: FrontEnd) -> list[str]:
    """What the list of the field suggests."""
    tags = front.fields.tags
    field = next(a for tag, a in tags if tag == "input" and (a["id"] or "").endswith("_email"))
    if "list" not in field:
        return []
    start = next(n for n, (tag, a) in enumerate(tags) if a.get("id") == field["list"])
    options = tags[start + 1 :]
    end = next((n for n, (tag, _) in enumerate(options) if tag != "option"), len(options))
    return [str(attributes["value"]) for _, attributes in options[:end]]


@pytest.mark.parametrize("key", [KEY, None])
def test_users_of_the_account_are_suggested(key):
    client = ck.connect("sendblue", via=ck.Simulator())
    with_form = FrontEnd(client.contacts.form(key).widget)
    assert suggested(with_form) == USERS


def test_users_are_suggested_in_the_forms_of_a_browser(monkeypatch):
    browser = ck.connect("sendblue", via=ck.Simulator()).contacts.browse()
    browser._create({"kind": "create", "value": "", "values": {}})
    assert suggested(FrontEnd(browser.form.widget)) == USERS


async def test_another_address_may_be_saved():
    client = ck.connect("sendblue", via=ck.Simulator())
    form = client.contacts.form(KEY)
    front = FrontEnd(form.widget)
    await front.press("save", assigned_to_email="new@example.com")
    assert form.result["outcome"][0] == "updated"
    assert client.contacts.get(KEY)["assigned_to_email"][0] == "new@example.com"
    assert suggested(front) == USERS


def test_a_form_opens_where_the_users_are_refused():
    client = ck.connect("sendblue", via=Wire(faults=[None, says(403, '{"status": "ERROR"}')]))
    assert suggested(FrontEnd(client.contacts.form(KEY).widget)) == []


def test_a_form_opens_on_a_recording_without_them(tmp_path):
    client = ck.connect("sendblue", via=ck.Simulator())
    with ck.record(client, tmp_path / "calls.jsonl"):
        client.contacts.get(KEY)
    replayed = ck.connect("sendblue", via=ck.Cassette(tmp_path / "calls.jsonl"))
    assert suggested(FrontEnd(replayed.contacts.form(KEY).widget)) == []


def test_other_providers_are_asked_for_nothing_more():
    wire = Wire()
    ck.connect("sent", via=wire).contacts.form("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    assert len(wire.requests) == 1
