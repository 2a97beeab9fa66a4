"""Explore and change contacts at messaging and marketing providers, as pandas DataFrames.

`connect` makes a client; with `via=Simulator()` it needs no account. Names are imported when they
are first used, so that importing contactkit costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contactkit.cassette.world import Cassette
    from contactkit.client import Client, connect
    from contactkit.description import describe, providers
    from contactkit.entries import journal
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
    from contactkit.files import read_contacts
    from contactkit.frames import problems
    from contactkit.plan import Plan
    from contactkit.plans import plan_from, read_plan
    from contactkit.readings import CLEAR
    from contactkit.simulator import Simulator
    from contactkit.taping import record
    from contactkit.world import Live

__version__ = "0.1.0"

_HOMES = {
    "cassette.world": ["Cassette"],
    "client": ["Client", "connect"],
    "description": ["describe", "providers"],
    "entries": ["journal"],
    "errors": [
        "ApiError",
        "AuthenticationError",
        "CassetteError",
        "ConfigurationError",
        "ConflictError",
        "ContactKitError",
        "ContactKitWarning",
        "FieldProblem",
        "InvalidInputError",
        "InvalidRequestError",
        "JournalError",
        "NotFoundError",
        "PermissionDeniedError",
        "Problem",
        "RateLimitError",
        "ServerError",
        "TransportError",
        "UnrecordedRequestError",
    ],
    "files": ["read_contacts"],
    "frames": ["problems"],
    "plan": ["Plan"],
    "plans": ["plan_from", "read_plan"],
    "readings": ["CLEAR"],
    "simulator": ["Simulator"],
    "taping": ["record"],
    "world": ["Live"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CLEAR",
    "ApiError",
    "AuthenticationError",
    "Cassette",
    "CassetteError",
    "Client",
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
    "PermissionDeniedError",
    "Plan",
    "Problem",
    "RateLimitError",
    "ServerError",
    "Simulator",
    "TransportError",
    "UnrecordedRequestError",
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


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
