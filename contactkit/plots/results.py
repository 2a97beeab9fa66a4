"""Pictures of result frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from contactkit.plots.counts import RequestRate, by_outcome, by_time, need_results
from contactkit.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    axes,
    bars,
    many,
    noted,
    nothing,
)

_OUTCOMES = {
    "created": ("created", BLUE),
    "updated": ("updated", BLUE),
    "deleted": ("deleted", BLUE),
    "refused": ("refused\n(not written: they or we said no)", ORANGE),
    "failed": ("failed\n(not written, for another reason)", VERMILION),
    "unknown": ("unknown\n(nobody can tell if it was written)", PURPLE),
}
_UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}


def outcomes(result: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what became of the rows of a result frame, a bar an outcome."""
    need_results("outcomes", result)
    if not len(result):
        return noted(result, nothing(ax, "Outcomes", "no results"))
    counts = by_outcome(result)
    told = {name: _OUTCOMES.get(name, (name, GREY)) for name in counts}
    labels = {told[name][0]: count for name, count in counts.items()}
    colours = [colour for _, colour in told.values()]
    title = f"What became of {many(len(result), 'write')}"
    return noted(result, bars(ax, title, "writes", labels, len(result), colours))


def timeline(result: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what an apply sent over time, what was answered 429, and what was left of the budget.

    The frame is what `plan.apply()` answered with; `attrs` of another have no timeline.
    """
    need_results("timeline", result)
    pace = by_time(result)
    if pace is None:
        return noted(result, nothing(ax, "Requests over time", "nothing was sent"))
    limited = f"{pace.limited.sum():,}" if pace.limited.any() else "none"
    title = f"{many(pace.sent.sum(), 'request')} over time, {limited} answered 429"
    ax = _paced(axes(ax, title, 2.5), pace)
    return noted(result, ax)


def _paced(ax: Axes, pace: RequestRate) -> Axes:
    """A bar a span of time, in the unit that suits the whole; the budget is a line."""
    unit = _unit(len(pace.sent) * pace.seconds / 2)
    span, highest = pace.seconds / _UNITS[unit], max(pace.sent.max(), pace.limited.max())
    starts = np.arange(len(pace.sent)) * span
    key = [ax.bar(starts, pace.sent, 0.9 * span, align="edge", color=SKY, label="requests")]
    if pace.limited.any():
        key += _limited(ax, pace, starts, 0.9 * span)
    if pace.left:
        key += _budget(ax, {at / _UNITS[unit]: left for at, left in pace.left.items()}, span)
    each = _unit(pace.seconds)
    ax.set_xlabel(f"{unit} since the start, {pace.seconds / _UNITS[each]:.3g} {each} a bar")
    ax.set_ylabel("requests")
    _counted(ax, highest)
    # The key stands between the title and what it explains, of which it hides nothing there.
    ax.set_title(ax.get_title("left"), loc="left", pad=24)
    ax.legend(handles=key, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    return ax


def _limited(ax: Axes, pace: RequestRate, starts: np.ndarray, width: float) -> list[Line2D]:
    """Answers 429: hatched bars, and a cross over each, which is seen however few they are."""
    at = np.flatnonzero(pace.limited)
    look: dict[str, Any] = {"color": VERMILION, "hatch": "////", "edgecolor": "white"}
    ax.bar(starts[at], pace.limited[at], width, align="edge", **look)
    tops = np.maximum(pace.sent, pace.limited)
    above = tops[at] + 0.05 * tops.max()
    return ax.plot(starts[at] + width / 2, above, "X", color=VERMILION, label="answered 429")


def _budget(ax: Axes, left: dict[float, int], span: float) -> list[Line2D]:
    """A line in steps, on an axis of its own at the right."""
    right = ax.twinx()
    right.spines["top"].set_visible(False)
    times, counts = [*left, max(left) + span], [*left.values(), [*left.values()][-1]]
    right.set_ylabel("requests left of the budget")
    _counted(right, max(1, *counts))
    return right.step(times, counts, where="post", color="black", label="left of the budget")


def _counted(ax: Axes, highest: int) -> None:
    ax.set_ylim(0, 1.15 * highest)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _unit(seconds: float) -> str:
    return next((each for each in _UNITS if seconds >= _UNITS[each]), "s")
