"""One account's task, where it runs: connected, under its lease, and with a row for any end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

from contactkit._client.client import Client
from contactkit._fleet.accounts import Account
from contactkit._fleet.budgets import MeteredBudget
from contactkit._fleet.controls import Control, LeaseLostError, StoppedError
from contactkit._http.session import Session
from contactkit._plans.listing import is_quiet
from contactkit._redact import redact
from contactkit.errors import ContactKitError, keep_warnings

Facts: TypeAlias = Mapping[str, Any]
Step: TypeAlias = Callable[[Account, Client], Facts]
"""What is done for one account; it returns what its row says besides name and outcome.

If it returns an `outcome`, that counts; else the account is done. One with `needs_lease = False`
sends nothing, and so needs no turn.
"""
Row: TypeAlias = dict[str, Any]

OUTCOMES = DONE, FAILED, STOPPED = "done", "failed", "stopped"
_LONGEST = 1_000


def perform(step: Step, account: Account, control: Control) -> Row:
    """Do a step for one account; whatever it raises becomes its row."""
    started = time.monotonic()
    with keep_warnings() as warned, _without_bars():
        row = _row(step, account, control)
    notes = [row.get("message", ""), *warned]
    message = "; ".join(dict.fromkeys(filter(None, notes)))[:_LONGEST]
    return {**row, "message": message, "seconds": time.monotonic() - started}


@contextmanager
def _without_bars() -> Generator[None]:
    token = is_quiet.set(True)
    try:
        yield
    finally:
        is_quiet.reset(token)


def _row(step: Step, account: Account, control: Control) -> Row:
    first = row_of(account, DONE)
    if control.is_stopped():
        return first | {"outcome": STOPPED, "message": "not begun"}
    meter: list[MeteredBudget] = []
    try:
        facts = _do(step, account, control, meter)
    except StoppedError as error:
        facts = {"outcome": STOPPED, "message": str(error)}
    except BaseException as error:
        # Not all errors are an Exception: a panic of polars is none, nor is a cancelled task.
        facts = {"outcome": FAILED, "message": describe(error, account.secrets())}
    return first | {"requests": sum(each.requests for each in meter)} | dict(facts)


def _do(step: Step, account: Account, control: Control, meter: list[MeteredBudget]) -> Facts:
    with account.connect() as client:
        if not getattr(step, "needs_lease", True):
            return step(account, client)
        while True:
            # After a lost lease, the step goes on in another turn where it or its successor ended.
            with suppress(LeaseLostError):
                facts = _take_turn(step, account, client, control, meter)
                if facts is not None:
                    return facts


def _take_turn(
    step: Step, account: Account, client: Client, control: Control, meter: list[MeteredBudget]
) -> Facts | None:
    """Do a step under the account's lease; None if that was lost."""
    session = client._session
    name, own, report = account_id(account, session), session.budget, control.reporter()

    def report_all(_: int) -> None:
        report(account.name, sum(each.requests for each in meter))

    with control.lease(name) as lease, control.budget(name, session, lease) as budget:
        meter.append(MeteredBudget(budget, lease, report_all))
        session.budget = meter[-1]  # pyright: ignore[reportAttributeAccessIssue]
        try:
            facts = step(account, client)
        finally:
            session.budget = own
        return None if lease.is_lost else facts


def row_of(account: Account, outcome: str, message: str = "") -> Row:
    """The beginning of an account's row."""
    provider = account.provider.name
    row = {"account": account.name, "provider": provider, "outcome": outcome, "requests": 0}
    return row | {"message": message, "seconds": 0.0}


def account_id(account: Account, session: Session) -> str:
    """What two names of one account have in common; all simulators have one key, but no contacts.

    Profiles share an account's rate limits.
    """
    own = session.whole_account if session.world.real else account.name
    return f"{session.provider.name}-{own}"


def describe(error: BaseException, secrets: list[str]) -> str:
    """An error as text for a row, without secrets and, unless it is ours, without people."""
    parts = [type(error).__name__, _text_of(error)]
    text = "; ".join([": ".join(filter(None, parts)), *getattr(error, "__notes__", ())])
    return redact(text, secrets, personal=not isinstance(error, ContactKitError))


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        # The class of an error that an edit raises may be the user's, with a `__str__` that fails.
        return ""
