"""No pickle has a credential, and what cannot be pickled says what to do instead."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from contactkit._http.session import Session
from contactkit._redact import Secret
from tests.support.providers import Wire

HIDDEN = "s3cret-canary-0123456789"
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("hold", [lambda s: s, lambda s: {"api_key": s}, lambda s: [(s,)]])
def test_secret_is_never_pickled(hold, protocol):
    with pytest.raises(TypeError, match="name its environment variable instead") as caught:
        pickle.dumps(hold(Secret(HIDDEN)), protocol)
    assert HIDDEN not in str(caught.value)


def test_secret_is_copied_and_written_as_text():
    secret = Secret(HIDDEN)
    assert copy.copy(secret) is copy.deepcopy([secret])[0] is secret
    assert json.loads(json.dumps({"key": secret})) == {"key": HIDDEN}


def connected(name: str, wire: Wire) -> ck.Client:
    return ck.connect(name, via=wire, **{each: HIDDEN for each in wire_credentials(name)})


def wire_credentials(name: str) -> list[str]:
    client = ck.connect(name, via=ck.Simulator())
    return [*client.contacts._session.credentials]


PARTS = {
    "client": lambda client: client,
    "contacts": lambda client: client.contacts,
    "async client": lambda client: client.aio,
    "async contacts": lambda client: client.aio.contacts,
    "session": lambda client: client.contacts._session,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("part", PARTS)
def test_client_says_to_connect_in_the_other_process(name, wire, part, protocol):
    with pytest.raises(TypeError, match=r"connect in the other process, with contactkit.connect"):
        pickle.dumps(PARTS[part](connected(name, wire)), protocol)


def test_form_says_to_connect_in_the_other_process(name, wire):
    form = ck.connect(name, via=wire).contacts.browse()
    with pytest.raises(TypeError, match="connect in the other process"):
        pickle.dumps(form)
    form.close()


def test_plan_with_a_client_says_to_save_it(name):
    contacts = ck.connect(name, via=ck.Simulator(contacts=3)).contacts
    people = contacts.list()
    plan = contacts.plan(people, people)
    with pytest.raises(TypeError, match=r"save it with its to_parquet\(\), and load it"):
        pickle.dumps(plan)
    assert pickle.loads(pickle.dumps(replace(plan, runner=None))).digest == plan.digest


def test_nothing_that_a_client_reaches_has_a_credential_in_its_pickle(name, tmp_path: Path):
    client = ck.connect(name, via=ck.Simulator(contacts=3), journal=tmp_path / "journal")
    with ck.record(client, tmp_path / "tape.jsonl"):
        asyncio.run(client.aio.contacts.list())
        secrets = [*client.contacts._session.secrets]
        pickles = [*pickles_of(reached_from(client))]
    assert any(secrets) and len(pickles) > 3
    for secret in filter(None, secrets):
        assert not [each for each in pickles if secret.encode() in each]


def reached_from(root: Any) -> Iterator[Any]:
    """The objects of the package's own classes that an object refers to, directly or not."""
    seen, waiting = {id(root)}, [root]
    while waiting:
        each = waiting.pop()
        if type(each).__module__.startswith("contactkit"):
            yield each
        for other in gc.get_referents(each):
            if id(other) not in seen and not isinstance(other, type | type(gc)):
                seen.add(id(other))
                waiting.append(other)


def pickles_of(objects: Iterator[Any]) -> Iterator[bytes]:
    # The simulator has the credentials that it issues, which open nothing.
    for each in objects:
        if "simulator" in type(each).__module__ or isinstance(each, Session):
            continue
        try:
            yield pickle.dumps(each)
        except (TypeError, AttributeError, pickle.PicklingError):
            continue
