"""The sync and the async client of one provider, and `record`, which records what they do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from contactkit._client.contacts import AsyncContacts, Contacts
from contactkit._http.connection import Connection
from contactkit._http.session import Session
from contactkit._http.world import World, world_attrs
from contactkit._plans.tables import as_html, as_text
from contactkit._redact import Unpicklable
from contactkit.cassette.cassette import Cassette
from contactkit.errors import ConfigurationError


class Client(Unpicklable):
    """The sync client of one provider; `aio` is its async client.

    What a provider says of the account, such as Sent's `profiles()`, is a method of the client.
    """

    def __init__(self, session: Session, connection: Connection) -> None:
        self._session = session
        self._connection = connection
        self.aio = AsyncClient(session, connection)
        self.contacts = Contacts(session, connection, self.aio.contacts)
        vars(self).update(self.contacts.account)

    @property
    def world(self) -> World:
        """Where the requests go; the same for the async client."""
        return self._session.world

    @contextmanager
    def recorded_by(self, cassette: Cassette) -> Iterator[None]:
        """Record through a cassette of this client's world until the block ends."""
        world = self._session.world
        self._connection.tap = cassette.tap(self._session)
        self._session.world = cassette
        try:
            yield
        finally:
            self._session.world = world
            self._connection.tap = None

    def close(self) -> None:
        """Close the sync client's connections; the async client has its own `aclose`."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._connection.close(clean=error is None)

    def _facts(self) -> dict[str, str]:
        session, provider = self._session, self._session.provider
        budget = [
            f"{left:,} of {limit.requests:,} requests left {_span(limit.seconds)}"
            for limit, left in session.budget.left(session.uptime())
        ]
        return {
            **world_attrs(session.world),
            "address": session.base_url,
            "credentials": ", ".join(
                f"{name}={'•••' if provider.is_secret(name) else value}"
                for name, value in session.credentials.items()
            ),
            "verbs": ", ".join(endpoint.verb for endpoint in provider.endpoints),
            **({"account": ", ".join(self.contacts.account)} if self.contacts.account else {}),
            "budget": "; ".join(budget) or "no declared limit",
        }

    def __repr__(self) -> str:
        return as_text(f"contactkit client for {self._session.provider.title}", self._facts())

    def _repr_html_(self) -> str:
        return as_html(f"contactkit client for {self._session.provider.title}", self._facts())


def _span(seconds: float) -> str:
    names = {1: "this second", 60: "this minute", 3600: "this hour", 86_400: "today"}
    return names.get(int(seconds), f"in {seconds:g} s")


class AsyncClient(Unpicklable):
    """The async client: the same verbs, awaited, on the same session."""

    def __init__(self, session: Session, connection: Connection) -> None:
        self._connection = connection
        self.contacts = AsyncContacts(session, connection)
        vars(self).update(self.contacts.account)

    async def aclose(self) -> None:
        """Close the connections that this event loop opened."""
        await self._connection.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        await self._connection.aclose(clean=error is None)


@contextmanager
def record(client: Client, path: str | Path, *, allow: Collection[str] = ()) -> Iterator[Cassette]:
    """Record what this client and its async client send and receive in a `with` block.

    Each exchange is written as soon as it has ended. An existing recording is replaced when the
    block ends, even if the client was closed before; it is kept if the block raises or if no
    response arrived. A body that is neither JSON, a form nor text of a kind that can be searched
    for people is not recorded, and CassetteError says so, unless `allow` has its media type, as
    `allow=("application/pdf",)`. Raises ConfigurationError if the client already has a cassette, or
    if it is live and the environment variable CI is set.
    """
    if isinstance(client.world, Cassette):
        raise ConfigurationError(f"this client already has a cassette: {client.world.name}")
    cassette = Cassette(path, "refresh", world=client.world, allow=allow)
    if cassette.mode == "replay":
        raise ConfigurationError(f"CI is set, so {path} is not recorded from a live provider")
    cassette.hold_open()
    clean = False
    try:
        with client.recorded_by(cassette):
            yield cassette
        clean = True
    finally:
        cassette.close(clean)
