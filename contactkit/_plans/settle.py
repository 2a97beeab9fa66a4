"""A write in doubt, or one that got an earlier response: what the provider has now settles it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from contactkit._http.request import build_operation
from contactkit._http.results import Row, Values
from contactkit._http.session import Operation
from contactkit._plans.keys import REPLAYED
from contactkit._plans.search import find_contact, search_query
from contactkit._plans.steps import Writing
from contactkit.errors import NotFoundError
from contactkit.spec.outcome import OF_VERB, Outcome
from contactkit.spec.record import key_of
from contactkit.spec.validate import json_equal

if TYPE_CHECKING:
    from contactkit._plans.write import ContactWrite


def must_settle(write: ContactWrite, operation: Operation) -> bool:
    """Whether a write in doubt must be read back before it is sent again.

    Under a valid idempotency key it need not, but the contact's consent may have changed since.
    """
    if write.settings.dry_run or not write.in_doubt:
        return False
    opens = write.widens and write.planned.operation == "update"
    return opens or bool(write.planned.because) or not operation.own_key


def as_sent(write: ContactWrite, operation: Operation) -> Operation:
    """The operation that was read back, without a key under which nothing was sent."""
    earlier = write.pending.earlier or {}
    sent = operation.idempotency_key == earlier.get("idempotency_key")
    return operation if sent else replace(operation, idempotency_key="")


def settle(write: ContactWrite, operation: Operation) -> Writing[Row | None]:
    """Read back the result of a write in doubt; None if it must be sent again."""
    planned = write.planned
    query = search_query(write.session.provider, planned)
    if not planned.key and not query:
        message = "cannot be read back without a key; search for the contact"
        return write.row(Outcome.UNKNOWN, message)
    try:
        current = yield from (_search(write, query) if query else write.read())
    except NotFoundError:
        current = None
    if planned.operation == "delete":
        return None if current else _read_back_row(write, {})
    if current is None:
        return None
    if _has_values(write, current):
        return _read_back_row(write, current)
    if planned.operation == "update" and (write.widens or write.whole):
        return _refuse_resend(write, current)
    if operation.repeatable:
        return None
    message = "read back: the contact does not have the values that were sent"
    return write.row(Outcome.UNKNOWN, message)


def read_back(write: ContactWrite, row: Row) -> Writing[Row]:
    """The result of a write that got an earlier response, which may be older than an undo.

    Another journal may have sent the same plan under the same key, and undone it since.
    """
    try:
        current = yield from write.read(row["key"])
    except NotFoundError:
        current = None
    deletes = write.planned.operation == "delete"
    if current is None if deletes else current and _has_values(write, current):
        return row | _read_back_row(write, current or {})
    message = "the response is an earlier one, and the contact does not have these values now"
    unknown = {"outcome": Outcome.UNKNOWN, "code": REPLAYED, "after": None}
    return row | unknown | {"message": f"{message}; apply the plan again to write them"}


def _has_values(write: ContactWrite, current: Values) -> bool:
    """Whether the contact has the planned values."""
    wanted = write.planned.after(write.session.provider) or {}
    return all(json_equal(current.get(name), wanted[name]) for name in write.planned.changes)


def _refuse_resend(write: ContactWrite, current: Values) -> Row | None:
    """A row if a write that depends on what was read must not be sent again; None if it may.

    Where the contact had opted out, its no may be a new one.
    """
    consent, before = write.session.provider.consent, write.planned.before or {}
    names = {*write.planned.changes, *consent.fields}
    if consent.opts_in(before, write.planned.changes):
        message = "it is not known whether the contact was opted in: plan it anew"
    elif any(not json_equal(current.get(name), before.get(name)) for name in names):
        message = "was changed since it was read: plan it anew"
    else:
        return None
    return write.row(Outcome.REFUSED, message) | {"code": "conflict"}


def _read_back_row(write: ContactWrite, current: Values) -> Row:
    row = write.row(OF_VERB[write.planned.operation], "read back: the write was carried out")
    key = write.planned.key or current.get(key_of(write.session.provider.record).name)
    return row | {"key": key, "after": current or None, "changed": [*write.planned.changes]}


def _search(write: ContactWrite, query: Mapping[str, str]) -> Writing[Values | None]:
    session, provider = write.session, write.session.provider
    first_page = provider.paging.first_query(query, 2)
    operation = build_operation(session, provider.endpoint("list"), query=first_page)
    success = yield from write.send(operation)
    return find_contact(session, operation, success, write.planned)
