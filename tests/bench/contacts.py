"""Synthetic contacts as Sent writes them, and clients and sessions that read them.

The envelope and the contact are the documented ones: https://docs.sent.dm/reference/api/contacts
"""

from __future__ import annotations

import json
from typing import Any

import contactkit as ck
from contactkit._http.rate_limits import Budget, parse_rate
from contactkit._http.session import Flow, Response, Session, T
from contactkit._http.world import Live, RealClock
from contactkit._journal.store import temporary_journal
from contactkit._providers import find
from contactkit.simulator.seeds import MOST, phone

# High enough that no call waits.
RATE_LIMIT = "1000000/second"
_HEADERS = {"content-type": "application/json", "x-request-id": "req_7X9zKp2jDw"}


def contact(number: int) -> dict[str, Any]:
    """The contact of this number, with all fields; an odd one was never updated."""
    e164 = phone(number % MOST)
    area, line = e164[2:5], e164[8:]
    created = f"2026-02-09T{number % 24:02}:{number % 60:02}:50.{number % 10_000_000:07}+00:00"
    return {
        "id": f"6ba7b810-9dad-41d1-80b4-{number:012x}",
        "customer_id": "0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0001",
        "phone_number": e164,
        "format_e164": e164,
        "format_international": f"+1 {area}-555-{line}",
        "format_national": f"({area}) 555-{line}",
        "format_rfc": f"tel:+1-{area}-555-{line}",
        "country_code": "1",
        "region_code": "US",
        "available_channels": "sms,whatsapp",
        "default_channel": "whatsapp" if number % 3 else "sms",
        "opt_out": False,
        "is_inherited": False,
        "created_at": created,
        "updated_at": None if number % 2 else created,
    }


def page(number: int, size: int, pages: int) -> bytes:
    """The answer to a listing: a page of this size and of so many, counted from 1."""
    first = (number - 1) * size
    pagination = {
        "page": number,
        "page_size": size,
        "total_count": size * pages,
        "total_pages": pages,
        "has_more": number < pages,
        "cursors": None,
    }
    people = [contact(index) for index in range(first, first + size)]
    return _envelope({"contacts": people, "pagination": pagination})


def one(number: int) -> bytes:
    """The answer to a get."""
    return _envelope(contact(number))


def _envelope(content: dict[str, Any]) -> bytes:
    meta = {
        "request_id": _HEADERS["x-request-id"],
        "timestamp": "2026-02-09T21:50:50.2145484+00:00",
        "version": "v3",
    }
    body = {"success": True, "data": content, "error": None, "meta": meta}
    return json.dumps(body, separators=(",", ":")).encode()


def client(**options: Any) -> ck.Client:
    """A client of Sent that never waits."""
    return ck.connect("sent", api_key="test", rate_limit=RATE_LIMIT, **options)


def session() -> Session:
    """The session of such a client."""
    provider = find("sent")
    return Session(
        provider=provider,
        auth=provider.auth[0],
        credentials={"api_key": "test"},
        world=Live(),
        clock=RealClock(),
        budget=Budget([parse_rate(RATE_LIMIT)]),
        base_url=provider.base_url,
        patience=1.0,
        plan_journal=temporary_journal(),
    )


def response(content: bytes) -> Response:
    """An answer as a driver sends it to a flow."""
    return Response(status=200, headers=_HEADERS, content=content)


def finish(flow: Flow[T], response: Response) -> T:
    """Send the answer to a flow of one call, and return its result."""
    next(flow)
    try:
        flow.send(response)
    except StopIteration as end:
        return end.value
    raise RuntimeError("the flow asked for more than one answer")
