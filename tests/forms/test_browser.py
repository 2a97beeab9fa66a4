"""The browser: searching, paging, picking and editing, with one page at the front end."""

from __future__ import annotations

import asyncio
import html
import json
import re
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._frames.frame import rows_of
from contactkit.forms import ContactBrowser
from contactkit.forms.contact_list import PAGE_SIZE, column_fields
from contactkit.forms.controls import raw_of
from contactkit.forms.who import who_of
from contactkit.spec.record import fields_of, key_of
from tests.support.front_end import FrontEnd
from tests.support.providers import EXAMPLES, NOTICE, Noticed, Wire, loses
from tests.support.widgets import open_widgets


async def browsing(
    provider: str, wire: Wire, people: Any = None
) -> tuple[ContactBrowser, FrontEnd]:
    browser = ck.connect(provider, via=wire).contacts.browse(people)
    front = FrontEnd(browser.widget.children[0])
    if front.widget.task:
        await front.widget.task
    return browser, front


def keys(front: FrontEnd) -> list[str]:
    tags = front.region("table").tags
    return [a["value"] or "" for t, a in tags if t == "button" and a.get("name") == "pick"]


@pytest.fixture
def many() -> Wire:
    return Wire(ck.Simulator(contacts=130, seed=7))


async def test_browser_pages_through_all_contacts_and_back(name, many):
    _browser, front = await browsing(name, many)
    listed = keys(front)
    assert len(listed) == PAGE_SIZE
    while any(a.get("name") == "next" for _, a in front.region("pages").tags):
        await front.press("next")
        listed += keys(front)
    assert len(listed) == len(set(listed)) == len(many.simulator.state().query("~deleted"))
    assert "of 1" in front.text("status") and "Page 7 of 7" in front.text("pages")
    await front.press("previous")
    assert keys(front) == listed[-(len(listed) % PAGE_SIZE or PAGE_SIZE) - PAGE_SIZE :][:PAGE_SIZE]


async def test_browser_requests_only_the_page_it_shows(many):
    await browsing("privy", many)
    assert len(many.requests) == 1


async def test_browser_requests_nothing_before_it_is_displayed(many):
    ck.connect("privy", via=many).contacts.browse()
    assert not many.requests


async def test_search_filters_as_list_does(name, example, many):
    browser, front = await browsing(name, many)
    declared = fields_of(browser._provider.endpoint("list").params)
    await front.press("search", **{n: raw_of(declared[n], v) for n, v in example.filter.items()})
    expected = ck.connect(name, via=many).contacts.list(**example.filter)
    assert len(keys(front)) == min(len(expected), PAGE_SIZE) > 0


async def test_search_shows_a_wrong_filter_beside_its_field(many):
    _, front = await browsing("sent", many)
    many.requests.clear()
    front.send("search", phone="12")
    assert "phone" in front.problems() and not many.requests


async def test_saved_contact_is_updated_in_the_list(many):
    browser, front = await browsing("privy", many)
    await front.press("pick", EXAMPLES["privy"].key)
    assert browser.form and browser.form.key == EXAMPLES["privy"].key
    assert browser.widget.children[1] is browser.form.widget
    assert [a.get("aria-current") for _, a in front.region("table").tags].count("true") == 1
    form = FrontEnd(browser.form.widget)
    await form.press("save", first_name="Zebedee")
    assert "Zebedee" in front.text("table")
    assert "updated" in browser.transcript.html()


async def test_notice_is_shown_above_the_list_and_its_form():
    browser, front = await browsing("privy", Wire(Noticed()))
    await front.press("pick", EXAMPLES["privy"].key)
    for view in (front, FrontEnd(browser.form.widget)):
        assert ("div", {"class": "ck-notice", "role": "note"}) in view.head.tags
        assert NOTICE in view.head.text
    assert html.escape(NOTICE) in browser.transcript.html()


