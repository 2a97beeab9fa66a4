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
from sys import intern
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from contactkit._frames.arrow import import_pyarrow
from contactkit._frames.files import write_private
from contactkit._frames.paths import check_file, has_file, reason_of
from contactkit._plans.change import PROOF, REASON, VERBS, PlannedWrite
from contactkit._plans.labels import decode_labels, encode_labels
from contactkit.errors import ConfigurationError, FieldProblem

if TYPE_CHECKING:
    from contactkit._plans.plan import Plan

Attrs: TypeAlias = dict[str, Any]

FORMAT = 3
"""The format of the files; the first one has no number, no home and no checksum, and the second one
no reasons."""
_KINDS: Mapping[str, Any] = {
    "before": dict | None,
    "changes": dict,
    "options": dict,
    "problems": list,
    "stays": str,
    "because": list,
    "watched": dict,
    "given": list,
}
_SINCE_3 = ("because", "watched", "given")
_COLUMNS = ("operation", "key", *_KINDS)
_OLD_COLUMNS = tuple(name for name in _COLUMNS if name not in _SINCE_3)
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
# So few contacts are text and objects at the same time.
_AT_ONCE = 2_000


class _Invalid(ValueError):
    """What is wrong with a file; the message does not quote it."""


def write(path: str | Path, plan: Plan) -> None:
    """Write one row per contact, and the rest of the plan as the file's attributes."""
    pa = import_pyarrow()
    import pyarrow.parquet as pq

    with _path_errors(path):
        has_file(path := Path(path).expanduser())
    contacts, (levels, encoded) = plan.contacts, encode_labels(plan.index)
    attrs = _attrs(plan) | {"encoded": encoded}
    # pandas writes the caller's labels, and what says how to read them.
    shell = pa.Table.from_pandas(pd.DataFrame("", index=levels, columns=[*_COLUMNS], dtype=object))
    checksum, rows = _Checksum(attrs), pa.BufferOutputStream()
    with pq.ParquetWriter(rows, shell.schema) as writer:
        for start in range(0, len(contacts), _AT_ONCE):
            part = [*map(_row, contacts[start : start + _AT_ONCE])]
            checksum.add(part)
            try:
                writer.write_table(_filled(shell.slice(start, _AT_ONCE), part))
            except UnicodeEncodeError:
                message = "a key has characters that UTF-8 cannot encode; plan without its row"
                raise ConfigurationError(f"{path}: {message}") from None
    # pandas finds the attributes of a frame under this name; they have a hash of all rows.
    known = json.dumps({**attrs, "checksum": checksum.text})
    schema = shell.schema.with_metadata({**shell.schema.metadata, "PANDAS_ATTRS": known})
    content = pa.BufferOutputStream()
    with pq.ParquetFile(rows.getvalue()) as parts, pq.ParquetWriter(content, schema) as writer:
        for number in range(parts.num_row_groups):
            writer.write_table(parts.read_row_group(number).cast(schema))
    write_private(path, content.getvalue())


def _attrs(plan: Plan) -> Attrs:
    return {
        "format": FORMAT,
        "provider": plan.provider.name,
        "digest": plan.digest,
        "created": plan.created.isoformat(),
        "read": str(plan.read or ""),
        "without_original": plan.without_original,
        "unchanged": plan.unchanged,
        "vanished": plan.vanished,
        "opt_in": plan.opt_in,
        "name": plan.name,
        "numbers": [*plan.numbers] if plan.of else [],
        "home": asdict(plan.home) if plan.home else {},
        "index": [*plan.index.names],
    }


def _filled(table: Any, rows: Sequence[Mapping[str, str]]) -> Any:
    """A table of labels with these rows in its columns."""
    import pyarrow as pa

    for place, name in enumerate(_COLUMNS):
        field = table.schema.field(place)
        table = table.set_column(place, field, pa.array([row[name] for row in rows], field.type))
    return table


