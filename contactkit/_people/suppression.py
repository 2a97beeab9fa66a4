"""Suppression files: addresses that must not be written to, in every source that has them.

A file has the addresses themselves, or digests of them under the user's pseudonym key. A deleted
contact's no is nowhere else.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.arrow import import_pyarrow
from contactkit._frames.coerce import digits_of, largest_whole
from contactkit._frames.files import ContactFile, open_file, write_private
from contactkit._frames.frame import STRING, TIME
from contactkit._frames.key_file import fingerprint
from contactkit._people.identifiers import Kind, canonical, kind_of
from contactkit._people.source import WHERE
from contactkit.cassette.redaction.key import ensure_pseudonym_key, pseudonym_key
from contactkit.errors import ConfigurationError, InvalidInputError, warn
from contactkit.spec.consent import Channel
from contactkit.spec.record import parse_time

NAME = "suppression"
CHANNELS: tuple[Channel, Channel] = ("text", "email")
COLUMNS = ("address", "digest", "channel", "source", "key", "since", "key_check")
_DIGEST = re.compile("[0-9a-f]{32}")
_OF_KIND: Mapping[Kind, Channel] = {"phone": "text", "email": "email"}
_SAMPLE = 1_000
# The usual headings of a list of addresses that nobody may write to.
_HEADINGS: Mapping[str, Kind] = {
    "phone": "phone",
    "phone_number": "phone",
    "phone number": "phone",
    "mobile": "phone",
    "number": "phone",
    "email": "email",
    "e-mail": "email",
    "email_address": "email",
    "email address": "email",
}


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """One address and a channel that is closed to it: by which contact, and since when."""

    channel: Channel
    address: str = ""
    digest: str = ""
    source: str = ""
    key: str = ""
    since: datetime | None = None

    @property
    def kind(self) -> Kind:
        """What the address is."""
        return kind_of(self.address)

    @property
    def is_readable(self) -> bool:
        """Whether it has an address that can be compared."""
        return bool(canonical(self.kind, self.address))


@dataclass(frozen=True, eq=False, repr=False)
class Suppressions:
    """The rows of all suppression files that were read."""

    rows: tuple[Suppression, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def addresses(self, kind: Kind) -> tuple[Any, Any]:
        """The rows with this kind of address, and the addresses."""
        found = [i for i, row in enumerate(self.rows) if row.address and row.kind == kind]
        texts = np.array([self.rows[i].address for i in found], dtype=object)
        return np.array(found, dtype=np.int64), texts

    def denied(self, channel: Channel) -> Any:
        """The rows that close this channel."""
        return np.fromiter((row.channel == channel for row in self.rows), bool, len(self.rows))

    def with_addresses(self, known: Iterable[str]) -> Suppressions:
        """The same rows, where a digest of a known address has that address."""
        if not any(row.digest and not row.address for row in self.rows):
            return self
        key = ensure_pseudonym_key()
        by_digest = {digest(key, address): address for address in known}
        rows = [
            Suppression(**{**vars(row), "address": row.address or by_digest.get(row.digest, "")})
            for row in self.rows
        ]
        return Suppressions(tuple(rows))


def read_suppressions(path: str | Path) -> Suppressions:
    """Read a suppression file: CSV, Parquet or Feather, written by `suppress` or by anybody.

    It has a column `address` or `digest`, or columns such as `phone` and `email`. A phone number
    closes the channel text and an e-mail address the channel email, unless `channel` names another.
    Warns of addresses in other columns.
    """
    file = open_file(path)
    columns = _columns(file)
    named: list[tuple[str, Kind]] = [(n, _HEADINGS[n]) for n in columns if n in _HEADINGS]
    is_own = not named and bool(columns.keys() & {"digest", "address"})
    if not named and not is_own:
        allowed = ", ".join(["address", "digest", *_HEADINGS])
        message = f"has no column of addresses; allowed: {allowed}"
        raise InvalidInputError.one(WHERE, str(path), message)
    # Beside numbers, an address is where somebody lives.
    read = COLUMNS if is_own else [name for name, _ in named]
    _check_others(file.path, {n: cells for n, cells in columns.items() if n not in read})
    if is_own:
        return Suppressions(tuple(_own_rows(file, columns)))
    channels = columns.get("channel", [""] * file.rows)
    return Suppressions(
        tuple(
            Suppression(channel=channel, address=text)
            for name, kind in named
            for row, cell in enumerate(columns[name])
            if (text := _text(cell))
            for channel in _channels(file.path, row, channels[row], _kinds(kind, text))
        )
    )


def read_own_suppressions(path: str | Path) -> Suppressions:
    """Read a file that `suppress` wrote; InvalidInputError for any other, which stays as it is."""
    columns = _columns(open_file(path)).keys()
    if not columns & {"digest", "address"} or columns - {*COLUMNS}:
        message = "is there, and is no file of suppress: choose another path"
        raise InvalidInputError.one(WHERE, str(path), message)
    return read_suppressions(path)


def _columns(file: ContactFile) -> dict[str, Sequence[Any]]:
    """The columns of a file by their names in lower case."""
    columns: dict[str, Sequence[Any]] = {}
    for name, cells in file.columns.items():
        plain = str(name).strip().casefold()
        if plain in columns:
            raise InvalidInputError.one(WHERE, str(file.path), f"two columns have the name {plain}")
        columns[plain] = cells
    return columns


def _check_others(path: str | Path, others: Mapping[str, Sequence[Any]]) -> None:
    """Warn of columns with addresses that are not read; InvalidInputError for digests in one."""
    if "digest" in others:
        message = "has digests beside phone numbers or e-mail addresses: use two files"
        raise InvalidInputError.one(WHERE, str(path), message)
    found = [n for n, cells in others.items() if n != "key" and _has_address(cells)]
    if found:
        warn(
            f"{path}: the addresses in {', '.join(found)} are not read, so that they close "
            "nothing; name such a column phone, mobile or email"
        )


def _has_address(cells: Sequence[Any]) -> bool:
    texts = (text for cell in cells if (text := _text(cell)))
    return any(canonical(kind_of(text), text) for text in islice(texts, _SAMPLE))


def _own_rows(file: ContactFile, columns: Mapping[str, Sequence[Any]]) -> Iterable[Suppression]:
    gaps = [""] * file.rows
    rows = zip(*(columns.get(name, gaps) for name in COLUMNS), strict=True)
    _check_key(file.path, columns.get("digest", gaps), columns.get("key_check", gaps))
    for row, cells in enumerate(rows):
        address, digests, channel, source, key, since, _ = map(_text, cells)
        digests = digests.casefold()
        if not (_DIGEST.fullmatch(digests) if digests else address):
            message = f"row {row} must have an address or a digest of 32 hexadecimal digits"
            raise InvalidInputError.one(WHERE, str(file.path), message)
        for each in _channels(file.path, row, channel, {kind_of(address)} if address else ()):
            yield Suppression(
                channel=each,
                address=address,
                digest=digests,
                source=source,
                key=key,
                since=_time(file.path, row, since),
            )


def _text(cell: Any) -> str:
    """A cell as text; a whole number as its digits."""
    return "" if cell is None else (digits_of(cell, largest_whole(64)) or str(cell).strip())


def _time(path: str | Path, row: int, text: str) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        message = f"row {row}, since: must be a time with its offset from UTC, or empty"
        raise InvalidInputError.one(WHERE, str(path), message) from None


def _kinds(heading: Kind, text: str) -> set[Kind]:
    """What a cell under a heading is: in a row that is shifted, an address of another kind."""
    own = kind_of(text)
    # To read a number takes long.
    return {heading, own} if own != heading and canonical(own, text) else {heading}


def _channels(path: str | Path, row: int, cell: Any, kinds: Collection[Kind]) -> list[Channel]:
    """The channels that a row names, or those of its address."""
    text = "" if cell is None else str(cell).strip().casefold()
    if not text and kinds:
        return [_OF_KIND[kind] for kind in sorted(kinds)]
    words = {*text.replace(",", " ").split()}
    named: list[Channel] = [c for c in CHANNELS if c in words]
    if not named or words - {*CHANNELS}:
        message = f"row {row} must name a channel: {' or '.join(CHANNELS)}, or both"
        raise InvalidInputError.one(WHERE, str(path), message)
    return named


def _check_key(path: str | Path, digests: Iterable[Any], checks: Iterable[Any]) -> None:
    """ConfigurationError if digests were made with another key: they would match nobody."""
    written = {_text(check) or "unknown" for d, check in zip(digests, checks, strict=True) if d}
    if written:
        key = pseudonym_key()
        have = key_check(key) if key else "none"
        if written != {have}:
            raise ConfigurationError(
                f"{path}: its digests were made with the key {', '.join(sorted(written))}, but "
                f"yours is {have}; set CONTACTKIT_PSEUDONYM_KEY to that key"
            )


def write_suppressions(
    path: str | Path, rows: Sequence[Suppression], *, digests: bool
) -> pd.DataFrame:
    """Write a suppression file that only its user can read; returns what it has."""
    frame = to_frame(rows, digests=digests)
    place = Path(path)
    if place.suffix.lower() not in (".csv", ".parquet"):
        raise InvalidInputError.one(WHERE, str(path), "must end in .csv or .parquet")
    content = BytesIO()
    if place.suffix.lower() == ".csv":
        frame.to_csv(content, index=False, lineterminator="\r\n")
    else:
        import_pyarrow()
        frame.to_parquet(content, index=False)
    write_private(place, content.getvalue())
    return frame


def to_frame(rows: Sequence[Suppression], *, digests: bool = False) -> pd.DataFrame:
    """Suppressions as a frame: text columns, and `since` in UTC."""
    key = ensure_pseudonym_key() if digests or any(row.digest for row in rows) else b""
    table: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row in rows:
        hidden = row.digest or (digest(key, row.address) if digests else "")
        table["address"].append(None if digests or not row.address else row.address)
        table["digest"].append(hidden or None)
        table["key_check"].append(key_check(key) if hidden else None)
        table["since"].append(row.since and row.since.astimezone(UTC))
        # The key of a contact may be its phone number.
        hides_key = digests and canonical(kind_of(row.key), row.key)
        table["key"].append(None if hides_key else row.key or None)
        for name in ("channel", "source"):
            table[name].append(getattr(row, name) or None)
    return pd.DataFrame(
        {name: pd.Series(v, dtype=TIME if name == "since" else STRING) for name, v in table.items()}
    )


def digest(key: bytes, address: str) -> str:
    """The keyed digest of a canonical address."""
    return hmac.digest(key, f"contactkit address\n{address}".encode(), "sha256")[:16].hex()


def key_check(key: bytes) -> str:
    """The check value of a key, which does not reveal it."""
    return fingerprint(key, "contactkit suppression file")
