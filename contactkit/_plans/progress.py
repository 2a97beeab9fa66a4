"""How far a plan has come, as whoever watches it is told."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from tqdm import tqdm

from contactkit.spec.outcome import DONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A moment of an apply; `rate` is in contacts a second, of the last seconds.

    `counts` has the outcomes that are known, `eta` is when the last will be, as far as it can be
    told, and `waiting` until when a rate limit holds everything back.
    """

    total: int
    counts: Mapping[str, int]
    in_flight: int = 0
    rate: float = 0.0
    eta: datetime | None = None
    waiting: datetime | None = None
    finished: bool = False

    @property
    def done(self) -> int:
        """How many contacts have an outcome."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        """One line, the same in a terminal, a notebook and a form."""
        counts = [f"{count:,} {outcome}" for outcome, count in self.counts.items() if count]
        told = [f"{self.done:,} of {self.total:,}", *counts]
        if self.finished:
            return " · ".join(told)
        told += [f"{self.rate:,.1f} a second"] if self.rate else []
        if self.waiting:
            told.append(f"waiting for the rate limit until {_clock(self.waiting)}")
        elif self.eta:
            told.append(f"through at {_clock(self.eta)}")
        return " · ".join(told)


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def shown() -> Callable[[Progress], None]:
    """What shows each progress that it is called with, and keeps showing the last one.

    Make it where it is to be shown, in a notebook by the cell; call it from any one thread.
    """
    if shell := _notebook():
        return _Display(shell)
    if sys.stderr and sys.stderr.isatty():
        return _Bar()
    return lambda progress: None


def _notebook() -> Any:
    """IPython's shell where a kernel runs it; what a program does not use is not imported."""
    loaded = sys.modules.get("IPython")
    shell = loaded.get_ipython() if loaded else None
    return shell if getattr(shell, "kernel", None) else None


class _Display:
    """One output of a cell, that each call replaces; a saved notebook keeps the last."""

    def __init__(self, shell: Any) -> None:
        # The kernel keeps there which cell it is that runs, and no other thread knows it.
        self._context = copy_context()
        self._publish = shell.display_pub.publish
        self._id = uuid.uuid4().hex
        self._begun = False

    def __call__(self, progress: Progress) -> None:
        self._context.run(
            self._publish,
            {"text/plain": str(progress), "text/html": _html(progress)},
            transient={"display_id": self._id},
            update=self._begun,
        )
        self._begun = True


def _html(progress: Progress) -> str:
    told = escape(str(progress))
    bar = f'<progress max="{progress.total}" value="{progress.done}" aria-hidden="true"></progress>'
    return f"<div>{bar} {told}</div>" if progress.total else f"<div>{told}</div>"


class _Bar:
    """A line on stderr, that each call writes anew."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def __call__(self, progress: Progress) -> None:
        if self._bar is None:
            # The rate and the time left are the progress's own, which know of the rate limits.
            line = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{desc}]"
            self._bar = tqdm(total=progress.total, bar_format=line, dynamic_ncols=True)
        self._bar.n = progress.done
        self._bar.set_description_str(_left(progress) + _noted(progress))
        if progress.finished:
            self._bar.close()


def _left(progress: Progress) -> str:
    """The time left, as tqdm writes it; "" where it is not known."""
    if progress.finished or progress.eta is None:
        return ""
    seconds = (progress.eta - datetime.now(UTC)).total_seconds()
    return f"<{tqdm.format_interval(max(0.0, seconds))}"


def _noted(progress: Progress) -> str:
    """What follows the times: how fast it goes, or until when it waits, and what went wrong."""
    unhoped = {name: n for name, n in progress.counts.items() if n and name not in DONE}
    told = [f"{n:,} {name}" for name, n in unhoped.items()]
    if progress.waiting and not progress.finished:
        told.insert(0, f"rate limit until {progress.waiting.astimezone(UTC):%H:%M:%S} UTC")
    elif progress.rate and not progress.finished:
        told.insert(0, f"{progress.rate:,.1f}/s")
    return "".join(f", {each}" for each in told)