async def test_focus_follows_search_and_pick(many):
    browser, front = await browsing("privy", many)
    assert not any(message.get("focus") for message in front.messages)
    await front.press("search")
    assert front.focus == "table"
    await front.press("pick", keys(front)[0])
    form = FrontEnd(browser.form.widget)
    assert form.messages[0]["focus"] == "fields"
    form.widget.receive({"kind": "ready"})
    assert form.messages[-1]["focus"] == ""


async def test_pick_closes_the_earlier_form(many):
    _browser, front = await browsing("privy", many)
    first, second = keys(front)[:2]
    await front.press("pick", first)
    before = len(open_widgets())
    await front.press("pick", second)
    assert len(open_widgets()) == before


@pytest.mark.parametrize("what", ["pick", "create"])
async def test_pick_and_create_keep_unsaved_changes(many, what):
    browser, front = await browsing("privy", many)
    first, second = keys(front)[:2]
    await front.press("pick", first)
    form = browser.form
    FrontEnd(form.widget).send("edit", first_name="Ada")
    await front.press(what, second)
    assert browser.form is form
    assert "unsaved" in front.text("problems")
    await FrontEnd(form.widget).press("revert")
    await front.press(what, second)
    assert browser.form is not form and "not saved" not in front.text("problems")


async def test_search_again_shows_current_values(many):
    browser, front = await browsing("privy", many)
    await front.press("pick", EXAMPLES["privy"].key)
    await FrontEnd(browser.form.widget).press("save", first_name="Zebedee")
    many.simulator.put(EXAMPLES["privy"].key, first_name="Zoe", email_consent="unsubscribed")
    await front.press("search")
    assert "Zoe" in front.text("table") and "Zebedee" not in front.text("table")


async def test_pick_keeps_what_is_typed_while_it_reads(many):
    browser, front = await browsing("privy", many)
    first, second = keys(front)[:2]
    await front.press("pick", first)
    form = browser.form
    go = asyncio.Event()

    async def slow(request: httpx.Request, answer: Any) -> httpx.Response:
        await go.wait()
        return answer(request)

    many.faults = [slow]
    front.send("pick", second)
    await asyncio.sleep(0)
    FrontEnd(form.widget).send("edit", first_name="Ada")
    go.set()
    await front.widget.task
    assert browser.form is form and form.unsaved
    assert "unsaved" in front.text("problems")


async def test_search_shows_a_filter_that_is_too_long(many):
    _, front = await browsing("sent", many)
    front.send("search", search="x" * 1001)
    assert "at most 1,000 characters" in front.problems()["search"]


def test_browse_refuses_a_frame_of_something_else(many):
    client = ck.connect("privy", via=many)
    sent = ck.connect("sent", via=ck.Simulator()).contacts.list()
    for wrong in (client.contacts.list().drop(columns="id"), sent, [1]):
        with pytest.raises(ck.InvalidInputError, match="contact frame of Privy with the column id"):
            client.contacts.browse(wrong)


async def test_create_opens_an_empty_form(many):
    browser, front = await browsing("privy", many)
    front.send("create")
    form = FrontEnd(browser.form.widget)
    await form.press("save", email="new@example.com")
    assert browser.form.result["outcome"].item() == "created"


async def test_failed_listing_does_not_look_complete(many):
    _, front = await browsing("privy", many)
    while len(many.requests) == 1 and "may be more" in front.text("status"):
        many.faults = [loses(httpx.ConnectError, after=False)] * 9
        await front.press("next")
    assert "TransportError" in front.text("problems")
    assert "stopped after 100 contacts" in front.text("status")


async def test_bug_while_listing_does_not_look_complete(many, monkeypatch):
    browser, front = await browsing("privy", many)

    async def broken() -> None:
        raise TypeError("unexpected")

    monkeypatch.setattr(browser._listing, "read", broken)
    for _ in range(4):
        await front.press("next")
    with pytest.raises(TypeError):
        await front.press("next")
    assert "TypeError" in front.text("problems")
    assert not any(a.get("name") == "next" for _, a in front.region("pages").tags)


