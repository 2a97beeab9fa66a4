"""Cursors of `pages()`: a listing goes on after them as if it had not been left."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import islice
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._http.cursor import parse_cursor
from contactkit._http.seen import AllPages, KeyDigest, LastPage
from contactkit.spec.record import fields_of, key_of
from tests.support.providers import EXAMPLES, Wire, says


@pytest.fixture
def many(name: str) -> Wire:
    return Wire(ck.Simulator(contacts=2_300 if name == "sendblue" else 450, seed=7))


def key_name(client: ck.Client) -> str:
    return key_of(client._session.provider.record).name


def joined(pages: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([page.reset_index(drop=True) for page in pages], ignore_index=True)


def test_pages_go_on_after_each_cursor(name: str, many: Wire) -> None:
    client = ck.connect(name, via=many)
    whole = list(client.contacts.pages())
    assert len(whole) > 2
    for number, page in enumerate(whole, start=1):
        rest = list(ck.connect(name, via=many).contacts.pages(after=page.attrs["cursor"]))
        assert [len(each) for each in rest] == [len(each) for each in whole[number:]]
        if rest:
            assert joined(rest).equals(joined(whole[number:]))
            assert rest[-1].attrs["cursor"] == whole[-1].attrs["cursor"]


async def test_async_pages_go_on_after_a_cursor(name: str, many: Wire) -> None:
    client = ck.connect(name, via=many)
    whole = list(client.contacts.pages())
    rest = [page async for page in client.aio.contacts.pages(after=whole[0].attrs["cursor"])]
    assert joined(rest).equals(joined(whole[1:]))


def test_cursor_goes_on_with_the_same_filter(name: str, many: Wire) -> None:
    client = ck.connect(name, via=many)
    filters = EXAMPLES[name].filter
    pages = list(client.contacts.pages(**filters))
    rest = list(client.contacts.pages(**filters, after=pages[0].attrs["cursor"]))
    assert sum(map(len, rest)) == sum(map(len, pages[1:]))
    with pytest.raises(ck.InvalidInputError, match="after: is the cursor of another filter"):
        client.contacts.pages(after=pages[0].attrs["cursor"])


def test_cursor_has_no_value_of_a_contact_a_filter_or_a_credential(name: str, many: Wire) -> None:
    client = ck.connect(name, via=many)
    filters = EXAMPLES[name].filter
    for page in [next(client.contacts.pages()), next(client.contacts.pages(**filters))]:
        text = urlsafe_b64decode(page.attrs["cursor"]).decode()
        personal = [
            n for n, f in fields_of(client._session.provider.record).items() if f.marker.personal
        ]
        assert personal
        for field in personal:
            for value in page[field].dropna().map(str):
                assert len(value) < 5 or value not in text
        for value in (*client._session.secrets, *filters.values()):
            assert len(str(value)) < 5 or str(value) not in text


def test_cursor_of_another_listing_is_refused(name: str, many: Wire) -> None:
    cursor = next(ck.connect(name, via=many).contacts.pages()).attrs["cursor"]
    other = "privy" if name != "privy" else "sent"
    with pytest.raises(ck.InvalidInputError, match="another provider"):
        ck.connect(other, via=Wire()).contacts.pages(after=cursor)
    elsewhere = ck.connect(name, via=many, base_url="https://example.com")
    with pytest.raises(ck.InvalidInputError, match="another account or address"):
        elsewhere.contacts.pages(after=cursor)
    values = json.loads(urlsafe_b64decode(cursor))
    values["listing"]["size"] += 1
    larger = urlsafe_b64encode(json.dumps(values).encode()).decode()
    with pytest.raises(ck.InvalidInputError, match="another page size"):
        ck.connect(name, via=many).contacts.pages(after=larger)


@pytest.mark.parametrize("value", ["", "x", "eyJ9", "é", 5, b"x", pd.NA, "e30=", [], "W10="])
def test_what_is_no_cursor_is_refused(value: Any) -> None:
    with pytest.raises(ck.InvalidInputError, match="after: "):
        ck.connect("sent", via=Wire()).contacts.pages(after=value)


@given(st.data())
def test_changed_cursor_is_refused_or_a_cursor(data: st.DataObject) -> None:
    cursor = next(ck.connect("sent", via=ck.Simulator(contacts=3)).contacts.pages()).attrs["cursor"]
    place = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:place] + data.draw(st.characters()) + cursor[place + 1 :]
    try:
        parse_cursor(changed)
    except ValueError as error:
        assert str(error) == "is not the cursor in the attrs of a page"


def test_listing_that_shrinks_before_it_goes_on_warns() -> None:
    wire = Wire(ck.Simulator(contacts=450, seed=7))
    client = ck.connect("privy", via=wire)
    pages = list(islice(client.contacts.pages(), 2))
    client.contacts.delete(pages[0]["id"].iloc[0])
    with pytest.warns(ck.ContactKitWarning, match="449 contacts|450 were announced"):
        rest = joined(list(client.contacts.pages(after=pages[1].attrs["cursor"])))
    assert set(rest["id"]).isdisjoint(joined(pages)["id"])


def test_contact_that_moves_to_the_next_page_is_not_returned_again() -> None:
    wire = Wire(ck.Simulator(contacts=450, seed=7))
    client = ck.connect("sent", via=wire)
    whole = client.contacts.list()["id"].to_list()
    first = next(client.contacts.pages())
    client.contacts.create(phone_number="+12125550187")
    rest = joined(list(client.contacts.pages(after=first.attrs["cursor"])))
    assert set(rest["id"]).isdisjoint(first["id"])
    assert {*first["id"], *rest["id"]} >= {*whole}


def test_listing_sorted_by_a_personal_field_has_no_cursor() -> None:
    client = ck.connect("digital_onboarding", via=Wire(ck.Simulator(contacts=250, seed=7)))
    assert "cursor" not in next(client.contacts.pages(sort="email")).attrs
    assert "cursor" not in next(client.contacts.pages(sort="-inserted_at,name_last")).attrs
    assert "cursor" in next(client.contacts.pages(sort="-updated_at")).attrs


STALE = says(410, b'{"errors": [{"code": "cursor_invalid", "title": "Cursor invalid"}]}')


def test_stale_cursor_is_an_error_because_the_pages_before_it_are_unknown() -> None:
    wire = Wire(ck.Simulator(contacts=450, seed=7))
    client = ck.connect("digital_onboarding", via=wire)
    cursor = next(client.contacts.pages()).attrs["cursor"]
    for faults in ([STALE], [None, STALE]):
        wire.faults = list(faults)
        with pytest.raises(ck.InvalidInputError, match="after: is no longer valid"):
            list(client.contacts.pages(after=cursor))


KEYS = st.lists(st.sets(st.text(max_size=3), max_size=5), max_size=12)


@given(pages=KEYS, restart=st.integers(0, 12))
def test_all_pages_know_what_a_set_knows(pages: list[set[str]], restart: int) -> None:
    seen, known, since = AllPages(KeyDigest(b"secret"), (), complete=True), set(), set()
    for number, keys in enumerate(pages):
        if number == restart:
            seen.start_again()
            since = set()
        assert seen.take(set(keys)) == (keys & known, keys <= since)
        known |= keys
        since |= keys


@given(pages=KEYS, cut=st.integers(0, 12))
def test_last_page_is_known_also_by_its_digests(pages: list[set[str]], cut: int) -> None:
    digest = KeyDigest(b"secret")
    seen, last = LastPage(digest, frozenset()), set()
    for number, keys in enumerate(pages):
        if number == cut:
            seen = LastPage(digest, digest.split(digest.join(seen.last)))
        assert seen.take(set(keys)) == (keys & last, keys <= last)
        last = keys


def test_digests_of_many_keys_are_exact() -> None:
    seen = AllPages(KeyDigest(b"secret"), (), complete=True)
    keys = [f"key {number}" for number in range(60_000)]
    for start in range(0, len(keys), 1000):
        assert seen.take(set(keys[start : start + 1000]))[0] == set()
    assert seen.take({*keys[::97], "new"}) == ({*keys[::97]}, False)


def test_cursor_has_a_digest_of_each_key_of_its_page(name: str, many: Wire) -> None:
    page = next(ck.connect(name, via=many).contacts.pages())
    assert len(parse_cursor(page.attrs["cursor"]).digests) == 8 * len(page)
