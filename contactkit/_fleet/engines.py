"""Where a fleet's tasks run: what any engine does, and the one of a Dask cluster.

Each engine begins the tasks of one call and puts a row into `ended` for every account.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Protocol
from urllib.parse import urlsplit

from contactkit._fleet.accounts import Account
from contactkit._fleet.controls import DaskControl
from contactkit._fleet.scheduler import prepare_scheduler
from contactkit._fleet.work import FAILED, STOPPED, Row, Step, describe, perform, row_of
from contactkit.errors import ConfigurationError

_LOST = "the cluster lost it; the same call again goes on from there"


class Engine(Protocol):
    """Where tasks run."""

    @property
    def place(self) -> str:
        """What a picture says of it."""
        ...

    def begin(self, step: Step, accounts: Sequence[Account]) -> Run:
        """Begin a step for all accounts."""
        ...

    def missing(self, accounts: Sequence[Account]) -> dict[str, str]:
        """By account, which of its variables some worker lacks."""
        ...

    def hosts(self) -> set[str]:
        """The machines on which tasks run."""
        ...


class Run(Protocol):
    """The tasks of one call; `requests` by account so far."""

    ended: SimpleQueue[Row]
    requests: dict[str, int]

    def stop(self) -> None:
        """Begin nothing more; what has begun goes on."""
        ...

    def look(self) -> None:
        """Notice tasks that have ended."""
        ...

    def has_workers(self) -> bool:
        """Whether there is anything to run tasks."""
        ...

    def close(self) -> None:
        """End it; what still runs is abandoned."""
        ...


class Dask:
    """The workers of a `distributed.Client`."""

    def __init__(self, client: Any) -> None:
        distributed = sys.modules.get("distributed")
        if not distributed or not isinstance(client, distributed.Client):
            raise ConfigurationError(
                f"on= must be a distributed.Client of Dask, not {type(client).__name__}"
            )
        if client.asynchronous:
            raise ConfigurationError("on= must be a Client that is not asynchronous")
        self.client = client

    @property
    def place(self) -> str:
        try:
            workers = self.workers()
        except ConfigurationError:
            return "Dask: the scheduler does not answer"
        return f"Dask: {len(workers):,} workers with {sum(workers.values()):,} threads"

    def workers(self) -> dict[str, int]:
        """The number of threads of each worker, by its address."""
        return dict(self._ask(self.client.nthreads))

    def _ask(self, call: Callable[..., Any], *values: Any) -> Any:
        """What the scheduler answers; ConfigurationError if it does not."""
        # Without a connection it would be waited for, much longer than a restart takes.
        if self.client.status == "running":
            try:
                return call(*values)
            except OSError:
                pass
            except Exception:
                # A call that ends with the connection may raise anything.
                if self.client.status == "running":
                    raise
        raise ConfigurationError(
            "the Dask scheduler does not answer, and nothing was begun; connect a new client to it "
            "or to another: the same call with fleet(…, on=client) goes on from there"
        )

    def begin(self, step: Step, accounts: Sequence[Account]) -> Run:
        # Again for each call, since the scheduler may have been started again.
        self._ask(self.client.run_on_scheduler, prepare_scheduler)
        return _DaskRun(self, step, accounts)

    def hosts(self) -> set[str]:
        return {urlsplit(address).hostname or address for address in self.workers()}

    def missing(self, accounts: Sequence[Account]) -> dict[str, str]:
        try:
            found = self._ask(self.client.run, _missing_here, accounts)
        except ConfigurationError:
            # The rows of the accounts say that it was lost.
            return {}
        texts: dict[str, str] = {}
        for account in accounts:
            lacking = [names for worker in found.values() if (names := worker.get(account.name))]
            if lacking:
                names = ", ".join(sorted({name for names in lacking for name in names}))
                texts[account.name] = f"{len(lacking)} of {len(found)} workers lack {names}"
        return texts


def _missing_here(accounts: Sequence[Account]) -> dict[str, list[str]]:
    return {account.name: account.missing() for account in accounts if account.missing()}


def connect_dask(scheduler: str) -> Any:
    """A client of the cluster with this scheduler; ConfigurationError if there is none."""
    try:
        from distributed import Client
        from distributed.comm.addressing import resolve_address
    except ImportError:
        needed = 'it is an extra: python -m pip install "contactkit[dask]"'
        raise ConfigurationError(f"a Dask cluster needs distributed; {needed}") from None
    try:
        # With a malformed address, Client would raise a second time when it is collected.
        resolve_address(scheduler)
        return Client(scheduler, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = type(error).__name__
        raise ConfigurationError(f"no Dask scheduler answers at {scheduler} ({reason})") from None


def _check_sendable(step: Step, accounts: Sequence[Account]) -> None:
    """ConfigurationError unless the workers can have what the tasks need."""
    from distributed.protocol.pickle import dumps

    try:
        dumps((step, [*accounts]))
    except Exception as error:
        message = "the workers cannot be sent what the tasks need, such as the edit"
        raise ConfigurationError(f"{message}: {describe(error, [])}") from None


class _DaskRun:
    def __init__(self, engine: Dask, step: Step, accounts: Sequence[Account]) -> None:
        from distributed import Event

        _check_sendable(step, accounts)
        self.ended: SimpleQueue[Row] = SimpleQueue()
        self.requests: dict[str, int] = {}
        self._engine, self._client = engine, engine.client
        self._stopping = False
        self._step, self._control = step, (control := DaskControl(uuid.uuid4().hex))
        self._topic = control.topic
        # The tasks whose workers were killed, and whether each has been tried again alone.
        self._killed: dict[str, bool] = {}
        self._event = Event(self._topic, client=self._client)
        self._client.subscribe_topic(self._topic, self._receive)
        self._accounts = {account.name: account for account in accounts}
        self._futures = {name: self._submit(name, "") for name in self._accounts}

    def _submit(self, name: str, suffix: str) -> Any:
        key = f"{name}-{self._topic}{suffix}"
        account = self._accounts[name]
        return self._client.submit(perform, self._step, account, self._control, key=key, pure=False)

    def _receive(self, event: tuple[float, Any]) -> None:
        account, requests = event[1]
        self.requests[account] = requests

    def stop(self) -> None:
        self._stopping = True
        if self._is_connected:
            self._event.set()

    @property
    def _is_connected(self) -> bool:
        return self._client.status == "running"

    def look(self) -> None:
        statuses = {name: future.status for name, future in self._futures.items()}
        finished = [name for name, status in statuses.items() if status == "finished"]
        for name, row in zip(finished, self._gather(finished), strict=True):
            self._end(name, row)
        for name, status in statuses.items():
            if status == "error" and name not in self._killed and self._was_killed(name):
                self._killed[name] = False
                del self._futures[name]
            elif status in ("error", "lost", "cancelled"):
                self._end(name, self._lost(name, status))
        self._try_alone()

    def _was_killed(self, name: str) -> bool:
        from distributed import KilledWorker

        return isinstance(self._futures[name].exception(), KilledWorker)

    def _try_alone(self) -> None:
        """Try a killed task again without others, one of which may have killed its workers."""
        waiting = [name for name, is_tried in self._killed.items() if not is_tried]
        if not waiting or self._futures:
            return
        self._killed[name := waiting[0]] = True
        if self._is_connected:
            self._futures[name] = self._submit(name, "-alone")
        else:
            self.ended.put(row_of(self._accounts[name], FAILED, f"Lost: {_LOST}"))

    def _gather(self, names: Sequence[str]) -> list[Row]:
        """The rows of finished tasks; one that is lost since is as if its worker had died."""
        if not names:
            return []
        futures = [self._futures[name] for name in names]
        try:
            return self._client.gather(futures)
        except Exception:
            return [self._lost(name, "lost") for name in names]

    def _lost(self, name: str, status: str) -> Row:
        account = self._accounts[name]
        if status == "cancelled" and self._stopping:
            return row_of(account, STOPPED, "not begun")
        # A task raises nothing, so this is Dask's own error, such as KilledWorker.
        kind = type(self._futures[name].exception()).__name__ if status == "error" else "Lost"
        return row_of(account, FAILED, f"{kind}: {_LOST}")

    def _end(self, name: str, row: Row) -> None:
        del self._futures[name]
        self.ended.put(row)

    def has_workers(self) -> bool:
        if not self._is_connected:
            return False
        try:
            has_workers = bool(self._engine.workers())
        except ConfigurationError:
            # The scheduler was lost just now.
            return False
        if self._stopping and not has_workers:
            self._client.cancel([*self._futures.values()])
        return has_workers

    def close(self) -> None:
        if self._is_connected:
            with suppress(OSError):
                self._client.unsubscribe_topic(self._topic)
                self._client.cancel([*self._futures.values()])
