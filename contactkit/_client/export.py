"""`contacts.export`: a listing in Parquet files, in constant memory, that goes on after any end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from contactkit._client.export_folder import ExportFolder
from contactkit._client.export_parts import PartWriter
from contactkit._client.export_state import ExportState, schema_digest
from contactkit._frames.arrow import import_pyarrow
from contactkit._http.background import ParallelFlow
from contactkit._http.cursor import Cursor, Listing, parse_cursor
from contactkit._http.pagination import Pages
from contactkit._http.seen import KeyDigest
from contactkit._http.session import Session
from contactkit._plans.listing import (
    MOST_AHEAD,
    check_filters,
    filter_attrs,
    progress_bar,
    warn_of_gap,
)
from contactkit._plans.tables import as_html, as_text
from contactkit.errors import ConfigurationError, InvalidInputError, warn
from contactkit.spec.paging import Query
from contactkit.spec.record import key_of
from contactkit.spec.validate import to_python

ROWS_PER_FILE = 50_000


@dataclass(frozen=True, kw_only=True)
class Export:
    """A complete export: `rows` contacts in the Parquet `files` of a `folder`.

    `resumed` is the number of contacts that earlier calls had saved, and `problems` the number of
    cells that were not as documented and became null.
    """

    provider: str
    folder: Path
    rows: int
    files: tuple[Path, ...]
    resumed: int
    problems: int

    def _facts(self) -> dict[str, str]:
        facts = {
            "folder": str(self.folder),
            "contacts": f"{self.rows:,}",
            "files": f"{len(self.files):,}",
        }
        facts |= {"resumed after": f"{self.resumed:,} contacts"} if self.resumed else {}
        return facts | ({"cells with problems": f"{self.problems:,}"} if self.problems else {})

    def __repr__(self) -> str:
        return as_text(f"contactkit export of {self.provider}", self._facts())

    def _repr_html_(self) -> str:
        return as_html(f"contactkit export of {self.provider}", self._facts())


def export_listing(
    session: Session,
    folder: str | Path,
    filters: Mapping[str, Any],
    *,
    resume: bool,
    rows_per_file: int,
) -> ParallelFlow[Export]:
    """Check the arguments, and return the flow that reads a listing into a folder."""
    where = f"{session.provider.name} export"
    if type(resume := to_python(resume)) is not bool:
        raise InvalidInputError.one(where, "resume", "must be True or False")
    rows_per_file = to_python(rows_per_file)
    if type(rows_per_file) is not int or rows_per_file < 1:
        raise InvalidInputError.one(where, "rows_per_file", "must be a whole number above 0")
    query = check_filters(session, filters)
    paging = session.provider.paging
    if paging.names_people(paging.first_query(query, paging.largest)):
        message = (
            "an export notes its place in a file, and in this order the place has a personal "
            "value: sort by other fields"
        )
        raise InvalidInputError.one(where, "", message)
    target = ExportFolder(folder, where)
    target.check()
    job = _ExportJob(session, target, query)
    return job.run(resume=resume, rows_per_file=rows_per_file)


class _ExportJob:
    """One call of `export`."""

    def __init__(self, session: Session, folder: ExportFolder, query: Query) -> None:
        self._session = session
        self._folder = folder
        self._query = query
        self._size = session.provider.paging.largest
        self._listing = Listing.of(session, query, self._size)
        self._schema = schema_digest(session.provider)

    def run(self, *, resume: bool, rows_per_file: int) -> ParallelFlow[Export]:
        """Go on with an unfinished export, or make a new one, and let it replace the last one."""
        with self._folder.locked():
            state = self._start(resume)
            resumed = state.rows
            if not state.complete:
                state = yield from self._read(state, rows_per_file)
            self._folder.replace(state)
        return Export(
            provider=self._session.provider.title,
            folder=self._folder.path,
            rows=state.rows,
            files=tuple(self._folder.path / name for name in state.files),
            resumed=resumed,
            problems=sum(state.problems.values()),
        )

    def _start(self, resume: bool) -> ExportState:
        """The state to go on from; InvalidInputError if it is another listing's."""
        state, complete = None, self._folder.check()
        if resume:
            state = self._folder.unfinished()
            if state and (difference := self._difference(state)):
                if not state.rows:
                    # It began with a wrong key, say.
                    state = None
                else:
                    self._refuse(
                        f"its unfinished export is of {difference}; resume=False starts again"
                    )
            # The page size does not matter once all pages are read.
            last = complete and replace(complete, size=self._size)
            if last and (difference := last.difference(self._listing)):
                self._refuse(f"holds an export of {difference}; resume=False replaces it")
        if state is None:
            state = self._new_state()
            self._folder.start(state)
        return state

    def _difference(self, state: ExportState) -> str:
        other = "" if state.schema == self._schema else "another schema"
        return state.listing.difference(self._listing) or other

    def _new_state(self) -> ExportState:
        time = datetime.fromtimestamp(self._session.clock.now(), UTC)
        return ExportState(
            listing=self._listing,
            schema=self._schema,
            id=uuid.uuid4().hex[:8],
            started=time.isoformat(timespec="seconds"),
            world=self._session.world.name,
            part=str(filter_attrs(self._session, self._query).get("part", "")),
        )

    def _read(self, state: ExportState, rows_per_file: int) -> ParallelFlow[ExportState]:
        """Read the rest of the listing; whatever ends it early, what was read is saved."""
        provider, pages = self._session.provider, self._pages(state)
        parts = PartWriter(provider, self._folder, state, rows_per_file, self._size)
        with closing(pages), progress_bar(provider, state.rows) as bar:
            try:
                while (page := (yield from pages.next())) is not None:
                    parts.add(page.rows, pages.mark())
                    bar.total = page.total
                    bar.update(len(page.rows))
                parts.finish()
            except BaseException as error:
                # The disk may be full.
                with suppress(ConfigurationError):
                    parts.write()
                _add_note(error, parts.state.rows)
                raise
        warn_of_gap(pages)
        _warn_of_cells(parts.state)
        return parts.state

    def _pages(self, state: ExportState) -> Pages:
        session, after = self._session, self._cursor(state)
        known = None if after is None else self._known(state)
        endpoint = session.provider.endpoint("list")
        options: dict[str, Any] = {"ahead": MOST_AHEAD, "after": after, "known": known}
        return Pages(session, endpoint, self._query, self._size, **options)

    def _cursor(self, state: ExportState) -> Cursor | None:
        if not state.cursor:
            return None
        try:
            cursor = parse_cursor(state.cursor)
            if cursor.read != state.rows:
                raise ValueError
        except ValueError:
            self._refuse("its unfinished export is damaged; resume=False starts again")
        return cursor

    def _known(self, state: ExportState) -> Iterator[bytes] | None:
        """The digests of all keys in the files, if the listing may have to start again."""
        provider = self._session.provider
        return self._digests(state) if provider.paging.can_restart else None

    def _digests(self, state: ExportState) -> Iterator[bytes]:
        import_pyarrow()
        import pyarrow.parquet as parquet

        digest = KeyDigest(self._session.digest_key)
        name = key_of(self._session.provider.record).name
        for file in self._folder.files(state):
            keys = parquet.ParquetFile(file).read([name])[name].to_pylist()
            yield from (digest.of(key) for key in keys if key is not None)

    def _refuse(self, message: str) -> NoReturn:
        raise self._folder.refusal(message)


def _add_note(error: BaseException, rows: int) -> None:
    contacts = "1 contact is" if rows == 1 else f"{rows:,} contacts are"
    error.add_note(f"{contacts} saved; the same export goes on after them")


def _warn_of_cells(state: ExportState) -> None:
    """Warn of what is not as declared, as `list` does."""
    if state.extras:
        warn(f"new fields, kept in the column extras: {', '.join(state.extras)}")
    if state.problems:
        count, names = sum(state.problems.values()), ", ".join(sorted(state.problems))
        are = "cells are" if count > 1 else "cell is"
        warn(f"{count:,} {are} not as documented and became null ({names})")
