"""A figure as part of a page whose theme and fonts it does not know.

It has no background, and its ink can be read on white and on black. As SVG its text is drawn by the
page, in any script; as PNG with the fonts of this machine.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

# Its contrast to white and to black is 4.5.
INK = "#767676"

_BLACK, _WHITE = "#000000ff", "#ffffffff"
# Together these have most scripts; any of them may be missing.
_FONTS = (
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "PingFang SC",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Arial Unicode MS",
    "Segoe UI",
    "Segoe UI Symbol",
)


def draw_png(figure: Figure, dpi: float) -> bytes:
    """The figure as pixels."""
    file = io.BytesIO()
    with _on_any_page(figure):
        figure.canvas.print_figure(file, format="png", dpi=dpi)
    return file.getvalue()


def draw_svg(figure: Figure) -> str:
    """The figure as SVG, in which text is text."""
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none"}), _on_any_page(figure):
        figure.canvas.print_figure(file, format="svg", metadata={"Date": None})
    return file.getvalue()


@contextmanager
def _on_any_page(figure: Figure) -> Iterator[None]:
    """Change the figure's ink, background and fonts until the block ends."""
    undo: list[Callable[[], object]] = []
    with warnings.catch_warnings():
        # The page has the font that this machine lacks.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        # Its ticks are made when it is drawn.
        figure.draw_without_rendering()
        for artist in figure.findobj():
            _replace(artist, undo)
        try:
            yield
        finally:
            for restore in undo:
                restore()


def _replace(artist: Any, undo: list[Callable[[], object]]) -> None:
    if isinstance(artist, Text):
        _swap(artist, "fontfamily", artist.get_fontfamily() + _known_fonts(), undo)
        if not (artist.axes and artist.axes.images and artist in artist.axes.texts):
            _swap_colour(artist, "color", {_BLACK: INK}, undo)
    elif isinstance(artist, Line2D):
        for name in ("color", "markeredgecolor"):
            _swap_colour(artist, name, {_BLACK: INK}, undo)
    elif isinstance(artist, Patch):
        _swap_colour(artist, "facecolor", {_WHITE: "none"}, undo)
        _swap_colour(artist, "edgecolor", {_BLACK: INK, _WHITE: "none"}, undo)


def _swap_colour(
    artist: Any, name: str, others: dict[str, str], undo: list[Callable[[], object]]
) -> None:
    colour = to_hex(getattr(artist, f"get_{name}")(), keep_alpha=True)
    if colour in others:
        _swap(artist, name, others[colour], undo)


def _swap(artist: Any, name: str, value: Any, undo: list[Callable[[], object]]) -> None:
    old, change = getattr(artist, f"get_{name}")(), getattr(artist, f"set_{name}")
    undo.append(lambda: change(old))
    change(value)


@cache
def _known_fonts() -> list[str]:
    installed = {*get_font_names()}
    return [name for name in _FONTS if name in installed]
