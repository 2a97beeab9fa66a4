"""Pictures of contact frames and result frames, a line each.

Each picture returns matplotlib's Axes, which in a notebook show themselves where they are the last
value of a cell. Every text is drawn as it stands: none is read as mathematics or TeX.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from contactkit.tallies import (
    by_age,
    by_channel,
    by_consent,
    by_outcome,
    need_contacts,
    need_results,
)

try:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.offsetbox import AnnotationBbox, DrawingArea, HPacker, TextArea, VPacker
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter
except ImportError as error:
    raise ImportError(
        'pictures need their extra: python -m pip install "contactkit[plots]"', name=error.name
    ) from error

MOST_CHANNELS = 20
KEY_WIDTH = 72
NOTICE_WIDTH = 10  # characters an inch
DPI = 96

# Okabe and Ito's colours, which those who are colour-blind tell apart too.
_BLUE, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
_SKY, _VERMILION, _YELLOW = "#56B4E9", "#D55E00", "#F0E442"
_GREY, _LIGHT = "#BBBBBB", "#DDDDDD"
_PALETTE = (_BLUE, _ORANGE, _GREEN, _PURPLE, _SKY, _VERMILION, _YELLOW)
_LITERAL: dict[str, Any] = {"parse_math": False, "usetex": False}
_OUTCOMES = {
    "created": ("created", _BLUE),
    "updated": ("updated", _BLUE),
    "deleted": ("deleted", _BLUE),
    "refused": ("refused\n(not written: they or we said no)", _ORANGE),
    "failed": ("failed\n(not written, for another reason)", _VERMILION),
    "unknown": ("unknown\n(nobody can tell if it was written)", _PURPLE),
}


class Picture(Axes):
    """Axes that show themselves as a cell's output.

    Their figure is not one of pyplot's, which would keep it until somebody closes it.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        file = io.BytesIO()
        # Twice as many pixels as it takes on the page, for the screens that have them.
        self.figure.canvas.print_figure(file, format="png", dpi=2 * DPI)
        scale, page = DPI / self.figure.dpi, self.figure.bbox
        size = {"width": round(page.width * scale), "height": round(page.height * scale)}
        return file.getvalue(), size


