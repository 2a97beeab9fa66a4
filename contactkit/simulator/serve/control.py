"""The routes that control a served simulator: state, reset, contacts, clock and faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from pydantic_core import from_json

from contactkit.errors import ConfigurationError, ContactKitError
from contactkit.simulator.messages import Request, Response
from contactkit.spec import JSON, as_object, fields_of

if TYPE_CHECKING:
    from contactkit.simulator.serve.app import SimulatorApp

ROOT = "/_simulator/"
_CENTURY = 100 * 365.25 * 86_400

Route: TypeAlias = "Callable[[SimulatorApp, dict[str, JSON]], Response]"


def respond(app: SimulatorApp, request: Request) -> Response:
    """Respond to a request for a path below `ROOT`; a 400 says what is wrong."""
    # A web page in a browser on this machine must not control the simulator or read its state.
    if "origin" in request.headers or not _is_local(request.headers.get("host", "")):
        return _error(403, "requests from web pages or to names other than localhost are refused")
    route = _ROUTES.get((request.method, request.path.removeprefix(ROOT)))
    if route is None:
        routes = ", ".join(f"{method} {ROOT}{name}" for method, name in _ROUTES)
        return _error(404, f"there is no {request.method} {request.path}; the routes are {routes}")
    try:
        return route(app, _body(request))
    except ContactKitError as error:
        return _error(400, str(error))


def _is_local(host: str) -> bool:
    """Whether a request was sent to an address or to localhost, not to the name of a web page."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or bool(ip_address(name))
    except ValueError:
        return False


def _error(status: int, message: str) -> Response:
    return Response(status, {"error": message})


def _body(request: Request) -> dict[str, JSON]:
    try:
        body: JSON = from_json(request.content or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ConfigurationError("the body must be a JSON object")
    return as_object(body)


def _show_state(app: SimulatorApp, body: dict[str, JSON]) -> Response:
    contacts = [
        {**stored.row, "writes": stored.writes, "deleted": stored.deleted, "owner": stored.owner}
        for stored in app.engine.contacts
    ]
    outbox, faults = app.engine.outbox, app.simulator.faults.kinds
    return Response(200, {"contacts": contacts, "outbox": outbox, "faults": faults})


def _reset(app: SimulatorApp, body: dict[str, JSON]) -> Response:
    app.reset()
    return Response(204)


def _put_contact(app: SimulatorApp, body: dict[str, JSON]) -> Response:
    key = body.pop("key", "")
    if not isinstance(key, str):
        raise ConfigurationError("key must be text")
    fields = fields_of(app.provider.record)
    for name, value in body.items():
        if name not in fields:
            raise ConfigurationError(f"no field {name}")
        # States that the API refuses are allowed, but values of another type cannot be read back.
        if not fields[name].accepts(value):
            raise ConfigurationError(f"{name} cannot be {value!r}")
    return Response(201, {"key": app.simulator.put(key, **body)})


def _move_clock(app: SimulatorApp, body: dict[str, JSON]) -> Response:
    seconds = body.get("seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise ConfigurationError("seconds must be a number")
    if not 0 <= seconds <= _CENTURY - app.clock.offset:
        raise ConfigurationError("time only moves forward, by at most a century")
    app.clock.move(seconds)
    return Response(200, {"now": app.engine.now.isoformat()})


def _set_fault(app: SimulatorApp, body: dict[str, JSON]) -> Response:
    if not body:
        app.simulator.faults.clear()
        return Response(204)
    kind = body.pop("kind", None)
    try:
        app.simulator.fault(kind, **body)
    except TypeError as error:
        raise ConfigurationError(str(error)) from None
    return Response(204)


_ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "state"): _show_state,
    ("POST", "reset"): _reset,
    ("POST", "contacts"): _put_contact,
    ("POST", "clock"): _move_clock,
    ("POST", "faults"): _set_fault,
}
