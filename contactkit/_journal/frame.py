"""`contactkit.journal`: the journal as a DataFrame."""

# pyright: standard

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias

import pandas as pd

from contactkit._frames.arrow import import_pyarrow
from contactkit._frames.frame import RESULT_COLUMNS, STRING, TIME, declared_frame
from contactkit._frames.key_file import KeyFile
from contactkit._frames.paths import has_file
from contactkit._journal.store import Journal, own_path
from contactkit.errors import ConfigurationError, InvalidInputError
from contactkit.spec import phones
from contactkit.spec.outcome import Outcome

_RESULT_NAMES = "http_status code message field attempts request_id idempotency_key".split()
JOURNAL_COLUMNS: dict[str, Any] = {
    "id": pd.Int64Dtype(),
    "made_at": TIME,
    "at": TIME,
    "provider": STRING,
    "account": STRING,
    "base_url": STRING,
    "plan": STRING,
    "row": pd.Int64Dtype(),
    "key": STRING,
    "operation": RESULT_COLUMNS["operation"],
    "outcome": RESULT_COLUMNS["outcome"],
    "opt_in": pd.BooleanDtype(),
    "changes": RESULT_COLUMNS["after"],
    "before": RESULT_COLUMNS["before"],
    "after": RESULT_COLUMNS["after"],
    "because": object,
    **{name: RESULT_COLUMNS[name] for name in _RESULT_NAMES},
    "request": STRING,
    "process": pd.Int64Dtype(),
}
Since: TypeAlias = datetime | timedelta | str | None
_IMAGES = ("changes", "before", "after", "because")
_PLAN = re.compile("[0-9a-f]{8,64}")
_ACCOUNT = re.compile("[0-9a-f]{8}")


class JournalView:
    """The journal of all writes of this user, as `contactkit.journal()`."""

    def __call__(
        self,
        path: str | Path | None = None,
        *,
        since: Since = None,
        plan: object = None,
        account: str | None = None,
    ) -> pd.DataFrame:
        """Read the user's journal, or the one at `path`: one row per contact, newest last.

        `since` is a time with its offset, as a datetime or ISO text, or a timedelta before now; it
        is compared with `made_at`. `plan` is a plan, or its digest, which may be shortened to eight
        or more digits. `account` is a digest as in the column `account`.

        The outcome of a write that was interrupted or is in flight is `unknown`, and its `at` is
        empty. `because` is a list of the noes that a planned no is carried from, or of the proofs
        of consent that undid it. `account` and `request` are short digests that identify them.
        Raises JournalError,
        and InvalidInputError for another `since`, `plan` or `account`.
        """
        wanted = check_filters(since, plan, account)
        with closing(Journal(path)) as journal:
            return journal_frame(journal.entries(*wanted))

    def to_parquet(
        self,
        file: str | Path,
        path: str | Path | None = None,
        *,
        since: Since = None,
        plan: object = None,
        account: str | None = None,
    ) -> int:
        """Save the journal, or the entries that the filters select, as a Parquet file.

        Returns their number. The columns are those of the frame, but `changes`, `before`,
        `after` and `because` are JSON text. Entries are read and written some thousands at a time,
        so that a journal of any size fits in memory. Only you can read the file; an existing one is
        replaced once all is written. Needs the extra `parquet`. Raises OSError if the file cannot
        be written, and the errors of `journal()`.
        """
        wanted = check_filters(since, plan, account)
        with closing(Journal(path)) as journal:
            return _write_blocks(Path(file).expanduser(), journal.blocks(*wanted))

    def prune(self, older_than: timedelta, path: str | Path | None = None) -> int:
        """Delete entries that were closed longer ago than this; returns their number.

        Open entries are kept. A plan without its entries cannot be resumed or undone.
        """
        if not isinstance(older_than, timedelta) or older_than < timedelta(0):
            message = "must be a datetime.timedelta that is not negative"
            raise InvalidInputError.one("journal prune", "older_than", message)
        with closing(Journal(path)) as journal:
            return journal.prune(time.time() - older_than.total_seconds())

    def forget(self, address: str, path: str | Path | None = None) -> int:
        """Remove the values of all contacts that have this phone number or e-mail address.

        Their entries stay without key, changes, before and after, so that a plan can be resumed but
        no longer undone; returns their number. Open entries are kept: finish their plan first. If
        such a contact was deleted after it had opted out, it still cannot be created again.
        """
        if not isinstance(address, str) or not _is_address(address):
            message = f"must be an e-mail address, or {phones.ALLOWED}"
            raise InvalidInputError.one("journal forget", "address", message)
        with closing(Journal(path)) as journal:
            return journal.forget(address)

    def show_key(self, path: str | Path | None = None) -> str:
        """The key of the journal's suppression list; it is made if there is none yet.

        The list has digests of deleted contacts that had opted out. It can only be read with this
        key, and with it a digest can be guessed: keep it apart from the journal.
        """
        return Journal(path).suppression.key_file.ensure().decode()

    def export_key(self, file: str | Path, path: str | Path | None = None) -> None:
        """Save the key of the suppression list in a new file that only you can read."""
        KeyFile(Path(file)).keep(self.show_key(path).encode())

    def import_key(self, file: str | Path, path: str | Path | None = None) -> None:
        """Use the key that `export_key` saved for the journal's suppression list.

        Raises ConfigurationError if the journal already has another key, or its list was written
        under another one.
        """
        key = KeyFile(Path(file)).read()
        if key is None:
            raise ConfigurationError(f"{file} does not exist")
        with closing(Journal(path)) as journal:
            journal.suppression.import_key(key, str(file))

    def __repr__(self) -> str:
        return f"<contactkit journal: {own_path()}>"


