"""A plan to be looked at, applied, stopped and resumed, page by page however large it is.

What is planned and what is sent is the plan's own; here it is counted, shown and begun.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, TypeVar

import pandas as pd
from IPython.display import display

from contactkit._frames.frame import result_frame
from contactkit._http.world import Live, World
from contactkit._plans.plan import Plan
from contactkit._plans.progress import Progress
from contactkit._redact import redact
from contactkit.forms.attempts import Confirmation
from contactkit.forms.cells import claim
from contactkit.forms.html import render
from contactkit.forms.messages import raise_unexpected, refusal_told
from contactkit.forms.plan_table import PlanTable
from contactkit.forms.record import PlanRecord
from contactkit.forms.widget import Event, Widget, Work
from contactkit.spec.outcome import OPEN

T = TypeVar("T")

# Whoever listens to the page hears how far it is no more often than this.
_TELLING = 5.0


class _NoClient(Live):
    """The world of a plan that was read from a file without a client."""

    name = "no client"
    notice = "This plan has no client, and cannot be applied."


class PlanView:
    """The cells of a plan to leaf through, Apply and Cancel, and then its result.

    `widget` is what is shown, `plan` the plan, `result` the result frame of the last apply; it is
    empty at first.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.result = result_frame([])
        self._question = Confirmation()
        self._told_at = 0.0
        self._table = PlanTable(plan)
        title = f"Plan for {plan.provider.title}"
        world: World = plan.door.world if plan.door else _NoClient()
        self.transcript = PlanRecord(title, world, plan, self._table.leaves)
        verbs = {"apply": self._apply, "edit": self._chosen, "leaf": self._leaf}
        layout = render("plan", title=title, world=world, docs=plan.provider.docs)
        self.widget = Widget(layout, verbs, self._secrets)
        # A widget that is closed, while something is in flight, has none any more.
        self._prefix = self.widget.model_id or ""
        self.widget.show({"head": title, "facts": render("facts", facts=plan.facts())})
        self._draw()
        claim(self)

    @property
    def busy(self) -> bool:
        """Whether it is being applied."""
        return self.widget.busy

    def close(self) -> None:
        """Take the view away; an apply is stopped as Cancel stops it, and then has its `result`."""
        self.widget.close()

    def _ipython_display_(self) -> None:
        display(self.widget)
        self.transcript.open()

    def __repr__(self) -> str:
        return f"<contactkit plan view: {self.plan.provider.title}, {self.plan.digest[:12]}>"

    def _secrets(self) -> Iterable[str]:
        return self.plan.door.session.secrets if self.plan.door else ()

    def _draw(self, **regions: str) -> None:
        """Show the table anew, what can be chosen of it, and what Apply would do now."""
        drawn = {**self._table.regions(), "choices": self._table.choices(self._prefix)}
        self.widget.replace({**drawn, **self._button(), "progress": "", "told": "", **regions})

    def _button(self) -> Mapping[str, str]:
        notes = render("notes", deletes=self._deletes, stays=self._stays)
        return {"apply": render("apply", label=self._label, off=not self._left), "note": notes}

    @property
    def _label(self) -> str:
        return "Resume" if len(self.result) and self._left else "Apply"

    @property
    def _left(self) -> int:
        """How many contacts another apply has something to do for."""
        return sum(self._table.leaves.counts.get(outcome, 0) for outcome in OPEN)

    @property
    def _deletes(self) -> int:
        """How many of them it would delete."""
        outcomes = zip(self.plan.contacts, self._table.outcomes, strict=True)
        return sum(each.operation == "delete" and found in OPEN for each, found in outcomes)

    @property
    def _stays(self) -> Mapping[str, int]:
        """What cannot be undone of what this undoes, and of how many contacts."""
        return Counter(each.stays for each in self.plan.contacts if each.stays)

    def _chosen(self, event: Event) -> None:
        self._table.choose(event["values"])
        self.widget.show(self._table.regions())

    def _leaf(self, event: Event) -> None:
        self._table.choose(event["values"])
        self._table.turn(str(event["value"]))
        self.widget.show(self._table.regions())

    def _apply(self, event: Event) -> Work | None:
        deletes = self._deletes
        if not self._left:
            told = "There is nothing that could be sent."
            return self.widget.show({"status": told, "problems": ""})
        if deletes and self._question.asks(deletes):
            asked = render("asked", deletes=deletes, label=self._label)
            return self.widget.show({"problems": asked, "status": ""}, focus="problems")
        self._question.forget()
        told = render("working", told="Applying")
        self.widget.show({"status": told, "problems": "", "report": ""})
        return self._applying()

    async def _applying(self) -> None:
        self.transcript.begun("resume" if len(self.result) else "apply")
        try:
            result = await ended(self.plan.aio.apply(progress=self._progressed))
        except (Exception, asyncio.CancelledError) as error:
            self._failed(error)
            return raise_unexpected(error)
        self._applied(result)

    def _progressed(self, progress: Progress) -> None:
        """Show how far it is; whoever listens is told now and then."""
        line = str(progress)
        bar = render("progress", done=progress.done, total=progress.total, line=line)
        shown: dict[str, str] = {"progress": bar, "status": ""}
        now = time.monotonic()
        if now - self._told_at >= _TELLING:
            self._told_at = now
            shown["told"] = line
        self.widget.show(shown)

    def _failed(self, error: BaseException) -> None:
        """Show what was raised instead of a result; nothing of the table has changed."""
        self.transcript.ended({}, type(error).__name__)
        above = refusal_told(error, [], 0)
        self.widget.renew()
        self.widget.show(
            {"progress": "", "told": "", "status": "", "problems": above}, focus="problems"
        )

    def _applied(self, result: pd.DataFrame) -> None:
        self.result = result
        self._table.became(result)
        counts = self._table.leaves.counts
        stopped = str(result.attrs.get("stopped", ""))
        self.transcript.ended(counts, redact(stopped, self._secrets()))
        report = render(
            "applied",
            stopped=stopped,
            resume_at=result.attrs.get("resume_at", ""),
            code=render("code", code="result = plan.apply()"),
        )
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
        self._draw(report=report, status=f"{'Stopped' if stopped else 'Applied'}: {told}.")


async def ended(work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to: however often this is cancelled, `work` is cancelled once.

    An apply that is cancelled lets what is on the wire come to its end; cancelled again, it gives
    that up.
    """
    task = asyncio.ensure_future(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                return task.result()
            if not task.cancelling():
                task.cancel()
