"""Any request to a simulator and any call of a client: only documented errors come back."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find, names
from contactkit.errors import Problem
from contactkit.spec.auth import ClientCredentials, HeaderAuth
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of
from tests.support.examples import examples
from tests.support.providers import EXAMPLES

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get"]
LIKELY = [
    "+12125550187",
    "+1 (212) 555-0187",
    "new@example.com",
    "NEW@EXAMPLE.COM",
    "",
    " ",
    "null",
    "true",
    "1",
    "0",
    "-1",
    "1" * 40,
    "2026-03-01",
    "2026-02-30",
    "2026-03-01T12:00:00Z",
    "\x00",
    "é",
    "😀",
    "x" * 5000,
]
texts = st.sampled_from(LIKELY) | st.text(max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308])
    | st.floats()
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def mostly(good: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A good value three times of four, so that most requests pass the first checks."""
    return st.integers(0, 3).flatmap(lambda chance: good if chance else odd)


def wires(provider: Provider, endpoint: Endpoint) -> list[str]:
    """Every name that this provider knows for something in a body or a query."""
    records = (provider.record, *(endpoint.params for endpoint in provider.endpoints))
    fields = [field for record in records for field in fields_of(record).values()]
    known = {field.wire for field in fields}
    known |= {name for field in fields for name in field.marker.deprecated}
    dry = provider.dry_run.body if provider.dry_run else {}
    return sorted({*known, *provider.paging.parameters, *dry, endpoint.key_wire or "id"})


@st.composite
def likely_values(draw: st.DrawFn, provider: Provider) -> Any:
    """A value that some field of the provider may have."""
    field = draw(st.sampled_from([*fields_of(provider.record).values()]))
    match field.kind:
        case "category":
            return draw(st.sampled_from(field.choices))
        case "boolean":
            return draw(st.booleans())
        case "Int64":
            return draw(st.integers(-1, 3))
        case "list":
            return draw(st.lists(texts, max_size=3))
        case "dict":
            return draw(st.dictionaries(texts, scalars, max_size=3))
        case _:
            return draw(texts)


@st.composite
def bodies(draw: st.DrawFn, provider: Provider, endpoint: Endpoint) -> bytes:
    names = mostly(st.sampled_from(wires(provider, endpoint)), texts)
    value = mostly(likely_values(provider), values)
    whole = st.dictionaries(names, value, max_size=6)
    if endpoint.bulk:
        many = st.lists(whole | value, max_size=4)
        whole |= (
            many if endpoint.takes_list else many.map(lambda items: {endpoint.bulk.name: items})
        )
    example = EXAMPLES[provider.name]
    good = st.sampled_from([dict(example.create), dict(example.update), {}])
    content = json.dumps(draw(mostly(whole | good, values))).encode("utf-8", "surrogatepass")
    broken = st.sampled_from(
        [
            b"",
            content[:-1],
            b"\xff" + content,
            content + b"\xc3",
            b"[" * 300,
            b'{"a":' * 300,
            b'"\\ud800"',
            b'{"a": "\\ud800"}',
            b'{"a": 1, "a": 2}',
            b"\x00",
            b"\xef\xbb\xbf{}",
            b"1e9999",
            content.decode().encode("utf-16"),
        ]
    )
    return draw(mostly(st.just(content), broken | st.binary(max_size=30)))


ODD_KEYS = ["%", "%zz", "%2", "%2F", "%2e%2e", "..", ".", "%00", "%ff", "%C3%A9", "+", "%2B", "*"]
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#?"))


@st.composite
def paths(draw: st.DrawFn, provider: Provider, endpoint: Endpoint) -> str:
    base = urlsplit(provider.base_url).path
    example = EXAMPLES[provider.name]
    keys = st.sampled_from([example.key, example.unknown, quote(example.key)])
    odd = st.sampled_from(ODD_KEYS) | texts.map(lambda text: quote(text, safe="")) | printable
    key = draw(mostly(keys, odd))
    path = base + endpoint.path.replace("{key}", key)
    tokens = [
        urlsplit(way.token_url).path for way in provider.auth if isinstance(way, ClientCredentials)
    ]
    other = st.sampled_from([f"{path}/", f"/{path}", path.upper(), *tokens, "/", "*"]) | printable
    return draw(mostly(st.just(path), other.map(lambda path: "/" + path.lstrip("/"))))