async def test_search_without_matches_says_so(wire):
    _, front = await browsing("sent", Wire(ck.Simulator(contacts=0)))
    assert "No contacts" in front.text("status")
    await front.press("search", phone="+12125550199")
    assert "No contacts" in front.text("status") and not front.text("problems")


async def test_pick_of_a_deleted_contact_says_so(many):
    browser, front = await browsing("privy", many)
    await front.press("pick", EXAMPLES["privy"].unknown)
    assert "NotFoundError" in front.text("problems") and browser.form is None


async def test_cancel_stops_a_slow_search(many):
    _browser, front = await browsing("privy", many)

    def never_answers(request: httpx.Request, answer: Any) -> Any:
        return asyncio.sleep(60)

    many.faults = [never_answers]
    front.send("search")
    await front.cancel()
    assert "Cancelled" in front.text("problems")
    await front.press("search")
    assert len(keys(front)) == PAGE_SIZE


async def test_browser_pages_through_a_frame_without_requests(many):
    client = ck.connect("privy", via=many)
    people = client.contacts.list()
    many.requests.clear()
    _browser, front = await browsing("privy", many, people[people["email"].notna()])
    assert not many.requests
    first = keys(front)
    await front.press("next")
    assert len(first) == PAGE_SIZE and keys(front)[0] not in first
    assert not many.requests


async def test_large_frame_sends_one_page_to_the_front_end(many):
    people = ck.connect("privy", via=many).contacts.list()
    whole = people.loc[people.index.repeat(1000)].reset_index(drop=True)
    _, front = await browsing("privy", many, whole)
    assert len(keys(front)) == PAGE_SIZE
    sent = sum(len(json.dumps(message)) for message in front.messages)
    assert sent < 60_000
    assert f"of {len(whole):,}" in front.text("status")


async def test_browser_escapes_values(many):
    many.simulator.start(ck.connect("privy", via=many)._session.provider)
    many.simulator.put(EXAMPLES["privy"].key, first_name="<img src=x onerror=alert(1)>")
    _, front = await browsing("privy", many)
    assert "<img" not in front.widget.regions["table"]
    assert "<img src=x onerror=alert(1)>" in front.text("table")


async def test_close_leaves_no_widget(many):
    before = open_widgets()
    browser, front = await browsing("privy", many)
    await front.press("pick", keys(front)[0])
    browser.close()
    assert open_widgets() == before


async def test_widget_state_has_nothing_of_a_contact(many):
    browser, front = await browsing("privy", many)
    await front.press("pick", EXAMPLES["privy"].key)
    for part in (browser.widget, *browser.widget.children):
        state = str(part.get_state())
        assert "janet@example.com" not in state and EXAMPLES["privy"].key not in state


def heads(front: FrontEnd) -> list[str]:
    """The names of the table's columns."""
    tags = front.region("table").tags
    return [a["value"] or "" for t, a in tags if t == "button" and a.get("name") == "sort"]


def shown_whos(front: FrontEnd) -> list[str]:
    """The text of each button that opens a form."""
    return [html.unescape(w) for w in re.findall(r'name="pick".*?>(.*?)</button>', table(front))]


def table(front: FrontEnd) -> str:
    return front.widget.regions["table"]


async def test_table_says_who_first_and_ends_with_the_id(name, many):
    browser, front = await browsing(name, many)
    provider, people = browser._provider, browser._people.people
    columns = heads(front)
    key = key_of(provider.record).name
    assert columns[0] == "who" and (columns[-1] == key or key in columns[:2])
    rows = rows_of(provider.record, people.head(PAGE_SIZE))
    assert shown_whos(front) == [who_of(provider, row) for row in rows]
    addresses = [*provider.consent.phones, *provider.consent.emails]
    assert name == "sent" or columns[1] in addresses
    # Empty columns are hidden, and others are not.
    for field in column_fields(provider):
        has_value = any(row.get(field.name) not in (None, "", []) for row in rows)
        assert (field.name in columns) is has_value
    for row in rows:
        assert f'title="{row[key_of(provider.record).name]}"' in table(front)


