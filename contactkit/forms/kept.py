"""HTML in an output of its own, which stays in the saved notebook when the kernel is gone."""

from __future__ import annotations

from collections.abc import Callable

from IPython.display import HTML, DisplayHandle, display


class Kept:
    """What `html` makes, wherever it was opened, as it was when it was updated last."""

    def __init__(self, html: Callable[[], str]) -> None:
        self._html = html
        self._handles: list[DisplayHandle] = []

    def open(self) -> None:
        """Show it as an output of the running cell."""
        handle = display(HTML(self._html()), display_id=True)
        if handle:
            self._handles.append(handle)

    def update(self) -> None:
        """Make it anew."""
        for handle in self._handles:
            handle.update(HTML(self._html()))
