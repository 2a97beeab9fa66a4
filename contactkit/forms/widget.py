"""The widget of all forms: regions of HTML that the kernel fills, and events that come back.

Contact data is never widget state, which notebooks and their tools save in files: HTML and values
are sent only in messages, and only after a front end reports that it is ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, TypeAlias

import anywidget
from markupsafe import escape

from contactkit.forms.html import render
from contactkit.forms.messages import guard
from contactkit.spec.provider import JSON

Event: TypeAlias = Mapping[str, JSON]
"""A user's action: its `kind`, a `value`, and the `values` that were changed."""

Work: TypeAlias = Coroutine[Any, Any, None]
Handler: TypeAlias = Callable[[Event], Work | None]

# Events that need no task and are also handled while one runs.
_LIGHT = ("edit", "typed", "page", "cells")
_HEARTBEAT = 3.0


class Widget(anywidget.AnyWidget):
    """A layout with named regions; `handlers` handle events, directly or as a task.

    One task runs at a time: other events are then ignored, except "cancel", "edit" and "page". A
    "typed" event only updates the draft. `initial_focus` is where the focus goes when a front end
    first shows the widget, if it is set before.
    """

    _esm = "".join(Path(__file__).with_name(name).read_text() for name in ("grid.js", "widget.js"))
    _css = Path(__file__).with_name("widget.css")

    def __init__(
        self,
        title: str,
        layout: str,
        handlers: Mapping[str, Handler],
        secrets: Callable[[], Iterable[str]],
    ) -> None:
        super().__init__()
        self.title = title
        self.layout_html = layout
        self.regions: dict[str, str] = {}
        self.draft: dict[str, JSON] = {}
        self.version = 0
        self.initial_focus = ""
        self.task: asyncio.Task[None] | None = None
        self._lock = RLock()
        self._handlers = handlers
        self._secrets = secrets
        self.on_msg(lambda _, content, __: self.receive(content))

    def show(self, regions: Mapping[str, str], *, focus: str = "") -> None:
        """Fill some regions, and move the focus to a field or a region.

        Anything that was not rendered from a template is escaped as text.
        """
        escaped = {name: escape(html) for name, html in regions.items()}
        # A screen reader would announce an unchanged region again.
        new = {name: html for name, html in escaped.items() if self.regions.get(name) != html}
        self.regions |= new
        self.send({"regions": _texts(new), "focus": focus})

    def invalidate(self) -> None:
        """Ignore events that refer to the earlier screen; typed values are kept."""
        self.version += 1
        self.show({"version": render("version", version=self.version)})

    def replace(
        self, regions: Mapping[str, str], *, draft: Mapping[str, JSON] | None = None
    ) -> None:
        """Fill regions that have controls, and ignore events from the earlier controls.

        Typed values are lost, except those in a `draft`.
        """
        self.draft = dict(draft or {})
        self.regions = {
            name: html
            for name, html in self.regions.items()
            if ":" not in name and name not in regions
        }
        self.invalidate()
        self.show(regions)
        if draft:
            self.send({"draft": self.draft})

    @property
    def busy(self) -> bool:
        """Whether a task runs."""
        return self.task is not None and not self.task.done()

    def receive(self, event: Event) -> None:
        """Handle one event of the front end."""
        with self._lock, guard(self._alert, self._secrets):
            self._receive(event)

    def _receive(self, event: Event) -> None:
        kind = event["kind"]
        if kind == "ready":
            self._send_all()
        elif kind == "cancel":
            self._cancel()
            return
        elif event["version"] != self.version:
            # The event refers to something that is no longer on the screen.
            if kind not in _LIGHT:
                self.send({"busy": self.busy})
            return
        else:
            self.draft = dict(event["values"])
        self._handle(kind, event)

    def _cancel(self) -> None:
        if self.task and self.busy:
            # JupyterLab may deliver one event to the kernel's main thread and the next to another.
            self.task.get_loop().call_soon_threadsafe(self.task.cancel)

    def _send_all(self) -> None:
        whole = {"layout": str(self.layout_html), "regions": _texts(self.regions)}
        state = {"id": self.model_id, "draft": self.draft, "busy": self.busy}
        self.send({**whole, **state, "focus": self.initial_focus})
        self.initial_focus = ""

    def _handle(self, kind: str, event: Event) -> None:
        handler = self._handlers.get(kind)
        if handler is None or (self.busy and kind not in _LIGHT):
            return
        try:
            work = handler(event)
            if work is not None:
                self.start(work)
        finally:
            # An edit may arrive between another event and its reply.
            if kind not in _LIGHT:
                self.send({"busy": self.busy})

    def start(self, work: Work) -> None:
        """Run `work` as the task of this widget."""
        guarded = self._guarded(work)
        try:
            loop = asyncio.get_running_loop()
            self.task = loop.create_task(guarded)
            heartbeat = loop.create_task(self._send_heartbeats())
        except RuntimeError:
            guarded.close()
            work.close()
            raise
        self.task.add_done_callback(lambda _: heartbeat.cancel())
        self.task.add_done_callback(lambda _: self._end(work))

    async def _send_heartbeats(self) -> None:
        """Report regularly that a task runs; this stops when the kernel dies."""
        while True:
            await asyncio.sleep(_HEARTBEAT)
            self.send({"busy": True})

    async def _guarded(self, work: Work) -> None:
        with guard(self._alert, self._secrets):
            await work

    def _end(self, work: Work) -> None:
        if self.task and self.task.cancelled():
            # The task was cancelled before its first step, so the work was never awaited.
            work.close()
            self.show({"status": "Cancelled."})
        self.send({"busy": False})

    def _alert(self, message: str, detail: str) -> None:
        problem = render("exception", message=message, detail=detail)
        self.show({"problems": problem, "status": ""}, focus="problems")

    def __repr__(self) -> str:
        return f"<contactkit widget: {self.title}>"

    def close(self) -> None:
        """Close the widget and its layout, and cancel its task."""
        self._cancel()
        self.layout.close()
        super().close()


def _texts(regions: Mapping[str, str]) -> dict[str, str]:
    """Regions as plain text: marimo sends no subclass of it, such as markup."""
    return {name: str(html) for name, html in regions.items()}
