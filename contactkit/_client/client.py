"""`connect`, the client and its awaiting door: credentials, address and limits, once for both.

The verbs are in contacts.py, the same for both doors. No provider is known by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

from contactkit._client.contacts import AsyncContacts, Contacts
from contactkit._http.connection import Connection
from contactkit._http.session import Session
from contactkit._http.world import World, world_attrs
from contactkit.cassette.cassette import Cassette

if TYPE_CHECKING:
    from contactkit.cassette.cassette import Cassette


class Client:
    """One provider's contacts, through a blocking door (`contacts`) and an awaiting one (`aio`)."""

    def __init__(self, session: Session, world: World, connection: Connection) -> None:
        self._session = session
        self._world = world
        self._connection = connection
        self.aio = AsyncClient(session, world, connection)
        self.contacts = Contacts(session, world, connection, self.aio.contacts)

    @property
    def world(self) -> World:
        """What both doors touch."""
        return self._world

    @contextmanager
    def through(self, cassette: Cassette) -> Iterator[None]:
        """Have a cassette of this client's world listen meanwhile."""
        world = self._world
        self._connection.tap = cassette.tap(self._session)
        self._world = self.contacts.world = self.aio.contacts.world = cassette
        try:
            yield
        finally:
            self._world = self.contacts.world = self.aio.contacts.world = world
            self._connection.tap = None

    def close(self) -> None:
        """Close the blocking door's connections; the awaiting door has its own `aclose`."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._connection.close(clean=error is None)

    def _picture(self) -> dict[str, str]:
        session = self._session
        left = [
            f"{left:,} of {limit.requests:,} requests left {_span(limit.seconds)}"
            for limit, left in session.budget.left(session.clock.now())
        ]
        return {
            **world_attrs(self._world),
            "address": session.base_url,
            "credentials": ", ".join(
                f"{name}={'•••' if session.provider.is_secret(name) else value}"
                for name, value in session.credentials.items()
            ),
            "verbs": ", ".join(each.verb for each in session.provider.endpoints),
            "budget": "; ".join(left) or "no declared limit",
        }

    def __repr__(self) -> str:
        lines = [f"  {name}: {value}" for name, value in self._picture().items()]
        return "\n".join([f"contactkit client for {self._session.provider.title}", *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left">{escape(value)}</td></tr>'
            for name, value in self._picture().items()
        )
        title = escape(f"contactkit client for {self._session.provider.title}")
        caption = f'<caption style="text-align:left;font-weight:bold">{title}</caption>'
        return f"<table>{caption}<tbody>{rows}</tbody></table>"


def _span(seconds: float) -> str:
    names = {1: "this second", 60: "this minute", 3600: "this hour", 86_400: "today"}
    return names.get(int(seconds), f"in {seconds:g} s")


class AsyncClient:
    """The awaiting door of a client: the same verbs, to be awaited, on the same session."""

    def __init__(self, session: Session, world: World, connection: Connection) -> None:
        self._connection = connection
        self.contacts = AsyncContacts(session, world, connection)

    async def aclose(self) -> None:
        """Close the connections that this event loop opened."""
        await self._connection.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        await self._connection.aclose(clean=error is None)
