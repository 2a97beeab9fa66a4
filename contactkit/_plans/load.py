"""Plans that are not made from two frames: loaded from a file, or taken from a result frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contactkit._frames.tabular import Tabular, as_frame, name_type
from contactkit._http.request import segment
from contactkit._journal.reading import parse_reading
from contactkit._plans import parquet
from contactkit._plans.build import plan_rows
from contactkit._plans.home import Home
from contactkit._plans.labels import name_rows
from contactkit._plans.name import PlanName
from contactkit._plans.options import read_checked
from contactkit._plans.plan import Plan
from contactkit._providers import find
from contactkit.errors import ConfigurationError, InvalidInputError
from contactkit.spec.outcome import Outcome
from contactkit.spec.validate import accepted_fields

if TYPE_CHECKING:
    from contactkit._client.plans import PlanRunner


def read_plan(path: str | Path, client: Any = None) -> Plan:
    """Load a plan that `Plan.to_parquet` saved; with a client it can be applied and undone.

    Without a client, its ETA assumes that the declared limits are unused. Raises ConfigurationError
    if the file is not a plan, was changed since it was saved, or is for another provider.
    """
    contacts, index, attrs = parquet.read(path)
    # Only the client has the declaration of a custom provider.
    runner = None if client is None else _runner(client, attrs["provider"])
    try:
        plan = Plan(
            provider=runner.session.provider if runner else find(attrs["provider"]),
            contacts=contacts,
            index=index,
            created=_time(attrs["created"]),
            unchanged=attrs["unchanged"],
            vanished=attrs["vanished"],
            opt_in=attrs["opt_in"],
            of=_rows_of(attrs["name"], attrs["numbers"], len(contacts)),
            read=parse_reading(attrs["read"]),
            without_original=attrs["without_original"],
            home=_home(attrs["home"]) if attrs["home"] else None,
            runner=runner,
        )
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{path}: is not a plan: {error}") from None
    _check_writes(path, plan)
    if plan.digest != attrs["digest"]:
        raise ConfigurationError(f"{path}: the file was changed after the plan was saved")
    return plan


def _check_writes(path: str | Path, plan: Plan) -> None:
    """ConfigurationError unless the provider has the verb, key and fields of every planned write.

    Another version of the provider's declaration may have saved the file.
    """
    provider = plan.provider
    verbs = {endpoint.verb: endpoint for endpoint in provider.endpoints}
    for row, write in enumerate(plan.contacts, 1):
        if write.problems:
            continue
        where = f"{path}: row {row} cannot be sent to {provider.title}"
        endpoint = verbs.get(write.operation)
        if endpoint is None:
            raise ConfigurationError(f"{where}, which has no {write.operation}")
        accepted = accepted_fields(provider, endpoint)
        if unknown := sorted({*write.changes, *write.options} - accepted.keys()):
            raise ConfigurationError(f"{where}: {write.operation} takes no {', '.join(unknown)}")
        try:
            segment(provider, endpoint, write.key)
        except InvalidInputError as error:
            raise ConfigurationError(f"{where}: {error.problems[0]}") from None


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time has no zone")
    return time


def _rows_of(name: str, numbers: list[Any], count: int) -> tuple[str, tuple[int, ...]] | None:
    """The plan's name and its rows in the journal, if it is a part of another one."""
    if not numbers:
        return None
    known = {number for number in numbers if type(number) is int}
    if not len(known) == len(numbers) == count:
        raise ValueError("its rows in the journal are not one number per contact")
    return name, tuple(numbers)


def _home(parts: Mapping[str, Any]) -> Home:
    if not all(isinstance(part, str) and part.isprintable() for part in parts.values()):
        raise ValueError("its home is not text")
    return Home(**parts)


def with_client(plan: Plan, client: Any) -> Plan:
    """The plan with this client; ConfigurationError if it is for another provider."""
    return replace(plan, runner=_runner(client, plan.provider.name))


def _runner(client: Any, provider: str) -> PlanRunner:
    runner: PlanRunner | None = getattr(getattr(client, "contacts", None), "runner", None)
    if runner is None:
        raise ConfigurationError("client must be a client made by contactkit.connect()")
    name = runner.session.provider.name
    if name != provider:
        raise ConfigurationError(f"the plan is for {provider}, but the client is for {name}")
    return runner


