"""The demonstration in the terminal: the code that it shows is the code that it runs."""

from __future__ import annotations

import ast

import pandas as pd

from contactkit.cli.output import console, say
from contactkit.errors import ContactKitError

STEPS = {
    "Contacts are DataFrames. The simulator needs no account, and nothing is sent anywhere:": """
import contactkit as ck
sent = ck.connect("sent", via=ck.Simulator(contacts=8, seed=7))
sent.contacts.list()[["phone_number", "available_channels", "default_channel", "opt_out"]].head(3)
""",
    "A write returns a result row; what cannot be sent is an error that says why:": """
key = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
sent.contacts.update(key, default_channel="whatsapp")[["outcome", "key", "changed", "http_status"]]
sent.contacts.update(key, default_channel="fax")
""",
    "A plan is what an edited frame would write, contact by contact, and what is refused:": """
privy = ck.connect("privy", via=ck.Simulator(contacts=8))
before = privy.contacts.list().set_index("id")
plan = privy.contacts.plan(before.head(3).assign(sms_consent="unsubscribed"), before)
plan
plan.apply(progress=False)[["outcome", "message"]]
""",
    "A recording replays without a network, without a credential and without a real number:": """
import tempfile
path = tempfile.mkdtemp() + "/privy.jsonl"
with ck.record(privy, path): privy.contacts.list()
replay = ck.connect("privy", via=ck.Cassette(path))
len(replay.contacts.list()), replay.world.mode
""",
    "The same people are at all four providers. Who said no at one, and would still be texted?": """
clients = {name: ck.connect(name, via=ck.Simulator(contacts=8)) for name in ck.providers()["name"]}
people = ck.people(**clients)
people.conflicts()[["person", "channel", "kind", "denied_by", "allowed_at"]].head(3)
""",
}
# No reason is cut, and none is wrapped.
_DISPLAY = ("display.width", 120, "display.max_columns", None, "display.max_colwidth", 80)
NEXT = """\
Next, in a notebook:  python -m pip install -e ".[lab,plots,dask,serve]" && contactkit lab
With your account:    contactkit providers, then contactkit describe NAME"""


def show_demo() -> None:
    """Run each step and show what a notebook would."""
    namespace: dict[str, object] = {}
    with pd.option_context(*_DISPLAY):
        for title, code in STEPS.items():
            console.print(f"[bold cyan]{title}")
            for statement in ast.parse(code).body:
                _show_code(ast.get_source_segment(code, statement) or "")
                _run(statement, namespace)
            console.print()
    console.print(NEXT, style="bold", markup=False, highlight=False)


def _show_code(code: str) -> None:
    console.print(f">>> {code}", style="bold", markup=False, highlight=False)


def _run(statement: ast.stmt, namespace: dict[str, object]) -> None:
    try:
        if isinstance(statement, ast.Expr):
            shown = repr(eval(compile(ast.Expression(statement.value), "demo", "eval"), namespace))
        else:
            exec(compile(ast.Module([statement], []), "demo", "exec"), namespace)
            return
    except ContactKitError as error:
        shown = f"{type(error).__name__}: {error}"
    for line in shown.split("\n"):
        say(line)
