"""Many contacts for one request, as a person gives them: a frame, rows, or keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from contactkit._http.response import unexpected_response
from contactkit._http.results import common_columns, judge_outcome
from contactkit._http.session import Operation, Session, Success
from contactkit._journal.store import Intent
from contactkit._journal.write import intent
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.provider import JSON, Endpoint, Provider, as_object
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import check, is_na, key_text, normalise_input


@dataclass(frozen=True, kw_only=True)
class BulkRows:
    """What is sent, one item a contact; the values by field name, and the caller's index."""

    sent: list[JSON] = field(repr=False)
    values: list[dict[str, JSON]] = field(repr=False)
    index: pd.Index | None


def check_rows(provider: Provider, endpoint: Endpoint, given: Any) -> BulkRows:
    """Check every item; InvalidInputError names the rows that are wrong, and sends none."""
    index = given.index if isinstance(given, pd.DataFrame | pd.Series) else None
    if isinstance(given, pd.DataFrame) and not given.columns.is_unique:
        raise _refused(provider, endpoint, "has two columns of one name")
    items = _rows(given) if endpoint.fields else _keys(provider, given)
    if not items:
        kind = "contacts, as a DataFrame or mappings" if endpoint.fields else "keys, in a list"
        raise _refused(provider, endpoint, f"must be {kind}, and not empty")
    made = [
        _row_of(provider, endpoint, each) if endpoint.fields else _key_of(provider, each)
        for each in items
    ]
    problems = [
        replace(problem, field=f"[{row}] {problem.field}".strip())
        for row, (_, _, found) in enumerate(made)
        for problem in found
    ]
    problems += _twice(provider, endpoint, [values for _, values, _ in made])
    if problems:
        raise InvalidInputError(f"{provider.name} {endpoint.verb}", problems)
    return BulkRows(sent=[each[0] for each in made], values=[each[1] for each in made], index=index)


def _refused(provider: Provider, endpoint: Endpoint, message: str) -> InvalidInputError:
    problem = FieldProblem(field=endpoint.subject, message=message)
    return InvalidInputError(f"{provider.name} {endpoint.verb}", [problem])


def _rows(given: Any) -> list[Any]:
    if not isinstance(given, pd.DataFrame):
        return _listed([given] if isinstance(given, Mapping) else given)
    rows = given.itertuples(index=False, name=None)
    whole = [zip(given.columns, row, strict=True) for row in rows]
    # What pandas joins and fills may be None where nothing was said.
    return [{name: value for name, value in row if value is not None} for row in whole]


def _keys(provider: Provider, given: Any) -> list[Any]:
    if isinstance(given, pd.DataFrame):
        given = given.get(key_of(provider.record).name)
    return _listed(given)


def _listed(given: Any) -> list[Any]:
    one = isinstance(given, str | Mapping) or not isinstance(given, Iterable)
    return [] if one else list(given)


Made = tuple[JSON, dict[str, JSON], list[FieldProblem]]


def _row_of(provider: Provider, endpoint: Endpoint, row: Any) -> Made:
    if not isinstance(row, Mapping):
        return None, {}, [FieldProblem(field="", message="must be a mapping of fields")]
    if not all(isinstance(name, str) for name in row):
        return None, {}, [FieldProblem(field="", message="must have text alone as field names")]
    found = check(provider, endpoint, normalise_input(provider, endpoint, dict(row)))
    return found.wire, found.values, found.problems


def _key_of(provider: Provider, key: Any) -> Made:
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


def intents(session: Session, ask: Operation, check_rows: BulkRows) -> list[Intent]:
    """The same for a request that is about many contacts."""
    name = key_of(session.provider.record).name
    return [
        intent(session, ask, key=str(values.get(name) or ""), changes=values, before=None, row=row)
        for row, values in enumerate(check_rows.values)
    ]


def result_rows(
    session: Session, ask: Operation, done: Success, check_rows: BulkRows
) -> list[dict[str, Any]]:
    """The result rows of a write of many contacts, one each, in the order they were given."""
    record, bulk = session.provider.record, ask.endpoint.bulk
    fates = bulk and bulk.read(done.response.status, done.body, check_rows.sent)
    if not fates or len(fates) != len(check_rows.sent):
        raise unexpected_response(session, ask, done.response, "does not tell of what was sent")
    found: list[dict[str, Any]] = []
    for values, (usual, row, told) in zip(check_rows.values, fates, strict=True):
        after = record.from_wire(as_object(row)) if row else None
        outcome, message = judge_outcome(session, ask, done, values, after, usual)
        found.append(
            common_columns(session, ask, done)
            | {
                "key": (after or values).get(key_of(record).name),
                "outcome": outcome,
                "changed": [] if ask.endpoint.effect == "delete" else [*values],
                "after": after,
                "message": message or (None if ask.dry_run else told) or None,
                "warning": message,
            }
        )
    return found
