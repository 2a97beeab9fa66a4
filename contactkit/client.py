"""`connect`, the client and its awaiting door: credentials, address and limits, once for both.

The verbs are in contacts.py, the same for both doors. No provider is known by name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import httpx

from contactkit.auth import Auth, ClientCredentials, Credential
from contactkit.calls import Session, told_of
from contactkit.checks import nearest
from contactkit.connection import Connection
from contactkit.declarations import find
from contactkit.doors import AwaitingContacts, BlockingContacts
from contactkit.errors import ConfigurationError, Secret
from contactkit.journals import Journal
from contactkit.limits import Budget, parse_rate
from contactkit.spec import Provider
from contactkit.world import Live, World

if TYPE_CHECKING:
    from contactkit.cassette.world import Cassette

_LONGEST_TIMEOUT = 1e6


def connect(
    provider: str | Provider,
    *,
    via: World | None = None,
    timeout: float | httpx.Timeout = 30.0,
    patience: float = 120.0,
    rate_limit: str | list[str] | None = None,
    base_url: str | None = None,
    journal: str | Path | None = None,
    **credentials: str | None,
) -> Client:
    """Make a client; nothing is sent yet.

    Credentials come from the arguments or the environment, and from neither with
    `via=Simulator()`. `timeout` is in seconds (connecting never takes more than 10 of them);
    `patience` is the longest single wait, in seconds, for a rate limit or a retry, past which
    `RateLimitError.resume_at` says when to go on; `rate_limit`, as "200/minute", is counted in the
    place of the declared limits. Writes go into the `journal` at this path; without one, those that
    reach a provider go into the user's own. Raises ConfigurationError.
    """
    held = {name: Secret(value) for name, value in credentials.items() if _is_text(name, value)}
    del credentials  # so that no traceback that shows variables shows them
    found, world = find(provider), Live() if via is None else via
    if isinstance(world, type) or not hasattr(world, "transport"):
        raise ConfigurationError("via= must be a world, such as contactkit.Simulator()")
    auth, held = _credentials(found, world, held)
    rates = [rate_limit] if isinstance(rate_limit, str) else rate_limit
    if not isinstance(rates, list | None) or rates == []:
        raise ConfigurationError("rate_limit= must be text such as '200/minute', or a list of it")
    address = _address(found.base_url if base_url is None else base_url)
    session = Session(
        provider=found,
        auth=auth,
        credentials=held,
        clock=world.clock,
        budget=Budget(found.limits, None if rates is None else [parse_rate(r) for r in rates]),
        base_url=address,
        patience=_seconds("patience", patience, least=0.0),
        journal=_journal(journal, world),
    )
    connection = Connection(world.transport(found), _timeout(timeout), address)
    connection.tap = world.tap(session)
    return Client(session, world, connection)


def _is_text(name: str, value: object) -> bool:
    """Whether a credential was given at all; ConfigurationError if it is none that can travel."""
    if value is None or value == "":
        return False
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ConfigurationError(f"{name}= must be text of printable ASCII")
    if value.strip() != value:
        raise ConfigurationError(f"{name}= must have no spaces around it")
    return True


def _journal(path: object, world: World) -> Journal | None:
    if path is None:
        return Journal() if world.real else None
    if not isinstance(path, str | Path) or not str(path):
        raise ConfigurationError("journal= must be a path")
    return Journal(path)


def _seconds(name: str, value: object, least: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= least:
        raise ConfigurationError(f"{name}= must be seconds, {least:g} or more")
    return float(value)


def _timeout(value: float | httpx.Timeout) -> httpx.Timeout:
    if isinstance(value, httpx.Timeout):
        return value
    seconds = _seconds("timeout", value, least=0.001)
    if seconds > _LONGEST_TIMEOUT:
        raise ConfigurationError(f"timeout= must be at most {_LONGEST_TIMEOUT:,.0f} seconds")
    return httpx.Timeout(seconds, connect=min(seconds, 10.0))


def _credentials(
    provider: Provider, world: World, given: dict[str, Secret]
) -> tuple[Auth, dict[str, Secret]]:
    """The first way to authenticate that is complete; one that was named in part must be."""
    known = {each.name: each for way in provider.auth for each in _needs(way)}
    known |= {each.name: each for each in provider.settings}
    for name in given:
        if name not in known:
            raise ConfigurationError(f"{provider.name} takes no {name}=; {nearest(name, known)}")
    named = [way for way in provider.auth if any(name in given for name in _names(way))]
    issued = world.credentials(provider)
    if issued is None:
        issued = {n: v for n, each in known.items() if _is_text(each.env, v := _environ(each))}
    elif named:
        issued = {}
    held = {name: Secret(value) for name, value in issued.items()} | given
    for way in named or provider.auth:
        if all(name in held for name in _names(way)):
            other = {name for each in provider.auth if each is not way for name in _names(each)}
            return way, {name: value for name, value in held.items() if name not in other}
    _missing(provider, named or provider.auth, held)


def _environ(credential: Credential) -> str:
    return os.environ.get(credential.env, "")


def _needs(way: Auth) -> tuple[Credential, ...]:
    return (*way.credentials, way.scope) if isinstance(way, ClientCredentials) else way.credentials


def _names(way: Auth) -> list[str]:
    return [each.name for each in way.credentials]


def _missing(provider: Provider, ways: Iterable[Auth], held: Mapping[str, str]) -> NoReturn:
    needed = [
        " and ".join(
            f"{each.name}= (or the environment variable {each.env})"
            for each in way.credentials
            if each.name not in held
        )
        for way in ways
    ]
    raise ConfigurationError(
        f"{provider.title} needs {', or '.join(needed)}. Without an account, use "
        f"contactkit.connect({provider.name!r}, via=contactkit.Simulator())."
    )


def _address(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
        shown = f"{url.scheme}://{url.host}"
    except (httpx.InvalidURL, TypeError, ValueError):
        raise ConfigurationError("base_url is no address; it must be as https://host") from None
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(f"base_url {shown} must hold no user, query or fragment")
    safe = url.scheme == "https" or (url.scheme == "http" and _is_local(url.host))
    if not safe or not re.fullmatch(rb"[\w.:-]+", url.raw_host) or (url.port or 1) > 65_535:
        raise ConfigurationError(f"base_url {shown} must be https://, or http:// on loopback")
    return base_url.rstrip("/")


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Client:
    """One provider's contacts, through a blocking door (`contacts`) and an awaiting one (`aio`)."""

    def __init__(self, session: Session, world: World, connection: Connection) -> None:
        self._session = session
        self._world = world
        self._connection = connection
        self.aio = AwaitingClient(session, world, connection)
        self.contacts = BlockingContacts(session, world, connection, self.aio.contacts)

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
            **told_of(self._world),
            "address": session.base_url,
            "credentials": ", ".join(
                f"{name}={'•••' if _is_secret(session.provider, name) else value}"
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


def _is_secret(provider: Provider, name: str) -> bool:
    open_names = {each.name for each in provider.settings if not each.secret}
    for way in provider.auth:
        open_names |= {each.name for each in _needs(way) if not each.secret}
    return name not in open_names


class AwaitingClient:
    """The awaiting door of a client: the same verbs, to be awaited, on the same session."""

    def __init__(self, session: Session, world: World, connection: Connection) -> None:
        self._connection = connection
        self.contacts = AwaitingContacts(session, world, connection)

    async def aclose(self) -> None:
        """Close the connections that this event loop opened."""
        await self._connection.aclose()

    async def __aenter__(self) -> AwaitingClient:
        return self

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        await self._connection.aclose(clean=error is None)
