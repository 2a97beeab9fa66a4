"""Explore and change contacts at messaging and marketing providers, as pandas DataFrames.

`connect` makes a client; with `via=Simulator()` it needs no account. Names are imported when they
are first used, so that importing contactkit costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contactkit._client.client import Client, record
    from contactkit._client.connect import connect
    from contactkit._client.describe import describe, providers
    from contactkit._client.read import read_contacts
    from contactkit._frames.coerce import CLEAR
    from contactkit._frames.frame import problems
    from contactkit._http.world import Clock, Live, World
    from contactkit._journal.frame import journal
    from contactkit._plans.load import plan_from, read_plan
    from contactkit._plans.plan import Plan
    from contactkit._plans.progress import Progress
    from contactkit.cassette.cassette import Cassette
    from contactkit.errors import (
        ApiError,
        AuthenticationError,
        CassetteError,
        ConfigurationError,
        ConflictError,
        ContactKitError,
        ContactKitWarning,
        FieldProblem,
        InvalidInputError,
        InvalidRequestError,
        JournalError,
        NotFoundError,
        PermissionDeniedError,
        Problem,
        RateLimitError,
        ServerError,
        TransportError,
        UnrecordedRequestError,
    )
    from contactkit.simulator import Simulator
    from contactkit.spec.outcome import Outcome

__version__ = "0.1.0"

__all__ = [
    "CLEAR",
    "ApiError",
    "AuthenticationError",
    "Cassette",
    "CassetteError",
    "Client",
    "Clock",
    "ConfigurationError",
    "ConflictError",
    "ContactKitError",
    "ContactKitWarning",
    "FieldProblem",
    "InvalidInputError",
    "InvalidRequestError",
    "JournalError",
    "Live",
    "NotFoundError",
    "Outcome",
    "PermissionDeniedError",
    "Plan",
    "Problem",
    "Progress",
    "RateLimitError",
    "ServerError",
    "Simulator",
    "TransportError",
    "UnrecordedRequestError",
    "World",
    "connect",
    "describe",
    "journal",
    "plan_from",
    "problems",
    "providers",
    "read_contacts",
    "read_plan",
    "record",
]

# Where the names are that are imported when they are first used.
_MODULES = {
    "ApiError": "errors",
    "AuthenticationError": "errors",
    "CassetteError": "errors",
    "ConfigurationError": "errors",
    "ConflictError": "errors",
    "ContactKitError": "errors",
    "ContactKitWarning": "errors",
    "FieldProblem": "errors",
    "InvalidInputError": "errors",
    "InvalidRequestError": "errors",
    "JournalError": "errors",
    "NotFoundError": "errors",
    "PermissionDeniedError": "errors",
    "Problem": "errors",
    "RateLimitError": "errors",
    "ServerError": "errors",
    "TransportError": "errors",
    "UnrecordedRequestError": "errors",
    "Client": "_client.client",
    "connect": "_client.connect",
    "describe": "_client.describe",
    "providers": "_client.describe",
    "read_contacts": "_client.read",
    "record": "_client.client",
    "CLEAR": "_frames.coerce",
    "problems": "_frames.frame",
    "Live": "_http.world",
    "World": "_http.world",
    "Clock": "_http.world",
    "journal": "_journal.frame",
    "plan_from": "_plans.load",
    "read_plan": "_plans.load",
    "Plan": "_plans.plan",
    "Progress": "_plans.progress",
    "Cassette": "cassette.cassette",
    "Simulator": "simulator",
    "Outcome": "spec.outcome",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
