"""The keys of the contacts that a listing has returned, to recognise those that it repeats.

Only digests outlast the process, and only they are kept for a whole listing: 8 bytes a contact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Protocol

_SIZE = 8
_BUCKETS = 4096


class KeyDigest:
    """Digests of keys, from which the keys cannot be found without the secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, key: object) -> bytes:
        """The digest of one key."""
        text = str(key).encode(errors="surrogatepass")
        return hashlib.blake2b(text, key=self._secret, digest_size=_SIZE).digest()

    def join(self, keys: Iterable[object]) -> bytes:
        """The digests of these keys as `split` takes them."""
        return b"".join(sorted(map(self.of, keys)))

    def split(self, joined: bytes) -> frozenset[bytes]:
        """The digests that `join` has joined."""
        return frozenset(joined[start : start + _SIZE] for start in range(0, len(joined), _SIZE))


class Seen(Protocol):
    """The keys that a listing has returned; `last` are those of the last page."""

    last: Collection[object]

    def take(self, keys: set[object]) -> tuple[set[object], bool]:
        """Those of a page's keys that were returned before, and whether all were since the start.

        From now on they count as returned.
        """
        ...


class LastPage:
    """The keys of the last page, or the digests of `earlier` ones before the first page."""

    def __init__(self, digest: KeyDigest, earlier: frozenset[bytes]) -> None:
        self.last: Collection[object] = ()
        self._digest = digest
        self._earlier = earlier

    def take(self, keys: set[object]) -> tuple[set[object], bool]:
        if self._earlier:
            known = {key for key in keys if self._digest.of(key) in self._earlier}
        else:
            known = keys.intersection(self.last)
        self.last, self._earlier = keys, frozenset[bytes]()
        return known, len(known) == len(keys)


class AllPages:
    """The digests of all keys, for a listing that may have to start again.

    It may if they are `complete`: those of `earlier` pages are, unless only the last page's are
    known.
    """

    def __init__(self, digest: KeyDigest, earlier: Iterable[bytes], *, complete: bool) -> None:
        self.last: Collection[object] = ()
        self.complete = complete
        self._digest = digest
        self._all = _Digests(earlier)
        self._since_start = self._all

    def start_again(self) -> None:
        """Expect all contacts again."""
        self._since_start = _Digests()

    def take(self, keys: set[object]) -> tuple[set[object], bool]:
        digests = {key: self._digest.of(key) for key in keys}
        known = {key for key, digest in digests.items() if not self._all.add(digest)}
        self.last = keys
        if self._since_start is self._all:
            return known, len(known) == len(keys)
        # No generator: each digest is to be added.
        passed = [not self._since_start.add(digest) for digest in digests.values()]
        return known, all(passed)


class _Digests:
    """A set of digests that takes little more memory than they do."""

    def __init__(self, digests: Iterable[bytes] = ()) -> None:
        self._buckets = [bytearray() for _ in range(_BUCKETS)]
        for digest in digests:
            self.add(digest)

    def add(self, digest: bytes) -> bool:
        """Add a digest; False if it is there already."""
        bucket = self._buckets[int.from_bytes(digest[:2]) % _BUCKETS]
        place = bucket.find(digest)
        while place % _SIZE and place >= 0:
            place = bucket.find(digest, place + 1)
        if place < 0:
            bucket += digest
        return place < 0
