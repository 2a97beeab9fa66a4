"""From two frames to a plan: every contact that differs is checked as in the verbs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from contactkit._http.session import Session, segment
from contactkit._journal.reading import parse_reading
from contactkit._plans.diff import (
    MOST_NAMED,
    FrameDiff,
    contacts_in,
    diff_frames,
    edited_keys,
    key_as_sent,
)
from contactkit._plans.home import home_of
from contactkit._plans.moved import settle_moved_rows
from contactkit._plans.plan import Plan, PlannedWrite
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.spec.provider import JSON, Endpoint, Provider
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import key_text, merge_patch, to_python, validate_edit

OnMoved: TypeAlias = Literal["overwrite"] | None
_NEW = FieldProblem(field="", message="is a new contact; create=True would create it", code="new")


def check_edited(
    provider: Provider,
    edited: Any,
    *,
    create: bool,
    delete: bool,
    opt_in: bool,
    on_conflict: OnMoved,
    has_original: bool,
) -> None:
    """Raise InvalidInputError for options, or an edited frame, that no original makes valid."""
    where = f"{provider.name} plan"
    for name, value in {"create": create, "delete": delete, "opt_in": opt_in}.items():
        if type(to_python(value)) is not bool:
            raise InvalidInputError.one(where, name, "must be True or False")
    if on_conflict not in (None, "overwrite"):
        raise InvalidInputError.one(where, "on_conflict", "must be None or 'overwrite'")
    if on_conflict and has_original:
        message = "is only for a plan without original; apply(on_conflict=…) compares again"
        raise InvalidInputError.one(where, "on_conflict", message)
    keys, _ = edited_keys(provider, edited, keyless=_keyless(provider, create))
    if delete and not keys.present.any():
        message = "has no key in any row, and delete=True would delete every contact"
        raise InvalidInputError.one(where, "edited", message)


def _keyless(provider: Provider, create: bool) -> bool:
    """Whether a row without a key is a new contact, because the provider makes the keys."""
    return bool(create) and not key_of(provider.record).marker.required


def build_plan(
    session: Session,
    edited: pd.DataFrame,
    original: pd.DataFrame,
    *,
    create: bool = False,
    delete: bool = False,
    opt_in: bool = False,
    on_conflict: OnMoved = None,
    current: bool = False,
) -> Plan:
    """The writes that turn `original` into `edited`, and those that are refused.

    If `original` has the contacts as they are now (`current`), an edit of a contact that has
    changed since it was read is refused, unless `on_conflict` is "overwrite".
    """
    provider, keyless = session.provider, _keyless(session.provider, create)
    check_edited(
        provider,
        edited,
        create=create,
        delete=delete,
        opt_in=opt_in,
        on_conflict=on_conflict,
        has_original=not current,
    )
    diff = diff_frames(provider, edited, original, keyless=keyless, current=current)
    overwrite = on_conflict == "overwrite"
    writes = [
        (row, refuse_opt_in(provider, write, opt_in=opt_in))
        for row, write in _writes(
            session, diff, create=create, current=current, overwrite=overwrite
        )
    ]
    deletes = _deletes(provider, diff) if delete else []
    index = edited.index.take(np.array([row for row, _ in writes], dtype=np.intp))
    return Plan(
        provider=provider,
        contacts=(*(write for _, write in writes), *deletes),
        index=index.append(original.index.take(diff.gone)) if deletes else index,
        created=datetime.fromtimestamp(session.clock.now(), UTC),
        unchanged=len(edited) - int(diff.empty.sum()) - len(writes),
        vanished=0 if delete else len(diff.gone),
        opt_in=bool(opt_in),
        read=parse_reading(original.attrs.get("journal")),
        without_original=current,
        home=home_of(session),
    )


def _writes(
    session: Session, diff: FrameDiff, *, create: bool, current: bool, overwrite: bool
) -> list[tuple[int, PlannedWrite]]:
    """The creates and updates, by the row of the edited frame."""
    provider = session.provider
    new = np.flatnonzero((diff.rows < 0) & ~diff.empty).tolist()
    changed = sorted(row for row in diff.changes if diff.rows[row] >= 0)
    before = contacts_in(provider, diff.original, diff.rows[changed])
    conflicts: Mapping[int, FieldProblem] = {}
    if current:
        conflicts = settle_moved_rows(session, diff, changed, before, overwrite=overwrite)
    writes = {row: _create(provider, diff, row, create) for row in new}
    for row, contact in zip(changed, before, strict=True):
        if diff.changes[row]:
            problems = [conflicts[row]] if row in conflicts else []
            writes[row] = _update(provider, diff, row, contact, problems)
    return sorted(writes.items())


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


def _create(provider: Provider, diff: FrameDiff, row: int, create: bool) -> PlannedWrite:
    values = diff.changes.get(row, {})
    if create:
        problems = [] if _endpoint(provider, "create") else [_missing_verb(provider, "create")]
        return _checked_write(provider, "create", diff, row, None, values, problems)
    changes = {name: _as_json(value) for name, value in values.items()}
    return PlannedWrite(operation="create", key=diff.keys[row], changes=changes, problems=(_NEW,))


def _deletes(provider: Provider, diff: FrameDiff) -> list[PlannedWrite]:
    endpoint = _endpoint(provider, "delete")
    if endpoint and endpoint.deprecated and len(diff.gone):
        warn(endpoint.deprecated, DeprecationWarning)
    name = key_of(provider.record).name
    unmatched = _unmatched_problems(provider, diff)
    return [
        PlannedWrite(
            operation="delete",
            key=key_as_sent(provider, contact[name]),
            before=contact,
            problems=(*unmatched, *_key_problems(provider, "delete", contact[name])),
        )
        for contact in contacts_in(provider, diff.original, diff.gone)
    ]


def _unmatched_problems(provider: Provider, diff: FrameDiff) -> list[FieldProblem]:
    """Why nobody is deleted: a row without a usable key may be a contact that seems missing."""
    new = np.flatnonzero((diff.rows < 0) & ~diff.empty).tolist()
    rows = [f"edited[{row}]" for row in new if not _can_be_new(provider, diff.keys[row])]
    if not rows:
        return []
    more = f" and {len(rows) - MOST_NAMED:,} more rows" if len(rows) > MOST_NAMED else ""
    named = ", ".join(rows[:MOST_NAMED]) + more
    message = f"may not be missing, because these rows have no key of a contact: {named}"
    return [FieldProblem(field="", message=message, code="missing_key")]


def _can_be_new(provider: Provider, key: str) -> bool:
    """Whether a key may be a new contact's: one that the provider has not made, and can read."""
    if not key or not key_of(provider.record).marker.required:
        return False
    try:
        return bool(key_text(provider, key))
    except ValueError:
        return False


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
        segment(provider, endpoint, key_text(provider, key))
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
