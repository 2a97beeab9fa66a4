"""A plan: what would be written of an edited frame, contact by contact, and what is refused.

It is a value that draws itself. The client that made it, its `runner`, applies and undoes it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._http.rate_limits import Budget
from contactkit._plans import parquet, tables
from contactkit._plans.change import PlannedWrite
from contactkit._plans.pacing import finish_time
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider

if TYPE_CHECKING:
    from contactkit._client.plans import PlanRunner
    from contactkit._plans.progress import Progress
    from contactkit._plans.steps import OnConflict
    from contactkit.forms import PlanView

MOST_SHOWN = 10


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Plan:
    """The writes that `contacts.plan` plans, one for each contact to write or to refuse.

    `index` has the caller's label of each contact. `unchanged` contacts and `vanished` ones, which
    were not to be deleted, are only counted. A plan that tries `again` sends what the provider
    refused before. `read` is when the contacts were read, if that is known. A part `of` another
    plan, or its undoing, has that plan's name and rows in the journal. A plan never changes, and
    holds no credential.
    """

    provider: Provider
    contacts: tuple[PlannedWrite, ...]
    index: pd.Index
    created: datetime
    unchanged: int = 0
    vanished: int = 0
    of: tuple[str, tuple[int, ...]] | None = None
    again: bool = False
    read: datetime | None = None
    runner: PlanRunner | None = None

    def __len__(self) -> int:
        """How many contacts it has."""
        return len(self.contacts)

    @property
    def requests(self) -> int:
        """How many requests it needs: one for each contact that is not refused."""
        return sum(not contact.problems for contact in self.contacts)

    def now(self) -> float:
        """The time of its client's world, in seconds since the epoch."""
        return self.runner.session.clock.now() if self.runner else time.time()

    @property
    def eta(self) -> datetime | None:
        """When the last request would go, if the first went now; None without a rate limit.

        It follows from the rate limits and what is spent of them already, without the time that
        responses take.
        """
        budget = self.runner.session.budget if self.runner else Budget(self.provider.limits)
        if not budget.left(now := self.now()):
            return None
        return datetime.fromtimestamp(finish_time(budget, self.requests, now), UTC)

    @property
    def digest(self) -> str:
        """A hash of what is written and refused; the same for the same edits in any order."""
        return self._digest_and_rows[0]

    @property
    def name(self) -> str:
        """Its name in the journal: the digest, or the name of the plan that this is a part of."""
        return self.of[0] if self.of else self.digest

    @property
    def numbers(self) -> Sequence[int]:
        """The row of each contact in the journal, whatever their order here."""
        return self.of[1] if self.of else self._digest_and_rows[1]

    @cached_property
    def _digest_and_rows(self) -> tuple[str, list[int]]:
        writes = (
            [write.operation, write.outcome, write.key, write.changes, write.options]
            for write in self.contacts
        )
        encode = json.JSONEncoder(sort_keys=True).encode
        lines = [encode(write) for write in writes]
        order = sorted(range(len(lines)), key=lines.__getitem__)
        rows = [0] * len(lines)
        for row, position in enumerate(order):
            rows[position] = row
        text = "\n".join([self.provider.name, *(lines[position] for position in order)])
        return hashlib.sha256(text.encode()).hexdigest(), rows

    @property
    def rows(self) -> pd.DataFrame:
        """One row for each contact, with columns of a result frame.

        `outcome` is planned or refused, `after` is the contact as it will be; `field` and `message`
        say why it is refused.
        """
        return tables.rows(self.provider, self.contacts, self.index)

    @property
    def cells(self) -> pd.DataFrame:
        """One row for each cell that differs; one without a field for a contact that has none.

        Nothing of a refused contact is sent, so all its cells have the reason.
        """
        return tables.cells(self.provider, self.contacts, self.index)

    def summary(self) -> pd.DataFrame:
        """How many contacts, by operation and outcome.

        A vanished contact that is left alone is a delete that is skipped.
        """
        return tables.summary(self.contacts, self.unchanged, self.vanished)

    def first(self, count: int) -> list[dict[str, Any]]:
        """The first cells as `cells` has them, those of refused contacts first."""
        cells: list[dict[str, Any]] = []
        for contact in sorted(self.contacts, key=lambda contact: not contact.problems):
            if len(cells) >= count:
                break
            cells += tables.cells_of(self.provider, contact)
        return cells[:count]

    def apply(
        self,
        *,
        dry_run: bool = False,
        limit: int | None = None,
        stop_after_failures: float | None = None,
        concurrency: int = 16,
        progress: bool | Callable[[Progress], None] = True,
        on_conflict: OnConflict = None,
        patience: float | None = None,
    ) -> pd.DataFrame:
        """Apply the plan: a result frame, one row for every contact of the plan, in its order.

        The same call again is the resume, from another process too: what is done is `skipped`, what
        failed is tried again, and what is in doubt is sent under the same idempotency key, or read
        back. What was not sent is `planned`, and `message` says why.

        `limit` is the most contacts to send; `stop_after_failures` a number of those that are
        refused, fail or are unknown, or a share of what is sent, as 0.05; `concurrency` the most
        requests in flight. `on_conflict` reads each contact first, which is one more request: a
        contact whose fields were changed since the plan is refused with "refuse", and judged anew
        with "reread". `patience` is the longest wait for a rate limit, in seconds, by default the
        client's; past it the apply stops. `progress` may be a function that takes a
        `contactkit.Progress`.

        An interrupt lets requests in flight finish, and returns what was done; `attrs` of the frame
        have why it `stopped` early, when to go on (`resume_at`), and its `timeline` (second,
        requests sent, 429s, requests left).

        Raises InvalidInputError, ConfigurationError for a plan without a client, and JournalError,
        all before anything is sent. A contact's own failure is never raised.
        """
        return self._runner.apply(
            self,
            dry_run=dry_run,
            limit=limit,
            stop_after_failures=stop_after_failures,
            concurrency=concurrency,
            progress=progress,
            on_conflict=on_conflict,
            patience=patience,
        )

    def undo(self) -> Plan:
        """Plan the undoing of what was written of this plan; the contacts are read for it.

        A contact that cannot be undone is refused, with the reason, and so is one that was changed
        since; where a part cannot be undone, `message` in `rows` says which. Raises
        ConfigurationError for a plan without a client, JournalError, and what `list` raises.
        """
        return self._runner.undo(self)

    def view(self) -> PlanView:
        """Show it as a widget: its cells by page, Apply, Cancel, and then the result."""
        return self._runner.view(self)

    @property
    def aio(self) -> AsyncPlan:
        """The same plan for asynchronous code."""
        return AsyncPlan(self)

    @property
    def _runner(self) -> PlanRunner:
        if self.runner is None:
            hint = "read it with one, as contactkit.read_plan(path, client)"
            raise ConfigurationError(f"the plan has no client; {hint}")
        return self.runner

    def to_parquet(self, path: str | Path) -> None:
        """Write it as a file for `contactkit.read_plan`; needs the extra `parquet`.

        The file holds the contacts' values, and no credential.
        """
        attrs = {
            "provider": self.provider.name,
            "digest": self.digest,
            "created": self.created.isoformat(),
            "read": self.read.isoformat() if self.read else "",
            "unchanged": self.unchanged,
            "vanished": self.vanished,
            "name": self.name,
            "numbers": [*self.numbers] if self.of else [],
        }
        parquet.write(path, self.contacts, self.index, attrs)

    def facts(self) -> dict[str, str]:
        """What its picture shows above the cells: counts, requests, the ETA, and the digest."""
        counts: dict[str, list[str]] = {}
        for operation, outcome, count in self.summary().itertuples(index=False):
            counts.setdefault(str(operation), []).append(f"{count:,} {outcome}")
        eta, now = self.eta, datetime.fromtimestamp(self.now(), UTC)
        last = "no limit is known" if eta is None else f"the last goes {tables.when(eta, now)}"
        return {
            **{operation: ", ".join(texts) for operation, texts in counts.items()},
            "requests": f"{self.requests:,}, one a contact; {last}" if self.requests else "none",
            "digest": self.digest[:12],
        }

    def _drawing(self) -> tuple[str, dict[str, str], list[dict[str, Any]], str]:
        first, title = self.first(MOST_SHOWN), f"contactkit plan for {self.provider.title}"
        rest = sum(max(1, len(contact.changes)) for contact in self.contacts) - len(first)
        more = f"and {rest:,} more cells: see plan.cells" if rest else ""
        return title, self.facts(), first, more

    def __repr__(self) -> str:
        return tables.as_text(*self._drawing())

    def _repr_html_(self) -> str:
        return tables.as_html(*self._drawing())


class AsyncPlan:
    """A plan for asynchronous code."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def apply(self, **options: Any) -> pd.DataFrame:
        """Apply the plan, with the options of `Plan.apply`.

        Cancelled once, it lets requests in flight finish, and returns what was done; cancelled
        again, it gives them up.
        """
        return await self._plan._runner.apply_async(self._plan, **options)

    async def undo(self) -> Plan:
        """Plan the undoing of what was written; see `Plan.undo`."""
        return await self._plan._runner.undo_async(self._plan)


class PlanName(str):
    """A plan's name in the journal, with the `plan` itself, which no file or pickle keeps."""

    plan: Plan | None = None

    @classmethod
    def of(cls, plan: Plan) -> PlanName:
        """The name of this plan."""
        name = cls(plan.name)
        name.plan = plan
        return name

    def __deepcopy__(self, memo: object) -> PlanName:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return str, (str(self),)
