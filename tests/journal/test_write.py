"""Every write is in the journal before it is sent, and its outcome after."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.cassette.cassette import Cassette
from contactkit.forms import messages
from contactkit.forms.controls import raw_of
from contactkit.spec.record import fields_of
from tests.support.front_end import FrontEnd
from tests.support.providers import EXAMPLES, Wire, loses, says, then_says

ROOT = Path(ck.__file__).parents[1]
SENT = EXAMPLES["sent"].key
BULK = pytest.mark.parametrize(
    "name", [n for n in names() if any(endpoint.bulk for endpoint in find(n).endpoints)]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def client(name: str, wire: Wire, path: Path) -> ck.Client:
    return ck.connect(name, via=wire, journal=path)


@pytest.fixture
def sent(wire: Wire, path: Path) -> ck.Client:
    return ck.connect("sent", via=wire, journal=str(path))


def quietly(verb: Any, *args: Any, **fields: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return verb(*args, **fields)


def writes(name: str) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Every verb that writes, and what it takes: first the texts, last the deletion."""
    example = EXAMPLES[name]
    fields = {"create": example.create, "update": example.update}
    verbs = [endpoint for endpoint in find(name).endpoints if endpoint.effect]
    verbs.sort(key=lambda endpoint: (endpoint.effect == "delete", not endpoint.texts))
    usual = {
        endpoint.verb: (
            (example.key,) if endpoint.takes_key else (),
            {**fields.get(endpoint.verb, {}), **({"confirm": True} if endpoint.confirm else {})},
        )
        for endpoint in verbs
    }
    known = {verb: call for verb, call in example.others.items() if verb in usual}
    return [(verb, *call) for verb, call in (usual | known).items()]


def test_every_write_leaves_its_result_row(client, name, path):
    for verb, args, fields in writes(name):
        done = quietly(getattr(client.contacts, verb), *args, **fields)
        rows = ck.journal(path).tail(len(done)).reset_index(drop=True)
        same = ["provider", "key", "operation", "outcome", "after", "http_status", "attempts"]
        same += ["request_id", "idempotency_key", "at", "message"]
        assert rows[same].equals(done.reset_index(drop=True)[same]), verb
        assert list(rows["changes"][0]) == done["changed"][0] or rows["operation"][0] == "delete"
        assert rows["base_url"][0] == find(name).base_url


async def test_async_client_leaves_the_same_entries(name, path, tmp_path):
    one = ck.connect(name, via=ck.Simulator(seed=3), journal=path)
    other = ck.connect(name, via=ck.Simulator(seed=3), journal=tmp_path / "other")
    for verb, args, fields in writes(name):
        quietly(getattr(one.contacts, verb), *args, **fields)
        await quietly(getattr(other.aio.contacts, verb), *args, **fields)
    same = ["key", "operation", "outcome", "changes", "http_status", "account", "base_url", "row"]
    assert ck.journal(path)[same].equals(ck.journal(tmp_path / "other")[same])


def test_intent_is_recorded_before_the_request(client, wire, name, path):
    journals: list[Any] = []

    def look(request: httpx.Request, answer: Any) -> httpx.Response:
        journals.append(ck.journal(path))
        return answer(request)

    for verb, args, fields in writes(name):
        # The last request is the write; some contacts are read first.
        wire.faults = [look] * 4
        quietly(getattr(client.contacts, verb), *args, **fields)
        last = journals[-1].iloc[-1]
        assert (last["outcome"], last["operation"]) == ("unknown", find(name).endpoint(verb).effect)
        headers = wire.requests[-1].headers.values()
        assert pd.isna(last["idempotency_key"]) or last["idempotency_key"] in headers


@BULK
def test_bulk_write_has_an_entry_for_each_contact(client, name, path):
    verb, args, fields = next(write for write in writes(name) if find(name).endpoint(write[0]).bulk)
    getattr(client.contacts, verb)(*args, **fields)
    entries = ck.journal(path)
    assert entries["row"].tolist() == list(range(len(args[0])))
    assert entries["request"].nunique() == 1


