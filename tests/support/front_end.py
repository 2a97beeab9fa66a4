"""A front end in Python: reads what a widget shows, fills in controls and presses buttons."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from contactkit.forms.widget import Widget


class Markup(HTMLParser):
    """The controls of some HTML by field name, its tags and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.controls: dict[str, Any] = {}
        self.disabled: dict[str, bool] = {}
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
            self.disabled[self._field] = "disabled" in attributes

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


class Front:
    """What a user sees and does in one widget."""

    def __init__(self, panel: Widget) -> None:
        self.panel = panel
        self.heard: list[dict[str, Any]] = []
        panel.send = self.heard.append
        panel.receive({"kind": "ready"})

    def region(self, name: str) -> Markup:
        return Markup(self.panel.regions.get(name, ""))

    def text(self, name: str) -> str:
        return self.region(name).text

    @property
    def head(self) -> Markup:
        """The part above the fields or filters, which never changes."""
        return Markup(re.split(r'data-region="(?:fields|filters)"', self.panel.layout_html)[0])

    @property
    def fields(self) -> Markup:
        return self.region("fields")

    def problems(self) -> dict[str, str]:
        """The messages beside the fields."""
        texts = {name: self.text(name) for name in self.panel.regions if ":" in name}
        return {name.removeprefix("problem:"): text for name, text in texts.items() if text}

    def send(self, kind: str, value: str = "", *, version: int | None = None, **raws: Any) -> None:
        """Send a message with the values of these controls."""
        version = self.panel.version if version is None else version
        self.panel.receive({"kind": kind, "value": value, "values": raws, "version": version})

    async def ask(self, kind: str, value: str = "", **raws: Any) -> None:
        """Send a message and wait for the task that it starts."""
        self.send(kind, value, **raws)
        if self.panel.task:
            await self.panel.task

    @property
    def busy(self) -> bool:
        return [each["busy"] for each in self.heard if "busy" in each][-1]
