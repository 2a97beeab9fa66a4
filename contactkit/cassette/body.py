"""A body as a JSON value and back, exact to the byte.

    {}                  it is empty
    {digest, json}      parsed, where writing it again gives the same bytes
    {digest, text}      other UTF-8
    {digest, base64}    anything else
    list, items         beside json: the place of a long list of objects, and its length; its
                        items are stored elsewhere, each with a digest of its own

The digest detects damage; it hides nothing. Version 0.1 also wrote JSON in other styles (`style`,
which is still read) and compressed bodies (`encoding` and `wire`, which do not affect the content).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from contactkit.spec.provider import JSON, as_list, as_object

_LONG = 2_000
_DEEPEST = 4
_STYLES_OF_0_1 = {
    "": ((",", ":"), False),
    "ascii": ((",", ":"), True),
    "spaced": ((", ", ": "), False),
    "spaced ascii": ((", ", ": "), True),
}


def digest(content: bytes) -> str:
    """Sixteen hexadecimal digits that distinguish contents."""
    return blake2b(content, digest_size=8).hexdigest()


def dump_json(value: JSON, *, ascii_only: bool = False) -> bytes:
    """Compact JSON; ValueError for a lone surrogate, which UTF-8 cannot encode."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only).encode()


def pack(content: bytes) -> dict[str, JSON]:
    """The JSON value for a body."""
    if not content:
        return {}
    # The content comes last, so that a reader can extract it without parsing it.
    return {"digest": digest(content), **_readable(content)}


def _readable(content: bytes) -> dict[str, JSON]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode()}
    try:
        value = json.loads(text, parse_constant=refuse_constant)
        if dump_json(value) == content:
            return {"json": value}
    except (ValueError, RecursionError):
        pass
    return {"text": text}


def refuse_constant(constant: str) -> JSON:
    """Refuse NaN and the infinities, which JSON does not have."""
    raise ValueError(f"{constant} is not JSON")


def explode(packed: dict[str, JSON]) -> tuple[dict[str, JSON], list[JSON]]:
    """Take the longest list of objects out of a packed body, if it is long."""
    lists = sorted(_lists(packed.get("json"), ()), key=lambda found: len(found[1]))
    place, items = lists[-1] if lists else ((), [])
    if len(items) < 2 or len(json.dumps(items)) <= _LONG:
        return packed, []
    rest = _put(packed["json"], place, [])
    listed = {"list": list(place), "items": len(items)}
    return {"digest": digest(dump_json(rest)), **listed, "json": rest}, items


def _lists(value: JSON, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[JSON]]]:
    items = as_list(value)
    if items and all(isinstance(item, dict) for item in items):
        yield place, items
    if len(place) < _DEEPEST:
        for name, inner in as_object(value).items():
            yield from _lists(inner, (*place, name))


def _put(value: JSON, place: Sequence[str], items: Sequence[JSON]) -> JSON:
    if not place:
        return items
    return {**value, place[0]: _put(value[place[0]], place[1:], items)}


def unpack(packed: dict[str, JSON], items: Sequence[JSON] = ()) -> bytes:
    """The bytes of a packed body; ValueError if they have changed."""
    if not packed:
        return b""
    content = _written(packed)
    if digest(content) != packed["digest"]:
        raise ValueError("its content does not match its digest")
    if "list" not in packed:
        return content
    if len(items) != packed["items"]:
        raise ValueError(f"it has only {len(items)} of its {packed['items']} items")
    return _written({**packed, "json": _put(packed["json"], packed["list"], items)})


def _written(packed: dict[str, JSON]) -> bytes:
    if "json" in packed:
        separators, ascii_only = _STYLES_OF_0_1[packed.get("style", "")]
        text = json.dumps(packed["json"], separators=separators, ensure_ascii=ascii_only)
        return text.encode()
    if "text" in packed:
        return packed["text"].encode()
    return b64decode(packed["base64"], validate=True)
