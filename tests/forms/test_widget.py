"""The panel: regions are escaped and told again, one task at a time, and nothing stale is done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from ipywidgets.widgets import widget

from contactkit.forms import messages
from contactkit.forms.html import render
from contactkit.forms.widget import Widget
from tests.support.front_end import Front


class Heard:
    """A panel whose events are written down; "slow" takes until it is let go."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.go = asyncio.Event()
        verbs = {"edit": self.note, "slow": self.slow, "break": self.fail, "late": self.late}
        self.panel = Widget("<p data-region=a></p>", verbs, lambda: ["s3cret"])

    def note(self, event: Any) -> None:
        self.events.append(event["kind"])

    async def slow(self, event: Any) -> None:
        self.events.append("slow")
        await self.go.wait()

    def fail(self, event: Any) -> None:
        raise ValueError("with s3cret and janet@example.com")

    async def late(self, event: Any) -> None:
        self.fail(event)


@pytest.fixture
def heard() -> Iterator[Heard]:
    made = Heard()
    yield made
    made.panel.close()


async def test_text_is_escaped_and_what_is_rendered_is_not(heard):
    front = Front(heard.panel)
    heard.panel.show({"a": "<b>", "b": render("version", version=3)})
    assert heard.panel.regions["a"] == "&lt;b&gt;"
    assert "<span" in front.panel.regions["b"]


async def test_a_front_end_that_comes_late_is_told_everything(heard):
    heard.panel.show({"a": "one"})
    front = Front(heard.panel)
    front.send("edit", name="typed")
    front.panel.receive({"kind": "ready"})
    whole = next(each for each in reversed(front.heard) if "layout" in each)
    assert whole["layout"] and whole["regions"] == {"a": "one"}
    assert whole["draft"] == {"name": "typed"} and whole["busy"] is False


async def test_one_task_at_a_time(heard):
    front = Front(heard.panel)
    front.send("slow")
    front.send("slow")
    await asyncio.sleep(0)
    front.send("edit")
    assert heard.events == ["slow", "edit"] and front.busy
    heard.go.set()
    await front.panel.task
    await asyncio.sleep(0)
    assert not front.busy


async def test_what_is_asked_of_an_older_picture_is_not_done(heard):
    front = Front(heard.panel)
    heard.panel.replace({"a": "new"})
    front.send("slow", version=0, name="old")
    front.send("edit", version=0, name="old")
    assert heard.events == [] and heard.panel.draft == {} and not front.busy


async def test_what_nobody_answers_is_nothing(heard):
    Front(heard.panel).send("unheard of")


@pytest.mark.parametrize("kind", ["break", "late"])
async def test_an_exception_is_shown_without_secrets(heard, kind, monkeypatch):
    monkeypatch.setattr(messages, "strict", False)
    front = Front(heard.panel)
    await front.ask(kind)
    await asyncio.sleep(0)
    told = front.text("problems")
    assert "ValueError: unexpected: with ••• and …" in told
    assert "Traceback" in told and "test_widget.py" in told
    assert "s3cret" not in told and "janet" not in told and not front.busy
    assert [each["focus"] for each in front.heard if "focus" in each][-1] == "problems"


@pytest.mark.parametrize("kind", ["break", "late"])
async def test_under_tests_it_is_raised_as_well(heard, kind):
    front = Front(heard.panel)
    with pytest.raises(ValueError, match="s3cret"):
        await front.ask(kind)
    assert "ValueError" in front.text("problems")


async def test_closing_ends_the_task_and_the_widgets(heard):
    before = set(widget._instances)
    front = Front(heard.panel)
    front.send("slow")
    await asyncio.sleep(0)
    task = front.panel.task
    heard.panel.close()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(before - set(widget._instances)) == 2
