"""A plan: what would be written of an edited frame, contact by contact, and what is refused.

It is a value that shows itself and sends nothing. How it came to be is in `planning`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from contactkit._http.rate_limits import Budget
from contactkit._http.session import Session
from contactkit._http.world import World
from contactkit._plans import parquet, tables
from contactkit._plans.change import PlannedWrite
from contactkit._plans.pacing import through
from contactkit._plans.progress import Progress
from contactkit._plans.steps import OnConflict
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider

if TYPE_CHECKING:
    from contactkit.forms import PlanView

MOST_SHOWN = 10
Tell = Callable[[Progress], None]


class PlanBackend(Protocol):
    """What carries a plan out: a client's contacts."""

    @property
    def session(self) -> Session:
        """What its calls share."""
        ...

    @property
    def world(self) -> World:
        """Where they go."""
        ...

    def view(self, plan: Plan) -> PlanView:
        """Show it."""
        ...

    def apply(self, plan: Plan, options: Mapping[str, Any]) -> pd.DataFrame:
        """Apply it, blocking."""
        ...

    async def aapply(self, plan: Plan, options: Mapping[str, Any]) -> pd.DataFrame:
        """Apply it, awaited."""
        ...

    def undo(self, plan: Plan) -> Plan:
        """Plan its undoing, blocking."""
        ...

    async def aundo(self, plan: Plan) -> Plan:
        """The same, awaited."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Plan:
    """What `contacts.plan` found, one `Planned` a contact that would be written or is refused.

    `index` has the caller's label of each. `unchanged` contacts and `vanished` ones, which were not
    to be deleted, are only counted. One that tries `again` sends what the provider refused before.
    `read` is when the contacts were read, if that is known. A part, or the undoing, `of` another
    has a name and rows in the journal that follow from it. It never changes, and holds no
    credential.
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
    door: PlanBackend | None = None

    def __len__(self) -> int:
        """How many contacts it is about."""
        return len(self.contacts)

    @property
    def requests(self) -> int:
        """How many it needs: one a contact that is not refused."""
        return sum(not each.problems for each in self.contacts)

    def now(self) -> float:
        """The time that its requests would live in, in seconds since the epoch."""
        return self.door.session.clock.now() if self.door else time.time()

    @property
    def eta(self) -> datetime | None:
        """When the last request would go, if the first went now; None where nothing limits them.

        That follows from the rate limits and what is spent of them already, those of a day too. An
        answer's time is not in it.
        """
        budget = self.door.session.budget if self.door else Budget(self.provider.limits)
        if not budget.left(now := self.now()):
            return None
        return datetime.fromtimestamp(through(budget, self.requests, now), UTC)

    @property
    def digest(self) -> str:
        """A hash of what is done and refused: the same edits have it in any order, at any time."""
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
        return tables.rows(self.provider, self.contacts, self.index)

    @property
    def cells(self) -> pd.DataFrame:
        """A row a cell that differs, and one without a field where a contact has none.

        Nothing of a refused contact is sent, so that all its cells say why.
        """
        return tables.cells(self.provider, self.contacts, self.index)

    def summary(self) -> pd.DataFrame:
        """How many contacts, by operation and outcome.

        A vanished contact that is left alone is a delete that is skipped.
        """
        return tables.summary(self.contacts, self.unchanged, self.vanished)

    def first(self, count: int) -> list[dict[str, Any]]:
        """The first cells as `cells` has them, those of refused contacts before all others."""
        found: list[dict[str, Any]] = []
        for each in sorted(self.contacts, key=lambda each: not each.problems):
            if len(found) >= count:
                break
            found += tables.cells_of(self.provider, each)
        return found[:count]

    def apply(
        self,
        *,
        dry_run: bool = False,
        limit: int | None = None,
        stop_after_failures: float | None = None,
        concurrency: int = 16,
        progress: bool | Tell = True,
        on_conflict: OnConflict = None,
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
        takes a `contactkit._plans.progress.Progress`.

        An interrupt lets what is on the wire come to its end, and answers with what was done;
        `attrs` of the frame have why it `stopped` early, when to go on (`resume_at`), and its
        `timeline` (second, requests sent, 429s, requests left).

        Raises InvalidInputError, ConfigurationError for a plan without a client, and JournalError,
        all before anything is sent, and nothing for what becomes of a contact.
        """
        options = {name: value for name, value in locals().items() if name != "self"}
        return self._through.apply(self, options)

    def view(self) -> PlanView:
        """Show it as a widget: its cells by page, Apply, Cancel, and then the result."""
        return self._through.view(self)

    @property
    def aio(self) -> AsyncPlan:
        """The same to be awaited."""
        return AsyncPlan(self)

    def undo(self) -> Plan:
        """The plan that takes back what was written of this one; the contacts are read for it.

        What cannot be taken back is refused, with the reason, and so is what somebody changed
        since; where something stays done all the same, `rows` says so in `message`. Raises
        ConfigurationError for a plan without a client, JournalError, and what `list` raises.
        """
        return self._through.undo(self)

    @property
    def _through(self) -> PlanBackend:
        if self.door is None:
            hint = "read it with one, as contactkit.read_plan(path, client)"
            raise ConfigurationError(f"the plan has no client; {hint}")
        return self.door

    def to_parquet(self, path: str | Path) -> None:
        """Write it as a file for `contactkit.read_plan`; needs the extra `parquet`.

        The file holds the contacts' values, and no credential.
        """
        told = {
            "provider": self.provider.name,
            "digest": self.digest,
            "created": self.created.isoformat(),
            "read": self.read.isoformat() if self.read else "",
            "unchanged": self.unchanged,
            "vanished": self.vanished,
            "name": self.name,
            "numbers": [*self.numbers] if self.of else [],
        }
        parquet.write(path, self.contacts, self.index, told)

    def facts(self) -> dict[str, str]:
        """What its picture says above the cells: counts, requests, when, and its digest."""
        found: dict[str, list[str]] = {}
        summary = self.summary()
        for operation, outcome, count in summary.itertuples(index=False):
            found.setdefault(str(operation), []).append(f"{count:,} {outcome}")
        eta, now = self.eta, datetime.fromtimestamp(self.now(), UTC)
        when = "no limit is known" if eta is None else f"the last goes {tables.when(eta, now)}"
        return {
            **{operation: ", ".join(counts) for operation, counts in found.items()},
            "requests": f"{self.requests:,}, one a contact; {when}" if self.requests else "none",
            "digest": self.digest[:12],
        }

    def _shown(self) -> tuple[str, dict[str, str], list[dict[str, Any]], str]:
        first, title = self.first(MOST_SHOWN), f"contactkit plan for {self.provider.title}"
        rest = sum(max(1, len(each.changes)) for each in self.contacts) - len(first)
        more = f"and {rest:,} more cells: see plan.cells" if rest else ""
        return title, self.facts(), first, more

    def __repr__(self) -> str:
        return tables.as_text(*self._shown())

    def _repr_html_(self) -> str:
        return tables.as_html(*self._shown())


class AsyncPlan:
    """A plan through the awaiting door."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def apply(self, **options: Any) -> pd.DataFrame:
        """Carry it out, with the options of `Plan.apply`.

        Cancelled once, it lets what is on the wire come to its end, and answers with what was done;
        cancelled again, it gives up what is on the wire.
        """
        return await self._plan._through.aapply(self._plan, options)

    async def undo(self) -> Plan:
        """The plan that takes back what was written; see `Plan.undo`."""
        return await self._plan._through.aundo(self._plan)
