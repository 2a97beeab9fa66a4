"""What is noted of an export: beside its files until it is complete, so that it goes on after any
end, and in each file, so that a later export knows what it replaces.

It is counts, names of files, digests and a cursor, but no value of a contact or of a filter.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from contactkit._frames.arrow import import_pyarrow, schema_of
from contactkit._frames.noted import ATTRS_METADATA
from contactkit._http.cursor import Listing
from contactkit.spec.provider import Provider

METADATA = b"contactkit.export"
_FORMAT = 1
_NAME = re.compile(r"part-\d{5,}-([0-9a-f]{8})\.parquet")


@dataclass(frozen=True, kw_only=True)
class ExportState:
    """The files of an export, with their numbers of contacts, and the cursor after them.

    `id` is in the name of each file. `part` says that a filter leaves contacts out. `problems` are
    the numbers of bad cells by field, `extras` the fields that are not declared.
    """

    listing: Listing
    schema: str
    id: str
    started: str
    world: str = ""
    part: str = ""
    cursor: str = ""
    files: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)
    extras: list[str] = field(default_factory=list)
    complete: bool = False
    format: int = _FORMAT

    @property
    def rows(self) -> int:
        """The number of contacts in the files."""
        return sum(self.files.values())

    def next_file(self) -> str:
        """The name of the next file.

        No other export has files of this name, so a program that has listed the files of one never
        reads those of another.
        """
        return f"part-{len(self.files):05}-{self.id}.parquet"

    def to_json(self) -> bytes:
        """The state as the content of its file."""
        return json.dumps(asdict(self), indent=1).encode()

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """What each Parquet file notes: its listing, so that a folder has no files but those.

        pandas reads the provider, the world and when the export began as a frame's `attrs`.
        """
        listing = {"id": self.id, **asdict(self.listing)}
        attrs = {
            "provider": self.listing.provider,
            "world": self.world,
            "at": self.started,
            "part": self.part,
        }
        return {
            METADATA: json.dumps(listing).encode(),
            ATTRS_METADATA: json.dumps({n: v for n, v in attrs.items() if v}).encode(),
        }


def is_part(name: str) -> bool:
    """Whether an export may have a file of this name."""
    return bool(_NAME.fullmatch(name))


def listing_of(files: Iterable[Path]) -> Listing | None:
    """The listing of which these files are a complete export; None if they are anything else."""
    files = sorted(files)
    ids = {match[1] if (match := _NAME.fullmatch(file.name)) else "" for file in files}
    if len(ids) != 1 or ids == {""}:
        return None
    try:
        noted = json.loads((read_metadata(files[0]) or {})[METADATA])
        return Listing(**noted) if {noted.pop("id")} == ids else None
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        return None


def read_metadata(file: Path) -> Mapping[bytes, bytes] | None:
    """What a Parquet file notes; ValueError if it is none."""
    import_pyarrow()
    import pyarrow.parquet as parquet

    return parquet.read_metadata(file).metadata


def parse_state(content: bytes) -> ExportState | None:
    """The state of a file; None for anything else, or one of a later contactkit."""
    try:
        state = _adapter().validate_json(content, strict=True)
    except ValueError:
        return None
    return state if state.format == _FORMAT else None


@cache
def _adapter() -> TypeAdapter[ExportState]:
    return TypeAdapter(ExportState)


def schema_digest(provider: Provider) -> str:
    """A digest of the columns and their types."""
    columns = [f"{column.name}: {column.type}" for column in schema_of(provider)]
    return hashlib.sha256("\n".join(columns).encode()).hexdigest()[:16]
