"""From two frames to a plan: what differs is judged contact by contact, as the verbs judge it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from contactkit._http.session import Session, segment
from contactkit._plans.diff import FrameDiff, differences, keys_of, original_rows, refuse, spelled
from contactkit._plans.plan import Plan, PlannedWrite
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.spec.provider import JSON, Endpoint, Provider
from contactkit.spec.record import fields_of, key_of, parse_time
from contactkit.spec.validate import key_text, merge_patch, to_python, validate_edit

_NEW = FieldProblem(field="", message="is new; create=True plans to create it", code="new")


def check_edited(provider: Provider, edited: Any, *, create: bool, delete: bool) -> None:
    """Raise InvalidInputError for what no original could make a plan of."""
    for name, given in {"create": create, "delete": delete}.items():
        if type(to_python(given)) is not bool:
            refuse(provider, name, "must be True or False")
    keys_of(provider, edited, keyless=_keyless(provider, create))


def _keyless(provider: Provider, create: bool) -> bool:
    """Whether a row without a key is a new contact: where the provider makes the keys."""
    return bool(create) and not key_of(provider.record).marker.required


def plan_of(
    session: Session,
    edited: pd.DataFrame,
    original: pd.DataFrame,
    *,
    create: bool = False,
    delete: bool = False,
) -> Plan:
    """What would have to be written so that `original` becomes `edited`, and what is refused."""
    provider = session.provider
    check_edited(provider, edited, create=create, delete=delete)
    found = differences(provider, edited, original, keyless=_keyless(provider, create))
    written = _written(provider, found, create)
    gone = _deleted(provider, found) if delete else []
    at = np.array([row for row, _ in written], dtype=np.intp)
    index = edited.index.take(at)
    return Plan(
        provider=provider,
        contacts=(*(each for _, each in written), *gone),
        index=index.append(original.index.take(found.gone)) if gone else index,
        created=datetime.fromtimestamp(session.clock.now(), UTC),
        unchanged=len(edited) - len(written),
        vanished=0 if delete else len(found.gone),
        read=_read_at(original),
    )


def _read_at(original: pd.DataFrame) -> datetime | None:
    """When the contacts were read, as a listing says of its frame."""
    try:
        return parse_time(original.attrs.get("at"))
    except (TypeError, ValueError):
        return None


def _written(provider: Provider, found: FrameDiff, create: bool) -> list[tuple[int, PlannedWrite]]:
    """Updates and creations, with their positions in the edited frame and in its order."""
    new = np.flatnonzero(found.rows < 0).tolist()
    changed = sorted(found.changes.keys() - set(new))
    before = original_rows(provider, found, found.rows[changed])
    written = {row: _created(provider, found, row, create) for row in new}
    for row, contact in zip(changed, before, strict=True):
        written[row] = _updated(provider, found, row, contact)
    return sorted(written.items())


def _updated(
    provider: Provider, found: FrameDiff, row: int, before: Mapping[str, JSON]
) -> PlannedWrite:
    declared, problems = fields_of(provider.record), list[FieldProblem]()
    sent: dict[str, JSON] = {}
    for name, value in found.changes[row].items():
        try:
            each = declared.get(name)
            sent[name] = merge_patch(each, before.get(name), value) if each else value
        except ValueError as error:
            problems.append(FieldProblem(field=name, message=str(error), code="type"))
    problems += _key_problems(provider, "update", found.keys[row])
    return _judged(provider, "update", found, row, before, sent, problems)


def _created(provider: Provider, found: FrameDiff, row: int, create: bool) -> PlannedWrite:
    wanted = found.changes.get(row, {})
    if create:
        problems = [] if _endpoint(provider, "create") else [_lacks(provider, "create")]
        return _judged(provider, "create", found, row, None, wanted, problems)
    changes = {name: _as_json(value) for name, value in wanted.items()}
    return PlannedWrite(operation="create", key=found.keys[row], changes=changes, problems=(_NEW,))


def _deleted(provider: Provider, found: FrameDiff) -> list[PlannedWrite]:
    endpoint = _endpoint(provider, "delete")
    if endpoint and endpoint.deprecated and len(found.gone):
        warn(endpoint.deprecated, DeprecationWarning)
    name = key_of(provider.record).name
    return [
        PlannedWrite(
            operation="delete",
            key=spelled(provider, each[name]),
            before=each,
            problems=tuple(_key_problems(provider, "delete", each[name])),
        )
        for each in original_rows(provider, found, found.gone)
    ]


def _judged(
    provider: Provider,
    verb: str,
    found: FrameDiff,
    row: int,
    before: Mapping[str, JSON] | None,
    sent: Mapping[str, JSON],
    problems: Iterable[FieldProblem],
) -> PlannedWrite:
    endpoint, wrong = _endpoint(provider, verb), [*problems]
    taken = fields_of(endpoint.params) if endpoint else {}
    options = {n: v for n, v in found.options.get(row, {}).items() if n in taken}
    values: Mapping[str, JSON] = {}
    try:
        if endpoint:
            checked = validate_edit(provider, endpoint, {**sent, **options}, before)
            values = checked.values
            wrong += [each for each in checked.problems if not (wrong and each.code == "empty")]
    except InvalidInputError as error:
        wrong += error.problems
    wanted = found.changes.get(row, {})
    return PlannedWrite(
        operation=verb,
        key=spelled(provider, found.keys[row]),
        before=before,
        changes={n: values[n] if n in values else _as_json(v) for n, v in wanted.items()},
        options={n: values[n] if n in values else _as_json(v) for n, v in options.items()},
        problems=tuple(wrong),
    )


def _endpoint(provider: Provider, verb: str) -> Endpoint | None:
    return next((each for each in provider.endpoints if each.verb == verb), None)


def _key_problems(provider: Provider, verb: str, key: str) -> Iterable[FieldProblem]:
    """Why a contact cannot be written at all: no such verb, or a key that no path can hold."""
    endpoint = _endpoint(provider, verb)
    if endpoint is None:
        return [_lacks(provider, verb)]
    try:
        segment(provider, endpoint, key_text(provider, key))
    except InvalidInputError as error:
        return error.problems
    except ValueError as error:
        return [FieldProblem(field="key", message=str(error), code="key")]
    return []


def _lacks(provider: Provider, verb: str) -> FieldProblem:
    return FieldProblem(field="", message=f"{provider.title} has no {verb}", code="verb")


def _as_json(value: Any) -> JSON:
    """What somebody put into a cell as JSON of its own, as far as it can be."""
    try:
        return json.loads(json.dumps(value, default=str))
    except (TypeError, ValueError, RecursionError):
        return str(value)
