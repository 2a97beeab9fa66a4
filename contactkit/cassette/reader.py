"""One walk over the lines of a recording, which files each by what it says of itself.

Lines are taken apart no further than that, so that opening a long recording takes no time.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from contactkit.cassette.format import Entry, broken
from contactkit.errors import CassetteError
from contactkit.spec.provider import JSON, as_object

KIND, VERSION = "contactkit-cassette", 1
_HEAD = re.compile(
    rb'\{"id":"([^"\\]+)","at":(-?[\d.e+-]+),"epoch":(\d+),'
    rb'"ask":\{"method":"([^"\\]*)","url":"([^"\\]*)"(\},)?'
)
_ITEM = re.compile(rb'\{"of":"([^"\\]+)","item":(\d+),')
# As datetime knows it: the year 10000.
_END_OF_TIME = 253_402_300_800
_OWNER = re.compile(rb'\{"pseudonym":"([^"\\]+)","owner":"([^"\\]+)"\}')


class CassetteReader:
    """What a file holds; `ragged` when its end must be mended before more is written to it."""

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
        self._begun: dict[str, int] = {}
        self._owned: list[bytes] = []
        self._ended = 0
        self._number = 0

    def run(self) -> None:
        """Read all of it, and see that nothing is missing."""
        opened = gzip.open if self.path.suffix == ".gz" else open
        try:
            with cast("BinaryIO", opened(self.path, "rb")) as file:
                self._walk(file)
        except EOFError:
            self.dropped = True
        except FileNotFoundError:
            raise CassetteError(f"{self.path}: there is no such recording") from None
        except (OSError, zlib.error) as error:
            raise broken(self.path, self._number + 1, f"cannot be read: {error}") from None
        if not self.header:
            raise broken(self.path, 1, f"is no header of a {KIND}")
        self._settle()

    def _walk(self, file: Iterable[bytes]) -> None:
        for self._number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                self.ragged = True
                if not _is_json(line):
                    self.dropped = True
                    return
            try:
                self._take(line.strip())
            except (ValueError, LookupError, TypeError, RecursionError):
                raise broken(self.path, self._number, "is no line of a recording") from None

    def _take(self, line: bytes) -> None:
        if not line:
            return
        if not line.endswith(b"}"):
            raise broken(self.path, self._number, "does not end as a line of JSON does")
        if head := _HEAD.match(line):
            id, at, epoch, method, url, bare = head.groups()
            named = id.decode(), float(at), int(epoch), method.decode(), url.decode()
            self._file(*named, line, head.end() if bare else 0)
        elif part := _ITEM.match(line):
            self._file_item(part[1].decode(), int(part[2]), line)
        elif owned := _OWNER.fullmatch(line):
            self._file_owner(owned[1].decode(), owned[2].decode(), line)
        else:
            self._take_apart(line)

    def _take_apart(self, line: bytes) -> None:
        """File a header, or a line that other hands have touched."""
        fields = as_object(json.loads(line))
        if "kind" in fields:
            self._begin(fields)
        elif "of" in fields:
            self._file_item(fields["of"], fields["item"], line)
        elif "pseudonym" in fields:
            self._file_owner(fields["pseudonym"], fields["owner"], line)
        else:
            id, at, epoch, ask = (fields[name] for name in ("id", "at", "epoch", "ask"))
            self._file(id, float(at), int(epoch), ask["method"], ask["url"], line)

    def _begin(self, fields: dict[str, JSON]) -> None:
        if fields["kind"] != KIND or fields.get("version") != VERSION:
            raise broken(self.path, self._number, f"is not {KIND}, version {VERSION}")
        if self.header and self.header.get("provider") != fields.get("provider"):
            raise broken(self.path, self._number, "begins another provider's recording")
        self.header = self.header or fields

    def _file(
        self, id: str, at: float, epoch: int, method: str, url: str, line: bytes, bare: int = 0
    ) -> None:
        if not self.header:
            raise broken(self.path, self._number, "comes before the header")
        if not 0 <= at < _END_OF_TIME:
            raise ValueError(at)
        self._ended = self._number
        owned, self._owned = self._owned, []
        other = self.entries.get(id)
        self._times.setdefault(id, []).append(at)
        # Recorded again on both of two branches: the younger of the two counts.
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
        if owned or other:
            self.entries[id].owners = (*(other.owners if other else ()), *owned)

    def _file_owner(self, pseudonym: str, owner: str, line: bytes) -> None:
        # Under two keys two people may share one; the first to come keeps it.
        self.owners.setdefault(pseudonym, owner)
        self._owned.append(line)

    def _file_item(self, of: str, index: int, line: bytes) -> None:
        self._begun.setdefault(of, self._number)
        kept = self._items.setdefault(of, {}).setdefault(index, line)
        if kept != line and self._second.setdefault((of, index), (self._number, line))[1] != line:
            raise self._doubled(self._number, of, index)

    def _doubled(self, number: int, of: str, index: int) -> CassetteError:
        why = f"is another item {index} of exchange {of}: delete the one or the other"
        return broken(self.path, number, why)

    def _choose(self) -> None:
        """Of items that two branches recorded again, take those of the younger.

        A merge by union has one branch before the other, in the items as in the exchange.
        """
        for (of, index), (number, line) in self._second.items():
            first, *others = self._times.get(of, [0.0])
            if len(others) != 1:
                raise self._doubled(number, of, index)
            if others[0] > first:
                self._items[of][index] = line
        for id in [id for id, times in self._times.items() if len(times) > 1 and id in self._items]:
            held = as_object(as_object(json.loads(self.entries[id].line)).get("content"))
            items = sorted(self._items[id].items())
            self._items[id] = dict(items[: held.get("items", 0)])

    def _settle(self) -> None:
        """Give each exchange its items; those at the end that have none were never finished."""
        self._choose()
        for id, items in self._items.items():
            if id in self.entries:
                self.entries[id].items = items
            elif self._begun[id] < self._ended:
                raise broken(self.path, self._begun[id], f"is of exchange {id}, which is not there")
            else:
                self.dropped = True
        self.dropped = self.dropped or bool(self._owned)
        self.ragged = self.ragged or self.dropped


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
