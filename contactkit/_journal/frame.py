"""`contactkit.journal`: the journal as a DataFrame."""

# pyright: standard

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit._frames.frame import RESULT_COLUMNS, STRING, TIME, declared_frame
from contactkit._journal.store import Journal, own_path
from contactkit.errors import InvalidInputError
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
    "changes": object,
    "before": object,
    "after": object,
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
        journal = Journal(path)
        try:
            rows = journal.entries()
        finally:
            journal.close()
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
        journal = Journal(path)
        try:
            return journal.prune(time.time() - older_than.total_seconds())
        finally:
            journal.close()

    def __repr__(self) -> str:
        return f"<contactkit journal: {own_path()}>"


journal = JournalView()
