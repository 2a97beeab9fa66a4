"""One contact as a form: fill, check, review, save once, and see what became of it.

The form decides nothing about a contact itself: what may be written is asked of `checks`, and the
awaiting door sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.display import display

from contactkit._frames.frame import result_frame
from contactkit._http.results import failure_row, key_of_write, problem_fields
from contactkit._http.session import Session
from contactkit._http.world import World
from contactkit.errors import FieldProblem
from contactkit.forms.attempts import Attempts
from contactkit.forms.cells import claim
from contactkit.forms.controls import Raw
from contactkit.forms.draft import Draft, code_of, read_draft, review_of
from contactkit.forms.fields import current_of, drawn, title_of
from contactkit.forms.html import frame_table, personal_texts, render, text_of
from contactkit.forms.messages import (
    doubt_told,
    outcome_told,
    problems_told,
    raise_unexpected,
    refusal_told,
)
from contactkit.forms.record import Transcript
from contactkit.forms.widget import Event, Widget, Work
from contactkit.spec.provider import JSON, Endpoint
from contactkit.spec.record import fields_of, key_of

_SHOWN = ["key", "operation", "outcome", "changed", "http_status", "code", "message", "attempts"]

if TYPE_CHECKING:
    from contactkit._client.verbs import ContactVerbs


class ContactForm:
    """A contact to edit, or with `contact=None` one to create; after that it edits the new one.

    `widget` is what is shown, `contact` the one-row frame as it was read last. A form that is part
    of something else is given a `transcript`, and tells `saved` what was read after a write.
    """

    def __init__(
        self,
        door: ContactVerbs[Any, Any],
        session: Session,
        world: World,
        contact: pd.DataFrame | None,
        *,
        transcript: Transcript | None = None,
        saved: Callable[[pd.DataFrame], None] = lambda _: None,
    ) -> None:
        self.contact = contact
        self._door = door
        self._session = session
        self._world = world
        self._provider = session.provider
        self._saved = saved
        self._attempts = Attempts()
        self._typed: Mapping[str, Raw] = {}
        self._reviewed = False
        # The key of a contact that was written and could not be read again.
        self._unread = ""
        title = f"Contact at {self._provider.title}"
        self.transcript = transcript or Transcript(title, world, self._provider.record)
        verbs = {
            "edit": self._edited,
            "review": self._review,
            "save": self._save,
            "dry_run": self._dry_run,
            "revert": self._revert,
        }
        layout = render(
            "form",
            title=title,
            world=world,
            docs=self._endpoint.docs or self._provider.docs,
            rehearses=self._endpoint.dry_run,
        )
        self.widget = Widget(layout, verbs, self._secrets)
        self._draw()
        if transcript is None:
            claim(self)

    @property
    def result(self) -> pd.DataFrame:
        """The last result row, as every verb answers it; a refusal is one too. Empty at first."""
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
    def busy(self) -> bool:
        """Whether something is in flight."""
        return self.widget.busy

    def close(self) -> None:
        """Take the form away; what is in flight is cancelled."""
        self.widget.close()

    def _ipython_display_(self) -> None:
        display(self.widget)
        self.transcript.open()

    def __repr__(self) -> str:
        return f"<contactkit form: {title_of(self._provider, self.contact)}>"

    @property
    def _endpoint(self) -> Endpoint:
        return self._provider.endpoint("create" if self.contact is None else "update")

    @property
    def _current(self) -> dict[str, JSON] | None:
        return current_of(self._provider, self.contact)

    @property
    def key(self) -> str:
        """The key of the contact; "" while there is none."""
        return text_of((self._current or {}).get(key_of(self._provider.record).name))

    def _secrets(self) -> Iterable[str]:
        declared = fields_of(self._provider.record)
        typed = {name: str(raw) for name, raw in self.widget.draft.items()}
        known = personal_texts(declared, self._current or {}) + personal_texts(declared, typed)
        return [*self._session.secrets, *known]

    def _draw(
        self, regions: Mapping[str, str] | None = None, draft: Mapping[str, Raw] | None = None
    ) -> None:
        """Fill the fields from the contact; what was typed is void, but for a draft."""
        self._typed = {}
        fresh = drawn(self._provider, self._endpoint, self.contact, self.widget.model_id or "")
        self.widget.replace({**fresh, **(regions or {})}, draft=draft)
        self.transcript.shown(self._current or {})

    def _draft(self, event: Event) -> Draft:
        self._typed = event["values"]
        return read_draft(self._session, self._endpoint, self.key, self._current, event["values"])

    def _edited(self, event: Event) -> None:
        """Say what is wrong with what was typed now, and nothing yet of what is missing."""
        values, was = event["values"], self._typed
        # Half a date is None, and no more absent than anything else that was typed.
        edited = {
            name
            for name in values.keys() | was.keys()
            if (name in values, values.get(name)) != (name in was, was.get(name))
        }
        draft = self._draft(event)
        wrong = [each for each in (*draft.problems, *draft.doubts) if each.field in values]
        beside, _ = problems_told(self._provider, self._endpoint, wrong)
        told = {name: beside[f"problem:{name}"] for name in edited if f"problem:{name}" in beside}
        regions = {f"problem:{name}": html for name, html in told.items()}
        # What was reviewed is not what Save would send any more.
        stale = {"report": ""} if self._reviewed else {}
        self._reviewed = False
        self.widget.show({**regions, "problems": "", **stale})

    def _review(self, event: Event) -> None:
        draft = self._draft(event)
        if self._unread or draft.problems:
            return self._refuse(draft.problems)
        current = self._current or {}
        report = review_of(self._provider, self._endpoint, self.key, current, draft)
        beside, _ = problems_told(self._provider, self._endpoint, draft.doubts)
        self._clear({**beside, "report": report}, focus="report")
        self._reviewed = True

    def _save(self, event: Event) -> Work | None:
        draft = self._draft(event)
        if self._unread or draft.problems:
            return self._refuse(draft.problems)
        if self._attempts.asks(draft):
            told = "Save again sends it all the same"
            asked = [replace(each, message=f"{each.message}; {told}") for each in draft.doubts]
            return self._refuse(asked)
        return self._start(draft, "Saving", self._attempts.again(draft.values))

    def _dry_run(self, event: Event) -> Work | None:
        draft = self._draft(event)
        if self._unread or draft.problems:
            return self._refuse(draft.problems)
        return self._start(draft, "Rehearsing", {"dry_run": True})

    def _start(self, draft: Draft, told: str, options: Mapping[str, JSON]) -> Work:
        self._reviewed = False
        self._clear({"status": render("working", told=told), "report": ""})
        return self._send(draft, options)

    async def _send(self, draft: Draft, options: Mapping[str, JSON]) -> None:
        about = [] if self.contact is None else [self.contact]
        verb = getattr(self._door, self._endpoint.verb)
        try:
            done = await verb(*about, **draft.values, **options)
        except (Exception, asyncio.CancelledError) as error:
            await self._failed(error, draft, options)
            return raise_unexpected(error)
        report = self._note(done, draft, options)
        if "dry_run" in options:
            return self._told(done, {"report": report})
        self._attempts.settle()
        await self._reread(done["key"].item(), done, report)

    async def _failed(
        self, error: BaseException, draft: Draft, options: Mapping[str, JSON]
    ) -> None:
        row = failure_row(
            self._session,
            self._endpoint.effect,
            error,
            key=self.key,
            changes=draft.values,
            before=self._current,
            dry_run="dry_run" in options,
        )
        report = self._note(result_frame([row], notice=self._world.notice), draft, options)
        doubt = ""
        if row["outcome"] == "unknown":
            self._attempts.doubt(draft.values, key_of_write(error))
            doubt = doubt_told(error, self._endpoint)
            if self.key and not await self._looked(error, report):
                return
        # What was pressed twice is not asked for twice.
        self.widget.renew()
        self.widget.show({"report": report})
        self._refuse(problem_fields(error), error, status=doubt)

    async def _looked(self, error: BaseException, report: str) -> bool:
        """Read a contact that may have been written, and keep what was typed; whether it worked.

        Against the contact as it was, going back to what it had would be no change.
        """
        self._clear({"status": render("working", told="Reading the contact")})
        try:
            self.contact = await self._door.get(self.key)
        except (Exception, asyncio.CancelledError) as unread:
            self._hide(self.key, report)
            told = "It may have been carried out, and could not be looked at; Revert tries it."
            self._refuse((), error, status=told)
            raise_unexpected(unread)
            return False
        self._draw(draft=self.widget.draft)
        self._saved(self.contact)
        return True

    def _hide(self, key: str, report: str) -> None:
        """Take the fields away: what they show may be no more, and must not be sent again."""
        self._unread = key
        self.widget.replace({"fields": "", "note": "", "report": report})

    def _note(self, done: pd.DataFrame, draft: Draft, options: Mapping[str, JSON]) -> str:
        """Keep a result row; the report of it."""
        self._attempts.rows.append(done)
        what = f"{self._endpoint.verb}{' (dry run)' if 'dry_run' in options else ''}"
        self.transcript.done(what, done, draft.values, draft.fields, self._secrets())
        values = {**draft.values, **options}
        code = code_of(self._provider, self._endpoint, self.key, values)
        return render("report", table=frame_table("Result", done.filter(_SHOWN)), code=code)

    def _told(self, done: pd.DataFrame, regions: Mapping[str, str]) -> None:
        """Say what became of a write; where nobody can tell, that is no good news."""
        sure = done["outcome"].item() not in ("unknown", "skipped")
        line = outcome_told(done)
        above = "" if sure else render("problems", lead=line, others=[], docs="")
        self.widget.show(
            {**regions, "status": line if sure else "", "problems": above},
            focus="report" if sure else "problems",
        )

    def _revert(self, event: Event) -> Work | None:
        """Void what was typed, and show the contact as it is now."""
        self._attempts.forget()
        key = self._unread or self.key
        if not key:
            return self._draw({"status": "The form is empty again."})
        self._clear({"status": render("working", told="Reading the contact"), "report": ""})
        return self._reread(key)

    async def _reread(self, key: Any, done: pd.DataFrame | None = None, report: str = "") -> None:
        """Show the contact with this key as it is now, and what led to that."""
        if pd.isna(key):
            self._draw()
        else:
            try:
                self.contact = await self._door.get(key)
            except (Exception, asyncio.CancelledError) as error:
                self._not_read(key, error, done, report)
                return raise_unexpected(error)
            self._unread = ""
            self._draw({"status": "This is the contact as it is now."})
            self._saved(self.contact)
        if done is None:
            self._attempts.settle()
        else:
            self._told(done, {"report": report})

    def _not_read(
        self, key: str, error: BaseException, done: pd.DataFrame | None, report: str
    ) -> None:
        told = "The contact could not be read again; Revert tries it."
        if done is not None:
            self._hide(key, report)
            told = f"{outcome_told(done)} {told}"
        self._refuse((), error, status=told)

    def _refuse(
        self,
        refused: Sequence[FieldProblem],
        error: BaseException | None = None,
        status: str = "",
    ) -> None:
        """Show each problem beside its field and the rest above the buttons."""
        if self._unread and error is None:
            refused, status = (), "Press Revert first: it reads the contact that was saved."
        beside, others = problems_told(self._provider, self._endpoint, refused)
        wrong = [name.removeprefix("problem:") for name, html in beside.items() if html]
        above = refusal_told(error, others, len(wrong))
        focus = wrong[0] if wrong else "problems"
        self.widget.show({**beside, "problems": above, "status": status}, focus=focus)

    def _clear(self, regions: Mapping[str, str], *, focus: str = "") -> None:
        """Take away what an earlier try left, and fill some regions."""
        beside, _ = problems_told(self._provider, self._endpoint, ())
        self.widget.show({**beside, "problems": "", "status": "", **regions}, focus=focus)
