"""The box beside Save: that a contact who opted out has agreed again.

Each question has a number, which its tick carries, so that no tick answers another question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from contactkit._http.session import Session
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.forms.controls import Raw
from contactkit.forms.draft import Draft
from contactkit.forms.html import render
from contactkit.spec.consent import CODE, Channel, Consent, ConsentState
from contactkit.spec.doubts import undocumented
from contactkit.spec.provider import JSON
from contactkit.spec.validate import json_equal

FIELD = "opt_in"
"""The name of the box among the values of an event, and the verbs' option."""

_MESSAGES = {"text": "texts", "email": "e-mails"}
_AGREED = {"text": "texted", "email": "e-mailed"}


def split_tick(raws: Mapping[str, Raw]) -> tuple[dict[str, Raw], Raw]:
    """The controls of the fields, and that of the box."""
    fields = dict(raws)
    tick = fields.pop(FIELD, "")
    return fields, tick


class ConsentBox:
    """The question about the typed values, if they would opt in a contact who opted out."""

    def __init__(self, consent: Consent) -> None:
        self._consent = consent
        self._names = consent.fields | consent.address_fields
        self._number = 0
        self._tick: Raw = ""
        self._values: Mapping[str, JSON] = {}
        self._channels: set[Channel] = set()
        self._refused: set[Channel] = set()

    def ask(self, draft: Draft, current: Mapping[str, JSON], tick: Raw) -> None:
        """Ask about the typed values; another consent or address is another question."""
        values = {name: value for name, value in draft.values.items() if name in self._names}
        if not json_equal(values, self._values):
            self.clear()
        self._values, self._tick = values, tick
        # A change that cannot be saved anyway asks nothing.
        wrong = {problem.field for problem in draft.problems}
        widened = {} if wrong & values.keys() else self._consent.widened(current, values)
        self._channels = {n for n, state in widened.items() if state is ConsentState.denied}

    def ask_again(self, problems: Iterable[FieldProblem]) -> None:
        """Ask once more after a write, and also about what was refused."""
        self._number += 1
        refused = [problem.field for problem in problems if problem.code == CODE]
        self._refused |= {channel for name in refused for channel in self._channels_of(name)}

    def check_channels(
        self, session: Session, current: Mapping[str, JSON], values: Mapping[str, JSON]
    ) -> None:
        """InvalidInputError if the option opens a channel that the box does not ask about.

        The option is for all channels, the tick for those that its question names.
        """
        if not self._asked:
            return
        suppression = session.plan_journal.suppression
        problems = suppression.refusals(session.provider, {**current, **values}, values)
        problems += [p for p in undocumented(session.provider, current) if p.field in values]
        unasked = [p for p in problems if not self._asked.issuperset(self._channels_of(p.field))]
        if unasked:
            raise InvalidInputError(f"{session.provider.name} form", unasked)

    def clear(self) -> None:
        """Withdraw the question."""
        self._number += 1
        self._values, self._channels, self._refused = {}, set(), set()

    @property
    def options(self) -> Mapping[str, Literal[True]]:
        """The option of a write for which the box is needed; {} for any other."""
        return {FIELD: True} if self._asked else {}

    @property
    def is_open(self) -> bool:
        """Whether the box is needed and not ticked."""
        return bool(self._asked) and self._tick != str(self._number)

    def regions(self, prefix: str, *, has_dry_run: bool, needs_changes: bool) -> Mapping[str, str]:
        """The box with its reason, and the buttons that need it; ids begin with `prefix`."""
        reason = f"{prefix}-{FIELD}-reason"
        off = reason if self.is_open else ""
        buttons = render(
            "send_buttons", has_dry_run=has_dry_run, needs_changes=needs_changes, off=off
        )
        if not self._asked:
            return {"consent": "", "consent_reason": "", "send": buttons}
        label = f"They have agreed to be {self._listed(_AGREED)} again"
        return {
            "consent": render("consent_box", number=self._number, label=label, reason=reason),
            "consent_reason": render("consent_reason", id=reason, reason=self.reason),
            "send": buttons,
        }

    @property
    def reason(self) -> str:
        """Why the box is needed, and what Save does."""
        opted_out = f"They opted out of {self._listed(_MESSAGES)}"
        if self.is_open:
            return f"{opted_out}: nothing is sent until the box beside Save is ticked."
        return f"{opted_out}: Save opts them in again."

    @property
    def _asked(self) -> set[Channel]:
        return self._channels | self._refused

    def _channels_of(self, name: str) -> Iterable[Channel]:
        """The channels of a field with consent or an address."""
        addresses = {"text": self._consent.phones, "email": self._consent.emails}
        for channel, declared in self._consent.channels.items():
            if name in declared.fields or name in addresses[channel]:
                yield channel

    def _listed(self, words: Mapping[str, str]) -> str:
        return " and ".join(word for channel, word in words.items() if channel in self._asked)
