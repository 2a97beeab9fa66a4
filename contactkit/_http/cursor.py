"""A place between two pages of a listing, as text: where it goes on, and what was read before.

The text has no value of a contact or of a filter: of keys and filters it has digests.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from functools import cache

from pydantic import TypeAdapter

from contactkit._http.seen import KeyDigest
from contactkit._http.session import Session
from contactkit.spec.paging import Query

_NAMES = {
    "provider": "another provider",
    "account": "another account or address",
    "filter": "another filter or order",
    "size": "another page size",
}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What is listed; the filter is a digest."""

    provider: str
    account: str
    filter: str
    size: int

    @classmethod
    def of(cls, session: Session, query: Query, size: int) -> Listing:
        """The listing of this query, which has no parameters for paging."""
        text = json.dumps(sorted(query.items()))
        return cls(
            provider=session.provider.name,
            account=session.account,
            filter=KeyDigest(session.digest_key).of(text).hex() if query else "",
            size=size,
        )

    def difference(self, other: Listing) -> str:
        """How it differs from another one, such as "another account"; "" if it does not."""
        mine, others = asdict(self), asdict(other)
        return next((text for name, text in _NAMES.items() if mine[name] != others[name]), "")


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A place between two pages of a listing.

    `following` has the parameters of the next page's query that the listing's own query lacks; it
    is None after the last page. `keys` are the digests of the last page's keys.
    """

    listing: Listing
    following: dict[str, str] | None
    read: int
    total: int | None
    announced: int | None
    stuck: bool
    end_reason: str
    keys: str

    @property
    def digests(self) -> bytes:
        """The digests of the last page's keys, joined."""
        return b64decode(self.keys, validate=True)

    def __str__(self) -> str:
        return urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()


def encode_digests(joined: bytes) -> str:
    """Joined digests as a cursor has them."""
    return b64encode(joined).decode()


def parse_cursor(text: object) -> Cursor:
    """The cursor of a text; ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError("must be text: the cursor in the attrs of a page")
    try:
        cursor = _adapter().validate_json(urlsafe_b64decode(text.encode()), strict=True)
        _ = cursor.digests
    except ValueError:
        raise ValueError("is not the cursor in the attrs of a page") from None
    return cursor


@cache
def _adapter() -> TypeAdapter[Cursor]:
    return TypeAdapter(Cursor)
