"""Explore and change contacts at messaging and marketing providers, as pandas DataFrames.

`connect` makes a client; with `via=Simulator()` it needs no account. Names are imported when they
are first used, so that importing contactkit costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contactkit._client.changes import changes as changes
    from contactkit._client.client import Client as Client
    from contactkit._client.client import record as record
    from contactkit._client.connect import connect as connect
    from contactkit._client.describe import describe as describe
    from contactkit._client.describe import providers as providers
    from contactkit._client.export import Export as Export
    from contactkit._client.people import people as people
    from contactkit._client.read import read_contacts as read_contacts
    from contactkit._client.show import show as show
    from contactkit._client.tables import schema as schema
    from contactkit._client.tables import to_arrow as to_arrow
    from contactkit._client.tables import write_contacts as write_contacts
    from contactkit._fleet.fleet import Fleet as Fleet
    from contactkit._fleet.fleet import fleet as fleet
    from contactkit._fleet.plan import FleetPlan as FleetPlan
    from contactkit._fleet.report import FleetReport as FleetReport
    from contactkit._frames.coerce import CLEAR as CLEAR
    from contactkit._frames.frame import problems as problems
    from contactkit._frames.phone_column import phones as phones
    from contactkit._http.world import Clock as Clock
    from contactkit._http.world import Live as Live
    from contactkit._http.world import World as World
    from contactkit._journal.frame import journal as journal
    from contactkit._people.people import People as People
    from contactkit._people.plans import Plans as Plans
    from contactkit._plans.load import plan_from as plan_from
    from contactkit._plans.load import read_plan as read_plan
    from contactkit._plans.plan import Plan as Plan
    from contactkit._plans.progress import Progress as Progress
    from contactkit.cassette.cassette import Cassette as Cassette
    from contactkit.errors import ApiError as ApiError
    from contactkit.errors import AuthenticationError as AuthenticationError
    from contactkit.errors import CassetteError as CassetteError
    from contactkit.errors import ConfigurationError as ConfigurationError
    from contactkit.errors import ConflictError as ConflictError
    from contactkit.errors import ContactKitError as ContactKitError
    from contactkit.errors import ContactKitWarning as ContactKitWarning
    from contactkit.errors import FieldProblem as FieldProblem
    from contactkit.errors import InvalidInputError as InvalidInputError
    from contactkit.errors import InvalidRequestError as InvalidRequestError
    from contactkit.errors import JournalError as JournalError
    from contactkit.errors import NotFoundError as NotFoundError
    from contactkit.errors import PermissionDeniedError as PermissionDeniedError
    from contactkit.errors import Problem as Problem
    from contactkit.errors import RateLimitError as RateLimitError
    from contactkit.errors import ServerError as ServerError
    from contactkit.errors import TransportError as TransportError
    from contactkit.errors import UnrecordedRequestError as UnrecordedRequestError
    from contactkit.simulator import Population as Population
    from contactkit.simulator import Simulator as Simulator
    from contactkit.spec.outcome import Outcome as Outcome

__version__ = "0.1.0"

# The public names of each module, which is imported when one of them is first used.
_NAMES = {
    "errors": (
        "ApiError AuthenticationError CassetteError ConfigurationError ConflictError "
        "ContactKitError ContactKitWarning FieldProblem InvalidInputError "
        "InvalidRequestError JournalError NotFoundError PermissionDeniedError Problem "
        "RateLimitError ServerError TransportError UnrecordedRequestError"
    ),
    "_client.client": "Client record",
    "_client.changes": "changes",
    "_client.connect": "connect",
    "_client.describe": "describe providers",
    "_client.people": "people",
    "_client.export": "Export",
    "_client.read": "read_contacts",
    "_client.show": "show",
    "_client.tables": "schema to_arrow write_contacts",
    "_fleet.fleet": "Fleet fleet",
    "_fleet.plan": "FleetPlan",
    "_fleet.report": "FleetReport",
    "_frames.coerce": "CLEAR",
    "_frames.frame": "problems",
    "_frames.phone_column": "phones",
    "_http.world": "Live World Clock",
    "_journal.frame": "journal",
    "_people.people": "People",
    "_people.plans": "Plans",
    "_plans.load": "plan_from read_plan",
    "_plans.plan": "Plan",
    "_plans.progress": "Progress",
    "cassette.cassette": "Cassette",
    "simulator": "Population Simulator",
    "spec.outcome": "Outcome",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

# A checker reads the imports above instead.
__all__ = sorted(_MODULES, key=lambda name: (not name.isupper(), name))  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
