"""The lease of an account on a Dask cluster, and whether a task still has it.

Dask frees a lease that was not renewed for `lease-timeout`, as when its worker stood still, but
does not tell the task, and lets two have it once it is renewed again. So here it counts as lost as
soon as that time has passed since the last renewal, and is renewed no more.
"""

from __future__ import annotations

import math
from typing import Any

import dask.config
from dask.utils import parse_timedelta
from distributed import Lock

from contactkit._fleet.controls import LeaseLostError
from contactkit._http.world import RealClock

_TIMEOUT = "distributed.scheduler.locks.lease-timeout"
# Unlike the monotonic clock, it goes on while the machine sleeps.
_uptime = RealClock().uptime


class AccountLease(Lock):
    """Dask's lock with this name, which also knows until when it is certain."""

    def __init__(self, name: str) -> None:
        lasts = dask.config.get(_TIMEOUT)
        self.lasts = math.inf if lasts == "inf" else parse_timedelta(lasts, default="s")
        self.is_lost = False
        self._renewed_at = 0.0
        super().__init__(name)

    def check(self) -> None:
        """LeaseLostError if another task may have the lease by now."""
        if self.is_lost or _uptime() - self._renewed_at > self.lasts:
            self.is_lost = True
            raise LeaseLostError(
                f"its worker stood still for {self.lasts:g} s or more, so that another one may "
                "have the account"
            )

    def end(self) -> None:
        """Give it back, and renew it no more."""
        if self._leases:
            self.release()
        # It would be called for as long as the worker lives.
        if self.loop and (renewing := getattr(self, "refresh_callback", None)):
            self.loop.add_callback(renewing.stop)

    async def _acquire(self, timeout: Any = None) -> Any:
        begun = _uptime()
        acquired = await super()._acquire(timeout)
        self._renewed_at = begun
        return acquired

    async def _refresh_leases(self) -> None:
        begun = _uptime()
        if self._leases and not self.is_lost and begun - self._renewed_at <= self.lasts:
            await super()._refresh_leases()
            self._renewed_at = begun
