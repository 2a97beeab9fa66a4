"""Many contacts in one request, given as a frame, as mappings, or as keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import pandas as pd

from contactkit._frames.coerce import coerce_cell, objects
from contactkit._frames.empty import is_empty_cell
from contactkit._frames.headings import field_names
from contactkit._frames.mappings import without_empty
from contactkit._frames.tabular import as_frame, name_type
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.flags import NO_FLAGS
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.user_input import normalise_input
from contactkit.spec.validate import accepted_fields, check, is_na, key_text


@dataclass(frozen=True, kw_only=True)
class BulkRows:
    """The wire item of each contact, its values by field name, and the caller's index.

    `places` are the contacts' rows in what the caller gave, where a frame may have empty ones.
    """

    wire: list[JSON] = field(repr=False)
    values: list[dict[str, JSON]] = field(repr=False)
    index: pd.Index | None
    places: Sequence[int]


_Checked: TypeAlias = tuple[JSON, dict[str, JSON], list[FieldProblem]]


def check_rows(
    provider: Provider, endpoint: Endpoint, contacts: Any, flags: Mapping[str, JSON] = NO_FLAGS
) -> BulkRows:
    """Check every contact; InvalidInputError names the invalid rows.

    Rows of a frame without any value are left out.
    """
    where, contacts = f"{provider.name} {endpoint.verb}", as_frame(contacts)
    index = contacts.index if isinstance(contacts, pd.DataFrame | pd.Series) else None
    if isinstance(contacts, pd.DataFrame) and not contacts.columns.is_unique:
        raise InvalidInputError.one(where, endpoint.subject, "has two columns with the same name")
    items = _rows(provider, endpoint, contacts) if endpoint.fields else _keys(provider, contacts)
    places: Sequence[int] = range(len(items))
    if isinstance(contacts, pd.DataFrame) and endpoint.fields:
        places = [row for row in places if not all(map(is_empty_cell, items[row].values()))]
        items, index = [items[row] for row in places], contacts.index.take(places)
    if not items:
        raise InvalidInputError.one(where, endpoint.subject, _expected(endpoint, contacts))
    if endpoint.fields:
        checked = [_check_row(provider, endpoint, item, flags) for item in items]
    else:
        checked = [_check_key(provider, item) for item in items]
    values = [values for _, values, _ in checked]
    problems = [
        replace(problem, field=f"[{row}] {problem.field}".strip())
        for row, (_, _, row_problems) in zip(places, checked, strict=True)
        for problem in row_problems
    ]
    problems += _duplicates(provider, endpoint, dict(zip(places, values, strict=True)))
    if problems:
        raise InvalidInputError(where, problems)
    wire = [wire for wire, _, _ in checked]
    return BulkRows(wire=wire, values=values, index=index, places=places)


def _expected(endpoint: Endpoint, contacts: Any) -> str:
    """What there must be in the place of no contacts."""
    kind = "contacts, as a DataFrame or mappings" if endpoint.fields else "a list of keys"
    if not isinstance(contacts, Iterable) and contacts is not None:
        return f"must be {kind}, not {name_type(contacts)}"
    return f"must be {kind}, and not empty"


def _rows(provider: Provider, endpoint: Endpoint, contacts: Any) -> list[Any]:
    if not isinstance(contacts, pd.DataFrame):
        return _listed([contacts] if isinstance(contacts, Mapping) else contacts)
    declared = accepted_fields(provider, endpoint)
    columns = [
        [_read_cell(declared.get(name), cell) for cell in objects(contacts.iloc[:, place])]
        for place, name in enumerate(field_names(provider.record, contacts.columns))
    ]
    # pandas fills missing values with None, and a sheet has blanks for them.
    return [
        {n: cell for n, cell in zip(contacts.columns, row, strict=True) if not is_empty_cell(cell)}
        for row in zip(*columns, strict=True)
    ]


def _read_cell(declared: RecordField | None, cell: Any) -> Any:
    """A cell of a frame; a mapping or list as a file format keeps it is one again."""
    if declared is None or declared.kind not in ("list", "dict"):
        return cell
    value = coerce_cell(declared, cell)
    return without_empty(value) if isinstance(value, list | dict) else cell


def _keys(provider: Provider, contacts: Any) -> list[Any]:
    if isinstance(contacts, pd.DataFrame):
        contacts = contacts.get(key_of(provider.record).name)
    return _listed(contacts)


def _listed(contacts: Any) -> list[Any]:
    single = isinstance(contacts, str | Mapping) or not isinstance(contacts, Iterable)
    return [] if single else list(contacts)


def _check_row(
    provider: Provider, endpoint: Endpoint, row: Any, flags: Mapping[str, JSON]
) -> _Checked:
    if not isinstance(row, Mapping):
        return None, {}, [FieldProblem(field="", message="must be a mapping of fields")]
    if not all(isinstance(name, str) for name in row):
        return None, {}, [FieldProblem(field="", message="must have only text for field names")]
    values = normalise_input(provider, endpoint, dict(row))
    checked = check(provider, endpoint, values, flags=flags)
    return checked.wire, checked.values, checked.problems


def _check_key(provider: Provider, key: Any) -> _Checked:
    try:
        text = "" if key is None or is_na(key) else key_text(key_of(provider.record), key)
    except ValueError as error:
        return None, {}, [FieldProblem(field="", message=str(error))]
    problems = [] if text else [FieldProblem(field="", message="must be a key")]
    return text, {key_of(provider.record).name: text}, problems


def _duplicates(
    provider: Provider, endpoint: Endpoint, rows: Mapping[int, dict[str, JSON]]
) -> list[FieldProblem]:
    # Contacts differ in their key, or in the parameters that every row must have.
    required = (n for n, param in fields_of(endpoint.params).items() if param.marker.required)
    seen: set[JSON] = set()
    problems: list[FieldProblem] = []
    for name in (key_of(provider.record).name, *required):
        for row, values in rows.items():
            if (value := values.get(name)) and (name, value) in seen:
                problems.append(FieldProblem(field=f"[{row}] {name}", message="is duplicated"))
            seen.add((name, value))
    return problems
