"""The one widget: regions of HTML that the kernel fills, and what a person asks for in them.

Nothing of a contact is ever widget state, which notebooks and their tools keep in files: HTML and
values travel in messages alone, and only once a front end says that it is there.
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
"""What a person asked for: its `kind`, a `value`, and the `values` that were changed."""

Work: TypeAlias = Coroutine[Any, Any, None]


# What nobody waits for, so that it is answered while a task runs as well.
_LIGHT = ("edit", "typed", "leaf")
_BEAT = 3.0


class Widget(anywidget.AnyWidget):
    """A layout whose regions are filled by name; `on` answers events, at once or as a task.

    One task runs at a time: what is asked meanwhile is not done, but for "cancel", "edit" and
    "leaf". What is "typed" is only taken down.
    `begins_at` is where the keyboard goes when a front end first shows it, if it is set before.
    """

    _esm = Path(__file__).with_name("widget.js")
    _css = Path(__file__).with_name("widget.css")

    def __init__(
        self,
        layout: str,
        on: Mapping[str, Callable[[Event], Work | None]],
        secrets: Callable[[], Iterable[str]],
    ) -> None:
        super().__init__()
        self.layout_html = layout
        self.regions: dict[str, str] = {}
        self.draft: dict[str, JSON] = {}
        self.version = 0
        self.begins_at = ""
        self.task: asyncio.Task[None] | None = None
        self._lock = RLock()
        self._on = on
        self._secrets = secrets
        self.on_msg(lambda _, content, __: self.receive(content))

    def show(self, regions: Mapping[str, str], *, focus: str = "") -> None:
        """Fill some regions, and move the keyboard's place to a field or a region.

        What was not rendered from a template is text, and is escaped.
        """
        escaped = {name: escape(html) for name, html in regions.items()}
        # What is told again as it was would be read out again.
        new = {name: html for name, html in escaped.items() if self.regions.get(name) != html}
        self.regions |= new
        self.send({"regions": new, "focus": focus})

    def renew(self) -> None:
        """Void what was asked of the picture as it was, and keep what was typed."""
        self.version += 1
        self.show({"version": render("version", version=self.version)})

    def replace(
        self, regions: Mapping[str, str], *, draft: Mapping[str, JSON] | None = None
    ) -> None:
        """Fill regions that hold controls; what was asked before is void.

        What was typed is void, too, but for a `draft`.
        """
        self.draft = dict(draft or {})
        kept = {name: html for name, html in self.regions.items() if ":" not in name}
        self.regions = {name: html for name, html in kept.items() if name not in regions}
        self.renew()
        self.show(regions)
        if draft:
            self.send({"draft": self.draft})

    @property
    def busy(self) -> bool:
        """Whether a task runs."""
        return self.task is not None and not self.task.done()

    def receive(self, event: Event) -> None:
        """Answer one event of the front end."""
        with self._lock, guard(self._alert, self._secrets):
            self._receive(event)

    def _receive(self, event: Event) -> None:
        kind = event["kind"]
        if kind == "ready":
            self._tell_all()
        elif kind == "cancel":
            self._cancel()
            return
        elif event["version"] != self.version:
            # It was asked of what is no longer on the screen.
            if kind not in _LIGHT:
                self.send({"busy": self.busy})
            return
        else:
            self.draft = dict(event["values"])
        self._answer(kind, event)

    def _cancel(self) -> None:
        if self.task and self.busy:
            # JupyterLab may bring one event to the kernel's own thread and the next to another.
            self.task.get_loop().call_soon_threadsafe(self.task.cancel)

    def _tell_all(self) -> None:
        whole = {"layout": self.layout_html, "regions": self.regions, "id": self.model_id}
        self.send({**whole, "draft": self.draft, "busy": self.busy, "focus": self.begins_at})
        self.begins_at = ""

    def _answer(self, kind: str, event: Event) -> None:
        answer = self._on.get(kind)
        if answer is None or (self.busy and kind not in _LIGHT):
            return
        try:
            work = answer(event)
            if work is not None:
                self.start(work)
        finally:
            # An edit may stand between what was asked and its answer.
            if kind not in _LIGHT:
                self.send({"busy": self.busy})

    def start(self, work: Work) -> None:
        """Run `work` as the one task."""
        guarded = self._guarded(work)
        try:
            loop = asyncio.get_running_loop()
            self.task = loop.create_task(guarded)
            beat = loop.create_task(self._beat())
        except RuntimeError:
            guarded.close()
            work.close()
            raise
        self.task.add_done_callback(lambda _: beat.cancel())
        self.task.add_done_callback(lambda _: self._ended(work))

    async def _beat(self) -> None:
        """Say again and again that there is work; when a kernel dies, that ends without a word."""
        while True:
            await asyncio.sleep(_BEAT)
            self.send({"busy": True})

    async def _guarded(self, work: Work) -> None:
        with guard(self._alert, self._secrets):
            await work

    def _ended(self, work: Work) -> None:
        if self.task and self.task.cancelled():
            # Before its first step: what it was for was never awaited.
            work.close()
            self.show({"status": "Cancelled."})
        self.send({"busy": False})

    def _alert(self, message: str, detail: str) -> None:
        told = {"problems": render("exception", message=message, detail=detail), "status": ""}
        self.show(told, focus="problems")

    def __repr__(self) -> str:
        return f"<contactkit panel: {self.regions.get('head', '')}>"

    def close(self) -> None:
        """Close the widget and what it made, and end its task."""
        self._cancel()
        self.layout.close()
        super().close()
