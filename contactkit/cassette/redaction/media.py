"""Which bodies can be searched for secrets and people: JSON, forms, and text of a known kind.

Whatever else a body may contain, it is not recorded unless the user allows its media type.
"""

from __future__ import annotations

from collections.abc import Collection

from contactkit._redact.encodings import inflate
from contactkit._redact.tables import has_headings
from contactkit.cassette.redaction.text import charset_of, is_json, media_type, parts_of
from contactkit.errors import ConfigurationError

_TEXT = frozenset(
    "text/plain text/html application/xhtml+xml text/xml application/xml text/csv application/csv "
    "text/comma-separated-values text/tab-separated-values text/yaml text/x-yaml application/yaml "
    "application/x-yaml text/vcard text/x-vcard text/directory text/calendar text/markdown "
    "message/http application/x-www-form-urlencoded".split()
)
_JSON = frozenset("application/x-ndjson application/ndjson application/jsonl text/json".split())
_TABLES = ("csv", "comma-separated", "tab-separated")


def media_types(allow: Collection[str]) -> frozenset[str]:
    """Media types that a user allows; ConfigurationError for anything else."""
    types = [allow] if isinstance(allow, str) else list(allow)
    for media in types:
        if media_type(media).count("/") != 1 or "*" in media:
            raise ConfigurationError(f'allow={media!r} must be a media type, such as "text/csv"')
    return frozenset(map(media_type, types))


def unsearchable(body: bytes, content_type: str, allow: Collection[str] = ()) -> str:
    """Why a body must not be recorded; "" if it may."""
    media = media_type(content_type)
    if not body or media in allow:
        return ""
    if content := inflate(body):
        return unsearchable(content, content_type, allow)
    text = _text(body, content_type)
    if text is not None and is_json(text):
        return ""
    if text is not None and media.startswith("multipart/"):
        parts = parts_of(text, content_type)
        reasons = (unsearchable(part.encode(), kind or "text/plain", allow) for kind, part in parts)
        return next(filter(None, reasons), "")
    if text is None or not _is_understood(media):
        return f"is {media}" if media else "has no media type"
    if any(table in media for table in _TABLES) and not has_headings(text, media):
        return f"is {media} without headings"
    return ""


def _is_understood(media: str) -> bool:
    return media in _TEXT or media in _JSON or media.endswith(("/json", "+json", "+xml", "+yaml"))


def _text(body: bytes, content_type: str) -> str | None:
    """The text of a body; None if it is none."""
    try:
        return body.decode(charset_of(body, content_type))
    except ValueError:
        return None
