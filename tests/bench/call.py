"""One blocking `get`: over loopback beside bare httpx, and the flow alone without any I/O."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pandas as pd

from contactkit._http.flow import send
from contactkit._http.session import build_operation
from tests.bench import contacts
from tests.bench.measure import ROOT, Row, medians, ms, times

ROUNDS, CALLS = 41, 50
KEY = contacts.contact(7)["id"]

STRING = pd.StringDtype("python", na_value=pd.NA)
DTYPES: dict[str, Any] = {
    **dict.fromkeys(contacts.contact(7), STRING),
    "default_channel": pd.CategoricalDtype(["sms", "whatsapp"]),
    "opt_out": pd.BooleanDtype(),
    "is_inherited": pd.BooleanDtype(),
    "created_at": pd.DatetimeTZDtype("us", "UTC"),
    "updated_at": pd.DatetimeTZDtype("us", "UTC"),
}


def rows() -> Iterator[Row]:
    """The whole call beside one written by hand, and how much the flow adds to any call."""
    with served() as address:
        with contacts.client(base_url=address) as ours, httpx.Client() as bare:
            whole, by_hand, sent = medians(
                ROUNDS,
                lambda: ours.contacts.get(KEY),
                lambda: framed(fetched(bare, address)),
                lambda: fetched(bare, address),
                calls=CALLS,
            )
    yield Row(
        subject="contacts.get() on loopback, frame included",
        measured=ms(whole),
        beside="httpx, json, the same frame by hand",
        against=ms(by_hand),
        outcome=times(whole / by_hand),
        wanted="≤ 1.25x",
    )
    yield Row(
        subject="of that, httpx and json alone",
        measured=ms(sent),
        beside="the frame by hand",
        against=ms(by_hand - sent),
        outcome=times(sent / whole),
    )
    yield flow_alone()


def flow_alone() -> Row:
    """Prepare, pace, authorise and read one call that is answered at once."""
    session = contacts.session()
    endpoint, answer = session.provider.endpoint("get"), contacts.reply(contacts.one(7))
    (added,) = medians(
        ROUNDS,
        lambda: contacts.answered(
            send(session, build_operation(session, endpoint, key=KEY)), answer
        ),
        calls=CALLS,
    )
    return Row(
        subject="the flow of one call, no I/O",
        measured=ms(added),
        outcome=ms(added),
        wanted="≤ 0.1 ms",
    )


@contextmanager
def served() -> Iterator[str]:
    """The address of a server in its own process, which ends with the block."""
    command = [sys.executable, "-m", "tests.bench.server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def fetched(client: httpx.Client, address: str) -> dict[str, Any]:
    """One contact, by bare httpx."""
    response = client.get(f"{address}/v3/contacts/{KEY}", headers={"x-api-key": "test"})
    response.raise_for_status()
    return response.json()["data"]


def framed(row: dict[str, Any]) -> pd.DataFrame:
    """The typed frame of one contact, as one writes it by hand."""
    return pd.DataFrame(
        {name: pd.array([row[name]], dtype=dtype) for name, dtype in DTYPES.items()}
    )
