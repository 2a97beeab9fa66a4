"""The faults of a simulator, switched on one at a time; see fault_kinds.py for their kinds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from random import Random
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import ConfigDict, Field, ValidationError, validate_call

from contactkit.errors import ConfigurationError
from contactkit.simulator.access import requested_grant
from contactkit.simulator.engine import Engine
from contactkit.simulator.fault_kinds import KINDS, Delay, Number, Respond
from contactkit.simulator.messages import Refusal, Request
from contactkit.spec import nearest

T = TypeVar("T")
# The type of an option for pydantic, and in words for the error.
_Times = Annotated[int | None, "a whole number above 0", Field(gt=0)]
_Probability = Annotated[Number | None, "above 0 and at most 1", Field(gt=0, le=1)]
_Seed = Annotated[int, "a whole number"]


@dataclass
class Fault:
    """One fault that is switched on; `remaining` is how many more requests it applies to."""

    kind: str
    effect: Respond | Delay
    remaining: float
    probability: float
    rng: Random

    def applies(self) -> bool:
        """Decide at random whether it applies this time, and count it."""
        applies = self.remaining > 0 and self.rng.random() < self.probability
        self.remaining -= applies
        return applies


class Faults:
    """The faults that are switched on, oldest first."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def add(self, kind: str, schedule: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        """Switch a fault on; ConfigurationError says what is allowed."""
        # A request to `serve` may name anything, also what is no key.
        if kind not in [*KINDS]:
            raise ConfigurationError(f"there is no fault {kind!r}; {nearest(str(kind), KINDS)}")
        effect = _call_checked(KINDS[kind][1], options)
        self._on.append(Fault(kind, effect, *_call_checked(_schedule, schedule)))

    @property
    def kinds(self) -> list[str]:
        """The kinds that still apply to a further request, oldest first."""
        return [fault.kind for fault in self._on]

    def clear(self) -> None:
        """Switch all faults off."""
        self._on.clear()

    def apply_to(self, engine: Engine, request: Request) -> tuple[float, Respond]:
        """Apply the faults to one request: seconds to wait, and then the response."""
        delay, respond = 0.0, None
        targets = _targets(engine, request) if self._on else ()
        for fault in list(self._on):
            target, _ = KINDS[fault.kind]
            taken = respond and callable(fault.effect)
            if target not in targets or taken or not fault.applies():
                continue
            if callable(fault.effect):
                respond = fault.effect
            else:
                delay += fault.rng.uniform(*fault.effect)
            if fault.remaining <= 0:
                self._on.remove(fault)
        return delay, respond or Engine.respond


def _targets(engine: Engine, request: Request) -> tuple[str, ...]:
    """The kinds of targets that this request belongs to."""
    if requested_grant(engine, request):
        return ()
    try:
        endpoint = engine.route(request)
    except Refusal:
        return ("requests",)
    if endpoint.answer == "page":
        return "requests", "listings"
    return ("requests", "writes") if endpoint.effect else ("requests",)


def _schedule(
    *, times: _Times = None, probability: _Probability = None, seed: _Seed = 0
) -> tuple[float, float, Random]:
    """How many requests a fault applies to, how probably, and the random numbers."""
    if times is not None and probability is not None:
        raise ConfigurationError("a fault takes times= or probability=, not both")
    return math.inf if probability else times or 1, probability or 1.0, Random(seed)


def _call_checked(function: Callable[..., T], options: Mapping[str, Any]) -> T:
    """Call a function; ConfigurationError if an option is not what its annotation allows."""
    try:
        return validate_call(config=ConfigDict(strict=True))(function)(**options)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    name, known = str(problem["loc"][0]), signature(function).parameters
    if name not in known:
        kind = function.__name__
        raise ConfigurationError(f"the fault {kind} takes no {name}=; {nearest(name, known)}")
    allowed = get_type_hints(function, include_extras=True)[name].__metadata__[0]
    raise ConfigurationError(f"{name}={problem['input']!r} must be {allowed}")
