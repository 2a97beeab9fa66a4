"""Planning 100,000 contacts, beside what pandas alone needs to compare the same two frames."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

import contactkit as ck
from contactkit._frames.decode import read_rows
from contactkit._frames.frame import to_frame
from contactkit._providers import find
from tests.bench import contacts
from tests.bench.measure import Row, medians, ms, times

SIZE, WEIGHED = 100_000, 10_000
ROUNDS = 5


def rows() -> Iterator[Row]:
    """One hundredth changed, in frames as they were read and as edits leave them; and weights."""
    people, client = frame(SIZE), contacts.client()
    edited = flipped(people, 100)
    yield compared("1 % changed", client, edited, people)
    loose = edited.astype({name: object for name in edited}).sample(frac=1, random_state=7)
    yield compared("1 % changed, shuffled objects", client, loose, people)
    cleared = edited.assign(updated_at=edited["updated_at"].astype(object))
    yield compared("1 % changed, a column for CLEAR", client, cleared, people)
    few = frame(WEIGHED)
    size = weight(lambda: client.contacts.plan(flipped(few, 1), few)) / WEIGHED
    yield Row(
        subject="a planned row",
        measured=f"{size:,.0f} bytes",
        outcome=f"{size / 1000:.2f} kB",
        wanted="≤ 3 kB",
    )


def frame(size: int) -> pd.DataFrame:
    """So many contacts of Sent, as a listing reads them."""
    record = find("sent").record
    return to_frame(record, [read_rows(record, [contacts.contact(n) for n in range(size)])])


def flipped(people: pd.DataFrame, every: int) -> pd.DataFrame:
    """With another opt_out in every so manieth row."""
    return people.assign(opt_out=people["opt_out"] ^ (np.arange(len(people)) % every == 0))


def compared(told: str, client: ck.Client, edited: pd.DataFrame, people: pd.DataFrame) -> Row:
    """One plan beside pandas' own comparison of rows in the same order."""
    same = edited.sort_index()
    ours, pandas = medians(
        ROUNDS, lambda: client.contacts.plan(edited, people), lambda: people.compare(same)
    )
    return Row(
        subject=f"plan of {SIZE:,} rows, {told}",
        measured=ms(ours),
        beside="people.compare(edited)",
        against=ms(pandas),
        outcome=times(ours / pandas),
        wanted="≤ 1,000 ms",
    )


def weight(make: Callable[[], object]) -> int:
    """Bytes that what is made holds."""
    make()
    gc.collect()
    tracemalloc.start()
    kept = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept
    return size
