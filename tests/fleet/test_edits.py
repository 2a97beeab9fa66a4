"""Edits that do what they should not: whatever one raises is a row, and nothing waits for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pandas as pd
import pytest

import contactkit as ck
from tests.support.fleets import Call

PROVIDERS = ("sent", "privy")


class UnreadableError(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize("error", [GeneratorExit, asyncio.CancelledError, UnreadableError])
def test_an_edit_may_raise_anything(tmp_path: Path, error: type[BaseException]) -> None:
    # A panic of polars and pytest's own failures are no Exception either.
    def edit(frame: pd.DataFrame) -> pd.DataFrame:
        if frame.attrs["provider"] == "privy":
            raise error
        return frame

    accounts = {name: {"provider": name, "via": ck.Simulator(contacts=3)} for name in PROVIDERS}
    fleet = ck.fleet(accounts, journal=tmp_path / "journals")
    fleet.export(tmp_path / "people")
    call = Call(fleet.plan, tmp_path / "people", edit)
    call.join(30)
    assert not call.is_alive()
    report = call.value.report.frame.set_index("account")
    assert report["outcome"].to_dict() == {"sent": "done", "privy": "failed"}
    assert report["message"]["privy"] == f"{error.__name__}; raised by the edit of part 1"
