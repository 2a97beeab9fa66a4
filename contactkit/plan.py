"""A plan: what would be written of an edited frame, contact by contact, and what is refused.

It is a value that shows itself and sends nothing. How it came to be is in `planning`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from contactkit import drawings, plan_files
from contactkit.declarations import find
from contactkit.errors import ConfigurationError
from contactkit.frames import RESULT_COLUMNS, STRING, declared_frame
from contactkit.limits import Budget
from contactkit.planned import Planned
from contactkit.progress import Progress
from contactkit.spec import Provider

MOST_SHOWN = 10
ROW_COLUMNS = {
    name: RESULT_COLUMNS[name]
    for name in "provider key operation outcome changed before after code message field".split()
}
CELL_COLUMNS: dict[str, Any] = {
    "key": STRING,
    "operation": RESULT_COLUMNS["operation"],
    "field": STRING,
    "old": object,
    "new": object,
    "refused_because": STRING,
}
SUMMARY_COLUMNS: dict[str, Any] = {
    "operation": RESULT_COLUMNS["operation"],
    "outcome": RESULT_COLUMNS["outcome"],
    "contacts": pd.Int64Dtype(),
}


OnConflict = Literal["refuse", "reread"]
Tell = Callable[[Progress], None]


class Door(Protocol):
    """What carries a plan out: a client's contacts."""

    def apply(self, plan: Plan, options: Mapping[str, Any]) -> pd.DataFrame:
        """Apply it, blocking."""
        ...

    async def aapply(self, plan: Plan, options: Mapping[str, Any]) -> pd.DataFrame:
        """Apply it, awaited."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Plan:
    """What `contacts.plan` found, one `Planned` a contact that would be written or is refused.

    `index` has the caller's label of each. `unchanged` contacts and `vanished` ones, which were not
    to be deleted, are only counted. It never changes, and holds no credential.
    """

    provider: Provider
    contacts: tuple[Planned, ...]
    index: pd.Index
    created: datetime
    unchanged: int = 0
    vanished: int = 0
    of: tuple[str, tuple[int, ...]] | None = None
    budget: Budget | None = None
    now: Callable[[], float] = time.time
    door: Door | None = None

    def __len__(self) -> int:
        """How many contacts it is about."""
        return len(self.contacts)

    @property
    def requests(self) -> int:
        """How many it needs: one a contact that is not refused."""
        return sum(not each.problems for each in self.contacts)

    @property
    def eta(self) -> datetime | None:
        """When the last request would go, if the first went now; None where nothing limits them.

        That follows from the rate limits and what is spent of them already, those of a day too. An
        answer's time is not in it.
        """
        budget, now = self.budget or Budget(self.provider.limits), self.now()
        if not budget.left(now):
            return None
        return datetime.fromtimestamp(budget.through(self.requests, now), UTC)

    @property
    def digest(self) -> str:
        """A hash of what would be done and what is refused, in whatever order the rows stand.

        The same edits have the same digest, whenever they are planned.
        """
        return self._ordered[0]

    @property
    def name(self) -> str:
        """What the journal knows it by: its digest, or what it is a part or the undoing of."""
        return self.of[0] if self.of else self.digest

    @property
    def numbers(self) -> Sequence[int]:
        """The row of each contact in the journal, which does not depend on their order here."""
        return self.of[1] if self.of else self._ordered[1]

    @cached_property
    def _ordered(self) -> tuple[str, list[int]]:
        lines = [
            json.dumps(
                [each.operation, each.outcome, each.key, each.changes, each.options], sort_keys=True
            )
            for each in self.contacts
        ]
        order = sorted(range(len(lines)), key=lines.__getitem__)
        rows = [0] * len(lines)
        for row, position in enumerate(order):
            rows[position] = row
        told = "\n".join([self.provider.name, *(lines[position] for position in order)])
        return hashlib.sha256(told.encode()).hexdigest(), rows

    @property
    def rows(self) -> pd.DataFrame:
        """A row a contact, with columns of a result frame: `outcome` is planned or refused.

        `after` is the contact as it will be; `field` and `message` say why it is refused.
        """
        return declared_frame(ROW_COLUMNS, [self._row(each) for each in self.contacts], self.index)

    def _row(self, each: Planned) -> dict[str, Any]:
        problems = each.problems
        return {
            "provider": self.provider.name,
            "key": each.key or None,
            "operation": each.operation,
            "outcome": each.outcome,
            "changed": [*each.changes],
            "before": None if each.before is None else deepcopy(dict(each.before)),
            "after": None if problems else each.after(self.provider),
            "code": next((problem.code for problem in problems if problem.code), None),
            "message": "; ".join(map(str, problems)) or None,
            "field": ", ".join(problem.field for problem in problems if problem.field) or None,
        }

    @property
    def cells(self) -> pd.DataFrame:
        """A row a cell that differs, and one without a field where a contact has none.

        Nothing of a refused contact is sent, so that all its cells say why.
        """
        at: list[int] = []
        cells: list[dict[str, Any]] = []
        for position, each in enumerate(self.contacts):
            for cell in self._cells_of(each):
                at.append(position)
                cells.append(cell)
        return declared_frame(CELL_COLUMNS, cells, self.index.take(np.array(at, dtype=np.intp)))

    def _cells_of(self, each: Planned) -> Iterator[dict[str, Any]]:
        told = each.reasons()
        became = each.after(self.provider) or {}
        for name in each.changes or [None]:
            yield {
                "key": each.key or None,
                "operation": each.operation,
                "field": name,
                "old": deepcopy((each.before or {}).get(name)) if name else None,
                "new": became.get(name) if name else None,
                "refused_because": told.get(name or "", told.get("")),
            }

    def summary(self) -> pd.DataFrame:
        """How many contacts, by operation and outcome.

        A vanished contact that is left alone is a delete that is skipped.
        """
        found = Counter((each.operation, each.outcome) for each in self.contacts)
        found["update", "unchanged"] = self.unchanged
        found["delete", "skipped"] = self.vanished
        order = SUMMARY_COLUMNS["operation"].categories.get_loc
        rows = [
            {"operation": operation, "outcome": outcome, "contacts": count}
            for (operation, outcome), count in sorted(found.items(), key=lambda e: order(e[0][0]))
            if count
        ]
        return declared_frame(SUMMARY_COLUMNS, rows)

    def first(self, count: int) -> list[dict[str, Any]]:
        """The first cells as `cells` has them, those of refused contacts before all others."""
        found: list[dict[str, Any]] = []
        for each in sorted(self.contacts, key=lambda each: not each.problems):
            if len(found) >= count:
                break
            found += self._cells_of(each)
        return found[:count]

    def apply(
        self,
        *,
        dry_run: bool = False,
        limit: int | None = None,
        stop_after_failures: float | None = None,
        concurrency: int = 16,
        progress: bool | Tell = True,
        on_conflict: OnConflict | None = None,
        patience: float | None = None,
    ) -> pd.DataFrame:
        """Carry it out: a result frame, one row for every contact of the plan, in its order.

        The same call again is the resume, from another process too: what is done is `skipped`, what
        failed is tried again, and what is in doubt is sent under the same idempotency key, or read
        back. What was not sent is `planned`, and `message` says why.

        `limit` is the most contacts to send; `stop_after_failures` a number of those that are
        refused, fail or are unknown, or a share of what is sent, as 0.05; `concurrency` the most
        requests on the wire. `on_conflict` reads each contact first, which is a request more: one
        whose fields have other values than were planned from is refused with "refuse", and judged
        again as it stands with "reread". `patience` is the longest wait for a rate limit, in
        seconds, by default the client's; past it the apply stops. `progress` may be a callable that
        takes a `contactkit.progress.Progress`.

        An interrupt lets what is on the wire come to its end, and answers with what was done;
        `attrs` of the frame have why it `stopped` early, when to go on (`resume_at`), and its
        `timeline` (second, requests sent, 429s, requests left).

        Raises InvalidInputError, ConfigurationError for a plan without a client, and JournalError,
        all before anything is sent, and nothing for what becomes of a contact.
        """
        options = {name: value for name, value in locals().items() if name != "self"}
        return self._through.apply(self, options)

    @property
    def aio(self) -> AwaitingPlan:
        """The same to be awaited."""
        return AwaitingPlan(self)

    @property
    def _through(self) -> Door:
        if self.door is None:
            message = (
                "the plan has no client; read it with one, as contactkit.read_plan(path, client)"
            )
            raise ConfigurationError(message)
        return self.door

    def to_parquet(self, path: str | Path) -> None:
        """Write it as a file for `contactkit.read_plan`; needs the extra `parquet`.

        The file holds the contacts' values, and no credential.
        """
        told = {
            "provider": self.provider.name,
            "digest": self.digest,
            "created": self.created.isoformat(),
            "unchanged": self.unchanged,
            "vanished": self.vanished,
        }
        plan_files.write(path, self.contacts, self.index, told)

    def _facts(self) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        summary = self.summary()
        for operation, outcome, count in summary.itertuples(index=False):
            found.setdefault(str(operation), []).append(f"{count:,} {outcome}")
        eta, now = self.eta, datetime.fromtimestamp(self.now(), UTC)
        when = "no limit is known" if eta is None else f"the last goes {drawings.when(eta, now)}"
        return {
            **{operation: ", ".join(counts) for operation, counts in found.items()},
            "requests": f"{self.requests:,}, one a contact; {when}" if self.requests else "none",
            "digest": self.digest[:12],
        }

    def _shown(self) -> tuple[str, dict[str, str], list[dict[str, Any]], str]:
        first = self.first(MOST_SHOWN)
        rest = sum(max(1, len(each.changes)) for each in self.contacts) - len(first)
        more = f"and {rest:,} more cells: see plan.cells" if rest else ""
        return f"contactkit plan for {self.provider.title}", self._facts(), first, more

    def __repr__(self) -> str:
        return drawings.as_text(*self._shown())

    def _repr_html_(self) -> str:
        return drawings.as_html(*self._shown())


class AwaitingPlan:
    """A plan through the awaiting door."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def apply(self, **options: Any) -> pd.DataFrame:
        """Carry it out, with the options of `Plan.apply`.

        Cancelled once, it lets what is on the wire come to its end, and answers with what was done;
        cancelled again, it gives up what is on the wire.
        """
        return await self._plan._through.aapply(self._plan, options)


def read_plan(path: str | Path, provider: str | Provider | None = None) -> Plan:
    """Read what `Plan.to_parquet` wrote; `provider` is needed for a declaration of your own.

    Its ETA follows from the declared limits, as if nothing were spent of them. ConfigurationError
    where the file is no plan, or was changed since.
    """
    contacts, index, told = plan_files.read(path)
    found = find(provider or str(told["provider"]))
    if found.name != told["provider"]:
        raise ConfigurationError(f"{path}: is a plan for {told['provider']}, not for {found.name}")
    plan = Plan(
        provider=found,
        contacts=contacts,
        index=index,
        created=datetime.fromisoformat(told["created"]),
        unchanged=int(told["unchanged"]),
        vanished=int(told["vanished"]),
    )
    if plan.digest != told["digest"]:
        raise ConfigurationError(f"{path}: was changed since the plan was made")
    return plan
