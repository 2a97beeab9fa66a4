"""`journal`: what is in the journal, as a DataFrame."""

# pyright: standard

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit._frames.frame import RESULT_COLUMNS, STRING, TIME, declared_frame
from contactkit._journal.store import Journal, own_path
from contactkit.errors import FieldProblem, InvalidInputError

_SAME = "http_status code message field attempts request_id idempotency_key".split()
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
    **{name: RESULT_COLUMNS[name] for name in _SAME},
    "request": STRING,
    "process": pd.Int64Dtype(),
}


class JournalView:
    """Every write that was made here: `contactkit.journal()`."""

    def __call__(self, path: str | Path | None = None) -> pd.DataFrame:
        """Read the user's own journal, or the one at `path`: one row a contact, newest last.

        A write of which no end is known, as it was interrupted or is in flight, is `unknown` and
        has no `at`. `account` and `request` are short digests that tell two of them apart. Raises
        JournalError.
        """
        journal = Journal(path)
        try:
            rows = journal.entries()
        finally:
            journal.close()
        return declared_frame(
            JOURNAL_COLUMNS, [{**row, "outcome": row["outcome"] or "unknown"} for row in rows]
        )

    def prune(self, older_than: timedelta, path: str | Path | None = None) -> int:
        """Forget what ended longer ago than this, and say how many entries that were.

        What is still open stays. A plan whose entries are gone cannot be resumed or undone.
        """
        if not isinstance(older_than, timedelta) or older_than < timedelta(0):
            message = "must be a datetime.timedelta, and not below zero"
            problem = FieldProblem(field="older_than", message=message)
            raise InvalidInputError("journal prune", [problem])
        journal = Journal(path)
        try:
            return journal.prune(time.time() - older_than.total_seconds())
        finally:
            journal.close()

    def __repr__(self) -> str:
        return f"<contactkit journal: {own_path()}>"


journal = JournalView()
