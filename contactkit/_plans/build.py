"""From two frames to a plan: every contact that differs is checked as in the verbs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from contactkit._http.request import segment
from contactkit._http.session import Session
from contactkit._journal.reading import parse_reading
from contactkit._plans.change import KEPT_BACK, PlannedWrite
from contactkit._plans.diff import FrameDiff, contacts_in, diff_rows
from contactkit._plans.home import home_of
from contactkit._plans.labels import name_rows
from contactkit._plans.match import EditedRows, key_as_sent
from contactkit._plans.moved import settle_moved_rows
from contactkit._plans.options import PlanOptions, PlanSource, read_checked
from contactkit._plans.plan import Plan
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.merge import merge_patch
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.user_input import validate_edit
from contactkit.spec.validate import key_text

_NEW = FieldProblem(field="", message="is a new contact; create=True would create it", code="new")


def build_plan(
    session: Session, edited: pd.DataFrame, original: pd.DataFrame, **options: Any
) -> Plan:
    """The writes that turn `original` into `edited`, and those that are refused.

    The options are those of `contacts.plan`. Raises InvalidInputError for an option or a frame that
    is never valid.
    """
    given = PlanOptions(**options)
    rows = read_checked(session.provider, edited, given, has_original=True)
    return plan_rows(session, rows, original, given)


def plan_rows(
    session: Session,
    edited: EditedRows,
    original: pd.DataFrame,
    options: PlanOptions,
    *,
    current: bool = False,
) -> Plan:
    """The same for rows and options that are checked.

    If `original` has the contacts as they are now (`current`), an edit of a contact that has
    changed since it was read is refused, unless `on_conflict` is "overwrite".
    """
    provider = session.provider
    diff = diff_rows(provider, edited, original, current=current)
    writes = [
        (row, refuse_opt_in(provider, write, opt_in=options.opt_in))
        for row, write in _writes(session, diff, options, current=current)
    ]
    refused = [row for row, write in writes if write.operation == "create" and write.problems]
    deletes = _deletes(provider, diff, options, refused) if options.delete else []
    index = edited.index.take(np.array([row for row, _ in writes], dtype=np.intp))
    absent = 0 if options.delete else len(diff.match.gone)
    return Plan(
        provider=provider,
        contacts=(*(write for _, write in writes), *deletes),
        index=index.append(original.index.take(diff.match.gone)) if deletes else index,
        created=datetime.fromtimestamp(session.clock.now(), UTC),
        unchanged=len(edited) - int(edited.empty.sum()) - len(writes),
        vanished=absent + diff.match.unmatchable,
        opt_in=bool(options.opt_in),
        read=parse_reading(original.attrs.get("journal")),
        without_original=current,
        home=home_of(session),
        source=PlanSource(original=original, options=options, current=current),
    )


def _writes(
    session: Session, diff: FrameDiff, options: PlanOptions, *, current: bool
) -> list[tuple[int, PlannedWrite]]:
    """The creates and updates, by the row of the edited frame; a row of no contact is refused."""
    provider, problems = session.provider, diff.match.problems
    changed = sorted(row for row in diff.changes if diff.rows[row] >= 0 and row not in problems)
    before = contacts_in(provider, diff.original, diff.rows[changed])
    conflicts: Mapping[int, FieldProblem] = {}
    if current:
        overwrite = options.on_conflict == "overwrite"
        conflicts = settle_moved_rows(session, diff, changed, before, overwrite=overwrite)
    writes = {row: _create(provider, diff, row, options) for row in diff.new if row not in problems}
    for row, contact in zip(changed, before, strict=True):
        if diff.changes[row]:
            problem = [conflicts[row]] if row in conflicts else []
            writes[row] = _update(provider, diff, row, contact, problem)
    return sorted((writes | _refused(provider, diff)).items())


def _refused(provider: Provider, diff: FrameDiff) -> dict[int, PlannedWrite]:
    """The rows that could be of any contact or of none."""
    problems = diff.match.problems
    known = [row for row in problems if diff.rows[row] >= 0]
    contacts = contacts_in(provider, diff.original, diff.rows[known])
    before = dict(zip(known, contacts, strict=True))
    return {
        row: PlannedWrite(
            operation="update" if row in before else "create",
            key=key_as_sent(provider, diff.keys[row]),
            before=before.get(row),
            changes={name: _as_json(v) for name, v in diff.changes.get(row, {}).items()},
            problems=(problem,),
        )
        for row, problem in problems.items()
    }


def _update(
    provider: Provider,
    diff: FrameDiff,
    row: int,
    before: Mapping[str, JSON],
    problems: list[FieldProblem],
) -> PlannedWrite:
    declared = fields_of(provider.record)
    values: dict[str, JSON] = {}
    for name, value in diff.changes[row].items():
        try:
            field = declared.get(name)
            values[name] = merge_patch(field, before.get(name), value) if field else value
        except ValueError as error:
            problems.append(FieldProblem(field=name, message=str(error), code="type"))
    problems += _key_problems(provider, "update", diff.keys[row])
    return _checked_write(provider, "update", diff, row, before, values, problems)


def refuse_opt_in(provider: Provider, write: PlannedWrite, *, opt_in: bool) -> PlannedWrite:
    """The write, refused if it would opt in its contact against a no that the plan shows."""
    before = write.before or {}
    problems = provider.consent.refusals(write.changes, shown=before, current=before, opt_in=opt_in)
    refused = {problem.field for problem in write.problems}
    problems = [problem for problem in problems if problem.field not in refused]
    return replace(write, problems=(*write.problems, *problems)) if problems else write


def _create(provider: Provider, diff: FrameDiff, row: int, options: PlanOptions) -> PlannedWrite:
    values = diff.changes.get(row, {})
    if options.create:
        problems = [] if _endpoint(provider, "create") else [_missing_verb(provider, "create")]
        return _checked_write(provider, "create", diff, row, None, values, problems)
    changes = {name: _as_json(value) for name, value in values.items()}
    return PlannedWrite(operation="create", key=diff.keys[row], changes=changes, problems=(_NEW,))


def _deletes(
    provider: Provider, diff: FrameDiff, options: PlanOptions, refused: Iterable[int]
) -> list[PlannedWrite]:
    endpoint, gone = _endpoint(provider, "delete"), diff.match.gone
    if endpoint and endpoint.deprecated and len(gone):
        warn(endpoint.deprecated, DeprecationWarning)
    name = key_of(provider.record).name
    kept_back = _kept_back(provider, diff, options, refused)
    return [
        PlannedWrite(
            operation="delete",
            key=key_as_sent(provider, contact[name]),
            before=contact,
            problems=(
                *kept_back,
                *_key_problems(provider, "delete", contact[name]),
                *(validate_edit(provider, endpoint, {}, contact).problems if endpoint else ()),
            ),
        )
        for contact in contacts_in(provider, diff.original, gone)
    ]


def _kept_back(
    provider: Provider, diff: FrameDiff, options: PlanOptions, refused: Iterable[int]
) -> list[FieldProblem]:
    """Why no contact is deleted: a row that is of none may be one that seems missing.

    A new row with a key of its own is no such row, unless its create is refused.
    """
    owned = diff.edited.on.marker.required or diff.edited.on is not key_of(provider.record)
    new = [] if owned and options.create else diff.new
    # A row of a frame with nothing but keys is empty as soon as it loses its key.
    is_bare = diff.edited.columns.keys() == {diff.edited.on.name}
    emptied = np.flatnonzero(diff.edited.empty).tolist() if is_bare else []
    rows = sorted({*new, *refused, *emptied, *diff.match.problems})
    if not rows:
        return []
    named = name_rows(diff.edited.index, rows)
    message = f"may not be missing, because these rows are of no contact: {named}"
    return [FieldProblem(field="", message=message, code=KEPT_BACK)]


def _checked_write(
    provider: Provider,
    verb: str,
    diff: FrameDiff,
    row: int,
    before: Mapping[str, JSON] | None,
    values: Mapping[str, JSON],
    problems: Iterable[FieldProblem],
) -> PlannedWrite:
    """The write of these values, with all its problems."""
    endpoint, wrong = _endpoint(provider, verb), [*problems]
    params = fields_of(endpoint.params) if endpoint else {}
    options = {n: v for n, v in diff.options.get(row, {}).items() if n in params}
    checked: Mapping[str, JSON] = {}
    try:
        if endpoint:
            edit = validate_edit(provider, endpoint, {**values, **options}, before)
            checked = edit.values
            wrong += [
                problem for problem in edit.problems if not (wrong and problem.code == "empty")
            ]
    except InvalidInputError as error:
        wrong += error.problems
    changes = diff.changes.get(row, {})
    return PlannedWrite(
        operation=verb,
        key=key_as_sent(provider, diff.keys[row]),
        before=before,
        changes={n: checked[n] if n in checked else _as_json(v) for n, v in changes.items()},
        options={n: checked[n] if n in checked else _as_json(v) for n, v in options.items()},
        problems=tuple(wrong),
    )


def _endpoint(provider: Provider, verb: str) -> Endpoint | None:
    return next((endpoint for endpoint in provider.endpoints if endpoint.verb == verb), None)


def _key_problems(provider: Provider, verb: str, key: str) -> Iterable[FieldProblem]:
    """Why a contact cannot be written at all: no such verb, or an invalid key."""
    endpoint = _endpoint(provider, verb)
    if endpoint is None:
        return [_missing_verb(provider, verb)]
    try:
        segment(provider, endpoint, key_text(key_of(provider.record), key))
    except InvalidInputError as error:
        return error.problems
    except ValueError as error:
        return [FieldProblem(field="key", message=str(error), code="key")]
    return []


def _missing_verb(provider: Provider, verb: str) -> FieldProblem:
    return FieldProblem(field="", message=f"{provider.title} has no {verb}", code="verb")


def _as_json(value: Any) -> JSON:
    """A cell's value as JSON, or as text if that is not possible."""
    try:
        return json.loads(json.dumps(value, default=str))
    except (TypeError, ValueError, RecursionError):
        return str(value)
