"""Fixtures of the forms: exceptions that are shown are raised as well, and no widget is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ipywidgets.widgets import widget

from contactkit.forms import messages


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "strict", True)


@pytest.fixture(autouse=True)
def no_widget_is_left() -> Iterator[None]:
    before = set(widget._instances)
    yield
    for key in set(widget._instances) - before:
        if key in widget._instances:
            widget._instances[key].close()
