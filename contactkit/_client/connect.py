"""`connect`: credentials, address, limits and worlds checked, and a client made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

import httpx

from contactkit._client.client import Client
from contactkit._http.connection import Connection
from contactkit._http.rate_limits import Budget, parse_rate
from contactkit._http.session import Session
from contactkit._http.world import Live, World
from contactkit._journal.store import Journal, temporary_journal
from contactkit._providers import find
from contactkit._redact import Secret
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Auth, Credential, Provider
from contactkit.spec.validate import nearest

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
    writes = _journal(journal, world)
    session = Session(
        provider=found,
        auth=auth,
        credentials=held,
        world=world,
        clock=world.clock,
        budget=Budget(found.limits, None if rates is None else [parse_rate(r) for r in rates]),
        base_url=address,
        patience=_seconds("patience", patience, least=0.0),
        journal=writes,
        plan_journal=writes or temporary_journal(),
    )
    connection = Connection(world.transport(found), _timeout(timeout), address)
    connection.tap = world.tap(session)
    return Client(session, connection)


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
    known = {credential.name: credential for credential in provider.credentials}
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