def test_reads_and_dry_runs_leave_no_entry(client, name, example, path):
    client.contacts.list()
    client.contacts.get(example.key)
    with pytest.raises(ck.InvalidInputError):
        client.contacts.update(example.key, nothing_like_it=1)
    if find(name).endpoint("update").dry_run:
        client.contacts.update(example.key, **example.update, dry_run=True)
    assert ck.journal(path).empty


@pytest.mark.parametrize(
    ("fault", "raised", "outcome"),
    [
        (says(422, "{}"), ck.InvalidRequestError, "refused"),
        (says(401, "{}"), ck.AuthenticationError, "failed"),
        (loses(httpx.ConnectError, after=False), ck.TransportError, "failed"),
        (loses(httpx.ReadTimeout, after=True), ck.TransportError, "unknown"),
        (then_says(503), ck.ServerError, "unknown"),
        (then_says(200, b"no JSON"), ck.ApiError, "unknown"),
    ],
)
def test_failure_is_recorded_with_its_outcome(sent, wire, path, fault, raised, outcome):
    wire.faults = [fault] * 4
    with pytest.raises(raised) as caught:
        sent.contacts.update(SENT, opt_out=True)
    (row,) = ck.journal(path).to_dict("records")
    assert (row["outcome"], row["key"]) == (outcome, SENT)
    assert pd.notna(row["at"])
    if isinstance(caught.value, ck.ApiError):
        assert row["http_status"] == caught.value.problem.status


# Interrupts


def interrupt(request: httpx.Request, answer: Any) -> httpx.Response:
    answer(request)
    raise KeyboardInterrupt


def test_interrupt_in_flight_leaves_the_entry_open(sent, wire, path):
    wire.faults = [interrupt]
    with pytest.raises(KeyboardInterrupt):
        sent.contacts.create(phone_number="+12125550187")
    (row,) = ck.journal(path).to_dict("records")
    assert row["outcome"] == "unknown" and pd.isna(row["at"])
    assert row["idempotency_key"] == wire.requests[-1].headers["Idempotency-Key"]


def test_interrupt_before_sending_is_a_failure(sent, wire, path, monkeypatch):
    def pressed(until: float) -> None:
        raise KeyboardInterrupt

    sent = ck.connect("sent", via=wire, journal=path, rate_limit="1/minute")
    sent.contacts.get(SENT)
    monkeypatch.setattr(wire.clock, "pause", pressed)
    with pytest.raises(KeyboardInterrupt):
        sent.contacts.update(SENT, opt_out=True)
    assert ck.journal(path)["outcome"].tolist() == ["failed"]
    assert ck.journal(path)["at"].notna().all()


async def test_cancelled_write_stays_open(sent, wire, path):
    def cancelled(request: httpx.Request, answer: Any) -> httpx.Response:
        answer(request)
        raise asyncio.CancelledError

    wire.faults = [cancelled]
    with pytest.raises(asyncio.CancelledError):
        await sent.aio.contacts.update(SENT, opt_out=True)
    assert ck.journal(path)["at"].isna().tolist() == [True]


# Forms


async def test_save_of_a_form_is_recorded(client, name, example, wire, path, monkeypatch):
    monkeypatch.setattr(messages, "strict", True)
    for key, values in ((example.key, example.update), (None, example.create)):
        form = client.contacts.form(key)
        fields = fields_of(find(name).record)
        raws = {n: raw_of(fields[n], value) for n, value in values.items()}
        await FrontEnd(form.widget).press("save", **raws)
        form.close()
    assert ck.journal(path)["outcome"].tolist() == ["updated", "created"]


async def test_form_says_that_nothing_was_sent_without_a_journal(sent, wire, path):
    form = sent.contacts.form(SENT)
    path.write_bytes(b"x" * 600)
    front = FrontEnd(form.widget)
    await front.press("save", opt_out="yes")
    assert form.result["outcome"].item() == "failed"
    assert "damaged or not a journal" in front.text("problems")
    assert [request.method for request in wire.requests] == ["GET"]
    form.close()


# A journal that cannot be written


def test_nothing_is_written_without_a_journal(client, name, wire, path):
    path.write_bytes(b"x" * 600)
    for verb, args, fields in writes(name):
        with pytest.raises(ck.JournalError, match="move it away"):
            quietly(getattr(client.contacts, verb), *args, **fields)
    assert {request.method for request in wire.requests} == {"GET"}
    assert len(client.contacts.get(EXAMPLES[name].key)) == 1


