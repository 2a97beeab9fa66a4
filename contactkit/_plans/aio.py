"""A plan for asynchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._plans.plan import Plan

if TYPE_CHECKING:
    from contactkit._people.people import People


class AsyncPlan:
    """A plan for asynchronous code."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def apply(self, **options: Any) -> pd.DataFrame:
        """Apply the plan, with the options of `Plan.apply`.

        The first cancellation lets requests in flight finish and returns the result so far; the
        second abandons them.
        """
        return await self._plan._runner.apply_async(self._plan, **options)

    async def undo(
        self, *, opt_in: bool = False, given: Any = None, people: People | None = None
    ) -> Plan:
        """Return a plan that undoes what was written; see `Plan.undo`."""
        return await self._plan._runner.undo_async(self._plan, opt_in, given=given, people=people)
