"""The steps that plan, apply and undo: for one account, a part of its contacts at a time.

Plans are kept beside the export, in `_plans`: a folder an account with a plan for each part that
has any write, and `whole.json`, which names these parts, once all parts are planned.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from contactkit._client.client import Client
from contactkit._client.export_state import listing_of
from contactkit._client.read import read_contacts
from contactkit._fleet.accounts import Account
from contactkit._fleet.controls import NAP, OTHERS_PATIENCE
from contactkit._fleet.dataset import Dataset
from contactkit._fleet.folders import ELSEWHERE
from contactkit._fleet.journals import Journals
from contactkit._fleet.work import DONE, FAILED, STOPPED, Facts
from contactkit._frames.files import write_private
from contactkit._http.session import Session
from contactkit._plans.home import bound_home
from contactkit._plans.load import read_plan
from contactkit._plans.pacing import finish_time
from contactkit._plans.plan import Plan
from contactkit._plans.steps import TAKEN
from contactkit.errors import ConfigurationError
from contactkit.spec.outcome import Outcome

Edit = Callable[[pd.DataFrame], pd.DataFrame]
_PLAN_COUNTS = ("planned", "refused", "unchanged", "opts_in", "to_send")
PLAN_COLUMNS = {**dict.fromkeys(_PLAN_COUNTS, "Int64"), "least_seconds": "Float64"}
APPLY_COLUMNS = dict.fromkeys(map(str, Outcome), "Int64")
_WHOLE = "whole.json"
# Before the reasons of refusals, among the counts of a part.
_REFUSED = "refused: "
# More are kept of a part than are shown, so that the numbers of all parts can be added.
_MOST_KEPT, _MOST_SHOWN = 100, 3
_SENT_AGAIN = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PLANNED)


class PlanFolder:
    """The plans of one account."""

    def __init__(self, path: str | Path, account: str) -> None:
        self._path = Path(path) / f"account={account}"
        self._account = account

    def begin(self) -> None:
        """Make the folder; ConfigurationError if it is not in the one that the call began in."""
        self._check_seen()
        self._path.mkdir(mode=0o700, exist_ok=True)

    def _check_seen(self) -> None:
        if not self._path.parent.is_dir():
            raise ConfigurationError(f"{self._path.parent}: {ELSEWHERE}")

    def facts(self, part: str) -> Counter[str] | None:
        """What was counted of a part that is planned."""
        try:
            return Counter(json.loads((self._path / f"{part}.json").read_bytes()))
        except FileNotFoundError:
            return None

    def add(self, part: str, plan: Plan) -> Counter[str]:
        """Keep the plan of a part, unless it is empty."""
        refused = sum(bool(write.problems) for write in plan.contacts)
        counts = Counter(
            planned=len(plan) - refused,
            refused=refused,
            unchanged=plan.unchanged,
            opts_in=plan.opts_in,
            to_send=plan.requests,
        )
        counts.update(_count_reasons(plan))
        if len(plan):
            plan.to_parquet(self._path / f"{part}.parquet")
        write_private(self._path / f"{part}.json", json.dumps(counts).encode())
        return counts

    def finish(self) -> None:
        """Note that all parts are planned."""
        names = [file.name for file in self._plans()]
        write_private(self._path / _WHOLE, json.dumps({"plans": names}).encode())

    def files(self) -> list[Path]:
        """The plans; ConfigurationError unless all parts are planned and all plans are there."""
        self._check_seen()
        where = f"{self._path}: the plan of {self._account}"
        if not self._path.exists():
            raise ConfigurationError(f"{where} was not made with the others: plan again")
        try:
            names = json.loads((self._path / _WHOLE).read_bytes())["plans"]
        except (OSError, ValueError, TypeError, KeyError):
            raise ConfigurationError(f"{where} is not whole: plan again") from None
        found = self._plans()
        if [file.name for file in found] != names:
            raise ConfigurationError(f"{where} lacks files or has other ones: plan again")
        return found

    def _plans(self) -> list[Path]:
        return sorted(self._path.glob("*.parquet"))


@dataclass(frozen=True)
class PlanStep:
    """Plan what an edit changes in an account's exported contacts; nothing is sent."""

    path: str
    folder: str
    edit: Edit
    options: Mapping[str, Any]
    needs_lease: ClassVar[bool] = False

    def __call__(self, account: Account, client: Client) -> Facts:
        """Plan part by part."""
        plans, counts = PlanFolder(self.folder, account.name), Counter[str]()
        plans.begin()
        for number, file in enumerate(_parts(self.path, account, client), 1):
            known = plans.facts(file.stem)
            counts.update(known if known is not None else self._plan(plans, file, number, client))
        plans.finish()
        return _planned(counts, client)

    def _plan(self, plans: PlanFolder, file: Path, number: int, client: Client) -> Counter[str]:
        original = read_contacts(file, client._session.provider)
        try:
            edited = self.edit(original.copy())
        except BaseException as error:
            error.add_note(f"raised by the edit of part {number}")
            raise
        return plans.add(file.stem, client.contacts.plan(edited, original, **self.options))


def _parts(path: str, account: Account, client: Client) -> Iterator[Path]:
    """The files of an account's export; ConfigurationError if there is none of this account."""
    folder = Dataset(path).folder(account.name)
    files = sorted(folder.glob("*.parquet"))
    listing = listing_of(files) if files else None
    if listing is None:
        raise ConfigurationError(f"{folder}: is no export; call fleet.export first")
    session = client._session
    if (listing.provider, listing.account) != (session.provider.name, session.account):
        raise ConfigurationError(f"{folder}: is the export of another account; export it again")
    yield from files


