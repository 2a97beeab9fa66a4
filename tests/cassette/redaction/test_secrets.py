"""24 planted secrets, at every provider: none is written, and the scan finds each."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._providers import find
from contactkit._redact.shapes import KEY_PREFIXES
from contactkit.cassette.exchange import RecordedRequest, RecordedResponse
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.redaction.secrets import PLACEHOLDER, Secrets

KEY = b"a key of thirty-two bytes, no more"
HELD = "kT9/vQ+2 =xZ&41mm"
OTHER = "held-second-8842"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0"


def base64_of(before: int) -> str:
    return b64encode(b"\1" * before + HELD.encode() + b"\1\1").decode().rstrip("=")


def form(**values: str) -> str:
    return "&".join(f"{name}={quote_plus(value)}" for name, value in values.items())


# By place: the secret that must be gone, and the message that has it.
PLANTED: dict[str, tuple[str, dict[str, object]]] = {
    "authorization": ("s01-abcdef", {"headers": (("Authorization", "Bearer s01-abcdef"),)}),
    "basic": (
        b64encode(b"user:s02-abcdef").decode(),
        {"headers": (("authorization", f"Basic {b64encode(b'user:s02-abcdef').decode()}"),)},
    ),
    "api key header": ("s03-abcdef", {"headers": (("X-Api-Key", "s03-abcdef"),)}),
    "custom token header": ("s04-abcdef", {"headers": (("X-Refresh-Token", "s04-abcdef"),)}),
    "signature header": ("s05-abcdef", {"headers": (("X-Signature", "s05-abcdef"),)}),
    "cookie": ("s06-abcdef", {"headers": (("Cookie", "theme=dark; sid=s06-abcdef"),)}),
    "set-cookie": ("s07-abcdef", {"headers": (("Set-Cookie", "sid=s07-abcdef; Path=/"),)}),
    "link": (
        "s08-abcdef",
        {"headers": (("Link", '<https://api.test/c?page=2&token=s08-abcdef>; rel="next"'),)},
    ),
    "location": ("s09-abcdef", {"headers": (("Location", "https://u:s09-abcdef@api.test/c"),)}),
    "query": ("s10-abcdef", {"query": (("access_token", "s10-abcdef"),)}),
    "query in the URL": ("s11-abcdef", {"url": "https://api.test/c?api_key=s11-abcdef&page=1"}),
    "URL user info": ("s12-abcdef", {"url": "https://user:s12-abcdef@api.test/c"}),
    "path, by value": (OTHER, {"url": f"https://api.test/hooks/{OTHER}/run"}),
    "fragment": ("s14-abcdef", {"url": "https://api.test/c#access_token=s14-abcdef"}),
    "JSON at depth": ("s15-abcdef", {"body": {"a": [{"b": {"apiKey": "s15-abcdef"}}]}}),
    "token answer": (
        "s16-abcdef",
        {"body": {"access_token": "s16-abcdef", "token_type": "Bearer", "expires_in": 3600}},
    ),
    "list under a name": ("s17-abcdef", {"body": {"tokens": ["s17-abcdef"]}}),
    "form": ("s18-abcdef", {"form": form(grant_type="x", client_secret="s18-abcdef")}),
    "percent-encoded, by value": (quote(HELD, safe=""), {"form": form(note=HELD)}),
    "base64": (base64_of(0), {"body": {"note": f"see {base64_of(0)}"}}),
    "base64, one byte on": (base64_of(1), {"body": {"note": base64_of(1)}}),
    "base64, two bytes on": (base64_of(2), {"text": f"raw {base64_of(2)} text"}),
    "JWT": (JWT, {"body": {"errors": [f"cannot read {JWT} here"]}}),
    "error text": (
        HELD,
        {"body": {"error": {"message": f"the key {HELD} is not valid for {OTHER}"}}},
    ),
}


def content(parts: dict[str, object]) -> tuple[bytes, str]:
    if "form" in parts:
        return str(parts["form"]).encode(), "application/x-www-form-urlencoded"
    if "text" in parts:
        return str(parts["text"]).encode(), "text/plain"
    return (json.dumps(parts["body"]).encode() if "body" in parts else b""), "application/json"


def written(redaction: Redactor, parts: dict[str, object]) -> bytes:
    """A request and a response with these parts, redacted, as one line."""
    request, response = redaction.exchange(*messages(parts))
    return line(request, response)


def messages(parts: dict[str, object]) -> tuple[RecordedRequest, RecordedResponse]:
    body, kind = content(parts)
    known = {name: parts[name] for name in ("headers", "query") if name in parts}
    url = str(parts.get("url", "https://api.test/c"))
    request = RecordedRequest(method="GET", url=url, body=body, content_type=kind, **known)
    headers = (*parts.get("headers", ()), ("content-type", kind))
    return request, RecordedResponse(status=400, headers=headers, body=body)


def line(request: RecordedRequest, response: RecordedResponse) -> bytes:
    values = [request.url, request.query, request.headers, response.headers]
    bodies = [message.body.decode("utf-8", "surrogateescape") for message in (request, response)]
    return json.dumps([*values, *bodies], ensure_ascii=False).encode("utf-8", "surrogateescape")


@pytest.fixture
def redaction(name: str) -> Redactor:
    return Redactor(find(name), lambda: [HELD, OTHER], KEY)


def test_there_are_24_planted_secrets():
    assert len(PLANTED) == 24


@pytest.mark.parametrize("where", PLANTED)
def test_planted_secret_is_replaced(redaction, where):
    secret, parts = PLANTED[where]
    redacted = written(redaction, parts)
    assert secret.encode() not in redacted
    assert b"redacted-" in redacted
    assert redaction.scan(redacted) == []


@pytest.mark.parametrize("where", PLANTED)
def test_planted_secret_redacted_twice_is_the_same(where):
    once, again = (Redactor(find("sent"), lambda: [HELD, OTHER], KEY) for _ in range(2))
    request, response = once.exchange(*messages(PLANTED[where][1]))
    assert again.exchange(request, response) == (request, response)


@pytest.mark.parametrize(
    "where", [where for where in PLANTED if where not in ("set-cookie", "list under a name")]
)
def test_scan_finds_a_planted_secret(where):
    """It is found by value or shape; by its name alone only after it was seen once."""
    redaction = Redactor(find("sent"), lambda: [HELD, OTHER], KEY)
    secret, parts = PLANTED[where]
    written(redaction, parts)
    assert redaction.scan(line(*messages(parts)))
    assert not any(secret in finding for finding in redaction.scan(line(*messages(parts))))


def test_declared_credentials_are_secret_by_name(name):
    provider = find(name)
    for auth in provider.auth:
        for credential in auth.credentials:
            redacted = Redactor(provider, list, KEY).request(
                RecordedRequest(
                    method="GET", url="", headers=((credential.header or "x-api-key", "plainly"),)
                )
            )
            assert "plainly" not in redacted.headers[0][1]


def test_placeholder_is_the_same_everywhere():
    secrets = Secrets(lambda: ["tok-123456789"])
    first = secrets.placeholder("access_token", "tok-123456789")
    assert first == "redacted-access-token"
    assert secrets.header("Authorization", "Bearer tok-123456789") == f"Bearer {first}"
    assert secrets.redact_text("https://x.test/tok-123456789") == f"https://x.test/{first}"
    assert secrets.placeholder("access_token", "another-987654") == "redacted-access-token-2"


def test_secret_of_the_traffic_is_recognised_by_value():
    secrets = Secrets(list)
    redacted = secrets.placeholder("refresh_token", "r3fresh.abc-def")
    assert secrets.redact_text("used r3fresh.abc-def twice") == f"used {redacted} twice"


def test_changed_credential_is_found_at_once():
    credentials = ["first-credential"]
    secrets = Secrets(lambda: credentials)
    assert secrets.redact_text("a first-credential") == "a redacted-credential"
    credentials.append("second-credential")
    assert secrets.redact_text("a second-credential") == "a redacted-credential-2"


@pytest.mark.parametrize(
    "name", ["token_type", "token_url", "expires_in", "keys", "monkey", "pins"]
)
def test_name_that_only_sounds_secret(name):
    assert not Secrets(list).is_named(name)


@pytest.mark.parametrize("name", ["apiKey", "X-API-KEY", "clientSecret", "password", "session_id"])
def test_secret_name_in_any_case(name):
    assert Secrets(list).is_named(name)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: a1b2c3d4e5",
        "sk_live_4eC39HqLyjWDarjt",
        "AKIA0123456789ABCDEF",
        "Bearer a1b2c3d4e5",
        "token=abcd",
    ],
)
def test_shape_is_found_without_a_name(text):
    redacted = Secrets(list).redact_text(f"it said {text} here")
    assert text not in redacted
    assert list(Secrets(list).leaks(text)) and not list(Secrets(list).leaks(redacted))


@pytest.mark.parametrize(
    "text",
    [
        *(f"{prefix}{joint}a1b2c3d4e5" for prefix in KEY_PREFIXES for joint in "-_"),
        "SG.a1b2c3d4e5",
        "AIza" + "Sy0123456789" * 3,
        *(f"{word}={'a1b2c3d4e5'}" for word in ("API-Key", "Private_Key_Id", "secret", "TOKENS")),
        *(f"{word}: 'a1b2c3d4e5'" for word in ("jwt", "Passphrase", "pwd", "Signature", "HMAC")),
        *(
            f"{word} was a1b2c3d4e5"
            for word in ("SessionID", "credentials", "to\u212aen", "pa\u017fsword")
        ),
        "BASIC%20a1b2c3d4e5",
        JWT,
    ],
)
def test_every_shape_is_found(text):
    assert list(Secrets(list).leaks(f"it said {text} here"))


@pytest.mark.parametrize(
    "text",
    [
        "token: is needed",
        "Authorization: is needed, in 2 ways",
        "Bearer authentication",
        "the secret was wrong",
        "keys: 12",
    ],
)
def test_prose_about_secrets_stays(text):
    assert Secrets(list).redact_text(text) == text


@given(st.binary(max_size=20), st.text('abcXYZ0189+/&= %"\\é', min_size=9), st.binary(max_size=20))
def test_credential_in_base64_is_found(before, secret, after):
    secrets = Secrets(lambda: [secret])
    for encode in (b64encode, urlsafe_b64encode):
        redacted = encode(before + secret.encode() + after).decode()
        assert PLACEHOLDER.search(secrets.redact_text(f"<{redacted}>"))


@given(st.text(min_size=4))
def test_credential_in_any_encoding_is_replaced(secret):
    secrets = Secrets(lambda: [secret])
    spelled = [secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]]
    redacted = secrets.redact_text(" | ".join(spelled))
    assert not any(
        kind == "credential" for kind, _ in secrets.leaks(redacted.replace("redacted-", ""))
    )


def test_placeholder_held_by_a_replaying_client_stays():
    secrets = Secrets(lambda: ["redacted-access-token"])
    assert secrets.redact_text("Bearer redacted-access-token") == "Bearer redacted-access-token"
    assert not list(secrets.leaks("Bearer redacted-access-token"))


def test_irregular_password_is_recognised_by_value():
    secrets = Secrets(list)
    redacted = secrets.placeholder("password", "p&ss w@rd!")
    assert secrets.redact_text("with p&ss w@rd! it fails") == f"with {redacted} it fails"


def test_two_secrets_of_one_shape_have_two_placeholders():
    other = JWT.replace("c2ln", "d3Bo")
    redacted = Secrets(list).redact_text(f"{JWT} {other} {JWT}").split()
    assert redacted == ["redacted-jwt", "redacted-jwt-2", "redacted-jwt"]
