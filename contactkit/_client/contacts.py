"""`client.contacts` and `client.aio.contacts`: the verbs, plans and forms of one provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._client.export import ROWS_PER_FILE, Export, export_listing
from contactkit._client.plans import PlanRunner
from contactkit._client.signatures import with_changes
from contactkit._client.verbs import ContactVerbs
from contactkit._frames.tabular import Tabular
from contactkit._http.connection import Connection
from contactkit._http.drivers import arun, run
from contactkit._http.pagination import Pages
from contactkit._http.session import Session
from contactkit._plans.listing import read_page, warn_of_gap
from contactkit._plans.options import OnMoved, PlanOptions
from contactkit._plans.plan import Plan
from contactkit.errors import ContactKitError
from contactkit.spec.record import fields_of

if TYPE_CHECKING:
    from contactkit.forms import ContactBrowser, ContactForm


class AsyncContacts(ContactVerbs[Awaitable[pd.DataFrame]]):
    """The contacts of an async client: every verb is awaited."""

    _is_async = True
    _without_endpoint = ("plan",)

    def __init__(self, session: Session, connection: Connection) -> None:
        super().__init__(session, connection)
        # What a form suggests for a field.
        self.suggestions: Mapping[str, Sequence[str]] = {}
        self.runner = PlanRunner(session, connection)
        self.plan = with_changes(self.plan, session.provider)

    def pages(self, /, *, after: str | None = None, **filters: Any) -> AsyncIterator[pd.DataFrame]:
        """Iterate over contact frames, one per page; see `Contacts.pages`."""
        return self._frames(self._start_pages(after, filters))

    async def _frames(self, pages: Pages) -> AsyncIterator[pd.DataFrame]:
        clock = self._session.clock
        with closing(pages):
            while (frame := await arun(read_page(pages), self._connection, clock)) is not None:
                yield frame
        warn_of_gap(pages)

    async def export(
        self,
        folder: str | Path,
        /,
        *,
        resume: bool = True,
        rows_per_file: int = ROWS_PER_FILE,
        **filters: Any,
    ) -> Export:
        """Read all contacts into Parquet files in a folder; see `Contacts.export`."""
        options: dict[str, Any] = {"resume": resume, "rows_per_file": rows_per_file}
        flow = export_listing(self._session, folder, filters, **options)
        return await arun(flow, self._connection, self._session.clock)

    async def plan(
        self,
        edited: Tabular,
        original: Tabular | None = None,
        *,
        create: bool = False,
        delete: bool = False,
        opt_in: bool = False,
        on_conflict: OnMoved = None,
        on: str | None = None,
        **changes: Any,
    ) -> Plan:
        """Plan the writes that turn `original` into `edited`; see `Contacts.plan`."""
        options = PlanOptions(
            create=create, delete=delete, opt_in=opt_in, on_conflict=on_conflict, on=on
        )
        flow = self._plan(edited, original, options, changes)
        plan = await arun(flow, self._connection, self._session.clock)
        return replace(plan, runner=self.runner)


class Contacts(ContactVerbs[pd.DataFrame]):
    """The contacts of a sync client; its forms use the async client."""

    _is_async = False
    _without_endpoint = ("plan", "form", "browse")

    def __init__(self, session: Session, connection: Connection, aio: AsyncContacts) -> None:
        super().__init__(session, connection)
        self._aio = aio
        self.runner = aio.runner
        self.plan = with_changes(self.plan, session.provider)

    def _for(self, session: Session) -> Contacts:
        return Contacts(session, self._connection, AsyncContacts(session, self._connection))

    def pages(self, /, *, after: str | None = None, **filters: Any) -> Iterator[pd.DataFrame]:
        """Iterate over contact frames, one per page, in constant memory; warns as `list` does.

        A live provider's next page is requested before it is needed. `frame.attrs["cursor"]` is
        text without a contact or a credential: with `after`, and the same filters, the iteration
        goes on after that page, also in another process. There is none where a listing is sorted by
        a personal field. A cursor of another listing raises InvalidInputError.
        """
        return self._frames(self._start_pages(after, filters))

    def _frames(self, pages: Pages) -> Iterator[pd.DataFrame]:
        clock = self._session.clock
        with closing(pages):
            while (frame := run(read_page(pages), self._connection, clock)) is not None:
                yield frame
        warn_of_gap(pages)

    def export(
        self,
        folder: str | Path,
        /,
        *,
        resume: bool = True,
        rows_per_file: int = ROWS_PER_FILE,
        **filters: Any,
    ) -> Export:
        """Read all contacts into Parquet files in a folder, in constant memory; warns as `list`.

        The files have the schema of `contactkit.schema` and at most `rows_per_file` contacts each.
        They are made in a hidden folder beside it, and replace an earlier export in `folder` as a
        whole once they are complete. After an error, Ctrl-C or a kill, the same call goes on from
        there; with `resume=False` it starts again. Only the user can read the files.

        Raises InvalidInputError if the folder holds other files, if another export into it is
        running, or if it has the export of another provider, account or filter, unless `resume` is
        False; ConfigurationError if a file cannot be written, as on a full disk; ImportError
        without the extra `parquet`; and the errors of `list`.
        """
        options: dict[str, Any] = {"resume": resume, "rows_per_file": rows_per_file}
        flow = export_listing(self._session, folder, filters, **options)
        return run(flow, self._connection, self._session.clock)

    def plan(
        self,
        edited: Tabular,
        original: Tabular | None = None,
        *,
        create: bool = False,
        delete: bool = False,
        opt_in: bool = False,
        on_conflict: OnMoved = None,
        on: str | None = None,
        **changes: Any,
    ) -> Plan:
        """Plan the writes that turn `original` into `edited`; nothing is written.

        `people.assign(opt_out=people.opt_out | people.region_code.eq("CA"))` is an edited frame;
        each may also be a table of another library, such as polars, DuckDB or Arrow.
        Rows are matched by the contact's key, a column or a level of the index, or by the unique
        field `on`, such as an e-mail address. NA in `edited` leaves a cell unchanged, and
        `contactkit.CLEAR` clears it. A row that is not one contact's, because its key is unreadable
        or there twice, is refused. New rows are refused unless `create` is True; if the provider
        makes the keys, a new row has none. Contacts that are missing from `edited` are deleted only
        if `delete` is True, and if every row has a usable key, because one without may be theirs.
        Rows without any value are no rows. A contact who opted out is opted in only if `opt_in` is
        True; say so only where you hold its consent.

        `plan(people[mask], opt_out=True)` plans the same change for all rows, which are then the
        original, with the fields that `update` takes.

        Without `original`, the contacts are read first, and the cells that can be written are
        compared with theirs. If a contact has changed since `edited` was read, its edit is refused
        with the code `conflict`, unless the journal shows that the change was your own.
        `on_conflict="overwrite"` plans it all the same, but never one that opts the contact in. The
        time of last change in `edited` shows the change; where the provider tells none, the plan
        says so.

        Raises InvalidInputError for a frame that is none of contacts, and with `delete` if no row
        has a key, JournalError, and the errors of `list`.
        """
        options = PlanOptions(
            create=create, delete=delete, opt_in=opt_in, on_conflict=on_conflict, on=on
        )
        flow = self._plan(edited, original, options, changes)
        plan = run(flow, self._connection, self._session.clock)
        return replace(plan, runner=self.runner)

    def form(self, key: Any = None) -> ContactForm:
        """Show a form to edit the contact with this key, or without a key to create one.

        The key may be a row of a contact frame. The form writes nothing before Save is pressed.
        Raises the errors of `get`.
        """
        # Importing the widgets is slow.
        from contactkit.forms import ContactForm

        self._endpoint("create" if key is None else "update")
        contact = None if key is None else self.get(key)
        self._aio.suggestions = self._suggestions()
        return ContactForm(self._aio, self._session, self._session.world, contact)

    def browse(self, people: Tabular | None = None) -> ContactBrowser:
        """Show a table to search and page through, with a form for the selected contact.

        The table shows `people`, a contact frame or a table of another library, or reads the
        provider's contacts page by page.
        """
        from contactkit.forms import ContactBrowser

        self._aio.suggestions = self._suggestions()
        return ContactBrowser(self._aio, self._session, self._session.world, people)

    def _suggestions(self) -> dict[str, list[str]]:
        """The usual values of fields, as the account lists them, where it does."""
        found: dict[str, list[str]] = {}
        for name, field in fields_of(self._session.provider.record).items():
            if field.marker.suggested_by:
                verb, column = field.marker.suggested_by
                # Without them, a form takes any value.
                with suppress(ContactKitError):
                    found[name] = self.account[verb]()[column].dropna().to_list()
        return found
