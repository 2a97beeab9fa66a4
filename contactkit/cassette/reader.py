"""Reads the lines of a cassette in one pass, and sorts them by what they contain.

Lines are parsed no further than that, so that a long cassette opens quickly.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from contactkit._frames.paths import has_file, reason_of
from contactkit.cassette.exchange import is_time
from contactkit.cassette.format import INVALID, Entry, broken
from contactkit.errors import CassetteError
from contactkit.spec.provider import JSON, as_object

KIND, VERSION = "contactkit-cassette", 1
_HEADER_TEXTS = ("provider", "world", "created", "key", "note")
_HEAD = re.compile(
    rb'\{"id":"([^"\\]+)","at":(-?[\d.e+-]+),"epoch":(\d+),'
    rb'"ask":\{"method":"([^"\\]*)","url":"([^"\\]*)"(\},)?'
)
_ITEM = re.compile(rb'\{"of":"([^"\\]+)","item":(\d+),')
_OWNER = re.compile(rb'\{"pseudonym":"([^"\\]+)","owner":"([^"\\]+)"\}')


# A small compressed file could expand to more than the memory holds. Recordings expand to about
# twenty times their size, and their lines are longer than this.
MOST_UNPACKED, _MOST_TIMES, _SHORT_LINE = 64 * 2**20, 100, 64


def is_recorded(path: Path) -> bool:
    """Whether there is a file at a path; CassetteError if no recording can be there."""
    try:
        return has_file(path)
    except OSError as error:
        raise CassetteError(f"{path}: {reason_of(error)}") from None


def check_place(path: Path) -> None:
    """Raise CassetteError unless there is a file at a path."""
    if not is_recorded(path):
        raise CassetteError(f"{path}: there is no such file")


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file; EOFError where a compressed file ends early.

    CassetteError if there is no such file, or if a compressed one expands too far.
    """
    check_place(path)
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            yield from _unpacked_lines(path, packed)
    else:
        with path.open("rb") as file:
            yield from file


def _unpacked_lines(path: Path, packed: gzip.GzipFile) -> Iterator[bytes]:
    most = MOST_UNPACKED + _MOST_TIMES * path.stat().st_size
    left = most
    while line := packed.readline(left + 1):
        left -= max(len(line), _SHORT_LINE)
        if left < 0:
            raise CassetteError(
                f"{path}: expands to more than {most:,} bytes, or has very many short lines; if "
                "you trust it, decompress it yourself, and use the .jsonl file"
            )
        yield line


