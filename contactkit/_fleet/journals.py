"""The journals of a fleet: a file an account, where the tasks run or on the scheduler's disk."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, ClassVar

import pandas as pd

from contactkit._client.client import Client
from contactkit._fleet.accounts import Account
from contactkit._fleet.disk_journals import journal_folder
from contactkit._fleet.engines import Engine
from contactkit._fleet.folders import identify, note_once
from contactkit._fleet.remote_journal import RemoteJournal
from contactkit._fleet.work import Facts
from contactkit._frames.frame import STRING, declared_frame
from contactkit._http.session import Session
from contactkit._journal.frame import JOURNAL_COLUMNS, journal_frame
from contactkit._journal.store import Journal
from contactkit.errors import ConfigurationError

_SCHEDULER = "scheduler"
# The file of a plan that identifies its journals.
_BOUND = "journals"


@dataclass(frozen=True)
class Journals:
    """The folder of the journals, of one of the user's if it is None.

    It is where the tasks run, or else `on_scheduler`.
    """

    folder: str | None
    on_scheduler: bool = False

    def check(self, engine: Engine) -> None:
        """ConfigurationError unless all tasks of an engine can have the same journals."""
        if not self.on_scheduler and len(hosts := engine.hosts()) > 1:
            raise ConfigurationError(
                f"the workers are on {len(hosts)} machines, but the journals are on a disk of one: "
                "without them, what one worker has sent another would send again; use "
                "fleet(…, journal='scheduler')"
            )

    def name(self, account: Account, session: Session, digest: str = "") -> str:
        """The name of an account's journal, which all names of the account have in common.

        `digest` is that of the account for which a plan was made: it may have a new key since.
        """
        own = (digest or session.account) if session.world.real else account.name
        return f"{session.provider.name}-{own}.sqlite3"

    def bind(self, plan: str) -> None:
        """Bind a plan to these journals; ConfigurationError if it has been begun with others.

        A task on another machine, or a scheduler on another disk, would send all of it again.
        """
        if note_once(Path(plan) / _BOUND, id := self._id()) != id:
            place = "the scheduler" if self.on_scheduler else f"the machine {platform.node()}"
            raise ConfigurationError(
                f"the journals on {place} are not those with which {plan} was begun: use those, "
                "and fleet(…, journal='scheduler') for workers that share no disk. If they are "
                f"lost, remove {_BOUND} there: what was sent without a key may be sent again"
            )

    def _id(self) -> str:
        """What identifies the folder of the journals."""
        if self.on_scheduler:
            return RemoteJournal(self.folder, "").folder()
        return identify(journal_folder(self.folder))

    def find(self, name: str) -> Journal | RemoteJournal:
        """The journal of this name, in a task."""
        if self.on_scheduler:
            return RemoteJournal(self.folder, name)
        return Journal(journal_folder(self.folder) / name)

    def open(self, account: Account, client: Client, digest: str = "") -> None:
        """Let a client record its writes in the account's journal."""
        session = client._session
        journal: Any = self.find(self.name(account, session, digest))
        session.journal = session.plan_journal = journal


@dataclass(frozen=True)
class JournalStep:
    """Read the entries of an account's journal that the filters select."""

    journals: Journals
    filters: tuple[float | None, str, str]
    needs_lease: ClassVar[bool] = False

    def __call__(self, account: Account, client: Client) -> Facts:
        """The journal's name and its entries."""
        name = self.journals.name(account, client._session)
        entries = self.journals.find(name).entries(*self.filters)
        return {"journal": name, "entries": journal_frame(entries)}


def check_journal(journal: object, *, has_scheduler: bool) -> Journals:
    """The journals in a folder or on the scheduler; ConfigurationError for what is neither."""
    if journal is None:
        return Journals(None)
    if not isinstance(journal, str | Path) or not str(journal):
        raise ConfigurationError(
            "journal= must be the path of a folder, or 'scheduler' or 'scheduler:/folder' for "
            "journals on the disk of Dask's scheduler"
        )
    where, _, folder = str(journal).partition(":")
    if where != _SCHEDULER or isinstance(journal, Path):
        return Journals(os.path.abspath(os.path.expanduser(journal)))
    if not has_scheduler:
        message = "journal='scheduler' needs the cluster that has it: fleet(…, on=dask_client)"
        raise ConfigurationError(message)
    if folder and not any(kind(folder).is_absolute() for kind in (PurePosixPath, PureWindowsPath)):
        raise ConfigurationError(
            f"journal={journal!r} must have an absolute path, as the scheduler's"
        )
    return Journals(folder or None, on_scheduler=True)


def merge_entries(found: list[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """The entries of all journals, oldest first, with the account's name as the first column.

    Accounts with the journal of another one have no entries of their own.
    """
    by_journal = {journal: (name, entries) for name, journal, entries in reversed(found)}
    parts = [entries.assign(name=name) for name, entries in by_journal.values() if len(entries)]
    if not parts:
        return declared_frame({"name": STRING, **JOURNAL_COLUMNS}, [])
    merged = pd.concat(parts, ignore_index=True).sort_values("made_at", kind="stable")
    merged.insert(0, "name", merged.pop("name").astype(STRING))
    return merged.reset_index(drop=True)
