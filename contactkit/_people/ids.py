"""The ids of people, which follow from their contacts alone."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pandas.util import hash_array

from contactkit._people.suppression import NAME
from contactkit.cassette.redaction.key import ensure_pseudonym_key

if TYPE_CHECKING:
    from contactkit._people.people import People

_FAR = np.uint64(1) << np.uint64(63)


def make_ids(people: People) -> Any:
    """The id of each person, as text; see `People.ids`."""
    key = ensure_pseudonym_key()
    suppressed = np.array([row.address for row in people.suppressions.rows], dtype=object)
    digests = np.concatenate(
        [
            *(_digests(key, source.name, source.keys) & ~_FAR for source in people.sources),
            # A suppression is no contact, and another file may not have it.
            _digests(key, NAME, suppressed) | _FAR,
        ]
    )
    least = np.full(people.network.persons, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(least, people.network.person, digests)
    digits = least.astype(">u8").tobytes().hex()
    return np.array(
        [digits[start : start + 16] for start in range(0, len(digits), 16)], dtype=object
    )


def _digests(key: bytes, source: str, keys: Any) -> Any:
    salt = hmac.digest(key, f"contactkit people\n{source}".encode(), "sha256").hex()[:16]
    # pandas does not declare its type.
    return cast("Any", hash_array)(keys, hash_key=salt, categorize=False)
