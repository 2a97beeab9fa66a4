"""The suppression list: opted-out contacts that were deleted, which nothing may create again.

It has a digest of each phone number and e-mail address instead of the value itself, under a key in
a file beside the journal: without the key, a digest of a phone number could be guessed.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from contactkit._frames.key_file import KeyFile, fingerprint
from contactkit._journal.spellings import Kind, kept_spellings, sought_spellings
from contactkit._journal.sqlite import JournalFile
from contactkit.errors import ConfigurationError, FieldProblem
from contactkit.spec.consent import CODE, Address
from contactkit.spec.provider import JSON, Provider

if TYPE_CHECKING:
    from contactkit._journal.store import Intent

_KINDS: tuple[Kind, ...] = ("phone", "email")

_SUPPRESSED = (
    "belongs to a deleted contact who had opted out; say opt_in=True if you hold their consent"
)
IS_USED = "SELECT 1 FROM suppressed LIMIT 1"
_SUPPRESSED_SINCE = (
    "belongs to a contact who had opted out and was deleted since this was planned: plan it anew"
)
_FIND = "SELECT digest FROM suppressed WHERE provider = ? AND made_at > ?"
_MOST_AT_ONCE = 500
_ADD = "INSERT OR REPLACE INTO suppressed VALUES (?, ?, ?, ?, ?, ?)"
_REMOVE = "DELETE FROM suppressed WHERE provider = ? AND digest = ?"

Row: TypeAlias = tuple[str, str, str, str, str, float]


class SuppressionList:
    """The suppression list of one journal."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        path = file.path.with_name(f"{file.path.name}-key")
        self.key_file = KeyFile(path)

    def find(self, provider: str, addresses: Iterable[Address], since: float = 0.0) -> set[Address]:
        """Those of the addresses that are on the list, of any account of the provider.

        With `since`, in seconds since the epoch, only those that were added later.
        An account cannot be recognised once its key was replaced, so the account does not count.
        Raises ConfigurationError if the list was written under another key.
        """
        wanted = [*addresses]
        if not wanted or not (key := self._known_key()):
            return set()
        digests = {
            each: [_digest(key, provider, each[0], text) for text in sought_spellings(*each)]
            for each in wanted
        }
        query, values, every = _FIND, [provider, since], [*chain.from_iterable(digests.values())]
        if len(every) <= _MOST_AT_ONCE:
            query += f" AND digest IN ({', '.join('?' * len(every))})"
            values += every
        found = {row["digest"] for row in self._file.query(query, values, version=2)}
        return {address for address, each in digests.items() if not found.isdisjoint(each)}

    def refusals(
        self, provider: Provider, contact: Mapping[str, JSON], names: Iterable[str]
    ) -> list[FieldProblem]:
        """Why a contact must not get these of its addresses: their channel is open again.

        Raises ConfigurationError as `find`.
        """
        addresses = provider.consent.open_addresses(contact)
        addresses = {name: addresses[name] for name in names if name in addresses}
        return suppressed_problems(addresses, self.find(provider.name, addresses.values()))

    def add(self, intents: Sequence[Intent]) -> None:
        """Put the addresses of deleted contacts on the list."""
        if rows := self.rows(intents):
            self._file.commit(lambda connection: insert(connection, rows), durable=True)

    def rows(self, intents: Sequence[Intent]) -> list[Row]:
        """What `insert` adds for these intents; ConfigurationError as `find`."""
        if not any(intent.suppress for intent in intents):
            return []
        key = self._known_key() or self.key_file.ensure()
        return [
            (
                intent.provider,
                intent.account,
                kind,
                _digest(key, intent.provider, kind, spelling),
                key_check(key),
                intent.made_at,
            )
            for intent in intents
            for kind, address in intent.suppress
            for spelling in sorted(kept_spellings(kind, address))
        ]

    def remove(self, provider: str, texts: Iterable[str]) -> None:
        """Take addresses of any kind off the list, once their contact was created with consent."""
        if not (key := self._known_key()):
            return
        digests = [
            _digest(key, provider, kind, spelling)
            for text in texts
            for kind in _KINDS
            for spelling in kept_spellings(kind, text) | sought_spellings(kind, text)
        ]
        rows = [(provider, digest) for digest in digests]

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(_REMOVE, rows)

        self._file.commit(change, durable=False)

    def import_key(self, key: bytes, source: str) -> None:
        """Keep this key; ConfigurationError if the list or the journal has another one."""
        self._check(self._checks(), key, source)
        self.key_file.keep(key)

    def _known_key(self) -> bytes | None:
        """The key of a list that is not empty; None for an empty one."""
        if not (checks := self._checks()):
            return None
        key, path = self.key_file.read(), self.key_file.path
        if key is None:
            message = f"{path}, the key of the suppression list ({', '.join(sorted(checks))}),"
            message = f"{message} is missing"
            raise ConfigurationError(f"{message}; restore it with contactkit.journal.import_key")
        self._check(checks, key, str(path))
        return key

    def _check(self, checks: set[str], key: bytes, source: str) -> None:
        if wrong := checks - {key_check(key)}:
            message = f"{source} has the key {key_check(key)}, but the suppression list of"
            needed = f"{self._file.path} was written under the key {', '.join(sorted(wrong))}"
            raise ConfigurationError(f"{message} {needed}")

    def _checks(self) -> set[str]:
        """The check values of the keys that the list was written under."""
        query = "SELECT DISTINCT key_check FROM suppressed"
        return {row["key_check"] for row in self._file.query(query, version=2)}


def suppressed_problems(
    addresses: Mapping[str, Address], found: Container[Address], *, since: bool = False
) -> list[FieldProblem]:
    """The problems of those of the addresses, by field name, that were found on the list.

    `since` if they were added after opt_in=True was said.
    """
    message, code = (_SUPPRESSED_SINCE, "conflict") if since else (_SUPPRESSED, CODE)
    return [
        FieldProblem(field=name, message=message, code=code)
        for name, address in addresses.items()
        if address in found
    ]


def insert(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Put rows on the list, in a transaction of the journal."""
    connection.executemany(_ADD, rows)


def key_check(key: bytes) -> str:
    """The check value of a key, which does not reveal it."""
    return fingerprint(key, "contactkit suppression list")


def texts_of(*images: Mapping[str, JSON] | None) -> set[str]:
    """The texts among a contact's values, which may be addresses."""
    values = chain.from_iterable(image.values() for image in images if image)
    return {value for value in values if isinstance(value, str)}


def _digest(key: bytes, provider: str, kind: Kind, spelling: str) -> str:
    text = "\n".join((provider, kind, spelling))
    return hmac.digest(key, text.encode("utf-8", "replace"), "sha256")[:16].hex()
