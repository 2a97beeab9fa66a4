"""The journals of a fleet: a file an account, on a disk that all workers share.

SQLite needs locks that work, which network file systems do not promise.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from contactkit._client.client import Client
from contactkit._fleet.accounts import Account
from contactkit._fleet.work import Facts
from contactkit._frames.frame import STRING, declared_frame
from contactkit._http.session import Session
from contactkit._journal.frame import JOURNAL_COLUMNS, JournalView
from contactkit._journal.store import Journal, own_path
from contactkit.errors import ConfigurationError, JournalError

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = ("nfs", "cifs", "smb", "fuse.", "afs", "ceph", "glusterfs", "lustre", "ncpfs", "davfs")


@dataclass(frozen=True)
class Journals:
    """The folder of the journals, where the tasks run; None is a folder of the user."""

    folder: str | None

    def path(self, account: Account, session: Session, digest: str = "") -> Path:
        """The journal of an account, which all of its names have in common.

        `digest` is that of the account for which a plan was made: it may have a new key since.
        """
        folder = Path(self.folder) if self.folder else own_path().parent / "fleet"
        _check_local(folder)
        own = (digest or session.account) if session.world.real else account.name
        return folder / f"{session.provider.name}-{own}.sqlite3"

    def open(self, account: Account, client: Client, digest: str = "") -> None:
        """Let a client record its writes in the account's journal."""
        session = client._session
        session.journal = session.plan_journal = Journal(self.path(account, session, digest))


def _check_local(folder: Path) -> None:
    """JournalError if a folder is on a network disk, as far as the system says so."""
    kind = _file_system(folder)
    if kind.startswith(_NETWORK):
        raise JournalError(
            f"the journals' folder {folder} is on a network disk ({kind}), whose locks are not "
            "safe; use fleet(…, journal=…) with a folder on a local disk"
        )


def _file_system(folder: Path) -> str:
    """The kind of file system that holds a folder; "" where the system does not say."""
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return ""
    place = os.path.realpath(folder)
    best = ("", "")
    for line in lines:
        point, kind = line.split(" ")[1:3]
        point = point.encode().decode("unicode_escape")
        # Of mounts at one place, the last counts.
        if _is_in(place, point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def _is_in(place: str, point: str) -> bool:
    return place == point or place.startswith(point.rstrip("/") + "/")


@dataclass(frozen=True)
class JournalStep:
    """Read the journal of an account."""

    journals: Journals
    filters: dict[str, Any]
    needs_lease: ClassVar[bool] = False

    def __call__(self, account: Account, client: Client) -> Facts:
        """Its path and its entries."""
        path = self.journals.path(account, client._session)
        return {"path": str(path), "entries": JournalView()(path, **self.filters)}


def check_journal(journal: object) -> Journals:
    """The journals in a folder; ConfigurationError for what is none."""
    if journal is None:
        return Journals(None)
    if not isinstance(journal, str | Path) or not str(journal):
        raise ConfigurationError("journal= must be the path of a folder")
    return Journals(os.path.abspath(os.path.expanduser(journal)))


def merge_entries(found: list[tuple[str, str, pd.DataFrame]]) -> pd.DataFrame:
    """The entries of all journals, oldest first, with the account's name as the first column."""
    by_path = {path: (name, entries) for name, path, entries in reversed(found)}
    parts = [entries.assign(name=name) for name, entries in by_path.values() if len(entries)]
    if not parts:
        return declared_frame({"name": STRING, **JOURNAL_COLUMNS}, [])
    merged = pd.concat(parts, ignore_index=True).sort_values("made_at", kind="stable")
    merged.insert(0, "name", merged.pop("name").astype(STRING))
    return merged.reset_index(drop=True)
