"""One contact's planned write: what would be sent, or why nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from contactkit.errors import FieldProblem
from contactkit.spec.consent import ConsentState
from contactkit.spec.merge import contact_after
from contactkit.spec.outcome import Outcome
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.widening import reads_first

KEPT_BACK = "kept_back"
"""The code of a delete that is refused because of other rows."""

REASON = (
    *("channel", "source", "key", "field", "value", "state"),
    *("path", "line", "seen_at", "changed_at"),
)
PROOF = ("address", "channel", "given_at", "how")
Reason: TypeAlias = Mapping[str, JSON]
"""A no of another contact for a channel: that contact's source and key, its field and value, the
state denied or locked, the path of addresses to it, the line in that path if the no is a line's,
and when it was seen and last changed, as text or None."""

VERBS = ("create", "update", "delete")
"""The verbs that a plan sends, one request a contact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedWrite:
    """One contact's write: `changes` by field name as they would be sent; None clears a field.

    If there are `problems` the contact is refused and nothing is sent. `options` are parameters of
    the verb besides the contact's fields. A new contact has no `before`, and may have no `key`.
    `stays` says which part of an earlier write cannot be undone. `because` has the reasons of a no
    that is carried from other contacts, and `given` the proofs of consent that undo one. A contact
    that no longer has the values of `watched` when it is read right before the write is refused.
    """

    operation: str
    key: str = field(repr=False)
    before: Mapping[str, JSON] | None = field(default=None, repr=False)
    changes: Mapping[str, JSON] = field(default_factory=dict[str, JSON], repr=False)
    options: Mapping[str, JSON] = field(default_factory=dict[str, JSON], repr=False)
    problems: tuple[FieldProblem, ...] = ()
    stays: str = ""
    because: tuple[Reason, ...] = field(default=(), repr=False)
    watched: Mapping[str, JSON] = field(default_factory=dict[str, JSON], repr=False)
    given: tuple[Mapping[str, JSON], ...] = field(default=(), repr=False)

    @property
    def outcome(self) -> Outcome:
        """`planned` or `refused`."""
        return Outcome.REFUSED if self.problems else Outcome.PLANNED

    def opts_in(self, provider: Provider) -> bool:
        """Whether it would be sent to a contact who opted out, and opt it in."""
        sent = self.operation == "update" and not self.problems
        return sent and provider.consent.opts_in(self.before, self.changes)

    def is_first_consent(self, provider: Provider) -> bool:
        """Whether it gives consent for a contact that has said neither yes nor no."""
        if self.operation == "delete":
            return False
        states = provider.consent.widened(self.before or {}, self.changes).values()
        return bool(states) and max(states) < ConsentState.denied

    def reads_first(self, provider: Provider, *, whole: bool) -> bool:
        """Whether the contact is read right before the write; `whole` is the session's."""
        if self.because:
            return True
        endpoint = provider.endpoint(self.operation)
        return (whole and bool(endpoint.required)) or reads_first(provider, endpoint, self.changes)

    def after(self, provider: Provider) -> dict[str, JSON] | None:
        """The contact after the write; None if it is deleted."""
        if self.operation == "delete":
            return None
        invalid = {problem.field for problem in self.problems}
        return contact_after(provider.record, self.before, self.changes, invalid)

    @property
    def kept_back(self) -> bool:
        """Whether it is refused because of other rows."""
        return any(problem.code == KEPT_BACK for problem in self.problems)

    def lines(self) -> list[tuple[str, ...]]:
        """The fields on each line that shows the write, () for none.

        What causes a refusal comes first, and the rest of the contact is one line.
        """
        if not self.problems:
            return [(name,) for name in self.changes] or [()]
        wrong = {problem.field for problem in self.problems}
        causes = [(name,) for name in self.changes if name in wrong]
        rest = tuple(name for name in self.changes if name not in wrong)
        return [*causes, rest] if rest or wrong - self.changes.keys() else causes

    def reasons(self) -> dict[str, str]:
        """Why changes are not sent, by field name; "" for a reason that concerns no change."""
        texts: dict[str, list[str]] = {}
        for problem in self.problems:
            is_change = problem.field in self.changes
            text = problem.message if is_change else str(problem)
            texts.setdefault(problem.field if is_change else "", []).append(text)
        reasons = {name: "; ".join(messages) for name, messages in texts.items()}
        if reasons and "" not in reasons:
            reasons[""] = f"{', '.join(reasons)} of the same contact is refused"
        return reasons

    @property
    def because_text(self) -> str:
        """The first reason as a short sentence, and how many more there are; "" without one."""
        if not self.because:
            return ""
        reason = self.because[0]
        more = f" (and {len(self.because) - 1:,} more)" if len(self.because) > 1 else ""
        return f"{reason['source']} {reason['key']} says {reason['field']}={reason['value']}{more}"
