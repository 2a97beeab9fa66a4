"""What Sendblue says of lines and users: the account has two users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contactkit.simulator.messages import Request, Response, Row
from contactkit.simulator.verbs import contact_response, rows_response, validate_query
from contactkit.spec import phones

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine


def _seat(number: int, email: str, first: str, last: str) -> Row:
    return {
        "seat_id": f"550e8400-e29b-41d4-a716-44665544000{number}",
        "email": email,
        "first_name": first,
        "last_name": last,
        "forwarding_number": f"+1202555010{number}",
        "account": "example",
        "created_at": "2024-06-15T18:24:01Z",
    }


_SEATS = (_seat(0, "agent@example.com", "Kim", "Vale"), _seat(1, "rep@example.com", "Jane", "Doe"))


def contact_status(engine: Engine, request: Request) -> Response:
    """A number is known on the line of its contact, and new on any other."""
    line = str(validate_query(engine, request)["sendblue_number"])
    stored = engine.contacts.find(phones.normalise(request.key))
    known = stored is not None and stored.row["sendblue_number"] == line
    row: Row = {
        "phone": phones.normalise(request.key),
        "sendblue_number": line,
        "classification": "known" if known else "new",
        "known_contact": known,
        "new_contact_lookback_days": 30,
        "sampled_at": engine.rules.timestamp(engine.now),
        "pacing": None,
        "status": "OK",
    }
    return contact_response(engine, request, row)


def seats(engine: Engine, request: Request) -> Response:
    """The users of the account, by address, and some of them."""
    query = validate_query(engine, request)
    chosen = [row for row in _SEATS if query.get("email") in (None, row["email"])]
    start = query.get("offset") or 0
    limit = query.get("limit")
    return rows_response(engine, request, chosen[start:][:limit])
