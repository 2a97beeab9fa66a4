"""The pictures of contact frames and result frames, drawn from the counts in `counts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from contactkit.plots.counts import (
    by_channel,
    by_consent,
    by_creation,
    by_outcome,
    by_time,
    need_contacts,
    need_results,
)
from contactkit.plots.drawing import (
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    LITERAL,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    axes_for,
    count_on,
    count_text,
    draw_empty,
    label_of,
    name_rows,
    number_text,
)
from contactkit.spec.outcome import Outcome

MOST_CHANNELS = 20
_UNITS = (("hours", 3600), ("minutes", 60), ("seconds", 1))
_ANSWERS = {"yes": BLUE, "no": SKY, "unknown": LIGHT}
_PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)
_OUTCOMES: dict[str, tuple[str, str]] = {
    Outcome.CREATED: ("created", BLUE),
    Outcome.UPDATED: ("updated", BLUE),
    Outcome.DELETED: ("deleted", BLUE),
    Outcome.REFUSED: ("refused (not written)", ORANGE),
    Outcome.FAILED: ("failed (not written)", VERMILION),
    Outcome.UNKNOWN: ("unknown (may have been written)", PURPLE),
}


def channel_mix(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many contacts have each channel.

    Without a column of channels it shows what is filled in: phone, e-mail, both or neither.
    """
    need_contacts("channel_mix", people)
    if not len(people):
        return draw_empty(ax, people.attrs, "Channels", "no contacts")
    column, counts = by_channel(people)
    title = f"Channels of {count_text(len(people), 'contact')}"
    if len(counts) > MOST_CHANNELS:
        title = f"{title}: the first {MOST_CHANNELS} of {len(counts):,}"
    unit = f"contacts, by {label_of(column)}" if column else "contacts, by what is filled in"
    return _bars(ax, people, title, unit, dict([*counts.items()][:MOST_CHANNELS]), [BLUE])


