"""What is planted in a client's traffic is nowhere but there, with nothing configured.

Not in the file, however its readers decode it, nor in a table, a picture, an error or a log; and
what was recorded is found again, and joins, by the real values.
"""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.exchange import Exchange, RecordedResponse
from contactkit.cassette.recorder import request_of
from contactkit.cassette.redaction.exchange import redact_exchange
from contactkit.cassette.redaction.redactor import Redactor
from tests.support.providers import Wire, says

SECRET = "S3cr3t-planted-x9"
HELD = "kT9/vQ+2.xZ&41mm=7"
PHONE, NATIONAL = "4155552671", "415-555-2671"
EMAIL, FIRST, LAST = "zenobia.quill@post.invalid", "Zenobia", "Quillfeather"
PERSON = {"first_name": FIRST, "last_name": LAST, "email": EMAIL, "phone_number": f"+1{PHONE}"}
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0"
PARTS = {"multipart/form-data": "boundary=b"}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def doc(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(each):04x}" for each in text)


def parts(**fields: str) -> dict[str, Any]:
    named = (
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return {"content": "".join([*named, "--b--\r\n"]).encode(), "headers": headers}


class Planted(NamedTuple):
    """What must be gone, and the request and the answer that have it."""

    gone: tuple[str, ...]
    asks: dict[str, Any] = {}  # noqa: RUF012
    says: Any = says(200, "{}")

    @property
    def first(self) -> str:
        """The first name in the request."""
        return self.asks.get("json", {}).get("first_name", FIRST)


def asks(*gone: str, **request: Any) -> Planted:
    return Planted(gone or (SECRET,), request)


def told(*gone: str, answer: Any, **request: Any) -> Planted:
    return Planted(gone or (SECRET,), request, answer)


SECRETS = {
    "bearer": asks(headers={"Authorization": f"Bearer {SECRET}"}),
    "basic": asks(SECRET, headers={"Authorization": f"Basic {b64(f'user:{SECRET}')}"}),
    "cookie": asks(headers={"Cookie": f"theme=dark; sid={SECRET}"}),
    "header": asks(headers={"X-Refresh-Token": SECRET}),
    "query": asks(query=f"?access_token={SECRET}"),
    "address in a query": asks(query=f"?next={quote(f'https://x.test/?token={SECRET}', safe='')}"),
    "percent-encoded twice": asks(
        query=f"?next={quote(quote(f'https://x.test/?token={SECRET}', safe=''), safe='')}"
    ),
    "user info": asks("robert", SECRET, host=f"robert:{SECRET}@"),
    "JSON at depth": asks(json={"a": [{"b": {"c": [{"apiToken": SECRET}]}}]}),
    "JSON in JSON": asks("swordfish", json={"raw": json.dumps({"password": "swordfish"})}),
    "JSON in base64": asks(json={"raw": b64(json.dumps({"password": SECRET}))}),
    "a name beside its value": asks(json={"headers": [{"name": "X-Api-Key", "value": SECRET}]}),
    "form": asks(data={"client_secret": SECRET, "grant_type": "x"}),
    "multipart": asks("swordfish", **parts(password="swordfish")),
    "XML": asks("swordfish", content=b"<a><password>swordfish</password></a>"),
    "content type": asks(content=b"x", headers={"Content-Type": f"text/plain; token={SECRET}"}),
    "token answer": told(answer=says(200, doc(access_token=SECRET, refresh_token=f"{SECRET}r"))),
    "token like a JWT": told(JWT, answer=says(400, doc(message=f"cannot read {JWT} here"))),
    "set-cookie": told(answer=says(200, "{}", Set_Cookie=f"sid={SECRET}; Path=/")),
    "challenge": told(answer=says(401, "{}", WWW_Authenticate=f'Bearer x="y", token="{SECRET}"')),
    "link": told(answer=says(200, "{}", Link=f'</c?page=2&token={SECRET}>; rel="next"')),
    "location": told(answer=says(302, "", Location=f"https://u:{SECRET}@x.test/#token={SECRET}")),
    "before what gives it away": told(
        answer=says(200, "{}", X_Of=f"/c?sig={SECRET}&token={SECRET}")
    ),
    "another scheme's user info": told(answer=says(400, doc(message=f"db://u:{SECRET}@db/x"))),
    "escapes": told(answer=says(400, f'{{"to\\u006ben": "{escaped(SECRET)}"}}')),
    "a JSON name": told(answer=says(400, doc(**{f"token={SECRET}": 1}))),
    "a JSON number": told("987654321", answer=says(400, doc(api_key=987654321))),
    "gzip": told(answer=says(400, gzip.compress(doc(token=SECRET)), Content_Encoding="gzip")),
    "gzip twice": told(
        answer=says(
            400, gzip.compress(gzip.compress(doc(token=SECRET))), Content_Encoding="gzip, gzip"
        )
    ),
    "gzip that nothing tells of": told(
        answer=says(200, gzip.compress(doc(token=SECRET)), "application/gzip")
    ),
    "gzip that is cut off": told(
        answer=says(200, gzip.compress(doc(token=SECRET))[:-9], Content_Encoding="gzip")
    ),
    "deflate": told(answer=says(400, zlib.compress(doc(token=SECRET)), Content_Encoding="deflate")),
    "gzip request": asks(
        content=gzip.compress(doc(token=SECRET)), headers={"Content-Encoding": "gzip"}
    ),
    "UTF-16": told(answer=says(400, json.dumps({"token": SECRET}).encode("utf-16"))),
    "binary": told(answer=says(400, b"\xff\xfe\0token=" + SECRET.encode() + b"\0", "image/x")),
    "lines of JSON": told(answer=says(400, doc(token=SECRET) + b"\n" + doc(id=1), "text/x")),
    "JSON cut off": told("swordfish", answer=says(400, doc(password="swordfish")[:-1])),
    "page": told(
        "swordfish", answer=says(400, '<input name="csrf" value="swordfish">', "text/html")
    ),
    **{
        f"held: {spelt}": told(HELD, answer=says(400, doc(error={"message": f"no {spelt} here"})))
        for spelt in (
            HELD,
            quote(HELD, safe=""),
            quote(quote(HELD, safe=""), safe=""),
            b64(HELD),
            b64(f"user:{HELD}"),
            f"https://x.test/?q={quote(HELD, safe='')}",
        )
    },
    "held: escapes": told(HELD, answer=says(400, f'{{"message": "{escaped(HELD)}"}}')),
}
PEOPLE = {
    "path": asks(PHONE, path=f"/%2B1{PHONE}"),
    "path of an address": asks(EMAIL, path=f"/{quote(EMAIL, safe='')}"),
    "query": asks(EMAIL, NATIONAL, query=f"?email={quote(EMAIL)}&q={NATIONAL}"),
    "query in JSON": asks(*PERSON.values(), query=f"?where={quote(json.dumps(PERSON))}"),
    "query, encoded twice": asks(EMAIL, query=f"?q={quote(quote(EMAIL, safe=''), safe='')}"),
    "JSON": asks(EMAIL, FIRST, LAST, PHONE, json={"a": [[{"contact": PERSON}]]}),
    "form": asks(EMAIL, FIRST, LAST, PHONE, data=PERSON),
    "multipart": asks(EMAIL, FIRST, LAST, PHONE, **parts(**PERSON)),
    "free text": told(
        *(EMAIL, FIRST, LAST, FIRST.upper(), PHONE, NATIONAL, "415 555"),
        json=PERSON,
        answer=says(
            400,
            f"<p>{FIRST.upper()} {LAST} ({EMAIL}, {EMAIL.replace('@', '&#64;')}) of "
            f"account_{FIRST} has +1\u202f415\u202f555\u202f2671, 001 415 555 2671, msg_{PHONE}, "
            f"{NATIONAL}</p>",
            "text/html",
        ),
    ),
    "error": told(
        *(EMAIL, FIRST, LAST, PHONE),
        json=PERSON,
        answer=says(
            409, doc(error={"message": f"{FIRST} {LAST}, {EMAIL}: +1{PHONE}", "code": "x"})
        ),
    ),
    "headers": told(
        *(EMAIL, PHONE),
        headers={"X-Phone": PHONE, "X-Contact": EMAIL},
        answer=says(200, "{}", X_Phone=PHONE, X_Contact=b64(EMAIL), X_From=f"<{EMAIL}>"),
    ),
    "webhook": told(
        *(EMAIL, FIRST, LAST, PHONE),
        answer=says(
            200,
            doc(events=[{"payload": [{"contact": {"firstName": FIRST, "lastName": LAST}}]}])[:-1]
            + b', "body": '
            + json.dumps(json.dumps({"contact": PERSON})).encode()
            + b"}",
        ),
    ),
    "numbers": told(
        PHONE, answer=says(200, doc(phone_number=f"+1{PHONE}", id=f"c_{PHONE}", n=int(PHONE)))
    ),
    "JSON names": told(EMAIL, PHONE, answer=says(200, doc(**{EMAIL: 1, f"+1{PHONE}": {PHONE: 2}}))),
    "base64": told(EMAIL, answer=says(200, doc(cursor=b64(b64(EMAIL)), page=b64(f"a\n{EMAIL}")))),
    "another code": told(
        "Zoë", json={"first_name": "Zoë"}, answer=says(400, "no Zoë".encode("latin-1"), "text/x")
    ),
}


def readings(text: str, depth: int = 3) -> Iterator[str]:
    """A text and all that who reads it may decode in it."""
    yield text
    inner = {unquote_plus(text), unescape(text), text.replace("\\", "")}
    inner.add(re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text))
    inner.add("\n".join(map(opened, re.findall(r"[A-Za-z0-9+/_-]{8,}", text))))
    for each in inner - {text} if depth else ():
        yield from readings(each, depth - 1)


