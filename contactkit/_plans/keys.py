"""The idempotency keys of a plan's writes: the same on every machine for the same attempt."""

from __future__ import annotations

import hashlib
from math import inf

from contactkit._http.session import Request, Session
from contactkit._http.world import boot_id
from contactkit._plans.steps import ApplySettings, Entry, PendingWrite
from contactkit.spec.endpoint import Endpoint

REPLAYED = "replayed"
"""The code of a write whose response is an earlier one, not known to be its own."""

# So much before its end, or if the clocks differ by this much about a key's age on a machine that
# does not say when it was started, the provider may have forgotten the key.
_MARGIN = 300.0


def key_of_write(
    settings: ApplySettings, endpoint: Endpoint, request: Request, write: PendingWrite
) -> tuple[str, bool]:
    """The idempotency key of a request, "" for none, and whether it is its own.

    It is that of an earlier attempt at the same request, its own while the provider remembers it.
    Later it does no harm: another machine may still send it for the first time.
    """
    session, form = settings.session, settings.session.provider.idempotency
    # Under the same key, a later write would get the response to the dry run.
    if form is None or not endpoint.keyed or settings.dry_run:
        return "", False
    if earlier := _sent_key(request, write.earlier):
        return earlier, _age(session, write.earlier or {}) < form.life - _MARGIN
    return _attempt_key(settings, request, write), False


def _attempt_key(settings: ApplySettings, request: Request, write: PendingWrite) -> str:
    """The key of the next attempt; another request never has the same key."""
    attempt = f"{settings.plan} {settings.account} {write.row} {write.keys + 1}"
    digits = hashlib.sha256(f"{attempt} {request.digest}".encode()).hexdigest()
    # It has the form of the random keys, UUIDs of version 4, which every provider accepts.
    variant = "89ab"[int(digits[16], 16) % 4]
    parts = digits[:8], digits[8:12], f"4{digits[13:16]}", f"{variant}{digits[17:20]}"
    return "-".join((*parts, digits[20:32]))


def _sent_key(request: Request, earlier: Entry | None) -> str:
    """The key of an earlier attempt at the same request, unless its response was an earlier one."""
    if not earlier or earlier["request"] != request.digest:
        return ""
    return "" if earlier["code"] == REPLAYED else str(earlier["idempotency_key"] or "")


def _age(session: Session, entry: Entry) -> float:
    """The age of an entry's key in seconds, infinite if it is not known.

    The clock may have been set, and the uptime starts again with the machine.
    """
    if entry["key_uptime"] is None:
        return inf
    by_time = session.clock.now() - entry["key_made_at"].timestamp()
    by_uptime = session.uptime() - entry["key_uptime"]
    boot = boot_id(session.clock)
    same_start = boot == entry["key_boot"] if boot else abs(by_time - by_uptime) < _MARGIN
    return max(by_time, by_uptime) if same_start else inf
