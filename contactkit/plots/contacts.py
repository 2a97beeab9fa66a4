"""Pictures of contact frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, DrawingArea, HPacker, TextArea, VPacker
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from contactkit.plots.counts import by_age, by_channel, by_consent, need_contacts
from contactkit.plots.style import (
    BLUE,
    GREEN,
    LIGHT,
    LITERAL,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    axes,
    bars,
    downwards,
    label,
    many,
    noted,
    nothing,
    percent,
)

MOST_CHANNELS = 20
KEY_WIDTH = 72

_PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)


def channel_mix(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many contacts each channel reaches.

    Without a column about channels it is told by what is filled in: phone, e-mail, both, neither.
    """
    need_contacts("channel_mix", people)
    if not len(people):
        return noted(people, nothing(ax, "What reaches the contacts", "no contacts"))
    column, counts = by_channel(people)
    title = f"What reaches {many(len(people), 'contact')}"
    if len(counts) > MOST_CHANNELS:
        title = f"{title}: the first {MOST_CHANNELS} of {len(counts):,} channels"
    shown = dict(list(counts.items())[:MOST_CHANNELS])
    unit = f"contacts, by {label(column)}" if column else "contacts, by what is filled in"
    return noted(people, bars(ax, title, unit, shown, len(people)))


def consent(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the shares of each flag and enumeration about consent, a bar a column; NA is unknown."""
    need_contacts("consent", people)
    if not len(people):
        return noted(people, nothing(ax, "Consent", "no contacts"))
    title = f"Consent of {many(len(people), 'contact')}"
    return noted(people, _stacks(ax, title, by_consent(people)))


def over_time(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many contacts were created by day, week, month or year, whichever suits (UTC)."""
    need_contacts("over_time", people)
    if not len(people):
        return noted(people, nothing(ax, "Contacts over time", "no contacts"))
    ages = by_age(people)
    if ages is None:
        ax = nothing(ax, "Contacts over time", "no contact has a time of creation")
        return noted(people, ax)
    title = f"{many(len(people) - ages.untold, 'contact')} by {ages.unit} of creation"
    untold = f" ({ages.untold:,} without a time are left out)" if ages.untold else ""
    ax = _columns(axes(ax, title, 2.5), ages.counts.tolist(), ages.labels)
    ax.set_xlabel(f"{ages.unit}, UTC{untold}")
    ax.set_ylabel("contacts")
    return noted(people, ax)


def _columns(ax: Axes, counts: Sequence[int], labels: Mapping[int, str]) -> Axes:
    """A bar a unit of time, with its count where there is room."""
    drawn = ax.bar(range(len(counts)), counts, width=0.9, color=BLUE)
    if len(counts) <= 12:
        ax.bar_label(drawn, [f"{count:,}" if count else "" for count in counts], padding=2)
    ax.set_ylim(0, 1.1 * max(counts))
    # A few bars would else be as wide as the picture.
    margin = max(0.6, (7 - len(counts)) / 2)
    ax.set_xlim(-margin, len(counts) - 1 + margin)
    ax.set_xticks(list(labels), list(labels.values()))
    ax.grid(axis="y", alpha=0.3)
    ax.set_axisbelow(True)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return ax


def _stacks(ax: Axes | None, title: str, told: Mapping[str, Mapping[str, int]]) -> Axes:
    """A bar a column, downwards, made of the shares of its answers, with a key of its own."""
    shades = _shades([answer for each in told.values() for answer in each])
    given = [{each: n for each, n in answers.items() if n} for answers in told.values()]
    keys = [_key(answers, shades) for answers in given]
    heights = [0.46 + 0.17 * lines for _, lines in keys]
    tops = [sum(heights[:at]) for at in range(len(heights))]
    ax = axes(ax, title, sum(heights))
    for top, answers, (key, _) in zip(tops, given, keys, strict=True):
        _stack(ax, top + 0.22, answers, shades)
        place = {"xycoords": "data", "box_alignment": (0, 1), "frameon": False, "pad": 0}
        ax.add_artist(AnnotationBbox(key, (0, top + 0.38), **place))
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    labels = [label(name, 24) for name in told]
    middles = [top + 0.22 for top in tops]
    return downwards(ax, middles, labels, sum(heights), "share of the contacts")


def _shades(answers: Sequence[str]) -> dict[str, str]:
    """One colour an answer, the same in every bar."""
    fixed = {"yes": BLUE, "no": SKY, "unknown": LIGHT}
    others = [each for each in dict.fromkeys(answers) if each not in fixed]
    return fixed | {each: _PALETTE[at % len(_PALETTE)] for at, each in enumerate(others)}


def _stack(ax: Axes, y: float, answers: Mapping[str, int], shades: Mapping[str, str]) -> None:
    left, total = 0.0, sum(answers.values())
    for answer, count in answers.items():
        share = count / total
        ax.barh(y, share, left=left, height=0.28, color=shades[answer], edgecolor="white")
        if share > 0.06:
            dark = shades[answer] == BLUE
            middle = left + share / 2
            told, colour = percent(count, total), "white" if dark else "black"
            ax.text(middle, y, told, ha="center", va="center", fontsize=9, color=colour)
        left += share


def _key(answers: Mapping[str, int], shades: Mapping[str, str]) -> tuple[VPacker, int]:
    """What each shade of one bar is and how many contacts it has; and how many lines that takes."""
    rows: list[list[Artist]] = []
    width, lines, total = KEY_WIDTH, 0, sum(answers.values())
    for answer, count in answers.items():
        told = label(f"{answer} {count:,} ({percent(count, total)})")
        width += len(told) + 4
        if width > KEY_WIDTH or "\n" in told:
            rows.append([])
            width, lines = len(told) + 4, lines + told.count("\n") + 1
        rows[-1].append(_entry(told, shades[answer]))
    packed: list[Artist] = [HPacker(children=row, align="top", pad=0, sep=12) for row in rows]
    return VPacker(children=packed, align="left", pad=0, sep=2), lines


def _entry(told: str, shade: str) -> HPacker:
    square = DrawingArea(8, 8)
    square.add_artist(Rectangle((0, 0), 8, 8, color=shade))
    text = TextArea(told, textprops={"fontsize": 9, **LITERAL})
    return HPacker(children=[square, text], align="center", pad=0, sep=4)
