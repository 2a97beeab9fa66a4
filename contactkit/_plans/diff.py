"""Two contact frames, edited and original, and the cells that differ, found column by column.

Rows are matched by the provider's key, cells compared by their declared kind. Whether a difference
may be written is not asked here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from contactkit._frames.coerce import CLEAR, CoercedColumn, coerce_cell, coerce_column, objects
from contactkit._frames.frame import cell_to_json
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.validate import is_phone, json_equal, key_text, normalise_phone, to_python

MOST_NAMED = 10

# What pandas calls an index that it made a column of.
_NO_FIELD = re.compile(r"index|level_\d+|Unnamed: 0")


@dataclass(frozen=True, kw_only=True)
class FrameDiff:
    """What an edited frame asks for, by the positions of its rows and of the original's.

    `rows` has the original's row for each edited one, -1 where that is new; `gone` are those that
    no edited row has. None among the `changes` of a row clears a field; one that cannot be read is
    as it was found. `options` are what else a verb takes, beside a contact's fields. `original` has
    that frame's columns by field name.
    """

    keys: list[str]
    rows: Any
    gone: Any
    original: Mapping[str, pd.Series]
    changes: dict[int, dict[str, JSON]] = field(default_factory=dict[int, dict[str, JSON]])
    options: dict[int, dict[str, JSON]] = field(default_factory=dict[int, dict[str, JSON]])


def differences(
    provider: Provider, edited: pd.DataFrame, original: pd.DataFrame, *, keyless: bool = False
) -> FrameDiff:
    """The cells that differ; NA in `edited` is none, and CLEAR is one where there is a value.

    InvalidInputError for keys that are missing or there twice; with `keyless`, a row without one is
    a new contact.
    """
    mine, theirs = _columns(provider, edited, "edited"), _columns(provider, original, "original")
    declared, name_of_key = fields_of(provider.record), key_of(provider.record).name
    found = _matched(provider, keys_of(provider, edited, keyless=keyless), theirs)
    named = [row for row in np.flatnonzero(found.rows < 0).tolist() if found.keys[row]]
    _put(found.changes, name_of_key, named, [found.keys[row] for row in named])
    for name in [*(n for n in declared if n in mine), *(n for n in mine if n not in declared)]:
        if name == name_of_key:
            continue
        was = theirs.get(name)
        if name in declared:
            _compare(declared[name], mine[name], was, found)
        elif each := _options(provider).get(name):
            _put_read(each, mine[name], found.options)
        elif was is not None or not _NO_FIELD.fullmatch(name):
            _compare_unknown(name, mine[name], was, found)
    return found


def _columns(provider: Provider, frame: pd.DataFrame, which: str) -> dict[str, pd.Series]:
    """A frame's columns by field name, its key among them; a field may have an older name."""
    if not isinstance(frame, pd.DataFrame):
        refuse(provider, which, f"must be a DataFrame of contacts, not {type(frame).__name__}")
    declared = fields_of(provider.record)
    older = {old: name for name, each in declared.items() for old in each.marker.deprecated}
    found: dict[str, pd.Series] = {}
    for place, label in enumerate(frame.columns):
        given = str(label)
        name = given if given in declared else older.get(given, given)
        if name in found:
            refuse(provider, which, f"has the column {name} twice")
        if name != given:
            warn(f"{provider.title}: call the column {name} instead of {given}", DeprecationWarning)
        found[name] = frame.iloc[:, place]
    name = key_of(provider.record).name
    if name not in found and name not in frame.index.names:
        refuse(provider, which, f"has no {name}, as a column or a level of the index")
    if name not in found:
        found[name] = pd.Series(frame.index.get_level_values(name), index=frame.index)
    return found


def refuse(provider: Provider, name: str, message: str) -> NoReturn:
    """Raise InvalidInputError about a whole frame."""
    problem = FieldProblem(field=name, message=message)
    raise InvalidInputError(f"{provider.name} plan", [problem])


def _options(provider: Provider) -> dict[str, RecordField]:
    """What the verbs that write one contact's fields take beside them."""
    writing = (each for each in provider.endpoints if each.fields and not each.bulk)
    return {name: each for verb in writing for name, each in fields_of(verb.params).items()}


def keys_of(provider: Provider, edited: pd.DataFrame, *, keyless: bool) -> CoercedColumn:
    """The keys of an edited frame; InvalidInputError where one is missing or there twice."""
    declared = key_of(provider.record)
    # Whoever goes on to compare is warned then.
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        found = coerce_column(declared, _columns(provider, edited, "edited")[declared.name])
    lacks = "must be a key, as text" + ("" if keyless else "; with create=True, a new one has none")
    wrong = found.unreadable | found.cleared | (False if keyless else ~found.present)
    _need(provider, np.flatnonzero(wrong), "edited", lacks)
    _need_once(provider, found.values, found.present, "edited")
    return found


def _matched(
    provider: Provider, mine: CoercedColumn, original: Mapping[str, pd.Series]
) -> FrameDiff:
    declared = key_of(provider.record)
    theirs = coerce_column(declared, original[declared.name])
    _need_once(provider, theirs.values, theirs.present, "original")
    known = np.flatnonzero(theirs.present)
    held = pd.Index(theirs.values[known], dtype=object)
    keys = np.where(mine.present, mine.values, "")
    rows = held.get_indexer(pd.Index(keys, dtype=object))
    if is_phone(declared):
        _respell(provider, keys, rows, held)
        _need_once(provider, keys, mine.present, "edited")
    # The place after the last is for those that are not there.
    found = np.append(known, -1)[rows]
    gone = np.setdiff1d(known, found)
    return FrameDiff(keys=keys.tolist(), rows=found, gone=gone, original=original)


