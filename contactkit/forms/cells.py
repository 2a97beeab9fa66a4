"""One live form a cell: running a cell again closes the forms of its last run."""

from __future__ import annotations

from typing import Any, Protocol

from IPython.core.getipython import get_ipython

from contactkit.errors import warn


class Closable(Protocol):
    """A form, browser or view that can be closed; `busy` while a request is in flight."""

    @property
    def busy(self) -> bool: ...

    def close(self) -> None: ...


_forms: dict[str, tuple[str, list[Closable]]] = {}
"""By cell: the run that made its forms, and the forms."""

_explaining: tuple[str, str] | None = None
"""The cell with the record that explains, and the run that made it."""


def register(form: Closable) -> None:
    """Note that the running cell made `form`, and close what an earlier run of it made."""
    cell, run = _running_cell()
    if not cell:
        return
    last_run, forms = _forms.get(cell, ("", []))
    if last_run != run:
        if any(earlier.busy for earlier in forms):
            warn(
                "a write was in flight in this cell; it is cancelled and may have been carried out"
            )
        for earlier in forms:
            earlier.close()
        forms = []
    _forms[cell] = (run, [*forms, form])


def explains_records() -> bool:
    """Whether a record here explains what records are: the first one of a notebook does."""
    global _explaining
    cell, run = _running_cell()
    first_cell, first_run = _explaining or ("", "")
    is_first = _explaining is None or (cell == first_cell != "" and run != first_run)
    if is_first:
        _explaining = (cell, run)
    return is_first


def _running_cell() -> tuple[str, str]:
    """The cell that runs and which run of it this is; ("", "") outside a notebook."""
    request: Any = getattr(get_ipython(), "get_parent", dict)()
    metadata = request.get("metadata") or {}
    return str(metadata.get("cellId") or ""), str((request.get("header") or {}).get("msg_id") or "")
