"""What was tried in one form: the result rows, and what is still open of the last attempt."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pandas as pd

from contactkit._frames.frame import result_frame
from contactkit.forms.draft import Draft
from contactkit.spec.provider import JSON
from contactkit.spec.validate import json_equal


class Attempts:
    """Result rows, oldest first; the key of a write in doubt; the question that was asked."""

    def __init__(self) -> None:
        self.rows: list[pd.DataFrame] = []
        self._values: Mapping[str, JSON] = {}
        self._key = ""
        self._question = Confirmation()

    @property
    def last(self) -> pd.DataFrame:
        """The last result row; none at first."""
        return self.rows[-1] if self.rows else result_frame([])

    @property
    def history(self) -> pd.DataFrame:
        """All of them."""
        return pd.concat(self.rows, ignore_index=True) if self.rows else self.last

    def doubt(self, values: Mapping[str, JSON], key: str) -> None:
        """Remember a write of which nobody knows what became, and its idempotency key."""
        self._values, self._key = values, key

    def settle(self) -> None:
        """Nothing is in doubt any more."""
        self._values, self._key = {}, ""

    def again(self, values: Mapping[str, JSON]) -> dict[str, JSON]:
        """The option under which a write in doubt may be sent again; {} for another write."""
        return (
            {"idempotency_key": self._key} if self._key and json_equal(values, self._values) else {}
        )

    def forget(self) -> None:
        """The question that was asked last is answered with no."""
        self._question.forget()

    def asks(self, draft: Draft) -> bool:
        """Whether a draft has to be asked about first."""
        return bool(draft.doubts) and self._question.asks(draft.values)


# Two presses of Enter in a row are one answer, given before the question was read.
READING = 1.0


class Confirmation:
    """What was asked about last, and when."""

    def __init__(self) -> None:
        self._asked: object = None
        self._since = 0.0

    def asks(self, about: object) -> bool:
        """Whether this has to be asked about first: once, and long enough to be read."""
        now = time.monotonic()
        if self._asked == about and now - self._since >= READING:
            return False
        self._asked, self._since = about, now
        return True

    def forget(self) -> None:
        """The question that was asked last is answered with no."""
        self._asked = None
