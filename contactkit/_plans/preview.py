"""What the repr of a plan and its views show: facts, its first cells, and what is worth knowing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from contactkit._frames.moments import time_note
from contactkit._plans import tables
from contactkit._plans.change import PlannedWrite
from contactkit._plans.home import UNKNOWN
from contactkit._plans.labels import name_row
from contactkit._plans.tables import count_people, when
from contactkit.spec.provider import Provider
from contactkit.spec.record import last_change_of

if TYPE_CHECKING:
    from contactkit._plans.plan import Plan

MOST_SHOWN = 10


def drawing(plan: Plan) -> tuple[str, dict[str, str], list[dict[str, Any]], str]:
    """The arguments of `as_text` and `as_html`."""
    first, title = first_cells(plan, MOST_SHOWN), f"contactkit plan for {plan.provider.title}"
    rest = sum(plan.cell_counts) - len(first)
    more = f"and {rest:,} more cells: see plan.cells" if rest else ""
    return title, plan.facts(), first, more


def first_cells(plan: Plan, count: int) -> list[dict[str, Any]]:
    """The first rows of `cells`; contacts that are opted in or refused come first."""
    cells: list[dict[str, Any]] = []
    for position in sorted(range(len(plan)), key=lambda position: _rank(plan, position)):
        if len(cells) >= count:
            break
        cells += cell_lines(plan, position)
    return cells[:count]


def _rank(plan: Plan, position: int) -> int:
    contact = plan.contacts[position]
    return 0 if contact.opts_in(plan.provider) else 1 if contact.problems else 2


def cell_lines(plan: Plan, position: int) -> list[dict[str, Any]]:
    """The cells of one contact, for a reader who sees no index.

    A new contact's key is the label of its row. A refusal begins with it, but that of a delete,
    whose label is one of another frame.
    """
    if not plan.cell_counts[position]:
        return []
    contact = plan.contacts[position]
    kept_back = tables.count_kept_back(plan.contacts) if contact.kept_back else 0
    lines = [*tables.cells_of(plan.provider, contact, kept_back)]
    if contact.operation != "delete" and not contact.because:
        label = name_row(plan.index, position)
        reason = lines[0]["refused_because"]
        if contact.key and reason and label != f"row {contact.key}":
            lines[0]["refused_because"] = f"{label}: {reason}"
        for line in lines:
            line["key"] = line["key"] or label
    return lines


def note(plan: Plan) -> str:
    """A warning if changes by others cannot be seen; "" if they can."""
    updates = any(contact.operation == "update" for contact in plan.contacts)
    if not (plan.without_original and updates) or last_change_of(plan.provider.record):
        return ""
    return (
        f"{plan.provider.title} tells no time of last change; give the frame as it was read as "
        "original, or what others have changed since is overwritten unseen"
    )


def facts(plan: Plan) -> dict[str, str]:
    """Consent, counts, requests, ETA, home and digest, each in words."""
    counts: dict[str, list[str]] = {}
    for operation, outcome, count in plan.summary().itertuples(index=False):
        what = "left alone" if operation == tables.ABSENT else outcome
        if operation != tables.OPT_IN:
            counts.setdefault(str(operation), []).append(f"{count:,} {what}")
    return {
        **_consent_facts(plan.provider, plan.contacts),
        **{operation: ", ".join(texts) for operation, texts in counts.items()},
        "requests": _requests(plan) if plan.requests else "none",
        **({"note": note} if (note := plan.note) else {}),
        "home": str(plan.home or UNKNOWN),
        "digest": plan.digest[:12],
    }


def _consent_facts(provider: Provider, contacts: Sequence[PlannedWrite]) -> dict[str, str]:
    """How many people a plan opts in, over a no or over silence, and how many texts they get."""
    planned = [contact for contact in contacts if not contact.problems]
    opted_in = sum(contact.opts_in(provider) for contact in planned)
    first = sum(contact.is_first_consent(provider) for contact in planned)
    texts = sum(
        provider.welcomes(contact.before or {}, contact.changes, contact.options)
        for contact in planned
    )
    parts = [f"first consent for {count_people(first)}"] if first else []
    parts += [f"{texts:,} welcome {'text' if texts == 1 else 'texts'}"] if texts else []
    opts_in = {"opts in": f"{count_people(opted_in)} who had opted out"} if opted_in else {}
    return {**opts_in, **({"consent": ", ".join(parts)} if parts else {})}


def _requests(plan: Plan) -> str:
    """The number of requests, and when the last one is sent."""
    reads = plan.requests - sum(not contact.problems for contact in plan.contacts)
    read = f", and one more to read each of {reads:,} first" if reads else ""
    last = "no known rate limit"
    if eta := plan.eta:
        now = datetime.fromtimestamp(plan.now(), UTC)
        last = f"the last is sent {when(eta, now, time_note(plan.world))}"
    return f"{plan.requests:,}, one per contact{read}; {last}"