def consent(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the shares of each flag and enumeration about consent; NA is unknown."""
    need_contacts("consent", people)
    if not len(people):
        return draw_empty(ax, people.attrs, "Consent", "no contacts")
    columns = by_consent(people)
    answers = dict.fromkeys(answer for counts in columns.values() for answer in counts)
    others = [answer for answer in answers if answer not in _ANSWERS]
    colours = {other: _PALETTE[i % len(_PALETTE)] for i, other in enumerate(others)} | _ANSWERS
    lines = 1 + max(map(len, columns.values()))
    title = f"Consent of {count_text(len(people), 'contact')}"
    ax = axes_for(ax, people.attrs, title, "share of contacts", 0.18 * lines * len(columns))
    for row, counts in enumerate(columns.values()):
        _stack(ax, row, counts, colours, 1 / lines)
    name_rows(ax, [*columns])
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    return ax


def _stack(
    ax: Axes, row: int, counts: Mapping[str, int], colours: Mapping[str, str], spacing: float
) -> None:
    """One stacked bar of the shares of each answer, with colours and numbers at the right."""
    shown = {answer: count for answer, count in counts.items() if count}
    left, total = 0.0, sum(shown.values())
    for line, (answer, count) in enumerate(shown.items()):
        colour, share = colours[answer], count / total
        ax.barh(row, share, left=left, height=0.6, color=colour, edgecolor="white")
        y = row + (line - (len(shown) - 1) / 2) * spacing
        text = f"{label_of(answer)} {number_text(count, total)}"
        beside: dict[str, Any] = {"xy": (1, y), "textcoords": "offset points", "va": "center"}
        ax.annotate("\N{BLACK SQUARE}", xytext=(4, 0), color=colour, **beside)
        ax.annotate(text, xytext=(18, 0), fontsize=9, **beside, **LITERAL)
        left += share


def over_time(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many contacts were created by day, week, month or year, whichever fits (UTC)."""
    need_contacts("over_time", people)
    if not len(people):
        return draw_empty(ax, people.attrs, "Contacts over time", "no contacts")
    unit, counts = by_creation(people)
    if counts.empty:
        return draw_empty(
            ax, people.attrs, "Contacts over time", "no contact has a time of creation"
        )
    known, places = int(counts.sum()), range(len(counts))
    title = f"{count_text(known, 'contact')} by {unit} of creation"
    missing = len(people) - known
    left_out = f" ({missing:,} without a time are left out)" if missing else ""
    ax = axes_for(ax, people.attrs, title, f"{unit}, UTC{left_out}", 2.5)
    bars = ax.bar(places, counts, width=0.9, color=BLUE)
    if len(counts) <= 12:
        ax.bar_label(bars, [f"{count:,}" if count else "" for count in counts], padding=2)
    # Without a margin, a few bars would fill the whole picture.
    margin = max(0.6, (7 - len(counts)) / 2)
    ax.set_xlim(-margin, len(counts) - 1 + margin)
    ticks = places[:: -(-len(counts) // 7)]
    ax.set_xticks(ticks, [str(counts.index[tick]) for tick in ticks])
    ax.set_ylabel("contacts")
    count_on(ax.yaxis)
    return ax


def outcomes(result: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many rows of a result frame have each outcome."""
    need_results("outcomes", result)
    if not len(result):
        return draw_empty(ax, result.attrs, "Outcomes", "no results")
    counts = by_outcome(result)
    looks = [_OUTCOMES.get(name, (name, GREY)) for name in counts]
    labelled = {label: count for (label, _), count in zip(looks, counts.values(), strict=True)}
    title = f"Outcome of {count_text(len(result), 'write')}"
    return _bars(ax, result, title, "writes", labelled, [colour for _, colour in looks])


def timeline(result: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the requests of an apply over time, 429 responses, and the budget that was left.

    It needs the frame that `plan.apply()` returns; other frames have no timeline in their `attrs`.
    """
    need_results("timeline", result)
    seconds, sent, limited, left = by_time(result)
    if not sent.any():
        return draw_empty(ax, result.attrs, "Requests over time", "nothing was sent")
    answered = f"{int(limited.sum()):,}" if limited.any() else "none"
    title = f"{count_text(int(sent.sum()), 'request')} over time, {answered} answered 429"
    unit, size = next((u, s) for u, s in _UNITS if seconds[-1] >= 2 * s or u == "seconds")
    ax = axes_for(ax, result.attrs, title, f"{unit} since the start", 2.5)
    starts, gaps = seconds / size, np.diff(seconds / size)
    width = min(gaps[gaps > 0], default=1 / size)
    keys = [ax.bar(starts, sent, width, align="edge", color=SKY, label="requests")]
    if limited.any():
        look: dict[str, Any] = {"color": VERMILION, "hatch": "////", "edgecolor": "white"}
        look["label"] = "answered 429"
        keys.append(ax.bar(starts, limited, width, align="edge", **look))
    known = ~np.isnan(left)
    if known.any():
        keys += _budget(ax, starts[known], left[known])
    ax.set_ylabel("requests")
    count_on(ax.yaxis)
    # The legend is between the title and the axes, so that it hides nothing.
    ax.set_title(title, loc="left", pad=24)
    ax.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    return ax


def _budget(ax: Axes, starts: np.ndarray, left: np.ndarray) -> list[Line2D]:
    """A stepped line with its own axis at the right."""
    right = ax.twinx()
    right.spines["top"].set_visible(False)
    right.set_ylabel("requests left of the budget")
    right.set_ylim(0, 1.15 * max(1, *left))
    count_on(right.yaxis)
    return right.step(starts, left, where="post", color="black", label="left of the budget")


def _bars(
    ax: Axes | None,
    frame: pd.DataFrame,
    title: str,
    unit: str,
    counts: Mapping[str, int],
    colours: Sequence[str],
) -> Axes:
    """One bar per label, from top to bottom, with its count and share of the frame."""
    ax = axes_for(ax, frame.attrs, title, unit, 0.4 * len(counts))
    bars = ax.barh(range(len(counts)), [*counts.values()], color=colours, height=0.7)
    ax.bar_label(bars, [number_text(count, len(frame)) for count in counts.values()], padding=4)
    name_rows(ax, [*counts])
    count_on(ax.xaxis)
    return ax