def test_journal_that_fails_after_the_write_is_a_warning(sent, wire, path):
    def break_it(request: httpx.Request, answer: Any) -> httpx.Response:
        file = sent._session.journal._file
        file.close()
        path.write_bytes(b"x" * 600)
        path.with_name("journal.sqlite3-wal").unlink(missing_ok=True)
        return answer(request)

    wire.faults = [break_it]
    with pytest.warns(ck.ContactKitWarning, match="does not have the outcome of this write"):
        done = sent.contacts.update(SENT, opt_out=True)
    assert done["outcome"].item() == "updated"


# Credentials


def test_journal_holds_no_credential(client, name, wire, path):
    secrets = [each for each in client._session.secrets if each]
    turns = itertools.count(1)

    def echo(request: httpx.Request, answer: Any) -> httpx.Response:
        headers = {"X-Request-Id": secrets[0], "Content-Type": "application/json"}
        if request.method == "GET" or next(turns) % 2:
            return httpx.Response(200, content=answer(request).content, headers=headers)
        message = " ".join([*request.headers.values(), *secrets])
        return httpx.Response(422, json={"message": message, "errors": [message]}, headers=headers)

    # The second verify would text a contact who has opted out by then.
    verbs = [*writes(name), *(write for write in writes(name) if write[0] != "verify")]
    for verb, args, fields in verbs:
        wire.faults = [echo] * 4
        with suppress(ck.ApiError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(client.contacts, verb)(*args, **fields)
    assert len(ck.journal(path)) >= len(verbs)
    outcomes = set(ck.journal(path)["outcome"])
    assert "refused" in outcomes and outcomes & {"created", "updated", "deleted"}
    content = b"".join(child.read_bytes() for child in path.parent.iterdir() if child.is_file())
    for secret in [*secrets, *filter(None, client._session.secrets)]:
        assert secret.encode() not in content
    assert b"uthorization" not in content


def test_account_differs_by_credential_and_address():
    def account(**given: str) -> str:
        return ck.connect("sent", **given)._session.account

    usual = account(api_key="canary-4f1d")
    assert usual == account(api_key="canary-4f1d") and len(usual) == 8
    others = [
        account(api_key="canary-4f1e"),
        account(api_key="canary-4f1d", profile_id="2f6a1c1e-0000-4000-8000-000000000002"),
        account(api_key="canary-4f1d", base_url="https://api.example.com"),
    ]
    assert len({usual, *others}) == 4


def test_account_is_the_same_with_a_new_secret():
    old, new = (
        ck.connect("privy", client_id="c", client_secret=secret)._session.account
        for secret in ("canary-4f1d", "canary-4f1e")
    )
    assert old == new != ck.connect("privy", client_id="d", client_secret="x")._session.account


# Which journal


def journal_of(client: ck.Client) -> Path | None:
    return client._session.journal and client._session.journal.path


def test_writes_to_a_provider_go_to_the_users_own_journal(tmp_path):
    own = tmp_path / "contactkit" / "journal.sqlite3"
    live = ck.connect("sent", api_key="k")
    assert journal_of(live) == own
    recording = Cassette(tmp_path / "new.jsonl", "refresh")
    assert journal_of(ck.connect("sent", api_key="k", via=recording)) == own
    assert not own.exists()


def test_simulated_writes_go_only_to_a_given_journal(wire, path, tmp_path):
    tape = ROOT / "data/cassettes/sent.jsonl"
    worlds = [ck.Simulator(), wire, Cassette(tape, "replay"), Cassette(tape, "verify")]
    worlds.append(Cassette(tmp_path / "new.jsonl", "refresh", world=ck.Simulator()))
    for world in worlds:
        credentials = {} if world.credentials(find("sent")) else {"api_key": "k"}
        assert journal_of(ck.connect("sent", via=world, **credentials)) is None
        assert journal_of(ck.connect("sent", via=world, journal=path, **credentials)) == path


@pytest.mark.parametrize("path", [True, 3, "", b"journal"])
def test_journal_must_be_a_path(path):
    with pytest.raises(ck.ConfigurationError, match="journal= must be a path"):
        ck.connect("sent", via=ck.Simulator(), journal=path)
