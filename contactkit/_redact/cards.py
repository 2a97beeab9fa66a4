"""Values with their names in vCard (RFC 6350) and iCalendar (RFC 5545)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contactkit._redact.spans import Span

# What the properties of a person mean; a value may continue in a line that begins with a space.
_PROPERTIES = {
    **dict.fromkeys("FN N NICKNAME SORT-STRING AGENT X-PHONETIC-FIRST-NAME".split(), "full_name"),
    **dict.fromkeys("ADR LABEL GEO".split(), "address"),
    **dict.fromkeys("BDAY DEATHDATE ANNIVERSARY".split(), "birthdate"),
    **dict.fromkeys("NOTE PHOTO SOUND LOGO".split(), "vcard_note"),
    **dict.fromkeys("TEL".split(), "phone"),
    **dict.fromkeys("EMAIL".split(), "email"),
    "KEY": "private_key",
}
_PROPERTY = re.compile(
    r"^(?:[\w-]+\.)?(?P<name>[A-Za-z-]{1,30})(?:;[^:\r\n]{0,400})?:"
    r"(?P<value>[^\r\n]+(?:\r?\n[ \t][^\r\n]*)*)",
    re.M,
)
_COMMON_NAME = re.compile(r";CN=(?:\"(?P<quoted>[^\"\r\n]+)\"|(?P<bare>[^\";:,\r\n]+))", re.I)


def find_in_card(text: str) -> Iterator[Span]:
    """The name and the place of each property of a person."""
    for match in _PROPERTY.finditer(text):
        if name := _PROPERTIES.get(match["name"].upper()):
            yield name, *match.span("value")
    for match in _COMMON_NAME.finditer(text):
        yield "full_name", *match.span("quoted" if match["quoted"] else "bare")
