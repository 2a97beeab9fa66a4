"""The widgets that are open in this process."""

from __future__ import annotations

from ipywidgets.widgets import widget


def open_widgets() -> dict[str, widget.Widget]:
    """The open widgets by model id, which ipywidgets 7 and 8 keep in different places."""
    open = widget._instances if hasattr(widget, "_instances") else widget.Widget.widgets
    return dict(open)
