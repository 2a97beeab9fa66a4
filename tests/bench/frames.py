"""100,000 contacts: decoded into a DataFrame, and planned, beside the SDK, pyarrow and pandas."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.json
import sent_dm
from sent_dm._models import construct_type
from sent_dm.pagination import SyncContactsPage
from sent_dm.types import ContactResponse

import contactkit as ck
from contactkit._frames.decode import read_rows
from contactkit._frames.frame import to_frame
from contactkit._http.pagination import Pages
from contactkit._providers import find
from tests.bench import contacts
from tests.bench.measure import Row, medians, ms, ratio

PAGE, PAGES, SIZE, FEW = 1_000, 100, 100_000, 10_000
DECODE_ROUNDS, PLAN_ROUNDS = 7, 5


class Memory(ck.Live):
    """A world whose provider answers with prepared pages."""

    name = "memory"

    def __init__(self, pages: Sequence[bytes]) -> None:
        self._transport = transport_of(pages)

    def transport(self, provider: object) -> httpx.MockTransport:
        return self._transport


def transport_of(pages: Sequence[bytes]) -> httpx.MockTransport:
    """Answers `page=N`, or the first page without it, and uses no network."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        headers = {"content-type": "application/json"}
        return httpx.Response(200, headers=headers, content=pages[number - 1])

    return httpx.MockTransport(answer)


def rows() -> Iterator[Row]:
    """Decoding, then planning."""
    yield from decoding()
    yield from planning()


def decoding() -> Iterator[Row]:
    """Decoding alone, and through the clients over a transport without a network."""
    pages = [contacts.page(number, PAGE, PAGES) for number in range(1, PAGES + 1)]
    ours = contacts.client(via=Memory(pages))
    sdk = sent_dm.Sent(api_key="test", http_client=httpx.Client(transport=transport_of(pages)))
    decode, sdk_decode, arrow, listing, sdk_listing = medians(
        DECODE_ROUNDS,
        lambda: decode_pages(pages),
        lambda: decode_with_sdk(pages),
        lambda: decode_with_arrow(pages),
        ours.contacts.list,
        lambda: frame_of_models(list(sdk.contacts.list(page_size=PAGE))),
    )
    subject = "decode, every row checked"
    yield _faster(subject, decode, "sent_dm models, frame", sdk_decode, "≥ 5x faster")
    yield ratio(subject, decode, "pyarrow.json, no checks", arrow, "≤ 2x")
    yield _faster("contacts.list()", listing, "sent_dm contacts.list(), frame", sdk_listing)


def decode_pages(pages: Sequence[bytes]) -> pd.DataFrame:
    """Decode as `contacts.list()` does: envelope, rows, columns, frame."""
    session = contacts.session()
    record = session.provider.record
    walk = Pages(session=session, endpoint=session.provider.endpoint("list"), query={}, size=PAGE)
    parts = []
    for content in pages:
        page = contacts.finish(walk.next(), contacts.response(content))
        parts.append(read_rows(record, page.rows if page else []))
    return to_frame(record, parts)


def decode_with_sdk(pages: Sequence[bytes]) -> pd.DataFrame:
    """Decode as the SDK does, then make a DataFrame of its models."""
    page_type = SyncContactsPage[ContactResponse]
    decoded = (construct_type(value=json.loads(content), type_=page_type) for content in pages)
    return frame_of_models([model for page in decoded for model in page._get_page_items()])


def frame_of_models(models: Sequence[ContactResponse]) -> pd.DataFrame:
    """The frame that a user of the SDK, which has none, would make."""
    return pd.DataFrame([model.to_dict() for model in models])


def decode_with_arrow(pages: Sequence[bytes]) -> pd.DataFrame:
    """Decode with pyarrow's reader, which infers types and checks nothing."""
    options = pa.json.ReadOptions(block_size=max(map(len, pages)) + 1)
    tables = []
    for content in pages:
        envelope = pa.json.read_json(pa.BufferReader(content), read_options=options)
        people = envelope["data"].combine_chunks().field("contacts").flatten()
        tables.append(pa.Table.from_struct_array(people))
    return pa.concat_tables(tables).to_pandas()


def planning() -> Iterator[Row]:
    """Plans of 1 % changed rows, of frames as read and as edited; the memory of a plan."""
    people, client = frame(SIZE), contacts.client()
    edited = opt_out(people, every=100)
    yield plan_beside_pandas("1 % changed", client, edited, people)
    loose = edited.astype({name: object for name in edited}).sample(frac=1, random_state=7)
    yield plan_beside_pandas("1 % changed, shuffled objects", client, loose, people)
    cleared = edited.assign(updated_at=edited["updated_at"].astype(object))
    yield plan_beside_pandas("1 % changed, a column for CLEAR", client, cleared, people)
    few = frame(FEW)
    size = allocated_by(lambda: client.contacts.plan(opt_out(few), few)) / FEW
    yield Row(
        subject="a planned row",
        measured=f"{size:,.0f} bytes",
        outcome=f"{size / 1000:.2f} kB",
        wanted="≤ 3 kB",
    )


def frame(size: int) -> pd.DataFrame:
    """Contacts of Sent, as a listing reads them."""
    record = find("sent").record
    return to_frame(record, [read_rows(record, [contacts.contact(n) for n in range(size)])])


def opt_out(people: pd.DataFrame, every: int = 1) -> pd.DataFrame:
    """Opt out everybody, or one in so many, and opt nobody in."""
    return people.assign(opt_out=people["opt_out"] | (np.arange(len(people)) % every == 0))


def plan_beside_pandas(
    change: str, client: ck.Client, edited: pd.DataFrame, people: pd.DataFrame
) -> Row:
    """A plan beside pandas' comparison of the rows in the same order."""
    ordered = edited.sort_index()
    ours, pandas = medians(
        PLAN_ROUNDS, lambda: client.contacts.plan(edited, people), lambda: people.compare(ordered)
    )
    subject = f"plan of {SIZE:,} rows, {change}"
    return ratio(subject, ours, "people.compare(edited)", pandas, "≤ 1,000 ms")


def allocated_by(make: Callable[[], object]) -> int:
    """The bytes that an object holds."""
    make()
    gc.collect()
    tracemalloc.start()
    result = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert result
    return size


def _faster(subject: str, ours: float, beside: str, other: float, wanted: str = "") -> Row:
    return Row(
        subject=subject,
        measured=ms(ours),
        beside=beside,
        against=ms(other),
        outcome=f"{other / ours:.2f}x faster",
        wanted=wanted,
    )
