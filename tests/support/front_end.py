"""A front end in Python: it reads what a widget shows, changes controls and presses buttons."""

from __future__ import annotations

import asyncio
import json
import re
from html.parser import HTMLParser
from typing import Any

from contactkit.forms.widget import Widget


class Markup(HTMLParser):
    """The controls of some HTML by field name, its start tags, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.controls: dict[str, Any] = {}
        self.read_only: dict[str, bool] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._field = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "data-field" in attributes:
            self._field = attributes["data-field"] or ""
            self.controls[self._field] = json.loads(attributes["data-raw"] or "null")
        if tag in ("input", "select", "textarea") and self._field:
            self.read_only[self._field] = "readonly" in attributes

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


class FrontEnd:
    """The user's view of one widget, and the user's actions."""

    def __init__(self, widget: Widget) -> None:
        self.widget = widget
        self.messages: list[dict[str, Any]] = []
        widget.send = self.messages.append
        widget.receive({"kind": "ready"})

    def region(self, name: str) -> Markup:
        return Markup(self.widget.regions.get(name, ""))

    def text(self, name: str) -> str:
        return self.region(name).text

    @property
    def head(self) -> Markup:
        """The part above the fields or filters, which never changes."""
        return Markup(re.split(r'data-region="(?:fields|filters)"', self.widget.layout_html)[0])

    @property
    def fields(self) -> Markup:
        return self.region("fields")

    def problems(self) -> dict[str, str]:
        """The problems beside the fields, by field name."""
        texts = {name: self.text(name) for name in self.widget.regions if name[:8] == "problem:"}
        return {name.removeprefix("problem:"): text for name, text in texts.items() if text}

    @property
    def box(self) -> str:
        """What the box beside Save has as its value when it is ticked; "" without a box."""
        inputs = [attributes for tag, attributes in self.region("consent").tags if tag == "input"]
        return inputs[0]["value"] or "" if inputs else ""

    def off(self) -> set[str]:
        """The buttons that are off because the box is not ticked."""
        tags = [attributes for tag, attributes in self.region("send").tags if tag == "button"]
        return {attributes["name"] or "" for attributes in tags if "data-off" in attributes}

    @property
    def focus(self) -> str:
        """Where the focus was put last."""
        return [message["focus"] for message in self.messages if "focus" in message][-1]

    @property
    def busy(self) -> bool:
        return [message["busy"] for message in self.messages if "busy" in message][-1]

    def send(self, kind: str, value: Any = "", *, version: int | None = None, **raws: Any) -> None:
        """Send an event with these controls changed."""
        version = self.widget.version if version is None else version
        self.widget.receive({"kind": kind, "value": value, "values": raws, "version": version})

    async def press(self, kind: str, value: str = "", **raws: Any) -> None:
        """The same, and wait for the task that it started."""
        self.send(kind, value, **raws)
        if self.widget.task:
            await self.widget.task

    async def cancel(self) -> None:
        """Press Cancel once the task has begun, and wait for its end."""
        await asyncio.sleep(0.01)
        self.send("cancel")
        if self.widget.task:
            await asyncio.wait([self.widget.task])
