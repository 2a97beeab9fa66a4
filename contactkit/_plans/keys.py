"""The idempotency keys of a plan's writes: the same on every machine for the same attempt."""

from __future__ import annotations

import hashlib
import uuid
from math import inf

from contactkit._http.session import Operation, Session
from contactkit._http.world import boot_id, uptime
from contactkit._plans.steps import ApplySettings, Entry, PendingWrite

REPLAYED = "replayed"
"""The code of a write whose response is an earlier one, not known to be its own."""

# So much before its end, or if the clocks differ by this much about a key's age on a machine that
# does not say when it was started, the provider may have forgotten the key.
_MARGIN = 300.0


def set_key(settings: ApplySettings, operation: Operation, write: PendingWrite) -> None:
    """Give an operation its idempotency key.

    It is that of an earlier attempt at the same request, as `own_key` while the provider remembers
    it. Later it does no harm: another machine may still send it for the first time.
    """
    session, form = settings.session, settings.session.provider.idempotency
    if form is None or not operation.idempotency_key:
        return
    if earlier := _sent_key(operation, write.earlier):
        operation.own_key = _age(session, write.earlier or {}) < form.life - _MARGIN
    operation.idempotency_key = key = earlier or _attempt_key(settings, operation, write)
    operation.request.headers = {**operation.request.headers, form.header: key}


def _attempt_key(settings: ApplySettings, operation: Operation, write: PendingWrite) -> str:
    """The key of the next attempt; another request never has the same key."""
    attempt = f"{settings.plan} {settings.account} {write.row} {write.keys + 1}"
    digest = hashlib.sha256(f"{attempt} {operation.request.digest}".encode()).digest()
    # It has the form of the random keys, which every provider accepts.
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _sent_key(operation: Operation, earlier: Entry | None) -> str:
    """The key of an earlier attempt at the same request, unless its response was an earlier one."""
    if not earlier or earlier["request"] != operation.request.digest:
        return ""
    return "" if earlier["code"] == REPLAYED else str(earlier["idempotency_key"] or "")


def _age(session: Session, entry: Entry) -> float:
    """The age of an entry's key in seconds, infinite if it is not known.

    The clock may have been set, and the uptime starts again with the machine.
    """
    if entry["key_uptime"] is None:
        return inf
    by_time = session.clock.now() - entry["key_made_at"].timestamp()
    by_uptime = uptime(session.clock) - entry["key_uptime"]
    boot = boot_id(session.clock)
    same_start = boot == entry["key_boot"] if boot else abs(by_time - by_uptime) < _MARGIN
    return max(by_time, by_uptime) if same_start else inf
