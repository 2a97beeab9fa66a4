"""`contactkit fleet`: check, export, plan and apply for all accounts of a file."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, cast

import typer

from contactkit._client.export import ROWS_PER_FILE
from contactkit._fleet.engines import connect_dask
from contactkit._fleet.fleet import Fleet, fleet
from contactkit._fleet.plan_steps import Edit
from contactkit._fleet.report import FleetReport
from contactkit._fleet.work import describe
from contactkit.cli.apply import ask_to_send, confirm_opt_in
from contactkit.cli.options import EXISTING, Create, Delete, OptIn, RowsPerFile, need_parquet
from contactkit.cli.output import say, show

app = typer.Typer(
    no_args_is_help=True, help="Check, export, plan and apply for all accounts of a file."
)

FleetFile = Annotated[
    Path,
    typer.Argument(
        metavar="FLEET",
        help="A TOML or CSV file of accounts; a secret is the name of a variable: '$NAME'.",
        **EXISTING,
    ),
]
Folder = Annotated[Path, typer.Argument(help="The folder of the export.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Do the work on the Dask cluster with this scheduler, not here.", metavar="ADDRESS"
    ),
]
JournalPlace = Annotated[
    str | None,
    typer.Option(
        "--journal",
        help="Keep the journals in this folder, or on the scheduler: scheduler[:/folder].",
        metavar="FOLDER",
    ),
]


@app.command()
def check(file: FleetFile, scheduler: Scheduler = None) -> None:
    """Read one contact of each account.

    The exit status is 1 if an account failed.
    """
    with _opened(file, scheduler) as opened:
        _end(opened.check())


@app.command()
def export(
    file: FleetFile,
    folder: Folder,
    resume: Annotated[
        bool, typer.Option(help="Go on with what was stopped, or start again.")
    ] = True,
    rows_per_file: RowsPerFile = ROWS_PER_FILE,
    scheduler: Scheduler = None,
) -> None:
    """Export all contacts of all accounts.

    The same command again resumes it. The exit status is 1 if an account failed.
    """
    need_parquet()
    with _opened(file, scheduler) as opened:
        _end(opened.export(folder, resume=resume, rows_per_file=rows_per_file))


@app.command()
def plan(
    file: FleetFile,
    folder: Folder,
    edit: Annotated[
        str,
        typer.Argument(
            help="A Python file and its function that edits a contact frame.",
            metavar="FILE.py:FUNCTION",
        ),
    ],
    create: Create = False,
    delete: Delete = False,
    opt_in: OptIn = False,
    scheduler: Scheduler = None,
) -> None:
    """Plan what a function changes in the exported contacts.

    Nothing is sent. The exit status is 1 if an account failed.
    """
    need_parquet()
    function = _load_function(edit)
    with _opened(file, scheduler) as opened:
        planned = opened.plan(folder, function, create=create, delete=delete, opt_in=opt_in)
    say(f"kept in {planned.path}")
    _end(planned.report)


@app.command()
def apply(
    file: FleetFile,
    plan: Annotated[Path, typer.Argument(help="The folder that `contactkit fleet plan` names.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Have providers check each write; write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send without a question.")] = False,
    scheduler: Scheduler = None,
    journal: JournalPlace = None,
) -> None:
    """Apply the plans of all accounts.

    The same command again resumes it. It asks on the terminal before it sends, and without a
    terminal it needs --yes. Before it opts in people who had opted out, it asks on the terminal
    even with --yes. The exit status is 1 if an account failed or stopped early.
    """
    need_parquet()
    with _opened(file, scheduler, journal) as opened:
        saved = opened.read_plan(plan)
        planned, opted_in = saved.count("planned"), saved.count("opts_in")
        say(f"{'dry run: ' * dry_run}{planned:,} contacts of {len(opened):,} accounts")
        if planned and not (yes or dry_run):
            ask_to_send()
        confirm_opt_in(0 if dry_run else opted_in)
        _end(saved.apply(dry_run=dry_run))


@contextmanager
def _opened(file: Path, scheduler: str | None, journal: str | None = None) -> Iterator[Fleet]:
    """The fleet of a file, on a cluster or here."""
    if scheduler is None:
        yield fleet(file, journal=journal)
        return
    client = connect_dask(scheduler)
    try:
        yield fleet(file, on=client, journal=journal)
    finally:
        client.close()


def _load_function(edit: str) -> Edit:
    """The function that `FILE.py:FUNCTION` names."""
    path, _, name = edit.rpartition(":")
    file = Path(path)
    if not path or not file.is_file():
        raise typer.BadParameter(f"{edit}: must be a Python file and a function: FILE.py:FUNCTION")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise typer.BadParameter(f"{file}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        # Workers have no such module, so it must not be in sys.modules: the function is sent whole.
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise typer.BadParameter(f"{file}: cannot be run: {describe(error, [])}") from None
    function = getattr(module, name, None)
    if not callable(function):
        raise typer.BadParameter(f"{file}: has no function {name}")
    return cast("Edit", function)


def _end(report: FleetReport) -> None:
    """Show a report, and exit with status 1 if an account is not done."""
    frame = report.frame.drop(columns="seconds").astype(object)
    empty = [name for name, column in frame.items() if {*column.fillna(0)} <= {0, ""}]
    show(frame.drop(columns=empty), folds=["message"])
    raise typer.Exit(int(len(report.failed()) > 0))
