"""A session at every provider, recorded in data/cassettes and replayed by the tests.

`python -m tests.support.recorded_sessions` records all of them again. Requests hold only values of
earlier answers and values that no pseudonym replaces (flags, choices, ids, fictional numbers and
addresses).
"""

from __future__ import annotations

import asyncio
import os
import random
import warnings
from collections.abc import Callable, Generator, Mapping
from inspect import isawaitable
from operator import methodcaller
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

import contactkit as ck
from contactkit.cassette.redaction.key import VARIABLE

FOLDER = Path(__file__).parents[2] / "data" / "cassettes"
KEY = "the key of the recordings in data/cassettes"

Answer: TypeAlias = pd.DataFrame | ck.ApiError
Session: TypeAlias = Generator[methodcaller, Any, Any]
Fault: TypeAlias = Callable[..., object]


def no_fault(kind: str, **options: Any) -> None:
    """Switch on nothing: in a replay, the effect of a fault is recorded."""


def _common_verbs(
    fault: Fault,
    key: str,
    change: Mapping[str, Any],
    new: Mapping[str, Any],
    unknown: str,
    **confirmed: bool,
) -> Session:
    """The verbs of every provider, with a 429 and a lost answer, which the client both repeats."""
    fault("rate_limited", retry_after=5)
    people = yield methodcaller("list")
    yield methodcaller("get", people.iloc[0, 0])
    fault("written_then_dropped")
    yield methodcaller("update", key, **change)
    people = yield methodcaller("list")
    yield methodcaller("get", unknown)
    created = yield methodcaller("create", **new)
    yield methodcaller("get", created["key"].item())
    yield methodcaller("delete", created["key"].item(), **confirmed)
    return people


def sent(fault: Fault) -> Session:
    """Add a filter, a dry run, and an inherited contact, which cannot be changed."""
    ada, inherited = (f"0b5c7a64-3d1e-4c57-9a55-5d2f0f6f000{number}" for number in (1, 3))
    unknown, new = "6ba7b810-9dad-11d1-80b4-00c04fd430cf", {"phone_number": "+12125550187"}
    yield from _common_verbs(fault, ada, {"opt_out": True}, new, unknown)
    yield methodcaller("list", channel="whatsapp")
    yield methodcaller("update", ada, default_channel="sms", dry_run=True)
    yield methodcaller("update", inherited, opt_out=True)


def sendblue(fault: Fault) -> Session:
    """Add an opt-out, and a bulk deletion between two counts."""
    new = {"phone": "+12125550187", "assigned_to_email": "agent@example.com"}
    people = yield from _common_verbs(fault, "+12025550123", {"opt_out": True}, new, "+12025550199")
    yield methodcaller("count")
    yield methodcaller("opt_out", "+13105550177")
    yield methodcaller("bulk_delete", people["phone"].tail(2).tolist())
    yield methodcaller("count")


def privy(fault: Fault) -> Session:
    """Add a filter, and an address that cannot be changed once it is set."""
    omar, unknown = "cus_a1b2c3d4e5f60002", "cus_a1b2c3d4e5f6000f"
    new = {"email": "new@example.com", "sms_consent": "never_subscribed"}
    yield from _common_verbs(fault, omar, {"sms_consent": "unsubscribed"}, new, unknown)
    yield methodcaller("list", email_consent="subscribed")
    yield methodcaller("update", omar, email="other@example.com")


def digital_onboarding(fault: Fault) -> Session:
    """Add a condition and a dry run."""
    janet, unknown = (f"5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b{end}" for end in ("01", "ff"))
    new = {"email": "new@example.com", "sms_opted_in": True}
    yield from _common_verbs(fault, janet, {"sms_opted_in": False}, new, unknown, confirm=True)
    yield methodcaller("list", where={"sms_opted_in": True}, sort="timezone")
    yield methodcaller("update", janet, timezone="America/Denver", dry_run=True)


SESSIONS: Mapping[str, Callable[[Fault], Session]] = {
    each.__name__: each for each in (digital_onboarding, privy, sendblue, sent)
}
# One provider has client credentials, so that a request for a token is recorded, too.
LOGINS = {
    "digital_onboarding": {"client_id": "simulator-client", "client_secret": "simulator-secret"}
}


async def answers(session: Session, contacts: Any) -> list[Answer]:
    """All answers of a session, from a sync or an async client."""
    received: list[Answer] = []
    try:
        step = next(session)
        while True:
            received.append(await _answer(step, contacts))
            step = session.send(received[-1])
    except StopIteration:
        return received


async def _answer(step: methodcaller, contacts: Any) -> Answer:
    random.seed(0)  # the same pause before each repeat
    try:
        answer = step(contacts)
        return await answer if isawaitable(answer) else answer
    except ck.ApiError as refusal:
        return refusal


async def simulated(name: str, path: Path) -> list[Answer]:
    """Record a session with the simulator in a new file, and return its answers.

    Only the file's time of creation differs from run to run.
    """
    simulator = ck.Simulator(contacts=10, seed=7)
    client = ck.connect(name, via=simulator, **LOGINS.get(name, {}))
    with ck.record(client, path):
        return await answers(SESSIONS[name](simulator.fault), client.contacts)


if __name__ == "__main__":
    os.environ[VARIABLE] = KEY
    warnings.simplefilter("ignore", DeprecationWarning)
    for name in SESSIONS:
        path = FOLDER / f"{name}.jsonl"
        path.unlink(missing_ok=True)
        asyncio.run(simulated(name, path))
