"""The cells in which two contact frames differ, the edited and the original, column by column.

Cells are compared by their declared kind. Whether a difference may be written is checked elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import (
    CLEAR,
    CoercedColumn,
    coerce_cell,
    coerce_column,
    digits_in,
    objects,
)
from contactkit._frames.empty import INDEX_COLUMN, is_empty_cell
from contactkit._frames.frame import cell_to_json
from contactkit._frames.mappings import restore
from contactkit._frames.texts import is_same_text
from contactkit._plans.match import EditedRows, RowMatch, columns_of, match_rows, read_edited
from contactkit._plans.same import find_same
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.user_input import normalise_phone
from contactkit.spec.validate import is_phone, json_equal, to_python


@dataclass(frozen=True, kw_only=True)
class FrameDiff:
    """The changes in an edited frame, by the positions of its rows and of the original's.

    None in the `changes` of a row clears a field; a value that cannot be read is unchanged.
    `options` are the verb's parameters besides the contact's fields. `original` has the frame's
    columns by field name.
    """

    edited: EditedRows
    original: Mapping[str, pd.Series]
    match: RowMatch
    changes: dict[int, dict[str, JSON]] = field(default_factory=dict[int, dict[str, JSON]])
    options: dict[int, dict[str, JSON]] = field(default_factory=dict[int, dict[str, JSON]])

    @property
    def keys(self) -> list[str]:
        """The key of each row's contact, "" for a row without one."""
        return self.match.keys

    @property
    def rows(self) -> Any:
        """The original's row for each edited one, -1 for a new one."""
        return self.match.rows

    @property
    def new(self) -> list[int]:
        """The rows of no contact of the original."""
        return np.flatnonzero((self.match.rows < 0) & ~self.edited.empty).tolist()


def diff_frames(provider: Provider, edited: pd.DataFrame, original: pd.DataFrame) -> FrameDiff:
    """`diff_rows` for an edited frame whose rows are matched on the key."""
    return diff_rows(
        provider, read_edited(provider, edited, key_of(provider.record).name), original
    )


def diff_rows(
    provider: Provider, edited: EditedRows, original: pd.DataFrame, *, current: bool = False
) -> FrameDiff:
    """The cells that differ; NA in `edited` never differs, CLEAR differs if there is a value.

    With `current`, `original` has the contacts as they are now, and not as they were read for the
    edit: a cell that only the provider sets is then not compared, because its value may have
    changed since. Nor is the cell that a row is matched on, or its key.
    """
    declared, key = fields_of(provider.record), key_of(provider.record).name
    mine = edited.columns
    theirs = columns_of(provider, original, "original", (edited.on.name, key))
    match = match_rows(provider, edited, theirs)
    diff = FrameDiff(edited=edited, original=theirs, match=match)
    _put_keys(declared[key], diff)
    for name in [*(n for n in declared if n in mine), *(n for n in mine if n not in declared)]:
        if name == key:
            continue
        was = theirs.get(name)
        moves = current and was is not None and _is_set_by_provider(declared.get(name))
        if name in declared:
            only_new = moves or name == edited.on.name
            _compare(declared[name], mine[name], was, diff, only_new=only_new)
        elif option := options_of(provider).get(name):
            _put_options(option, mine[name], diff.options)
        elif was is not None or not INDEX_COLUMN.fullmatch(name):
            _compare_unknown(name, mine[name], was, diff, only_new=moves)
    new = {row: diff.changes[row] for row in diff.new if row in diff.changes}
    same = find_same(provider, edited, theirs, new) if new else {}
    match.problems.update({row: same[row] for row in same if row not in match.problems})
    return diff


def _put_keys(key: RecordField, diff: FrameDiff) -> None:
    """The keys of new contacts, and cells that are no key of a contact."""
    column = diff.edited.columns.get(key.name)
    if column is None or not diff.new:
        return
    column = column.iloc[diff.new]
    cells = coerce_column(key, column)
    places = np.flatnonzero(cells.present | cells.unreadable | cells.cleared)
    rows = [diff.new[place] for place in places]
    raw = _values(key, column.iloc[places])
    keys = [diff.keys[row] or cell for row, cell in zip(rows, raw, strict=True)]
    _put(diff.changes, key.name, rows, keys)


def _is_set_by_provider(declared: RecordField | None) -> bool:
    """Whether only the provider changes a field; None is a field that it added later."""
    return declared is None or declared.marker.access == "read_only"


def options_of(provider: Provider) -> dict[str, RecordField]:
    """The options of the verbs that write one contact's fields."""
    writing = (endpoint for endpoint in provider.endpoints if endpoint.fields and not endpoint.bulk)
    return {name: field for verb in writing for name, field in fields_of(verb.params).items()}


