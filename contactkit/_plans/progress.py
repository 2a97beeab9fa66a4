"""The progress of an apply, and its display in a terminal or a notebook cell."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any

from tqdm import tqdm

from contactkit._frames.moments import time_text
from contactkit.spec.outcome import DONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """The state of a running apply.

    `counts` has the number of contacts by outcome; `rate` is in contacts per second over the last
    few seconds; `eta` is when the last contact is expected to be done; `waiting` is the time until
    which a rate limit stops all requests. `note` says what these times are if they are simulated.
    `news` has the outcomes since the last report, by the contact's position in the plan.
    """

    total: int
    counts: Mapping[str, int]
    in_flight: int = 0
    rate: float = 0.0
    eta: datetime | None = None
    waiting: datetime | None = None
    finished: bool = False
    note: str = ""
    news: Mapping[int, str] = field(default_factory=dict[int, str])

    @property
    def done(self) -> int:
        """The number of contacts that have an outcome."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        """One line, the same in a terminal, a notebook and a form."""
        counts = [f"{count:,} {outcome}" for outcome, count in self.counts.items() if count]
        parts = [f"{self.done:,} of {self.total:,}", *counts]
        if not self.finished:
            parts += [f"{self.rate:,.1f}/s"] if self.rate else []
            note = f", {self.note}" if self.note else ""
            if self.waiting:
                until = time_text(self.waiting, seconds=True)
                parts.append(f"waiting for the rate limit until {until}{note}")
            elif self.eta:
                parts.append(f"done at {time_text(self.eta, seconds=True)}{note}")
        return " · ".join(parts)


def display(title: str = "") -> Callable[[Progress], None]:
    """Return a function that displays a progress in place of the previous one, after its title.

    Call `display` in the notebook cell that shows it; call the function from one thread only.
    """
    before = f"{title}: " if title else ""
    if shell := _notebook_shell():
        return _CellDisplay(shell, before)
    if _has_terminal():
        return _TerminalDisplay(before)
    return lambda progress: None


def is_watched() -> bool:
    """Whether a line on stderr that is rewritten has a reader: not in a pipe or a log file."""
    return _has_terminal() or _notebook_shell() is not None


def _has_terminal() -> bool:
    return bool(sys.stderr and sys.stderr.isatty())


def _notebook_shell() -> Any:
    """IPython's shell where a kernel runs it; IPython is not imported for this."""
    loaded = sys.modules.get("IPython")
    shell = loaded.get_ipython() if loaded else None
    return shell if getattr(shell, "kernel", None) else None


class _CellDisplay:
    """One output of a cell, which each call replaces; a saved notebook keeps the last."""

    def __init__(self, shell: Any, before: str) -> None:
        self._before = before
        # The kernel keeps the running cell in the context, which other threads lack.
        self._context = copy_context()
        self._publish = shell.display_pub.publish
        self._id = uuid.uuid4().hex
        self._is_shown = False

    def __call__(self, progress: Progress) -> None:
        line = f"{self._before}{progress}"
        self._context.run(
            self._publish,
            {"text/plain": line, "text/html": _html(progress, line)},
            transient={"display_id": self._id},
            update=self._is_shown,
        )
        self._is_shown = True


def _html(progress: Progress, line: str) -> str:
    text = escape(line)
    bar = f'<progress max="{progress.total}" value="{progress.done}" aria-hidden="true"></progress>'
    return f"<div>{bar} {text}</div>" if progress.total else f"<div>{text}</div>"


class Bar(tqdm):
    """A line on stderr, without tqdm's thread that watches it: a browser has no threads."""

    monitor_interval = 0


# tqdm formats the line.
_BRACES = str.maketrans({"{": "{{", "}": "}}"})


class _TerminalDisplay:
    """A line on stderr, which each call rewrites."""

    def __init__(self, before: str) -> None:
        self._before = before.translate(_BRACES)
        self._bar: Bar | None = None

    def __call__(self, progress: Progress) -> None:
        if self._bar is None:
            # tqdm's own rate and time left ignore the rate limits.
            line = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{desc}]"
            line = self._before + line
            self._bar = Bar(total=progress.total, bar_format=line, dynamic_ncols=True)
        self._bar.n = progress.done
        self._bar.set_description_str(_time_left(progress) + _notes(progress))
        if progress.finished:
            self._bar.close()


def _time_left(progress: Progress) -> str:
    """The time left, as tqdm writes it; "" where it is not known."""
    if progress.finished or progress.eta is None:
        return ""
    seconds = (progress.eta - datetime.now(UTC)).total_seconds()
    return f"<{tqdm.format_interval(max(0.0, seconds))}"


def _notes(progress: Progress) -> str:
    """The rate, or the end of the wait, and the counts of contacts that were not written."""
    notes = [f"{n:,} {name}" for name, n in progress.counts.items() if n and name not in DONE]
    if progress.waiting and not progress.finished:
        notes.insert(0, f"rate limit until {progress.waiting.astimezone(UTC):%H:%M:%S} UTC")
    elif progress.rate and not progress.finished:
        notes.insert(0, f"{progress.rate:,.1f}/s")
    return "".join(f", {note}" for note in notes)
