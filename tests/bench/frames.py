"""100,000 contacts, as bytes in memory, made into one DataFrame: here, by the SDK, by pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import httpx
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
from tests.bench import contacts
from tests.bench.measure import Row, medians, ms, times

SIZE, PAGES = 1_000, 100
ROUNDS = 7


class Memory(ck.Live):
    """A world whose provider answers from pages that were made before."""

    name = "memory"

    def __init__(self, pages: Sequence[bytes]) -> None:
        self._carrier = carrier(pages)

    def transport(self, provider: object) -> httpx.MockTransport:
        return self._carrier


def carrier(pages: Sequence[bytes]) -> httpx.MockTransport:
    """Answers `page=N`, or none for the first, with one of these pages and without a network."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        headers = {"content-type": "application/json"}
        return httpx.Response(200, headers=headers, content=pages[number - 1])

    return httpx.MockTransport(answer)


def rows() -> Iterator[Row]:
    """The decoding by itself, and through the clients with a transport that has no network."""
    pages = [contacts.page(number, SIZE, PAGES) for number in range(1, PAGES + 1)]
    ours = contacts.client(via=Memory(pages))
    sdk = sent_dm.Sent(api_key="test", http_client=httpx.Client(transport=carrier(pages)))
    decode, sdk_decode, arrow, listed, sdk_listed = medians(
        ROUNDS,
        lambda: decoded(pages),
        lambda: sdk_decoded(pages),
        lambda: arrow_decoded(pages),
        ours.contacts.list,
        lambda: framed(list(sdk.contacts.list(page_size=SIZE))),
    )
    wanted = "≥ 5x faster"
    yield _faster("decode, every row checked", decode, "sent_dm models, frame", sdk_decode, wanted)
    yield Row(
        subject="decode, every row checked",
        measured=ms(decode),
        beside="pyarrow.json, no checks",
        against=ms(arrow),
        outcome=times(decode / arrow),
        wanted="≤ 2x",
    )
    yield _faster("contacts.list()", listed, "sent_dm contacts.list(), frame", sdk_listed, "")


def decoded(pages: Sequence[bytes]) -> pd.DataFrame:
    """What `contacts.list()` does with its answers: envelope, rows, columns, frame."""
    session = contacts.session()
    record = session.provider.record
    walk = Pages(session=session, endpoint=session.provider.endpoint("list"), query={}, size=SIZE)
    parts = []
    for content in pages:
        found = contacts.answered(walk.next(), contacts.reply(content))
        parts.append(read_rows(record, found.rows if found else []))
    return to_frame(record, parts)


def sdk_decoded(pages: Sequence[bytes]) -> pd.DataFrame:
    """What the SDK does with its answers, and a DataFrame of its models."""
    page = SyncContactsPage[ContactResponse]
    found = (construct_type(value=json.loads(content), type_=page) for content in pages)
    return framed([each for read in found for each in read._get_page_items()])


def framed(models: Sequence[ContactResponse]) -> pd.DataFrame:
    """The SDK has no frames: its models as a user would put them into one."""
    return pd.DataFrame([each.to_dict() for each in models])


def arrow_decoded(pages: Sequence[bytes]) -> pd.DataFrame:
    """pyarrow's own reader, its own inferred types, no checks."""
    options = pa.json.ReadOptions(block_size=max(map(len, pages)) + 1)
    tables = []
    for content in pages:
        whole = pa.json.read_json(pa.BufferReader(content), read_options=options)
        found = whole["data"].combine_chunks().field("contacts").flatten()
        tables.append(pa.Table.from_struct_array(found))
    return pa.concat_tables(tables).to_pandas()


def _faster(subject: str, ours: float, beside: str, peer: float, wanted: str) -> Row:
    return Row(
        subject=subject,
        measured=ms(ours),
        beside=beside,
        against=ms(peer),
        outcome=f"{peer / ours:.2f}x faster",
        wanted=wanted,
    )
