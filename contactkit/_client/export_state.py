"""What a file beside exported files says of them, so that an export goes on after any end.

It has counts, names of files, digests and a cursor, but no value of a contact or of a filter.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cache

from pydantic import TypeAdapter

from contactkit._frames.arrow import schema_of
from contactkit._http.cursor import Listing
from contactkit.spec.provider import Provider

STATE = "_export.json"
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class ExportState:
    """The files of an export, with their numbers of contacts, and the cursor after them.

    `id` is in the name of each file. `problems` are the numbers of bad cells by field, `extras` the
    fields that are not declared.
    """

    listing: Listing
    schema: str
    id: str
    started: str
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

        No other export has files of this name, so that whoever has listed the files of one never
        reads those of another.
        """
        return f"part-{len(self.files):05}-{self.id}.parquet"

    def to_json(self) -> bytes:
        """The state as the content of its file."""
        return json.dumps(asdict(self), indent=1).encode()


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
