"""New rows that are a person twice: one of another new row, or one that is a contact already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from contactkit._frames.coerce import coerce_column
from contactkit._plans.labels import name_rows
from contactkit._plans.match import EditedRows, spell
from contactkit.errors import FieldProblem
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, key_of, unique_fields


def find_same(
    provider: Provider,
    edited: EditedRows,
    original: Mapping[str, pd.Series],
    new: Mapping[int, Mapping[str, JSON]],
) -> dict[int, FieldProblem]:
    """Why new rows are not created, by row: they have the unique value of another contact.

    `new` has the values of the new rows.
    """
    key, problems = key_of(provider.record), dict[int, FieldProblem]()
    for field in unique_fields(provider.record):
        if field in (key, edited.on):
            continue
        rows: dict[str, list[int]] = {}
        for row, values in new.items():
            if isinstance(text := values.get(field.name), str):
                rows.setdefault(spell(field, text), []).append(row)
        found = _existing(key, field, original, rows) if rows else {}
        for row, message, code in _reasons(edited.index, rows, found):
            problem = FieldProblem(field=field.name, message=message, code=code)
            problems.setdefault(row, problem)
    return problems


def _existing(
    key: RecordField,
    field: RecordField,
    original: Mapping[str, pd.Series],
    wanted: Mapping[str, object],
) -> dict[str, str]:
    """Which of the values contacts have already, and the key of each contact."""
    if field.name not in original:
        return {}
    theirs = coerce_column(field, original[field.name])
    keys = original[key.name]
    texts = ((row, theirs.values[row]) for row in np.flatnonzero(theirs.present).tolist())
    spelled = ((row, spell(field, text, known=True)) for row, text in texts)
    return {text: str(keys.iloc[row]) for row, text in spelled if text in wanted}


def _reasons(
    index: pd.Index, rows: Mapping[str, Sequence[int]], existing: Mapping[str, str]
) -> Iterator[tuple[int, str, str]]:
    for text, same in rows.items():
        for row in same:
            if text in existing:
                yield row, f"is that of the contact {existing[text]}", "exists"
            elif len(same) > 1:
                yield row, f"is also in {name_rows(index, same, besides=row)}", "duplicate"
