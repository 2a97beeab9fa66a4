"""Faults: what can go wrong between a provider and its caller, switched on one at a time.

    carried out                                    not carried out
    ├── latency: `seconds`, or `up_to` so many     ├── rate_limited: 429, maybe `retry_after`
    ├── written_then_500, written_then_dropped     ├── server_error: `status`, maybe `retry_after`
    ├── slow_body, truncated_body                  ├── unsuccessful: a refusal under HTTP 200
    ├── html: a proxy's page, `status`             ├── expired_token
    ├── duplicated_row                             └── dropped: no answer
    └── deleted_row: by somebody else, after the page

`*_row` are met by listings alone, `written_*` by writes alone, and none by a token request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from contactkit.errors import ConfigurationError, InvalidRequestError, RateLimitError, ServerError
from contactkit.simulator.access import expired, token_way
from contactkit.simulator.messages import Answer, Refusal, Request
from contactkit.spec.paging import Query
from contactkit.spec.provider import JSON, Endpoint, as_list, as_object
from contactkit.spec.record import key_of
from contactkit.spec.validate import nearest

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

_LONGEST = 86_400


@dataclass(kw_only=True)
class Fault:
    """One fault that is switched on; `left` is how many more requests it may meet."""

    kind: str
    left: float
    probability: float
    rng: Random
    options: Mapping[str, Any]
    next_page: tuple[Query, JSON] | None = None

    def strikes(self) -> bool:
        """Whether a request that it concerns meets it."""
        struck = self.left > 0 and self.rng.random() < self.probability
        self.left -= struck
        return struck

    def delay(self) -> float:
        """How long a latency is this time."""
        least = self.options["seconds"]
        return self.rng.uniform(least, max(least, self.options["up_to"]))


class Faults:
    """The faults that are switched on, the oldest first."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def add(
        self,
        kind: str,
        times: int | None,
        probability: float | None,
        seed: int,
        options: Mapping[str, Any],
    ) -> None:
        """Switch one on; ConfigurationError says what is allowed."""
        checked = _checked(kind, options)
        if times is not None and probability is not None:
            raise ConfigurationError("give a fault times= or probability=, not both")
        if times is not None and (type(times) is not int or times < 1):
            raise ConfigurationError(f"times={times!r} must be a whole number above 0")
        if probability is not None and not (_is_number(probability) and 0 < probability <= 1):
            raise ConfigurationError(f"probability={probability!r} must be above 0 and at most 1")
        if type(seed) is not int:
            raise ConfigurationError(f"seed={seed!r} must be a whole number")
        self._on.append(
            Fault(
                kind=kind,
                left=math.inf if probability else times or 1,
                probability=probability or 1.0,
                rng=Random(seed),
                options=checked,
            )
        )

    def clear(self) -> None:
        """Switch all of them off."""
        self._on.clear()

    def meet(self, engine: Engine, request: Request) -> tuple[float, Callable[[Request], Answer]]:
        """What one request meets: seconds to wait, and who answers it then."""
        delay, answer = 0.0, None
        about = self._about(engine, request) if self._on else ()
        for fault in list(self._on):
            kind = _KINDS[fault.kind]
            if kind.meets not in about or (answer and kind.act) or not fault.strikes():
                continue
            if kind.act:
                answer = partial(kind.act, fault, engine)
            else:
                delay += fault.delay()
            if fault.left <= 0:
                self._on.remove(fault)
        return delay, answer or engine.answer

    def _about(self, engine: Engine, request: Request) -> tuple[str, ...]:
        if token_way(engine, request):
            return ()
        try:
            endpoint = engine.routed(request)
        except Refusal:
            return ("requests",)
        return "requests", _sort(endpoint)


def _sort(endpoint: Endpoint) -> str:
    if endpoint.answer == "page":
        return "listings"
    return "writes" if endpoint.effect else "reads"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# What a fault does to one request that meets it


def _rate_limited(fault: Fault, engine: Engine, request: Request) -> Answer:
    refusal = engine.refusal("rate", RateLimitError, "Rate limit exceeded", status=429)
    return _later(fault, engine.answer(request, refusal))


def _server_error(fault: Fault, engine: Engine, request: Request) -> Answer:
    """The provider's own failure; a proxy's page where it has none of that status."""
    status: int = fault.options.get("status", 500)
    catalogue = engine.provider.errors.catalogue
    code = next((code for code, (known, _) in catalogue.items() if known == status), None)
    if code is None:
        return _later(fault, _page(status))
    refusal = Refusal(ServerError, "An unexpected error occurred", code=code)
    return _later(fault, engine.answer(request, refusal))


def _later(fault: Fault, answer: Answer) -> Answer:
    seconds = fault.options.get("retry_after")
    told = {} if seconds is None else {"Retry-After": str(seconds)}
    return replace(answer, headers={**answer.headers, **told})


def _page(status: int) -> Answer:
    title = "Sign in to continue" if status == 200 else f"{status} {HTTPStatus(status).phrase}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, raw=("text/html; charset=utf-8", page.encode()))


def _written_then_500(fault: Fault, engine: Engine, request: Request) -> Answer:
    engine.answer(request)
    return _server_error(fault, engine, request)


def _html(fault: Fault, engine: Engine, request: Request) -> Answer:
    engine.answer(request)
    return _page(fault.options["status"])