@st.composite
def queries(draw: st.DrawFn, provider: Provider, endpoint: Endpoint) -> str:
    names = st.sampled_from(wires(provider, endpoint)) | texts
    text = texts | likely_values(provider).map(str) | st.integers(-2, 200).map(str)
    paging = st.dictionaries(
        st.sampled_from(provider.paging.parameters), st.integers(1, 3).map(str)
    )
    pairs = draw(mostly(paging.map(dict.items), st.lists(st.tuples(names, text), max_size=4)))
    odd = st.sampled_from(["&&", "=", "%", "%ff=%zz", "a=1;b=2", "page", "page=&page=2", "?"])
    return draw(mostly(st.just(urlencode([*pairs], errors="replace")), odd))


@st.composite
def headers(draw: st.DrawFn, simulator: ck.Simulator) -> list[tuple[bytes, bytes]]:
    """An account's credential or a wrong one or none, and other headers that a provider reads."""
    provider = simulator.engine.provider
    first, *others = simulator.accounts.values()
    account = draw(mostly(st.just(first), st.sampled_from([{}, *others])))
    pairs: list[tuple[str, Any]] = []
    for way in provider.auth:
        if isinstance(way, HeaderAuth):
            pairs += [
                (credential.header, credential.prefix + account[credential.name])
                for credential in way.credentials
                if credential.name in account
            ]
    for token in [*simulator.engine.tokens][:1]:
        bearer = mostly(st.just(f"Bearer {token}"), st.sampled_from(["Bearer", "", token]))
        pairs.append(("Authorization", draw(bearer)))
    form, dry = provider.idempotency, provider.dry_run
    known = [credential.header for credential in provider.settings]
    known += [c.header for way in provider.auth for c in way.credentials if c.header]
    known += [form.header] if form else []
    known += [*dry.headers] if dry else []
    known += [name for endpoint in provider.endpoints for name in endpoint.confirm]
    known += ["Content-Type", "Accept", "Authorization", "X-Odd", "Content-Encoding"]
    odd = st.binary(max_size=20) | st.sampled_from([b"k", b"k-1", b"", b"Bearer ", b"\xff" * 300])
    more = st.lists(st.tuples(st.sampled_from(known), odd), min_size=1, max_size=3)
    pairs += draw(mostly(st.just([]), more))
    pairs += draw(st.sampled_from([[(form.header, b"k")], []])) if form else []
    good = [item for endpoint in provider.endpoints for item in endpoint.confirm.items()]
    pairs += draw(st.lists(st.sampled_from(good), max_size=1)) if good else []
    return [(n.encode(), v if isinstance(v, bytes) else v.encode()) for n, v in pairs]


@st.composite
def requests(draw: st.DrawFn, simulator: ck.Simulator) -> httpx.Request:
    provider = simulator.engine.provider
    endpoint = draw(st.sampled_from(provider.endpoints))
    query = draw(queries(provider, endpoint))
    raw = draw(paths(provider, endpoint)) + (f"?{query}" if query else "")
    return httpx.Request(
        draw(mostly(st.just(endpoint.method), st.sampled_from(METHODS))),
        httpx.URL(provider.base_url).copy_with(raw_path=raw.encode("ascii")),
        headers=draw(headers(simulator)),
        content=draw(bodies(provider, endpoint)),
    )


def connected(name: str) -> tuple[ck.Client, ck.Simulator]:
    simulator = ck.Simulator(contacts=5, seed=1)
    return ck.connect(name, via=simulator), simulator


@pytest.mark.parametrize("name", names())
@given(chosen=st.data())
@settings(max_examples=examples(25))
def test_any_request_gets_a_readable_response(name, chosen):
    client, simulator = connected(name)
    client.contacts.get(EXAMPLES[name].key)
    for _ in range(4):
        request = chosen.draw(requests(simulator))
        response = simulator.transport(client._session.provider).handler(request)
        check(simulator.engine.provider, response)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ContactKitWarning)
        client.contacts.list()
    assert simulator.state() is not None


