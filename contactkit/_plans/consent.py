"""When a plan must not write to a contact because of its consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contactkit._http.results import Values
from contactkit._journal.store import Journal
from contactkit._journal.suppression import suppressed_problems
from contactkit._plans.change import PlannedWrite
from contactkit.errors import FieldProblem
from contactkit.spec.consent import Address
from contactkit.spec.doubts import undocumented, unstated
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, last_change_of, parse_time
from contactkit.spec.user_input import normalise_phone
from contactkit.spec.validate import is_phone

if TYPE_CHECKING:
    from contactkit._plans.plan import Plan
    from contactkit._plans.steps import ApplySettings

_OPTED_OUT_AGAIN = "may have opted out again since it was read: read it anew"


def consent_problems(
    provider: Provider, planned: PlannedWrite, current: Values, *, opt_in: bool
) -> list[FieldProblem]:
    """Why a write must not be sent to the contact as it is now; [] if it may be.

    A plan's `opt_in` holds only for the no that the plan shows. A contact that was changed since
    may have opted out again.
    """
    consent = provider.consent
    shown = {**dict.fromkeys(consent.fields), **(planned.before or {})}
    problems = consent.refusals(planned.changes, shown=shown, current=current, opt_in=opt_in)
    if not opt_in and not planned.because and planned.operation == "update":
        problems += undocumented(provider, current)
        problems += unstated(provider, current, planned.changes)
    problems += watched_problems(provider, planned.watched, current)
    return problems or changed_problems(provider, planned.before, current, planned.changes)


def watched_problems(provider: Provider, watched: Values, current: Values) -> list[FieldProblem]:
    """The watched fields that have another value now; their values may be personal."""
    declared = fields_of(provider.record)
    return [
        FieldProblem(field=name, message="was changed since it was read", code="conflict")
        for name, value in watched.items()
        if _as_compared(declared[name], value) != _as_compared(declared[name], current.get(name))
    ]


def _as_compared(field: RecordField, value: JSON) -> JSON:
    """A value in one notation; empty text is none."""
    return (normalise_phone(value) if is_phone(field) else value) or None


def changed_problems(
    provider: Provider, known: Values | None, current: Values, changes: Values
) -> list[FieldProblem]:
    """The problem of opting in a contact that has changed since it was known; [] without one."""
    opts_in = provider.consent.opts_in(current, changes)
    if not opts_in or not was_changed(provider, known, current):
        return []
    return [FieldProblem(field="", message=_OPTED_OUT_AGAIN, code="conflict")]


def shows_time(provider: Provider, contact: Values | None) -> bool:
    """Whether a contact that may lack columns shows when it last changed."""
    time = last_change_of(provider.record)
    return bool(time and contact and time.name in contact)


def was_changed(provider: Provider, before: Values | None, current: Values) -> bool:
    """Whether a contact has another time of last change than before, or an unknown one.

    False where the provider has no such time.
    """
    time = last_change_of(provider.record)
    if time is None:
        return False
    times = [(contact or {}).get(time.name) for contact in (before, current)]
    try:
        return len({parse_time(value) if value else value for value in times}) > 1
    except (TypeError, ValueError):
        return True


def find_suppressed(plan: Plan, journal: Journal) -> dict[int, list[FieldProblem]]:
    """The contacts of a plan, by position, that must not get their addresses, and why.

    They are those of deleted contacts that had opted out. A plan's `opt_in` does not hold for a
    contact that was deleted after the plan was made.
    """
    provider = plan.provider
    addresses = {
        position: of_one
        for position, planned in enumerate(plan.contacts)
        if (of_one := _new_addresses(provider, planned))
    }
    wanted = {address for of_one in addresses.values() for address in of_one.values()}
    found = journal.suppression.find(provider.name, wanted, suppressed_since(plan))
    problems = {
        at: suppressed_problems(of_one, found, since=plan.opt_in)
        for at, of_one in addresses.items()
    }
    return {at: of_one for at, of_one in problems.items() if of_one}


def suppressed_since(plan: Plan) -> float:
    """The time after which a deletion counts for a plan, in seconds since the epoch.

    If the clock was set back since, nobody knows which deletions came after an `opt_in`: all count.
    """
    created = plan.created.timestamp()
    # `created` has whole microseconds.
    return created + 1e-6 if plan.opt_in and created <= plan.now() + 1e-6 else 0.0


def suppressed_now(settings: ApplySettings, planned: PlannedWrite) -> list[FieldProblem]:
    """Why a contact must not get its addresses right before its write, as `find_suppressed`."""
    provider = settings.session.provider
    addresses = _new_addresses(provider, planned)
    suppression = settings.session.plan_journal.suppression
    found = suppression.find(provider.name, addresses.values(), settings.suppressed_since)
    return suppressed_problems(addresses, found, since=settings.opt_in)


def _new_addresses(provider: Provider, planned: PlannedWrite) -> dict[str, Address]:
    """The addresses that a write gives to a contact, by field name, if it opens their channel."""
    consent, names = provider.consent, planned.changes.keys()
    if planned.problems or names.isdisjoint(consent.address_fields):
        return {}
    addresses = consent.open_addresses(planned.after(provider) or {})
    return {name: address for name, address in addresses.items() if name in names}