def _respell(provider: Provider, keys: Any, rows: Any, held: pd.Index) -> None:
    """Match the phone numbers that are spelled in another way."""
    missed = [row for row in np.flatnonzero(rows < 0) if keys[row]]
    known = {spelled(provider, key): row for row, key in enumerate(held)} if missed else {}
    for row in missed:
        keys[row] = spelled(provider, keys[row])
        rows[row] = known.get(keys[row], -1)
    matched = rows >= 0
    keys[matched] = held.to_numpy()[rows[matched]]


def spelled(provider: Provider, key: str) -> str:
    """A key as it is sent; one that is none stays as it is."""
    try:
        return key_text(provider, key)
    except ValueError:
        return key


def _need_once(provider: Provider, keys: Any, there: Any, which: str) -> None:
    twice = pd.Index(keys, dtype=object).duplicated(keep=False) & there
    _need(provider, np.flatnonzero(twice), which, "is there twice")


def _need(provider: Provider, wrong: Iterable[int], which: str, message: str) -> None:
    """InvalidInputError that names the rows that are wrong by their positions, if there are any.

    Keys may be somebody's numbers, so they are not repeated.
    """
    rows, name = list(wrong), key_of(provider.record).name
    named = [
        FieldProblem(field=f"{which}[{row}] {name}", message=message) for row in rows[:MOST_NAMED]
    ]
    if len(rows) > MOST_NAMED:
        more = f"and {len(rows) - MOST_NAMED:,} more rows of {which}"
        named.append(FieldProblem(field="", message=more))
    if named:
        raise InvalidInputError(f"{provider.name} plan", named)


def original_rows(provider: Provider, found: FrameDiff, rows: Any) -> list[dict[str, JSON]]:
    """Contacts as the original has them in these rows, by field name and as JSON."""
    declared = fields_of(provider.record)
    columns = {
        name: [
            cell_to_json(each, coerce_cell(each, v))
            for v in objects(found.original[name].iloc[rows])
        ]
        for name, each in declared.items()
        if name in found.original
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _compare(
    declared: RecordField, column: pd.Series, original: pd.Series | None, found: FrameDiff
) -> None:
    mine, rows = coerce_column(declared, column), found.rows
    differs = mine.present | mine.unreadable
    old: Any = None
    if original is not None:
        matched = np.flatnonzero(rows >= 0)
        theirs = coerce_column(declared, original).take(rows[matched])
        differs[matched] = _differs(declared, mine.take(matched), theirs)
        both = matched[mine.unreadable[matched] & theirs.unreadable]
        raw, was = objects(column.iloc[both]), objects(original.iloc[rows[both]])
        differs[both] = [not _alike(a, b) for a, b in zip(raw, was, strict=True)]
        old = original
    positions = np.flatnonzero(differs)
    values = _values(declared, column.iloc[positions])
    if is_phone(declared):
        positions, values = _other_numbers(positions, values, old, rows)
    _put(found.changes, declared.name, positions, values)


def _differs(declared: RecordField, mine: CoercedColumn, theirs: CoercedColumn) -> Any:
    if declared.kind in ("list", "dict"):
        pairs = zip(mine.values, theirs.values, strict=True)
        other = np.fromiter((a is not b and not json_equal(a, b) for a, b in pairs), bool)
    else:
        other = mine.values != theirs.values
    held = theirs.present | theirs.unreadable
    return mine.unreadable | (mine.cleared & held) | (mine.present & (other | ~theirs.present))


def _other_numbers(
    positions: Any, values: list[JSON], original: pd.Series | None, rows: Any
) -> tuple[list[int], list[JSON]]:
    """A phone number in another spelling is no other number."""
    held = [
        None if original is None or rows[at] < 0 else original.iloc[rows[at]] for at in positions
    ]
    kept = [
        (at, number)
        for at, number, was in zip(positions, map(normalise_phone, values), held, strict=True)
        if number is None or not _alike(number, was)
    ]
    return [at for at, _ in kept], [number for _, number in kept]


def _put_read(declared: RecordField, column: pd.Series, found: dict[int, dict[str, JSON]]) -> None:
    mine = coerce_column(declared, column)
    positions = np.flatnonzero(mine.present | mine.unreadable)
    _put(found, declared.name, positions, _values(declared, column.iloc[positions]))


def _values(declared: RecordField, column: pd.Series) -> list[JSON]:
    """Cells as JSON of their own, None for CLEAR; what cannot be read as it was found."""
    found = [None if cell is CLEAR else coerce_cell(declared, cell) for cell in objects(column)]
    return [cell_to_json(declared, each) if declared.accepts(each) else each for each in found]


def _compare_unknown(
    name: str, column: pd.Series, original: pd.Series | None, found: FrameDiff
) -> None:
    cells = objects(column)
    positions = np.flatnonzero(~pd.isna(cells)).tolist()
    if original is not None:
        held, rows = objects(original), found.rows
        positions = [
            at for at in positions if rows[at] < 0 or not _alike(cells[at], held[rows[at]])
        ]
    values = [None if cells[at] is CLEAR else to_python(cells[at]) for at in positions]
    _put(found.changes, name, positions, values)


def _alike(one: Any, other: Any) -> bool:
    try:
        return one is other or bool(to_python(one) == to_python(other))
    except (TypeError, ValueError):
        return False


def _put(
    found: dict[int, dict[str, JSON]], name: str, positions: Iterable[int], values: Iterable[JSON]
) -> None:
    for at, value in zip(positions, values, strict=True):
        found.setdefault(int(at), {})[name] = value
