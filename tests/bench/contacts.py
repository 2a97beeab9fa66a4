"""Synthetic Sent contacts as Sent writes them, and sessions that read them without a network.

The envelope and the contact are the documented ones: https://docs.sent.dm/reference/api/contacts
"""

from __future__ import annotations

import json
from typing import Any

import contactkit as ck
from contactkit._http.rate_limits import Budget, parse_rate
from contactkit._http.session import Flow, Response, Session, T
from contactkit._http.world import RealClock
from contactkit._journal.store import temporary_journal
from contactkit._providers import find
from contactkit.simulator.seeds import MOST, phone

# So many that no call ever waits.
RATE_LIMIT = "1000000/second"
_HEADERS = {"content-type": "application/json", "x-request-id": "req_7X9zKp2jDw"}


def contact(number: int) -> dict[str, Any]:
    """The contact of that number: all fields, and never updated if the number is odd."""
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
        "opt_out": number % 7 == 0,
        "is_inherited": False,
        "created_at": created,
        "updated_at": None if number % 2 else created,
    }


def page(number: int, size: int, pages: int) -> bytes:
    """The answer to a listing that has so many pages of that size; they count from 1."""
    first = (number - 1) * size
    pagination = {
        "page": number,
        "page_size": size,
        "total_count": size * pages,
        "total_pages": pages,
        "has_more": number < pages,
        "cursors": None,
    }
    found = [contact(each) for each in range(first, first + size)]
    return _sealed({"contacts": found, "pagination": pagination})


def one(number: int) -> bytes:
    """The answer to a get."""
    return _sealed(contact(number))


def _sealed(content: dict[str, Any]) -> bytes:
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
    """The session of such a client by itself."""
    provider = find("sent")
    return Session(
        provider=provider,
        auth=provider.auth[0],
        credentials={"api_key": "test"},
        clock=RealClock(),
        budget=Budget([parse_rate(RATE_LIMIT)]),
        base_url=provider.base_url,
        patience=1.0,
        plan_journal=temporary_journal(),
    )


def reply(content: bytes) -> Response:
    """An answer as a driver hands it to a flow."""
    return Response(status=200, headers=_HEADERS, content=content)


def answered(flow: Flow[T], given: Response) -> T:
    """What a flow of one call ends in when it is answered so."""
    next(flow)
    try:
        flow.send(given)
    except StopIteration as end:
        return end.value
    raise RuntimeError("the flow asked for more than one answer")
