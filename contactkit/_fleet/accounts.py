"""The accounts of a fleet: what `connect` takes for each, and names of variables for its secrets.

Nothing here holds a secret: it is read from the environment where an account is connected.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from contactkit._client.client import Client
from contactkit._client.connect import check_options, connect
from contactkit._frames.paths import reason_of
from contactkit._http.rate_limits import rate
from contactkit._providers import find, names
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider
from contactkit.spec.validate import is_na, nearest

Accounts: TypeAlias = "Mapping[str, Mapping[str, Any]] | pd.DataFrame | str | Path"
"""Accounts by name, or a frame, a CSV or a TOML file of them."""

# Some disks take a dot away from the end of a name.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_WHERE = "fleet"
_TRUTH = {"true": True, "false": False}
# What `connect` takes besides credentials, and how its text in a table is read.
_OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "base_url": str,
    "rate_limit": str,
    "patience": float,
    "timeout": float,
    "max_answer": int,
    "whole": lambda text: _TRUTH[text.lower()],
    "via": str,
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """What `connect` takes for one account; `variables` are names in the environment.

    It is small when pickled: of a provider of contactkit it has the name.
    """

    name: str
    named: str | Provider = field(repr=False)
    options: Mapping[str, Any]
    variables: Mapping[str, str]

    @property
    def provider(self) -> Provider:
        """The provider's declaration."""
        return find(self.named)

    def connect(self) -> Client:
        """Connect with the values of this process's environment."""
        if missing := self.missing():
            raise ConfigurationError(f"the environment has no {', '.join(missing)}")
        texts = {name: os.environ[variable] for name, variable in self.variables.items()}
        values = {name: _parse(name, text) for name, text in texts.items()}
        return connect(self.provider, **{**self.options, **values})

    def missing(self) -> list[str]:
        """The variables that this process does not have."""
        return sorted(each for each in {*self.variables.values()} if not os.environ.get(each))

    def secrets(self) -> list[str]:
        """The values of its variables, to take them out of messages."""
        return [os.environ[each] for each in self.variables.values() if os.environ.get(each)]

    @property
    def limits(self) -> str:
        """Its rate limits as text."""
        own = self.options.get("rate_limit")
        rates = [own] if isinstance(own, str) else own or map(rate, self.provider.limits)
        return ", ".join(rates) or "none"


def read_accounts(accounts: Accounts) -> dict[str, Account]:
    """Check all accounts; ConfigurationError that names the account, but never shows a value."""
    rows = _rows(accounts)
    if not rows:
        raise ConfigurationError(f"{_WHERE}: has no accounts")
    found: dict[str, Account] = {}
    folded: dict[str, str] = {}
    for name, values in rows:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            message = "must be text of 1 to 64 letters, digits or ._-,"
            message = f"{message} begin with a letter or digit, and not end with a dot"
            raise ConfigurationError(f"{_WHERE}: the name {name!r} {message}")
        # Each has a folder of its name, and some disks know no capitals.
        if other := folded.get(name.lower()):
            raise ConfigurationError(f"{_WHERE}: two accounts have the name {other}")
        folded[name.lower()] = name
        found[name] = _account(name, values)
    return found


def _rows(accounts: Accounts) -> list[tuple[Any, Mapping[str, Any]]]:
    if isinstance(accounts, str | Path):
        return _file_rows(Path(accounts).expanduser())
    if isinstance(accounts, pd.DataFrame):
        if "account" in accounts:
            accounts = accounts.set_index("account")
        _check_unique(_WHERE, accounts.columns)
        records = accounts.astype(object).to_dict("records")
        return list(zip(accounts.index, map(_filled, records), strict=True))
    if isinstance(accounts, Mapping):
        return [*accounts.items()]
    message = "must be a mapping, a DataFrame, or the path of a CSV or TOML file"
    raise ConfigurationError(f"{_WHERE}: accounts {message}, not {type(accounts).__name__}")


