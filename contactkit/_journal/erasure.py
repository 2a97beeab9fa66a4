"""Removes a person's values from the journal, but not what it says about their writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Container, Iterable, Iterator
from itertools import chain
from typing import Any

from contactkit._journal.spellings import Kind, canonical
from contactkit.spec.provider import JSON, as_list, as_object

# The request's digest, too, could show a number that somebody guesses.
_BLANK = """
UPDATE writes SET key = '', changes = '{}', before = NULL, after = NULL, message = NULL,
                  request = ''
WHERE id = ? AND outcome IS NOT NULL
"""
_IMAGES = ("changes", "before", "after", "because")
_BLANK_REASONS = "UPDATE writes SET because = NULL WHERE id = ? AND outcome IS NOT NULL"


def forget(connection: sqlite3.Connection, address: str) -> int:
    """Empty the closed entries of every contact with this address; returns their number."""
    kind: Kind = "email" if "@" in address else "phone"
    wanted = canonical(kind, address)
    rows = connection.execute(f"SELECT id, provider, key, {', '.join(_IMAGES)} FROM writes")
    entries = [dict(row) for row in rows]
    found = [entry for entry in entries if _has([entry["key"], *_images(entry)], kind, wanted)]
    contacts = {(entry["provider"], entry["key"]) for entry in found if entry["key"]}
    ids = {entry["id"] for entry in found}
    ids |= {entry["id"] for entry in entries if (entry["provider"], entry["key"]) in contacts}
    keys = {key for _, key in contacts}
    named = [entry for entry in entries if entry["id"] in ids or _names(entry, kind, wanted, keys)]
    connection.executemany(_BLANK_REASONS, [(entry["id"],) for entry in named])
    return connection.executemany(_BLANK, [(id,) for id in ids]).rowcount if ids else 0


def _images(entry: dict[str, Any]) -> Iterator[JSON]:
    return (json.loads(entry[name] or "null") for name in ("changes", "before", "after"))


def _names(entry: dict[str, Any], kind: Kind, wanted: str, keys: Container[str]) -> bool:
    """Whether the reasons of another contact's entry have the address, or one of these keys."""
    reasons = json.loads(entry["because"] or "null")
    return _has([reasons], kind, wanted) or any(text in keys for text in _texts(reasons))


def _has(values: Iterable[JSON], kind: Kind, wanted: str) -> bool:
    texts = (text for value in values for text in _texts(value))
    return any(canonical(kind, text) == wanted for text in texts)


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in chain(as_object(value).values(), as_list(value)):
        yield from _texts(item)
