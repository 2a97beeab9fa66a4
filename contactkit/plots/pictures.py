"""The five pictures, drawn with matplotlib from the counts in `counts`.

All text is drawn literally, never as mathematics or TeX, and the notice of a replay or of other
partial data is part of the axis label.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from contactkit.plots.counts import (
    by_channel,
    by_consent,
    by_creation,
    by_outcome,
    by_time,
    need_contacts,
    need_results,
)
from contactkit.spec.outcome import Outcome

MOST_CHANNELS = 20
LONGEST_LABEL = 40
NOTICE_WIDTH = 10  # characters an inch
DPI = 96

# Okabe and Ito's colours, which colour-blind people can distinguish.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW = "#56B4E9", "#D55E00", "#F0E442"
GREY, LIGHT = "#BBBBBB", "#DDDDDD"
LITERAL: dict[str, Any] = {"parse_math": False, "usetex": False}

_UNITS = (("h", 3600), ("min", 60), ("s", 1))
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


class Picture(Axes):
    """Axes that a notebook shows as a cell's output.

    Their figure is not managed by pyplot, which would keep it until it is closed.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        file = io.BytesIO()
        # Twice as many pixels as it takes on the page, for high-resolution screens.
        self.figure.canvas.print_figure(file, format="png", dpi=2 * DPI)
        scale, page = DPI / self.figure.dpi, self.figure.bbox
        size = {"width": round(page.width * scale), "height": round(page.height * scale)}
        return file.getvalue(), size