def contacts_in(
    provider: Provider, columns: Mapping[str, pd.Series], rows: Any
) -> list[dict[str, JSON]]:
    """The contacts in these rows of a frame's columns, by field name and as JSON."""
    if not len(rows):
        return []
    cells = {
        name: [cell_to_json(each, coerce_cell(each, v)) for v in objects(columns[name].iloc[rows])]
        for name, each in fields_of(provider.record).items()
        if name in columns
    }
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _compare(
    declared: RecordField,
    column: pd.Series,
    original: pd.Series | None,
    diff: FrameDiff,
    *,
    only_new: bool,
) -> None:
    theirs, rows = None if original is None else coerce_column(declared, original), diff.rows
    if declared.kind == "dict":
        column = _restore_mappings(declared, column, theirs, rows)
    mine = coerce_column(declared, column)
    differs = mine.present | mine.unreadable
    if only_new:
        differs &= rows < 0
    elif original is not None and theirs is not None:
        matched = np.flatnonzero(rows >= 0)
        theirs = theirs.take(rows[matched])
        differs[matched] = _differs(declared, mine.take(matched), theirs)
        both = matched[mine.unreadable[matched] & theirs.unreadable]
        if len(both):
            raw, was = objects(column.iloc[both]), objects(original.iloc[rows[both]])
            differs[both] = [not _equal(a, b) for a, b in zip(raw, was, strict=True)]
        numbers = matched[mine.unreadable[matched] & theirs.present]
        if declared.kind == "string" and len(numbers):
            texts = objects(original.iloc[rows[numbers]])
            digits = digits_in(column.iloc[numbers])
            phone = is_phone(declared)
            differs[numbers] = [
                a != (re.sub(r"\D", "", b) if phone else b)
                for a, b in zip(digits, texts, strict=True)
            ]
    if not differs.any():
        return
    positions = _without_blanks(column, differs)
    values = _values(declared, column.iloc[positions])
    if is_phone(declared):
        positions, values = _without_respelled(positions, values, original, rows)
    _put(diff.changes, declared.name, positions, values)


def _without_blanks(column: pd.Series, mask: Any) -> Any:
    """The positions of these cells, without those of blanks, which are empty cells of a sheet."""
    positions = np.flatnonzero(mask)
    cells = objects(column.iloc[positions])
    blank = np.array([isinstance(c, str) and c.isspace() for c in cells], dtype=bool)
    return positions[~blank]


def _restore_mappings(
    declared: RecordField, column: pd.Series, theirs: CoercedColumn | None, rows: Any
) -> pd.Series:
    """The column with what a file format has lost taken from the original's mappings."""
    cells, was = np.array(objects(column)), np.full(len(rows), None, dtype=object)
    if theirs is not None:
        matched = np.flatnonzero(rows >= 0)
        there = theirs.take(rows[matched])
        was[matched] = np.where(there.present, there.values, None)
    for row, (cell, before) in enumerate(zip(cells, was, strict=True)):
        value = None if cell is before else coerce_cell(declared, cell)
        if isinstance(value, dict):
            restored = restore(value, before)
            # Keys without values, where nothing is, are no mapping.
            cells[row] = pd.NA if value and not restored and not before else restored
    return pd.Series(cells, index=column.index, dtype=object)


def _differs(declared: RecordField, mine: CoercedColumn, theirs: CoercedColumn) -> Any:
    if declared.kind in ("list", "dict"):
        pairs = zip(mine.values, theirs.values, strict=True)
        other = np.fromiter((a is not b and not json_equal(a, b) for a, b in pairs), bool)
    else:
        other = mine.values != theirs.values
    if declared.kind == "string":
        # Only the texts that differ are read one by one.
        for row in np.flatnonzero(other & mine.present & theirs.present).tolist():
            other[row] = not is_same_text(mine.values[row], theirs.values[row])
    if declared.kind == "datetime" and declared.marker.access == "read_only":
        # Spreadsheets and other files round times.
        other &= ~(np.abs(mine.values - theirs.values) < np.timedelta64(1, "s"))
    filled = theirs.present | theirs.unreadable
    return mine.unreadable | (mine.cleared & filled) | (mine.present & (other | ~theirs.present))


def _without_respelled(
    positions: Any, values: list[JSON], original: pd.Series | None, rows: Any
) -> tuple[list[int], list[JSON]]:
    """The phone numbers that differ as numbers, not only in spelling."""
    before = [
        None if original is None or rows[position] < 0 else original.iloc[rows[position]]
        for position in positions
    ]
    numbers = zip(positions, map(normalise_phone, values), before, strict=True)
    changed = [
        (p, number) for p, number, was in numbers if number is None or not _equal(number, was)
    ]
    return [position for position, _ in changed], [number for _, number in changed]


def _put_options(
    declared: RecordField, column: pd.Series, options: dict[int, dict[str, JSON]]
) -> None:
    mine = coerce_column(declared, column)
    positions = _without_blanks(column, mine.present | mine.unreadable)
    _put(options, declared.name, positions, _values(declared, column.iloc[positions]))


def _values(declared: RecordField, column: pd.Series) -> list[JSON]:
    """Cells as JSON, None for CLEAR; a cell that cannot be read is unchanged."""
    cells = [None if cell is CLEAR else coerce_cell(declared, cell) for cell in objects(column)]
    return [cell_to_json(declared, cell) if declared.accepts(cell) else cell for cell in cells]


def _compare_unknown(
    name: str, column: pd.Series, original: pd.Series | None, diff: FrameDiff, *, only_new: bool
) -> None:
    cells, rows = objects(column), diff.rows
    filled = ~np.fromiter(map(is_empty_cell, cells), bool, len(cells))
    positions = np.flatnonzero(filled & (rows < 0) if only_new else filled).tolist()
    if original is not None and not only_new:
        before = objects(original)
        positions = [p for p in positions if rows[p] < 0 or not _equal(cells[p], before[rows[p]])]
    values = [None if cells[p] is CLEAR else to_python(cells[p]) for p in positions]
    _put(diff.changes, name, positions, values)


def _equal(one: Any, other: Any) -> bool:
    try:
        return one is other or bool(to_python(one) == to_python(other))
    except (TypeError, ValueError):
        return False


def _put(
    rows: dict[int, dict[str, JSON]], name: str, positions: Iterable[int], values: Iterable[JSON]
) -> None:
    for position, value in zip(positions, values, strict=True):
        rows.setdefault(int(position), {})[name] = value
