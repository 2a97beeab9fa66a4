"""How a plan shows itself: what there is of it, and its first cells, as text and as HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from contactkit.spec import JSON

_LONGEST = 40
_UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
_LEFT = ' style="text-align:left"'
_TITLES = {
    "key": "key",
    "field": "field",
    "old": "old",
    "new": "new",
    "refused_because": "refused because",
}


def as_text(
    title: str, facts: Mapping[str, str], cells: Sequence[Mapping[str, Any]], more: str
) -> str:
    """A heading, a line a fact, and the cells as a table."""
    lines = [title, *(f"  {name}: {value}" for name, value in facts.items())]
    if cells:
        table = [[*_TITLES.values()], *(_texts(cell) for cell in cells)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return "\n".join([*lines, f"  {more}"] if more else lines)


def as_html(
    title: str, facts: Mapping[str, str], cells: Sequence[Mapping[str, Any]], more: str
) -> str:
    """The same, every value escaped."""
    told = "".join(
        f'<tr><th scope="row"{_LEFT}>{escape(name)}</th><td{_LEFT}>{escape(value)}</td></tr>'
        for name, value in facts.items()
    )
    caption = f'<caption style="text-align:left;font-weight:bold">{escape(title)}</caption>'
    html = f"<table>{caption}<tbody>{told}</tbody></table>"
    if cells:
        head = "".join(f'<th scope="col"{_LEFT}>{each}</th>' for each in _TITLES.values())
        rows = "".join(f"<tr>{''.join(map(_cell, _texts(cell)))}</tr>" for cell in cells)
        html += f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return html + (f"<p>{escape(more)}</p>" if more else "")


def _cell(text: str) -> str:
    return f"<td{_LEFT}>{escape(text)}</td>"


def _texts(cell: Mapping[str, Any]) -> list[str]:
    """What stands in a row: an operation in the place of a field where there is none."""
    said = {**cell, "field": cell["field"] or cell["operation"]}
    return [
        text_of(said[name], _LONGEST if name in ("old", "new", "key") else 200) for name in _TITLES
    ]


def text_of(value: JSON, longest: int) -> str:
    """A value on one line, cut where it is long; "" for none."""
    plain = isinstance(value, str) and value.isprintable() and value.strip() == value != ""
    text = "" if value is None else value if plain else json.dumps(value, ensure_ascii=not plain)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def when(moment: datetime, now: datetime) -> str:
    """A time to come, and how far off it is, in its two largest units."""
    seconds = round((moment - now).total_seconds())
    if seconds <= 0:
        return "at once"
    parts: list[str] = []
    for unit, size in _UNITS.items():
        amount, seconds = divmod(seconds, size)
        parts += [f"{amount} {unit}"] if amount else []
    return f"in {' '.join(parts[:2])}, at {moment:%Y-%m-%d %H:%M:%S} UTC"