def _count_reasons(plan: Plan) -> dict[str, int]:
    """The most frequent reasons for which contacts are refused, each with its number."""
    reasons = Counter(str(write.problems[0]) for write in plan.contacts if write.problems)
    return {f"{_REFUSED}{reason}": number for reason, number in reasons.most_common(_MOST_KEPT)}


def _planned(counts: Counter[str], client: Client) -> dict[str, Any]:
    """The counts of a plan, the reasons of refusals, and the seconds that its requests take."""
    session = client._session
    start = session.uptime()
    least = finish_time(session.budget, counts["to_send"], start) - start
    reasons = Counter({name: n for name, n in counts.items() if name.startswith(_REFUSED)})
    message = "; ".join(_most_frequent(reasons, _MOST_SHOWN))
    facts = {name: counts[name] for name in _PLAN_COUNTS}
    return {**facts, "least_seconds": float(least), "message": message}


@dataclass(frozen=True)
class ApplyStep:
    """Apply an account's plans, one after the other."""

    folder: str
    journals: Journals
    options: Mapping[str, Any]

    def __call__(self, account: Account, client: Client) -> Facts:
        """Apply them until one stops early; contacts of plans after it are `planned`."""
        counts: Counter[str] = Counter({outcome: 0 for outcome in Outcome})
        messages: Counter[str] = Counter()
        stopped, taken = "", 0
        files = PlanFolder(self.folder, account.name).files()
        if not self.options["dry_run"]:
            self.journals.bind(self.folder)
        for file in files:
            plan = read_plan(file, client)
            if stopped:
                counts[Outcome.PLANNED] += len(plan)
                continue
            self.journals.open(account, client, plan.home.account if plan.home else "")
            result = self._apply(plan, client._session)
            counts.update(result["outcome"].astype(str))
            messages.update(result.loc[_is_left(result), "message"].dropna())
            taken += sum(_is_taken(result))
            stopped = _why_stopped(result)
        return _applied(counts, stopped, messages, taken)

    def _apply(self, plan: Plan, session: Session) -> pd.DataFrame:
        """Apply a plan, and again what a task still had that had lost the account."""
        result = plan.apply(progress=False, **self.options)
        if _why_stopped(result) or not any(_is_taken(result)):
            return result
        _await_others(plan, session)
        again = plan.apply(progress=False, **self.options)
        left = _is_left(result)
        merged = pd.concat([result.loc[~left], again.loc[left]])
        merged.attrs = again.attrs
        return merged


def _await_others(plan: Plan, session: Session) -> None:
    """Wait until no other task has a contact of a plan, but not for ever."""
    journal, account = session.plan_journal, bound_home(plan, session).account
    until = time.monotonic() + OTHERS_PATIENCE
    while time.monotonic() < until:
        entries = journal.last(plan.name, account).values()
        open_ids = [entry["id"] for entry in entries if entry["outcome"] is None]
        if len(journal.close_ended(open_ids, session.clock.now())) == len(open_ids):
            return
        time.sleep(NAP)


def _is_taken(result: pd.DataFrame) -> np.ndarray:
    """Which contacts another process has."""
    return np.array([str(text).startswith(TAKEN) for text in result["message"]], dtype=bool)


def _is_left(result: pd.DataFrame) -> np.ndarray:
    """Which contacts the same call again may send."""
    return result["outcome"].isin(_SENT_AGAIN).to_numpy() | _is_taken(result)


def _most_frequent(texts: Counter[str], most: int) -> list[str]:
    """The most frequent texts, each with its number if that is more than one."""
    return [f"{n:,} times: {text}" if n > 1 else text for text, n in texts.most_common(most)]


def _why_stopped(result: pd.DataFrame) -> str:
    why, resume_at = result.attrs.get("stopped", ""), result.attrs.get("resume_at")
    return f"{why}; resume at {resume_at}" if resume_at else why


def _applied(
    counts: Counter[str], stopped: str, messages: Counter[str], taken: int
) -> dict[str, Any]:
    facts: dict[str, Any] = {str(outcome): counts[outcome] for outcome in Outcome}
    is_done = not (stopped or taken or counts[Outcome.FAILED] or counts[Outcome.UNKNOWN])
    outcome = DONE if is_done else STOPPED if stopped else FAILED
    others = Counter({text: number for text, number in messages.items() if text not in stopped})
    message = "; ".join(filter(None, [stopped, *_most_frequent(others, 1)]))
    return facts | {"outcome": outcome, "message": "" if is_done else message}


@dataclass(frozen=True)
class UndoStep:
    """Plan to undo what an account's plans have written."""

    folder: str
    undoing: str
    journals: Journals
    opt_in: bool

    def __call__(self, account: Account, client: Client) -> Facts:
        """Read the contacts of each plan, and keep a plan that undoes it."""
        self.journals.bind(self.folder)
        plans, counts = PlanFolder(self.undoing, account.name), Counter[str]()
        plans.begin()
        for file in PlanFolder(self.folder, account.name).files():
            known = plans.facts(file.stem)
            counts.update(known if known is not None else self._plan(plans, file, account, client))
        plans.finish()
        return _planned(counts, client)

    def _plan(
        self, plans: PlanFolder, file: Path, account: Account, client: Client
    ) -> Counter[str]:
        plan = read_plan(file, client)
        self.journals.open(account, client, plan.home.account if plan.home else "")
        return plans.add(file.stem, plan.undo(opt_in=self.opt_in))
