"""What a plan holds as frames: a row a contact, a row a cell, and the counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.frame import RESULT_COLUMNS, STRING, declared_frame
from contactkit._plans.change import PlannedWrite
from contactkit.spec.provider import JSON, Provider

ROW_COLUMNS = {
    name: RESULT_COLUMNS[name]
    for name in "provider key operation outcome changed before after code message field".split()
}
CELL_COLUMNS: dict[str, Any] = {
    "key": STRING,
    "operation": RESULT_COLUMNS["operation"],
    "field": STRING,
    "old": object,
    "new": object,
    "refused_because": STRING,
}
SUMMARY_COLUMNS: dict[str, Any] = {
    "operation": RESULT_COLUMNS["operation"],
    "outcome": RESULT_COLUMNS["outcome"],
    "contacts": pd.Int64Dtype(),
}


def rows(provider: Provider, contacts: Sequence[PlannedWrite], index: pd.Index) -> pd.DataFrame:
    """A row a contact, with columns of a result frame."""
    return declared_frame(ROW_COLUMNS, [_row(provider, each) for each in contacts], index)


def _row(provider: Provider, each: PlannedWrite) -> dict[str, Any]:
    problems = each.problems
    return {
        "provider": provider.name,
        "key": each.key or None,
        "operation": each.operation,
        "outcome": each.outcome,
        "changed": [*each.changes],
        "before": None if each.before is None else deepcopy(dict(each.before)),
        "after": None if problems else each.after(provider),
        "code": next((problem.code for problem in problems if problem.code), None),
        "message": "; ".join(map(str, problems)) or each.stays or None,
        "field": ", ".join(problem.field for problem in problems if problem.field) or None,
    }


def cells(provider: Provider, contacts: Sequence[PlannedWrite], index: pd.Index) -> pd.DataFrame:
    """A row a cell that differs, under its contact's label."""
    at: list[int] = []
    found: list[dict[str, Any]] = []
    for position, each in enumerate(contacts):
        for cell in cells_of(provider, each):
            at.append(position)
            found.append(cell)
    return declared_frame(CELL_COLUMNS, found, index.take(np.array(at, dtype=np.intp)))


def cells_of(provider: Provider, each: PlannedWrite) -> Iterator[dict[str, Any]]:
    """The cells of one contact; one without a field where it has none."""
    told = each.reasons()
    became = each.after(provider) or {}
    for name in each.changes or [None]:
        yield {
            "key": each.key or None,
            "operation": each.operation,
            "field": name,
            "old": deepcopy((each.before or {}).get(name)) if name else None,
            "new": became.get(name) if name else None,
            "refused_because": told.get(name or "", told.get("")),
        }


def summary(contacts: Sequence[PlannedWrite], unchanged: int, vanished: int) -> pd.DataFrame:
    """How many contacts, by operation and outcome."""
    found = Counter((each.operation, each.outcome) for each in contacts)
    found["update", "unchanged"] = unchanged
    found["delete", "skipped"] = vanished
    order = SUMMARY_COLUMNS["operation"].categories.get_loc
    rows = [
        {"operation": operation, "outcome": outcome, "contacts": count}
        for (operation, outcome), count in sorted(found.items(), key=lambda e: order(e[0][0]))
        if count
    ]
    return declared_frame(SUMMARY_COLUMNS, rows)


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


def escape_unprintable(text: str) -> str:
    """A text on one line, in which unprintable characters are escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
