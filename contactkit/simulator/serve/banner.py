"""What a served simulator says of itself: where it is, who may come in, and a first request."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from contactkit.simulator.messages import Account
from contactkit.simulator.serve import control
from contactkit.simulator.serve.app import Served
from contactkit.spec.provider import Auth, ClientCredentials, HeaderAuth


def facts(served: Served, address: str) -> str:
    """All that a program needs in order to use it, as one line of JSON."""
    accounts = served.engine.accounts
    return json.dumps(
        {
            "provider": served.provider.name,
            "base_url": _base_url(served, address),
            "control_url": address + control.ROOT.rstrip("/") if served.controlled else None,
            "credentials": dict(next(iter(accounts.values())).credentials),
            "accounts": {
                name: {
                    "credentials": dict(each.credentials),
                    "scopes": None if each.scopes is None else sorted(each.scopes),
                }
                for name, each in accounts.items()
            },
        }
    )


def welcome(served: Served, address: str) -> str:
    """The same for a person, with a first request in Python and one in a shell."""
    provider, accounts, url = served.provider, served.engine.accounts, _base_url(served, address)
    first = next(iter(accounts.values())).credentials
    given = "".join(f", {name}={value!r}" for name, value in first.items())
    lines = [f"{provider.title} simulator at {url} (Ctrl-C ends it)", "", "Accounts:"]
    lines += [f"  {name}: {_shown(each)}" for name, each in accounts.items()]
    lines += [
        "",
        "In Python:",
        "  import contactkit as ck",
        f"  ck.connect({provider.name!r}, base_url={url!r}{given})",
    ]
    lines += ["", "In a shell:", f"  {_curl(served, address)}"]
    lines += ["", f"Control: {address}{control.ROOT}state"] if served.controlled else []
    return "\n".join(lines)


def _base_url(served: Served, address: str) -> str:
    return address + urlsplit(served.provider.base_url).path


def _shown(account: Account) -> str:
    held = " ".join(f"{name}={value}" for name, value in account.credentials.items())
    return (
        held if account.scopes is None else f"{held} (scopes: {', '.join(sorted(account.scopes))})"
    )


def _curl(served: Served, address: str) -> str:
    """A command that lists contacts; or that gets a token, where every request needs one."""
    way, account = _way_in(served)
    held = account.credentials
    if isinstance(way, ClientCredentials):
        form = {each.name: held[each.name] for each in way.credentials}
        form |= {"grant_type": "client_credentials"}
        form |= {"scope": " ".join(sorted(account.scopes or served.provider.scopes))}
        return _command(address + urlsplit(way.token_url).path, "--data-urlencode", form, "=")
    headers = {each.header: each.prefix + held[each.name] for each in way.credentials}
    return _command(
        _base_url(served, address) + served.provider.endpoint("list").path, "-H", headers, ": "
    )


def _way_in(served: Served) -> tuple[Auth, Account]:
    """The first account that can show its credential itself, else the first."""
    ways: Iterable[Auth] = sorted(
        served.provider.auth, key=lambda each: not isinstance(each, HeaderAuth)
    )
    accounts = served.engine.accounts.values()
    return next(
        (way, account)
        for way in ways
        for account in accounts
        if {each.name for each in way.credentials} <= account.credentials.keys()
    )


def _command(url: str, option: str, given: Mapping[str, str], between: str) -> str:
    parts = [part for name, value in given.items() for part in (option, name + between + value)]
    return shlex.join(["curl", *parts, url])