def _carried(
    how: Literal["slow", "cut", "dropped"], fault: Fault, engine: Engine, request: Request
) -> Answer:
    answer = engine.answer(request)
    # Of an answer without a body no half can arrive.
    return replace(answer, carried="dropped" if how == "cut" and not answer.content else how)


def _dropped(fault: Fault, engine: Engine, request: Request) -> Answer:
    return Answer(500, carried="dropped")


def _unsuccessful(fault: Fault, engine: Engine, request: Request) -> Answer:
    refusal = Refusal(InvalidRequestError, "The request was not carried out", status=200)
    return engine.answer(request, refusal)


def _expired_token(fault: Fault, engine: Engine, request: Request) -> Answer:
    return engine.answer(request, expired(engine, request))


def _duplicated_row(fault: Fault, engine: Engine, request: Request) -> Answer:
    """Begin with the row that ended the page before, if that met this too; else with two firsts."""
    answer = engine.answer(request)
    rows, envelope = _rows(engine, answer), engine.provider.envelope
    if not rows:
        return answer
    again = rows[0]
    if fault.next_page and fault.next_page[0] == request.query:
        again = fault.next_page[1]
    try:
        following = engine.provider.paging.next_query(request.query, rows, answer.body)
    except (LookupError, ValueError):
        following = None
    fault.next_page = (dict(following), rows[-1]) if following else None
    return replace(answer, body=envelope.put(answer.body, envelope.many, [again, *rows]))


def _deleted_row(fault: Fault, engine: Engine, request: Request) -> Answer:
    answer = engine.answer(request)
    wire = key_of(engine.provider.record).wire
    for row in _rows(engine, answer)[:1]:
        stored = engine.contacts.find(str(as_object(row).get(wire)))
        if stored:
            engine.contacts.delete(stored)
    return answer


def _rows(engine: Engine, answer: Answer) -> list[JSON]:
    envelope = engine.provider.envelope
    try:
        return as_list(envelope.pick(answer.body, envelope.many))
    except LookupError:
        return []


# What may be asked for


@dataclass(frozen=True, kw_only=True)
class _Option:
    default: Any
    allowed: str
    fits: Callable[[Any], bool]


_Act: TypeAlias = Callable[[Fault, "Engine", Request], Answer]


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """`act` answers in the engine's place; without one, the answer is late and no more."""

    act: _Act | None
    meets: Literal["requests", "listings", "writes"] = "requests"
    options: Mapping[str, _Option] = field(default_factory=dict[str, _Option])


def _one_of(*known: int) -> _Option:
    told = f"one of {', '.join(map(str, known))}"
    return _Option(default=known[0], allowed=told, fits=lambda n: type(n) is int and n in known)


_SECONDS = _Option(
    default=0.0,
    allowed=f"seconds from 0 to {_LONGEST:,}",
    fits=lambda given: _is_number(given) and 0 <= given <= _LONGEST,
)
_RETRY_AFTER = _Option(
    default=None,
    allowed=f"whole seconds from 0 to {_LONGEST:,}, or None",
    fits=lambda given: given is None or (type(given) is int and 0 <= given <= _LONGEST),
)
_KINDS: Mapping[str, _Kind] = {
    "latency": _Kind(act=None, options={"seconds": _SECONDS, "up_to": _SECONDS}),
    "rate_limited": _Kind(act=_rate_limited, options={"retry_after": _RETRY_AFTER}),
    "server_error": _Kind(
        act=_server_error, options={"status": _one_of(500, 503), "retry_after": _RETRY_AFTER}
    ),
    "written_then_500": _Kind(act=_written_then_500, meets="writes"),
    "written_then_dropped": _Kind(act=partial(_carried, "dropped"), meets="writes"),
    "dropped": _Kind(act=_dropped),
    "slow_body": _Kind(act=partial(_carried, "slow")),
    "truncated_body": _Kind(act=partial(_carried, "cut")),
    "html": _Kind(act=_html, options={"status": _one_of(200, 500, 502, 503, 504)}),
    "unsuccessful": _Kind(act=_unsuccessful),
    "expired_token": _Kind(act=_expired_token),
    "duplicated_row": _Kind(act=_duplicated_row, meets="listings"),
    "deleted_row": _Kind(act=_deleted_row, meets="listings"),
}
KINDS = tuple(_KINDS)


def _checked(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A kind's options, with defaults for those that are not given."""
    if kind not in KINDS:
        raise ConfigurationError(f"there is no fault {kind!r}; {nearest(str(kind), KINDS)}")
    known = _KINDS[kind].options
    for name, given in options.items():
        if name not in known:
            raise ConfigurationError(f"the fault {kind} takes no {name}=; {nearest(name, known)}")
        if not known[name].fits(given):
            raise ConfigurationError(f"{name}={given!r} must be {known[name].allowed}")
    checked = {name: each.default for name, each in known.items()} | dict(options)
    if kind == "latency" and not 0 < max(checked["seconds"], checked["up_to"]):
        raise ConfigurationError("the fault latency needs seconds= or up_to=, above 0")
    if "up_to" in options and checked["up_to"] < checked["seconds"]:
        raise ConfigurationError("up_to= must be no less than seconds=")
    return checked
