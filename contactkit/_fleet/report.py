"""What a call of a fleet answers: a row an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from contactkit._fleet.work import DONE, OUTCOMES, Row
from contactkit._frames.frame import STRING, declared_frame
from contactkit._plans.tables import as_html, as_text

_FIRST: dict[str, Any] = {
    "account": STRING,
    "provider": STRING,
    "outcome": pd.CategoricalDtype([*OUTCOMES]),
}
_LAST: dict[str, Any] = {"requests": "Int64", "seconds": "Float64", "message": STRING}
_MOST_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class FleetReport:
    """What was done for each account: `frame` has a row an account.

    Its columns are `account`, `provider`, `outcome` (done, failed or stopped), counts of what was
    done, `requests`, `seconds` and `message`.
    """

    title: str
    frame: pd.DataFrame

    def failed(self) -> pd.DataFrame:
        """The rows of the accounts that are not done."""
        return self.frame.loc[self.frame["outcome"] != DONE]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def facts(self) -> dict[str, str]:
        """What the repr shows: counts, and messages, first of the accounts that are not done."""
        outcomes = self.frame["outcome"].value_counts(sort=False)
        facts = {"accounts": ", ".join(f"{n:,} {name}" for name, n in outcomes.items() if n)}
        counts = self.frame.select_dtypes("Int64").sum()
        facts |= {str(name): f"{count:,}" for name, count in counts.items() if count}
        done = self.frame.loc[(self.frame["outcome"] == DONE) & (self.frame["message"] != "")]
        noted = pd.concat([self.failed(), done])
        for account, message in noted[["account", "message"]].head(_MOST_SHOWN).itertuples(False):
            facts[account] = str(message)
        if len(noted) > _MOST_SHOWN:
            facts["and"] = f"{len(noted) - _MOST_SHOWN:,} more"
        return facts

    def __repr__(self) -> str:
        return as_text(self.title, self.facts)

    def _repr_html_(self) -> str:
        return as_html(self.title, self.facts)


def make_report(
    title: str, rows: Sequence[Row], order: Sequence[str], columns: Mapping[str, str]
) -> FleetReport:
    """The report of these rows, in this order of accounts; `columns` are the step's own dtypes.

    They are there whatever the accounts' ends, missing where an account has no count.
    """
    places = {name: place for place, name in enumerate(order)}
    ordered = sorted(rows, key=lambda row: places[row["account"]])
    return FleetReport(title, declared_frame({**_FIRST, **columns, **_LAST}, ordered))
