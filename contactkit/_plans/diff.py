"""The cells in which two contact frames differ, the edited and the original, column by column.

Rows are matched by the provider's key, cells compared by their declared kind. Whether a difference
may be written is checked elsewhere.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import CLEAR, CoercedColumn, coerce_cell, coerce_column, objects
from contactkit._frames.empty import INDEX_COLUMN, find_empty_rows
from contactkit._frames.frame import cell_to_json
from contactkit._frames.headings import name_fields
from contactkit._frames.mappings import restore
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.validate import is_phone, json_equal, key_text, normalise_phone, to_python

MOST_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class FrameDiff:
    """The changes in an edited frame, by the positions of its rows and of the original's.

    `rows` has the original's row for each edited one, -1 for a new one; `gone` are rows of the
    original that are missing in the edited frame, and `empty` masks the edited rows without any
    value, which are not rows at all. None in the `changes` of a row clears a field; a
    value that cannot be read is unchanged. `options` are the verb's parameters besides the
    contact's fields. `edited` and `original` have the frames' columns by field name.
    """

    keys: list[str]
    rows: Any
    gone: Any
    empty: Any
    edited: Mapping[str, pd.Series]
    original: Mapping[str, pd.Series]
    changes: dict[int, dict[str, JSON]] = field(default_factory=dict[int, dict[str, JSON]])
    options: dict[int, dict[str, JSON]] = field(default_factory=dict[int, dict[str, JSON]])


def diff_frames(
    provider: Provider,
    edited: pd.DataFrame,
    original: pd.DataFrame,
    *,
    keyless: bool = False,
    current: bool = False,
) -> FrameDiff:
    """The cells that differ; NA in `edited` never differs, CLEAR differs if there is a value.

    With `current`, `original` has the contacts as they are now, and not as they were read for the
    edit: a cell that only the provider sets is then not compared, because its value may have
    changed since. InvalidInputError for missing or duplicated keys; with `keyless`, a row without a
    key is a new contact.
    """
    mine, theirs = _columns(provider, edited, "edited"), _columns(provider, original, "original")
    declared, key = fields_of(provider.record), key_of(provider.record).name
    keys, empty = edited_keys(provider, edited, keyless=keyless)
    diff = _match_rows(provider, keys, mine, theirs, empty)
    new = [row for row in np.flatnonzero(diff.rows < 0).tolist() if diff.keys[row]]
    _put(diff.changes, key, new, [diff.keys[row] for row in new])
    for name in [*(n for n in declared if n in mine), *(n for n in mine if n not in declared)]:
        if name == key:
            continue
        was = theirs.get(name)
        moves = current and was is not None and _is_set_by_provider(declared.get(name))
        if name in declared:
            _compare(declared[name], mine[name], was, diff, only_new=moves)
        elif option := _options(provider).get(name):
            _put_options(option, mine[name], diff.options)
        elif was is not None or not INDEX_COLUMN.fullmatch(name):
            _compare_unknown(name, mine[name], was, diff, only_new=moves)
    return diff


def _is_set_by_provider(declared: RecordField | None) -> bool:
    """Whether only the provider changes a field; None is a field that it added later."""
    return declared is None or declared.marker.access == "read_only"


def _columns(provider: Provider, frame: pd.DataFrame, which: str) -> dict[str, pd.Series]:
    """A frame's columns by field name, with its key; a field may have an older name."""
    where = f"{provider.name} plan"
    if not isinstance(frame, pd.DataFrame):
        message = f"must be a DataFrame of contacts, not {type(frame).__name__}"
        raise InvalidInputError.one(where, which, message)
    try:
        names = name_fields(provider, frame.columns)
    except ValueError as error:
        raise InvalidInputError.one(where, which, str(error)) from None
    columns = {name: frame.iloc[:, place] for place, name in enumerate(names)}
    key = key_of(provider.record).name
    if key not in columns and key not in frame.index.names:
        message = f"has no {key}, as a column or a level of the index"
        raise InvalidInputError.one(where, which, message)
    if key not in columns:
        columns[key] = pd.Series(frame.index.get_level_values(key), index=frame.index)
    return columns


def _options(provider: Provider) -> dict[str, RecordField]:
    """The options of the verbs that write one contact's fields."""
    writing = (endpoint for endpoint in provider.endpoints if endpoint.fields and not endpoint.bulk)
    return {name: field for verb in writing for name, field in fields_of(verb.params).items()}


def edited_keys(
    provider: Provider, edited: pd.DataFrame, *, keyless: bool
) -> tuple[CoercedColumn, Any]:
    """The keys of an edited frame, and a mask of its rows without any value.

    InvalidInputError where a key is missing or duplicated in another row.
    """
    declared = key_of(provider.record)
    # The comparison below warns.
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        columns = _columns(provider, edited, "edited")
    keys = coerce_column(declared, columns[declared.name])
    empty = find_empty_rows(columns, declared.name, len(edited))
    # A key of blanks is text.
    keys = replace(keys, present=keys.present & ~empty)
    lacks = "must be a key, as text" + ("" if keyless else "; with create=True, a new row has none")
    wrong = keys.unreadable | keys.cleared | (False if keyless else ~keys.present)
    _refuse_rows(provider, np.flatnonzero(wrong & ~empty), "edited", lacks)
    _refuse_duplicates(provider, keys.values, keys.present, "edited")
    return keys, empty


