"""The folder of a fleet's export: a folder an account, and `_SUCCESS` once all are whole.

Calls that export the same accounts into one folder share a run, which ends with `_SUCCESS`. While
it lasts, the hidden folder `_export` has a file for each account that is done. The driver and all
workers see one folder.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from contactkit._fleet.folders import ELSEWHERE, identify, is_folder
from contactkit._frames.files import write_private
from contactkit._frames.paths import reason_of
from contactkit.errors import ConfigurationError, InvalidInputError, warn

_COLUMN = "account="
_WHERE = "fleet"


class Dataset:
    """The folder of an export; every process makes its own."""

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, str | Path) or not str(path):
            raise InvalidInputError.one(_WHERE, "folder", "must be the path of a folder")
        self.path = Path(os.path.realpath(Path(path).expanduser()))
        self._run = self.path / "_export"
        self._success = self.path / "_SUCCESS"

    def folder(self, account: str) -> Path:
        """The folder of one account."""
        return self.path / f"{_COLUMN}{account}"

    def accounts(self) -> list[str]:
        """The accounts that have a folder."""
        found = self.path.glob(f"{_COLUMN}*")
        return sorted(path.name.removeprefix(_COLUMN) for path in found if path.is_dir())

    def begin(self, *, resume: bool) -> str:
        """Join the run that is going on, or begin one; returns what identifies the folder."""
        with self._writing():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not resume:
                self._remove_run()
            # Before the run begins, so that no run has an older `_SUCCESS`.
            if not self._run.exists():
                self._success.unlink(missing_ok=True)
            self._run.mkdir(mode=0o700, exist_ok=True)
        return identify(self.path)

    def check(self, id: str) -> None:
        """ConfigurationError unless this process sees the folder that the call began in."""
        if not is_folder(self.path, id):
            raise ConfigurationError(f"{self.path}: {ELSEWHERE}")

    def begun(self, account: str) -> bool:
        """Note that an account's export begins; whether it had begun in this run."""
        with self._writing():
            file = self._run / f"{account}.begun"
            had_begun = file.exists()
            file.touch(mode=0o600)
            return had_begun

    def done(self, account: str) -> dict[str, Any] | None:
        """What was noted of an account that is done in this run; None if it is not.

        A damaged note counts as none. ConfigurationError if there is no run.
        """
        file = self._run / f"{account}.json"
        with suppress(FileNotFoundError, ValueError):
            noted = json.loads(file.read_bytes())
            if isinstance(noted, dict) and "rows" in noted:
                return noted
        if self._run.exists():
            return None
        # Another call may have ended the run.
        with suppress(OSError, ValueError):
            if account in (ended := json.loads(self._success.read_bytes()))["accounts"]:
                return ended["accounts"][account]
        raise ConfigurationError(f"{self.path}: {ELSEWHERE}")

    def note(self, account: str, facts: dict[str, Any]) -> None:
        """Note that an account is done."""
        with self._writing():
            write_private(self._run / f"{account}.json", json.dumps(facts).encode())

    def finish(self, accounts: Iterable[str]) -> None:
        """End the run once these accounts are done."""
        facts: dict[str, Any] = {}
        for account in accounts:
            with suppress(FileNotFoundError, ConfigurationError):
                facts[account] = self.done(account)
        with self._writing():
            write_private(self._success, json.dumps({"accounts": facts}).encode())
            self._remove_run()
        if others := [name for name in self.accounts() if name not in facts]:
            warn(f"{self.path} also has accounts that the fleet lacks: {', '.join(others)}")

    def _remove_run(self) -> None:
        """Remove the folder of the run at once, also while another process reads it."""
        ended = self.path / f".export-{uuid.uuid4().hex}"
        with suppress(FileNotFoundError):
            os.replace(self._run, ended)
        shutil.rmtree(ended, ignore_errors=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"{self.path}: cannot be written: {reason_of(error)}"
            raise ConfigurationError(message) from None
