"""Many contacts for one request, as a person gives them: a frame, rows, or keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from contactkit.checks import check, clean, is_na, key_text
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.record import fields_of, key_of
from contactkit.spec import JSON, Endpoint, Provider


@dataclass(frozen=True, kw_only=True)
class Many:
    """What is sent, one item a contact; the values by field name, and the caller's index."""

    sent: list[JSON]
    values: list[dict[str, JSON]]
    index: pd.Index | None


def many(provider: Provider, endpoint: Endpoint, given: Any) -> Many:
    """Check every item; InvalidInputError names the rows that are wrong, and sends none."""
    index = given.index if isinstance(given, pd.DataFrame | pd.Series) else None
    items = _rows(given) if endpoint.fields else _keys(provider, given)
    if not items:
        raise _refused(provider, endpoint, [FieldProblem(field="", message="is empty")])
    made = [
        _checked_row(provider, endpoint, each) if endpoint.fields else _checked_key(provider, each)
        for each in items
    ]
    problems = [
        replace(problem, field=f"[{row}] {problem.field}".strip())
        for row, (_, _, found) in enumerate(made)
        for problem in found
    ]
    problems += _twice(provider, endpoint, [values for _, values, _ in made])
    if problems:
        raise _refused(provider, endpoint, problems)
    return Many(sent=[each[0] for each in made], values=[each[1] for each in made], index=index)


def _refused(provider: Provider, endpoint: Endpoint, problems: list[FieldProblem]) -> Exception:
    return InvalidInputError(f"{provider.name} {endpoint.verb}", problems)


def _rows(given: Any) -> list[Any]:
    if isinstance(given, pd.DataFrame):
        # Not to_dict: it makes NA, "leave alone", into None, "clear".
        rows = given.itertuples(index=False, name=None)
        return [dict(zip(given.columns, row, strict=True)) for row in rows]
    return _listed([given] if isinstance(given, Mapping) else given)


def _keys(provider: Provider, given: Any) -> list[Any]:
    if isinstance(given, pd.DataFrame):
        given = given.get(key_of(provider.record).name)
    return _listed(given)


def _listed(given: Any) -> list[Any]:
    return (
        list(given) if isinstance(given, Iterable) and not isinstance(given, str | Mapping) else []
    )


Made = tuple[JSON, dict[str, JSON], list[FieldProblem]]


def _checked_row(provider: Provider, endpoint: Endpoint, row: Any) -> Made:
    if not isinstance(row, Mapping):
        return None, {}, [FieldProblem(field="", message="must be a mapping of fields")]
    found = check(provider, endpoint, clean(provider, endpoint, dict(row)))
    return found.wire, found.values, found.problems


def _checked_key(provider: Provider, key: Any) -> Made:
    try:
        text = "" if key is None or is_na(key) else key_text(provider, key)
    except ValueError as error:
        return None, {}, [FieldProblem(field="", message=str(error))]
    problems = [] if text else [FieldProblem(field="", message="must be a key")]
    return text, {key_of(provider.record).name: text}, problems


def _twice(
    provider: Provider, endpoint: Endpoint, values: list[dict[str, JSON]]
) -> list[FieldProblem]:
    # Where it is not the key, the parameter that every row must have tells contacts apart.
    needed = (n for n, each in fields_of(endpoint.params).items() if each.marker.required)
    seen: set[JSON] = set()
    found: list[FieldProblem] = []
    for name in (key_of(provider.record).name, *needed):
        for row, each in enumerate(values):
            if (key := each.get(name)) and (name, key) in seen:
                found.append(FieldProblem(field=f"[{row}] {name}", message="is there twice"))
            seen.add((name, key))
    return found
