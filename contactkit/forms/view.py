"""What a form and the views of plans have in common: one widget, and its record beside it."""

from __future__ import annotations

from typing import Any

from IPython.display import display

from contactkit.forms.transcript import Transcript
from contactkit.forms.widget import Widget


class View:
    """A widget, with a record that stays in a saved notebook; `widget` is for other layouts."""

    widget: Widget
    transcript: Transcript

    @property
    def busy(self) -> bool:
        """Whether something is in flight."""
        return self.widget.busy

    def close(self) -> None:
        """Close it; what is in flight stops as with Cancel, and is in `result`."""
        self.widget.close()

    def _ipython_display_(self) -> None:
        self.transcript.open()
        display(self.widget)

    def _display_(self) -> Any:
        """What marimo shows."""
        return self.widget
