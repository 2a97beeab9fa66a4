"""Fixtures: every provider in turn, and no credential or key of the machine's own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest
from hypothesis import HealthCheck, settings

import contactkit as ck
from contactkit._providers import names
from tests.support.providers import EXAMPLES, Example, Wire

if TYPE_CHECKING:
    from tests.support.apply_processes import Forks

# No test is timed: a busy machine is not a bug.
settings.register_profile(
    "untimed", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")

# A shell has what it runs in the background ignore Ctrl-C, and what the tests start and then
# interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run what is named by a path in this process; leave the whole suite to a worker per core."""
    return None if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("SENT_", "SENDBLUE_", "PRIVY_", "DIGITAL_ONBOARDING_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def own_cassettes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("CONTACTKIT_PSEUDONYM_KEY", "the key of these tests")


@pytest.fixture(autouse=True)
def own_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platformdirs, "user_data_path", tmp_path.joinpath)


@pytest.fixture(params=names())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def example(name: str) -> Example:
    return EXAMPLES[name]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def client(name: str, wire: Wire) -> Iterator[ck.Client]:
    with ck.connect(name, via=wire) as found:
        yield found


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Processes that start as fast as a test kills them."""
    # Few tests need it.
    from tests.support.apply_processes import Forks

    found = Forks()
    yield found
    found.close()
