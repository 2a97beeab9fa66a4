"""Plans that are not made of two frames: one that was kept in a file, and one of a result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from contactkit._plans import parquet
from contactkit._plans.plan import Plan, PlanBackend
from contactkit._providers import find
from contactkit.errors import ConfigurationError, FieldProblem, InvalidInputError
from contactkit.spec.outcome import Outcome


class PlanName(str):
    """What the journal knows a plan by; it has the `plan` itself, which no file or pickle keeps."""

    plan: Plan | None = None

    @classmethod
    def of(cls, plan: Plan) -> PlanName:
        """The name of this plan."""
        made = cls(plan.name)
        made.plan = plan
        return made

    def __deepcopy__(self, memo: object) -> PlanName:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return str, (str(self),)


def read_plan(path: str | Path, client: Any = None) -> Plan:
    """Read what `Plan.to_parquet` wrote; with a client it can be applied and undone.

    ConfigurationError where the file is no plan, or was changed since, or is another provider's.
    Without a client its ETA follows from the declared limits, as if nothing were spent of them.
    """
    contacts, index, told = parquet.read(path)
    # A declaration of the caller's own is known to the client alone.
    door = None if client is None else _door(client, str(told["provider"]))
    found = door.session.provider if door else find(str(told["provider"]))
    numbers = tuple(map(int, told["numbers"]))
    plan = Plan(
        provider=found,
        contacts=contacts,
        index=index,
        created=datetime.fromisoformat(told["created"]),
        unchanged=int(told["unchanged"]),
        vanished=int(told["vanished"]),
        of=(told["name"], numbers) if numbers else None,
        read=datetime.fromisoformat(told["read"]) if told["read"] else None,
        door=door,
    )
    if plan.digest != told["digest"]:
        raise ConfigurationError(f"{path}: was changed since the plan was made")
    return plan


def bound(plan: Plan, client: Any) -> Plan:
    """The plan as this client applies it; ConfigurationError where it is another provider's."""
    return replace(plan, door=_door(client, plan.provider.name))


def _door(client: Any, provider: str) -> PlanBackend:
    door = getattr(getattr(client, "contacts", None), "door", None)
    if door is None:
        raise ConfigurationError("client must be a client, as contactkit.connect() makes it")
    if door.session.provider.name != provider:
        name = door.session.provider.name
        raise ConfigurationError(f"it is a plan for {provider}, and the client is for {name}")
    return door


def plan_from(result: pd.DataFrame, outcomes: Iterable[str] = ("failed", "unknown")) -> Plan:
    """The part of a plan whose contacts have these outcomes in a result frame of its apply.

    What the journal knows of them still counts: what is in doubt is settled, not sent blindly. What
    the provider `refused` is sent again if that is asked for. Raises InvalidInputError for what is
    no result frame of an apply in this process, or a part of one.
    """
    wanted = {outcomes} if isinstance(outcomes, str) else {*outcomes}
    if unknown := wanted - {*Outcome}:
        allowed = ", ".join(Outcome)
        _refuse("outcomes", f"{', '.join(map(repr, sorted(unknown)))} is none; allowed: {allowed}")
    name = result.attrs.get("plan") if isinstance(result, pd.DataFrame) else None
    if not isinstance(name, PlanName) or name.plan is None or "outcome" not in result:
        _refuse("result", "must be a result frame of plan.apply(), or rows of one, not from a file")
    plan = name.plan
    chosen = result.loc[result["outcome"].isin([*wanted])]
    at = np.array([*_positions(plan, chosen)], dtype=np.intp)
    return replace(
        plan,
        contacts=tuple(plan.contacts[position] for position in at),
        index=plan.index.take(at),
        unchanged=0,
        vanished=0,
        of=(plan.name, tuple(plan.numbers[position] for position in at)),
        again="refused" in wanted,
    )


def _positions(plan: Plan, rows: pd.DataFrame) -> Iterator[int]:
    """Where the contacts of result rows stand in the plan: by the caller's label and the key."""
    places: dict[Any, list[int]] = {}
    for position, (label, each) in enumerate(zip(plan.index, plan.contacts, strict=True)):
        places.setdefault((label, each.operation, each.key), []).append(position)
    for label, operation, key in zip(rows.index, rows["operation"], rows["key"], strict=True):
        held = (label, operation, "" if key is pd.NA else key)
        # What was created may have got its key only then.
        found = places.get(held) or places.get((label, operation, ""))
        if not found:
            _refuse("result", "has rows that are not of its plan")
        yield found.pop(0)


def _refuse(name: str, message: str) -> NoReturn:
    raise InvalidInputError("plan_from", [FieldProblem(field=name, message=message)])
