"""The contacts of a plan as a Parquet file, which needs the extra `parquet`.

A checksum covers all that is sent or restored. It shows damage and edits; it is no signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from contactkit._frames.files import write_private
from contactkit._frames.paths import check_file, has_file, reason_of
from contactkit._plans.change import VERBS, PlannedWrite
from contactkit.errors import ConfigurationError, FieldProblem

Attrs: TypeAlias = dict[str, Any]

FORMAT = 2
"""The format of the files; the first one has no number, no home and no checksum."""
_PARTS = ("before", "changes", "options", "problems", "stays")
_COLUMNS = ("operation", "key", *_PARTS)
_KINDS = {"before": dict | None, "changes": dict, "options": dict, "problems": list, "stays": str}
_ATTRS = {
    "provider": str,
    "digest": str,
    "created": str,
    "read": str,
    "unchanged": int,
    "vanished": int,
    "name": str,
    "numbers": list,
    "without_original": bool,
    "home": dict,
    "opt_in": bool,
    "index": list,
}
# What a file of the first format lacks.
_FIRST: Attrs = {"home": {}, "without_original": False, "opt_in": False}
_encode = json.JSONEncoder(sort_keys=True).encode


class _Invalid(ValueError):
    """What is wrong with a file; the message does not quote it."""


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
    frame = pd.DataFrame(rows, columns=[*_COLUMNS], index=levels)
    frame.attrs = {**attrs, "format": FORMAT, "index": [*index.names]}
    frame.attrs["checksum"] = _checksum(frame.attrs, rows)
    with _path_errors(path):
        has_file(path := Path(path).expanduser())
    write_private(path, frame.to_parquet())


def read(path: str | Path) -> tuple[tuple[PlannedWrite, ...], pd.Index, Attrs]:
    """The contacts, their index and the file's attributes.

    Raises ConfigurationError if the file is not a plan, is damaged, or was changed.
    """
    with _path_errors(path):
        check_file(path := Path(path).expanduser())
    with open(path, "rb") as file, _content_errors(path):
        frame = pd.read_parquet(file)
        attrs = _checked_attrs(frame.attrs)
        if {*frame.columns} != {*_COLUMNS}:
            raise _Invalid("is not a plan: it has other columns")
        rows = [_checked_row(row) for row in frame.to_dict("records")]
        if not _is_first(frame.attrs):
            _check_sum(frame.attrs, rows)
        index = frame.index.set_names(attrs["index"])
        return tuple(map(_planned, rows)), index, attrs


def _checksum(attrs: Mapping[Any, Any], rows: Iterable[Mapping[str, str]]) -> str:
    """A hash of the cells and attributes as the file has them."""
    covered = {name: attrs[name] for name in attrs if name not in ("checksum", "index")}
    lines = [_encode(covered), *map(_encode, rows)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _check_sum(attrs: Mapping[Any, Any], rows: Iterable[Mapping[str, str]]) -> None:
    if attrs.get("checksum") != _checksum(attrs, rows):
        raise _Invalid("the file was changed after the plan was saved")


def _checked_attrs(attrs: Mapping[Any, Any]) -> Attrs:
    if attrs.get("format", FORMAT) != FORMAT:
        raise _Invalid(
            f"is not a plan: a later contactkit saved it; this one reads format {FORMAT}"
        )
    found = (_FIRST if _is_first(attrs) else {}) | dict(attrs)
    for name, kind in _ATTRS.items():
        if type(found.get(name)) is not kind:
            raise _Invalid(f"is not a plan: its {name} is missing or of another type")
    return {name: found[name] for name in _ATTRS}


def _is_first(attrs: Mapping[Any, Any]) -> bool:
    """Whether the file has the first format."""
    return attrs.keys().isdisjoint(["format", "checksum", *_FIRST])


def _checked_row(row: Mapping[Any, Any]) -> dict[str, str]:
    for name in _COLUMNS:
        if type(row[name]) is not str:
            raise _Invalid(f"is not a plan: its column {name} is not text")
    if row["operation"] not in VERBS:
        raise _Invalid(f"is not a plan: an operation is none of {', '.join(VERBS)}")
    return {name: row[name] for name in _COLUMNS}


def _planned(row: Mapping[str, str]) -> PlannedWrite:
    parts = {name: json.loads(row[name]) for name in _PARTS}
    for name, kind in _KINDS.items():
        if not isinstance(parts[name], kind):
            raise _Invalid(f"is not a plan: a cell of its column {name} is of another type")
    problems = tuple(map(_problem, parts.pop("problems")))
    return PlannedWrite(operation=row["operation"], key=row["key"], problems=problems, **parts)


def _problem(values: Any) -> FieldProblem:
    problem = FieldProblem(**values)
    if any(type(value) is not str for value in asdict(problem).values()):
        raise _Invalid("is not a plan: a problem is not text")
    return problem


@contextmanager
def _path_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except OSError as error:
        raise ConfigurationError(f"{path}: {reason_of(error)}") from None


@contextmanager
def _content_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise
    except _Invalid as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except Exception as error:
        # pyarrow and pandas raise almost any error for a damaged file.
        raise ConfigurationError(f"{path}: is not a plan: {type(error).__name__}") from error
