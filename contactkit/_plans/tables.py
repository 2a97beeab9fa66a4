"""A plan as frames (its contacts, its cells, its counts), and as text and HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from html import escape
from typing import Any

import pandas as pd

from contactkit._frames.frame import RESULT_COLUMNS, STRING, declared_frame
from contactkit._frames.moments import time_text
from contactkit._frames.nested import CONTACT
from contactkit._http.results import Row, build_row, problem_columns
from contactkit._plans.change import KEPT_BACK, PlannedWrite
from contactkit.spec.outcome import Outcome
from contactkit.spec.provider import JSON, Provider

ROW_COLUMNS = {
    name: RESULT_COLUMNS[name]
    for name in "provider key operation outcome changed before after code message field".split()
}
CELL_COLUMNS: dict[str, Any] = {
    "key": STRING,
    "operation": RESULT_COLUMNS["operation"],
    "field": STRING,
    "old": CONTACT,
    "new": CONTACT,
    "refused_because": STRING,
    "because": STRING,
}
OPT_IN = "opt_in"
"""In a summary, the operation of an update that opts in a contact who opted out."""

ABSENT = "absent"
"""In a summary, the operation of contacts that the edited frame lacks and that are left alone."""

SUMMARY_COLUMNS: dict[str, Any] = {
    "operation": pd.CategoricalDtype([OPT_IN, *RESULT_COLUMNS["operation"].categories, ABSENT]),
    "outcome": RESULT_COLUMNS["outcome"],
    "contacts": pd.Int64Dtype(),
}


def rows(provider: Provider, contacts: Sequence[PlannedWrite], index: pd.Index) -> pd.DataFrame:
    """One row for each contact, with columns of a result frame."""
    return declared_frame(ROW_COLUMNS, [_row(provider, contact) for contact in contacts], index)


def _row(provider: Provider, contact: PlannedWrite) -> Row:
    before, problems = contact.before, contact.problems
    row = build_row(
        provider,
        contact.operation,
        contact.outcome,
        key=contact.key,
        changed=[*contact.changes],
        before=None if before is None else deepcopy(dict(before)),
        after=None if problems else contact.after(provider),
        **problem_columns(problems),
    )
    return row | {"message": row["message"] or contact.stays or contact.because_text or None}


def cells(provider: Provider, contacts: Sequence[PlannedWrite], index: pd.Index) -> pd.DataFrame:
    """One row per line of `cells_of`, with its contact's label."""
    sizes = cell_counts(contacts)
    kept_back = count_kept_back(contacts)
    cells = [
        cell
        for contact, size in zip(contacts, sizes, strict=True)
        if size
        for cell in cells_of(provider, contact, kept_back)
    ]
    return declared_frame(CELL_COLUMNS, cells, index.repeat(sizes))


def cell_counts(contacts: Sequence[PlannedWrite]) -> list[int]:
    """How many lines show each contact; all deletes that other rows keep back have one together."""
    counts: list[int] = []
    is_shown = False
    for contact in contacts:
        counts.append(0 if contact.kept_back and is_shown else len(contact.lines()))
        is_shown |= contact.kept_back
    return counts


def count_kept_back(contacts: Sequence[PlannedWrite]) -> int:
    """How many deletes other rows keep back."""
    return sum(contact.kept_back for contact in contacts)


def cells_of(
    provider: Provider, contact: PlannedWrite, kept_back: int = 1
) -> Iterator[dict[str, Any]]:
    """The lines that show one contact: its cells, but what a refusal keeps back on one line.

    The line of a delete that other rows keep back is that of all `kept_back` ones.
    """
    reasons, is_of_many = contact.reasons(), contact.kept_back and kept_back > 1
    before, after = contact.before or {}, contact.after(provider) or {}
    for names in contact.lines():
        name = names[0] if len(names) == 1 else ""
        reason = reasons.get(name, reasons.get(""))
        if is_of_many:
            shared = (each.message for each in contact.problems if each.code == KEPT_BACK)
            reason = f"{kept_back:,} contacts {'; '.join(shared)}"
        yield {
            "key": None if is_of_many else contact.key or None,
            "operation": contact.operation,
            "field": ", ".join(names) or None,
            "old": deepcopy(before.get(name)),
            "new": after.get(name),
            "refused_because": reason,
            "because": contact.because_text or None,
        }