def check_filters(since: Since, plan: object, account: object) -> tuple[float | None, str, str]:
    """What `Journal.entries` takes; InvalidInputError for what it cannot be."""
    name = "" if plan is None else getattr(plan, "name", plan)
    if not isinstance(name, str) or (name is plan and not _PLAN.fullmatch(name)):
        message = "must be a plan, or 8 to 64 digits of its digest"
        raise InvalidInputError.one("journal", "plan", message)
    if not (account is None or (isinstance(account, str) and _ACCOUNT.fullmatch(account))):
        message = "must be 8 digits, as in the column account"
        raise InvalidInputError.one("journal", "account", message)
    return None if since is None else _seconds(since), name, account or ""


def _seconds(since: object) -> float:
    if isinstance(since, timedelta):
        return time.time() - since.total_seconds()
    try:
        moment = datetime.fromisoformat(since) if isinstance(since, str) else since
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        message = "must be a time with its offset, as a datetime or ISO text, or a timedelta"
        raise InvalidInputError.one("journal", "since", message)
    return moment.timestamp()


def journal_frame(entries: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The frame of entries."""
    return declared_frame(JOURNAL_COLUMNS, [_with_outcome(entry) for entry in entries])


def _with_outcome(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "outcome": row["outcome"] or Outcome.UNKNOWN}


def _write_blocks(file: Path, blocks: Iterable[list[dict[str, Any]]]) -> int:
    """Write entries to a Parquet file beside, and put it in place; returns their number."""
    pa = import_pyarrow()
    from pyarrow import parquet

    schema, count, beside = _schema(pa), 0, file.with_name(f".{file.name}.{token_hex(4)}")
    has_file(file)
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as sink:
            with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
                for block in blocks:
                    writer.write_table(
                        pa.Table.from_pylist([_as_texts(row) for row in block], schema)
                    )
                    count += len(block)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return count


def _as_texts(row: Mapping[str, Any]) -> dict[str, Any]:
    images = {name: row[name] for name in _IMAGES if row[name] is not None}
    texts = {name: json.dumps(image) for name, image in images.items()}
    return {**_with_outcome(row), **texts}


def _schema(pa: Any) -> Any:
    """The Arrow schema of the journal's columns."""
    text = pa.string()
    types = {"Int64": pa.int64(), "boolean": pa.bool_(), str(TIME): pa.timestamp("us", "UTC")}
    types |= {"category": pa.dictionary(pa.int8(), text)}
    return pa.schema((name, types.get(str(dtype), text)) for name, dtype in JOURNAL_COLUMNS.items())


def _is_address(text: str) -> bool:
    if "@" in text:
        return True
    try:
        return bool(phones.normalise(text))
    except ValueError:
        return False


journal = JournalView()
