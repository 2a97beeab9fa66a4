"""Fixtures of the forms: exceptions that are shown are raised as well, and no widget is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contactkit.forms import messages
from tests.support.widgets import open_widgets


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "strict", True)


@pytest.fixture(autouse=True)
def no_widget_is_left() -> Iterator[None]:
    before = set(open_widgets())
    yield
    for key in set(open_widgets()) - before:
        if each := open_widgets().get(key):
            each.close()
