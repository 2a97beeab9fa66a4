"""Forms: how many widget models and how long one takes, and a browser over 100,000 contacts.

A form is measured from its verb, a get from the simulator and all, to what a front end is sent that
says it is ready. Beside it stand ipywidgets' own controls for the same fields, which have no help,
no checks and no buttons. There is no kernel here, so what a message costs on its way is in neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import ipywidgets
import pandas as pd
from ipywidgets.widgets.widget import _instances

import contactkit as ck
from contactkit._frames.frame import rows_of
from contactkit._providers import find
from contactkit.forms.browser import PAGE
from contactkit.forms.fields import FieldView, groups, only_read
from contactkit.forms.widget import Widget
from tests.bench import contacts
from tests.bench.frames import PAGES, SIZE, decoded
from tests.bench.measure import Row, medians, ms, times
from tests.support.providers import EXAMPLES

ROUNDS = 15
LIMITS = {"privy": (60, 100), "digital_onboarding": (250, 400)}


def rows() -> Iterator[Row]:
    """Models and time of two forms; time and bytes of a browser's first page."""
    for name, (most, longest) in LIMITS.items():
        yield from form(name, most, longest)
    yield from browser()


def form(name: str, most: int, longest: int) -> Iterator[Row]:
    """The form of a provider's contact beside the same fields by hand."""
    client = ck.connect(name, via=ck.Simulator(contacts=8))
    key = EXAMPLES[name].key
    fields, told = fields_of(name, client.contacts.get(key))
    beside = "ipywidgets by hand"

    def ours() -> None:
        sent_by(client.contacts.form(key).widget)

    def bare() -> None:
        by_hand(fields)

    made, made_by_hand = models(ours), models(bare)
    yield Row(
        subject=f"form, {told}",
        measured=f"{made} models",
        beside=beside,
        against=f"{made_by_hand} models",
        outcome=times(made / made_by_hand),
        wanted=f"≤ {most} models",
    )
    built, built_by_hand = medians(ROUNDS, ours, bare)
    ipywidgets.Widget.close_all()
    yield Row(
        subject=f"form, {told}",
        measured=ms(built),
        beside=beside,
        against=ms(built_by_hand),
        outcome=times(built / built_by_hand),
        wanted=f"≤ {longest} ms",
    )


def fields_of(name: str, contact: pd.DataFrame) -> tuple[list[FieldView], str]:
    """The fields of a contact's form that have a control, and how many there are."""
    provider = find(name)
    endpoint = provider.endpoint("update")
    shown = groups(provider, endpoint, rows_of(provider.record, contact)[0])
    fields = [each for group in shown for each in group.fields]
    read = len(only_read(provider, endpoint))
    return fields, f"{name}: {len(fields)} fields to write, {read} to read"


def sent_by(panel: Widget) -> str:
    """What a front end is sent that says it is ready."""
    sent: list[str] = []
    panel.send = lambda message: sent.append(json.dumps(message))
    panel.receive({"kind": "ready"})
    return "".join(sent)


def models(build: Callable[[], object]) -> int:
    """Widget models that it makes."""
    before = len(_instances)
    build()
    return len(_instances) - before


def by_hand(fields: Sequence[FieldView]) -> ipywidgets.VBox:
    """ipywidgets' own control for each field, one below the other."""
    return ipywidgets.VBox([control(each) for each in fields])


def control(each: FieldView) -> ipywidgets.Widget:
    """A choice or a flag as a Dropdown, anything else as Text."""
    match each.control:
        case "choice":
            options = ["", *each.field.choices]
        case "flag":
            options = ["", "yes", "no"]
        case _:
            return ipywidgets.Text(value=json.dumps(each.raw), description=each.label)
    return ipywidgets.Dropdown(options=options, value=each.raw, description=each.label)


def browser() -> Iterator[Row]:
    """`browse(people)` until its first page is sent, beside pandas drawing as many rows."""
    people = decoded([contacts.page(number, SIZE, PAGES) for number in range(1, PAGES + 1)])
    client = contacts.client(via=ck.Simulator(contacts=0))

    def ours() -> str:
        return sent_by(client.contacts.browse(people).widget.children[0])

    def bare() -> str:
        return people.head(PAGE).to_html()

    shown, drawn = medians(ROUNDS, ours, bare)
    first = ours()
    if first.count("<tr") != 1 + PAGE:
        raise RuntimeError("the first page was not sent, or more than it")
    size, bare_size = len(first.encode()), len(bare().encode())
    ipywidgets.Widget.close_all()
    subject = f"browse({len(people):,} contacts), first page sent"
    yield Row(
        subject=subject,
        measured=ms(shown),
        beside=f"frame.head({PAGE}).to_html()",
        against=ms(drawn),
        outcome=times(shown / drawn),
        wanted="≤ 1,000 ms",
    )
    yield Row(
        subject=subject,
        measured=f"{size:,} bytes",
        beside=f"frame.head({PAGE}).to_html()",
        against=f"{bare_size:,} bytes",
        outcome=times(size / bare_size),
    )
