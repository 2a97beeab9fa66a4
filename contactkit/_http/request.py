"""A verb as a request: its path, query, headers and body, by the provider's declaration."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from contactkit._http.session import Operation, Request, Session
from contactkit.errors import InvalidInputError
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.flags import NO_FLAGS, write_flag
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.terms import Idempotency

_SEGMENT = re.compile(r"[A-Za-z0-9._~+:@=-]{1,256}")
_QUOTED = str.maketrans({"+": "%2B", ":": "%3A", "@": "%40", "=": "%3D"})


def build_operation(
    session: Session,
    endpoint: Endpoint,
    *,
    key: str = "",
    query: Mapping[str, str] | None = None,
    body: JSON = None,
    idempotency_key: str = "",
    dry_run: bool = False,
    once: bool = False,
    flags: Mapping[str, JSON] = NO_FLAGS,
) -> Operation:
    """Turn a verb into a request; InvalidInputError for a key that could leave its path."""
    own_key = bool(idempotency_key)
    if endpoint.keyed and session.provider.idempotency:
        valid_key = _idempotency_key(
            session.provider.idempotency, session, endpoint, idempotency_key
        )
        # Under the same key, a later write would get the response to the dry run.
        idempotency_key = "" if dry_run else valid_key
    request = build_request(
        session, endpoint, key=key, query=query, body=body, dry_run=dry_run, flags=flags
    )
    return Operation(
        endpoint=endpoint,
        request=request,
        key=key,
        idempotency_key=idempotency_key,
        own_key=own_key,
        dry_run=dry_run,
        once=once,
    )


def build_request(
    session: Session,
    endpoint: Endpoint,
    *,
    key: str = "",
    query: Mapping[str, str] | None = None,
    body: JSON = None,
    dry_run: bool = False,
    flags: Mapping[str, JSON] = NO_FLAGS,
) -> Request:
    """A verb's request; InvalidInputError for a key that could leave its path."""
    provider, headers = session.provider, list(endpoint.confirm.items())
    content: JSON = body or {}
    named = {endpoint.key_wire: key} if endpoint.takes_key and endpoint.key_wire else {}
    if endpoint.effect:
        content = {**named, **content} if named else content
    if dry_run and provider.dry_run:
        content = {**content, **provider.dry_run.body} if provider.dry_run.body else content
        headers += provider.dry_run.headers.items()
    headers += [(provider.flag_header, write_flag(name, value)) for name, value in flags.items()]
    return Request(
        method=endpoint.method,
        url=session.base_url + endpoint.path.format(key=segment(provider, endpoint, key)),
        query={**(named if not endpoint.effect else {}), **(query or {})},
        headers={name: ",".join(v for n, v in headers if n == name) for name, _ in headers},
        body=content if content or endpoint.fields else None,
    )


def segment(provider: Provider, endpoint: Endpoint, key: str) -> str:
    """A contact's key as one path segment, quoted; InvalidInputError if it cannot be one."""
    if not endpoint.takes_key:
        return ""
    if not _SEGMENT.fullmatch(key) or not key.strip("."):
        message = "must be 1 to 256 letters, digits or ._~+:@=-, and not only dots"
        raise InvalidInputError.one(f"{provider.name} {endpoint.verb}", "key", message, "key")
    return key.translate(_QUOTED)


def _idempotency_key(declared: Idempotency, session: Session, endpoint: Endpoint, key: str) -> str:
    """The caller's key, or a new one; InvalidInputError for one that the provider would refuse."""
    if not key:
        return str(uuid.uuid4())
    if len(key) > declared.longest or not re.fullmatch(declared.pattern, key):
        message = f"must be 1 to {declared.longest} characters of {declared.pattern}"
        where = f"{session.provider.name} {endpoint.verb}"
        raise InvalidInputError.one(where, "idempotency_key", message, "format")
    return key
