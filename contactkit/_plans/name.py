"""A plan's name in the journal, as result frames have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contactkit._plans.plan import Plan


class PlanName(str):
    """A plan's name in the journal, with the `plan` itself, which is not saved or pickled."""

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
