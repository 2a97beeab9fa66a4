"""`contactkit.journal`: the journal as a DataFrame."""

# pyright: standard

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit._frames.frame import RESULT_COLUMNS, STRING, TIME, declared_frame
from contactkit._frames.key_file import KeyFile
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
    **{name: RESULT_COLUMNS[name] for name in _RESULT_NAMES},
    "request": STRING,
    "process": pd.Int64Dtype(),
}


class JournalView:
    """The journal of all writes of this user, as `contactkit.journal()`."""

    def __call__(self, path: str | Path | None = None) -> pd.DataFrame:
        """Read the user's journal, or the one at `path`: one row per contact, newest last.

        The outcome of a write that was interrupted or is in flight is `unknown`, and its `at` is
        empty. `account` and `request` are short digests that identify them. Raises JournalError.
        """
        with closing(Journal(path)) as journal:
            rows = journal.entries()
        return declared_frame(
            JOURNAL_COLUMNS, [{**row, "outcome": row["outcome"] or Outcome.UNKNOWN} for row in rows]
        )

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


def _is_address(text: str) -> bool:
    if "@" in text:
        return True
    try:
        return bool(phones.normalise(text))
    except ValueError:
        return False


journal = JournalView()
