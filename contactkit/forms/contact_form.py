"""One contact as a form: fill, check, review, save once, and see the outcome.

The form decides nothing about a contact itself: `spec.validate` says what may be written, and the
async client sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._http.results import field_problems
from contactkit._http.session import Session
from contactkit._http.world import World
from contactkit.errors import FieldProblem
from contactkit.forms.attempts import Attempts, failure_result
from contactkit.forms.cells import register
from contactkit.forms.consent_box import ConsentBox, split_tick
from contactkit.forms.controls import Raw
from contactkit.forms.draft import Draft, changed_fields, read_draft, report_html, review_html
from contactkit.forms.fields import current_values
from contactkit.forms.form_screen import FormScreen
from contactkit.forms.html import personal_texts, text_of
from contactkit.forms.messages import doubt_text, form_problem, outcome_text, raise_unexpected
from contactkit.forms.transcript import CONTACT_COLUMNS, Transcript, add_write, show_contact
from contactkit.forms.view import View
from contactkit.forms.widget import Event, Work
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.outcome import Outcome
from contactkit.spec.provider import JSON
from contactkit.spec.record import fields_of, key_of

if TYPE_CHECKING:
    from contactkit._client.contacts import AsyncContacts


class ContactForm(View):
    """A contact to edit, or with `contact=None` one to create; after that it edits the new one.

    `widget` is for use in other layouts, `contact` the one-row frame as it was read last. A form in
    a browser shares its `transcript`, and calls `on_saved` with the contact as read after a write.
    """

    def __init__(
        self,
        contacts: AsyncContacts,
        session: Session,
        world: World,
        contact: pd.DataFrame | None,
        *,
        transcript: Transcript | None = None,
        on_saved: Callable[[pd.DataFrame], None] = lambda _: None,
    ) -> None:
        self.contact, self._contacts = contact, contacts
        self._session, self._provider = session, session.provider
        self._on_saved = on_saved
        self._attempts = Attempts()
        self._box = ConsentBox(session.provider.consent)
        self._typed: Mapping[str, Raw] = {}
        self._is_reviewed = False
        # The key of a contact that was written but could not be read again.
        self._unread = ""
        title = f"Contact at {self._provider.title}"
        self.transcript = transcript or Transcript(title, world, CONTACT_COLUMNS)
        handlers = {
            "edit": self._check_edit,
            "review": self._review,
            "save": self._save,
            "dry_run": self._dry_run,
            "revert": self._revert,
        }
        self._screen = FormScreen(
            title, world, self._provider, self._endpoint, handlers, self._secrets
        )
        self._screen.suggestions = contacts.suggestions
        self.widget = self._screen.widget
        self._draw()
        if transcript is None:
            register(self)

    @property
    def result(self) -> pd.DataFrame:
        """The last result row, as from every verb; a refusal is one too. Empty at first."""
        return self._attempts.last

    @property
    def history(self) -> pd.DataFrame:
        """Every result row of this form, oldest first."""
        return self._attempts.history

    @property
    def unsaved(self) -> bool:
        """Whether something was typed that is not saved, or is being saved now."""
        return bool(self.widget.draft) or self.widget.busy

    @property
    def key(self) -> str:
        """The key of the contact; "" while there is none."""
        return text_of((self._current or {}).get(key_of(self._provider.record).name))

    def __repr__(self) -> str:
        action = "Create" if self.contact is None else "Edit"
        return f"<contactkit form: {action} a contact at {self._provider.title}>"

    @property
    def _endpoint(self) -> Endpoint:
        return self._provider.endpoint("create" if self.contact is None else "update")

    @property
    def _current(self) -> dict[str, JSON] | None:
        return current_values(self._provider, self.contact)

    def _secrets(self) -> Iterable[str]:
        declared = fields_of(self._provider.record)
        typed = {name: str(raw) for name, raw in self.widget.draft.items()}
        personal = (personal_texts(declared, values) for values in (self._current or {}, typed))
        return [*self._session.secrets, *chain(*personal)]

    def _draw(self, *, draft: Mapping[str, Raw] | None = None, status: str = "") -> None:
        """Fill the fields from the contact; typed values are lost, except those in a draft."""
        typed, _ = split_tick(draft or {})
        self._typed = {}
        self._screen.draw(self._endpoint, self.contact, draft=typed, status=status)
        self._box.clear()
        self._read(typed)
        show_contact(self.transcript, self._provider.record, self._current or {})

    def _read_draft(self, event: Event) -> Draft:
        self._typed, tick = split_tick(event["values"])
        return self._read(self._typed, tick)

    def _read(self, typed: Mapping[str, Raw], tick: Raw = "") -> Draft:
        """Read what was typed, and ask for new consent if it would opt in who opted out."""
        current = self._current
        draft = read_draft(self._session, self._endpoint, self.key, current, typed)
        self._box.ask(draft, current or {}, tick)
        self._screen.show_box(self._box)
        return draft

    def _check_edit(self, event: Event) -> None:
        before, draft = self._typed, self._read_draft(event)
        edited = changed_fields(before, self._typed)
        self._screen.show_edit(draft, self._typed, edited)
        if self._is_reviewed and edited:
            # Save would no longer send what was reviewed.
            self._is_reviewed = False
            self.widget.show({"report": ""})

    def _review(self, event: Event) -> None:
        draft = self._read_draft(event)
        if self._unread or draft.problems:
            return self._refuse(draft.problems)
        current = self._current or {}
        options = self._box.options
        report = review_html(self._provider, self._endpoint, self.key, current, draft, options)
        self._screen.show_review(draft, report)
        self._is_reviewed = True

    def _save(self, event: Event) -> Work | None:
        draft = self._read_to_send(event)
        if draft is None:
            return None
        if self._attempts.ask_about_doubts(draft):
            question = "; press Save again to send it anyway"
            return self._refuse([replace(d, message=d.message + question) for d in draft.doubts])
        options = {**self._box.options, **self._attempts.retry_options(draft.values)}
        return self._start(draft, "Saving", options)

    def _dry_run(self, event: Event) -> Work | None:
        draft = self._read_to_send(event)
        options = {**self._box.options, "dry_run": True}
        return self._start(draft, "Dry run", options) if draft else None

    def _read_to_send(self, event: Event) -> Draft | None:
        """The edits if they can be sent; if not, show why."""
        draft = self._read_draft(event)
        if self._unread or draft.problems:
            return self._refuse(draft.problems)
        return self._screen.point_at_box() if self._box.is_open else draft

    def _start(self, draft: Draft, action: str, options: Mapping[str, JSON]) -> Work:
        self._is_reviewed = False
        self._screen.show_work(action, report="")
        return self._send(draft, options)

    async def _send(self, draft: Draft, options: Mapping[str, JSON]) -> None:
        key = [] if self.contact is None else [self.contact]
        verb = getattr(self._contacts, self._endpoint.verb)
        try:
            self._box.check_channels(self._session, self._current or {}, draft.values)
            result = await verb(*key, **draft.values, **options)
        except (Exception, asyncio.CancelledError) as error:
            await self._handle_failure(error, draft, options)
            return raise_unexpected(error)
        report = self._add_result(result, draft, options)
        if "dry_run" in options:
            return self._screen.show_outcome(result, report)
        self._attempts.settle()
        await self._reread(result["key"].item(), result, report)

    async def _handle_failure(
        self, error: BaseException, draft: Draft, options: Mapping[str, JSON]
    ) -> None:
        session, key = self._session, self.key
        result = failure_result(session, self._endpoint, error, key, self._current, draft, options)
        report = self._add_result(result, draft, options)
        doubt = ""
        if result["outcome"].item() == Outcome.UNKNOWN:
            self._attempts.doubt(session, self._endpoint, key, draft.values, error)
            doubt = doubt_text(error, self._endpoint)
            if key and not await self._read_after_doubt(error, report):
                return
        # A second press of Save must not repeat the failed write.
        self.widget.invalidate()
        self.widget.show({"report": report})
        problems = field_problems(error)
        self._box.ask_again(problems)
        self._screen.show_box(self._box)
        self._refuse([form_problem(problem) for problem in problems], error, status=doubt)

    async def _read_after_doubt(self, error: BaseException, report: str) -> bool:
        """Read a contact that may have been written, keeping the edits; whether that worked.

        Compared with the old contact, going back to its old values would be no change.
        """
        self._screen.show_work("Reading the contact")
        try:
            self.contact = await self._contacts.get(self.key)
        except (Exception, asyncio.CancelledError) as read_error:
            status = "It may have been carried out, but could not be read. Revert reads it again."
            self._hide_fields(self.key, error, report, status)
            raise_unexpected(read_error)
            return False
        self._draw(draft=self.widget.draft)
        self._on_saved(self.contact)
        return True

    def _add_result(self, result: pd.DataFrame, draft: Draft, options: Mapping[str, JSON]) -> str:
        """Keep a result row; returns the report about it."""
        self._attempts.rows.append(result)
        add_write(self.transcript, self._endpoint, options, result, draft, self._secrets())
        values = {**draft.values, **options}
        return report_html(self._provider, self._endpoint, self.key, values, result)

    def _revert(self, event: Event) -> Work | None:
        """Discard the edits, and show the contact as it is now."""
        self._attempts.confirmation.withdraw()
        key = self._unread or self.key
        if not key:
            return self._draw(status="The form is empty again.")
        self._screen.show_work("Reading the contact", report="")
        return self._reread(key)

    async def _reread(self, key: Any, result: pd.DataFrame | None = None, report: str = "") -> None:
        """Show the contact with this key as it is now, and the result that led to it."""
        if pd.isna(key):
            self._draw()
        else:
            try:
                self.contact = await self._contacts.get(key)
            except (Exception, asyncio.CancelledError) as error:
                status = "The contact could not be read again. Revert tries once more."
                if result is None:
                    self._refuse((), error, status=status)
                else:
                    written = outcome_text(self._provider, result)
                    self._hide_fields(key, error, report, f"{written} {status}")
                return raise_unexpected(error)
            self._unread = ""
            self._draw(status="This is the contact as it is now.")
            self._on_saved(self.contact)
        if result is None:
            self._attempts.settle()
        else:
            self._screen.show_outcome(result, report)

    def _hide_fields(self, key: str, error: BaseException, report: str, status: str) -> None:
        """Hide the contact with this key until it is read again."""
        self._unread = key
        self._box.clear()
        self._screen.hide_fields(report)
        self._screen.show_box(self._box)
        self._refuse((), error, status=status)

    def _refuse(
        self, problems: Sequence[FieldProblem], error: BaseException | None = None, status: str = ""
    ) -> None:
        """Show each problem beside its field and the rest above the buttons."""
        if self._unread and error is None:
            problems, status = (), "Press Revert first: it reads the contact that was saved."
        self._screen.show_refusal(problems, error, status)
