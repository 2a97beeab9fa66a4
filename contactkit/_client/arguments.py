"""The arguments of a verb besides its fields: the contact that it is about, options, settings."""

from __future__ import annotations

from typing import Any, NoReturn

import pandas as pd
from pandas.api.types import is_list_like

from contactkit._frames.frame import rows_of
from contactkit._http.results import Values
from contactkit._http.session import Session
from contactkit.errors import InvalidInputError, warn
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import fields_of
from contactkit.spec.validate import expected, is_na, key_text, to_python


def refuse(provider: Provider, endpoint: Endpoint, field: str, message: str) -> NoReturn:
    """Raise InvalidInputError about one argument of a verb."""
    raise InvalidInputError.one(f"{provider.name} {endpoint.verb}", field, message)


def pop_options(session: Session, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, Any]:
    """Remove the options from `fields` and return them."""
    provider = session.provider
    if endpoint.deprecated:
        warn(endpoint.deprecated, DeprecationWarning)
    if endpoint.confirm and _pop(provider, endpoint, fields, "confirm", False) is not True:
        refuse(provider, endpoint, "confirm", f"must be True: {endpoint.help}")
    defaults: dict[str, bool | str] = {}
    defaults |= {"opt_in": False} if endpoint.takes_opt_in else {}
    defaults |= {"whole": session.whole} if endpoint.required else {}
    defaults |= {"dry_run": False} if endpoint.dry_run else {}
    defaults |= {"idempotency_key": ""} if endpoint.keyed else {}
    options = {n: _pop(provider, endpoint, fields, n, value) for n, value in defaults.items()}
    return {**options, "flags": _pop_flags(provider, endpoint, fields)}


def _pop(
    provider: Provider, endpoint: Endpoint, fields: dict[str, Any], name: str, default: bool | str
) -> Any:
    if name not in fields:
        return default
    value = to_python(fields.pop(name))
    if type(value) is not type(default) or value == "":
        kind = "True or False" if isinstance(default, bool) else "text, and not empty"
        refuse(provider, endpoint, name, f"must be {kind}")
    return value


def _pop_flags(provider: Provider, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, JSON]:
    """Remove the flags; one that is not set has no effect."""
    flags: dict[str, JSON] = {}
    for name, field in fields_of(endpoint.flags).items():
        value = to_python(fields.pop(name, None))
        if value is None or value is False or is_na(value):
            continue
        if not field.accepts(value):
            refuse(provider, endpoint, name, f"must be {expected(field)}")
        try:
            flags[name] = field.marker.check(value) if field.marker.check else value
        except ValueError as error:
            refuse(provider, endpoint, name, str(error))
    return flags


def pop_settings(provider: Provider, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, str]:
    """Remove the settings that a call has of its own, and return them as they are sent."""
    settings: dict[str, str] = {}
    for setting in provider.settings:
        if setting.name in fields:
            try:
                value = str(fields.pop(setting.name))
                settings[setting.name] = setting.check(value) if setting.check else value
            except ValueError as error:
                refuse(provider, endpoint, setting.name, str(error))
    return settings


def read_key(
    provider: Provider, endpoint: Endpoint, key: Any
) -> tuple[str, Values | None, pd.Index | None]:
    """The key as text; for a row of a frame, also its contact and its index."""
    record, name = provider.record, provider.key_field(endpoint).name
    if isinstance(key, pd.Series):
        key = key.to_frame().T
    if not isinstance(key, pd.DataFrame):
        if is_list_like(key):
            refuse(provider, endpoint, "key", f"must be one key{_for_many(endpoint)}")
        return _key_text(provider, endpoint, "" if key is None or is_na(key) else key), None, None
    if not key.columns.is_unique:
        refuse(provider, endpoint, "key", "the row has two columns with the same name")
    if len(key) != 1:
        rows = f"must be one row, not a frame of {len(key)}"
        refuse(provider, endpoint, "key", f"{rows}{_for_many(endpoint)}")
    if name not in key:
        refuse(provider, endpoint, "key", f"the row has no {name}; pass a row with that column")
    current = rows_of(record, key)[0]
    for column, value in current.items():
        declared = fields_of(record)[column]
        if value is not None and not declared.accepts(value):
            why = f"the value in the row must be {expected(declared)}"
            refuse(provider, endpoint, column, why)
    return _key_text(provider, endpoint, current[name] or ""), current, key.index


def _for_many(endpoint: Endpoint) -> str:
    return "; plan() changes many contacts" if endpoint.verb == "update" else ""


def _key_text(provider: Provider, endpoint: Endpoint, key: Any) -> str:
    try:
        return key_text(provider.key_field(endpoint), key)
    except ValueError as error:
        refuse(provider, endpoint, "key", str(error))
