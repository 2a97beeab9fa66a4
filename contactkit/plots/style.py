"""What all pictures are drawn with: Axes, bars and their texts, and colours.

Every text is drawn as it stands: none is read as mathematics or TeX.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

NOTICE_WIDTH = 10  # characters an inch
DPI = 96

# Okabe and Ito's colours, which those who are colour-blind tell apart too.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW = "#56B4E9", "#D55E00", "#F0E442"
GREY, LIGHT = "#BBBBBB", "#DDDDDD"
LITERAL: dict[str, Any] = {"parse_math": False, "usetex": False}


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


def axes(ax: Axes | None, title: str, inches: float) -> Axes:
    """The caller's Axes, or a picture of our own with so many inches for what is drawn."""
    if ax is None:
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
        figure = Figure(figsize=(8, 1 + inches), dpi=DPI, layout=layout)
        ax = figure.add_subplot(axes_class=Picture)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(title, loc="left")
    return ax


def noted(frame: pd.DataFrame, ax: Axes) -> Axes:
    """Draw below all else what must be known of the world that a frame came from, if anything.

    It is part of the axis's label, for which a layout makes room in any figure.
    """
    if notice := frame.attrs.get("notice"):
        told = label(notice, max(20, int(NOTICE_WIDTH * ax.bbox.width / ax.figure.dpi)))
        ax.set_xlabel(f"{ax.get_xlabel()}\n{told}".strip(), fontsize=8, **LITERAL)
        if isinstance(ax, Picture) and isinstance(ax.figure, Figure):
            ax.figure.set_figheight(ax.figure.get_figheight() + 0.15 * len(told.splitlines()))
    return ax


def nothing(ax: Axes | None, title: str, told: str) -> Axes:
    """Say in the picture's place why there is none."""
    ax = axes(ax, title, 0.5)
    ax.set(xlabel="", ylabel="", frame_on=False)
    ax.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    ax.grid(False)
    ax.text(0.5, 0.5, told, ha="center", va="center", transform=ax.transAxes)
    return ax


def bars(
    ax: Axes | None,
    title: str,
    unit: str,
    counts: Mapping[str, int],
    total: int,
    colours: Sequence[str] = (BLUE,),
) -> Axes:
    """A bar a label, downwards, with its count and share."""
    labels = [label(each) for each in counts]
    # One unit of the axis is an inch, so that a label of many lines has its room.
    heights = [0.22 + 0.18 * len(each.splitlines()) for each in labels]
    middles = [sum(heights[:at]) + each / 2 for at, each in enumerate(heights)]
    ax = axes(ax, title, sum(heights))
    drawn = ax.barh(middles, list(counts.values()), color=list(colours), height=0.28)
    told = [f"{count:,} ({percent(count, total)})" for count in counts.values()]
    ax.bar_label(drawn, told, padding=4)
    ax.set_xlim(0, 1.25 * max(counts.values()))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return downwards(ax, middles, labels, sum(heights), unit)


def downwards(
    ax: Axes, middles: Sequence[float], labels: Sequence[str], bottom: float, unit: str
) -> Axes:
    """Label the bars and the axis that they are counted on."""
    ax.set_yticks(middles, labels, **LITERAL)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(bottom, 0)
    ax.set_xlabel(unit, **LITERAL)
    return ax


def label(value: object, width: int = 40) -> str:
    """A label as it stands, in lines; what cannot be printed is shown as not known."""
    written = "".join(c if c.isprintable() or c in "\t\n" else "\ufffd" for c in str(value))
    lines = (textwrap.fill(line, width) for line in written.splitlines())
    return "\n".join(filter(None, lines)) or "(blank)"


def percent(count: int, total: int) -> str:
    """A share in whole percent; nearly none and nearly all are not told as none and all."""
    exact = 100 * count / total
    if 0 < exact < 1:
        return "<1%"
    return ">99%" if 99 < exact < 100 else f"{exact:.0f}%"


def many(count: int, what: str) -> str:
    """A count of something, as it is said."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")
