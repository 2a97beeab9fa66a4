"""A cluster of two worker processes, with short leases and the variables of all accounts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clusters import started_cluster
from tests.support.fleets import variables


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of clusters, and so on one worker of xdist, which has one cluster.

    Each worker begins with tests that follow each other, and gives its last ones to idle workers.
    """
    items.sort(key=lambda item: not _has_cluster(item))


def _has_cluster(item: pytest.Item) -> bool:
    named = item.path.name.startswith("test_cluster")
    return named or "cluster" in getattr(item, "fixturenames", ())


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The variables of all accounts in this process.

    The folder of the user's journal is there before several threads ask for it.
    """
    for name, value in variables().items():
        monkeypatch.setenv(name, value)
    return variables()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    with started_cluster() as cluster:
        yield cluster


@pytest.fixture
def dask(cluster: Any) -> Iterator[Any]:
    """A client of the cluster, which has both workers."""
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        yield client
