"""What differs between two frames of contacts, cell by cell: what was created, deleted, changed.

Cells are compared as a plan compares them, but in both directions: an emptied cell is a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import CLEAR, coerce_cell, coerce_column, objects
from contactkit._frames.empty import INDEX_COLUMN, find_empty_rows, is_empty_cell
from contactkit._frames.frame import STRING, cell_to_json
from contactkit._frames.nested import CONTACT
from contactkit._plans.diff import diff_frames, options_of
from contactkit._plans.match import columns_of, key_as_sent
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.validate import is_phone, is_uuid, to_python

CHANGES = ("created", "deleted", "changed")
CHANGE_COLUMNS: dict[str, Any] = {
    "key": STRING,
    "change": pd.CategoricalDtype([*CHANGES]),
    "field": STRING,
    "before": CONTACT,
    "after": CONTACT,
}
_MOST_NAMED = 10
_BLOCK = 100_000
"""The rows that are compared at once, so that few copies of cells exist at a time."""


@dataclass(frozen=True, kw_only=True)
class _Contacts:
    """The rows of one frame that are not empty, by field name, and their keys."""

    columns: Mapping[str, pd.Series]
    keys: pd.Index

    def take(self, rows: Any, names: Iterable[str], key: str) -> pd.DataFrame:
        """Some rows and columns as a frame with the keys."""
        columns = {name: self.columns[name].iloc[rows].array for name in names}
        return pd.DataFrame({**columns, key: self.keys[rows].to_numpy()}, copy=False)


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Cells of one field that differ; `ranks` are the places of their contacts in the result."""

    change: str
    field: str
    keys: pd.Index
    ranks: Any
    before: list[JSON]
    after: list[JSON]


