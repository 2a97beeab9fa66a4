"""Whether a contact, as it is right before its write, may still be written."""

from __future__ import annotations

from collections.abc import Iterable

from contactkit._http.results import Values
from contactkit._http.session import Session
from contactkit._plans.change import PlannedWrite
from contactkit._plans.consent import consent_problems
from contactkit._plans.steps import OnConflict
from contactkit._plans.whole import changed_consent
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.user_input import validate_edit
from contactkit.spec.validate import json_equal


def changes_now(
    session: Session, shown: PlannedWrite, current: Values, *, opt_in: bool, whole: bool
) -> Values:
    """The changes that are still to be written to the contact that the plan has `shown`.

    A no that is carried from other contacts is written only to channels that are still open.
    Raises InvalidInputError if the contact must not be written.
    """
    provider, changes = session.provider, shown.changes
    if shown.because:
        changes = provider.consent.denials(changes, current)
        if not changes:
            return changes
    problems = consent_problems(provider, shown, current, opt_in=opt_in)
    if not (opt_in or problems):
        names = provider.consent.opened_fields(current, changes)
        suppression = session.plan_journal.suppression
        problems = suppression.refusals(provider, {**current, **changes}, names)
    if whole and not problems:
        problems = changed_consent(provider, shown.before, current)
    if problems:
        raise InvalidInputError(_where(session, shown), problems)
    return changes


def is_unchanged(
    session: Session, shown: PlannedWrite, current: Values, on_conflict: OnConflict
) -> bool:
    """Whether the contact already has the values of the write that the plan has `shown`.

    InvalidInputError if it has changed since and must not be overwritten.
    """
    provider, before = session.provider, shown.before or {}
    wanted = shown.after(provider) or {}
    names = shown.changes if wanted else before
    if wanted and all(json_equal(current.get(name), wanted[name]) for name in names):
        return True
    changed = [name for name in names if not json_equal(current.get(name), before.get(name))]
    if changed and on_conflict == "refuse":
        raise conflict(session, shown, changed)
    values, endpoint = {**shown.changes, **shown.options}, provider.endpoint(shown.operation)
    if problems := validate_edit(provider, endpoint, values, current).problems:
        raise InvalidInputError(_where(session, shown), problems)
    return False


def conflict(session: Session, shown: PlannedWrite, fields: Iterable[str]) -> InvalidInputError:
    """The error for fields that were changed since the plan read them; it has no value."""
    message = "was changed since it was read"
    problems = [FieldProblem(field=name, message=message, code="conflict") for name in fields]
    return InvalidInputError(_where(session, shown), problems)


def _where(session: Session, shown: PlannedWrite) -> str:
    return f"{session.provider.name} {shown.operation}"
