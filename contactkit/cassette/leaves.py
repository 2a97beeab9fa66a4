"""JSON as text with places: every name and scalar, where it stands and below which names.

Replacing at places keeps all other bytes, whatever the style they are written in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from contactkit.spec import JSON

Names = tuple[str, ...]
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|[^\s{}\[\],:"]+', re.S)

_NAMING = ("name", "key", "field", "header")


class Leaf(NamedTuple):
    """A scalar below `names`, the last one its own, or such a name itself."""

    start: int
    token: str
    names: Names
    listed: bool = False
    is_name: bool = False

    @property
    def value(self) -> JSON:
        """What the token means."""
        plain = self.token[0] == '"' and "\\" not in self.token
        return self.token[1:-1] if plain else json.loads(self.token)

    def written(self, value: JSON) -> str:
        """Another value as this one is written."""
        return json.dumps(value, ensure_ascii="\\u" in self.token or not _is_writable(value))


def _is_writable(value: JSON) -> bool:
    """Whether UTF-8 can hold it: half of a surrogate pair it cannot."""
    return not isinstance(value, str) or not re.search("[\ud800-\udfff]", value)


def leaves(text: str) -> Iterator[Leaf]:
    """The names and scalars of a JSON text that is known to be well-formed."""
    stack: list[tuple[bool, Names]] = []
    here: Names = ()
    naming = False
    for found in _TOKEN.finditer(text):
        token = found[0]
        match token:
            case "{" | "[":
                stack.append((token == "{", here))
                naming = token == "{"
            case "}" | "]":
                stack.pop()
                here, naming = stack[-1][1] if stack else (), False
            case ",":
                naming, here = stack[-1]
            case _ if naming:
                here, naming = (*stack[-1][1], json.loads(token)), False
                yield Leaf(found.start(), token, here, is_name=True)
            case _:
                yield Leaf(found.start(), token, here, bool(stack) and not stack[-1][0])


def named(found: Iterable[Leaf]) -> Iterator[Leaf]:
    """The same, each `value` below the name that stands before it, as in {"name": .., "value"}."""
    told: dict[Names, str] = {}
    for leaf in found:
        last = leaf.names[-1].lower() if leaf.names and not leaf.is_name else ""
        if last in _NAMING and leaf.token[0] == '"':
            told[leaf.names[:-1]] = str(leaf.value)
        if last == "value" and (name := told.get(leaf.names[:-1])):
            leaf = leaf._replace(names=(*leaf.names, name))
        yield leaf


def replaced(text: str, changes: Iterable[tuple[Leaf, str]]) -> str:
    """The text with other tokens in the places of some."""
    made: list[str] = []
    at = 0
    for leaf, token in changes:
        made += text[at : leaf.start], token
        at = leaf.start + len(leaf.token)
    return "".join([*made, text[at:]])
