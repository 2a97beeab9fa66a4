"""The widget: escaped regions, one task at a time, and no events of an older version."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import contactkit as ck
from contactkit.forms import messages
from contactkit.forms.html import render
from contactkit.forms.widget import Widget
from tests.support.front_end import FrontEnd
from tests.support.widgets import open_widgets


class Recorder:
    """A widget whose events are recorded; "slow" waits until `go` is set."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.go = asyncio.Event()
        verbs = {"edit": self.note, "slow": self.slow, "break": self.fail, "late": self.late}
        self.widget = Widget("A", "<p data-region=a></p>", verbs, lambda: ["s3cret"])

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
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.widget.close()


async def test_show_escapes_text_but_not_templates(recorder):
    front = FrontEnd(recorder.widget)
    recorder.widget.show({"a": "<b>", "b": render("version", version=3)})
    assert recorder.widget.regions["a"] == "&lt;b&gt;"
    assert "<span" in front.widget.regions["b"]


async def test_ready_sends_everything(recorder):
    recorder.widget.show({"a": "one"})
    front = FrontEnd(recorder.widget)
    front.send("edit", name="typed")
    front.widget.receive({"kind": "ready"})
    whole = next(message for message in reversed(front.messages) if "layout" in message)
    assert whole["layout"] and whole["regions"] == {"a": "one"}
    assert whole["draft"] == {"name": "typed"} and whole["busy"] is False


async def test_one_task_runs_at_a_time(recorder):
    front = FrontEnd(recorder.widget)
    front.send("slow")
    front.send("slow")
    await asyncio.sleep(0)
    front.send("edit")
    assert recorder.events == ["slow", "edit"] and front.busy
    recorder.go.set()
    await front.widget.task
    await asyncio.sleep(0)
    assert not front.busy


async def test_event_of_an_older_version_is_ignored(recorder):
    front = FrontEnd(recorder.widget)
    recorder.widget.replace({"a": "new"})
    front.send("slow", version=0, name="old")
    front.send("edit", version=0, name="old")
    assert recorder.events == [] and recorder.widget.draft == {} and not front.busy


async def test_unknown_event_is_ignored(recorder):
    FrontEnd(recorder.widget).send("something else")


@pytest.mark.parametrize("kind", ["break", "late"])
async def test_exception_is_shown_without_secrets(recorder, kind, monkeypatch):
    monkeypatch.setattr(messages, "strict", False)
    front = FrontEnd(recorder.widget)
    await front.press(kind)
    await asyncio.sleep(0)
    text = front.text("problems")
    assert "ValueError: unexpected: with ••• and …" in text
    assert "Traceback" in text and "test_widget.py" in text
    assert "s3cret" not in text and "janet" not in text and not front.busy
    assert front.focus == "problems"


@pytest.mark.parametrize("kind", ["break", "late"])
async def test_exception_is_raised_in_tests(recorder, kind):
    front = FrontEnd(recorder.widget)
    with pytest.raises(ValueError, match="s3cret"):
        await front.press(kind)
    assert "ValueError" in front.text("problems")


async def test_close_cancels_the_task_and_closes_the_widgets(recorder):
    before = set(open_widgets())
    front = FrontEnd(recorder.widget)
    front.send("slow")
    await asyncio.sleep(0)
    task = front.widget.task
    recorder.widget.close()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(before - set(open_widgets())) == 2


def test_plain_text_is_sent_which_any_front_end_takes(name, example):
    contacts = ck.connect(name, via=ck.Simulator()).contacts
    row = contacts.get(example.key)
    for view in (contacts.form(row), contacts.plan(row, row).view()):
        front = FrontEnd(view._display_())
        front.widget.show({"status": render("version", version=1)})
        sent = [html for m in front.messages for html in m.get("regions", {}).values()]
        sent += [m["layout"] for m in front.messages if "layout" in m]
        assert len(sent) > 2 and {*map(type, sent)} == {str}
        view.close()


def test_marimo_has_no_browser_and_says_what_it_has(name):
    browser = ck.connect(name, via=ck.Simulator()).contacts.browse()
    assert browser._display_() == "The browser needs Jupyter; in marimo use contacts.form(key)."
    browser.close()