async def test_opt_out_is_beside_who(name, many):
    browser, front = await browsing(name, many)
    rows = rows_of(browser._provider.record, browser._people.people.head(PAGE_SIZE))
    heads = re.findall(r'<th scope="row">(.*?)</th>', table(front))
    channels = browser._provider.consent.channels
    for row, head in zip(rows, heads, strict=True):
        for channel, words in {"text": "no texts", "email": "no e-mails"}.items():
            denied = channel in channels and channels[channel].shows_no(row)
            assert (words in head) is bool(denied)
    assert "no texts" in table(front)


async def test_find_asks_the_provider_for_an_address(many):
    browser, front = await browsing("privy", many)
    many.requests.clear()
    await front.press("search", find=" janet@example.com ")
    assert "email=janet" in str(many.requests[0].url) and len(many.requests) == 1
    assert shown_whos(front) == ["Janet Smith"]
    await front.press("search", find="+1 212-555-0134")
    assert shown_whos(front) == ["Omar Haddad"] and not browser._people.text


async def test_find_asks_with_a_condition_where_that_is_the_filter(many):
    browser, front = await browsing("digital_onboarding", many)
    row = browser._people.rows(3, 4)[0]
    many.requests.clear()
    await front.press("search", find=row["email"])
    assert "filter%5Bemail%5D" in str(many.requests[0].url)
    assert [each["email"] for each in browser._people.rows(0, 9)] == [row["email"]]


async def test_find_looks_for_other_text_in_what_was_read(name, many):
    browser, front = await browsing(name, many)
    many.requests.clear()
    people = browser._people.people
    last = people.iloc[-1]
    text = str(last[key_of(browser._provider.record).name])[-7:].upper()
    front.send("search", find=text)
    assert not many.requests and last[key_of(browser._provider.record).name] in keys(front)
    assert f"of the {len(people)} contacts read" in front.text("status")
    front.send("search", find="nobody has this")
    assert keys(front) == [] and not many.requests
    more = "more" in {a.get("name") for _, a in front.region("pages").tags}
    assert more is browser._listing.has_more
    if more:
        await front.press("more")
        assert len(browser._people.people) > len(people) or not browser._listing.has_more


async def test_find_finds_a_whole_name(many):
    _, front = await browsing("privy", many)
    front.send("search", find="omar had")
    assert shown_whos(front) == ["Omar Haddad"]
    assert "may be more to read" in front.text("status")


async def test_find_says_what_it_can_find(name, many):
    _, front = await browsing(name, many)
    text = front.text("find")
    assert text.endswith("in the contacts read so far. Search")
    exact = {"digital_onboarding": "Finds an e-mail address exactly, at Digital Onboarding;"}
    assert exact.get(name, "phone number exactly, at") in text


async def test_sort_orders_what_was_read_and_back(many):
    browser, front = await browsing("privy", many)
    read = keys(front)
    front.send("sort", "email")
    emails = browser._people.people["email"].dropna().str.casefold().sort_values()
    rows = browser._people.rows(0, PAGE_SIZE)
    assert [row["email"].casefold() for row in rows] == emails.head(PAGE_SIZE).tolist()
    assert ("th", {"scope": "col", "aria-sort": "ascending"}) in front.region("table").tags
    front.send("sort", "email")
    assert browser._people.rows(0, 1)[0]["email"].casefold() == emails.iloc[-1]
    front.send("sort", "who")
    assert shown_whos(front) == sorted(shown_whos(front), key=str.casefold)
    front.send("sort", "who")
    front.send("sort", "who")
    assert keys(front) == read