def check(provider: Provider, response: httpx.Response) -> None:
    assert response.status_code < 500
    body = json.loads(response.content) if response.content else None
    problem = provider.errors.read(body)
    if response.status_code >= 400:
        assert isinstance(problem, Problem)
        assert problem.message or problem.code
    else:
        assert problem is None


# Any arguments of a client's verbs

cyclic: list[Any] = []
cyclic.append(cyclic)
OBJECTS: list[Any] = [
    pd.NA,
    pd.NaT,
    np.nan,
    np.int64(3),
    np.float32(1.5),
    np.bool_(True),
    np.str_("x"),
    np.array([]),
    np.array(["a", "b"]),
    np.array([[1]]),
    np.datetime64("2026-03-01"),
    pd.Timestamp("2026-03-01"),
    pd.Timestamp("2026-03-01", tz="UTC"),
    datetime(2026, 3, 1),
    datetime(2026, 3, 1, tzinfo=UTC),
    date(2026, 3, 1),
    Decimal("1.5"),
    Decimal("NaN"),
    1j,
    b"x",
    bytearray(b"x"),
    {1, 2},
    (),
    range(3),
    object(),
    object,
    Ellipsis,
    len,
    pd.Series(dtype=object),
    pd.Series(["a"], index=["id"]),
    pd.DataFrame(),
    pd.DataFrame({"id": ["x"]}),
    pd.DataFrame({"id": [None, "x"]}),
    pd.DataFrame([["a", "b"]], columns=["id", "id"]),
    pd.Index(["a"]),
    pd.Categorical(["a"]),
    "\ud800",
    cyclic,
    {"a": cyclic},
    {1: 2},
    {None: None},
    10**5000,
]
anything = values | st.sampled_from(OBJECTS)


@st.composite
def calls(draw: st.DrawFn, name: str, people: pd.DataFrame) -> tuple[str, list[Any], dict]:
    provider = find(name)
    endpoint = draw(st.sampled_from(provider.endpoints))
    verbs = ["list", "pages"] if endpoint.answer == "page" else [endpoint.verb]
    records = (provider.record, endpoint.params)
    known = sorted({n for record in records for n in fields_of(record)})
    options = ["dry_run", "idempotency_key", "confirm", "limit", "key", "self", "", "ünknown"]
    example = EXAMPLES[name]
    values = mostly(likely_values(provider), anything)
    odd = st.dictionaries(st.sampled_from([*known, *options]), values, max_size=2)
    by_place, by_name = example.others.get(endpoint.verb, ((), {}))
    good = {"create": example.create, "update": example.update}.get(endpoint.verb, by_name)
    fields = draw(mostly(st.just(dict(good)), odd))
    fields |= draw(mostly(st.just({"confirm": True} if endpoint.confirm else {}), odd))
    rows = [example.key, people, people.iloc[0], people.iloc[[0]], *by_place]
    items = st.sampled_from([dict(example.create), dict(example.update), example.key])
    good_ones = st.integers(0, len(rows) - 1).map(rows.__getitem__)
    good_ones |= st.lists(items, min_size=1) if endpoint.bulk else st.nothing()
    subjects = mostly(good_ones, values | st.lists(items | values))
    count = draw(mostly(st.just(bool(endpoint.subject)), st.integers(0, 2)))
    return draw(st.sampled_from(verbs)), [draw(subjects) for _ in range(count)], fields


@pytest.mark.parametrize("name", names())
@given(chosen=st.data())
@settings(max_examples=examples(25))
def test_any_arguments_raise_only_errors_of_contactkit(name, chosen):
    client, _ = connected(name)
    people = client.contacts.list()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ContactKitWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        for _ in range(3):
            verb, args, fields = chosen.draw(calls(name, people))
            try:
                result = getattr(client.contacts, verb)(*args, **fields)
                frames = list(result) if verb == "pages" else [result]
            except ck.ContactKitError as error:
                assert str(error)
            else:
                assert all(isinstance(frame, pd.DataFrame) for frame in frames)