class CassetteReader:
    """The header, entries and owners of a file.

    `dropped` means that its end is incomplete, `ragged` that it must be rewritten before anything
    is appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: dict[str, JSON] = {}
        self.entries: dict[str, Entry] = {}
        self.owners: dict[str, str] = {}
        self.ragged = False
        self.dropped = False
        self._items: dict[str, dict[int, bytes]] = {}
        self._second: dict[tuple[str, int], tuple[int, bytes]] = {}
        self._times: dict[str, list[float]] = {}
        self._first_items: dict[str, int] = {}
        self._owner_lines: list[bytes] = []
        self._last_entry = 0
        self._number = 0

    def read(self) -> None:
        """Read the whole file, and check that nothing is missing."""
        try:
            self._walk(read_lines(self.path))
        except EOFError:
            self.dropped = True
        except (OSError, zlib.error) as error:
            why = f"cannot be read: {reason_of(error)}"
            raise broken(self.path, self._number + 1, why) from None
        if not self.header:
            raise broken(self.path, 1, f"is not the header of a {KIND}")
        self._complete()

    def _walk(self, file: Iterable[bytes]) -> None:
        for self._number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                self.ragged = True
                if not _is_json(line):
                    self.dropped = True
                    return
            try:
                self._take(line.strip())
            except INVALID:
                raise broken(self.path, self._number, "is not a line of a cassette") from None

    def _take(self, line: bytes) -> None:
        if not line:
            return
        if not line.endswith(b"}"):
            raise broken(self.path, self._number, "is not a complete line of JSON")
        if head := _HEAD.match(line):
            id, at, epoch, method, url, bare = head.groups()
            fields = id.decode(), float(at), int(epoch), method.decode(), url.decode()
            self._add_entry(*fields, line, head.end() if bare else 0)
        elif item := _ITEM.match(line):
            self._add_item(item[1].decode(), int(item[2]), line)
        elif owner := _OWNER.fullmatch(line):
            self._add_owner(owner[1].decode(), owner[2].decode(), line)
        else:
            self._parse(line)

    def _parse(self, line: bytes) -> None:
        """Add a header, or a line that another tool has reformatted."""
        fields = as_object(json.loads(line))
        if "kind" in fields:
            self._add_header(fields)
        elif "of" in fields:
            self._add_item(_text(fields["of"]), int(fields["item"]), line)
        elif "pseudonym" in fields:
            self._add_owner(_text(fields["pseudonym"]), _text(fields["owner"]), line)
        else:
            request = as_object(fields["ask"])
            id, method, url = map(_text, (fields["id"], request["method"], request["url"]))
            self._add_entry(id, float(fields["at"]), int(fields["epoch"]), method, url, line)

    def _add_header(self, fields: dict[str, JSON]) -> None:
        if fields["kind"] != KIND or fields.get("version") != VERSION:
            raise broken(self.path, self._number, f"is not {KIND}, version {VERSION}")
        if self.header and self.header.get("provider") != fields.get("provider"):
            raise broken(self.path, self._number, "is the header of another provider")
        for name, value in ({"provider": None} | fields).items():
            if name in _HEADER_TEXTS and not isinstance(value, str):
                raise broken(self.path, self._number, f"its {name} is not text")
        self.header = self.header or fields

    def _add_entry(
        self, id: str, at: float, epoch: int, method: str, url: str, line: bytes, bare: int = 0
    ) -> None:
        if not self.header:
            raise broken(self.path, self._number, "comes before the header")
        if not is_time(at):
            raise ValueError(at)
        self._last_entry = self._number
        owners, self._owner_lines = self._owner_lines, []
        other = self.entries.get(id)
        self._times.setdefault(id, []).append(at)
        # Two branches may have recorded it again: the newer one counts.
        if other is None or other.at < at:
            self.entries[id] = Entry(
                path=self.path,
                number=self._number,
                id=id,
                at=at,
                epoch=epoch,
                method=method,
                url=url,
                line=line,
                bare=bare,
            )
        if owners or other:
            self.entries[id].owners = (*(other.owners if other else ()), *owners)

    def _add_owner(self, pseudonym: str, owner: str, line: bytes) -> None:
        # With two keys, two people may have the same pseudonym; the first in the file keeps it.
        self.owners.setdefault(pseudonym, owner)
        self._owner_lines.append(line)

    def _add_item(self, of: str, index: int, line: bytes) -> None:
        self._first_items.setdefault(of, self._number)
        first = self._items.setdefault(of, {}).setdefault(index, line)
        if first != line and self._second.setdefault((of, index), (self._number, line))[1] != line:
            raise self._duplicate(self._number, of, index)

    def _duplicate(self, number: int, of: str, index: int) -> CassetteError:
        why = f"is another item {index} of exchange {of}: delete one of the two"
        return broken(self.path, number, why)

    def _choose_items(self) -> None:
        """Take the items of the newer of two branches that both recorded them again.

        A union merge puts one branch before the other, for items as for exchanges.
        """
        for (of, index), (number, line) in self._second.items():
            first, *others = self._times.get(of, [0.0])
            if len(others) != 1:
                raise self._duplicate(number, of, index)
            if others[0] > first:
                self._items[of][index] = line
        for id in [id for id, times in self._times.items() if len(times) > 1 and id in self._items]:
            self._items[id] = dict(sorted(self._items[id].items())[: self._count_items(id)])

    def _count_items(self, id: str) -> int:
        """How many items the chosen exchange has."""
        entry = self.entries[id]
        try:
            content = as_object(as_object(json.loads(entry.line)).get("content"))
            return int(content.get("items", 0))
        except INVALID:
            raise broken(self.path, entry.number, "is not a complete line of JSON") from None

    def _complete(self) -> None:
        """Give each exchange its items; items at the end without an exchange are incomplete."""
        self._choose_items()
        for id, items in self._items.items():
            if id in self.entries:
                self.entries[id].items = items
            elif self._first_items[id] < self._last_entry:
                raise broken(
                    self.path, self._first_items[id], f"belongs to exchange {id}, which is missing"
                )
            else:
                self.dropped = True
        self.dropped = self.dropped or bool(self._owner_lines)
        self.ragged = self.ragged or self.dropped


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except INVALID:
        return False
    return True


def _text(value: JSON) -> str:
    """Text of a line; ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("is not text")
    return value
