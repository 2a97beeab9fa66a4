"""A provider's contacts to search and leaf through, with the form of the one that is picked.

The front end gets one page of the table at a time, and the provider is asked for its next page
only when somebody leafs that far.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ipywidgets
import pandas as pd
from IPython.display import display

from contactkit._frames.frame import rows_of
from contactkit._http.session import Session
from contactkit._http.world import World
from contactkit.errors import ContactKitError, FieldProblem, InvalidInputError, NotFoundError
from contactkit.forms.cells import claim
from contactkit.forms.contact_form import ContactForm
from contactkit.forms.draft import read_draft
from contactkit.forms.fields import column_fields, groups, label_of
from contactkit.forms.html import render, text_of
from contactkit.forms.messages import problems_told, raise_unexpected, refusal_told
from contactkit.forms.record import Transcript
from contactkit.forms.widget import Event, Widget, Work
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import key_of

PAGE = 20

if TYPE_CHECKING:
    from contactkit._client.verbs import ContactVerbs


class ContactBrowser:
    """Contacts of one provider: those of `people`, a contact frame, or all of them at first.

    `widget` is what is shown, `form` the form of the contact that was picked last, if any.
    """

    def __init__(
        self,
        door: ContactVerbs[Any, Any],
        session: Session,
        world: World,
        people: pd.DataFrame | None,
    ) -> None:
        self.form: ContactForm | None = None
        self._door = door
        self._session = session
        self._provider = provider = session.provider
        self._world = world
        self._endpoint = provider.endpoint("list")
        self._columns = column_fields(provider.record)
        self._people = _checked(provider, people)
        self._source: Any = None
        self._more = False
        self._start = 0
        self._written: dict[JSON, dict[str, JSON]] = {}
        self.transcript = Transcript(self._title, world, provider.record)
        verbs = {
            "ready": self._opened,
            "search": self._search,
            "next": lambda _: self._leaf(self._start + PAGE),
            "previous": lambda _: self._leaf(self._start - PAGE),
            "pick": self._pick,
            "create": self._create,
            "edit": lambda _: None,
        }
        docs = self._endpoint.docs or provider.docs
        layout = render("browser", title=self._title, world=world, docs=docs)
        self._list = Widget(layout, verbs, lambda: session.secrets)
        filters = groups(provider, self._endpoint, None)
        prefix = self._list.model_id
        shown = render("fields", groups=filters, only_read=[], prefix=prefix)
        self._list.replace({"head": self._title, "filters": shown})
        self.widget = ipywidgets.Box([self._list])
        self.widget.add_class("ck-beside")
        claim(self)

    def close(self) -> None:
        """Take the browser and its form away; what is in flight is cancelled."""
        if self.form:
            self.form.close()
        self._list.close()
        self.widget.layout.close()
        self.widget.close()

    @property
    def busy(self) -> bool:
        """Whether the form or the list waits for an answer; a list's read is not missed."""
        return self.form is not None and self.form.busy

    def _ipython_display_(self) -> None:
        display(self.widget)
        self.transcript.open()

    def __repr__(self) -> str:
        return f"<contactkit browser: {self._title}>"

    @property
    def _title(self) -> str:
        return f"Contacts at {self._provider.title}"

    def _opened(self, event: Event) -> Work | None:
        if self._people is None:
            return self._search(event)
        if self._source is None and "table" not in self._list.regions:
            self._draw()

    def _search(self, event: Event) -> Work | None:
        raws = event.get("values", self._list.draft)
        draft = read_draft(self._session, self._endpoint, "", None, raws)
        source, problems = None, draft.problems
        try:
            source = None if problems else self._door.pages(**draft.values)
        except InvalidInputError as error:
            problems = error.problems
        beside, _ = problems_told(self._provider, self._endpoint, problems)
        wrong = [name.removeprefix("problem:") for name, html in beside.items() if html]
        above = refusal_told(None, [], len(wrong))
        self._list.show({**beside, "problems": above}, focus=wrong[0] if wrong else "")
        # Whoever only opened the browser may be elsewhere with the keyboard.
        focus = "" if event["kind"] == "ready" else "table"
        return self._searched(source, focus) if source else None

    async def _searched(self, source: Any, focus: str) -> None:
        self._source, earlier = source, self._source
        if earlier:
            await earlier.aclose()
        self._people, self._start, self._more = None, 0, True
        # What a form wrote is in what the provider lists from now on, or has changed since.
        self._written.clear()
        await self._leaf(0, focus)

    async def _leaf(self, start: int, focus: str = "table") -> None:
        """Show the page of the table that begins there, once there are rows for it."""
        self._list.show({"status": render("working", told="Reading contacts"), "problems": ""})
        try:
            while self._more and self._held < start + PAGE:
                await self._read()
        except NotFoundError:
            # Some filters are answered so when nobody is like that.
            self._more = False
        except (Exception, asyncio.CancelledError) as error:
            self._stopped(error)
            return raise_unexpected(error)
        if start < self._held or start == 0:
            self._start = max(start, 0)
        self._draw(focus=focus)

    @property
    def _held(self) -> int:
        return 0 if self._people is None else len(self._people)

    async def _read(self) -> None:
        try:
            page = await anext(self._source)
        except StopAsyncIteration:
            self._more = False
            return
        known = [] if self._people is None else [self._people]
        self._people = pd.concat([*known, page], ignore_index=True)

    def _stopped(self, error: BaseException) -> None:
        """A listing that failed has no next page; that must not look like its end."""
        self._more = False
        self._draw()
        told = f"The listing stopped after {self._held:,} contacts. Search reads it again."
        self._list.show({"problems": refusal_told(error, [], 0), "status": told}, focus="problems")

    def _draw(self, focus: str = "") -> None:
        end = min(self._start + PAGE, self._held)
        more = "; there may be more" if self._more else f" of {self._held:,}"
        told = f"Contacts {self._start + 1:,} to {end:,}{more}" if end else "No contacts"
        self._list.show(
            {
                "status": f"{told}.",
                "table": self._table(),
                "leaves": render(
                    "leaves", before=self._start > 0, after=self._more or end < self._held
                ),
            },
            focus=focus,
        )

    def _table(self) -> str:
        key = key_of(self._provider.record).name
        page = [self._written.get(row[key], row) for row in self._rows()]
        return render(
            "picks",
            caption=self._title,
            columns=[label_of(name) for name in (key, *self._columns)],
            rows=[
                (text_of(row[key]), [text_of(row.get(name)) for name in self._columns])
                for row in page
            ],
            picked=self.form.key if self.form else "",
        )

    def _rows(self) -> list[dict[str, JSON]]:
        if self._people is None:
            return []
        page = self._people.iloc[self._start : self._start + PAGE]
        return rows_of(self._provider.record, page)

    def _pick(self, event: Event) -> Work | None:
        return None if self._unsaved() else self._picked(str(event["value"]))

    def _create(self, event: Event) -> None:
        if not self._unsaved():
            self._edit(None)

    def _unsaved(self) -> bool:
        """Whether the form has something to lose; then it says so."""
        unsaved = self.form is not None and self.form.unsaved
        told = "The form has changes that are not saved. Save them, or press Revert, first."
        above = render("problems", lead=told, others=[], docs="") if unsaved else ""
        self._list.show({"problems": above}, focus="problems" if unsaved else "")
        return unsaved

    async def _picked(self, key: str) -> None:
        told = render("working", told="Reading the contact")
        self._list.show({"status": told, "problems": ""})
        try:
            contact = await self._door.get(key)
        except (ContactKitError, asyncio.CancelledError) as error:
            above = refusal_told(error, [], 0)
            return self._list.show({"problems": above, "status": ""}, focus="problems")
        if not self._unsaved():
            return self._edit(contact)
        # Somebody typed in the form while the contact was read.
        self._list.show({"status": ""})

    def _edit(self, contact: pd.DataFrame | None) -> None:
        """Show the form of a contact, or of a new one, beside the list."""
        earlier, self.form = (
            self.form,
            ContactForm(
                self._door,
                self._session,
                self._world,
                contact,
                transcript=self.transcript,
                saved=self._saved,
            ),
        )
        self.form.widget.begins_at = "fields"
        # First, so that the keyboard is free when the form comes: the pressed key is drawn anew.
        self._draw()
        self.widget.children = (self._list, self.form.widget)
        if earlier:
            earlier.close()

    def _saved(self, contact: pd.DataFrame) -> None:
        """Show in the list what a form has written."""
        row = rows_of(self._provider.record, contact)[0]
        self._written[row[key_of(self._provider.record).name]] = row
        self._draw()


def _checked(provider: Provider, people: pd.DataFrame | None) -> pd.DataFrame | None:
    """The frame, if it is one of this provider's contacts."""
    key = key_of(provider.record).name
    if people is None or (
        isinstance(people, pd.DataFrame)
        and key in people.columns
        and people.attrs.get("provider", provider.name) == provider.name
    ):
        return people
    message = f"must be a contact frame of {provider.title} with the column {key}"
    raise InvalidInputError(
        f"{provider.name} browse", [FieldProblem(field="people", message=message)]
    )