def plan_from(
    result: pd.DataFrame,
    outcomes: Iterable[str] = (Outcome.FAILED, Outcome.UNKNOWN),
    *,
    edited: Tabular | None = None,
) -> Plan:
    """A plan of the contacts that have these outcomes in a result frame of `plan.apply()`.

    The journal still applies: a write with an unknown outcome is settled, not simply sent again.
    Contacts that the provider refused are sent again if `outcomes` includes "refused". Those that
    were refused when they were planned are so again, which the plan says; with "refused" alone,
    `edited` may be the mended frame, whose rows with the labels of the refused ones are planned
    anew, with the options of the first plan, but without deletes. Raises InvalidInputError unless
    `result` is a result frame from this process, or rows of one.
    """
    wanted = {outcomes} if isinstance(outcomes, str) else {*outcomes}
    if unknown := wanted - {*Outcome}:
        names = ", ".join(map(repr, sorted(unknown)))
        message = f"{names} is not an outcome; allowed: {', '.join(Outcome)}"
        raise InvalidInputError.one("plan_from", "outcomes", message)
    name = result.attrs.get("plan") if isinstance(result, pd.DataFrame) else None
    if not isinstance(name, PlanName) or name.plan is None or "outcome" not in result:
        message = "must be a result frame of plan.apply() in this process, or rows of one"
        raise InvalidInputError.one("plan_from", "result", message)
    plan = name.plan
    rows = result.loc[result["outcome"].isin([*wanted])]
    positions = np.array([*_positions(plan, rows)], dtype=np.intp)
    if edited is not None:
        return _plan_mended(plan, wanted, positions, as_frame(edited))
    return replace(
        plan,
        contacts=tuple(plan.contacts[position] for position in positions),
        index=plan.index.take(positions),
        unchanged=0,
        vanished=0,
        of=(plan.name, tuple(plan.numbers[position] for position in positions)),
        again=Outcome.REFUSED in wanted,
        remark=_remark(plan, wanted, positions),
    )


def _remark(plan: Plan, wanted: Iterable[str], positions: Any) -> str:
    """Why the part of a plan sends nothing, if so."""
    if not len(positions):
        return f"empty, since no row of the result is {' or '.join(sorted(wanted))}"
    if all(plan.contacts[position].problems for position in positions):
        return "all were refused when they were planned; mend the rows and give them as edited="
    return ""


def _plan_mended(plan: Plan, wanted: Iterable[str], positions: Any, edited: Any) -> Plan:
    """A new plan of the rows that have the labels of these contacts of an earlier one."""
    if {*wanted} != {Outcome.REFUSED}:
        message = "is for rows that were refused: plan_from(result, 'refused', edited=…)"
        raise InvalidInputError.one("plan_from", "edited", message)
    if plan.source is None:
        message = "needs the plan in the process that made it; plan the frame with contacts.plan"
        raise InvalidInputError.one("plan_from", "edited", message)
    source = plan.source
    # A delete has no row, and its label is of the original.
    writes = [place for place in positions if plan.contacts[place].operation != "delete"]
    rows = _rows_labelled(edited, plan.index.take(np.array(writes, dtype=np.intp)))
    options = replace(source.options, delete=False)
    checked = read_checked(plan.provider, rows, options, has_original=not source.current)
    mended = plan_rows(plan.session, checked, source.original, options, current=source.current)
    return replace(mended, vanished=0, runner=plan.runner)


def _rows_labelled(edited: Any, labels: pd.Index) -> pd.DataFrame:
    """The rows of a mended frame that have these labels; InvalidInputError if it lacks any."""
    if not isinstance(edited, pd.DataFrame):
        message = f"must be a DataFrame of contacts, not {name_type(edited)}"
        raise InvalidInputError.one("plan_from", "edited", message)
    same_kind = edited.index.nlevels == labels.nlevels
    rows = edited.loc[edited.index.isin(labels)] if same_kind else edited.head(0)
    missing = np.flatnonzero(~labels.isin(rows.index)) if same_kind else np.arange(len(labels))
    if len(missing):
        named = name_rows(labels, missing.tolist())
        message = f"lacks rows that were refused: {named}; keep the labels of the first frame"
        raise InvalidInputError.one("plan_from", "edited", message)
    return rows


def _positions(plan: Plan, rows: pd.DataFrame) -> Iterator[int]:
    """The positions in the plan of the contacts of result rows, by the caller's label and key."""
    positions: dict[Any, list[int]] = {}
    for position, (label, contact) in enumerate(zip(plan.index, plan.contacts, strict=True)):
        positions.setdefault((label, contact.operation, contact.key), []).append(position)
    for label, operation, key in zip(rows.index, rows["operation"], rows["key"], strict=True):
        same = positions.get((label, operation, "" if key is pd.NA else key))
        # A new contact may not have had a key before it was created.
        same = same or positions.get((label, operation, ""))
        if not same:
            message = "has rows that are not in its plan"
            raise InvalidInputError.one("plan_from", "result", message)
        yield same.pop(0)
