"""A body as a JSON value and back: exact to the byte, and as readable as that allows.

    {}                      it is empty
    {digest, json, style}   parsed, where writing it again in that style gives the same bytes
    {digest, text}          UTF-8 that is not such JSON
    {digest, base64}        anything else
    encoding, wire          beside these: how it came compressed, and the compressed bytes
                            themselves unless `compressed` makes the same
    list, items             beside json: where a long list of objects stood, and how long it was;
                            its items are kept elsewhere, each under a digest of its own

The digest is that of the bytes before compression; it finds accidents and makes nothing secret.
"""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b

from contactkit.spec.provider import JSON, as_list, as_object

_LONG = 2_000
_DEEPEST = 4
_STYLES = {
    "": ((",", ":"), False),
    "ascii": ((",", ":"), True),
    "spaced": ((", ", ": "), False),
    "spaced ascii": ((", ", ": "), True),
}
_BLOCK = 0xFFFF
_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def digest(content: bytes) -> str:
    """Sixteen hexadecimal digits that tell contents apart."""
    return blake2b(content, digest_size=8).hexdigest()


def dumped(value: JSON, style: str = "") -> bytes:
    """JSON in one of the styles; a lone surrogate, which UTF-8 cannot hold, is a ValueError."""
    separators, ascii_only = _STYLES[style]
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
    return text.encode()


def pack(content: bytes, encoding: str = "") -> dict[str, JSON]:
    """The value for a body that came under this content encoding."""
    if not content:
        return {}
    plain = decompressed(content, encoding)
    if plain is None:
        return {"digest": digest(content), **_readable(content)}
    same = compressed(plain, encoding) == content
    wire = {} if same else {"wire": b64encode(content).decode()}
    # The digest first and the content last, so that a reader can cut the content out unparsed.
    return {"digest": digest(plain), "encoding": encoding, **wire, **_readable(plain)}


def _readable(content: bytes) -> dict[str, JSON]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode()}
    parsed = _parsed(text)
    return {"text": text} if parsed is None else parsed


def _parsed(text: str) -> dict[str, JSON] | None:
    """The value and its style, if some style gives the same text again."""
    try:
        value = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    for style, (separators, ascii_only) in _STYLES.items():
        if json.dumps(value, separators=separators, ensure_ascii=ascii_only) == text:
            return {**({"style": style} if style else {}), "json": value}
    return None


def _no_json(constant: str) -> JSON:
    raise ValueError(f"{constant} is no JSON")


def explode(packed: dict[str, JSON]) -> tuple[dict[str, JSON], list[JSON]]:
    """Take the longest list of objects out of a packed body, if it is long."""
    lists = sorted(_lists(packed.get("json"), ()), key=lambda each: len(each[1]))
    place, items = lists[-1] if lists else ((), [])
    if len(items) < 2 or len(json.dumps(items)) <= _LONG:
        return packed, []
    rest = _put(packed["json"], place, [])
    about = {name: value for name, value in packed.items() if name not in ("digest", "json")}
    told = {"list": list(place), "items": len(items)}
    kept = digest(dumped(rest, packed.get("style", "")))
    return {"digest": kept, **about, **told, "json": rest}, items


def _lists(value: JSON, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[JSON]]]:
    items = as_list(value)
    if items and all(isinstance(each, dict) for each in items):
        yield place, items
    if len(place) < _DEEPEST:
        for name, each in as_object(value).items():
            yield from _lists(each, (*place, name))


def _put(value: JSON, place: Sequence[str], items: Sequence[JSON]) -> JSON:
    if not place:
        return items
    return {**value, place[0]: _put(value[place[0]], place[1:], items)}


def unpack(packed: dict[str, JSON], items: Sequence[JSON] = ()) -> bytes:
    """The bytes of a packed body; ValueError when they are not those that were packed."""
    if not packed:
        return b""
    plain = _written(packed)
    if digest(plain) != packed["digest"]:
        raise ValueError("its content does not match its digest")
    if "list" in packed:
        plain = _assembled(packed, items)
    encoding = packed.get("encoding", "")
    if "wire" not in packed:
        return compressed(plain, encoding)
    wire = b64decode(packed["wire"], validate=True)
    if decompressed(wire, encoding) != plain:
        raise ValueError("its content is not what its compressed bytes hold")
    return wire


def _written(packed: dict[str, JSON]) -> bytes:
    if "json" in packed:
        return dumped(packed["json"], packed.get("style", ""))
    if "text" in packed:
        return packed["text"].encode()
    return b64decode(packed["base64"], validate=True)


def _assembled(packed: dict[str, JSON], items: Sequence[JSON]) -> bytes:
    if len(items) != packed["items"]:
        raise ValueError(f"it has {len(items)} of its {packed['items']} items")
    return dumped(_put(packed["json"], packed["list"], items), packed.get("style", ""))


def decompressed(content: bytes, encoding: str) -> bytes | None:
    """What the content encoding hides; None when it hides nothing or cannot be undone here."""
    try:
        match encoding.strip().lower():
            case "gzip" | "x-gzip":
                return gzip.decompress(content)
            case "deflate":
                return _inflated(content)
            case _:
                return None
    except (OSError, EOFError, zlib.error):
        return None


def _inflated(content: bytes) -> bytes:
    # Some servers leave the zlib wrapper out that RFC 9110 (8.4.1.2) asks for.
    for wrapper in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        undo = zlib.decompressobj(wrapper)
        with suppress(zlib.error):
            plain = undo.decompress(content)
            if undo.eof and not undo.unused_data:
                return plain
    raise EOFError


def compressed(plain: bytes, encoding: str) -> bytes:
    """A body under a content encoding, the same on every machine.

    zlib's own output differs between its versions, so this stores blocks instead of shrinking
    them (RFC 1951, 3.2.4).
    """
    match encoding.strip().lower():
        case "gzip" | "x-gzip":
            end = struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)
            return _GZIP_HEAD + _stored(plain) + end
        case "deflate":
            return b"\x78\x01" + _stored(plain) + struct.pack(">I", zlib.adler32(plain))
        case _:
            return plain


def _stored(plain: bytes) -> bytes:
    starts = range(0, max(len(plain), 1), _BLOCK)
    return b"".join(
        struct.pack("<BHH", start == starts[-1], len(block), len(block) ^ _BLOCK) + block
        for start in starts
        for block in [plain[start : start + _BLOCK]]
    )