def channel_mix(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many contacts each channel reaches.

    Without a column about channels it is told by what is filled in: phone, e-mail, both, neither.
    """
    need_contacts("channel_mix", people)
    if not len(people):
        return _noted(people, _nothing(ax, "What reaches the contacts", "no contacts"))
    column, counts = by_channel(people)
    title = f"What reaches {_many(len(people), 'contact')}"
    if len(counts) > MOST_CHANNELS:
        title = f"{title}: the first {MOST_CHANNELS} of {len(counts):,} channels"
    shown = dict(list(counts.items())[:MOST_CHANNELS])
    unit = f"contacts, by {_text(column)}" if column else "contacts, by what is filled in"
    return _noted(people, _bars(ax, title, unit, shown, len(people)))


def consent(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the shares of each flag and enumeration about consent, a bar a column; NA is unknown."""
    need_contacts("consent", people)
    if not len(people):
        return _noted(people, _nothing(ax, "Consent", "no contacts"))
    title = f"Consent of {_many(len(people), 'contact')}"
    return _noted(people, _stacks(ax, title, by_consent(people)))


def over_time(people: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many contacts were created by day, week, month or year, whichever suits (UTC)."""
    need_contacts("over_time", people)
    if not len(people):
        return _noted(people, _nothing(ax, "Contacts over time", "no contacts"))
    ages = by_age(people)
    if ages is None:
        ax = _nothing(ax, "Contacts over time", "no contact has a time of creation")
        return _noted(people, ax)
    title = f"{_many(len(people) - ages.untold, 'contact')} by {ages.unit} of creation"
    untold = f" ({ages.untold:,} without a time are left out)" if ages.untold else ""
    ax = _columns(_axes(ax, title, 2.5), ages.counts.tolist(), ages.labels)
    ax.set_xlabel(f"{ages.unit}, UTC{untold}")
    ax.set_ylabel("contacts")
    return _noted(people, ax)


def outcomes(result: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what became of the rows of a result frame, a bar an outcome."""
    need_results("outcomes", result)
    if not len(result):
        return _noted(result, _nothing(ax, "Outcomes", "no results"))
    counts = by_outcome(result)
    told = {name: _OUTCOMES.get(name, (name, _GREY)) for name in counts}
    labels = {told[name][0]: count for name, count in counts.items()}
    colours = [colour for _, colour in told.values()]
    title = f"What became of {_many(len(result), 'write')}"
    return _noted(result, _bars(ax, title, "writes", labels, len(result), colours))


def _axes(ax: Axes | None, title: str, inches: float) -> Axes:
    if ax is None:
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
        figure = Figure(figsize=(8, 1 + inches), dpi=DPI, layout=layout)
        ax = figure.add_subplot(axes_class=Picture)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(title, loc="left")
    return ax


def _noted(frame: pd.DataFrame, ax: Axes) -> Axes:
    """Draw below all else what must be known of the world that a frame came from, if anything.

    It is part of the axis's label, for which a layout makes room in any figure.
    """
    if notice := frame.attrs.get("notice"):
        told = _text(notice, max(20, int(NOTICE_WIDTH * ax.bbox.width / ax.figure.dpi)))
        ax.set_xlabel(f"{ax.get_xlabel()}\n{told}".strip(), fontsize=8, **_LITERAL)
        if isinstance(ax, Picture) and isinstance(ax.figure, Figure):
            ax.figure.set_figheight(ax.figure.get_figheight() + 0.15 * len(told.splitlines()))
    return ax


def _nothing(ax: Axes | None, title: str, told: str) -> Axes:
    ax = _axes(ax, title, 0.5)
    ax.set(xlabel="", ylabel="", frame_on=False)
    ax.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    ax.grid(False)
    ax.text(0.5, 0.5, told, ha="center", va="center", transform=ax.transAxes)
    return ax


def _bars(
    ax: Axes | None,
    title: str,
    unit: str,
    counts: Mapping[str, int],
    total: int,
    colours: Sequence[str] = (_BLUE,),
) -> Axes:
    """A bar a label, downwards, with its count and share."""
    labels = [_text(each) for each in counts]
    # One unit of the axis is an inch, so that a label of many lines has its room.
    heights = [0.22 + 0.18 * len(each.splitlines()) for each in labels]
    middles = [sum(heights[:at]) + each / 2 for at, each in enumerate(heights)]
    ax = _axes(ax, title, sum(heights))
    drawn = ax.barh(middles, list(counts.values()), color=list(colours), height=0.28)
    told = [f"{count:,} ({_share(count, total)})" for count in counts.values()]
    ax.bar_label(drawn, told, padding=4)
    ax.set_xlim(0, 1.25 * max(counts.values()))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return _downwards(ax, middles, labels, sum(heights), unit)


def _downwards(
    ax: Axes, middles: Sequence[float], labels: Sequence[str], bottom: float, unit: str
) -> Axes:
    ax.set_yticks(middles, labels, **_LITERAL)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(bottom, 0)
    ax.set_xlabel(unit, **_LITERAL)
    return ax


def _columns(ax: Axes, counts: Sequence[int], labels: Mapping[int, str]) -> Axes:
    """A bar a unit of time, with its count where there is room."""
    drawn = ax.bar(range(len(counts)), counts, width=0.9, color=_BLUE)
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
    ax = _axes(ax, title, sum(heights))
    for top, answers, (key, _) in zip(tops, given, keys, strict=True):
        _stack(ax, top + 0.22, answers, shades)
        place = {"xycoords": "data", "box_alignment": (0, 1), "frameon": False, "pad": 0}
        ax.add_artist(AnnotationBbox(key, (0, top + 0.38), **place))
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    labels = [_text(name, 24) for name in told]
    middles = [top + 0.22 for top in tops]
    return _downwards(ax, middles, labels, sum(heights), "share of the contacts")


def _shades(answers: Sequence[str]) -> dict[str, str]:
    """One colour an answer, the same in every bar."""
    fixed = {"yes": _BLUE, "no": _SKY, "unknown": _LIGHT}
    others = [each for each in dict.fromkeys(answers) if each not in fixed]
    return fixed | {each: _PALETTE[at % len(_PALETTE)] for at, each in enumerate(others)}


def _stack(ax: Axes, y: float, answers: Mapping[str, int], shades: Mapping[str, str]) -> None:
    left, total = 0.0, sum(answers.values())
    for answer, count in answers.items():
        share = count / total
        ax.barh(y, share, left=left, height=0.28, color=shades[answer], edgecolor="white")
        if share > 0.06:
            dark = shades[answer] == _BLUE
            middle = left + share / 2
            told, colour = _share(count, total), "white" if dark else "black"
            ax.text(middle, y, told, ha="center", va="center", fontsize=9, color=colour)
        left += share


def _key(answers: Mapping[str, int], shades: Mapping[str, str]) -> tuple[VPacker, int]:
    """What each shade of one bar is and how many contacts it has; and how many lines that takes."""
    rows: list[list[Artist]] = []
    width, lines, total = KEY_WIDTH, 0, sum(answers.values())
    for answer, count in answers.items():
        told = _text(f"{answer} {count:,} ({_share(count, total)})")
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
    text = TextArea(told, textprops={"fontsize": 9, **_LITERAL})
    return HPacker(children=[square, text], align="center", pad=0, sep=4)


def _text(value: object, width: int = 40) -> str:
    """A label as it stands, in lines; what cannot be printed is shown as not known."""
    written = "".join(c if c.isprintable() or c in "\t\n" else "\ufffd" for c in str(value))
    lines = (textwrap.fill(line, width) for line in written.splitlines())
    return "\n".join(filter(None, lines)) or "(blank)"


def _share(count: int, total: int) -> str:
    """A share in whole percent; nearly none and nearly all are not told as none and all."""
    percent = 100 * count / total
    if 0 < percent < 1:
        return "<1%"
    return ">99%" if 99 < percent < 100 else f"{percent:.0f}%"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
