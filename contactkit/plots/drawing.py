"""What all pictures have in common: their Axes, their colours, and text that is drawn literally.

Text is never read as mathematics or TeX, and the notice of a replay or of other partial data is
part of the axis label.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, cast

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from contactkit.plots.page import draw_png, draw_svg

LONGEST_LABEL = 40
NOTICE_WIDTH = 10  # characters an inch
DPI = 96

# Okabe and Ito's colours, which colour-blind people can distinguish.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW = "#56B4E9", "#D55E00", "#F0E442"
GREY, LIGHT = "#BBBBBB", "#DDDDDD"
LITERAL: dict[str, Any] = {"parse_math": False, "usetex": False}


class Picture(Axes):
    """Axes that a notebook shows as a cell's output.

    Their figure is not managed by pyplot, which would keep it until it is closed.
    """

    def _repr_svg_(self) -> str:
        return draw_svg(self._whole)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        scale, page = DPI / self.figure.dpi, self.figure.bbox
        size = {"width": round(page.width * scale), "height": round(page.height * scale)}
        # Twice as many pixels as it takes on the page, for high-resolution screens.
        return draw_png(self._whole, 2 * DPI), size

    @property
    def _whole(self) -> Figure:
        return cast("Figure", self.get_figure(root=True))


def axes_for(
    ax: Axes | None, attrs: Mapping[Any, Any], title: str, unit: str, inches: float
) -> Axes:
    """The caller's Axes, or new ones with this many inches for the drawing.

    The notice of a frame's world is part of the label, which has room in any layout.
    """
    if ax is None:
        figure = Figure(figsize=(8, 1 + inches), dpi=DPI, layout="constrained")
        ax = figure.add_subplot(axes_class=Picture)
    notice = _printable(attrs.get("notice", ""))
    lines = textwrap.wrap(notice, max(20, int(NOTICE_WIDTH * ax.bbox.width / ax.figure.dpi)))
    if isinstance(ax, Picture) and isinstance(ax.figure, Figure):
        ax.figure.set_figheight(1 + inches + 0.17 * len(lines))
    ax.set_xlabel("\n".join(filter(None, [unit, *lines])), **LITERAL)
    ax.set_title(title, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def draw_empty(ax: Axes | None, attrs: Mapping[Any, Any], title: str, reason: str) -> Axes:
    """Show the reason for an empty picture."""
    ax = axes_for(ax, attrs, title, "", 0.5)
    ax.set(ylabel="", frame_on=False)
    ax.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    ax.grid(False)
    ax.text(0.5, 0.5, reason, ha="center", va="center", transform=ax.transAxes)
    return ax


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Label horizontal bars, the first one at the top."""
    labels = [label_of(name) for name in names]
    ax.set_yticks(range(len(labels)), labels, **LITERAL)
    _make_room(ax, max(map(_count_wide, labels), default=0))
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _make_room(ax: Axes, wide: int) -> None:
    """Leave a margin for characters that no font of this machine may have, and so measure."""
    if isinstance(ax, Picture) and wide:
        inches = wide * 0.4 * 10 / 72
        left = min(0.4, inches / ax._whole.get_figwidth())
        cast("Any", ax._whole.get_layout_engine()).set(rect=(left, 0, 1 - left, 1))


def _count_wide(label: str) -> int:
    return sum(unicodedata.east_asian_width(character) in "WF" for character in label)


def count_on(axis: Axis) -> None:
    """Use whole numbers for the ticks, few enough to read."""
    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def label_of(value: object) -> str:
    """A label on one line."""
    text = " ".join(_printable(value).split())
    return (text if len(text) <= LONGEST_LABEL else f"{text[:LONGEST_LABEL]}…") or "(blank)"


def _printable(value: object) -> str:
    return "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in str(value))


def number_text(count: int, total: int) -> str:
    """A count with its share in whole percent; 0% and 100% are exact."""
    percent = 100 * count / total
    share = "<1" if 0 < percent < 1 else ">99" if 99 < percent < 100 else f"{percent:.0f}"
    return f"{count:,} ({share}%)"


def count_text(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun, whose plural has an s unless it is given."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
