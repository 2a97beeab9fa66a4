"""What the recordings of other tools have in common: their times, their bodies, their mistakes."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qsl

from contactkit.cassette.body import decompressed
from contactkit.cassette.exchange import Pairs
from contactkit.cassette.redaction.exchange import header
from contactkit.cassette.redaction.redactor import Request
from contactkit.errors import CassetteError
from contactkit.spec.provider import JSON

WRONG = (ValueError, LookupError, TypeError, AttributeError)
_ENCODING = "content-encoding"


def malformed(path: Path, number: int, error: Exception) -> CassetteError:
    """The error for an exchange that lacks something; it quotes nothing of it."""
    why = f"it has no {error}" if isinstance(error, KeyError) else "it is not as it should be"
    return CassetteError(f"{path}, exchange {number}: {why}")


def text_of(path: Path) -> str:
    """The whole file."""
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise CassetteError(f"{path}: there is no such recording") from None
    except (OSError, ValueError) as error:
        raise CassetteError(f"{path}: cannot be read: {type(error).__name__}") from None


def request_of(method: str, url: str, headers: Pairs, body: bytes) -> Request:
    """A request to a whole URL, its body without any compression."""
    address, _, query = url.partition("#")[0].partition("?")
    plain = decompressed(body, header(headers, _ENCODING))
    if plain is not None:
        headers, body = _without(headers, _ENCODING, "content-length"), plain
    return Request(
        method=method.upper(),
        url=address,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=body,
        content_type=header(headers, "content-type"),
    )


def truthful(headers: Pairs, content: bytes) -> Pairs:
    """The headers without an encoding, and its length, that the recorded content no longer has."""
    encoding = header(headers, _ENCODING).strip().lower()
    if not encoding or not content or _is_encoded(content, encoding):
        return headers
    return _without(headers, _ENCODING, "content-length")


def unreadable(headers: Pairs, body: bytes) -> str:
    """The content encoding that hides a body from redaction, "" when nothing does."""
    encoding = header(headers, _ENCODING)
    return encoding if body and encoding and decompressed(body, encoding) is None else ""


def _is_encoded(content: bytes, encoding: str) -> bool:
    match encoding:
        case "gzip" | "x-gzip":
            return content.startswith(b"\x1f\x8b")
        case "deflate":
            return decompressed(content, encoding) is not None
        case _:
            return not _is_text(content)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without(headers: Pairs, *names: str) -> Pairs:
    return tuple((name, text) for name, text in headers if name.lower() not in names)


def seconds(told: JSON) -> float:
    """A time, in ISO 8601 or as HTTP writes it, in seconds since the epoch; UTC if it says none."""
    if not isinstance(told, datetime):
        told = _time(str(told))
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)