def opened(word: str) -> str:
    """What base64 holds, and what is compressed in that."""
    whole = word.replace("-", "+").replace("_", "/")
    raw = base64.b64decode(whole[: len(whole) // 4 * 4])
    try:
        return zlib.decompressobj(47).decompress(raw).decode("latin-1")
    except zlib.error:
        return raw.decode("latin-1")


def sent(wire: httpx.Client, name: str, planted: Planted, tap: Any = None, method: str = "POST"):
    """The answer to the planted request, over a tap if there is one."""
    about = dict(planted.asks)
    base = find(name).base_url.replace("://", f"://{about.pop('host', '')}", 1)
    tail = about.pop("path", "") + about.pop("query", "")
    url = base + find(name).endpoint("list").path + tail
    request = httpx.Request(method, url, **about)
    return tap.send(wire, request) if tap else wire.send(request)


def recorded(name: str, planted: Planted, path: Path) -> list[str]:
    """What the client that is recorded shows of itself and of what went wrong."""
    wire = Wire(faults=[planted.says, planted.says])
    held = {each: HELD for each in ck.Simulator().credentials(find(name))}
    client, shown = ck.connect(name, via=wire, **held), []
    with ck.record(client, path) as cassette:
        sent(
            httpx.Client(transport=wire.transport(find(name))),
            name,
            planted,
            client._connection.tap,
        )
        try:
            if name == "privy":
                client.contacts.create(**PERSON | {"first_name": planted.first})
            client.contacts.list()
        except ck.ContactKitError as error:
            shown += str(error), repr(error)
    return [*shown, repr(client), client._repr_html_(), cassette.frame().to_csv()]


def replayed(name: str, planted: Planted, path: Path) -> list[str]:
    """What its replay shows, to whom asks the same with the real value and to whom does not."""
    cassette = ck.Cassette(path, "replay")
    client = ck.connect(name, via=cassette)
    wire = httpx.Client(transport=cassette.transport(find(name)))
    assert sent(wire, name, planted).status_code in (200, 302, 400, 401, 409)
    with pytest.raises(ck.UnrecordedRequestError) as missed:
        sent(wire, name, planted, method="PURGE")
    shown = [repr(client), client._repr_html_(), repr(cassette), cassette.frame().to_csv()]
    return [str(missed.value), *shown]


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        *(pytest.param("sent", each, id=where) for where, each in SECRETS.items()),
        *(
            pytest.param("privy", each, id=f"of a person: {where}")
            for where, each in PEOPLE.items()
        ),
        pytest.param("sendblue", PEOPLE["path"], id="of a person: a contact's key"),
    ],
)
def test_what_is_planted_is_nowhere(name, planted, tmp_path, caplog):
    path = tmp_path / "tape.jsonl"
    with caplog.at_level(logging.DEBUG):
        shown = recorded(name, planted, path) + replayed(name, planted, path)
    read = "\0".join(readings("\n".join([path.read_text("utf-8"), *shown, caplog.text])))
    assert [each for each in planted.gone if each in read] == []


