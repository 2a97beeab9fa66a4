"""What a served simulator prints when it starts: its address, its accounts, and a first request."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from contactkit.simulator.messages import Account
from contactkit.simulator.serve import control
from contactkit.simulator.serve.app import SimulatorApp
from contactkit.spec import Auth, ClientCredentials, HeaderAuth


def banner_json(app: SimulatorApp, address: str) -> str:
    """Everything that a program needs to use it, as one line of JSON."""
    accounts = app.engine.accounts
    return json.dumps(
        {
            "provider": app.provider.name,
            "base_url": _base_url(app, address),
            "control_url": address + control.ROOT.rstrip("/") if app.controlled else None,
            "credentials": dict(next(iter(accounts.values())).credentials),
            "accounts": {
                name: {
                    "credentials": dict(account.credentials),
                    "scopes": None if account.scopes is None else sorted(account.scopes),
                }
                for name, account in accounts.items()
            },
        }
    )


def banner_text(app: SimulatorApp, address: str) -> str:
    """The same for a person, with a first request in Python and one in a shell."""
    provider, accounts, url = app.provider, app.engine.accounts, _base_url(app, address)
    credentials = next(iter(accounts.values())).credentials
    arguments = "".join(f", {name}={value!r}" for name, value in credentials.items())
    lines = [f"{provider.title} simulator at {url} (Ctrl-C stops it)", "", "Accounts:"]
    lines += [f"  {name}: {_account_text(account)}" for name, account in accounts.items()]
    lines += [
        "",
        "In Python:",
        "  import contactkit as ck",
        f"  ck.connect({provider.name!r}, base_url={url!r}{arguments})",
    ]
    lines += ["", "In a shell:", f"  {_curl(app, address)}"]
    lines += ["", f"Control: {address}{control.ROOT}state"] if app.controlled else []
    return "\n".join(lines)


def _base_url(app: SimulatorApp, address: str) -> str:
    return address + urlsplit(app.provider.base_url).path


def _account_text(account: Account) -> str:
    text = " ".join(f"{name}={value}" for name, value in account.credentials.items())
    if account.scopes is None:
        return text
    return f"{text} (scopes: {', '.join(sorted(account.scopes))})"


def _curl(app: SimulatorApp, address: str) -> str:
    """A command that lists contacts, or that gets a token if every request needs one."""
    way, account = _first_login(app)
    values = account.credentials
    if isinstance(way, ClientCredentials):
        form = {credential.name: values[credential.name] for credential in way.credentials}
        form |= {"grant_type": "client_credentials"}
        form |= {"scope": " ".join(sorted(account.scopes or app.provider.scopes))}
        return _command(address + urlsplit(way.token_url).path, "--data-urlencode", form, "=")
    headers = {
        credential.header: credential.prefix + values[credential.name]
        for credential in way.credentials
    }
    return _command(
        _base_url(app, address) + app.provider.endpoint("list").path, "-H", headers, ": "
    )


def _first_login(app: SimulatorApp) -> tuple[Auth, Account]:
    """The first account with a credential in a header, or the first account."""
    ways: Iterable[Auth] = sorted(
        app.provider.auth, key=lambda way: not isinstance(way, HeaderAuth)
    )
    return next(
        (way, account)
        for way in ways
        for account in app.engine.accounts.values()
        if {credential.name for credential in way.credentials} <= account.credentials.keys()
    )


def _command(url: str, option: str, values: Mapping[str, str], separator: str) -> str:
    parts = [part for name, value in values.items() for part in (option, name + separator + value)]
    return shlex.join(["curl", *parts, url])