def read(path: str | Path) -> tuple[tuple[PlannedWrite, ...], pd.Index, Attrs]:
    """The contacts, their index and the file's attributes.

    Raises ConfigurationError if the file is not a plan, is damaged, or was changed.
    """
    with _path_errors(path):
        check_file(path := Path(path).expanduser())
    import_pyarrow()
    import pyarrow.parquet as pq

    with open(path, "rb") as file, _content_errors(path), pq.ParquetFile(file) as parquet:
        metadata = parquet.schema_arrow.metadata or {}
        attrs: Attrs = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
        checked = _checked_attrs(attrs)
        labels = parquet.read(columns=[], use_pandas_metadata=True).to_pandas().index
        stored = json.loads(metadata.get(b"pandas", b"{}")).get("index_columns", [])
        levels = [each for each in stored if isinstance(each, str)]
        columns = _columns_of(attrs)
        if {*parquet.schema_arrow.names} - {*levels} != {*columns}:
            raise _Invalid("is not a plan: it has other columns")
        checksum = _Checksum(attrs)
        contacts = tuple(_read_contacts(parquet, columns, checksum))
        if not _is_first(attrs) and attrs.get("checksum") != checksum.text:
            raise _Invalid("the file was changed after the plan was saved")
        index = decode_labels(labels, attrs.get("encoded", [])).set_names(checked["index"])
        return contacts, index, checked


def _row(contact: PlannedWrite) -> dict[str, str]:
    return {"operation": contact.operation, "key": contact.key} | {
        name: json.dumps(getattr(contact, name), default=asdict) for name in _KINDS
    }


def _read_contacts(
    parquet: Any, names: Sequence[str], checksum: _Checksum
) -> Iterator[PlannedWrite]:
    shared = _Shared()
    for batch in parquet.iter_batches(_AT_ONCE, columns=[*names]):
        columns = batch.to_pydict()
        texts = zip(*(columns[name] for name in names), strict=True)
        rows = [_checked_row(dict(zip(names, row, strict=True))) for row in texts]
        checksum.add(rows)
        yield from (_planned(row, shared) for row in rows)


class _Checksum:
    """A hash of the cells and attributes as the file has them."""

    def __init__(self, attrs: Mapping[Any, Any]) -> None:
        covered = {name: attrs[name] for name in attrs if name not in ("checksum", "index")}
        self._hash = hashlib.sha256(_encode(covered).encode())

    def add(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Add more rows."""
        for row in rows:
            self._hash.update(f"\n{_encode(row)}".encode())

    @property
    def text(self) -> str:
        """The hash of all that was added."""
        return self._hash.hexdigest()


def _checked_attrs(attrs: Mapping[Any, Any]) -> Attrs:
    if attrs.get("format", FORMAT) not in (2, FORMAT):
        raise _Invalid(
            f"is not a plan: a later contactkit saved it; this one reads up to format {FORMAT}"
        )
    found = (_FIRST if _is_first(attrs) else {}) | dict(attrs)
    for name, kind in _ATTRS.items():
        if type(found.get(name)) is not kind:
            raise _Invalid(f"is not a plan: its {name} is missing or of another type")
    return {name: found[name] for name in _ATTRS}


def _columns_of(attrs: Mapping[Any, Any]) -> Sequence[str]:
    """The columns of a file of this format."""
    return _COLUMNS if attrs.get("format") == FORMAT else _OLD_COLUMNS


def _is_first(attrs: Mapping[Any, Any]) -> bool:
    """Whether the file has the first format."""
    return attrs.keys().isdisjoint(["format", "checksum", *_FIRST])


def _checked_row(row: Mapping[Any, Any]) -> dict[str, str]:
    for name, cell in row.items():
        if type(cell) is not str:
            raise _Invalid(f"is not a plan: its column {name} is not text")
    if row["operation"] not in VERBS:
        raise _Invalid(f"is not a plan: an operation is none of {', '.join(VERBS)}")
    return dict(row)


def _planned(row: Mapping[str, str], shared: _Shared) -> PlannedWrite:
    parts = {name: json.loads(row[name], object_hook=shared) for name in _KINDS if name in row}
    for name, part in parts.items():
        if not isinstance(part, _KINDS[name]):
            raise _Invalid(f"is not a plan: a cell of its column {name} is of another type")
    problems = tuple(map(_problem, parts.pop("problems")))
    for name, names in (("because", REASON), ("given", PROOF)):
        parts[name] = tuple(parts.get(name, ()))
        if not all(isinstance(each, dict) and each.keys() == {*names} for each in parts[name]):
            raise _Invalid(f"is not a plan: a cell of its column {name} is of another type")
    return PlannedWrite(operation=row["operation"], key=row["key"], problems=problems, **parts)


class _Shared:
    """Makes mappings share their names, and texts that many of them have, to use less memory."""

    _MOST = 10_000

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def __call__(self, values: dict[str, Any]) -> dict[str, Any]:
        """The same mapping."""
        return {intern(name): self._text(value) for name, value in values.items()}

    def _text(self, value: Any) -> Any:
        if type(value) is not str:
            return value
        if len(self._texts) < self._MOST:
            return self._texts.setdefault(value, value)
        return self._texts.get(value, value)


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
