"""One live form a cell: running a cell again closes what its last run had made."""

from __future__ import annotations

from typing import Any, Protocol

from IPython.core.getipython import get_ipython

from contactkit.errors import warn


class Closable(Protocol):
    """What can be taken away; `busy` while something of it is in flight."""

    @property
    def busy(self) -> bool: ...

    def close(self) -> None: ...


_made: dict[str, tuple[str, list[Closable]]] = {}


def claim(form: Closable) -> None:
    """Note that the running cell made `form`, and close what an earlier run of it had made."""
    cell, run = _running()
    if not cell:
        return
    last, earlier = _made.get(cell, ("", []))
    if last != run:
        if any(each.busy for each in earlier):
            warn(
                "a write was in flight in this cell; it is cancelled and may have been carried out"
            )
        for each in earlier:
            each.close()
        earlier = []
    _made[cell] = (run, [*earlier, form])


def _running() -> tuple[str, str]:
    """The cell that runs and which run of it this is; ("", "") outside a notebook."""
    request: Any = getattr(get_ipython(), "get_parent", dict)()
    metadata = request.get("metadata") or {}
    return str(metadata.get("cellId") or ""), str((request.get("header") or {}).get("msg_id") or "")
