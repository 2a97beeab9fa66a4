"""The outcomes of Sendblue's two requests for many contacts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from contactkit.spec import JSON, BulkItem, as_list, as_object

NUMBER_NAMES = ("phone", "number", "phone_number", "phoneNumber")


def read_created(status: int, body: JSON, sent: Sequence[JSON]) -> list[BulkItem]:
    """The outcomes of many contacts; one that is not in the response may also have been created."""
    contacts = [as_object(row) for row in as_list(as_object(body).get("contacts"))]
    by_number = {_digits(row): row for row in contacts}
    answered = [by_number.get(_digits(as_object(contact))) for contact in sent]
    absent = "not among the contacts that Sendblue returned"
    present = "created or changed: Sendblue does not say which"
    return [("updated", row, present) if row else ("unknown", None, absent) for row in answered]


def _digits(row: dict[str, JSON]) -> str:
    """The digits of a contact's number, whatever its name and format."""
    number = next((row[name] for name in NUMBER_NAMES if name in row), "")
    return re.sub(r"\D", "", str(number))


def read_deleted(status: int, body: JSON, sent: Sequence[JSON]) -> list[BulkItem]:
    """Sendblue says how many contacts were deleted, but not which."""
    amount = as_object(body).get("amount")
    if amount == len(sent):
        return [("deleted", None, "")] * len(sent)
    message = f"{amount} of {len(sent)} were deleted, and Sendblue does not say which"
    return [("unknown", None, message)] * len(sent)
