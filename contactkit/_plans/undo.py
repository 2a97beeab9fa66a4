"""The plan that undoes another one, from the journal and the contacts as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import repeat

import numpy as np

from contactkit._http.background import ParallelFlow
from contactkit._http.results import Values
from contactkit._http.session import Session
from contactkit._plans.build import refuse_opt_in
from contactkit._plans.change import PlannedWrite
from contactkit._plans.consent import was_changed, watched_problems
from contactkit._plans.home import bound_home
from contactkit._plans.lift import Grounds, Lifting
from contactkit._plans.listing import read_contacts
from contactkit._plans.plan import Plan
from contactkit._plans.resume import last_entries, undo_name
from contactkit._plans.steps import Entry
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.merge import contact_after, merge_patch
from contactkit.spec.outcome import WRITTEN, Outcome
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import fields_of, key_of, last_change_of
from contactkit.spec.terms import Undo
from contactkit.spec.user_input import validate_edit
from contactkit.spec.validate import json_equal, to_python, writable_fields

_OPTED_OUT_SINCE = FieldProblem(
    field="", message="was changed since, and may have opted out themselves", code="conflict"
)

_NOT_WRITTEN = FieldProblem(field="", message="nothing of this was written", code="undo")
_NEEDED = (
    "is needed: this plan carries a no from other contacts, which opt_in=True alone does not lift. "
    "Give proofs of consent that are not earlier, as undo(given=proofs), or people that were read "
    "again without the wrong link, as undo(people=people)"
)
_WRITTEN_AGAIN = (
    "cannot lift a no that was carried from other contacts, lifted and written again: write each "
    "contact's own consent with contacts.update(…, opt_in=True)"
)


def plan_undo(
    session: Session, plan: Plan, opt_in: bool, grounds: Grounds | None = None
) -> ParallelFlow[Plan]:
    """Read the contacts of a plan, and plan to undo what was written.

    A no that was carried from other contacts is lifted on these grounds only.
    """
    where = f"{session.provider.name} undo"
    if type(to_python(opt_in)) is not bool:
        raise InvalidInputError.one(where, "opt_in", "must be True or False")
    if plan.is_propagated and grounds is None:
        raise InvalidInputError.one(where, "given", _NEEDED)
    if any(map(_is_written_again, repeat(plan.provider), plan.contacts)):
        raise InvalidInputError.one(where, "opt_in", _WRITTEN_AGAIN)
    journal, home = session.plan_journal, bound_home(plan, session)
    account = home.account
    written = find_written(session, plan)
    keys = [entry["key"] for _, entry in written if entry["key"]]
    contacts = yield from read_contacts(session, keys)
    undone = last_entries(journal, undo_name(plan.name), account)
    in_doubt = {row for row, entry in undone.items() if entry["outcome"] in (None, Outcome.UNKNOWN)}
    positions = [position for position, _ in written]
    return Plan(
        provider=session.provider,
        contacts=tuple(
            _Undoing(
                provider=session.provider,
                planned=plan.contacts[position],
                entry=entry,
                key=str(entry["key"] or ""),
                current=contacts.get(str(entry["key"] or "")),
                in_doubt=plan.numbers[position] in in_doubt,
                opt_in=bool(opt_in or grounds),
                grounds=grounds,
            ).planned_write()
            for position, entry in written
        ),
        index=plan.index.take(np.array(positions, dtype=np.intp)),
        created=datetime.fromtimestamp(session.clock.now(), UTC),
        of=(undo_name(plan.name), tuple(plan.numbers[position] for position in positions)),
        home=home,
        opt_in=bool(opt_in or grounds),
        runner=plan.runner,
    )


def _is_written_again(provider: Provider, write: PlannedWrite) -> bool:
    """Whether it writes a carried no again that was lifted."""
    is_sent = write.changes and not write.problems
    carried = write.watched and not write.because
    return bool(is_sent and carried and not write.opts_in(provider))


def find_written(session: Session, plan: Plan) -> list[tuple[int, Entry]]:
    """The contacts of a plan that were written, or may have been, by position."""
    account = bound_home(plan, session).account
    entries = last_entries(session.plan_journal, plan.name, account)
    return [
        (position, entries[row])
        for position, row in enumerate(plan.numbers)
        if row in entries and entries[row]["outcome"] in (*WRITTEN, Outcome.UNKNOWN, None)
    ]


@dataclass(frozen=True, kw_only=True)
class _Undoing:
    """One contact's undoing: its entry in the journal, and the contact as it is now.

    If an earlier undoing is `in_doubt`, a contact with its old values counts as unchanged.
    """

    provider: Provider
    planned: PlannedWrite
    entry: Entry
    key: str
    current: Values | None
    in_doubt: bool
    opt_in: bool
    grounds: Grounds | None

    def planned_write(self) -> PlannedWrite:
        """The write that undoes the entry, or the reason why it cannot be undone."""
        if self.entry["outcome"] not in WRITTEN:
            message = "it is not known whether this contact was written; apply the plan again first"
            return self._refused("update", message, "unknown")
        match self.planned.operation:
            case "update" if self.planned.because:
                return self._lift()
            case "update":
                return self._restore()
            case "create":
                return self._delete()
            case _:
                return self._create_again()

    def _restore(self) -> PlannedWrite:
        """Restore the contact's old values."""
        provider, planned, current = self.provider, self.planned, self.current
        if current is None:
            return self._refused("update", "no longer exists", "not_found")
        before: Values = self.entry["before"] or {}
        after: Values = {
            **contact_after(provider.record, planned.before, planned.changes),
            **(self.entry["after"] or {}),
        }
        undo = provider.undo(before, planned.changes, planned.options)
        if self.in_doubt and _has_values(current, {n: before.get(n) for n in planned.changes}):
            wanted = {name: before.get(name) for name in planned.changes}
            return self._planned("update", after, wanted, undo, [])
        declared, problems = fields_of(provider.record), list[FieldProblem]()
        wanted: dict[str, JSON] = {}
        for name in planned.changes:
            if not json_equal(current.get(name), after.get(name)):
                problems.append(_changed_since(name))
            try:
                value = merge_patch(declared[name], current.get(name), before.get(name))
            except ValueError as error:
                problems.append(FieldProblem(field=name, message=str(error), code="type"))
            else:
                if not json_equal(value, current.get(name)):
                    wanted[name] = value
        endpoint = provider.endpoint("update")
        problems += _edit_problems(provider, endpoint, {**wanted, **undo.options}, current)
        if provider.consent.opts_in(current, wanted):
            if was_changed(provider, self.entry["after"], current):
                problems.append(_OPTED_OUT_SINCE)
            undo = replace(undo, remains=undo.remains or self._unknown_since())
        write = self._planned("update", current, wanted, undo, problems)
        return refuse_opt_in(provider, write, opt_in=self.opt_in)

    def _lift(self) -> PlannedWrite:
        """Restore what the grounds allow; the contact must still have the same addresses."""
        planned, current, provider = self.planned, self.current or {}, self.provider
        lifting = self.grounds.lift(planned) if self.grounds else Lifting(changes={})
        written = self.entry["changes"] or {}
        changes = {name: value for name, value in lifting.changes.items() if name in written}
        if not changes:
            key, problems = self.key, lifting.problems or (_NOT_WRITTEN,)
            return PlannedWrite(operation="update", key=key, before=current, problems=problems)
        write = replace(self, planned=replace(planned, changes=changes))._restore()
        moved = watched_problems(provider, planned.watched, current) if self.current else []
        return replace(
            write,
            problems=(*write.problems, *moved),
            stays="; ".join(problem.message for problem in lifting.problems) or write.stays,
            watched={name: current.get(name) for name in planned.watched},
            given=lifting.given,
        )

    def _unknown_since(self) -> str:
        """What cannot be known where the provider does not say when a contact changed."""
        return "" if last_change_of(self.provider.record) else "may have opted out themselves since"

    def _delete(self) -> PlannedWrite:
        """Delete the contact that was created."""
        provider, planned, current = self.provider, self.planned, self.current
        after: Values = self.entry["after"] or {}
        if current is None and self.in_doubt:
            return self._planned("delete", after, {}, Undo(), [])
        if current is None:
            return self._refused("delete", "no longer exists", "not_found")
        names = [n for n in writable_fields(provider, provider.endpoint("create")) if n in after]
        problems = [_changed_since(n) for n in names if not json_equal(current.get(n), after[n])]
        problems += _edit_problems(provider, provider.endpoint("delete"), {}, current)
        undo = provider.undo({}, planned.changes, planned.options)
        return self._planned("delete", current, {}, undo, problems)

    def _create_again(self) -> PlannedWrite:
        """Create the contact that was deleted; refused where an opt-out would be lost."""
        provider, current = self.provider, self.current
        before: Values = self.entry["before"] or {}
        endpoint = provider.endpoint("create")
        fields, declared = writable_fields(provider, endpoint), fields_of(provider.record)
        values = {n: v for n, v in before.items() if n in fields and v not in (None, "", [], {})}
        lost = [
            name
            for name, value in before.items()
            if name not in fields and declared[name].marker.access == "writable" and value
        ]
        problems = [
            FieldProblem(field=n, message="cannot be set when a contact is created", code="undo")
            for n in lost
        ]
        if current and not (self.in_doubt and _has_values(current, values)):
            problems.append(FieldProblem(field="", message="exists again", code="conflict"))
        undo = provider.undo({}, values, {})
        problems += _edit_problems(provider, endpoint, {**values, **undo.options}, None)
        new_key = not key_of(provider.record).marker.required
        return PlannedWrite(
            operation="create",
            key="" if new_key else self.key,
            changes=values,
            options=undo.options,
            problems=tuple(problems),
            stays="the contact gets a new key" if new_key else "",
        )

    def _planned(
        self,
        operation: str,
        before: Values,
        changes: Values,
        undo: Undo,
        problems: Sequence[FieldProblem],
    ) -> PlannedWrite:
        return PlannedWrite(
            operation=operation,
            key=self.key,
            before=before,
            changes=changes,
            options={} if operation == "delete" else undo.options,
            problems=tuple(problems),
            stays=undo.remains,
            watched=self.planned.watched if operation == "update" else {},
        )

    def _refused(self, operation: str, message: str, code: str) -> PlannedWrite:
        problem = FieldProblem(field="", message=message, code=code)
        return PlannedWrite(
            operation=operation, key=self.key, before=self.current, problems=(problem,)
        )


def _has_values(contact: Values, values: Values) -> bool:
    return all(json_equal(contact.get(name), value) for name, value in values.items())


def _edit_problems(
    provider: Provider, endpoint: Endpoint, values: Values, current: Values | None
) -> Sequence[FieldProblem]:
    try:
        return validate_edit(provider, endpoint, values, current).problems
    except InvalidInputError as error:
        return error.problems


def _changed_since(name: str) -> FieldProblem:
    return FieldProblem(field=name, message="was changed since", code="conflict")
