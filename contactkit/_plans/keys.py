"""The idempotency keys of a plan's writes: the same on every machine for the same attempt."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import replace
from math import inf

from contactkit._http.session import Operation, Session
from contactkit._http.world import boot_id, uptime
from contactkit._plans.steps import ApplySettings, Entry, PendingWrite

REPLAYED = "replayed"
"""The code of a write whose response is an earlier one, not known to be its own."""

# A key is not used again so late that the provider may have forgotten it, or if the clocks differ
# by this much about its age on a machine that does not say when it was started.
_MARGIN = 300.0


def with_key(settings: ApplySettings, operation: Operation, write: PendingWrite) -> Operation:
    """The operation under its idempotency key, as `own_key` if an earlier attempt had that key."""
    session, form = settings.session, settings.session.provider.idempotency
    if form is None or not operation.idempotency_key:
        return operation
    earlier = _earlier_key(session, operation, write.earlier, form.life)
    key = earlier or _attempt_key(settings, operation, write)
    request = operation.request.with_headers({**operation.request.headers, form.header: key})
    return replace(operation, request=request, idempotency_key=key, own_key=bool(earlier))


def _attempt_key(settings: ApplySettings, operation: Operation, write: PendingWrite) -> str:
    """The key of the next attempt; another request never has the same key."""
    attempt = [settings.plan, settings.account, write.row, write.keys + 1]
    text = json.dumps([*attempt, operation.request.digest])
    digest = hashlib.sha256(text.encode()).digest()
    # It has the form of the random keys, which every provider accepts.
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _earlier_key(session: Session, operation: Operation, earlier: Entry | None, life: float) -> str:
    """The key of an earlier attempt at the same request, while the provider remembers it."""
    if not earlier or earlier["request"] != operation.request.digest:
        return ""
    if earlier["code"] == REPLAYED or _age(session, earlier) >= life - _MARGIN:
        return ""
    return str(earlier["idempotency_key"] or "")


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
