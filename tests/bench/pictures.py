"""Each picture of a million rows, beside pandas counting the values of one of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

import contactkit as ck
from contactkit import plots
from contactkit._frames.frame import OUTCOMES, result_frame
from tests.bench.measure import Row, medians, ms, times

SIZE = 1_000_000
ROUNDS = 5


def rows() -> Iterator[Row]:
    """Counting and laying out, without the pixels, which take the same for any number of rows."""
    people, result = contacts(), results()
    days = people["created_at"].dt.floor("D")
    yield _beside("channel_mix", lambda: plots.channel_mix(people), people["available_channels"])
    yield _beside("consent", lambda: plots.consent(people), people["opt_out"])
    yield _beside("over_time", lambda: plots.over_time(people), days)
    yield _beside("outcomes", lambda: plots.outcomes(result), result["outcome"])


def contacts() -> pd.DataFrame:
    """A million contacts, drawn from the simulator's."""
    people = ck.connect("sent", via=ck.Simulator(contacts=300)).contacts.list()
    return people.iloc[np.arange(SIZE) % len(people)].reset_index(drop=True)


def results() -> pd.DataFrame:
    """A million result rows, with every outcome."""
    found = result_frame([{"operation": "update", "outcome": each} for each in OUTCOMES])
    return found.iloc[np.arange(SIZE) % len(found)].reset_index(drop=True)


def _beside(name: str, picture: Callable[[], object], column: pd.Series) -> Row:
    ours, counted = medians(ROUNDS, picture, column.value_counts)
    return Row(
        subject=f"plots.{name}, {SIZE:,} rows",
        measured=ms(ours),
        beside=f"{column.name}.value_counts()",
        against=ms(counted),
        outcome=times(ours / counted),
        wanted="≤ 1,000 ms",
    )
