"""The redacted form of an exchange, which is what a cassette stores."""

from __future__ import annotations

from dataclasses import replace

from contactkit.cassette.exchange import Exchange, Pairs, header
from contactkit.cassette.matching import normalise
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.redaction.text import inflate
from contactkit.errors import CassetteError
from contactkit.spec.provider import Provider


def redact_exchange(exchange: Exchange, provider: Provider, redactor: Redactor) -> Exchange:
    """Redact request and response; CassetteError for a body that cannot be searched."""
    response = exchange.response
    if encoding := unreadable(response.headers, response.body):
        raise CassetteError(f"a response compressed as {encoding} cannot be redacted")
    request, response = redactor.exchange(exchange.request, response)
    return replace(exchange, request=normalise(request, provider), response=response)


def refuse_leaks(redactor: Redactor, refusal: str, lines: bytes) -> None:
    """CassetteError, which begins with the `refusal`, for lines with secrets or people in them."""
    if leaks := redactor.scan(lines):
        raise CassetteError(f"{refusal} {'; '.join(leaks[:5])}")


def unreadable(headers: Pairs, body: bytes) -> str:
    """The content encoding that hides a body from redaction, "" when none does."""
    encoding = header(headers, "content-encoding").strip().lower()
    if not body or encoding in ("", "identity") or inflate(body):
        return ""
    try:
        body.decode()
    except UnicodeDecodeError:
        return encoding
    return ""