def _match_rows(
    provider: Provider,
    mine: CoercedColumn,
    edited: Mapping[str, pd.Series],
    original: Mapping[str, pd.Series],
    empty: Any,
) -> FrameDiff:
    declared = key_of(provider.record)
    theirs = coerce_column(declared, original[declared.name])
    _refuse_duplicates(provider, theirs.values, theirs.present, "original")
    known = np.flatnonzero(theirs.present)
    known_keys = pd.Index(theirs.values[known], dtype=object)
    keys = np.where(mine.present, mine.values, "")
    rows = known_keys.get_indexer(pd.Index(keys, dtype=object))
    if is_phone(declared):
        _match_spellings(provider, keys, rows, known_keys)
        _refuse_duplicates(provider, keys, mine.present, "edited")
    # get_indexer returns -1, the last place, for a missing key.
    matched = np.append(known, -1)[rows]
    gone = np.setdiff1d(known, matched)
    return FrameDiff(
        keys=keys.tolist(),
        rows=matched,
        gone=gone,
        empty=empty,
        edited=edited,
        original=original,
    )


def _match_spellings(provider: Provider, keys: Any, rows: Any, known_keys: pd.Index) -> None:
    """Match phone numbers that are spelled differently."""
    missed = [row for row in np.flatnonzero(rows < 0) if keys[row]]
    known = (
        {key_as_sent(provider, key): row for row, key in enumerate(known_keys)} if missed else {}
    )
    for row in missed:
        keys[row] = key_as_sent(provider, keys[row])
        rows[row] = known.get(keys[row], -1)
    matched = rows >= 0
    keys[matched] = known_keys.to_numpy()[rows[matched]]


def key_as_sent(provider: Provider, key: str) -> str:
    """A key as it is sent; an invalid one is unchanged."""
    try:
        return key_text(provider, key)
    except ValueError:
        return key


def _refuse_duplicates(provider: Provider, keys: Any, there: Any, which: str) -> None:
    duplicated = pd.Index(keys, dtype=object).duplicated(keep=False) & there
    _refuse_rows(provider, np.flatnonzero(duplicated), which, "is duplicated")


def _refuse_rows(provider: Provider, wrong: Iterable[int], which: str, message: str) -> None:
    """Raise InvalidInputError with the positions of the wrong rows, if there are any.

    The message does not repeat the keys, which may be phone numbers.
    """
    rows, key = list(wrong), key_of(provider.record).name
    problems = [
        FieldProblem(field=f"{which}[{row}] {key}", message=message) for row in rows[:MOST_NAMED]
    ]
    if len(rows) > MOST_NAMED:
        more = f"and {len(rows) - MOST_NAMED:,} more rows of {which}"
        problems.append(FieldProblem(field="", message=more))
    if problems:
        raise InvalidInputError(f"{provider.name} plan", problems)


def contacts_in(
    provider: Provider, columns: Mapping[str, pd.Series], rows: Any
) -> list[dict[str, JSON]]:
    """The contacts in these rows of a frame's columns, by field name and as JSON."""
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
        raw, was = objects(column.iloc[both]), objects(original.iloc[rows[both]])
        differs[both] = [not _equal(a, b) for a, b in zip(raw, was, strict=True)]
        if declared.kind == "string":
            numbers = matched[mine.unreadable[matched] & theirs.present]
            texts = objects(original.iloc[rows[numbers]])
            raw = objects(column.iloc[numbers])
            phone = is_phone(declared)
            differs[numbers] = [
                _digits(a) != (re.sub(r"\D", "", b) if phone else b)
                for a, b in zip(raw, texts, strict=True)
            ]
    positions = np.flatnonzero(differs)
    values = _values(declared, column.iloc[positions])
    if is_phone(declared):
        positions, values = _without_respelled(positions, values, original, rows)
    _put(diff.changes, declared.name, positions, values)


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


def _digits(cell: Any) -> str:
    """A whole number as the text of digits that pandas read it from; "" for anything else."""
    value = to_python(cell)
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    return str(int(value)) if whole else ""


def _differs(declared: RecordField, mine: CoercedColumn, theirs: CoercedColumn) -> Any:
    if declared.kind in ("list", "dict"):
        pairs = zip(mine.values, theirs.values, strict=True)
        other = np.fromiter((a is not b and not json_equal(a, b) for a, b in pairs), bool)
    else:
        other = mine.values != theirs.values
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
    positions = np.flatnonzero(mine.present | mine.unreadable)
    _put(options, declared.name, positions, _values(declared, column.iloc[positions]))


def _values(declared: RecordField, column: pd.Series) -> list[JSON]:
    """Cells as JSON, None for CLEAR; a cell that cannot be read is unchanged."""
    cells = [None if cell is CLEAR else coerce_cell(declared, cell) for cell in objects(column)]
    return [cell_to_json(declared, cell) if declared.accepts(cell) else cell for cell in cells]


def _compare_unknown(
    name: str, column: pd.Series, original: pd.Series | None, diff: FrameDiff, *, only_new: bool
) -> None:
    cells, rows = objects(column), diff.rows
    filled = ~pd.isna(cells)
    filled &= np.fromiter((not (isinstance(c, str) and not c) for c in cells), bool, len(cells))
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
