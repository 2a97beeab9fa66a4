"""`connect`: checks credentials, address, rate limits and world, and makes a client."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

import httpx

from contactkit._client.client import Client
from contactkit._http.budgets import share_budget
from contactkit._http.connection import Connection
from contactkit._http.content import MAX_ANSWER
from contactkit._http.rate_limits import Budget, parse_rate
from contactkit._http.session import Session
from contactkit._http.world import Live, World
from contactkit._journal.store import Journal, temporary_journal
from contactkit._providers import find
from contactkit._redact import Secret
from contactkit.errors import ConfigurationError
from contactkit.spec.auth import Auth, Credential
from contactkit.spec.provider import Provider
from contactkit.spec.terms import Limit
from contactkit.spec.validate import nearest

_LONGEST_TIMEOUT = 1e6
_NO_ADDRESS = "base_url must be an address such as https://host"


def connect(
    provider: str | Provider,
    *,
    via: World | None = None,
    timeout: float | httpx.Timeout = 30.0,
    max_answer: int = MAX_ANSWER,
    patience: float = 120.0,
    rate_limit: str | list[str] | None = None,
    base_url: str | None = None,
    journal: str | Path | None = None,
    whole: bool = False,
    **credentials: str | None,
) -> Client:
    """Make a client; nothing is sent yet.

    Credentials come from the arguments or the environment; `via=Simulator()` needs none. `timeout`
    is in seconds: at most 10 to connect, and then for the whole response. A response may have at
    most `max_answer` bytes when decompressed. `patience` is the longest wait for a rate limit or a
    retry, in seconds; if it would be longer, `RateLimitError.resume_at` says when to try again.
    `rate_limit`, such as "200/minute", replaces the declared limits; clients of one account in this
    process share its limits, whatever their profile, unless their `rate_limit` differs. Writes are
    recorded in the `journal` at this path; without a path, writes to a real provider are recorded
    in the user's journal. With `whole`, every update of a contact, in forms and plans too, is sent
    with everything else of the contact as it is read right before, which Digital Onboarding's page
    demands. Raises ConfigurationError.
    """
    secrets = {name: Secret(value) for name, value in credentials.items() if _is_text(name, value)}
    del credentials  # so that tracebacks with variables do not show them
    declaration, world = find(provider), Live() if via is None else via
    transport = _transport(declaration, world)
    auth, secrets = _credentials(declaration, world, secrets)
    own_limits = _limits(rate_limit)
    address = _address(declaration.base_url if base_url is None else base_url)
    recording = _journal(journal, world)
    session = Session(
        provider=declaration,
        auth=auth,
        credentials=secrets,
        world=world,
        clock=world.clock,
        budget=Budget(declaration.limits, own_limits),
        base_url=address,
        patience=_seconds("patience", patience, least=0.0),
        journal=recording,
        plan_journal=recording or temporary_journal(),
        whole=_whole(declaration, whole),
    )
    share_budget(session, (declaration.limits, own_limits))
    connection = Connection(transport, _timeout(timeout), address, _bytes(max_answer))
    connection.tap = world.tap(session)
    return Client(session, connection)


def has_credentials(provider: str | Provider) -> bool:
    """Whether the environment has all credentials of an account."""
    declaration = find(provider)
    known = _from_environment(declaration)
    return any(all(name in known for name in _names(way)) for way in declaration.auth)


def offline_session(provider: str | Provider, base_url: str | None = None) -> Session:
    """A session without an account, to plan with; it cannot send anything."""
    declaration, world = find(provider), Live()
    return Session(
        provider=declaration,
        auth=declaration.auth[0],
        credentials={},
        world=world,
        clock=world.clock,
        budget=Budget(declaration.limits),
        base_url=_address(declaration.base_url if base_url is None else base_url),
        patience=0.0,
        plan_journal=temporary_journal(),
    )


def check_options(provider: Provider, options: Mapping[str, Any]) -> None:
    """ConfigurationError for an option or a credential that `connect` would refuse."""
    checks: dict[str, Callable[[Any], object]] = {
        "via": _check_world,
        "timeout": _timeout,
        "max_answer": _bytes,
        "patience": partial(_seconds, "patience", least=0.0),
        "rate_limit": _limits,
        "base_url": _address,
        "whole": partial(_whole, provider),
    }
    credentials = {credential.name: credential for credential in provider.credentials}
    for name, value in options.items():
        if name in checks:
            checks[name](value)
        elif _is_text(name, value):
            _checked(credentials[name], Secret(value))


def _is_text(name: str, value: object) -> bool:
    """Whether a credential is given; ConfigurationError if a header cannot contain it."""
    if value is None or value == "":
        return False
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ConfigurationError(f"{name}= must be text of printable ASCII")
    if value.strip() != value:
        raise ConfigurationError(f"{name}= must have no spaces around it")
    return True


def _check_world(world: object) -> None:
    if isinstance(world, type) or not hasattr(world, "transport"):
        raise ConfigurationError("via= must be a world, such as contactkit.Simulator()")


def _transport(provider: Provider, world: World) -> httpx.MockTransport | None:
    _check_world(world)
    transport = world.transport(provider)
    if transport is None and sys.platform == "emscripten":
        raise ConfigurationError(
            f"a browser has no sockets for a live client of {provider.title}; use "
            "via=contactkit.Simulator(), or a recording: via=contactkit.Cassette(path)"
        )
    return transport


def _limits(rates: str | list[str] | None) -> tuple[Limit, ...] | None:
    """The limits that replace the declared ones, if any do."""
    rates = [rates] if isinstance(rates, str) else rates
    if not isinstance(rates, list | None) or rates == []:
        raise ConfigurationError(
            "rate_limit= must be text, such as '200/minute', or a list of texts"
        )
    return None if rates is None else tuple(map(parse_rate, rates))


def _journal(path: object, world: World) -> Journal | None:
    if path is None:
        return Journal() if world.real else None
    if not isinstance(path, str | Path) or not str(path):
        raise ConfigurationError("journal= must be a path")
    return Journal(path)


def _whole(provider: Provider, value: object) -> bool:
    if type(value) is not bool:
        raise ConfigurationError("whole= must be True or False")
    if value and not any(endpoint.required for endpoint in provider.endpoints):
        raise ConfigurationError(f"whole=True is not for {provider.title}: its updates are partial")
    return value


def _seconds(name: str, value: object, least: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= least:
        raise ConfigurationError(f"{name}= must be a number of seconds, at least {least:g}")
    return float(value)


def _bytes(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ConfigurationError("max_answer= must be a whole number of bytes, at least 1")
    return value


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
    """The first complete way to authenticate; one that is given in part must be complete."""
    known = {credential.name: credential for credential in provider.credentials}
    for name in given:
        if name not in known:
            raise ConfigurationError(f"{provider.name} takes no {name}=; {nearest(name, known)}")
    started = [way for way in provider.auth if any(name in given for name in _names(way))]
    issued = world.credentials(provider)
    if issued is None:
        issued = _from_environment(provider)
    elif started:
        issued = {}
    given = {name: _checked(known[name], value) for name, value in given.items()}
    issued = {name: _checked(known[name], Secret(value)) for name, value in issued.items()}
    secrets = issued | given
    for way in started or provider.auth:
        if all(name in secrets for name in _names(way)):
            unused = {name for other in provider.auth if other is not way for name in _names(other)}
            return way, {name: value for name, value in secrets.items() if name not in unused}
    _refuse_incomplete(provider, started or provider.auth, secrets)


def _checked(credential: Credential, value: Secret) -> Secret:
    """The credential as it is sent; ConfigurationError if the provider would refuse it."""
    try:
        return Secret(credential.check(value)) if credential.check else value
    except ValueError as error:
        raise ConfigurationError(f"{credential.name}= {error}") from None


def _from_environment(provider: Provider) -> dict[str, str]:
    values = {c.name: (c.env, os.environ.get(c.env, "")) for c in provider.credentials}
    return {name: text for name, (env, text) in values.items() if _is_text(env, text)}


def _names(way: Auth) -> list[str]:
    return [credential.name for credential in way.credentials]


def _refuse_incomplete(
    provider: Provider, ways: Iterable[Auth], secrets: Mapping[str, str]
) -> NoReturn:
    missing = [[c for c in way.credentials if c.name not in secrets] for way in ways]
    arguments = ", or ".join(" and ".join(f"{c.name}=" for c in way) for way in missing)
    variables = ", or ".join(" and ".join(c.env for c in way) for way in missing)
    raise ConfigurationError(
        f"{provider.title} needs {arguments}; or, in the environment, {variables}. Without an "
        f"account, use contactkit.connect({provider.name!r}, via=contactkit.Simulator()), or "
        "--simulator in the terminal."
    )


def _address(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
        shown = f"{url.scheme}://{url.host}"
    except (httpx.InvalidURL, TypeError, ValueError):
        raise ConfigurationError(_NO_ADDRESS) from None
    if not url.is_absolute_url:
        raise ConfigurationError(_NO_ADDRESS)
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(f"base_url {shown} must not have a user, query or fragment")
    safe = url.scheme == "https" or (url.scheme == "http" and _is_local(url.host))
    if not safe or not re.fullmatch(rb"[\w.:-]+", url.raw_host) or (url.port or 1) > 65_535:
        raise ConfigurationError(f"base_url {shown} must be https://, or http:// on loopback")
    return base_url.rstrip("/")


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
