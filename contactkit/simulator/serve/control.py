"""The routes that steer a served simulator: see its state, reset it, put contacts, pass time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from pydantic_core import from_json

from contactkit.errors import ConfigurationError, ContactKitError
from contactkit.simulator.messages import Answer, Request
from contactkit.spec.provider import JSON, as_object
from contactkit.spec.record import fields_of

if TYPE_CHECKING:
    from contactkit.simulator.serve.app import Served

ROOT = "/_simulator/"
_CENTURY = 100 * 365.25 * 86_400

Route: TypeAlias = "Callable[[Served, dict[str, JSON]], Answer]"


def answer(served: Served, request: Request) -> Answer:
    """Answer one request to a path below `ROOT`; what is wrong with it is told with a 400."""
    # A web page that somebody here looks at must neither steer this nor read it.
    if "origin" in request.headers or not _local(request.headers.get("host", "")):
        return _refused(403, "web pages, and names other than localhost, are not answered here")
    route = _ROUTES.get((request.method, request.path.removeprefix(ROOT)))
    if route is None:
        return _refused(404, f"there is no {request.method} {request.path}; there is {_listed()}")
    try:
        return route(served, _body(request))
    except ContactKitError as error:
        return _refused(400, str(error))


def _local(host: str) -> bool:
    """Whether a request was sent to an address or to localhost, and not to some page's name."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or bool(ip_address(name))
    except ValueError:
        return False


def _refused(status: int, message: str) -> Answer:
    return Answer(status, {"error": message})


def _listed() -> str:
    return ", ".join(f"{method} {ROOT}{name}" for method, name in _ROUTES)


def _body(request: Request) -> dict[str, JSON]:
    try:
        body: JSON = from_json(request.content or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ConfigurationError("the body must be a JSON object")
    return as_object(body)


def _state(served: Served, body: dict[str, JSON]) -> Answer:
    contacts = [
        {**each.row, "writes": each.writes, "deleted": each.deleted, "owner": each.owner}
        for each in served.engine.contacts
    ]
    return Answer(200, {"contacts": contacts, "outbox": served.engine.outbox})


def _reset(served: Served, body: dict[str, JSON]) -> Answer:
    served.reset()
    return Answer(204)


def _put(served: Served, body: dict[str, JSON]) -> Answer:
    key = body.pop("key", "")
    if not isinstance(key, str):
        raise ConfigurationError("key must be text")
    declared = fields_of(served.provider.record)
    for name, value in body.items():
        # The API may refuse such a state, but a row that is none could not even be read back.
        if name not in declared or not declared[name].accepts(value):
            told = f"{name} cannot be {value!r}" if name in declared else f"no field {name}"
            raise ConfigurationError(told)
    return Answer(201, {"key": served.simulator.put(key, **body)})


def _clock(served: Served, body: dict[str, JSON]) -> Answer:
    seconds = body.get("seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise ConfigurationError("seconds must be a number")
    if not 0 <= seconds <= _CENTURY - served.clock.ahead:
        raise ConfigurationError("time moves forward only, by a century at most")
    served.clock.ahead += seconds
    return Answer(200, {"now": served.engine.now.isoformat()})


def _faults(served: Served, body: dict[str, JSON]) -> Answer:
    if not body:
        served.simulator.faults.clear()
        return Answer(204)
    kind = body.pop("kind", None)
    try:
        served.simulator.fault(kind, **body)
    except TypeError as error:
        raise ConfigurationError(str(error)) from None
    return Answer(204)


_ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "state"): _state,
    ("POST", "reset"): _reset,
    ("POST", "contacts"): _put,
    ("POST", "clock"): _clock,
    ("POST", "faults"): _faults,
}
