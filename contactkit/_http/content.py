"""A response's content, decoded while it arrives and never longer than a limit.

A compressed response can be a thousand times as long as what is sent, so it is decoded in pieces.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache

MAX_ANSWER = 64 * 2**20
# The encodings that a request accepts.
ENCODINGS = "gzip, deflate"
_GZIP, _ZLIB, _BARE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
_PIECE = 65_536


class TooLong(Exception):
    """A response is longer than allowed."""


class Content:
    """The content of one response; `encoding` is its Content-Encoding.

    Raises zlib.error for content that is not so encoded. If an encoding is unknown, it is
    not `decoded`.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        formats = _formats(encoding)
        self.decoded = formats is not None
        self._limit = limit
        self._decoders = [_Decoder(format) for format in formats or ()]
        # With several encodings, one in between can be the longest.
        self._sizes = [0] * (len(self._decoders) + 1)
        self._pieces: list[bytes] = []

    def add(self, data: bytes, depth: int = 0) -> None:
        """Add what has arrived; raise TooLong once it exceeds the limit."""
        self._sizes[depth] += len(data)
        if self._sizes[depth] > self._limit:
            self._pieces.clear()
            raise TooLong
        if depth == len(self._decoders):
            self._pieces.append(data)
            return
        for piece in self._decoders[depth].pieces(data):
            self.add(piece, depth + 1)

    def whole(self) -> bytes:
        """The whole content, once all has arrived."""
        for depth, decoder in enumerate(self._decoders, 1):
            self.add(decoder.rest(), depth)
        return b"".join(self._pieces)


@lru_cache(maxsize=16)
def _formats(encoding: str) -> tuple[int, ...] | None:
    """The formats of a Content-Encoding, the outermost first; None if there is no known one."""
    names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    if not names or any(name not in ("gzip", "deflate", "identity") for name in names):
        return None
    kept = (name for name in reversed(names) if name != "identity")
    return tuple(_GZIP if name == "gzip" else _ZLIB for name in kept)


class _Decoder:
    """Undoes gzip or deflate; some servers send deflate without its header."""

    def __init__(self, format: int) -> None:
        self._stream = zlib.decompressobj(format)
        self._may_be_bare = format == _ZLIB

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The decoded data; what follows the end is ignored."""
        while data and not self._stream.eof:
            piece = self._decompress(data)
            data = self._stream.unconsumed_tail
            yield piece

    def rest(self) -> bytes:
        """What was held back."""
        return self._stream.flush()

    def _decompress(self, data: bytes) -> bytes:
        may_be_bare, self._may_be_bare = self._may_be_bare, False
        try:
            return self._stream.decompress(data, _PIECE)
        except zlib.error:
            if not may_be_bare:
                raise
            self._stream = zlib.decompressobj(_BARE)
            return self._stream.decompress(data, _PIECE)