def _file_rows(path: Path) -> list[tuple[Any, Mapping[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".toml":
            return [*tomllib.loads(text).items()]
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {reason_of(error)}") from None
    except ValueError as error:
        # The error of a bad line may quote it.
        reason = "is not UTF-8" if isinstance(error, UnicodeError) else "is not TOML"
        raise ConfigurationError(f"{path}: {reason}") from None
    if path.suffix.lower() != ".csv":
        raise ConfigurationError(f"{path}: must end in .csv or .toml")
    return _csv_rows(path, csv.DictReader(io.StringIO(text, newline="")))


def _csv_rows(path: Path, reader: csv.DictReader[str]) -> list[tuple[Any, Mapping[str, Any]]]:
    columns = reader.fieldnames or ()
    if "account" not in columns:
        raise ConfigurationError(f"{path}: has no column account")
    _check_unique(path, columns)
    rows: list[tuple[Any, Mapping[str, Any]]] = []
    for row in reader:
        if reader.restkey in row:
            message = f"has more cells than the {len(columns)} columns"
            raise ConfigurationError(f"{path}: line {reader.line_num} {message}")
        rows.append((row.pop("account"), _filled(row)))
    return rows


def _check_unique(where: object, columns: Iterable[object]) -> None:
    if twice := [str(name) for name, count in Counter(columns).items() if count > 1]:
        raise ConfigurationError(f"{where}: has the column {twice[0]} twice")


def _filled(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The filled cells of a table's row."""
    stripped = {
        str(name): value.strip() if isinstance(value, str) else value for name, value in row.items()
    }
    return {
        name: value
        for name, value in stripped.items()
        if not is_na(value) and value not in (None, "")
    }


def _parse(name: str, value: Any) -> Any:
    if name == "max_answer" and isinstance(value, float) and value.is_integer():
        # A column of whole numbers with gaps is one of floats.
        return int(value)
    if not isinstance(value, str) or name not in _OPTIONS:
        return value
    try:
        return _OPTIONS[name](value)
    except (ValueError, KeyError):
        kind = {"whole": "true or false", "max_answer": "a whole number"}.get(name, "a number")
        raise ConfigurationError(f"{name} must be {kind}") from None


def _account(name: str, values: Any) -> Account:
    where = f"{_WHERE}: {name}"
    if not isinstance(values, Mapping) or "provider" not in values:
        raise ConfigurationError(f"{where} needs a provider, such as provider='…'")
    given = dict(values)
    try:
        account = _split(name, given.pop("provider"), given)
        _check_ways(account)
        check_options(account.provider, account.options)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    return account


def _split(name: str, named: str | Provider, given: Mapping[str, Any]) -> Account:
    """Tell variables from options; ConfigurationError for a literal secret."""
    provider = _find(named)
    known = {credential.name for credential in provider.credentials}
    options: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for argument, value in given.items():
        if argument not in known and argument not in _OPTIONS:
            if argument == "journal":
                raise ConfigurationError("a fleet keeps its own journals: fleet(…, journal=…)")
            hint = nearest(str(argument), [*known, *_OPTIONS])
            raise ConfigurationError(f"takes no {argument}=; {hint}")
        is_name = isinstance(value, str) and argument != "via"
        match = _VARIABLE.fullmatch(value) if is_name else None
        if match:
            variables[argument] = match[1]
        elif argument in known and provider.is_secret(argument):
            raise ConfigurationError(
                f"{argument}= must be the name of an environment variable where the work is done, "
                f"such as '${name.upper().replace('-', '_').replace('.', '_')}_KEY'; the value "
                "itself would go through the cluster"
            )
        elif value is not None:
            options[argument] = _parse(argument, value)
    return Account(name=name, named=named, options=options, variables=variables)


def _find(named: object) -> Provider:
    """The provider; the error shows no value, as a secret may be in the wrong column."""
    if isinstance(named, Provider) or (isinstance(named, str) and named in names()):
        return find(named)
    raise ConfigurationError(f"unknown provider; {nearest(str(named).lower(), names())}")


def _check_ways(account: Account) -> None:
    """ConfigurationError unless the credentials of one way to authenticate are named."""
    if "via" in account.options:
        return
    named = {*account.variables, *account.options}
    ways = [{c.name for c in way.credentials} for way in account.provider.auth]
    if not any(way <= named for way in ways):
        needed = ", or ".join(" and ".join(sorted(way - named)) for way in ways)
        raise ConfigurationError(f"needs {needed}: name an environment variable, such as '$NAME'")
