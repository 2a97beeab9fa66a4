"""Which contact each row of an edited frame is: by the key, or by another unique field.

A row that could be of any contact, or of none, is refused, and never counts as a missing contact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import CoercedColumn, coerce_column, digits_in
from contactkit._frames.empty import find_empty_rows
from contactkit._frames.headings import name_fields
from contactkit._frames.tabular import name_type
from contactkit._journal.spellings import canonical
from contactkit._plans.labels import name_rows
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec import phones
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.validate import expected, is_phone, is_uuid, key_text


@dataclass(frozen=True, kw_only=True)
class EditedRows:
    """The rows of an edited frame, which are matched `on` a field that has these `keys`.

    `columns` are by field name. `empty` masks rows without any value, which are not rows at all.
    """

    index: pd.Index
    columns: Mapping[str, pd.Series]
    on: RecordField
    keys: CoercedColumn
    empty: Any

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, kw_only=True)
class RowMatch:
    """The contact of each edited row, by the positions of its rows and of the original's.

    `keys` are the contacts' keys, "" for a row without one; `rows` has the original's row for each
    edited one, -1 for a new one. `gone` are rows of the original that are missing in the edited
    frame; `unmatchable` others have no value to match them on. A row with a problem is refused.
    """

    keys: list[str]
    rows: Any
    gone: Any
    unmatchable: int
    problems: dict[int, FieldProblem] = field(default_factory=dict[int, FieldProblem])


def columns_of(
    provider: Provider, frame: pd.DataFrame, which: str, needed: Sequence[str], call: str = "plan"
) -> dict[str, pd.Series]:
    """A frame's columns by field name, with the needed ones; a field may have an older name.

    InvalidInputError if it is no frame, has a column twice, or lacks a needed one.
    """
    where = f"{provider.name} {call}"
    if not isinstance(frame, pd.DataFrame):
        message = f"must be a DataFrame of contacts, not {name_type(frame)}"
        raise InvalidInputError.one(where, which, message)
    try:
        names = name_fields(provider, frame.columns)
    except ValueError as error:
        raise InvalidInputError.one(where, which, str(error)) from None
    columns = {name: frame.iloc[:, place] for place, name in enumerate(names)}
    for name in {*needed, key_of(provider.record).name} - {*columns}:
        if name in frame.index.names:
            columns[name] = pd.Series(frame.index.get_level_values(name), index=frame.index)
        elif name in needed:
            message = f"has no {name}, as a column or a level of the index"
            raise InvalidInputError.one(where, which, message)
    return columns


def read_edited(provider: Provider, edited: pd.DataFrame, on: str) -> EditedRows:
    """The rows of an edited frame that are matched on this field; errors as `columns_of`.

    A frame without keys that the provider makes has only new contacts.
    """
    declared = fields_of(provider.record)[on]
    is_made = declared is key_of(provider.record) and not declared.marker.required
    columns = columns_of(provider, edited, "edited", () if is_made else (on,))
    gaps = pd.Series(pd.NA, index=edited.index, dtype="string")
    keys = coerce_column(declared, columns.get(on, gaps))
    empty = find_empty_rows(columns, on, len(edited))
    # A key of blanks is text.
    keys = replace(keys, present=keys.present & ~empty, unreadable=keys.unreadable & ~empty)
    return EditedRows(index=edited.index, columns=columns, on=declared, keys=keys, empty=empty)


def match_rows(
    provider: Provider, edited: EditedRows, original: Mapping[str, pd.Series]
) -> RowMatch:
    """Match each edited row with a contact of the original, or refuse it."""
    key, on = key_of(provider.record), edited.on
    theirs = coerce_column(on, original[on.name])
    known = np.flatnonzero(theirs.present)
    texts = _texts(edited, set(theirs.values[known]))
    found = _look_up(on, texts, theirs.values[known], always=on is not key)
    # The last place is for a row that is in no group.
    rows = np.append(known[found.firsts], -1)[found.groups]
    their_keys = theirs if on is key else coerce_column(key, original[key.name])
    keys = found.texts if on is key else np.full(len(edited), "", dtype=object)
    matched = rows >= 0
    keys = np.where(
        matched, np.append(np.where(their_keys.present, their_keys.values, ""), "")[rows], keys
    )
    missing = np.bincount(found.groups + 1, minlength=len(found.firsts) + 1)[1:] == 0
    return RowMatch(
        keys=keys.tolist(),
        rows=rows,
        gone=known[missing[found.known]],
        unmatchable=0 if on is key else len(theirs.present) - len(known),
        problems=_find_problems(provider, edited, found, keys),
    )


def _texts(edited: EditedRows, known: set[JSON]) -> Any:
    """What each row is matched by, "" for nothing; a whole number may be the text of its digits."""
    texts = np.where(edited.keys.present, edited.keys.values, "")
    plus = "+" if is_phone(edited.on) else ""
    numbers = np.flatnonzero(edited.keys.unreadable)
    if len(numbers):
        digits = digits_in(edited.columns[edited.on.name].iloc[numbers])
        spellings = ((text, plus + text) for text in digits)
        texts[numbers] = [next(filter(known.__contains__, both), "") for both in spellings]
    return texts


@dataclass(frozen=True, kw_only=True)
class _Groups:
    """The contacts by the value that they are matched on.

    `firsts` and `sizes` have the first contact of each group and how many there are; `known` is the
    group of each contact, and `groups` of each edited row, -1 for none. `texts` are what the rows
    are matched by, in one spelling.
    """

    firsts: Any
    sizes: Any
    known: Any
    groups: Any
    texts: Any


def _look_up(on: RecordField, texts: Any, known: Any, *, always: bool) -> _Groups:
    """Group equal values; if a row has no match, or `always`, also those that are spelled alike."""
    found = _group(texts, known)
    missed = (found.groups < 0) & (texts != "")
    varies = is_phone(on) or is_uuid(on) or on.marker.personal == "email"
    if not varies or not (always or missed.any()):
        return found
    known = np.array([spell(on, text, known=True) for text in known], dtype=object)
    spelled = np.where(texts != "", np.append(known[found.firsts], "")[found.groups], "")
    spelled[missed] = [spell(on, text) for text in texts[missed]]
    return _group(spelled, known)


def _group(texts: Any, known: Any) -> _Groups:
    values = pd.Index(known, dtype=object)
    firsts = np.flatnonzero(~values.duplicated())
    uniques = values[firsts]
    groups = uniques.get_indexer(values)
    return _Groups(
        firsts=firsts,
        sizes=np.bincount(groups, minlength=len(firsts)),
        known=groups,
        groups=uniques.get_indexer(pd.Index(texts, dtype=object)),
        texts=texts,
    )


def spell(on: RecordField, text: str, *, known: bool = False) -> str:
    """A number, an address or a UUID in the spelling in which they are compared."""
    if is_uuid(on):
        return text.lower()
    if not is_phone(on):
        return canonical("email", text)
    # To parse a number takes long, and the contacts have most of them in this form.
    if known and phones.E164.fullmatch(text):
        return text
    try:
        return phones.normalise(text)
    except ValueError:
        return text


def key_as_sent(provider: Provider, key: str) -> str:
    """A key as it is sent; an invalid one is unchanged."""
    try:
        return key_text(key_of(provider.record), key)
    except ValueError:
        return key


def _find_problems(
    provider: Provider, edited: EditedRows, found: _Groups, keys: Any
) -> dict[int, FieldProblem]:
    """Why rows cannot be matched, each by its first reason."""
    on, key, problems = edited.on, key_of(provider.record), dict[int, FieldProblem]()
    makes_key = on is key and not on.marker.required

    def refuse(rows: Any, message: str, code: str) -> None:
        for row in np.flatnonzero(rows).tolist():
            problems.setdefault(row, FieldProblem(field=on.name, message=message, code=code))

    has_text = found.texts != ""
    unmatched, several = has_text & (found.groups < 0), np.append(found.sizes, 0)[found.groups] > 1
    refuse(
        (edited.keys.unreadable | edited.keys.cleared) & ~has_text, f"must be {expected(on)}", "key"
    )
    if makes_key:
        refuse(unmatched, "is of no contact; the row of a new one has none", "unknown_key")
    else:
        refuse(~has_text & ~edited.empty, "is missing, so the row has no contact", "missing_key")
        problems |= _invalid(on, found.texts, np.flatnonzero(unmatched).tolist())
    refuse(several, "is of several contacts", "ambiguous")
    for row, others in _duplicates(edited, found):
        problems.setdefault(
            row, FieldProblem(field=on.name, message=f"is also in {others}", code="duplicate")
        )
    if on is not key:
        refuse((found.groups >= 0) & (keys == ""), "is of a contact without a key", "missing_key")
        refuse(_other_keys(key, edited, keys), f"is not of the contact with this {key.name}", "key")
    return problems


def _invalid(on: RecordField, texts: Any, rows: Iterable[int]) -> dict[int, FieldProblem]:
    """The texts that cannot be any contact's."""
    problems: dict[int, FieldProblem] = {}
    for row in rows:
        try:
            if on.marker.check:
                on.marker.check(texts[row])
        except ValueError as error:
            problems[row] = FieldProblem(field=on.name, message=str(error), code="format")
    return problems


def _duplicates(edited: EditedRows, found: _Groups) -> Iterator[tuple[int, str]]:
    """The rows with the same contact as others, and the labels of those."""
    counts = np.append(np.bincount(found.groups + 1, minlength=len(found.firsts) + 1)[1:], 0)
    groups: dict[Any, list[int]] = {}
    for row in np.flatnonzero(counts[found.groups] > 1).tolist():
        groups.setdefault(int(found.groups[row]), []).append(row)
    new = np.flatnonzero((found.groups < 0) & (found.texts != ""))
    for row in new[pd.Index(found.texts[new], dtype=object).duplicated(keep=False)].tolist():
        groups.setdefault(found.texts[row], []).append(row)
    for rows in groups.values():
        for row in rows:
            yield row, name_rows(edited.index, rows, besides=row)


def _other_keys(key: RecordField, edited: EditedRows, keys: Any) -> Any:
    """Which rows have a key that is not their contact's."""
    if key.name not in edited.columns:
        return np.zeros(len(edited), dtype=bool)
    mine = coerce_column(key, edited.columns[key.name])
    return mine.present & (mine.values != keys)