def channel_mix(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many contacts have each channel.

    Without a column of channels it shows what is filled in: phone, e-mail, both or neither.
    """
    need_contacts("channel_mix", people)
    if not len(people):
        return _empty(ax, people, "Channels", "no contacts")
    column, counts = by_channel(people)
    title = f"Channels of {_count(len(people), 'contact')}"
    if len(counts) > MOST_CHANNELS:
        title = f"{title}: the first {MOST_CHANNELS} of {len(counts):,}"
    unit = f"contacts, by {_label(column)}" if column else "contacts, by what is filled in"
    return _bars(ax, people, title, unit, dict([*counts.items()][:MOST_CHANNELS]), [BLUE])


def consent(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the shares of each flag and enumeration about consent; NA is unknown."""
    need_contacts("consent", people)
    if not len(people):
        return _empty(ax, people, "Consent", "no contacts")
    columns = by_consent(people)
    answers = dict.fromkeys(answer for counts in columns.values() for answer in counts)
    others = [answer for answer in answers if answer not in _ANSWERS]
    colours = {other: _PALETTE[i % len(_PALETTE)] for i, other in enumerate(others)} | _ANSWERS
    lines = 1 + max(map(len, columns.values()))
    title = f"Consent of {_count(len(people), 'contact')}"
    ax = _axes(ax, people, title, "share of contacts", 0.18 * lines * len(columns))
    for row, counts in enumerate(columns.values()):
        _stack(ax, row, counts, colours, 1 / lines)
    _name_rows(ax, [*columns])
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
        text = f"{_label(answer)} {_number(count, total)}"
        beside: dict[str, Any] = {"xy": (1, y), "textcoords": "offset points", "va": "center"}
        ax.annotate("\N{BLACK SQUARE}", xytext=(4, 0), color=colour, **beside)
        ax.annotate(text, xytext=(18, 0), fontsize=9, **beside, **LITERAL)
        left += share


def over_time(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many contacts were created by day, week, month or year, whichever fits (UTC)."""
    need_contacts("over_time", people)
    if not len(people):
        return _empty(ax, people, "Contacts over time", "no contacts")
    unit, counts = by_creation(people)
    if counts.empty:
        return _empty(ax, people, "Contacts over time", "no contact has a time of creation")
    known, places = int(counts.sum()), range(len(counts))
    title = f"{_count(known, 'contact')} by {unit} of creation"
    missing = len(people) - known
    left_out = f" ({missing:,} without a time are left out)" if missing else ""
    ax = _axes(ax, people, title, f"{unit}, UTC{left_out}", 2.5)
    bars = ax.bar(places, counts, width=0.9, color=BLUE)
    if len(counts) <= 12:
        ax.bar_label(bars, [f"{count:,}" if count else "" for count in counts], padding=2)
    # Without a margin, a few bars would fill the whole picture.
    margin = max(0.6, (7 - len(counts)) / 2)
    ax.set_xlim(-margin, len(counts) - 1 + margin)
    ticks = places[:: -(-len(counts) // 7)]
    ax.set_xticks(ticks, [str(counts.index[tick]) for tick in ticks])
    ax.set_ylabel("contacts")
    _count_on(ax.yaxis)
    return ax


def outcomes(result: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many rows of a result frame have each outcome."""
    need_results("outcomes", result)
    if not len(result):
        return _empty(ax, result, "Outcomes", "no results")
    counts = by_outcome(result)
    looks = [_OUTCOMES.get(name, (name, GREY)) for name in counts]
    labelled = {label: count for (label, _), count in zip(looks, counts.values(), strict=True)}
    title = f"Outcome of {_count(len(result), 'write')}"
    return _bars(ax, result, title, "writes", labelled, [colour for _, colour in looks])


def timeline(result: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the requests of an apply over time, 429 responses, and the budget that was left.

    It needs the frame that `plan.apply()` returns; other frames have no timeline in their `attrs`.
    """
    need_results("timeline", result)
    seconds, sent, limited, left = by_time(result)
    if not sent.any():
        return _empty(ax, result, "Requests over time", "nothing was sent")
    answered = f"{int(limited.sum()):,}" if limited.any() else "none"
    title = f"{_count(int(sent.sum()), 'request')} over time, {answered} answered 429"
    unit, size = next((u, s) for u, s in _UNITS if seconds[-1] >= 2 * s or u == "s")
    ax = _axes(ax, result, title, f"{unit} since the start", 2.5)
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
    _count_on(ax.yaxis)
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
    _count_on(right.yaxis)
    return right.step(starts, left, where="post", color="black", label="left of the budget")


def _axes(ax: Axes | None, frame: pd.DataFrame, title: str, unit: str, inches: float) -> Axes:
    """The caller's Axes, or new ones with this many inches for the drawing.

    The notice of a frame's world is part of the label, which has room in any layout.
    """
    if ax is None:
        figure = Figure(figsize=(8, 1 + inches), dpi=DPI, layout="constrained")
        ax = figure.add_subplot(axes_class=Picture)
    notice = _printable(frame.attrs.get("notice", ""))
    lines = textwrap.wrap(notice, max(20, int(NOTICE_WIDTH * ax.bbox.width / ax.figure.dpi)))
    if isinstance(ax, Picture) and isinstance(ax.figure, Figure):
        ax.figure.set_figheight(1 + inches + 0.17 * len(lines))
    ax.set_xlabel("\n".join(filter(None, [unit, *lines])), **LITERAL)
    ax.set_title(title, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _empty(ax: Axes | None, frame: pd.DataFrame, title: str, reason: str) -> Axes:
    """Show the reason for an empty picture."""
    ax = _axes(ax, frame, title, "", 0.5)
    ax.set(ylabel="", frame_on=False)
    ax.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    ax.grid(False)
    ax.text(0.5, 0.5, reason, ha="center", va="center", transform=ax.transAxes)
    return ax


def _bars(
    ax: Axes | None,
    frame: pd.DataFrame,
    title: str,
    unit: str,
    counts: Mapping[str, int],
    colours: Sequence[str],
) -> Axes:
    """One bar per label, from top to bottom, with its count and share of the frame."""
    ax = _axes(ax, frame, title, unit, 0.4 * len(counts))
    bars = ax.barh(range(len(counts)), [*counts.values()], color=colours, height=0.7)
    ax.bar_label(bars, [_number(count, len(frame)) for count in counts.values()], padding=4)
    _name_rows(ax, [*counts])
    _count_on(ax.xaxis)
    return ax


def _name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Label horizontal bars, the first one at the top."""
    ax.set_yticks(range(len(names)), [_label(name) for name in names], **LITERAL)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _count_on(axis: Axis) -> None:
    """Use whole numbers for the ticks, few enough to read."""
    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _label(value: object) -> str:
    """A label on one line."""
    text = " ".join(_printable(value).split())
    return (text if len(text) <= LONGEST_LABEL else f"{text[:LONGEST_LABEL]}…") or "(blank)"


def _printable(value: object) -> str:
    return "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in str(value))


def _number(count: int, total: int) -> str:
    """A count with its share in whole percent; 0% and 100% are exact."""
    percent = 100 * count / total
    share = "<1" if 0 < percent < 1 else ">99" if 99 < percent < 100 else f"{percent:.0f}"
    return f"{count:,} ({share}%)"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
