"""Parquet and Feather files and folders of them, whose columns are loaded one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from contactkit._frames.arrow import import_pyarrow
from contactkit._frames.arrow_columns import ArrowColumn
from contactkit._frames.noted import attrs_of
from contactkit.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET, FEATHER = (".parquet", ".pq"), (".feather",)
# pandas writes the labels of rows so; they are no field.
LABELS = "__index_level_"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def is_arrow(path: Path) -> bool:
    """Whether a file of this name is Parquet or Feather."""
    return path.suffix.lower() in (*PARQUET, *FEATHER)


def open_arrow(path: Path) -> tuple[dict[str, ArrowColumn], int, dict[str, str]]:
    """A file's columns by name, not loaded yet, its number of rows, and what it says of them."""
    return _open_parquet(path) if path.suffix.lower() in PARQUET else _open_feather(path)


def _open_parquet(path: Path) -> tuple[dict[str, ArrowColumn], int, dict[str, str]]:
    import_pyarrow()
    from pyarrow import parquet

    file: Any = parquet.ParquetFile(path)
    rows = file.metadata.num_rows

    def load(name: str) -> Callable[[], pa.ChunkedArray]:
        return lambda: file.read(columns=[name], use_threads=False).column(name)

    columns = {n: ArrowColumn(load(n), rows) for n in _names(path, file.schema_arrow)}
    return columns, rows, attrs_of(file.schema_arrow.metadata, rows)


def _open_feather(path: Path) -> tuple[dict[str, ArrowColumn], int, dict[str, str]]:
    import_pyarrow()
    from pyarrow import feather

    table: Any = feather.read_table(path)

    def load(name: str) -> Callable[[], pa.ChunkedArray]:
        return lambda: table.column(name)

    columns = {n: ArrowColumn(load(n), len(table)) for n in _names(path, table.schema)}
    return columns, len(table), attrs_of(table.schema.metadata, len(table))


def _names(path: Path, schema: pa.Schema) -> list[str]:
    names = [name for name in schema.names if not name.startswith(LABELS)]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise ConfigurationError(f"{path}: two columns have the name {name}")
    return names


def files_in(folder: Path) -> list[Path]:
    """The Parquet and Feather files in a folder and its folders, in order of their names.

    What begins with "_" or "." is left out, as elsewhere; ConfigurationError if there is none.
    """
    files = sorted(path for path in _walk(folder) if is_arrow(path))
    if not files:
        raise ConfigurationError(f"{folder}: is a folder without Parquet or Feather files")
    return files


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if not path.name.startswith(("_", ".")):
            yield from _walk(path) if path.is_dir() else (path,)


def partitions_of(folder: Path, file: Path) -> dict[str, str | None]:
    """The columns that a file's folders give it: `state=OH` is such a folder's name."""
    parts = (part.partition("=") for part in file.relative_to(folder).parent.parts)
    named = {unquote(name): unquote(value) for name, equals, value in parts if equals}
    return {name: None if value == _NO_VALUE else value for name, value in named.items()}
