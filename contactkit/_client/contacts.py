"""The two doors to a provider's contacts: the same verbs and flows, run blocking or awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._client.plans import PlanRunner
from contactkit._client.verbs import ContactVerbs, ToFrame
from contactkit._http.connection import Connection, arun, run
from contactkit._http.pagination import Pages
from contactkit._http.session import Session
from contactkit._http.world import World
from contactkit._plans.plan import Plan
from contactkit.errors import warn

if TYPE_CHECKING:
    from contactkit.forms import ContactBrowser, ContactForm


class AsyncContacts(ContactVerbs[Awaitable[pd.DataFrame], AsyncIterator[pd.DataFrame]]):
    """The verbs, to be awaited."""

    def __init__(self, session: Session, world: World, connection: Connection) -> None:
        super().__init__(
            session, world, lambda flow: arun(flow, connection, world.clock), self._frames
        )
        self._connection = connection
        self._clock = world.clock
        self.door = PlanRunner(
            session, world.clock, connection, self._everybody, lambda: self.world
        )

    async def _frames(self, walk: Pages, frame: ToFrame) -> AsyncIterator[pd.DataFrame]:
        while (page := await arun(walk.next(), self._connection, self._clock)) is not None:
            yield frame(page)
        if gap := walk.gap():
            warn(gap)

    async def plan(
        self,
        edited: pd.DataFrame,
        original: pd.DataFrame | None = None,
        *,
        create: bool = False,
        delete: bool = False,
    ) -> Plan:
        """What would be written so that the contacts become `edited`; see the blocking door's."""
        flow = self._planned(edited, original, create, delete)
        return replace(await arun(flow, self._connection, self._clock), door=self.door)


class Contacts(ContactVerbs[pd.DataFrame, Iterator[pd.DataFrame]]):
    """The verbs of the blocking door, and the forms, which send through the awaiting one."""

    def __init__(
        self, session: Session, world: World, connection: Connection, awaiting: AsyncContacts
    ) -> None:
        super().__init__(
            session, world, lambda flow: run(flow, connection, world.clock), self._frames
        )
        self._connection = connection
        self._clock = world.clock
        self._awaiting = awaiting
        self.door = awaiting.door

    def _frames(self, walk: Pages, frame: ToFrame) -> Iterator[pd.DataFrame]:
        while (page := run(walk.next(), self._connection, self._clock)) is not None:
            yield frame(page)
        if gap := walk.gap():
            warn(gap)

    def plan(
        self,
        edited: pd.DataFrame,
        original: pd.DataFrame | None = None,
        *,
        create: bool = False,
        delete: bool = False,
    ) -> Plan:
        """What would be written so that `original` becomes `edited`; nothing is sent.

        Rows are matched by the contacts' key, a column or a level of the index. NA in `edited`
        leaves a cell alone, and `contactkit.CLEAR` clears it. Without `original` the contacts are
        read first. New rows are refused without `create`, and contacts that are not in `edited` are
        left alone without `delete`. Where the provider makes the keys, a new row has none.

        Raises InvalidInputError for keys that are missing or there twice, and what `list` raises.
        """
        flow = self._planned(edited, original, create, delete)
        return replace(run(flow, self._connection, self._clock), door=self.door)

    def form(self, key: Any = None) -> ContactForm:
        """A form to edit the contact with this key, or a row of a frame; without, to create one.

        Raises what `get` raises. The form sends nothing before Save is pressed.
        """
        # Only forms need what draws them.
        from contactkit.forms import ContactForm

        self._endpoint("create" if key is None else "update")
        contact = None if key is None else self.get(key)
        return ContactForm(self._awaiting, self._session, self.world, contact)

    def browse(self, people: pd.DataFrame | None = None) -> ContactBrowser:
        """A table to search and page through, with the form of the contact that is picked.

        It begins with `people`, a contact frame, or asks the provider page by page.
        """
        from contactkit.forms import ContactBrowser

        return ContactBrowser(self._awaiting, self._session, self.world, people)
