"""`Plans`: what `people.propagate` would write at every source, with one picture of it all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._frames.frame import RESULT_COLUMNS, STRING, TIME, declared_frame
from contactkit._frames.moments import time_note, time_text
from contactkit._plans import tables
from contactkit._plans.plan import Plan
from contactkit._plans.preview import MOST_SHOWN, first_cells
from contactkit.errors import ConfigurationError

APPLY_COLUMNS: dict[str, Any] = {"source": STRING, **RESULT_COLUMNS}

if TYPE_CHECKING:
    from contactkit._client.plans import PlanRunner
    from contactkit._people.people import People
    from contactkit._plans.progress import Progress
    from contactkit._plans.steps import OnConflict
    from contactkit.forms import PlansView

SUMMARY_COLUMNS: dict[str, Any] = {
    "source": STRING,
    "provider": STRING,
    "refused": pd.Int64Dtype(),
    "planned": pd.Int64Dtype(),
    "requests": pd.Int64Dtype(),
    "eta": TIME,
    "read_at": TIME,
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Plans(Mapping[str, Plan]):
    """A plan for each source, by its name. It is a value: nothing in it changes.

    `read_at` says when each source was read, None if that is not known. However old that is, every
    contact is read again right before its write.
    """

    plans: Mapping[str, Plan]
    read_at: Mapping[str, datetime | None]

    def __getitem__(self, source: str) -> Plan:
        return self.plans[source]

    def __iter__(self) -> Iterator[str]:
        return iter(self.plans)

    def __len__(self) -> int:
        """How many sources it has a plan for."""
        return len(self.plans)

    @property
    def digest(self) -> str:
        """A hash of all plans; it depends on no order of sources or contacts."""
        lines = sorted(f"{source} {plan.digest}" for source, plan in self.plans.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def eta(self) -> datetime | None:
        """When the last request of all plans is sent; None without a rate limit or a request."""
        times = [plan.eta for plan in self.plans.values() if plan.requests]
        return max((eta for eta in times if eta), default=None)

    def summary(self) -> pd.DataFrame:
        """One row per source.

        Columns: source, provider (string), refused, planned, requests (Int64), eta, read_at (UTC).
        """
        rows = [
            {
                "source": source,
                "provider": plan.provider.name,
                "refused": sum(bool(contact.problems) for contact in plan.contacts),
                "planned": sum(not contact.problems for contact in plan.contacts),
                "requests": plan.requests,
                "eta": plan.eta if plan.requests else None,
                "read_at": self.read_at.get(source),
            }
            for source, plan in self.plans.items()
        ]
        return declared_frame(SUMMARY_COLUMNS, rows)

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
        """Apply all plans at the same time, each with these options of `Plan.apply`.

        Every contact is read right before its write, and is left alone if its provider no longer
        sends to it. Returns one row per contact: `source`, then the columns of a result frame. An
        interrupt lets requests in flight finish; the same call again resumes. `attrs["stopped"]`
        says which plans stopped early, and why.
        """
        plans = {source: plan for source, plan in self.plans.items() if len(plan)}
        if not plans:
            return declared_frame(APPLY_COLUMNS, [])
        frames = _runner(next(iter(plans.values()))).apply_together(
            plans,
            dry_run=dry_run,
            limit=limit,
            stop_after_failures=stop_after_failures,
            concurrency=concurrency,
            progress=progress,
            on_conflict=on_conflict,
            patience=patience,
            anyway=anyway,
        )
        return join_results(frames)

    def undo(self, *, given: Any = None, people: People | None = None) -> Plans:
        """Plans that undo what all these have written, each as `Plan.undo` does.

        They need proofs of consent, or `people` that were read again without the wrong link. A
        contact that others of these plans deny is undone if they are undone too.
        """
        filled = [plan for plan in self.plans.values() if len(plan)]
        if filled and given is not None and people is None:
            from contactkit._people.lift import read_people

            people = read_people(filled[0], given)
        plans = {
            source: _runner(plan).undo(plan, False, given=given, people=people, plans=self.plans)
            if len(plan)
            else plan
            for source, plan in self.plans.items()
        }
        return Plans(plans=plans, read_at=people.ages if people else {})

    def facts(self) -> dict[str, str]:
        """What the plans would write, as readable text by source."""
        facts: dict[str, str] = {}
        for row in self.summary().to_dict("records"):
            read_at = self.read_at.get(row["source"])
            age = f"read {time_text(read_at)}" if read_at else "read at an unknown time"
            counts = {name: row[name] for name in ("refused", "planned", "requests")}
            parts = [f"{n:,} {name}" for name, n in counts.items() if n or name == "planned"]
            facts[str(row["source"])] = ", ".join([*parts, age])
        eta, now = self.eta, max((plan.now() for plan in self.plans.values()), default=0.0)
        if eta:
            worlds = {plan.home.world for plan in self.plans.values() if plan.home}
            note = time_note(*worlds) if len(worlds) == 1 else ""
            facts["the last is sent"] = tables.when(eta, datetime.fromtimestamp(now, UTC), note)
        return {**facts, "digest": self.digest[:12]}

    def view(self) -> PlansView:
        """Show all plans as one widget: what each would write, Apply, Cancel, and the result."""
        bound = [plan for plan in self.plans.values() if plan.runner]
        return _runner(next(iter([*bound, *self.plans.values()]))).view_together(self)

    def _drawing(self) -> tuple[str, dict[str, str], list[dict[str, Any]], str]:
        cells, total = [], 0
        for source, plan in self.plans.items():
            first = first_cells(plan, MOST_SHOWN)
            cells += [{**cell, "key": f"{source} {cell['key']}"} for cell in first]
            total += sum(plan.cell_counts)
        shown = sorted(cells, key=lambda cell: not cell["refused_because"])[:MOST_SHOWN]
        rest = total - len(shown)
        more = f"and {rest:,} more cells: see the cells of each plan" if rest else ""
        return "contactkit plans that carry each no on", self.facts(), shown, more

    def __repr__(self) -> str:
        return tables.as_text(*self._drawing())

    def _repr_html_(self) -> str:
        return tables.as_html(*self._drawing())


def _runner(plan: Plan) -> PlanRunner:
    if plan.runner is None:
        hint = "load it with contactkit.read_plan(path, client)"
        raise ConfigurationError(f"a plan for {plan.provider.title} has no client; {hint}")
    return plan.runner


def join_results(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Result frames as one, with the source first."""
    named = [frame.assign(source=source) for source, frame in frames.items()]
    joined = pd.concat(named, ignore_index=True).loc[:, [*APPLY_COLUMNS]]
    joined = joined.astype({"source": STRING})
    attrs = {source: frame.attrs for source, frame in frames.items()}
    stopped = {source: each["stopped"] for source, each in attrs.items() if "stopped" in each}
    resume_at = [each["resume_at"] for each in attrs.values() if "resume_at" in each]
    notices = dict.fromkeys(each["notice"] for each in attrs.values() if "notice" in each)
    joined.attrs = {
        **({"notice": "\n".join(notices)} if notices else {}),
        **({"stopped": "; ".join(f"{s}: {why}" for s, why in stopped.items())} if stopped else {}),
        **({"resume_at": max(resume_at)} if resume_at else {}),
    }
    return joined
