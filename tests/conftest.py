"""Fixtures: each provider in turn, without any credential, key or journal of the machine's user."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest
from hypothesis import HealthCheck, settings

import contactkit as ck
from contactkit._http import budgets
from contactkit._providers import names
from tests.support.examples import examples
from tests.support.providers import EXAMPLES, Example, Wire

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from tests.support.apply_processes import Forks

# No test has a deadline: a busy machine is not a bug.
settings.register_profile(
    "untimed",
    deadline=None,
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")

# Without byte code, this process and each that a test starts would compile every module.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Pictures show times in the machine's zone.
os.environ["TZ"] = "UTC"
if hasattr(time, "tzset"):
    time.tzset()

# A shell lets background jobs ignore Ctrl-C, and the processes that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent
SLOW_FIXTURES = {"chromium", "cluster", "forks", "kernel"}
SLOW_FILES = re.compile(r"browser\W|lite\W|fleet\W(test_cluster|test_scale)|test_notebooks")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run what is named by a path in this process; leave the whole suite to a worker per core."""
    return None if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of slow tests only, with all that it needs, where they are not to run."""
    unwanted = config.getoption("markexpr") == "not slow"
    return (unwanted and is_slow(collection_path)) or None


def is_slow(file: Path) -> bool:
    return bool(SLOW_FILES.match(str(file.relative_to(TESTS)))) and file.suffix == ".py"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need browsers, clusters, kernels, or processes to kill."""
    for item in items:
        fixtures = {*getattr(item, "fixturenames", ())}
        if fixtures & SLOW_FIXTURES or is_slow(item.path):
            item.add_marker("slow")


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
def own_budgets() -> None:
    budgets._budgets.clear()
    budgets._spent.clear()


@pytest.fixture(autouse=True)
def own_journal(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    def user_data_path(*names: str) -> Path:
        # Few tests open the journal, and a folder for each test takes time.
        return request.getfixturevalue("tmp_path").joinpath(*names)

    monkeypatch.setattr(platformdirs, "user_data_path", user_data_path)


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
    with ck.connect(name, via=wire) as client:
        yield client


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Processes that apply a plan and start at once."""
    # Few tests need it.
    from tests.support.apply_processes import Forks

    forks = Forks()
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., NotebookNode]:
    """Run cells in a kernel of their own."""
    # The tools take seconds to import.
    from tests.support.kernels import run_cells

    return lambda *sources, **options: run_cells(
        tmp_path_factory.mktemp("kernel"), sources, **options
    )
