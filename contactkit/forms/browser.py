"""A provider's contacts to search and page through, with a form for the selected one.

The front end gets one page of the table at a time, and the provider's next page is requested only
when the user pages that far.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ipywidgets
import pandas as pd
from IPython.display import display

from contactkit._frames.frame import rows_of
from contactkit._frames.tabular import as_frame
from contactkit._http.session import Session
from contactkit._http.world import World
from contactkit.errors import ContactKitError, InvalidInputError, NotFoundError
from contactkit.forms.cells import register
from contactkit.forms.contact_form import ContactForm
from contactkit.forms.draft import read_draft
from contactkit.forms.fields import column_fields, field_groups
from contactkit.forms.html import render, text_of, working
from contactkit.forms.messages import (
    alert_html,
    raise_unexpected,
    refusal_html,
    refusal_regions,
)
from contactkit.forms.transcript import CONTACT_COLUMNS, Transcript
from contactkit.forms.widget import Event, Widget, Work
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import fields_of, key_of

if TYPE_CHECKING:
    from contactkit._client.contacts import AsyncContacts

PAGE_SIZE = 20


class ContactBrowser:
    """The contacts of one provider: those in `people`, a contact frame, or at first all of them.

    `widget` is for use in other layouts; `form` is the form of the contact that was selected last.
    """

    def __init__(
        self,
        contacts: AsyncContacts,
        session: Session,
        world: World,
        people: Any,
    ) -> None:
        self.form: ContactForm | None = None
        self._contacts = contacts
        self._session = session
        self._provider = provider = session.provider
        self._world = world
        self._endpoint = provider.endpoint("list")
        self._columns = column_fields(provider.record)
        self._people = _require_contacts(provider, people)
        self._source: Any = None
        self._has_more = False
        self._start = 0
        self._written: dict[JSON, dict[str, JSON]] = {}
        self.transcript = Transcript(self._title, world, CONTACT_COLUMNS)
        handlers = {
            "ready": self._open,
            "search": self._search,
            "next": lambda _: self._show_page(self._start + PAGE_SIZE),
            "previous": lambda _: self._show_page(self._start - PAGE_SIZE),
            "pick": self._pick,
            "create": self._create,
            "edit": lambda _: None,
        }
        docs = self._endpoint.docs or provider.docs
        layout = render("browser", title=self._title, world=world, docs=docs)
        self._list = Widget(self._title, layout, handlers, lambda: session.secrets)
        groups = field_groups(provider, self._endpoint, None)
        filters = render("fields", groups=groups, shared=False, prefix=self._list.model_id)
        self._list.replace({"head": self._title, "filters": filters})
        self.widget = ipywidgets.Box([self._list])
        self.widget.add_class("ck-beside")
        register(self)

    def close(self) -> None:
        """Close the browser and its form; requests in flight are cancelled."""
        if self.form:
            self.form.close()
        self._list.close()
        self.widget.layout.close()
        self.widget.close()

    @property
    def busy(self) -> bool:
        """Whether the form has a request in flight; reading the list does not count."""
        return self.form is not None and self.form.busy

    def _ipython_display_(self) -> None:
        display(self.widget)
        self.transcript.open()

    def _display_(self) -> Any:
        """What marimo shows."""
        return self.widget

    def __repr__(self) -> str:
        return f"<contactkit browser: {self._title}>"

    @property
    def _title(self) -> str:
        return f"Contacts at {self._provider.title}"

    def _open(self, event: Event) -> Work | None:
        if self._people is None:
            return self._search(event)
        if self._source is None and "table" not in self._list.regions:
            self._draw()

    def _search(self, event: Event) -> Work | None:
        raws = event.get("values", self._list.draft)
        draft = read_draft(self._session, self._endpoint, "", None, raws)
        source, problems = None, draft.problems
        try:
            source = None if problems else self._contacts.pages(**draft.values)
        except InvalidInputError as error:
            problems = error.problems
        regions, focus = refusal_regions(self._provider, self._endpoint, problems)
        self._list.show(regions, focus=focus if problems else "")
        # A browser that was just opened does not move the focus.
        focus = "" if event["kind"] == "ready" else "table"
        return self._list_from(source, focus) if source else None

    async def _list_from(self, source: Any, focus: str) -> None:
        self._source, earlier = source, self._source
        if earlier:
            await earlier.aclose()
        self._people, self._start, self._has_more = None, 0, True
        # From now on the provider's listing has what a form wrote, or a newer value.
        self._written.clear()
        await self._show_page(0, focus)

    async def _show_page(self, start: int, focus: str = "table") -> None:
        """Show the page of the table that begins there, after reading its rows."""
        self._list.show({"status": working("Reading contacts"), "problems": ""})
        try:
            while self._has_more and self._count < start + PAGE_SIZE:
                await self._read()
        except NotFoundError:
            # Some filters get this response if no contact matches.
            self._has_more = False
        except (Exception, asyncio.CancelledError) as error:
            self._stop(error)
            return raise_unexpected(error)
        if start < self._count or start == 0:
            self._start = max(start, 0)
        self._draw(focus=focus)

    @property
    def _count(self) -> int:
        return 0 if self._people is None else len(self._people)

    async def _read(self) -> None:
        try:
            page = await anext(self._source)
        except StopAsyncIteration:
            self._has_more = False
            return
        known = [] if self._people is None else [self._people]
        self._people = pd.concat([*known, page], ignore_index=True)

    def _stop(self, error: BaseException) -> None:
        """End a listing that failed, so that it does not look complete."""
        self._has_more = False
        self._draw()
        status = (
            f"The listing stopped after {self._count:,} contacts. Press Search to read it again."
        )
        self._list.show({"problems": refusal_html(error), "status": status}, focus="problems")

    def _draw(self, focus: str = "") -> None:
        end = min(self._start + PAGE_SIZE, self._count)
        more = "; there may be more" if self._has_more else f" of {self._count:,}"
        status = f"Contacts {self._start + 1:,} to {end:,}{more}" if end else "No contacts"
        has_next = self._has_more or end < self._count
        self._list.show(
            {
                "status": f"{status}.",
                "table": self._table(),
                "pages": render("browser_pages", before=self._start > 0, after=has_next),
            },
            focus=focus,
        )

    def _table(self) -> str:
        key, declared = key_of(self._provider.record).name, fields_of(self._provider.record)
        page = [self._written.get(row[key], row) for row in self._rows()]
        return render(
            "contact_table",
            caption=self._title,
            columns=[declared[name].label for name in (key, *self._columns)],
            rows=[
                (text_of(row[key]), [text_of(row.get(name)) for name in self._columns])
                for row in page
            ],
            selected=self.form.key if self.form else "",
        )

    def _rows(self) -> list[dict[str, JSON]]:
        if self._people is None:
            return []
        page = self._people.iloc[self._start : self._start + PAGE_SIZE]
        return rows_of(self._provider.record, page)

    def _pick(self, event: Event) -> Work | None:
        return None if self._warn_if_unsaved() else self._open_contact(str(event["value"]))

    def _create(self, event: Event) -> None:
        if not self._warn_if_unsaved():
            self._edit(None)

    def _warn_if_unsaved(self) -> bool:
        """Whether the form has unsaved changes; if so, say it in the list."""
        unsaved = self.form is not None and self.form.unsaved
        warning = "The form has unsaved changes. Save or revert them first."
        alert = alert_html(warning) if unsaved else ""
        self._list.show({"problems": alert}, focus="problems" if unsaved else "")
        return unsaved

    async def _open_contact(self, key: str) -> None:
        self._list.show({"status": working("Reading the contact"), "problems": ""})
        try:
            contact = await self._contacts.get(key)
        except (ContactKitError, asyncio.CancelledError) as error:
            regions = {"problems": refusal_html(error), "status": ""}
            return self._list.show(regions, focus="problems")
        if not self._warn_if_unsaved():
            return self._edit(contact)
        # The user typed in the form while the contact was read.
        self._list.show({"status": ""})

    def _edit(self, contact: pd.DataFrame | None) -> None:
        """Show the form of a contact, or of a new one, beside the list."""
        earlier, self.form = (
            self.form,
            ContactForm(
                self._contacts,
                self._session,
                self._world,
                contact,
                transcript=self.transcript,
                on_saved=self._show_saved,
            ),
        )
        self.form.widget.initial_focus = "fields"
        # The list goes first, because drawing the pressed key again frees the focus for the form.
        self._draw()
        self.widget.children = (self._list, self.form.widget)
        if earlier:
            earlier.close()

    def _show_saved(self, contact: pd.DataFrame) -> None:
        """Show in the list what the form has written."""
        row = rows_of(self._provider.record, contact)[0]
        self._written[row[key_of(self._provider.record).name]] = row
        self._draw()


def _require_contacts(provider: Provider, people: Any) -> pd.DataFrame | None:
    """The contacts as a frame, if they are this provider's."""
    key, people = key_of(provider.record).name, as_frame(people)
    if people is None or (
        isinstance(people, pd.DataFrame)
        and key in people.columns
        and people.attrs.get("provider", provider.name) == provider.name
    ):
        return people
    message = f"must be a contact frame of {provider.title} with the column {key}"
    raise InvalidInputError.one(f"{provider.name} browse", "people", message)
