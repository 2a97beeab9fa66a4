"""What must not be written and is in a text, also where its readers decode the text first.

What is a secret or a personal value, others know: `Leaks` tells of a text.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

Leaks: TypeAlias = Callable[[str], Iterable[tuple[str, int]]]
"""The kind of each secret and personal value in a text, and where it starts."""

BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_LINES = {ord(each): None for each in "\t\r\n"}
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class Finding(NamedTuple):
    """A secret or a personal value: its kind, its byte, and what `hidden` it, "" for nothing.

    The byte is that of the base64 it is in; None where the whole text must be decoded.
    """

    kind: str
    byte: int | None
    hidden: str = ""

    def __str__(self) -> str:
        where = f"in {self.hidden}" if self.hidden else f"at byte {self.byte}"
        return f"{self.kind} {where}"


def findings(text: str, leaks: Leaks) -> Iterator[Finding]:
    """All that is in a text, each once."""
    plain = dict.fromkeys(leaks(text))
    for kind, at in plain:
        yield Finding(kind, _byte(text, at))
    for name, whole in _readings(text):
        hidden = Counter(kind for kind, _ in dict.fromkeys(leaks(whole)))
        hidden.subtract(kind for kind, _ in plain)
        yield from (Finding(kind, None, name) for kind in hidden.elements())
    for found in BASE64.finditer(text):
        word = decoded(found[0])
        for kind, _ in leaks(word) if word else ():
            yield Finding(kind, _byte(text, found.start()), "base64")


def _byte(text: str, at: int) -> int:
    return len(text[:at].encode())


def _readings(text: str) -> Iterator[tuple[str, str]]:
    if "\\u" in text:
        yield "an escape", _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    if "%" in text:
        yield "percent-encoding", unquote(text)


def decoded(word: str) -> str:
    """The text in a base64 word, "" where there is none."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except ValueError:
        return ""
    return text if text.translate(_LINES).isprintable() else ""
