"""The steps that only read: one contact of an account, or all of them into a folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from contactkit._client.client import Client
from contactkit._client.export import Export
from contactkit._client.export_folder import FolderInUseError
from contactkit._fleet.accounts import Account
from contactkit._fleet.controls import NAP, OTHERS_PATIENCE
from contactkit._fleet.dataset import Dataset
from contactkit._fleet.work import Facts
from contactkit.errors import keep_warnings


def check_account(account: Account, client: Client) -> Facts:
    """Read one contact of an account."""
    # The list is cut at one contact, and says so.
    with keep_warnings():
        found = client.contacts.list(limit=1)
    return {"message": "" if len(found) else "has no contacts"}


EXPORT_COLUMNS: dict[str, str] = {
    name: "Int64" for name in ("rows", "files", "problems", "resumed")
}


@dataclass(frozen=True)
class ExportStep:
    """Export all contacts of an account into its folder of the dataset with this id."""

    path: str
    id: str
    rows_per_file: int
    resume: bool

    def __call__(self, account: Account, client: Client) -> Facts:
        """Export them, unless that is done in this run."""
        dataset = Dataset(self.path)
        dataset.check(self.id)
        if done := dataset.done(account.name):
            return done | {"resumed": done["rows"]}
        # With resume=False too, a task goes on where its killed worker was.
        resume = dataset.begun(account.name) or self.resume
        export = self._export(client, dataset.folder(account.name), resume)
        facts = {"rows": export.rows, "files": len(export.files), "problems": export.problems}
        dataset.note(account.name, facts)
        return facts | {"resumed": export.resumed}

    def _export(self, client: Client, folder: Path, resume: bool) -> Export:
        """Export, once no task that has lost the account has its folder."""
        until = time.monotonic() + OTHERS_PATIENCE
        while True:
            try:
                return client.contacts.export(
                    folder, resume=resume, rows_per_file=self.rows_per_file
                )
            except FolderInUseError:
                if time.monotonic() > until:
                    raise
                time.sleep(NAP)