def summary(
    provider: Provider, contacts: Sequence[PlannedWrite], unchanged: int, absent: int
) -> pd.DataFrame:
    """How many contacts, by operation and outcome; each is counted once."""
    counts = Counter(
        (OPT_IN if contact.opts_in(provider) else contact.operation, contact.outcome)
        for contact in contacts
    )
    counts["update", Outcome.UNCHANGED] = unchanged
    counts[ABSENT, Outcome.UNCHANGED] = absent
    order = SUMMARY_COLUMNS["operation"].categories.get_loc
    rows = [
        {"operation": operation, "outcome": outcome, "contacts": count}
        for (operation, outcome), count in sorted(
            counts.items(), key=lambda item: order(item[0][0])
        )
        if count
    ]
    return declared_frame(SUMMARY_COLUMNS, rows)


def count_people(count: int) -> str:
    """A number of people in words."""
    return f"{count:,} {'person' if count == 1 else 'people'}"


_LONGEST = 40
_UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
LEFT = ' style="text-align:left"'
# Front ends and exports would typeset what is between two dollar signs as a formula.
AS_IT_IS = ' class="mathjax_ignore tex2jax_ignore"'
_TITLES = {
    "key": "key",
    "field": "field",
    "old": "old",
    "new": "new",
    "refused_because": "refused because",
    "because": "because",
}


def as_text(
    title: str, facts: Mapping[str, str], cells: Sequence[Mapping[str, Any]] = (), more: str = ""
) -> str:
    """A title, a line for each fact, and the cells as a table."""
    lines = [title, *(f"  {name}: {value}" for name, value in facts.items())]
    if cells:
        titles = _titles(cells)
        table = [[*titles.values()], *(_texts(cell, titles) for cell in cells)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return "\n".join([*lines, f"  {more}"] if more else lines)


def as_html(
    title: str,
    facts: Mapping[str, str],
    cells: Sequence[Mapping[str, Any]] = (),
    more: str = "",
    *,
    world: str = "",
) -> str:
    """The same as HTML, with every value escaped, and the world as a badge."""
    head = "".join(
        f'<tr><th scope="row"{LEFT}>{escape(name)}</th>{_html_cell(value)}</tr>'
        for name, value in facts.items()
        if name != "world"
    )
    badge = badge_html(world or facts.get("world", ""))
    caption = f"<caption{LEFT}><strong>{escape(title)}</strong> {badge}</caption>"
    html = f"<table>{caption}<tbody>{head}</tbody></table>"
    if cells:
        titles = _titles(cells)
        head = "".join(f'<th scope="col"{LEFT}>{name}</th>' for name in titles.values())
        texts = (_texts(cell, titles) for cell in cells)
        rows = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in texts)
        html += f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    html += f"<p>{escape(more)}</p>" if more else ""
    return f"<div{AS_IT_IS}>{html}</div>"


def badge_html(world: str) -> str:
    """The name of a world in a frame of the text's own colour, in any theme; "" for none."""
    look = "border:1px solid;border-radius:1em;padding:0 .6em"
    return f'<span style="{look}">{escape(world)}</span>' if world else ""


def _html_cell(text: str) -> str:
    return f"<td{LEFT}>{escape(text)}</td>"


def _titles(cells: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The columns that are shown, by name; `because` only where a cell has it."""
    has_reasons = any(cell["because"] for cell in cells)
    return {name: title for name, title in _TITLES.items() if name != "because" or has_reasons}


def _texts(cell: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """The texts of a row; if there is no field, the operation takes its place."""
    values = {**cell, "field": cell["field"] or cell["operation"]}
    return [
        text_of(values[name], _LONGEST if name in ("old", "new", "key") else 200) for name in names
    ]


def text_of(value: JSON, longest: int) -> str:
    """A value on one line, cut if it is long; "" for none."""
    plain = isinstance(value, str) and value.isprintable() and value.strip() == value != ""
    text = "" if value is None else value if plain else json.dumps(value, ensure_ascii=not plain)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def when(moment: datetime, now: datetime, note: str = "") -> str:
    """A future time, with the time until then in its two largest units, and a note of the time."""
    seconds = round((moment - now).total_seconds())
    if seconds <= 0:
        return "immediately"
    parts: list[str] = []
    for unit, size in _UNITS.items():
        amount, seconds = divmod(seconds, size)
        parts += [f"{amount} {unit}"] if amount else []
    at = ", ".join(filter(None, (time_text(moment, seconds=True), note)))
    return f"in {' '.join(parts[:2])}, at {at}"


def escape_unprintable(text: str) -> str:
    """A text on one line, with unprintable characters escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
