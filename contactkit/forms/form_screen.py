"""The screen of a form: its fields, and the messages beside, above and below them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from contactkit._http.world import World
from contactkit.errors import FieldProblem
from contactkit.forms.consent_box import FIELD, ConsentBox
from contactkit.forms.controls import Raw
from contactkit.forms.draft import Draft
from contactkit.forms.fields import form_regions
from contactkit.forms.html import render, working
from contactkit.forms.messages import alert_html, outcome_regions, place, refusal_regions
from contactkit.forms.widget import Handler, Widget
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import Provider


class FormScreen:
    """The widget of a form for one endpoint, which changes after a contact is created."""

    def __init__(
        self,
        title: str,
        world: World,
        provider: Provider,
        endpoint: Endpoint,
        handlers: Mapping[str, Handler],
        secrets: Callable[[], Iterable[str]],
    ) -> None:
        self._provider = provider
        self._world = world
        self._endpoint = endpoint
        self.suggestions: Mapping[str, Sequence[str]] = {}
        docs = endpoint.docs or provider.docs
        layout = render("form", title=title, world=world, docs=docs)
        self.widget = Widget(title, layout, handlers, secrets)

    def draw(
        self,
        endpoint: Endpoint,
        contact: pd.DataFrame | None,
        *,
        draft: Mapping[str, Raw] | None = None,
        status: str = "",
    ) -> None:
        """Fill the fields from the contact; typed values are lost, except those in a draft."""
        self._endpoint = endpoint
        regions = form_regions(
            self._provider, endpoint, contact, self._prefix, self._world, self.suggestions
        )
        self.widget.replace({**regions, "status": status}, draft=draft)

    @property
    def _prefix(self) -> str:
        # A widget that is closed during a request no longer has an id.
        return self.widget.model_id or ""

    def show_box(self, box: ConsentBox) -> None:
        """Show the box beside Save while it is needed; without its tick, nothing can be sent."""
        regions = box.regions(
            self._prefix,
            has_dry_run=self._endpoint.dry_run,
            needs_changes=self._endpoint.effect == "update",
        )
        self.widget.show(regions)

    def point_at_box(self) -> None:
        """Say that the box must be ticked first."""
        message = "Tick the box beside Save first, if they have agreed."
        self.widget.show({"problems": alert_html(message), "status": ""}, focus=FIELD)

    def hide_fields(self, report: str) -> None:
        """Remove the fields: they may be out of date, and must not be sent again."""
        self.widget.replace({"fields": "", "facts": "", "note": "", "report": report})

    def show_edit(self, draft: Draft, typed: Mapping[str, Raw], edited: Iterable[str]) -> None:
        """Show the problems of the fields that were just edited, but not yet of missing fields."""
        problems = [*draft.problems, *draft.doubts]
        wrong = [problem for problem in problems if problem.field in typed]
        beside = place(self._provider, self._endpoint, wrong).regions
        regions = {f"problem:{name}": beside[f"problem:{name}"] for name in edited}
        self.widget.show({**regions, "problems": ""})

    def show_review(self, draft: Draft, report: str) -> None:
        """Show what would be sent, and doubts about it."""
        beside = place(self._provider, self._endpoint, draft.doubts).regions
        self.widget.show({**beside, "problems": "", "status": "", "report": report}, focus="report")

    def show_work(self, action: str, **regions: str) -> None:
        """Show that a request is in flight, without the messages of an earlier attempt."""
        beside = place(self._provider, self._endpoint).regions
        self.widget.show({**beside, "problems": "", "status": working(action), **regions})

    def show_outcome(self, result: pd.DataFrame, report: str) -> None:
        """Show the outcome of a write, and the report about it."""
        regions, focus = outcome_regions(self._provider, result)
        self.widget.show({"report": report, **regions}, focus=focus)

    def show_refusal(
        self, problems: Sequence[FieldProblem], error: BaseException | None = None, status: str = ""
    ) -> None:
        """Show each problem beside its field and the rest above the buttons."""
        regions, focus = refusal_regions(self._provider, self._endpoint, problems, error)
        self.widget.show({**regions, "status": status}, focus=focus)
