"""Values planted in a client's traffic are nowhere else, without any configuration.

Not in the file, however it is decoded, nor in a frame, a repr, an error or a log; and a request
with the real value is replayed.
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
from contactkit._http.drivers import drive
from contactkit._providers import find
from contactkit.cassette.exchange import Exchange, RecordedResponse, request_of
from contactkit.cassette.recorder import redact_exchange
from contactkit.cassette.redaction.redactor import Redactor
from tests.support.providers import Wire, says

SECRET = "S3cr3t-planted-x9"
HELD = "kT9/vQ+2.xZ&41mm=7"
PHONE, NATIONAL = "4155552671", "415-555-2671"
EMAIL, FIRST, LAST = "zenobia.quill@post.test", "Zenobia", "Quillfeather"
PERSON = {"first_name": FIRST, "last_name": LAST, "email": EMAIL, "phone_number": f"+1{PHONE}"}
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0"
PARTS = {"multipart/form-data": "boundary=b"}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def doc(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def parts(**fields: str) -> dict[str, Any]:
    named = (
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return {"content": "".join([*named, "--b--\r\n"]).encode(), "headers": headers}


def typed(kind: str, text: str) -> dict[str, Any]:
    return {"content": text.encode(), "headers": {"Content-Type": kind}}


class Planted(NamedTuple):
    """Values that must be gone, and the request and response that have them."""

    gone: tuple[str, ...]
    asks: dict[str, Any] = {}  # noqa: RUF012
    says: Any = says(200, "{}")

    @property
    def first(self) -> str:
        """The first name in the request."""
        return self.asks.get("json", {}).get("first_name", FIRST)


def sends(*gone: str, **request: Any) -> Planted:
    return Planted(gone or (SECRET,), request)


def gets(*gone: str, answer: Any, **request: Any) -> Planted:
    return Planted(gone or (SECRET,), request, answer)


SECRETS = {
    "bearer": sends(headers={"Authorization": f"Bearer {SECRET}"}),
    "basic": sends(SECRET, headers={"Authorization": f"Basic {b64(f'user:{SECRET}')}"}),
    "cookie": sends(headers={"Cookie": f"theme=dark; sid={SECRET}"}),
    "header": sends(headers={"X-Refresh-Token": SECRET}),
    "query": sends(query=f"?access_token={SECRET}"),
    "address in a query": sends(query=f"?next={quote(f'https://x.test/?token={SECRET}', safe='')}"),
    "percent-encoded twice": sends(
        query=f"?next={quote(quote(f'https://x.test/?token={SECRET}', safe=''), safe='')}"
    ),
    "user info": sends("robert", SECRET, host=f"robert:{SECRET}@"),
    "JSON at depth": sends(json={"a": [{"b": {"c": [{"apiToken": SECRET}]}}]}),
    "JSON in JSON": sends("swordfish", json={"raw": json.dumps({"password": "swordfish"})}),
    "JSON in base64": sends(json={"raw": b64(json.dumps({"password": SECRET}))}),
    "a name beside its value": sends(json={"headers": [{"name": "X-Api-Key", "value": SECRET}]}),
    "form": sends(data={"client_secret": SECRET, "grant_type": "x"}),
    "multipart": sends("swordfish", **parts(password="swordfish")),
    "XML": sends("swordfish", **typed("text/xml", "<a><password>swordfish</password></a>")),
    "content type": sends(content=b"x", headers={"Content-Type": f"text/plain; token={SECRET}"}),
    "token answer": gets(answer=says(200, doc(access_token=SECRET, refresh_token=f"{SECRET}r"))),
    "token like a JWT": gets(JWT, answer=says(400, doc(message=f"cannot read {JWT} here"))),
    "set-cookie": gets(answer=says(200, "{}", Set_Cookie=f"sid={SECRET}; Path=/")),
    "challenge": gets(answer=says(401, "{}", WWW_Authenticate=f'Bearer x="y", token="{SECRET}"')),
    "link": gets(answer=says(200, "{}", Link=f'</c?page=2&token={SECRET}>; rel="next"')),
    "location": gets(answer=says(302, "", Location=f"https://u:{SECRET}@x.test/#token={SECRET}")),
    "before what gives it away": gets(
        answer=says(200, "{}", X_Of=f"/c?sig={SECRET}&token={SECRET}")
    ),
    "another scheme's user info": gets(answer=says(400, doc(message=f"db://u:{SECRET}@db/x"))),
    "escapes": gets(answer=says(400, f'{{"to\\u006ben": "{escaped(SECRET)}"}}')),
    "a JSON name": gets(answer=says(400, doc(**{f"token={SECRET}": 1}))),
    "a JSON number": gets("987654321", answer=says(400, doc(api_key=987654321))),
    "gzip": gets(answer=says(400, gzip.compress(doc(token=SECRET)), Content_Encoding="gzip")),
    "gzip twice": gets(
        answer=says(
            400, gzip.compress(gzip.compress(doc(token=SECRET))), Content_Encoding="gzip, gzip"
        )
    ),
    "gzip that nothing tells of": gets(
        answer=says(200, gzip.compress(doc(token=SECRET)), "application/gzip")
    ),
    "gzip that is cut off": gets(
        answer=says(200, gzip.compress(doc(token=SECRET))[:-9], Content_Encoding="gzip")
    ),
    "deflate": gets(answer=says(400, zlib.compress(doc(token=SECRET)), Content_Encoding="deflate")),
    "gzip request": sends(
        content=gzip.compress(doc(token=SECRET)), headers={"Content-Encoding": "gzip"}
    ),
    "UTF-16": gets(answer=says(400, json.dumps({"token": SECRET}).encode("utf-16"))),
    "lines of JSON": gets(
        answer=says(400, doc(token=SECRET) + b"\n" + doc(id=1), "application/x-ndjson")
    ),
    "JSON cut off": gets("swordfish", answer=says(400, doc(password="swordfish")[:-1])),
    "page": gets(
        "swordfish", answer=says(400, '<input name="csrf" value="swordfish">', "text/html")
    ),
    **{
        f"held: {text}": gets(HELD, answer=says(400, doc(error={"message": f"no {text} here"})))
        for text in (
            HELD,
            quote(HELD, safe=""),
            quote(quote(HELD, safe=""), safe=""),
            b64(HELD),
            b64(f"user:{HELD}"),
            f"https://x.test/?q={quote(HELD, safe='')}",
        )
    },
    "held: escapes": gets(HELD, answer=says(400, f'{{"message": "{escaped(HELD)}"}}')),
}
PEOPLE = {
    "path": sends(PHONE, path=f"/%2B1{PHONE}"),
    "path of an address": sends(EMAIL, path=f"/{quote(EMAIL, safe='')}"),
    "query": sends(EMAIL, NATIONAL, query=f"?email={quote(EMAIL)}&q={NATIONAL}"),
    "query in JSON": sends(*PERSON.values(), query=f"?where={quote(json.dumps(PERSON))}"),
    "query, encoded twice": sends(EMAIL, query=f"?q={quote(quote(EMAIL, safe=''), safe='')}"),
    "JSON": sends(EMAIL, FIRST, LAST, PHONE, json={"a": [[{"contact": PERSON}]]}),
    "form": sends(EMAIL, FIRST, LAST, PHONE, data=PERSON),
    "multipart": sends(EMAIL, FIRST, LAST, PHONE, **parts(**PERSON)),
    "free text": gets(
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
    "error": gets(
        *(EMAIL, FIRST, LAST, PHONE),
        json=PERSON,
        answer=says(
            409, doc(error={"message": f"{FIRST} {LAST}, {EMAIL}: +1{PHONE}", "code": "x"})
        ),
    ),
    "headers": gets(
        *(EMAIL, PHONE),
        headers={"X-Phone": PHONE, "X-Contact": EMAIL},
        answer=says(200, "{}", X_Phone=PHONE, X_Contact=b64(EMAIL), X_From=f"<{EMAIL}>"),
    ),
    "webhook": gets(
        *(EMAIL, FIRST, LAST, PHONE),
        answer=says(
            200,
            doc(events=[{"payload": [{"contact": {"firstName": FIRST, "lastName": LAST}}]}])[:-1]
            + b', "body": '
            + json.dumps(json.dumps({"contact": PERSON})).encode()
            + b"}",
        ),
    ),
    "numbers": gets(
        PHONE, answer=says(200, doc(phone_number=f"+1{PHONE}", id=f"c_{PHONE}", n=int(PHONE)))
    ),
    "JSON names": gets(EMAIL, PHONE, answer=says(200, doc(**{EMAIL: 1, f"+1{PHONE}": {PHONE: 2}}))),
    "base64": gets(EMAIL, answer=says(200, doc(cursor=b64(b64(EMAIL)), page=b64(f"a\n{EMAIL}")))),
    "another code": gets(
        "Zoë",
        json={"first_name": "Zoë"},
        answer=says(400, "no Zoë".encode("latin-1"), "text/plain"),
    ),
}


def decodings(text: str, depth: int = 3) -> Iterator[str]:
    """A text and all that can be decoded in it."""
    yield text
    inner = {unquote_plus(text), unescape(text), text.replace("\\", "")}
    inner.add(re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text))
    inner.add("\n".join(map(decode_word, re.findall(r"[A-Za-z0-9+/_-]{8,}", text))))
    for decoded in inner - {text} if depth else ():
        yield from decodings(decoded, depth - 1)


def decode_word(word: str) -> str:
    """The content of base64, inflated if it is compressed."""
    whole = word.replace("-", "+").replace("_", "/")
    raw = base64.b64decode(whole[: len(whole) // 4 * 4])
    try:
        return zlib.decompressobj(47).decompress(raw).decode("latin-1")
    except zlib.error:
        return raw.decode("latin-1")


def send(wire: httpx.Client, name: str, planted: Planted, tap: Any = None, method: str = "POST"):
    """Send the planted request, over a tap if there is one."""
    about = dict(planted.asks)
    base = find(name).base_url.replace("://", f"://{about.pop('host', '')}", 1)
    tail = about.pop("path", "") + about.pop("query", "")
    url = base + find(name).endpoint("list").path + tail
    request = httpx.Request(method, url, **about)
    return drive(tap.flow(request), wire.send) if tap else wire.send(request)


def record(name: str, planted: Planted, path: Path) -> list[str]:
    """Record the planted exchange; the reprs and errors that the client shows."""
    wire = Wire(faults=[planted.says, planted.says])
    credentials = {name: HELD for name in ck.Simulator().credentials(find(name))}
    client, texts = ck.connect(name, via=wire, **credentials), []
    with ck.record(client, path) as cassette:
        send(
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
            texts += str(error), repr(error)
        # An error of the client's own would show nothing of what a provider says.
        assert len(wire.requests) >= 2
    return [*texts, repr(client), client._repr_html_(), cassette.frame().to_csv()]


def replay(name: str, planted: Planted, path: Path) -> list[str]:
    """Replay it, and ask for something unrecorded; the reprs and errors that the client shows."""
    cassette = ck.Cassette(path, "replay")
    client = ck.connect(name, via=cassette)
    wire = httpx.Client(transport=cassette.transport(find(name)))
    assert send(wire, name, planted).status_code in (200, 302, 400, 401, 409)
    with pytest.raises(ck.UnrecordedRequestError) as missed:
        send(wire, name, planted, method="PURGE")
    texts = [repr(client), client._repr_html_(), repr(cassette), cassette.frame().to_csv()]
    return [str(missed.value), *texts]


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        *(pytest.param("sent", value, id=where) for where, value in SECRETS.items()),
        *(
            pytest.param("privy", value, id=f"of a person: {where}")
            for where, value in PEOPLE.items()
        ),
        pytest.param("sendblue", PEOPLE["path"], id="of a person: a contact's key"),
    ],
)
def test_planted_value_is_in_no_file_frame_error_or_log(name, planted, tmp_path, caplog):
    path = tmp_path / "tape.jsonl"
    with caplog.at_level(logging.DEBUG):
        texts = record(name, planted, path) + replay(name, planted, path)
    decoded = "\0".join(decodings("\n".join([path.read_text("utf-8"), *texts, caplog.text])))
    assert [spelling for spelling in planted.gone if spelling in decoded] == []


encodings = st.sampled_from(
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


@given(values, encodings, st.sampled_from(["data", "json", "content", "params"]), st.booleans())
def test_planted_value_is_not_written_from_any_place(value, encode, place, alone):
    text = encode(value) if alone else f"for {encode(value)}, see id-7"
    content = text if place == "content" else {"note": text}
    request = httpx.Request("POST", "https://api.test/c", **{place: content})
    redaction = Redactor(find("sent"), lambda: [HELD], b"a key")
    answer = RecordedResponse(status=200, body=doc(m=[text]))
    raw = Exchange(request=request_of(request), response=answer, at=0.0)
    exchange = redact_exchange(raw, find("sent"), redaction)
    written = f"{exchange.request.query} {exchange.request.body} {exchange.response.body}"
    assert value not in "".join(decodings(written))
