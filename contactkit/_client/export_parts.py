"""Writes the pages of an export into files, so that its state always fits the files.

An interrupt may come between any two steps. What was gathered is one value, with the cursor after
it, and until a state without it is written, a file that is written again has the same name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from contactkit._client.export_folder import ExportFolder
from contactkit._client.export_state import ExportState
from contactkit._frames.arrow import import_pyarrow, schema_of, to_table
from contactkit._frames.decode import read_rows
from contactkit._http.cursor import Cursor
from contactkit.spec.provider import JSON, Provider

if TYPE_CHECKING:
    import pyarrow as pa

# So few rows at once are decoded faster than page by page, and take little memory.
_BLOCK = 2_000


@dataclass(frozen=True, kw_only=True)
class _Gathered:
    """Contacts that are in no file yet: those that are decoded, then the others."""

    tables: tuple[pa.Table, ...] = ()
    raw: tuple[JSON, ...] = ()
    cursor: Callable[[], Cursor | None] | None = None
    problems: Counter[str] = field(default_factory=Counter)
    extras: dict[str, None] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(table.num_rows for table in self.tables) + len(self.raw)

    def with_page(self, rows: Sequence[JSON], cursor: Callable[[], Cursor | None]) -> _Gathered:
        return replace(self, raw=(*self.raw, *rows), cursor=cursor)

    def decoded(self, provider: Provider) -> _Gathered:
        if not self.raw:
            return self
        columns = read_rows(provider.record, self.raw)
        problems = Counter(name or "whole rows" for _, _, name, _, _ in columns.problems)
        return replace(
            self,
            tables=(*self.tables, to_table(provider, [columns])),
            raw=(),
            problems=self.problems + problems,
            extras=self.extras | dict.fromkeys(columns.extras),
        )


class PartWriter:
    """Gathers pages, and writes a file before they have more than `rows_per_file` contacts."""

    def __init__(
        self,
        provider: Provider,
        folder: ExportFolder,
        state: ExportState,
        rows_per_file: int,
        page_size: int,
    ) -> None:
        self.state = state
        self._provider = provider
        self._folder = folder
        self._rows_per_file = rows_per_file
        self._page_size = page_size
        self._gathered = _Gathered()

    def add(self, rows: Sequence[JSON], cursor: Callable[[], Cursor | None]) -> None:
        """Add a page, and what makes the cursor after it."""
        gathered = self._gathered.with_page(rows, cursor)
        self._gathered = (
            gathered if len(gathered.raw) < _BLOCK else gathered.decoded(self._provider)
        )
        if gathered.rows + self._page_size > self._rows_per_file:
            self.write()

    def finish(self) -> None:
        """Write the rest; an export of no contacts has one file, which shows the columns."""
        gathered = self._gathered.decoded(self._provider)
        state = (
            self.state
            if gathered.cursor is None
            else self._with_gathered(gathered, gathered.cursor)
        )
        if not state.files:
            state = self._with_files(state, schema_of(self._provider).empty_table())
        self._save(replace(state, cursor="", complete=True))

    def write(self) -> None:
        """Write all that was gathered, and then the state."""
        gathered = self._gathered.decoded(self._provider)
        if gathered.cursor is not None:
            self._save(self._with_gathered(gathered, gathered.cursor))

    def _save(self, state: ExportState) -> None:
        self._folder.save(state)
        self.state, self._gathered = state, _Gathered()

    def _with_gathered(
        self, gathered: _Gathered, cursor: Callable[[], Cursor | None]
    ) -> ExportState:
        """Write files with what was gathered; the state with them."""
        state = self.state
        if gathered.tables:
            state = self._with_files(state, import_pyarrow().concat_tables(gathered.tables))
        return replace(
            state,
            cursor=str(cursor()),
            problems=dict(gathered.problems + Counter(state.problems)),
            extras=[*dict.fromkeys([*state.extras, *gathered.extras])],
        )

    def _with_files(self, state: ExportState, table: pa.Table) -> ExportState:
        for start in range(0, max(1, table.num_rows), self._rows_per_file):
            part, name = table.slice(start, self._rows_per_file), state.next_file()
            noted = {**(table.schema.metadata or {}), **state.metadata}
            self._folder.add(name, _to_parquet(part.replace_schema_metadata(noted)))
            state = replace(state, files={**state.files, name: part.num_rows})
        return state


def _to_parquet(table: pa.Table) -> pa.Buffer:
    import pyarrow.parquet as parquet

    sink = import_pyarrow().BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()
