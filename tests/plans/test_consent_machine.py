"""A contact who said no is not texted and not opted in, unless opt_in=True was said after that no.

Random sequences of calls, plans, forms, failures and replies show it. With the environment variable
CONTACTKIT_STEPS, each provider gets so many steps, which differ from run to run.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

import contactkit as ck
from contactkit._frames.coerce import CLEAR
from contactkit._plans.plan import Plan
from contactkit.forms import ContactForm
from contactkit.forms.controls import raw_of
from contactkit.spec.consent import Consent, ConsentState
from tests.support.consent_model import (
    FAULTS,
    Permission,
    Place,
)
from tests.support.consent_world import PEOPLE, ConsentWorld, Values
from tests.support.front_end import FrontEnd

# Sent deprecated deleting contacts, and Privy unsubscribe.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

STEPS = 40
OK = ("", False)


@dataclass(frozen=True)
class Prepared:
    """A plan or a form, with the permission of its caller."""

    it: Any
    client: int
    permission: Permission


fault = st.tuples(st.sampled_from(["", *FAULTS]), st.booleans())
# Half of all calls have none. The first request is often a read.
faults = st.just([]) | st.just([]) | st.lists(fault, max_size=2) | fault.map(lambda f: [OK, f])
at = st.integers(0, 4)
edits = st.integers(0, 17)
clients = st.sampled_from([0, 0, 1, 2])
yes_or_no = st.booleans()
frames = Bundle("frames")
plans = Bundle("plans")
forms = Bundle("forms")


class ConsentMachine(RuleBasedStateMachine, ConsentWorld):
    """Calls, plans and forms, while people reply and processes are killed."""

    @initialize(target=frames, states=st.lists(st.integers(0, 2), min_size=PEOPLE, max_size=PEOPLE))
    def start(self, states: list[int]) -> pd.DataFrame:
        warnings.simplefilter("ignore")
        self.open_world(states)
        return self.clients[0].contacts.list()

    def teardown(self) -> None:
        self.counts["examples"] += 1
        self.folder.cleanup()

    # Replies, time and the journal

    @rule(number=at, what=st.sampled_from(["stop", "stop", "stop", "no e-mail", "start", "lock"]))
    def reply(self, number: int, what: str) -> None:
        """A person opts out or in again without the client, or the provider locks a channel."""
        if not self._keys():
            return
        key = self._pick(number)
        if what == "start":
            self._say_yes(key)
        elif what == "lock" and self.name == "privy" and self._row(key)["email"]:
            self._put(key, {"email_consent": "compliance_suppressed"})
        elif what in ("stop", "no e-mail"):
            self._say_no(key, "text" if what == "stop" else "email")

    @rule(step=st.sampled_from([-86_400, -60, 0, 60, 86_400]), number=at, client=clients)
    def disturb(self, step: float, number: int, client: int) -> None:
        """Set the clients' clock; prune a journal, or forget a person's values in it."""
        self.wire.clock.step = step
        session = self.clients[client]._session
        if number == 0:
            session.plan_journal.prune(session.clock.now() + 1)
        elif number == 1:
            for name in (*self.consent.phones, *self.consent.emails):
                if address := self._row(self._pick(number)).get(name):
                    ck.journal.forget(address, self.paths[client])

    # Single verbs

    @rule(
        number=at,
        edit=edits,
        more=edits,
        opt_in=yes_or_no,
        client=clients,
        plan=faults,
    )
    def update_by_key(
        self, number: int, edit: int, more: int, opt_in: bool, client: int, plan: Any
    ) -> None:
        key, values = self._pick(number), self._values(edit, more)
        permission = self._permission(opt_in)
        before = self._row(key)
        contacts = self._contacts(client)
        result = self._act(
            client, permission, plan, lambda: contacts.update(key, **values, opt_in=opt_in)
        )
        if result is not None and not plan:
            self.counts[f"update {result['outcome'].item()}"] += 1
            for channel in self.consent.channels.values():
                is_no = all(values.get(n) == v for n, v in channel.deny.items())
                if is_no and channel.state(before) is not ConsentState.locked:
                    assert channel.state(self._row(key)) is ConsentState.denied

    @rule(
        frame=frames,
        number=at,
        edit=edits,
        opt_in=yes_or_no,
        client=clients,
        plan=faults,
    )
    def update_by_row(
        self, frame: pd.DataFrame, number: int, edit: int, opt_in: bool, client: int, plan: Any
    ) -> None:
        if frame.empty:
            return
        row = frame.iloc[[number % len(frame)]]
        key = str(row[self.key].item())
        contact = self._json(row)
        permission = self._permission(opt_in, self._shown(key, contact))
        values, contacts = self._values(edit, edit), self._contacts(client)
        self._act(client, permission, plan, lambda: contacts.update(row, **values, opt_in=opt_in))

    @rule(number=at, client=clients, plan=faults)
    def delete(self, number: int, client: int, plan: Any) -> None:
        if len(self._keys()) == 1:
            return
        key, contacts = self._pick(number), self._contacts(client)
        options = {"confirm": True} if self.name == "digital_onboarding" else {}
        self._act(client, self._permission(False), plan, lambda: contacts.delete(key, **options))

    @rule(
        number=at,
        edit=edits,
        opt_in=yes_or_no,
        client=clients,
        plan=faults,
        update=yes_or_no,
    )
    def create(
        self, number: int, edit: int, opt_in: bool, client: int, plan: Any, update: bool
    ) -> None:
        values = self._new(number, edit)
        if update and self.name == "sendblue":
            values["update_if_exists"] = True
        contacts = self._contacts(client)
        create = lambda: contacts.create(**values, opt_in=opt_in)  # noqa: E731
        result = self._act(client, self._permission(opt_in), plan, create)
        if result is not None:
            self.counts[f"create {result['outcome'].item()}"] += 1

    @precondition(lambda self: self.name == "digital_onboarding")
    @rule(
        rows=st.lists(st.tuples(at, edits), min_size=1, max_size=2),
        opt_in=yes_or_no,
        client=clients,
        plan=faults,
    )
    def upsert(self, rows: list[tuple[int, int]], opt_in: bool, client: int, plan: Any) -> None:
        items = {}
        for number, edit in rows:
            unique = self._row(self._pick(number)).get("unique_id") or "core-20009"
            items[unique] = {"unique_id": unique, **self._values(edit, edit)}
        permission, contacts = self._permission(opt_in), self._contacts(client)
        self._act(
            client, permission, plan, lambda: contacts.upsert([*items.values()], opt_in=opt_in)
        )

    @precondition(lambda self: self.name == "sendblue")
    @rule(number=at, verb=st.integers(0, 5), opt_in=yes_or_no, client=clients, plan=faults)
    def call_sendblue(self, number: int, verb: int, opt_in: bool, client: int, plan: Any) -> None:
        key, contacts, new = self._pick(number), self._contacts(client), self._new(number, 0)
        calls: list[Callable[[], Any]] = [
            lambda: contacts.verify(key),
            lambda: contacts.opt_out(key, opted_out=False, opt_in=opt_in),
            lambda: contacts.opt_out(key),
            lambda: contacts.bulk_create([new, {"phone": key}], opt_in=opt_in),
            lambda: contacts.bulk_delete([key]),
            lambda: contacts.opt_out(key, opted_out=False),
        ]
        permission = self._permission(opt_in and verb in (1, 3))
        self._act(client, permission, plan, calls[verb])

    @precondition(lambda self: self.name == "privy")
    @rule(number=at, client=clients, plan=faults)
    def unsubscribe(self, number: int, client: int, plan: Any) -> None:
        key, contacts = self._pick(number), self._contacts(client)
        self._act(client, self._permission(False), plan, lambda: contacts.unsubscribe(key))

    # Plans

    @rule(target=frames, client=clients)
    def read(self, client: int) -> pd.DataFrame:
        return self._contacts(client).list()

    @rule(
        target=plans,
        frame=frames,
        other=frames,
        original=st.sampled_from(["same", "same", "none", "none", "other", "blind"]),
        changes=st.lists(st.tuples(at, edits), min_size=1, max_size=4),
        new=st.none() | st.tuples(at, edits),
        drop=st.none() | at,
        opt_in=yes_or_no,
        overwrite=yes_or_no,
        client=clients,
    )
    def make_plan(
        self,
        frame: pd.DataFrame,
        other: pd.DataFrame,
        original: str,
        changes: list[tuple[int, int]],
        new: tuple[int, int] | None,
        drop: int | None,
        opt_in: bool,
        overwrite: bool,
        client: int,
    ) -> Any:
        edited = self._edit(frame, changes, new, drop)
        blind = frame.drop(columns=[*self.consent.fields])
        given = {"same": frame, "none": None, "other": other, "blind": blind}[original]
        options: Values = {"create": new is not None, "delete": drop is not None, "opt_in": opt_in}
        if overwrite and given is None:
            options["on_conflict"] = "overwrite"
        make = lambda: self._contacts(client).plan(edited, given, **options)  # noqa: E731
        plan = self._act(client, Permission(), [], make)
        return multiple() if plan is None else self._prepare(plan, client, opt_in)

    @rule(target=plans, number=at, opt_in=yes_or_no, create=yes_or_no, client=clients)
    def plan_yes(self, number: int, opt_in: bool, create: bool, client: int) -> Any:
        """A yes for one contact, or for its address if it is deleted before that."""
        frame = self._contacts(client).list()
        new = (number, 0) if create else None
        edited = self._edit(frame, [(number, 0)], new, None)
        options = {"create": create, "opt_in": opt_in}
        make = lambda: self._contacts(client).plan(edited, frame, **options)  # noqa: E731
        plan = self._act(client, Permission(), [], make)
        return multiple() if plan is None else self._prepare(plan, client, opt_in)

    def _edit(
        self,
        frame: pd.DataFrame,
        changes: Sequence[tuple[int, int]],
        new: tuple[int, int] | None,
        drop: int | None,
    ) -> pd.DataFrame:
        edited = frame.astype(object)
        for number, edit in changes if len(frame) else ():
            for name, value in self._values(edit, edit).items():
                if name in edited:
                    value = CLEAR if value is None else value
                    edited.iloc[number % len(frame), edited.columns.get_loc(name)] = value
        if drop is not None and len(frame):
            edited = edited.drop(index=edited.index[drop % len(frame)])
        if new is not None:
            row = {name: value for name, value in self._new(*new).items() if name in edited}
            added = pd.DataFrame([row]).astype(object).reindex(columns=edited.columns)
            edited = pd.concat([edited, added], ignore_index=True)
        return edited

    def _prepare(self, plan: Plan, client: int, opt_in: bool) -> Prepared:
        shown: dict[Place, bool] = {}
        silent = dict.fromkeys(self.consent.fields)
        for contact in plan.contacts:
            if contact.operation == "update":
                shown |= self._shown(contact.key, {**silent, **(contact.before or {})})
        time = self.ledger.now if opt_in else None
        made_at = plan.created.timestamp() if opt_in else float("-inf")
        permission = Permission(time, shown=shown, made_at=made_at)
        self.counts["plans"] += 1
        return Prepared(plan, client, permission)

    @rule(
        prepared=plans,
        on_conflict=st.sampled_from([None, None, "refuse", "reread"]),
        limit=st.sampled_from([None, None, 1]),
        concurrency=st.sampled_from([1, 16]),
        plan=faults,
    )
    def apply(
        self, prepared: Prepared, on_conflict: Any, limit: int | None, concurrency: int, plan: Any
    ) -> None:
        options = {"on_conflict": on_conflict, "limit": limit, "concurrency": concurrency}
        self._apply(prepared, plan, **options)

    def _apply(self, prepared: Prepared, plan: Any, **options: Any) -> None:
        apply = lambda: prepared.it.apply(progress=False, **options)  # noqa: E731
        result = self._act(prepared.client, prepared.permission, plan, apply)
        if result is not None:
            for outcome in result["outcome"]:
                self.counts[f"apply {outcome}"] += 1

    @rule(prepared=plans)
    def apply_undisturbed(self, prepared: Prepared) -> None:
        self._apply(prepared, [])

    @rule(target=plans, prepared=plans, client=clients)
    def load(self, prepared: Prepared, client: int) -> Prepared:
        """The plan's file, on another client."""
        path = Path(self.folder.name) / "plan.parquet"
        prepared.it.to_parquet(path)
        return replace(prepared, it=ck.read_plan(path, self.clients[client]), client=client)

    @rule(target=plans, prepared=plans, opt_in=yes_or_no)
    def undo(self, prepared: Prepared, opt_in: bool) -> Any:
        plan = self._act(prepared.client, Permission(), [], lambda: prepared.it.undo(opt_in=opt_in))
        return multiple() if plan is None else self._prepare(plan, prepared.client, opt_in)

    # Forms

    @rule(target=forms, number=at, edit=edits, tick=yes_or_no, client=clients)
    def open_form(self, number: int, edit: int, tick: bool, client: int) -> Any:
        key, contacts = self._pick(number), self._contacts(client)
        form = self._act(client, Permission(), [], lambda: contacts.form(key))
        return multiple() if form is None else self._type(form, edit, tick, client)

    def _type(self, form: ContactForm, edit: int, tick: bool, client: int) -> Prepared:
        front = FrontEnd(form.widget)
        values = self._values(edit, edit).items()
        raws = {n: raw_of(self.declared[n], value) for n, value in values if n in self.declared}
        front.send("edit", **raws)
        box = {"opt_in": front.box} if tick and front.box else {}
        front.send("edit", **raws, **box)
        shown = self._shown(form.key, form._current or {})
        permission = Permission(self.ledger.now if box else None, shown=shown)
        return Prepared((form, front, {**raws, **box}), client, permission)

    @rule(prepared=forms, plan=faults)
    def save(self, prepared: Prepared, plan: Any) -> None:
        form, front, raws = prepared.it
        press = lambda: asyncio.run(front.press("save", **raws))  # noqa: E731
        self._act(prepared.client, prepared.permission, plan, press)
        if not form.result.empty:
            self.counts[f"form {form.result['outcome'].item()}"] += 1

    @rule(target=forms, prepared=forms, edit=edits, tick=yes_or_no)
    def revert(self, prepared: Prepared, edit: int, tick: bool) -> Prepared:
        form, front, _ = prepared.it
        self._act(prepared.client, Permission(), [], lambda: asyncio.run(front.press("revert")))
        return self._type(form, edit, tick, prepared.client)

    @invariant()
    def no_is_kept(self) -> None:
        self.counts["steps"] += 1
        assert not self.ledger.violations, "\n".join(self.ledger.violations)


def machine(name: str) -> type[ConsentMachine]:
    return type(f"ConsentMachine_{name}", (ConsentMachine,), {"name": name, "counts": Counter()})


def run_machine(made: type[ConsentMachine], steps: int) -> None:
    """Run so many steps; a failure is not made shorter, since that takes minutes."""
    options = settings(
        max_examples=max(1, steps // STEPS),
        stateful_step_count=STEPS,
        derandomize="CONTACTKIT_STEPS" not in os.environ,
        database=None,
        suppress_health_check=[*HealthCheck],
        phases=[Phase.generate],
    )
    run_state_machine_as_test(made, settings=options)


def test_no_is_kept(name: str) -> None:
    made = machine(name)
    run_machine(made, int(os.environ.get("CONTACTKIT_STEPS", "240")))
    # Shown by -s: how often each thing has happened.
    print(name, dict(made.counts))
    assert made.counts["steps"] > made.counts["examples"] > 0


def test_machine_finds_a_write_against_a_no(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Consent, "refusals", lambda *args, **options: [])
    with pytest.raises(AssertionError, match="said no at"):
        run_machine(machine(name), 2_000)
