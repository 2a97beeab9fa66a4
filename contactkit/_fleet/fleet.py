"""`fleet`: many accounts, and what is done for all of them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from contactkit._client.export import ROWS_PER_FILE
from contactkit._client.people import people_of
from contactkit._client.read import read_contacts
from contactkit._fleet.accounts import Account, Accounts, read_accounts
from contactkit._fleet.dataset import Dataset
from contactkit._fleet.engines import Dask, Engine
from contactkit._fleet.export import EXPORT_COLUMNS, ExportStep, check_account
from contactkit._fleet.journals import Journals, JournalStep, check_journal, merge_entries
from contactkit._fleet.local_engines import Page, Threads
from contactkit._fleet.plan import FleetPlan, keep_plan, load_plan, new_folder
from contactkit._fleet.plan_steps import Edit, PlanStep
from contactkit._fleet.progress import drive
from contactkit._fleet.report import FleetReport, make_report
from contactkit._fleet.work import DONE, Row
from contactkit._journal.frame import Since, check_filters
from contactkit._people.people import People
from contactkit._plans.options import PlanOptions
from contactkit._plans.tables import as_html, as_text
from contactkit.errors import ConfigurationError, InvalidInputError, warn
from contactkit.spec.validate import to_python

_MOST_SHOWN = 20


def fleet(accounts: Accounts, *, on: Any = None, journal: str | Path | None = None) -> Fleet:
    """Put many accounts together, to check, export and change them at once; nothing is sent yet.

    `accounts` are a mapping of names to what `connect` takes, such as `{"acme": {"provider":
    "…", "api_key": "$ACME_KEY"}}`, or a DataFrame, a CSV or a TOML file with those columns; a table
    has the names in `account`. A secret is never given itself: `$NAME` is a variable of the
    environment where the work is done. That is on the workers of a Dask cluster if `on` is its
    `distributed.Client`, which needs the extra `dask`, or else on threads of this process; in a
    browser, which has none, one account is done after the other.

    An account is the unit: it has one task a call, one client, and so one rate budget, and no two
    tasks use it at the same time, under whatever name. What fails is a row, never raised, and the
    same call again goes on from there. Writes are recorded in a journal an account, in the folder
    `journal`, or else in one of the user who does the work, on a disk that all workers have. With
    workers on several machines, `journal="scheduler"` keeps them on the disk of the cluster's
    scheduler, in a folder of its user, or in the one that `"scheduler:/folder"` names: let it be on
    a disk that outlives the scheduler. Raises ConfigurationError for an account that `connect`
    would refuse.
    """
    journals = check_journal(journal, has_scheduler=on is not None)
    return Fleet(read_accounts(accounts), _engine(on), journals)


@dataclass(frozen=True, eq=False, repr=False)
class Fleet:
    """The accounts by name, where their tasks run, and their journals; `fleet` makes one."""

    accounts: dict[str, Account]
    engine: Engine
    journals: Journals

    def __len__(self) -> int:
        """How many accounts it has."""
        return len(self.accounts)

    def check(self) -> FleetReport:
        """Read one contact of each account; a row each.

        On Dask, an account is not done either if any worker lacks a variable of it.
        """
        rows = drive(self.engine, check_account, self._all)
        missing = self.engine.missing(self._all)
        rows = [_with_missing(row, missing.get(row["account"], "")) for row in rows]
        return self._report("check", rows, {})

    def export(
        self, folder: str | Path, *, resume: bool = True, rows_per_file: int = ROWS_PER_FILE
    ) -> FleetReport:
        """Export all contacts into `folder`, which has a folder `account=…` an account.

        Files are as `contacts.export` writes them: accounts of one provider have one schema. An
        account's folder is replaced as a whole once it is whole. `_SUCCESS` is in `folder` while
        all are of one night: the first call takes it away, the last puts it back. Until then the
        same call again exports what is not done, in another process too; then it exports all again.
        With `resume=False` all begin again, and an export of another account may be replaced. The
        driver and the workers must see the same folder.

        The report has `rows`, `files`, `problems` (cells that are not as documented) and `resumed`
        (the contacts that earlier calls had saved). Needs the extra `parquet`. Raises
        InvalidInputError for these arguments, and ConfigurationError if `folder` cannot be written.
        """
        _check_export(resume, rows_per_file)
        dataset = Dataset(folder)
        id = dataset.begin(resume=bool(resume))
        step = ExportStep(str(dataset.path), id, rows_per_file, bool(resume))
        report = self._report("export", drive(self.engine, step, self._all), EXPORT_COLUMNS)
        if not len(report.failed()):
            dataset.finish(self.accounts)
        return report

    def plan(
        self,
        folder: str | Path,
        edit: Edit,
        *,
        create: bool = False,
        delete: bool = False,
        opt_in: bool = False,
    ) -> FleetPlan:
        """Plan what `edit` changes in the contacts that `export` has put into `folder`.

        `edit` gets a contact frame of one file at a time, and returns the edited frame; it runs
        where the tasks run. The options are those of `contacts.plan`: with `delete`, contacts that
        `edit` leaves out are deleted. Plans are kept in a new folder in `folder/_plans`, so that
        neither export nor plan must fit into memory. An account whose `edit` raises has no plan,
        and its row says why. The same call again, with the same export, makes the same plan: what
        the `apply` of one has sent, that of the other does not send again.

        Raises InvalidInputError for these arguments, and ConfigurationError if there is no `folder`
        or it cannot be written.
        """
        if not callable(edit):
            message = "must be a function that takes a contact frame and returns the edited one"
            raise InvalidInputError.one("fleet plan", "edit", message)
        options = PlanOptions(create=create, delete=delete, opt_in=opt_in)
        for account in self._all:
            options.check(account.provider, has_original=True)
        dataset = Dataset(folder)
        if not dataset.path.is_dir():
            raise ConfigurationError(f"{dataset.path}: is no export; call fleet.export first")
        path = new_folder(dataset.path / "_plans", "")
        step = PlanStep(str(dataset.path), str(path), edit, vars(options))
        return keep_plan(self, path, drive(self.engine, step, self._all))

    def read_plan(self, path: str | Path) -> FleetPlan:
        """The plan that is kept in a folder; ConfigurationError if there is none of this fleet."""
        return load_plan(self, path)

    def journal(
        self, *, since: Since = None, plan: object = None, account: str | None = None
    ) -> pd.DataFrame:
        """The journals of all accounts in one frame, as `contactkit.journal`, oldest first.

        The first column is the account's `name`; the filters are those of `contactkit.journal`. A
        journal that cannot be read is left out with a warning.
        """
        filters = check_filters(since, plan, account)
        self.journals.check(self.engine)
        rows = drive(self.engine, JournalStep(self.journals, filters), self._all)
        for row in rows:
            if row["outcome"] != DONE:
                warn(f"the journal of {row['account']} is left out: {row['message']}")
        read = [row for row in rows if "entries" in row]
        return merge_entries([(row["account"], row["journal"], row["entries"]) for row in read])

    def people(self, folder: str | Path, **options: Any) -> People:
        """The people table over all accounts, from what `export` has put into `folder`.

        The sources have the names of the accounts; the options are those of `contactkit.people`.
        Raises ConfigurationError if an account is missing there, because its noes would be too, and
        the errors of `contactkit.people`.
        """
        dataset = Dataset(folder)
        if missing := sorted({*self.accounts} - {*dataset.accounts()}):
            message = f"{dataset.path}: has no export of {', '.join(missing)}"
            raise ConfigurationError(f"{message}; call fleet.export first")
        frames: dict[str, Any] = {
            account.name: read_contacts(dataset.folder(account.name), account.provider)
            for account in self._all
        }
        return people_of(frames, **options)

    @property
    def _all(self) -> list[Account]:
        return [*self.accounts.values()]

    def _report(self, title: str, rows: Sequence[Row], columns: Mapping[str, str]) -> FleetReport:
        return make_report(f"contactkit fleet {title}", rows, [*self.accounts], columns)

    def _facts(self) -> dict[str, str]:
        counts = Counter(account.provider.title for account in self._all)
        facts = {"accounts": f"{len(self):,}: {', '.join(f'{n:,} {t}' for t, n in counts.items())}"}
        facts["runs on"] = self.engine.place
        for account in self._all[:_MOST_SHOWN]:
            variables = ", ".join(f"{name}=${each}" for name, each in account.variables.items())
            parts = [account.provider.title, variables, f"limits {account.limits}"]
            facts[account.name] = ", ".join(filter(None, parts))
        if len(self) > _MOST_SHOWN:
            facts["and"] = f"{len(self) - _MOST_SHOWN:,} more"
        return facts

    def __repr__(self) -> str:
        return as_text("contactkit fleet", self._facts())

    def _repr_html_(self) -> str:
        return as_html("contactkit fleet", self._facts())


def _engine(on: Any) -> Engine:
    if on is not None:
        return Dask(on)
    return Page() if sys.platform == "emscripten" else Threads()


def _check_export(resume: object, rows_per_file: object) -> None:
    where = "fleet export"
    if type(to_python(resume)) is not bool:
        raise InvalidInputError.one(where, "resume", "must be True or False")
    if type(to_python(rows_per_file)) is not int or to_python(rows_per_file) < 1:
        raise InvalidInputError.one(where, "rows_per_file", "must be a whole number above 0")


def _with_missing(row: Row, missing: str) -> Row:
    if not missing or row["outcome"] != DONE:
        return row
    return row | {"outcome": "failed", "message": missing}
