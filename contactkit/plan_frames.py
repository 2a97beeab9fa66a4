"""What a plan holds as frames: a row a contact, a row a cell, and the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd

from contactkit.frames import RESULT_COLUMNS, STRING, declared_frame
from contactkit.planned import Planned
from contactkit.spec import Provider

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


def rows(provider: Provider, contacts: Sequence[Planned], index: pd.Index) -> pd.DataFrame:
    """A row a contact, with columns of a result frame."""
    return declared_frame(ROW_COLUMNS, [_row(provider, each) for each in contacts], index)


def _row(provider: Provider, each: Planned) -> dict[str, Any]:
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


def cells(provider: Provider, contacts: Sequence[Planned], index: pd.Index) -> pd.DataFrame:
    """A row a cell that differs, under its contact's label."""
    at: list[int] = []
    found: list[dict[str, Any]] = []
    for position, each in enumerate(contacts):
        for cell in cells_of(provider, each):
            at.append(position)
            found.append(cell)
    return declared_frame(CELL_COLUMNS, found, index.take(np.array(at, dtype=np.intp)))


def cells_of(provider: Provider, each: Planned) -> Iterator[dict[str, Any]]:
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


def summary(contacts: Sequence[Planned], unchanged: int, vanished: int) -> pd.DataFrame:
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
