"""One contact's write as it is planned: what would be sent, or why nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from contactkit.errors import FieldProblem
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import fields_of
from contactkit.spec.validate import value_after

VERBS = ("create", "update", "delete")
"""The verbs that a plan sends, one request a contact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedWrite:
    """One contact's write: `changes` by field name as they would be sent, None to clear.

    Where there are `problems` it is refused, and nothing of it is sent. `options` are what the verb
    takes beside a contact's fields. A new contact has no `before`, and may have no `key`. What
    `stays` done of a write that this one undoes is said there.
    """

    operation: str
    key: str = field(repr=False)
    before: Mapping[str, JSON] | None = field(default=None, repr=False)
    changes: Mapping[str, JSON] = field(default_factory=dict[str, JSON], repr=False)
    options: Mapping[str, JSON] = field(default_factory=dict[str, JSON], repr=False)
    problems: tuple[FieldProblem, ...] = ()
    stays: str = ""

    @property
    def outcome(self) -> str:
        """`planned` or `refused`."""
        return "refused" if self.problems else "planned"

    def after(self, provider: Provider) -> dict[str, JSON] | None:
        """The contact as the edit wants it; None where it is deleted."""
        if self.operation == "delete":
            return None
        held, declared = self.before or {}, fields_of(provider.record)
        wrong = {each.field for each in self.problems}
        new = {
            name: value_after(declared[name], held.get(name), value)
            if name in declared and name not in wrong
            else value
            for name, value in self.changes.items()
        }
        return deepcopy({**held, **new})

    def reasons(self) -> dict[str, str]:
        """Why each change is not sent, by field name; "" where the reason is no change's own."""
        found: dict[str, list[str]] = {}
        for each in self.problems:
            own = each.field in self.changes
            found.setdefault(each.field if own else "", []).append(
                each.message if own else str(each)
            )
        told = {name: "; ".join(texts) for name, texts in found.items()}
        if told and "" not in told:
            told[""] = f"{', '.join(told)} of the same contact is refused"
        return told
