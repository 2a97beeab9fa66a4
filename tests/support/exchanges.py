"""Exchanges of a cassette, filled with fictional contacts."""

from __future__ import annotations

from typing import Any

from contactkit.cassette.body import dump_json
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.file import CassetteFile

BASE = "https://api.sent.dm/v3"


def contact(number: int, **changes: Any) -> dict[str, Any]:
    """A contact, about as long as a real one."""
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "phone_number": f"+1202555{100 + number % 100:04}",
        "format_e164": f"+1202555{100 + number % 100:04}",
        "format_international": f"+1 202-555-{100 + number % 100:04}",
        "format_national": f"(202) 555-{100 + number % 100:04}",
        "format_rfc": f"tel:+1-202-555-{100 + number % 100:04}",
        "available_channels": "sms,whatsapp",
        "default_channel": "sms",
        "opt_out": False,
        "created_at": "2026-01-05T09:00:00.0000000+00:00",
        **changes,
    }


def page(contacts: list[dict[str, Any]]) -> bytes:
    """One page of a listing."""
    return dump_json({"data": {"contacts": contacts, "pagination": {"page": 1}}, "success": True})


def exchange(
    path: str = "/contacts", body: Any = None, method: str = "GET", **about: Any
) -> Exchange:
    """An exchange for this path; `body` is that of the answer, as JSON or bytes."""
    request = about.pop("request", None) or RecordedRequest.of(
        method, BASE + path, about.pop("asks", b"")
    )
    response = RecordedResponse(
        status=about.pop("status", 200),
        headers=about.pop("headers", ()),
        body=body if isinstance(body, bytes) else dump_json(body),
        failure=about.pop("failure", ""),
        sent=about.pop("sent", True),
    )
    return Exchange(**{"request": request, "response": response, "at": 0.0, **about})


def begun(path: Any, **about: Any) -> CassetteFile:
    """A recording without exchanges."""
    return CassetteFile.create(
        path, **{"provider": "sent", "world": "simulator", "created": 0.0, **about}
    )
