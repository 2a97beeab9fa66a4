"""A plan of a fleet: the plans of all accounts, kept beside their export."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from contactkit._fleet.plan_steps import APPLY_COLUMNS, PLAN_COLUMNS, ApplyStep, UndoStep
from contactkit._fleet.progress import drive
from contactkit._fleet.report import FleetReport, make_report
from contactkit._fleet.work import OUTCOMES, Row, Step
from contactkit._frames.files import write_private
from contactkit._frames.paths import reason_of
from contactkit._plans.apply_options import check_options
from contactkit._plans.tables import as_html, as_text
from contactkit.errors import ConfigurationError, InvalidInputError, warn
from contactkit.spec.validate import to_python

if TYPE_CHECKING:
    from contactkit._fleet.fleet import Fleet

_TITLE = "contactkit fleet plan"
_FILE = "plan.json"
_FORMAT = 1


@dataclass(frozen=True, eq=False, repr=False)
class FleetPlan:
    """The writes that `Fleet.plan` plans, in files in `path`; nothing is sent yet.

    `report` has a row an account, with the numbers of contacts that are `planned`, `refused`,
    `unchanged` and opted in (`opts_in`), of requests `to_send`, and the `least_seconds` that those
    take under the rate limits. Its `message` has the most frequent reasons of refusals.
    """

    fleet: Fleet
    path: Path
    report: FleetReport

    def failed(self) -> pd.DataFrame:
        """The rows of the accounts that could not be planned."""
        return self.report.failed()

    def count(self, name: str) -> int:
        """The sum of a column of the report."""
        return int(sum(self.report.frame[name].dropna()))

    def apply(
        self,
        *,
        dry_run: bool = False,
        stop_after_failures: float | None = None,
        concurrency: int = 16,
        on_conflict: Literal["refuse", "reread"] | None = None,
        patience: float | None = None,
    ) -> FleetReport:
        """Send the plans of all accounts; the options are those of `Plan.apply`.

        The same call again resumes it, in another process too: the journals say what is done, and
        an account fails where a task sees others. An account is done once no contact is failed,
        unknown or left; it is stopped where a rate limit would take longer than `patience`. The
        report counts the contacts by their outcome. Raises InvalidInputError for these options, and
        ConfigurationError if the workers are on several machines, unless the scheduler has the
        journals.
        """
        options = check_options(
            "fleet apply",
            dry_run=dry_run,
            limit=None,
            stop_after_failures=stop_after_failures,
            concurrency=concurrency,
            on_conflict=on_conflict,
            patience=patience,
        )
        step = ApplyStep(str(self.path), self.fleet.journals, options)
        accounts = [*self.fleet.accounts]
        return make_report("contactkit fleet apply", self._drive(step), accounts, APPLY_COLUMNS)

    def undo(self, *, opt_in: bool = False) -> FleetPlan:
        """Read the contacts, and plan to undo what the plans have written; as `Plan.undo`."""
        if type(to_python(opt_in)) is not bool:
            raise InvalidInputError.one("fleet undo", "opt_in", "must be True or False")
        path = new_folder(self.path.parent, f"{self.path.name}-undo-")
        step = UndoStep(str(self.path), str(path), self.fleet.journals, bool(opt_in))
        return keep_plan(self.fleet, path, self._drive(step))

    def _drive(self, step: Step) -> list[Row]:
        """Do a step with journals."""
        self.fleet.journals.check(self.fleet.engine)
        return drive(self.fleet.engine, step, [*self.fleet.accounts.values()])

    @property
    def _facts(self) -> dict[str, str]:
        facts = {**self.report.facts, "kept in": str(self.path)}
        seconds = max(self.report.frame["least_seconds"].fillna(0.0), default=0.0)
        facts["takes at least"] = str(pd.Timedelta(seconds=round(seconds)))
        return facts

    def __repr__(self) -> str:
        return as_text(_TITLE, self._facts)

    def _repr_html_(self) -> str:
        return as_html(_TITLE, self._facts)


def new_folder(parent: Path, prefix: str) -> Path:
    """A new folder for plans, named by the time."""
    name = f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:4]}"
    try:
        (parent / name).mkdir(mode=0o700, parents=True)
    except OSError as error:
        message = f"{parent}: cannot be written: {reason_of(error)}"
        raise ConfigurationError(message) from None
    return parent / name


def keep_plan(fleet: Fleet, path: Path, rows: Sequence[Row]) -> FleetPlan:
    """Keep what is known of all accounts beside their plans."""
    write_private(path / _FILE, json.dumps({"format": _FORMAT, "rows": [*rows]}).encode())
    return _plan(fleet, path, rows)


def load_plan(fleet: Fleet, path: str | Path) -> FleetPlan:
    """The plan in a folder; ConfigurationError if it is none of this fleet's accounts."""
    if not isinstance(path, str | Path):
        raise InvalidInputError.one("fleet read_plan", "path", "must be the path of a folder")
    place = Path(path).expanduser().absolute()
    try:
        rows: list[Row] = _read_rows(place / _FILE)
        own = [row for row in rows if row["account"] in fleet.accounts]
        plan = _plan(fleet, place, own)
    except OSError as error:
        raise ConfigurationError(f"{path}: is no plan of a fleet: {reason_of(error)}") from None
    except (ValueError, TypeError, KeyError):
        raise ConfigurationError(f"{path}: is no plan of a fleet") from None
    if not own:
        raise ConfigurationError(f"{path}: has no account of this fleet")
    if others := sorted(row["account"] for row in rows if row not in own):
        warn(f"{path} also plans for accounts that the fleet lacks: {', '.join(others)}")
    return plan


def _read_rows(file: Path) -> list[Row]:
    """The rows of a plan; the errors of `json` and ValueError for what is none."""
    kept: Any = json.loads(file.read_bytes())
    if kept["format"] != _FORMAT:
        raise ValueError
    rows = kept["rows"]
    names = [row["account"] for row in rows]
    if len({*names}) < len(names) or not {row["outcome"] for row in rows} <= {*OUTCOMES}:
        raise ValueError
    return rows


def _plan(fleet: Fleet, path: Path, rows: Sequence[Row]) -> FleetPlan:
    return FleetPlan(fleet, path, make_report(_TITLE, rows, [*fleet.accounts], PLAN_COLUMNS))
