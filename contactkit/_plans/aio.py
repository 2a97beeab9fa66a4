"""A plan for asynchronous code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._plans.plan import Plan

if TYPE_CHECKING:
    from contactkit._people.people import People
    from contactkit._plans.progress import Progress
    from contactkit._plans.steps import OnConflict


class AsyncPlan:
    """A plan for asynchronous code."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def apply(
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
        """Apply the plan, with the options of `Plan.apply`.

        The first cancellation lets requests in flight finish and returns the result so far; the
        second abandons them.
        """
        return await self._plan._runner.apply_async(
            self._plan,
            dry_run=dry_run,
            limit=limit,
            stop_after_failures=stop_after_failures,
            concurrency=concurrency,
            progress=progress,
            on_conflict=on_conflict,
            patience=patience,
            anyway=anyway,
        )

    async def undo(
        self, *, opt_in: bool = False, given: Any = None, people: People | None = None
    ) -> Plan:
        """Return a plan that undoes what was written; see `Plan.undo`."""
        return await self._plan._runner.undo_async(self._plan, opt_in, given=given, people=people)
