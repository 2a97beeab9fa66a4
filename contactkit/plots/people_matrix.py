"""The picture of what disagrees about consent: where people said no, and where they are sent to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from contactkit._people.matrix import Cell, find_cells
from contactkit._people.people import People
from contactkit._people.suppression import CHANNELS
from contactkit.plots.counts import refusal
from contactkit.plots.drawing import (
    LITERAL,
    SKY,
    axes_for,
    count_text,
    draw_empty,
    label_of,
    name_rows,
)

_LOOK = LinearSegmentedColormap.from_list("people", ["white", SKY])


def conflicts(people: People, ax: Axes | None = None) -> Axes:
    """Draw how many people said no at one source (rows) and are still sent to by another.

    Each cell has a number per channel; somebody who said no at two sources is in two rows. Raises
    InvalidInputError for anything but the value of `contactkit.people`.
    """
    if not isinstance(people, People):
        got = f"not {type(people).__name__}"
        raise refusal("conflicts", f"needs people, such as contactkit.people() returns, {got}")
    cells, attrs = find_cells(people), _attrs(people)
    if not cells:
        return draw_empty(ax, attrs, "Denied and still sent to", "nobody who said no is sent to")
    persons = len(np.unique(np.concatenate([*cells.values()])))
    title = f"{count_text(persons, 'person', 'people')} said no and are still sent to"
    rows = [name for name in people.names if any(cell.denied_at == name for cell in cells)]
    columns = [source.name for source in people.sources]
    ax = axes_for(ax, attrs, title, "still sends at", 0.5 + 0.5 * len(rows))
    _fill(ax, cells, rows, columns)
    name_rows(ax, rows)
    ax.set_xticks(range(len(columns)), [label_of(name) for name in columns], **LITERAL)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("denied at")
    return ax


def _attrs(people: People) -> Mapping[str, str]:
    """The notices of all sources."""
    notices = dict.fromkeys(source.frame.attrs["notice"] for source in people.sources)
    return {"notice": " ".join(filter(None, notices))}


def _fill(ax: Axes, cells: Mapping[Cell, Any], rows: list[str], columns: list[str]) -> None:
    """Colour each cell by its people, and write their numbers in it."""
    totals = np.zeros((len(rows), len(columns)))
    texts: dict[tuple[int, int], list[str]] = {}
    for channel in CHANNELS:
        for (_, denied_at, sends_at), persons in (c for c in cells.items() if c[0][0] == channel):
            at = rows.index(denied_at), columns.index(sends_at)
            totals[at] += len(persons)
            texts.setdefault(at, []).append(f"{len(persons):,} {channel}")
    ax.imshow(totals, cmap=_LOOK, vmin=0, aspect="auto")
    for (row, column), lines in texts.items():
        ax.text(column, row, ", ".join(lines), ha="center", va="center", fontsize=9, **LITERAL)
