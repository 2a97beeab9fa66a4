"""How a new contact without a key is found in a listing: by its number or address."""

from __future__ import annotations

from collections.abc import Mapping

from contactkit._http.response import extract, is_same, unexpected_response
from contactkit._http.results import Values
from contactkit._http.session import Operation, Session, Success
from contactkit._plans.change import PlannedWrite
from contactkit.spec.provider import Provider, as_list, as_object
from contactkit.spec.record import fields_of
from contactkit.spec.validate import writable_fields


def search_query(provider: Provider, planned: PlannedWrite) -> Mapping[str, str]:
    """The query that finds the contact; {} if it has a key, or if no filter can find it."""
    if planned.key:
        return {}
    created = writable_fields(provider, provider.endpoint("create"))
    params = provider.endpoint("list").params
    for kind in ("phone", "email"):
        names = [n for n, field in created.items() if field.marker.personal == kind]
        filters = [n for n, param in fields_of(params).items() if param.marker.personal == kind]
        if len(names) == len(filters) == 1 and planned.changes.get(names[0]):
            return params.to_query({filters[0]: planned.changes[names[0]]})
    return {}


def find_contact(
    session: Session, operation: Operation, success: Success, planned: PlannedWrite
) -> Values | None:
    """The contact in a listing, if any; ApiError if the listing has only others."""
    provider = session.provider
    rows = as_list(extract(session, operation, success, provider.envelope.many))
    contacts = [provider.record.from_wire(as_object(row)) for row in rows]
    found = [contact for contact in contacts if _is_searched(provider, planned, contact)]
    if success.response.pseudonymous or not contacts:
        found = contacts
    if contacts and not found:
        why = "has other contacts than the one that was searched for"
        raise unexpected_response(session, operation, success.response, why)
    return found[0] if found else None


def _is_searched(provider: Provider, planned: PlannedWrite, contact: Values) -> bool:
    """Whether a contact has the number or address of the planned one."""
    fields = fields_of(provider.record)
    return any(
        fields[name].marker.personal in ("phone", "email")
        and is_same(fields[name], str(contact.get(name)), str(value))
        for name, value in planned.changes.items()
    )
