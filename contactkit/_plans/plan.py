"""A plan: what an edited frame would write, contact by contact, and what is refused.

A plan is a value with a repr. The `runner` of its client applies and undoes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

import pandas as pd

from contactkit._http.rate_limits import Budget
from contactkit._journal.reading import Reading
from contactkit._plans import parquet, preview, tables
from contactkit._plans.change import PlannedWrite
from contactkit._plans.digest import digest_of
from contactkit._plans.home import UNKNOWN, Home
from contactkit._plans.options import PlanSource
from contactkit._plans.pacing import finish_time
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import Provider

if TYPE_CHECKING:
    from contactkit._client.plans import PlanRunner
    from contactkit._http.session import Session
    from contactkit._people.people import People
    from contactkit._plans.aio import AsyncPlan
    from contactkit._plans.progress import Progress
    from contactkit._plans.steps import OnConflict
    from contactkit.forms import PlanView


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Plan:
    """The writes that `contacts.plan` plans: one for each contact to be written or refused.

    `index` has the caller's label of each contact. `unchanged` contacts, and `vanished` ones (which
    are missing from the edited frame and are not deleted), are only counted. `again` means that
    writes which the provider refused before are sent again. `opt_in` means that it may opt in
    contacts who opted out. `read` is what the journal held when the contacts were read, if that is
    known; `without_original`, they were read when the plan was made. `of` is the name and the rows
    in the journal of the plan that this is a part of, or undoes. `home` is where the plan is
    applied, None if an earlier contactkit saved it. `source` is what it was made from, in the
    process that made it, and `remark` a note of its own. `read_again` reads the people anew from
    whose noes it was made. A plan is immutable and contains no credential.
    """

    provider: Provider
    contacts: tuple[PlannedWrite, ...]
    index: pd.Index
    created: datetime
    unchanged: int = 0
    vanished: int = 0
    of: tuple[str, tuple[int, ...]] | None = None
    again: bool = False
    opt_in: bool = False
    read: Reading | None = None
    without_original: bool = False
    home: Home | None = None
    source: PlanSource | None = None
    remark: str = ""
    runner: PlanRunner | None = None
    read_again: Callable[[], People] | None = None

    def __len__(self) -> int:
        return len(self.contacts)

    @cached_property
    def requests(self) -> int:
        """The number of requests: one for each contact that is not refused.

        A contact that is read right before the write, because of its consent or since all of it is
        sent, needs two.
        """
        whole = self.runner is not None and self.runner.session.whole
        planned = [contact for contact in self.contacts if not contact.problems]
        return len(planned) + sum(c.reads_first(self.provider, whole=whole) for c in planned)

    @cached_property
    def opts_in(self) -> int:
        """The number of planned contacts who opted out and would be opted in."""
        return sum(contact.opts_in(self.provider) for contact in self.contacts)

    @cached_property
    def is_propagated(self) -> bool:
        """Whether it carries a no from other contacts to these."""
        return any(contact.because for contact in self.contacts)

    @property
    def world(self) -> str:
        """The name of the world of its home; "" if it has none."""
        return self.home.world if self.home else ""

    def now(self) -> float:
        """The current time of the client's clock, in seconds since the epoch."""
        return self.runner.session.clock.now() if self.runner else time.time()

    @property
    def eta(self) -> datetime | None:
        """When the last request is sent if the first is sent now; None without a rate limit.

        It follows from the rate limits and what is left of them, not from how long responses take.
        """
        session = self.runner.session if self.runner else None
        budget = session.budget if session else Budget(self.provider.limits)
        start = session.uptime() if session else 0.0
        if not budget.left(start):
            return None
        seconds = finish_time(budget, self.requests, start) - start
        return datetime.fromtimestamp(self.now() + seconds, UTC)

    @property
    def digest(self) -> str:
        """A hash of all writes and refusals; the same for the same edits in any order."""
        return self._digest_and_rows[0]

    @property
    def name(self) -> str:
        """The plan's name in the journal: its digest, or the name of the plan it is a part of."""
        return self.of[0] if self.of else self.digest

    @property
    def numbers(self) -> Sequence[int]:
        """The row of each contact in the journal, which does not depend on the order here."""
        return self.of[1] if self.of else self._digest_and_rows[1]

    @cached_property
    def _digest_and_rows(self) -> tuple[str, list[int]]:
        lead = [self.provider.name, *(["opt_in"] if self.opt_in else [])]
        return digest_of(self.contacts, lead)

    @property
    def rows(self) -> pd.DataFrame:
        """One row per contact, with columns of a result frame.

        `outcome` is planned or refused; `after` is the contact after the write; `field` and
        `message` say why a contact is refused.
        """
        return tables.rows(self.provider, self.contacts, self.index)

    @property
    def cells(self) -> pd.DataFrame:
        """One row per cell that differs; a contact without such cells has one row without a field.

        Nothing is sent for a refused contact: the cells that cause it come first, and the others
        are one row with all their fields. So are all deletes that other rows keep back, keyless.
        """
        return tables.cells(self.provider, self.contacts, self.index)

    def summary(self) -> pd.DataFrame:
        """The number of contacts by operation and outcome.

        An update that opts in a contact who opted out counts as the operation opt_in, which comes
        first. A vanished contact, which is left alone, counts as the operation absent, which comes
        last. The frame's `attrs` have the plan's `home` as text.
        """
        summary = tables.summary(self.provider, self.contacts, self.unchanged, self.vanished)
        summary.attrs["home"] = str(self.home or UNKNOWN)
        return summary

    @cached_property
    def cell_counts(self) -> list[int]:
        """How many rows `cells` has for each contact."""
        return tables.cell_counts(self.contacts)

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
        anyway: bool = False,
    ) -> pd.DataFrame:
        """Send the plan; returns a result frame with one row per contact, in the plan's order.

        The same call again resumes it, in another process too: writes that are done are `skipped`,
        those that failed are sent again, and those with an unknown outcome are sent again under the
        same idempotency key, or read back. Writes that were not sent are `planned`, and `message`
        says why.

        `limit` is the maximum number of contacts to send, `concurrency` of requests in flight.
        `stop_after_failures` is a number of contacts that are refused, failed or unknown, or a
        share of those to send, such as 0.05. `on_conflict` reads each contact first, with one more
        request: if its fields have changed since the plan was made, "refuse" refuses it and
        "reread" checks the edit again, as for every plan of `people.propagate`. `patience` is the
        longest wait for a rate limit, in seconds (by default the client's); the apply stops rather
        than wait longer. `progress` may be a function that takes a `contactkit.Progress`. With
        `anyway` the plan is also applied where it was not made: through another address, world or
        account. At the plan's own address another account is taken for the same one with a new key,
        so writes that are done are still skipped.

        An interrupt lets requests in flight finish and returns the result so far. The frame's
        `attrs` say why it `stopped` early and when to resume (`resume_at`), and have its `timeline`
        (second, requests sent, 429s, requests left).

        Raises InvalidInputError, ConfigurationError for a plan without a client or with another
        home, or JournalError, before anything is sent. The failure of one contact is never raised.
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
            anyway=anyway,
        )

    def undo(
        self, *, opt_in: bool = False, given: Any = None, people: People | None = None
    ) -> Plan:
        """Read the contacts and return a plan that undoes what this plan has written.

        A contact that cannot be undone, or was changed since, is refused with the reason; if a part
        of it cannot be undone, `message` in `rows` says which. Undoing an opt-out opts the contact
        in again, which is refused without `opt_in`, and always if it was changed since: it may have
        opted out itself.

        A plan of `people.propagate` needs more than `opt_in`: proofs of consent (`given`, as in
        `people.propagate`) that are not earlier than the noes which a contact was denied for, or
        `people` that were read again and in which it is no longer linked to them, with `apart=`.
        With `given` alone all sources are read again by their clients, since a newer no may be
        anywhere. What is returned holds for a day.

        Raises InvalidInputError, ConfigurationError for a plan without a client,
        JournalError, and the errors of `list`.
        """
        return self._runner.undo(self, opt_in, given=given, people=people)

    def view(self) -> PlanView:
        """Show the plan as a widget: its cells by page, Apply, Cancel, and later the result."""
        return self._runner.view(self)

    @property
    def aio(self) -> AsyncPlan:
        """The same plan for asynchronous code."""
        from contactkit._plans.aio import AsyncPlan

        return AsyncPlan(self)

    @property
    def session(self) -> Session:
        """The session of its client; ConfigurationError without one."""
        return self._runner.session

    @property
    def _runner(self) -> PlanRunner:
        if self.runner is None:
            hint = "load it with contactkit.read_plan(path, client)"
            raise ConfigurationError(f"the plan has no client; {hint}")
        return self.runner

    def to_parquet(self, path: str | Path) -> None:
        """Save the plan as a file for `contactkit.read_plan`; needs the extra `parquet`.

        The file contains the contacts' values, but no credential. Raises ConfigurationError for a
        path that cannot be a file.
        """
        parquet.write(path, self)

    @property
    def note(self) -> str:
        """What is worth knowing of the plan, if anything."""
        return self.remark or preview.note(self)

    def facts(self) -> dict[str, str]:
        """What the repr shows above the cells: consent, counts, requests, ETA, home, digest."""
        return preview.facts(self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        if self.runner is not None:
            raise TypeError(
                "a plan with a client cannot be pickled or copied; save it with its to_parquet(), "
                "and load it in the other process with contactkit.read_plan(path, client)"
            )
        return super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return tables.as_text(*preview.drawing(self))

    def _repr_html_(self) -> str:
        return tables.as_html(*preview.drawing(self), world=self.world)
