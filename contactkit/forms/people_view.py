"""A widget of people: who said no where and is still sent to, each of them, and the plans for all.

Their consent is decided elsewhere; this module counts and shows it.
"""

from __future__ import annotations

from collections.abc import Iterable

import ipywidgets
import numpy as np
from IPython.display import display

from contactkit._people.matrix import find_cells
from contactkit._people.people import People
from contactkit._plans.tables import escape_unprintable
from contactkit.errors import InvalidInputError
from contactkit.forms.cells import register
from contactkit.forms.html import render, table
from contactkit.forms.people_rows import (
    matrix_rows,
    meaning,
    people_rows,
    person_table,
    who,
)
from contactkit.forms.plan_table import PAGE_SIZE
from contactkit.forms.plans_view import PlansView
from contactkit.forms.transcript import PLAN_COLUMNS, Transcript
from contactkit.forms.widget import Event, Widget
from contactkit.forms.worlds import JointWorld

TITLE = "Consent at all sources"
_STALE = (
    "These people were read before the plans were applied. "
    "Read them again with contactkit.people() to see what is left."
)


class PeopleView:
    """The matrix of who said no and is still sent to, the people of a cell, and the joint plans.

    `widget` is for use in other layouts; `plans` is the view of the plans, None if a source that
    was read from a frame would need a client for them.
    """

    def __init__(self, people: People) -> None:
        self.people = people
        self.plans: PlansView | None = None
        self._cells = find_cells(people)
        self._list = list(self._cells.items())
        self._persons: list[int] = []
        self._person, self._start, self._subject = "", 0, ""
        clients = [source.client for source in people.sources if source.client]
        self._sessions = [client._session for client in clients]
        world = JointWorld(session.world for session in self._sessions)
        self.transcript = Transcript(TITLE, world, PLAN_COLUMNS)
        self.transcript.show("Who said no and is still sent to", self._record())
        handlers = {
            "cell": self._open_cell,
            "page": self._turn_page,
            "person": self._open_person,
            "edit": lambda _: None,
        }
        self._panel = Widget(
            TITLE, render("people", title=TITLE, world=world), handlers, self._secrets
        )
        self._panel.show({"head": TITLE, **self._regions()})
        self.widget = ipywidgets.VBox([self._panel])
        self._add_plans()
        register(self)

    @property
    def busy(self) -> bool:
        """Whether the plans are being applied."""
        return self.plans is not None and self.plans.busy

    def close(self) -> None:
        """Close the view; an apply stops as with Cancel."""
        if self.plans:
            self.plans.close()
        self._panel.close()
        self.widget.layout.close()
        self.widget.close()

    def _ipython_display_(self) -> None:
        self.transcript.open()
        if self.plans:
            self.plans.transcript.open()
        display(self.widget)

    def __repr__(self) -> str:
        return f"<contactkit people view: {self.people.network.persons:,} people>"

    def _secrets(self) -> Iterable[str]:
        return [secret for session in self._sessions for secret in session.secrets]

    def _add_plans(self) -> None:
        """Show the plans of `propagate` below; or say why there are none."""
        try:
            plans = self.people.propagate()
        except InvalidInputError as error:
            return self._panel.show({"note": render("people_note", text=str(error))})
        self.plans = PlansView(plans, on_applied=self._mark_stale)
        self.widget.children = (self._panel, self.plans.widget)

    def _mark_stale(self) -> None:
        self._panel.show({"note": render("people_note", text=_STALE)})

    def _regions(self) -> dict[str, str]:
        columns, rows = matrix_rows(self.people, self._cells)
        matrix = render("people_matrix", columns=columns, rows=rows)
        return {"facts": render("plan_facts", facts=self.people.facts()), "matrix": matrix}

    def _record(self) -> str:
        """The matrix for a file; it has nobody's values."""
        rows = [[*cell, f"{len(persons):,}"] for cell, persons in self._list]
        columns = ["channel", "denied at", "still sends at", "people"]
        facts = table("People", ["fact", "value"], self.people.facts().items())
        matrix = table("Who said no and is still sent to", columns, rows) if rows else ""
        return facts + matrix

    def _open_cell(self, event: Event) -> None:
        """List the people of a cell, in the order of their ids."""
        cell, persons = self._list[int(str(event["value"]))]
        order = np.argsort(self.people.ids[persons], kind="stable")
        self._persons, self._start, self._person = persons[order].tolist(), 0, ""
        self._subject = meaning(cell, len(persons))
        self._panel.show({"person": ""})
        self._draw_people(focus="people")

    def _turn_page(self, event: Event) -> None:
        last = max(0, (len(self._persons) - 1) // PAGE_SIZE * PAGE_SIZE)
        step = {"previous": self._start - PAGE_SIZE, "next": self._start + PAGE_SIZE}
        to = {**step, "first": 0, "last": last}.get(str(event["value"]), self._start)
        self._start = min(max(to, 0), last)
        self._draw_people()

    def _draw_people(self, focus: str = "") -> None:
        page = self._persons[self._start : self._start + PAGE_SIZE]
        is_last = self._start + PAGE_SIZE >= len(self._persons)
        buttons = [
            ("first", "First", not self._start),
            ("previous", "Previous", not self._start),
            ("next", "Next", is_last),
            ("last", "Last", is_last),
        ]
        end, total = self._start + len(page), len(self._persons)
        rows = people_rows(self.people, page)
        listed = render("people_list", caption=self._subject, rows=rows, selected=self._person)
        regions = {
            "people": listed,
            "pages": render("plan_pages", buttons=buttons if total > PAGE_SIZE else []),
            "where": f"{self._start + 1:,} to {end:,} of {total:,} people",
        }
        self._panel.show(regions, focus=focus)

    def _open_person(self, event: Event) -> None:
        """Show a person's contacts side by side, and why the person is denied."""
        self._person = str(event["value"])
        number = int(np.flatnonzero(self.people.ids == self._person)[0])
        columns, rows = person_table(self.people, number)
        reasons = map(escape_unprintable, self.people.explain(self._person).split("\n"))
        caption = f"{who(self.people, number)}, person {self._person}"
        shown = render("person", caption=caption, columns=columns, rows=rows, reasons=list(reasons))
        self._draw_people()
        self._panel.show({"person": shown}, focus="person")