spellings = st.sampled_from(
    [
        str,
        b64,
        lambda text: quote(text, safe=""),
        lambda text: quote(quote(text, safe=""), safe=""),
        lambda text: json.dumps({"q": json.dumps([text])}),
        lambda text: b64(json.dumps({"after": text})),
        lambda text: f"https://x.test/?v={quote(text, safe='')}&page=1",
    ]
)
values = st.one_of(
    st.from_regex(r"[a-z][a-z0-9._+-]{3,9}[a-z0-9]@[a-z]{3,9}\.(invalid|co\.uk)", fullmatch=True),
    st.from_regex(r"\+1415555[2-9]\d{3}|\+49151234567\d\d|\+4479111234\d\d", fullmatch=True),
    st.just(HELD),
)


@given(values, spellings, st.sampled_from(["data", "json", "content", "params"]), st.booleans())
def test_what_is_planted_anywhere_is_not_written(value, spelt, place, alone):
    text = spelt(value) if alone else f"for {spelt(value)}, see id-7"
    given = text if place == "content" else {"note": text}
    asked = httpx.Request("POST", "https://api.test/c", **{place: given})
    redaction = Redactor(find("sent"), lambda: [HELD], b"a key")
    answer = RecordedResponse(status=200, body=doc(m=[text]))
    raw = Exchange(request=request_of(asked), response=answer, at=0.0)
    exchange = redact_exchange(raw, find("sent"), redaction)
    made = f"{exchange.request.query} {exchange.request.body} {exchange.response.body}"
    assert value not in "".join(readings(made))
