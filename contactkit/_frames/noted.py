"""What Parquet and Feather files say of their contacts: whose they are, when they were read, where.

A time that is not certain is left out, so that old contacts never look new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from contactkit._frames.arrow import PROVIDER_METADATA
from contactkit._frames.moments import read_moment

if TYPE_CHECKING:
    import pyarrow as pa

# As pandas names it, which then has them as the `attrs` of its frame.
ATTRS_METADATA = b"PANDAS_ATTRS"
_TEXTS, _ROWS = ("provider", "world", "part"), "rows"


def attrs_of(metadata: Mapping[bytes, bytes] | None, rows: int) -> dict[str, str]:
    """What a file or a table of so many rows says of its contacts, as `attrs`."""
    noted = metadata or {}
    try:
        attrs = json.loads(noted.get(ATTRS_METADATA, b"{}"))
    except ValueError:
        attrs = {}
    texts = own_attrs(attrs if isinstance(attrs, dict) else {}, rows)
    if provider := noted.get(PROVIDER_METADATA):
        texts["provider"] = provider.decode()
    return texts


def own_attrs(attrs: Mapping[Any, Any], rows: int) -> dict[str, str]:
    """Those of a frame's `attrs` that are about all its rows."""
    texts = {name: text for name in _TEXTS if isinstance(text := attrs.get(name), str)}
    if attrs.get(_ROWS, rows) != rows:
        # Another program has joined files, and kept what the first of them says.
        texts.pop("world", None)
        return texts
    moment = read_moment(attrs.get("at"))
    return texts | ({"at": moment.isoformat()} if moment else {})


def attrs_of_all(attrs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What several files say: the oldest time, if all have one, and the world, if it is one."""
    worlds = {each.get("world", "") for each in attrs}
    times = [read_moment(each.get("at")) for each in attrs]
    known = [time for time in times if time]
    noted = {
        "part": next((part for each in attrs if (part := each.get("part"))), ""),
        "world": worlds.pop() if len(worlds) == 1 else "",
        "at": min(known).isoformat() if known and len(known) == len(times) else "",
    }
    return {name: text for name, text in noted.items() if text}


def note_attrs(table: pa.Table, provider: str, attrs: Mapping[Any, Any]) -> pa.Table:
    """The table with what the `attrs` of its frame say, and how many rows that is about."""
    rows = table.num_rows
    noted = {**own_attrs(attrs, rows), "provider": provider, _ROWS: rows}
    metadata = {**(table.schema.metadata or {}), ATTRS_METADATA: json.dumps(noted).encode()}
    return table.replace_schema_metadata(metadata)
