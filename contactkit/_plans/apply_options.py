"""The options of an apply, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contactkit._http.session import Session
from contactkit._plans.consent import suppressed_since
from contactkit._plans.home import bound_home, check_home
from contactkit._plans.plan import Plan
from contactkit._plans.progress import Progress, display
from contactkit._plans.steps import ApplySettings, OnConflict
from contactkit.errors import InvalidInputError
from contactkit.spec.validate import to_python

_MOST_AT_ONCE = 256


def check_apply(
    plan: Plan,
    session: Session,
    *,
    dry_run: bool = False,
    limit: int | None = None,
    stop_after_failures: float | None = None,
    concurrency: int = 16,
    progress: bool | Callable[[Progress], None] = True,
    on_conflict: OnConflict = None,
    patience: float | None = None,
    anyway: bool = False,
    title: str = "",
) -> ApplySettings:
    """The options as settings; InvalidInputError says which is invalid and what is allowed.

    `title` tells its progress from that of other plans that are applied at the same time.
    ConfigurationError if the plan has another home, unless it is applied `anyway`.
    """
    where = f"{session.provider.name} apply"
    options = check_options(
        where,
        dry_run=dry_run,
        limit=limit,
        stop_after_failures=stop_after_failures,
        concurrency=concurrency,
        on_conflict=on_conflict,
        patience=patience,
    )
    _check_bool(where, "anyway", anyway)
    if not callable(progress) and type(to_python(progress)) is not bool:
        message = "must be True or False, or a function that takes a Progress"
        raise InvalidInputError.one(where, "progress", message)
    if not anyway:
        check_home(plan, session)
    if options["patience"] is None:
        options["patience"] = session.patience
    return ApplySettings(
        session=session,
        plan=plan.name,
        account=bound_home(plan, session).account,
        opt_in=plan.opt_in,
        suppressed_since=suppressed_since(plan),
        report=progress if callable(progress) else display(title) if progress else None,
        **options,
    )


def check_options(
    where: str,
    *,
    dry_run: bool,
    limit: int | None,
    stop_after_failures: float | None,
    concurrency: int,
    on_conflict: OnConflict,
    patience: float | None,
) -> dict[str, Any]:
    """The options that need no plan; InvalidInputError as `check_apply`."""
    _check_bool(where, "dry_run", dry_run)
    if on_conflict not in (None, "refuse", "reread"):
        raise InvalidInputError.one(where, "on_conflict", "must be 'refuse', 'reread' or None")
    return {
        "dry_run": bool(dry_run),
        "limit": None if limit is None else _whole_number(where, "limit", limit),
        "stop_after_failures": _number_or_share(where, stop_after_failures),
        "concurrency": _whole_number(where, "concurrency", concurrency, _MOST_AT_ONCE),
        "on_conflict": on_conflict,
        "patience": None if patience is None else _seconds(where, patience),
    }


def _check_bool(where: str, name: str, value: Any) -> None:
    if type(to_python(value)) is not bool:
        raise InvalidInputError.one(where, name, "must be True or False")


def _whole_number(where: str, name: str, number: Any, most: int | None = None) -> int:
    """A whole number from 1."""
    value = to_python(number)
    if type(value) is not int or value < 1 or (most and value > most):
        span = f"from 1 to {most}" if most else "above 0"
        raise InvalidInputError.one(where, name, f"must be a whole number {span}")
    return value


def _number_or_share(where: str, number: Any) -> float | None:
    """A number of contacts, or a share of them; None for neither."""
    value = to_python(number)
    if value is None or (type(value) is int and value >= 1):
        return value
    if type(value) is not float or not 0 < value < 1:
        message = "must be a whole number above 0, or a share between 0 and 1, such as 0.05"
        raise InvalidInputError.one(where, "stop_after_failures", message)
    return value


def _seconds(where: str, number: Any) -> float:
    """A time in seconds."""
    value = to_python(number)
    if type(value) not in (int, float) or not value >= 0:
        raise InvalidInputError.one(where, "patience", "must be a number of seconds, at least 0")
    return float(value)
