"""A provider's contacts to search and page through, with a form for the selected one.

The front end gets one page of the table at a time, and the provider's next page is requested only
when the user pages that far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets
import pandas as pd
from IPython.display import display

from contactkit._frames.frame import rows_of
from contactkit._http.session import Session
from contactkit._http.world import World
from contactkit.errors import ContactKitError, InvalidInputError
from contactkit.forms.cells import register
from contactkit.forms.contact_form import ContactForm
from contactkit.forms.contact_list import PAGE_SIZE, ContactList, Listing, require_contacts
from contactkit.forms.contact_table import ContactTable
from contactkit.forms.controls import Raw
from contactkit.forms.draft import read_draft
from contactkit.forms.fields import field_groups
from contactkit.forms.html import render, working
from contactkit.forms.messages import alert_html, raise_unexpected, refusal_html, refusal_regions
from contactkit.forms.plan_view import PlanView
from contactkit.forms.search import BOX, aim, search_help
from contactkit.forms.transcript import CONTACT_COLUMNS, Transcript
from contactkit.forms.widget import Event, Handler, Widget, Work
from contactkit.spec.outcome import WRITTEN
from contactkit.spec.record import key_of

if TYPE_CHECKING:
    from contactkit._client.contacts import AsyncContacts


class ContactBrowser:
    """The contacts of one provider: those in `people`, a contact frame, or at first all of them.

    `widget` is for use in other layouts; `form` is the form of the contact that was selected last,
    and `plan_view` the view of the plan that was last made of edits in the table.
    """

    def __init__(
        self, contacts: AsyncContacts, session: Session, world: World, people: Any
    ) -> None:
        self.form: ContactForm | None = None
        self.plan_view: PlanView | None = None
        self._contacts = contacts
        self._session = session
        self._provider = provider = session.provider
        self._world = world
        self._endpoint = provider.endpoint("list")
        self._table = ContactTable(
            session, ContactList(provider, require_contacts(provider, people)), self._title
        )
        self._people = self._table.people
        self._filters: Mapping[str, Raw] = {}
        self._listing = Listing(self._people)
        self.transcript = Transcript(self._title, world, CONTACT_COLUMNS)
        docs = self._endpoint.docs or provider.docs
        layout = render(
            "browser", title=self._title, world=world, docs=docs, provider=provider.title
        )
        self._list = Widget(self._title, layout, self._handlers, lambda: session.secrets)
        self._list.replace(self._search_regions())
        self.widget = ipywidgets.Box([self._list])
        self.widget.add_class("ck-beside")
        register(self)

    @property
    def _handlers(self) -> dict[str, Handler]:
        return {
            "ready": self._open,
            "search": self._search,
            "sort": self._sort,
            "next": lambda _: self._show_page(self._table.start + PAGE_SIZE),
            "previous": lambda _: self._show_page(self._table.start - PAGE_SIZE),
            "more": lambda _: self._read(self._people.count + 1, None, "table"),
            "pick": self._pick,
            "create": self._create,
            "mode": self._switch,
            "cells": self._type,
            "plan": self._plan,
            "discard": self._discard,
            "edit": lambda _: None,
        }

    def _search_regions(self) -> dict[str, str]:
        groups = field_groups(self._provider, self._endpoint, None)
        prefix, help = self._list.model_id, search_help(self._provider, self._endpoint)
        return {
            "head": self._title,
            "filters": render("fields", groups=groups, shared=False, prefix=prefix),
            "find": render("find", box=BOX, help=help, prefix=prefix),
        }

    def close(self) -> None:
        """Close the browser with its form and plan; requests in flight are cancelled."""
        for beside in (self.form, self.plan_view):
            if beside:
                beside.close()
        self._list.close()
        self.widget.layout.close()
        self.widget.close()

    @property
    def busy(self) -> bool:
        """Whether the form or the plan has a request in flight; reading the list is none."""
        return any(beside is not None and beside.busy for beside in (self.form, self.plan_view))

    def _ipython_display_(self) -> None:
        self.transcript.open()
        display(self.widget)

    def _display_(self) -> str:
        """What marimo shows, which has no layout of widgets."""
        return "The browser needs Jupyter; in marimo use contacts.form(key)."

    def __repr__(self) -> str:
        return f"<contactkit browser: {self._title}>"

    @property
    def _title(self) -> str:
        return f"Contacts at {self._provider.title}"

    def _open(self, event: Event) -> Work | None:
        if self._people.people is None:
            return self._search(event)
        if not self._listing.is_open and "table" not in self._list.regions:
            self._draw()

    def _search(self, event: Event) -> Work | None:
        """Find at the provider what it can find, and any other text in what was read."""
        raws = dict(event.get("values", self._list.draft))
        text = str(raws.pop(BOX, "") or "")
        exact = aim(self._provider, self._endpoint, text)
        raws |= exact
        self._people.find("" if exact else text)
        is_read = self._people.people is not None and raws == self._filters
        if self._people.text and is_read:
            return self._draw(start=0, focus="table")
        draft = read_draft(self._session, self._endpoint, "", None, raws)
        source, problems = None, draft.problems
        try:
            source = None if problems else self._contacts.pages(**draft.values)
        except InvalidInputError as error:
            problems = error.problems
        regions, focus = refusal_regions(self._provider, self._endpoint, problems)
        self._list.show(regions, focus=focus if problems else "")
        self._filters = raws
        # A browser that was just opened does not move the focus.
        focus = "" if event["kind"] == "ready" else "table"
        return self._list_from(source, focus) if source else None

    async def _list_from(self, source: Any, focus: str) -> None:
        await self._listing.begin(source)
        await self._show_page(0, focus)

    async def _show_page(self, start: int, focus: str = "table") -> None:
        """Show the page of the table that begins there, after reading its rows."""
        # A text is looked for in what was read, at first in one page.
        most = 1 if self._people.text else start + PAGE_SIZE
        await self._read(most, start, focus)

    async def _read(self, most: int, start: int | None, focus: str) -> None:
        """Read until there are this many contacts, or all."""
        self._list.show({"status": working("Reading contacts"), "problems": ""})
        try:
            while self._listing.has_more and self._people.count < most:
                await self._listing.read()
        except (Exception, asyncio.CancelledError) as error:
            self._stop(error)
            return raise_unexpected(error)
        self._draw(start=start, focus=focus)

    def _stop(self, error: BaseException) -> None:
        """End a listing that failed, so that it does not look complete."""
        self._listing.has_more = False
        self._draw()
        count = self._people.count
        status = f"The listing stopped after {count:,} contacts. Press Search to read it again."
        self._list.show({"problems": refusal_html(error), "status": status}, focus="problems")

    def _draw(self, *, start: int | None = None, focus: str = "") -> None:
        selected = self.form.key if self.form else ""
        regions = self._table.regions(start, has_more=self._listing.has_more, selected=selected)
        self._list.show(regions, focus=focus)

    def _sort(self, event: Event) -> None:
        self._people.sort_by(str(event["value"]))
        self._draw(start=0)

    def _switch(self, event: Event) -> None:
        """Show the table to read, or as a grid to type into."""
        self._table.is_grid = not self._table.is_grid
        self._draw(focus="table" if self._table.is_grid else "")

    def _type(self, event: Event) -> None:
        self._list.show(self._table.type(event["value"]))

    def _discard(self, event: Event) -> None:
        self._table.grid.clear()
        self._draw()

    def _plan(self, event: Event) -> Work | None:
        wrong = self._table.grid.wrong
        if wrong:
            key, name = wrong[0]
            problem = alert_html("The marked cells cannot be written as they are.")
            return self._list.show({"problems": problem}, focus=f"cell:{key}:{name}")
        return None if self._warn_if_unsaved() else self._make_plan()

    async def _make_plan(self) -> None:
        """Show the plan of the edits beside the table."""
        edited, original = self._table.grid.frames()
        plan = await self._contacts.plan(edited, original)
        view = PlanView(plan, transcript=self.transcript, on_applied=self._show_applied)
        view.widget.initial_focus = "facts"
        self._show_beside(plan_view=view)

    def _show_applied(self, result: pd.DataFrame) -> None:
        """Show what a plan has written, which is no edit any more."""
        written = result[result["outcome"].isin(WRITTEN)]
        for key, after in zip(written["key"], written["after"], strict=True):
            self._table.write(str(key), after or {})
        self._draw()

    def _pick(self, event: Event) -> Work | None:
        return None if self._warn_if_unsaved() else self._open_contact(str(event["value"]))

    def _create(self, event: Event) -> None:
        if not self._warn_if_unsaved():
            self._edit(None)

    def _warn_if_unsaved(self) -> bool:
        """Whether the form has unsaved changes, or a plan runs; if so, say it in the list."""
        unsaved = self.form is not None and self.form.unsaved
        warning = "The form has unsaved changes. Save or revert them first."
        if self.plan_view and self.plan_view.busy:
            unsaved, warning = True, "The plan is being applied. Wait for its end, or cancel it."
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
        form = ContactForm(
            self._contacts,
            self._session,
            self._world,
            contact,
            transcript=self.transcript,
            on_saved=self._show_saved,
        )
        form.widget.initial_focus = "fields"
        self._show_beside(form=form)

    def _show_beside(
        self, *, form: ContactForm | None = None, plan_view: PlanView | None = None
    ) -> None:
        """Show a form or a plan in place of the earlier one."""
        earlier = (self.form, self.plan_view)
        self.form, self.plan_view = form, plan_view
        # The list goes first, because drawing the pressed key again frees the focus for the form.
        self._draw()
        self.widget.children = (self._list, *(each.widget for each in (form, plan_view) if each))
        for each in earlier:
            if each:
                each.close()

    def _show_saved(self, contact: pd.DataFrame) -> None:
        """Show in the list what the form has written."""
        row = rows_of(self._provider.record, contact)[0]
        self._table.write(str(row[key_of(self._provider.record).name]), row)
        self._draw()
