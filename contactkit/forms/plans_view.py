"""A widget to look at the plans of several sources, and to apply all of them at the same time.

The plans decide what is written and sent; this module counts, shows and starts it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd

from contactkit._frames.frame import declared_frame
from contactkit._people.plans import APPLY_COLUMNS, Plans, join_results
from contactkit._plans.preview import MOST_SHOWN
from contactkit._plans.progress import Progress
from contactkit._plans.tables import count_people
from contactkit._redact import redact
from contactkit.errors import ContactKitError
from contactkit.forms.attempts import Confirmation
from contactkit.forms.cells import register
from contactkit.forms.html import render, table, working
from contactkit.forms.messages import refusal_html
from contactkit.forms.plan_rows import MASKED_COLUMNS, masked_rows
from contactkit.forms.plan_table import PlanTable, apply_label
from contactkit.forms.plan_view import ANNOUNCE_EVERY, cancel_once
from contactkit.forms.transcript import PLAN_COLUMNS, Transcript
from contactkit.forms.view import View
from contactkit.forms.widget import Event, Widget, Work
from contactkit.forms.worlds import JointWorld
from contactkit.spec.outcome import OPEN

TITLE = "Plans for all sources"


class PlansView(View):
    """The plans of several sources: what each would write, Apply and Cancel, and later the result.

    `widget` is for use in other layouts; `result` is the result frame of the last apply of all
    plans, which is empty at first. `on_applied` is called after each apply.
    """

    def __init__(self, plans: Plans, on_applied: Callable[[], None] = lambda: None) -> None:
        self.plans = plans
        self.result = declared_frame(APPLY_COLUMNS, [])
        self._on_applied = on_applied
        self._confirmation = Confirmation()
        self._announced_at = 0.0
        self._progress: dict[str, Progress] = {}
        self._filled = {source: plan for source, plan in plans.items() if len(plan)}
        self._tables = {source: PlanTable(plan) for source, plan in self._filled.items()}
        self._source = self._drawn_source = next(iter(self._tables), "")
        self.transcript = Transcript(TITLE, self._world, PLAN_COLUMNS)
        self.transcript.show("The plans", self._record())
        handlers = {"apply": self._apply, "edit": self._select, "page": self._turn_page}
        layout = render("plan", title=TITLE, world=self._world, docs="")
        self.widget = Widget(TITLE, layout, handlers, self._secrets)
        # A widget that is closed during an apply no longer has an id.
        self._prefix = self.widget.model_id or ""
        facts = render("plan_facts", facts=plans.facts())
        self.widget.show({"head": TITLE, "facts": facts})
        self._draw()
        register(self)

    def __repr__(self) -> str:
        return f"<contactkit plans view: {', '.join(self.plans)}, {self.plans.digest[:12]}>"

    @property
    def _world(self) -> JointWorld:
        return JointWorld(p.runner.session.world for p in self.plans.values() if p.runner)

    def _secrets(self) -> Iterable[str]:
        runners = [plan.runner for plan in self.plans.values() if plan.runner]
        return [secret for runner in runners for secret in runner.session.secrets]

    def _record(self) -> str:
        """The plans for a file, without personal values."""
        rows = [
            [source, *row]
            for source, plan in self._filled.items()
            for row in masked_rows(plan, self._tables[source].index.page(0)[:MOST_SHOWN])
        ]
        columns = ["source", *MASKED_COLUMNS]
        cells = table("First cells", columns, rows[: 2 * MOST_SHOWN]) if rows else ""
        facts = table("Plans", ["fact", "value"], self.plans.facts().items())
        return facts + cells

    def _draw(self, **regions: str) -> None:
        """Show the source's table, the selection controls, and what Apply would do."""
        cleared = {"progress": "", "announcement": ""}
        off = not self._remaining
        drawn = {
            "apply": render("apply_button", label=self._label, off=off),
            "sources": self._choice(),
            **self._source_regions(),
        }
        self.widget.replace({**drawn, **cleared, **regions})

    def _choice(self) -> str:
        """The control that selects the source whose plan is shown."""
        self._drawn_source = self._source
        if len(self._tables) < 2:
            return ""
        options = [(source, source) for source in self._tables]
        choices = [("source", "Plan for", self._source, options)]
        return render("choices", choices=choices, prefix=self._prefix)

    def _source_regions(self) -> Mapping[str, str]:
        """The selection controls and the table of the plan that is shown."""
        if not self._tables:
            return {"table": "", "pages": "", "where": "Nothing differs.", "choices": ""}
        shown = self._tables[self._source]
        return {**shown.regions(), "choices": shown.choices(self._prefix)}

    @property
    def _label(self) -> str:
        sources = ", ".join(self._open_sources)
        return apply_label(self._remaining, sources, is_resumed=bool(len(self.result)))

    @property
    def _remaining(self) -> int:
        """How many contacts another apply would send."""
        return sum(self._open_sources.values())

    @property
    def _open_sources(self) -> Mapping[str, int]:
        """The sources with contacts that another apply would send, and how many."""
        counts = {source: table.index.counts for source, table in self._tables.items()}
        left = {
            source: sum(count.get(outcome, 0) for outcome in OPEN)
            for source, count in counts.items()
        }
        return {source: count for source, count in left.items() if count}

    def _select(self, event: Event) -> None:
        source = str(event["values"].get("source", self._drawn_source))
        if source in self._tables and source != self._source:
            self._source = source
            self.widget.show(self._source_regions())
        elif self._tables:
            self._tables[self._source].select(event["values"])
            self.widget.show(self._tables[self._source].regions())

    def _turn_page(self, event: Event) -> None:
        if self._tables:
            self._tables[self._source].turn_page(str(event["value"]))
            self.widget.show(self._tables[self._source].regions())

    def _effects(self) -> Mapping[str, str | int]:
        """What an apply asks about: people to opt in, and contacts to be written at providers."""
        opts_in = sum(table.opts_in for table in self._tables.values())
        live = [
            f"{source} ({count:,})"
            for source, plan in self._filled.items()
            if plan.session.world.real and (count := _open(self._tables[source]))
        ]
        people = count_people(opts_in) if opts_in else ""
        return {"opts_in": people, "live": ", ".join(live)}

    def _apply(self, event: Event) -> Work | None:
        effects = self._effects()
        if not self._remaining:
            return self.widget.show({"status": "There is nothing to send.", "problems": ""})
        if any(effects.values()) and self._confirmation.ask(effects):
            question = render("confirm_plans", **effects, label=self._label)
            return self.widget.show({"problems": question, "status": ""}, focus="problems")
        self._confirmation.withdraw()
        self.widget.show({"status": working("Applying"), "problems": "", "report": ""})
        return self._run()

    async def _run(self) -> None:
        action = "resume" if len(self.result) else "apply"
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        message = "started; contactkit.journal() has its outcome"
        self.transcript.add(when=now, action=action, message=message)
        self._progress = {}
        works = [
            plan.aio.apply(progress=partial(self._show_progress, source))
            for source, plan in self._filled.items()
        ]
        try:
            ended = await cancel_once(_together(works))
        except (Exception, asyncio.CancelledError) as error:
            return self._show_error(error)
        self._show_result(dict(zip(self._filled, ended, strict=True)))

    def _show_progress(self, source: str, progress: Progress) -> None:
        """Show the progress of all plans, and announce it to screen readers from time to time."""
        self._progress[source] = progress
        totals = [len(plan) for plan in self._filled.values()]
        done = sum(each.done for each in self._progress.values())
        line = "; ".join(f"{name}: {each}" for name, each in self._progress.items())
        bar = render("progress", done=done, total=sum(totals), line=line)
        regions: dict[str, str] = {"progress": bar, "status": ""}
        now = time.monotonic()
        if now - self._announced_at >= ANNOUNCE_EVERY:
            self._announced_at = now
            regions["announcement"] = f"{done:,} of {sum(totals):,}"
        self.widget.show(regions)

    def _show_error(self, error: BaseException) -> None:
        """Show an exception instead of a result; the tables do not change."""
        self.transcript.finish(message=type(error).__name__)
        self.widget.invalidate()
        cleared = {"progress": "", "announcement": "", "status": ""}
        self.widget.show({**cleared, "problems": refusal_html(error)}, focus="problems")
        if not isinstance(error, ContactKitError | asyncio.CancelledError):
            raise error

    def _show_result(self, ended: Mapping[str, pd.DataFrame | BaseException]) -> None:
        """Show the results of the plans that ended with one, and the errors of the others."""
        frames = {name: each for name, each in ended.items() if isinstance(each, pd.DataFrame)}
        errors = {name: each for name, each in ended.items() if isinstance(each, BaseException)}
        if not frames:
            return self._show_error(next(iter(errors.values())))
        self.result = join_results(frames)
        for source, frame in frames.items():
            self._tables[source].show_result(frame)
        stopped = str(self.result.attrs.get("stopped", ""))
        counts = Counter(self.result["outcome"].astype(str))
        outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
        failed = [f"{name}: {type(each).__name__}: {each}" for name, each in errors.items()]
        message = "; ".join(filter(None, [stopped, *failed]))
        self.transcript.finish(outcome=outcomes, message=redact(message, self._secrets()))
        self._draw(
            report=self._report(stopped),
            status=f"{'Stopped' if message else 'Applied'}: {outcomes}.",
            problems=render("problems", lead="; ".join(failed), others=[], docs="")
            if failed
            else "",
        )
        self._on_applied()

    def _report(self, stopped: str) -> str:
        return render(
            "applied",
            stopped=stopped,
            resume_at=self.result.attrs.get("resume_at", ""),
            code=render("code", code="result = people.propagate().apply()"),
        )


def _open(table: PlanTable) -> int:
    return sum(table.index.counts.get(outcome, 0) for outcome in OPEN)


async def _together(works: Iterable[Any]) -> list[Any]:
    """The results or exceptions of coroutines; each gets the cancellation of all."""
    tasks = [asyncio.ensure_future(work) for work in works]
    while True:
        try:
            await asyncio.wait(tasks)
            return [_outcome(task) for task in tasks]
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()


def _outcome(task: asyncio.Task[Any]) -> Any:
    return asyncio.CancelledError() if task.cancelled() else task.exception() or task.result()
