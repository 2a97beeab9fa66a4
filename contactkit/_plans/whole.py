"""A whole update: everything else of the contact is sent too, as it was read right before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from contactkit._http.session import Request
from contactkit.errors import FieldProblem
from contactkit.spec.provider import JSON, Provider, as_object
from contactkit.spec.record import fields_of
from contactkit.spec.validate import json_equal


def whole_request(provider: Provider, request: Request, current: Mapping[str, JSON]) -> Request:
    """A request with everything that it does not change as it is in the `current` contact."""
    fields = fields_of(provider.record)
    rest = {fields[name].wire: value for name, value in current.items() if value is not None}
    return replace(request, body={**rest, **as_object(request.body)})


def changed_consent(
    provider: Provider, known: Mapping[str, JSON] | None, current: Mapping[str, JSON]
) -> list[FieldProblem]:
    """The consent of a contact that is not as it was known.

    A whole update contains it, so it must be what its sender saw.
    """
    known = known or {}
    return [
        FieldProblem(field=name, message="was changed since it was read", code="conflict")
        for name in fields_of(provider.record)
        if name in provider.consent.fields & known.keys()
        and not json_equal(known[name], current.get(name))
    ]
