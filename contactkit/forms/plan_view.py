"""A widget to look at a plan page by page, to apply it, stop it and resume it.

The plan decides what is written and sent; this module counts, shows and starts it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import pandas as pd

from contactkit._frames.frame import result_frame
from contactkit._http.world import Live
from contactkit._plans.plan import Plan
from contactkit._plans.progress import Progress
from contactkit._plans.tables import count_people
from contactkit._redact import redact
from contactkit.forms.attempts import Confirmation
from contactkit.forms.cells import register
from contactkit.forms.html import render, time_html, with_times, working
from contactkit.forms.messages import raise_unexpected, refusal_html
from contactkit.forms.plan_table import PlanTable, apply_label
from contactkit.forms.transcript import PLAN_COLUMNS, Transcript, show_plan
from contactkit.forms.view import View
from contactkit.forms.widget import Event, Widget, Work
from contactkit.spec.outcome import OPEN
from contactkit.spec.record import parse_time

T = TypeVar("T")

# A screen reader announces progress no more often than this, in seconds.
ANNOUNCE_EVERY = 5.0


class _NoClient(Live):
    """The world of a plan that was loaded without a client."""

    name = "no client"
    notice = "This plan has no client and cannot be applied."


class PlanView(View):
    """The cells of a plan to page through, Apply and Cancel, and later its result.

    `widget` is for use in other layouts; `result` is the result frame of the last apply, which is
    empty at first. A view in a browser shares its `transcript`, and calls `on_applied`.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        transcript: Transcript | None = None,
        on_applied: Callable[[pd.DataFrame], None] = lambda _: None,
    ) -> None:
        self.plan = plan
        self._on_applied = on_applied
        self._is_agreed = False
        self.result = result_frame([])
        self._confirmation = Confirmation()
        self._announced_at = 0.0
        self._table = PlanTable(plan)
        title = f"Plan for {plan.provider.title}"
        self._world = world = plan.runner.session.world if plan.runner else _NoClient()
        self.transcript = transcript or Transcript(title, world, PLAN_COLUMNS)
        facts = plan.facts()
        show_plan(self.transcript, plan, facts, self._table.index)
        handlers = {"apply": self._apply, "edit": self._select, "page": self._turn_page}
        layout = render("plan", title=title, world=world, docs=plan.provider.docs)
        self.widget = Widget(title, layout, handlers, self._secrets)
        # A widget that is closed during an apply no longer has an id.
        self._prefix = self.widget.model_id or ""
        shown = {name: with_times(text, world) for name, text in facts.items()}
        self.widget.show({"head": title, "facts": render("plan_facts", facts=shown)})
        self._draw()
        if transcript is None:
            register(self)

    def __repr__(self) -> str:
        return f"<contactkit plan view: {self.plan.provider.title}, {self.plan.digest[:12]}>"

    def _secrets(self) -> Iterable[str]:
        return self.plan.runner.session.secrets if self.plan.runner else ()

    def _draw(self, **regions: str) -> None:
        """Show the table, its selection controls, and what Apply would do."""
        drawn = {**self._table.regions(), "choices": self._table.choices(self._prefix)}
        cleared = {"progress": "", "announcement": ""}
        self.widget.replace({**drawn, **self._apply_regions(), **cleared, **regions})

    def _apply_regions(self) -> Mapping[str, str]:
        """The button, and warnings about its effect."""
        remains = Counter(contact.stays for contact in self.plan.contacts if contact.stays)
        notes = render("plan_notes", **self._effects(), remains=remains)
        button = render("apply_button", label=self._label, off=not self._remaining)
        return {"apply": button, "note": notes}

    def _effects(self) -> Mapping[str, str | int]:
        """What another apply asks about: whom it opts in, how many it deletes, and where it goes.

        A live provider is asked about once.
        """
        opts_in = self._table.opts_in
        people = count_people(opts_in) if opts_in else ""
        runner = self.plan.runner
        asks = runner is not None and runner.session.world.real and not self._is_agreed
        live = runner.session.base_url if runner and asks else ""
        return {"opts_in": people, "deletes": self._table.deletes, "live": live}

    @property
    def _label(self) -> str:
        title = self.plan.provider.title
        return apply_label(self._remaining, title, is_resumed=bool(len(self.result)))

    @property
    def _remaining(self) -> int:
        """How many contacts another apply would send."""
        return sum(self._table.index.counts.get(outcome, 0) for outcome in OPEN)

    def _select(self, event: Event) -> None:
        self._table.select(event["values"])
        self.widget.show(self._table.regions())

    def _turn_page(self, event: Event) -> None:
        self._table.select(event["values"])
        self._table.turn_page(str(event["value"]))
        self.widget.show(self._table.regions())

    def _apply(self, event: Event) -> Work | None:
        effects = self._effects()
        if not self._remaining:
            return self.widget.show({"status": "There is nothing to send.", "problems": ""})
        if any(effects.values()) and self._confirmation.ask(effects):
            question = render(
                "confirm_apply",
                **effects,
                label=self._label,
                count=self._remaining,
                title=self.plan.provider.title,
            )
            return self.widget.show({"problems": question, "status": ""}, focus="problems")
        self._confirmation.withdraw()
        self._is_agreed = True
        self.widget.show({"status": working("Applying"), "problems": "", "report": ""})
        return self._run()

    async def _run(self) -> None:
        action = "resume" if len(self.result) else "apply"
        now = f"{datetime.fromtimestamp(self.plan.now(), UTC):%Y-%m-%d %H:%M} UTC"
        message = "started; contactkit.journal() has its outcome"
        self.transcript.add(when=now, action=action, message=message)
        try:
            result = await cancel_once(self.plan.aio.apply(progress=self._show_progress))
        except (Exception, asyncio.CancelledError) as error:
            self._show_error(error)
            return raise_unexpected(error)
        self._show_result(result)

    def _show_progress(self, progress: Progress) -> None:
        """Show the progress, and announce it to screen readers from time to time."""
        line = str(progress)
        shown = with_times(line, self._world)
        bar = render("progress", done=progress.done, total=progress.total, line=shown)
        regions: dict[str, str] = {"progress": bar, "status": "", **self._table.note(progress.news)}
        now = time.monotonic()
        if now - self._announced_at >= ANNOUNCE_EVERY:
            self._announced_at = now
            regions["announcement"] = line
        self.widget.show(regions)

    def _show_error(self, error: BaseException) -> None:
        """Show an exception instead of a result; the table does not change."""
        self.transcript.finish(message=type(error).__name__)
        self.widget.invalidate()
        cleared = {"progress": "", "announcement": "", "status": ""}
        self.widget.show({**cleared, "problems": refusal_html(error)}, focus="problems")

    def _show_result(self, result: pd.DataFrame) -> None:
        self.result = result
        self._table.show_result(result)
        counts = self._table.index.counts
        stopped = str(result.attrs.get("stopped", ""))
        outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
        self.transcript.finish(outcome=outcomes, message=redact(stopped, self._secrets()))
        report = render(
            "applied",
            stopped=with_times(stopped, self._world),
            resume_at=self._resume_time(result),
            code=render("code", code="result = plan.apply()"),
        )
        line = f"{'Stopped' if stopped else 'Applied'}: {outcomes}."
        self._draw(report=report, status=line if stopped else render("done", line=line))
        self._on_applied(result)

    def _resume_time(self, result: pd.DataFrame) -> str:
        at = result.attrs.get("resume_at", "")
        return time_html(parse_time(at), self._world) if at else ""


async def cancel_once(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, and cancel it once however often this is cancelled.

    The first cancellation waits for requests in flight; the second abandons them.
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
