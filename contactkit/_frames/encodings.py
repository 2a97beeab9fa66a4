"""The encoding of a text file: UTF-8, or what its byte order mark says, and nothing is guessed."""

from __future__ import annotations

import codecs
from pathlib import Path

from contactkit.errors import ConfigurationError

_MARK = "\ufeff"
_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def decode_text(path: str | Path, content: bytes, encoding: str | None = None) -> str:
    """A file's text without byte order marks; ConfigurationError names an encoding that fits."""
    marked = next((name for mark, name in _WIDE.items() if content.startswith(mark)), "utf-8")
    chosen = encoding or marked
    try:
        text = content.decode(chosen)
    except LookupError:
        raise ConfigurationError(f"{path}: Python has no text encoding {encoding!r}") from None
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise ConfigurationError(f"{path}: {_explain(content, start, chosen)}") from None
    if encoding is None and "\0" in text[:2]:
        raise ConfigurationError(f"{path}: {_explain(content, 0, chosen)}")
    return text.lstrip(_MARK)


def _explain(content: bytes, start: int, chosen: str) -> str:
    """Why a file is not in this encoding from this byte on, and which one fits."""
    line = content.count(b"\n", 0, start) + 1
    wrong = f"line {line} is not {chosen.upper()}"
    if codecs.lookup(chosen).name != "utf-8":
        return wrong
    if not content[:start].isascii():
        return f"{wrong}, though text before it is: the file is cut off or damaged"
    fits = _fitting_encoding(content)
    advice = f"it fits encoding={fits!r}" if fits else "pass its encoding, as in encoding='cp932'"
    return f"{wrong}; {advice}"


def _fitting_encoding(content: bytes) -> str | None:
    if b"\0" in content[:2]:
        return "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return None
    return "cp1252"
