"""The contacts of a plan as a Parquet file, which needs the extra `parquet`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit._frames.files import write_private
from contactkit._plans.change import PlannedWrite
from contactkit.errors import ConfigurationError, FieldProblem

_PARTS = ("before", "changes", "options", "problems", "stays")
_ATTRS = {
    "provider": str,
    "digest": str,
    "created": str,
    "read": str,
    "unchanged": int,
    "vanished": int,
    "name": str,
    "numbers": list,
}


def write(
    path: str | Path, contacts: Sequence[PlannedWrite], index: pd.Index, attrs: Mapping[str, Any]
) -> None:
    """Write one row per contact, and the plan's `attrs` as the file's attributes."""
    rows = [
        {"operation": contact.operation, "key": contact.key}
        | {name: json.dumps(getattr(contact, name), default=asdict) for name in _PARTS}
        for contact in contacts
    ]
    # A level of the caller's index may have the name of a column.
    levels = index.set_names([f"index {level}" for level in range(index.nlevels)])
    frame = pd.DataFrame(rows, columns=["operation", "key", *_PARTS], index=levels)
    frame.attrs = {**attrs, "index": list(index.names)}
    write_private(path, frame.to_parquet())


def read(path: str | Path) -> tuple[tuple[PlannedWrite, ...], pd.Index, dict[str, Any]]:
    """The contacts, their index and the file's attributes; ConfigurationError for another file."""
    try:
        frame = pd.read_parquet(path)
        attrs = {name: kind(frame.attrs[name]) for name, kind in _ATTRS.items()}
        contacts = tuple(map(_planned, frame.to_dict("records")))
        return contacts, frame.index.set_names(frame.attrs["index"]), attrs
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ConfigurationError(f"{path}: is not a plan: {type(error).__name__}") from error


def _planned(row: Mapping[Any, Any]) -> PlannedWrite:
    parts = {name: json.loads(row[name]) for name in _PARTS}
    problems = tuple(FieldProblem(**problem) for problem in parts.pop("problems"))
    return PlannedWrite(operation=row["operation"], key=row["key"], problems=problems, **parts)