def compare_contacts(provider: Provider, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """One row per cell that differs; the contacts of `after` first, then those that are gone.

    InvalidInputError names the rows without a key, and those with the same one.
    """
    old, new = _read(provider, before, "before"), _read(provider, after, "after")
    matches = old.keys.get_indexer(new.keys)
    created, deleted = np.flatnonzero(matches < 0), np.setdiff1d(range(len(old.keys)), matches)
    cells = [
        *_filled_cells(provider, new, created, "created", first=0),
        *_filled_cells(provider, old, deleted, "deleted", first=len(new.keys)),
        *_changed_cells(provider, old, new, matches),
    ]
    return _to_frame(cells, _names(provider, {**old.columns, **new.columns}))


def _read(provider: Provider, frame: pd.DataFrame, which: str) -> _Contacts:
    key = key_of(provider.record)
    columns = columns_of(provider, frame, which, (key.name,), "changes")
    keys = coerce_column(key, columns[key.name])
    rows = np.flatnonzero(~find_empty_rows(columns, key.name, len(frame)))
    where = f"{provider.name} changes"
    _refuse_rows(where, which, key, rows[~keys.present[rows]], "must be a key, as text")
    texts = keys.values[rows]
    if is_phone(key) or is_uuid(key):
        texts = np.array([key_as_sent(provider, text) for text in texts], dtype=object)
    index = pd.Index(texts, dtype=object)
    duplicated = rows[index.duplicated(keep=False)]
    _refuse_rows(where, which, key, duplicated, "is also in another row")
    if len(rows) < len(frame):
        columns = {name: column.iloc[rows] for name, column in columns.items()}
    return _Contacts(columns=columns, keys=index)


def _refuse_rows(where: str, which: str, key: RecordField, wrong: Any, message: str) -> None:
    """Raise InvalidInputError with the positions of these rows, if there are any.

    The message does not repeat the keys, which may be phone numbers.
    """
    problems = [
        FieldProblem(field=f"{which}[{row}] {key.name}", message=message)
        for row in wrong[:_MOST_NAMED].tolist()
    ]
    if len(wrong) > _MOST_NAMED:
        rest = len(wrong) - _MOST_NAMED
        more = f"and {rest:,} more row{'s' * (rest > 1)} of {which}"
        problems.append(FieldProblem(field="", message=more))
    if problems:
        raise InvalidInputError(where, problems)


def _names(provider: Provider, columns: Mapping[str, pd.Series]) -> list[str]:
    """The fields that are compared: the declared ones in order, then what the provider added."""
    declared = fields_of(provider.record)
    known = {*declared, *options_of(provider)}
    added = [name for name in columns if name not in known and not INDEX_COLUMN.fullmatch(name)]
    return [*(name for name in declared if name in columns), *added]


def _filled_cells(
    provider: Provider, contacts: _Contacts, rows: Any, change: str, *, first: int
) -> Iterator[_Cells]:
    """The cells of contacts that only one frame has, their keys among them."""
    for name in _names(provider, contacts.columns) if len(rows) else ():
        declared = fields_of(provider.record).get(name)
        column = contacts.columns[name].iloc[rows]
        if declared:
            read = coerce_column(declared, column)
            filled = np.flatnonzero(read.present | read.unreadable)
        else:
            filled = np.flatnonzero([not is_empty_cell(cell) for cell in objects(column)])
        values = _to_json(declared, column.iloc[filled])
        nothing: list[JSON] = [None] * len(values)
        yield _Cells(
            change=change,
            field=name,
            keys=contacts.keys[rows[filled]],
            ranks=first + rows[filled],
            before=nothing if change == "created" else values,
            after=values if change == "created" else nothing,
        )


def _changed_cells(
    provider: Provider, old: _Contacts, new: _Contacts, matches: Any
) -> Iterator[_Cells]:
    """The cells that differ of contacts in both frames; a column of only one is not compared."""
    kept = np.flatnonzero(matches >= 0)
    for start in range(0, len(kept), _BLOCK):
        rows = kept[start : start + _BLOCK]
        yield from _changed_in_block(provider, old, new, matches[rows], rows)


def _changed_in_block(
    provider: Provider, old: _Contacts, new: _Contacts, old_rows: Any, new_rows: Any
) -> Iterator[_Cells]:
    key = key_of(provider.record).name
    names = [name for name in _names(provider, new.columns) if name in old.columns and name != key]
    before, after = old.take(old_rows, names, key), new.take(new_rows, names, key)
    differing: dict[str, set[int]] = {}
    # An edit never empties a cell, so that what was emptied differs in the other direction only.
    for edited, original in ((after, before), (before, after)):
        for row, cells in diff_frames(provider, edited, original).changes.items():
            for name in cells:
                differing.setdefault(name, set()).add(row)
    for name, places in differing.items():
        rows = np.array(sorted(places))
        declared = fields_of(provider.record).get(name)
        yield _Cells(
            change="changed",
            field=name,
            keys=new.keys[new_rows[rows]],
            ranks=new_rows[rows],
            before=_to_json(declared, before[name].iloc[rows]),
            after=_to_json(declared, after[name].iloc[rows]),
        )


def _to_json(declared: RecordField | None, column: pd.Series) -> list[JSON]:
    """Cells as JSON, None for an empty one; what cannot be read is unchanged."""
    empty = (is_empty_cell(cell) or cell is CLEAR for cell in objects(column))
    return [
        None
        if is_empty
        else cell_to_json(declared, coerce_cell(declared, cell))
        if declared
        else to_python(cell)
        for is_empty, cell in zip(empty, objects(column), strict=True)
    ]


def _to_frame(cells: list[_Cells], names: list[str]) -> pd.DataFrame:
    """The cells as a frame, in the order of their contacts and fields."""
    sizes = [len(each.keys) for each in cells]
    fields = np.repeat([names.index(each.field) for each in cells], sizes).astype(np.intp)
    ranks = np.concatenate([*(each.ranks for each in cells), np.array([], dtype=np.intp)])
    order = np.lexsort((fields, ranks))
    columns: dict[str, Iterable[Any]] = {
        "key": [key for each in cells for key in each.keys],
        "change": np.repeat([each.change for each in cells], sizes),
        "field": np.array([*names, ""], dtype=object)[fields],
        "before": [value for each in cells for value in each.before],
        "after": [value for each in cells for value in each.after],
    }
    return pd.DataFrame(
        {
            name: pd.Series(_as_objects(columns[name])[order], dtype=dtype)
            for name, dtype in CHANGE_COLUMNS.items()
        }
    )


def _as_objects(values: Iterable[Any]) -> Any:
    """An array of objects, of which lists are single ones."""
    cells = list(values)
    array = np.empty(len(cells), dtype=object)
    for place, cell in enumerate(cells):
        array[place] = cell
    return array
