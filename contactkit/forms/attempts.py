"""The writes that one form has attempted: result rows, a write in doubt, and confirmations.

A write in doubt may have been carried out; it is sent again under the same idempotency key. A
question is confirmed by pressing the same button again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import pandas as pd

from contactkit._frames.frame import result_frame
from contactkit._http.results import failure_row, retry_key
from contactkit._http.session import Session
from contactkit._http.world import world_attrs
from contactkit.forms.draft import Draft
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import JSON
from contactkit.spec.validate import json_equal
from contactkit.spec.widening import may_widen

# Pressing Enter twice quickly is not a confirmation: the question was not read yet.
READING_TIME = 1.0


class Confirmation:
    """A question that is confirmed by repeating the action, once there was time to read it."""

    def __init__(self) -> None:
        self._subject: object = None
        self._since = 0.0

    def ask(self, subject: object) -> bool:
        """Ask about this subject; False if it was asked before and is now confirmed."""
        now = time.monotonic()
        if self._subject == subject and now - self._since >= READING_TIME:
            return False
        self._subject, self._since = subject, now
        return True

    def withdraw(self) -> None:
        """Withdraw the last question without a confirmation."""
        self._subject = None


def failure_result(
    session: Session,
    endpoint: Endpoint,
    error: BaseException,
    key: str,
    before: Mapping[str, JSON] | None,
    draft: Draft,
    options: Mapping[str, JSON],
) -> pd.DataFrame:
    """The result of a write that raised an error."""
    row = failure_row(
        session,
        endpoint.effect,
        error,
        key=key,
        changes=draft.values,
        before=before,
        dry_run="dry_run" in options,
    )
    return result_frame([row], attrs=world_attrs(session.world))


class Attempts:
    """Result rows, oldest first, and the values and idempotency key of a write in doubt."""

    def __init__(self) -> None:
        self.rows: list[pd.DataFrame] = []
        self.confirmation = Confirmation()
        self._values: Mapping[str, JSON] = {}
        self._key = ""

    @property
    def last(self) -> pd.DataFrame:
        """The last result row; an empty frame at first."""
        return self.rows[-1] if self.rows else result_frame([])

    @property
    def history(self) -> pd.DataFrame:
        """All result rows."""
        return pd.concat(self.rows, ignore_index=True) if self.rows else self.last

    def doubt(
        self,
        session: Session,
        endpoint: Endpoint,
        key: str,
        values: Mapping[str, JSON],
        error: BaseException,
    ) -> None:
        """Remember a write whose outcome is unknown, and the key under which it may be repeated."""
        # The contact is read again, and opting it in is another decision.
        opts_in = bool(key) and may_widen(session.provider, endpoint, values)
        # A whole update of the contact that is read again is another request.
        is_other = opts_in or (bool(key) and session.whole)
        self._values, self._key = values, "" if is_other else retry_key(error)

    def settle(self) -> None:
        """Forget the write in doubt."""
        self._values, self._key = {}, ""

    def retry_options(self, values: Mapping[str, JSON]) -> dict[str, JSON]:
        """The option with which a write in doubt may be sent again; {} for any other write."""
        is_retry = self._key and json_equal(values, self._values)
        return {"idempotency_key": self._key} if is_retry else {}

    def ask_about_doubts(self, draft: Draft) -> bool:
        """Ask about the doubts of a draft; False if there are none or they are confirmed."""
        return bool(draft.doubts) and self.confirmation.ask(draft.values)
