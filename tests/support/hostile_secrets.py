"""Secrets in notations and shapes that a recording may meet, each made up.

The shapes of services are put together here, so that no file of this repository contains one.
"""

from __future__ import annotations

import base64
import gzip
import json
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote

# Has every sign that a notation escapes, and is what the client itself holds.
HELD = "qZ7<v&\"R+2/x='U~41mm%9K"
WORD = "hunterberry"
OPAQUE = "Vq7mN2xK9pLwT4sB"


class Planted(NamedTuple):
    """A value that must be gone, and the response that has it."""

    gone: str
    body: bytes
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 400


def planted(kind: str, text: str, gone: str = WORD, **about: Any) -> Planted:
    return Planted(gone, text.encode(), kind, **about)


def message(text: str, gone: str) -> Planted:
    """A refusal whose message has the text."""
    error = {"code": "x", "message": text}
    body = {"success": False, "status": "ERROR", "message": text, "error": error, "errors": [error]}
    return Planted(gone, json.dumps(body).encode())


def fields(gone: str = OPAQUE, **values: Any) -> Planted:
    return Planted(gone, json.dumps({"success": False, "error": {"code": "x"}, **values}).encode())


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def entities(text: str, form: str) -> str:
    return "".join(form.format(ord(letter)) for letter in text)


def octets(text: str, form: str) -> str:
    return "".join(form.format(octet) for octet in text.encode())


def quoted(text: str, times: int) -> str:
    return quoted(quote(text, safe=""), times - 1) if times else text


BY_VALUE = {
    "named entities": escape(HELD),
    "named entities twice": escape(escape(HELD)),
    "decimal entities": entities(HELD, "&#{};"),
    "decimal entities with zeros": entities(HELD, "&#{:05};"),
    "hex entities": entities(HELD, "&#x{:x};"),
    "hex entities in capitals": entities(HELD, "&#X{:X};"),
    "entities in percent-encoding": quoted(escape(HELD), 1),
    "percent-encoding of every sign": octets(HELD, "%{:02x}"),
    "percent-encoding three times": quoted(HELD, 3),
    "hex": octets(HELD, "{:02x}"),
    "hex in capitals": octets(HELD, "{:02X}"),
    "hex with colons": octets(HELD, ":{:02x}")[1:],
    "hex with spaces": octets(HELD, " {:02x}")[1:],
    "hex with a prefix": "0x" + octets(HELD, "{:02x}"),
    "octets of C": octets(HELD, "\\x{:02x}"),
    "escapes of JSON": entities(HELD, "\\u{:04x}"),
    "escapes of JSON twice": entities(HELD, "\\\\u{:04x}"),
    "JSON": json.dumps(HELD),
    "JSON in JSON in JSON": json.dumps(json.dumps(json.dumps({"a": HELD}))),
    "quoted-printable": octets(HELD, "={:02X}"),
    "base64": b64(HELD),
    "base64 without padding": b64(HELD).rstrip("="),
    "base64 after one sign": b64(f"u{HELD}"),
    "base64 after two signs": b64(f"u:{HELD}z"),
    "base64 of base64": b64(b64(f"user:{HELD}")),
    "base64 for URLs": base64.urlsafe_b64encode(f"a:{HELD}".encode()).decode(),
    "base64 in percent-encoding": quoted(b64(HELD), 1),
    "base64 in entities": entities(b64(HELD), "&#{};"),
    "base64 of percent-encoding": b64(quoted(HELD, 1)),
    "base64 of gzip": b64(gzip.compress(f"the key is {HELD}".encode())),
    "base32": base64.b32encode(HELD.encode()).decode(),
    "small letters": HELD.lower(),
}

NOTATIONS = {
    "CSV": planted("text/csv", f"name,password\nbob,{WORD}\n"),
    "CSV with quotes": planted("text/csv", f'"id","api_key"\r\n"7","{WORD}"\r\n'),
    "CSV with semicolons": planted("text/csv", f"id;client_secret;x\n1;{WORD};2\n"),
    "CSV of one column": planted("text/csv", f"password\n{WORD}\n"),
    "tabs": planted("text/tab-separated-values", f"id\tsecret\n1\t{WORD}\n"),
    "table in a message": message(f"id,password\n7,{WORD}", WORD),
    "YAML": planted("text/yaml", f"user: bob\npassword: {WORD}\n"),
    "YAML with quotes": planted("application/yaml", f"a:\n  - api_key: '{WORD} pie'\n"),
    "YAML with spaces": planted("text/yaml", f"passphrase: {WORD} pie with cream\n"),
    "YAML block": planted("text/yaml", f"secret: |\n  {WORD}\n  more\nuser: bob\n"),
    "YAML in one line": planted("text/yaml", f"{{user: bob, password: {WORD}, a: 1}}\n"),
    "INI": planted("text/plain", f"[db]\nuser = bob\npassword = {WORD}\n"),
    "environment": planted("text/plain", f"export API_KEY={WORD}\n"),
    "TOML": planted("text/plain", f'[db]\nclient_secret = "{WORD}"\n'),
    "Java properties": planted("text/plain", f"spring.datasource.password={WORD}\n"),
    "line of a log": message(f"login failed, password: {WORD}", WORD),
    "meta": planted("text/html", f'<meta name="csrf-token" content="{WORD}">'),
    "meta the other way round": planted("text/html", f"<meta content='{WORD}' name='csrf-token'/>"),
    "script": planted("text/html", f'<script>var apiKey = "{WORD}";</script>'),
    "object in a script": planted("text/html", f"<script>cfg({{apiKey: '{WORD}'}})</script>"),
    "data attribute": planted("text/html", f'<div data-api-key="{WORD}"></div>'),
    "hidden input": planted("text/html", f'<input value="{WORD}" type=hidden name=csrf_token>'),
    "table": planted("text/html", f"<table><tr><th>API key<td>{WORD}</table>"),
    "table with a heading row": planted(
        "text/html",
        f"<tr><th>Id</th><th>Password</th></tr><tr><td>1</td><td>{WORD}</td></tr>",
    ),
    "definition list": planted("text/html", f"<dl><dt>Secret</dt><dd>{WORD}</dd></dl>"),
    "label": planted("text/html", f'<label>Password</label><input value="{WORD}">'),
    "heading": planted("text/html", f"<h3>Access token</h3>\n<p>{WORD}</p>"),
    "CDATA": planted("text/xml", f"<password><![CDATA[{WORD}]]></password>"),
    "XML attribute": planted("application/xml", f'<db user="bob" password="{WORD}"/>'),
    "XML property": planted("text/xml", f'<property name="password">{WORD}</property>'),
    "XML setting": planted("text/xml", f'<add key="ApiKey" value="{WORD}"/>'),
    "property list": planted(
        "text/xml", f"<dict><key>password</key><string>{WORD}</string></dict>"
    ),
    "SOAP": planted("application/soap+xml", f'<wsse:Password Type="text">{WORD}</wsse:Password>'),
    "pairs by key and val": fields(WORD, a=[{"key": "password", "val": WORD}]),
    "pairs by k and v": fields(WORD, a=[{"v": WORD, "k": "api_key"}]),
    "pairs, value first": fields(WORD, a=[{"value": WORD, "name": "password"}]),
    "pairs as lists": fields(WORD, a=[["X-Api-Key", WORD]]),
    "headers of a request": fields(WORD, a=[{"header": "Authorization", "value": WORD}]),
    "PHP": message(f"array(1) {{ 'password' => '{WORD}' }}", WORD),
    "Ruby": message(f'{{:password=>"{WORD}", :a=>1}}', WORD),
    "Python": message(f"{{'password': '{WORD}', 'a': None}}", WORD),
    "Go": message(f"{{User:bob Password:{WORD}}}", WORD),
    "curl": message(f"curl -H 'X-Api-Key: {WORD}' https://x.test", WORD),
    "dump of a request": message(f"GET / HTTP/1.1\r\nX-Auth-Token: {WORD}\r\nHost: x", WORD),
    "dump with a cookie": message(f"GET / HTTP/1.1\r\nCookie: a={WORD}; b=2\r\n\r\n", WORD),
    "quoted markup": message(f"&lt;password&gt;{WORD}&lt;/password&gt;", WORD),
    "quoted JSON": message(f"&quot;password&quot;:&quot;{WORD}&quot;", WORD),
    "JSON in percent-encoding": message(quote(json.dumps({"password": WORD})), WORD),
    "JSON in JSON": fields(WORD, raw=json.dumps({"a": json.dumps({"pass": WORD})})),
    "JSON cut off": planted("application/json", f'{{"a": 1, "password": "{WORD}'),
    "lines of JSON": planted("application/x-ndjson", f'{{"a":1}}\n{{"password":"{WORD}"}}\n'),
    "multipart without quotes": planted(
        "multipart/form-data; boundary=q",
        f"--q\r\nContent-Disposition: form-data; name=password\r\n\r\n{WORD}\r\n--q--\r\n",
    ),
    "multipart with JSON": planted(
        "multipart/form-data; boundary=q",
        '--q\nContent-Disposition: form-data; name="a"\nContent-Type: application/json\n\n'
        f'{{"password": "{WORD}"}}\n--q--\n',
    ),
    "multipart with CSV": planted(
        "multipart/mixed; boundary=q",
        f"--q\r\nContent-Type: text/csv\r\n\r\nid,password\r\n1,{WORD}\r\n--q--\r\n",
    ),
    "address of a database": message(f"postgres://bob:{WORD}@db.test/x", WORD),
    "address without a user": message(f"redis://:{WORD}@cache.test:6379", WORD),
    "ODBC": message(f"Driver=x;Server=db;Uid=bob;Pwd={WORD};", WORD),
    "JDBC": message(f"jdbc:mysql://db/x?user=bob&password={WORD}", WORD),
    "gzip in base64": fields(WORD, raw=b64(gzip.compress(f'{{"password":"{WORD}"}}'.encode()))),
    "hex of JSON": fields(WORD, raw=json.dumps({"password": WORD}).encode().hex()),
}

NAMES = (
    "authkey auth_key code_verifier client_assertion device_code user_code SAMLResponse "
    "SAMLRequest SAMLart mfa_code totp verification_code recovery_code one_time_code "
    "id_token_hint logout_token oauth_verifier refreshToken assertion subject_token "
    "registration_access_token passkey webhook_url AccountKey sharedAccessKey subscription-key "
    "master_key consumer_key security_answer mnemonic dsn connectionString kennwort "
    "mot_de_passe contraseña magic_link cvc activation_code X-Auth"
).split()
_GRANT = f"code={OPAQUE}&state=af0ifjsldkj"
BY_NAME = {
    **{name: fields(**{name: OPAQUE}) for name in NAMES},
    "code in a query": message(f"https://x.test/cb?{_GRANT}", OPAQUE),
    "code in a query of HTML": planted(
        "text/html", f'<a href="/cb?state=1&amp;code={OPAQUE}&amp;x=2">', OPAQUE
    ),
    "code in a redirection": planted(
        "text/plain", "", OPAQUE, headers=(("Location", f"https://x.test/?{_GRANT}"),), status=302
    ),
    "code in a form": planted(
        "application/x-www-form-urlencoded",
        f"grant_type=authorization_code&code={OPAQUE}&redirect_uri=https%3A%2F%2Fx.test",
        OPAQUE,
    ),
    "SAML in a form of a page": planted(
        "text/html", f'<input type="hidden" name="SAMLResponse" value="{OPAQUE}"/>', OPAQUE
    ),
    "challenge in a header": planted(
        "text/plain", "no", OPAQUE, headers=(("X-Api-Token", OPAQUE),)
    ),
}

_PEM = "MIIEowIBAAKCAQEAx7\nmZ1q9Q=="
_A, _N, _H = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0iL", "1234567890", "0123456789abcdef"


def _block(kind: str) -> str:
    return f"-----BEGIN {kind}-----\n{_PEM}\n-----END {kind}-----"


# The parts of each token; joined only when it is used.
_TOKENS: dict[str, tuple[str, ...]] = {
    "GitHub": ("gh", "p_", _A + "1234"),
    "GitHub, fine-grained": ("github", "_pat_", _A * 2),
    "GitLab": ("gl", "pat-", _A[:20]),
    "Slack bot": ("xo", "xb-", _N, "-", _N, "-", _A[:24]),
    "Slack app": ("xa", "pp-1-", "A0", _N, "-", _N, "-", _H * 4),
    "Slack webhook": ("https://hooks.", "slack.com/services/", "T0ABC1234/B0ABC1234/", _A[:24]),
    "Discord webhook": ("https://dis", "cord.com/api/webhooks/", _N * 2, "/", _A * 2),
    "Teams webhook": ("https://acme.web", "hook.office.com/webhookb2/", _H, "@", _H, "/x/", _A),
    "Google chat": ("https://chat.", "googleapis.com/v1/spaces/AAA/messages?key=", _A),
    "Zapier hook": ("https://hooks.", "zapier.com/hooks/catch/123/", _A[:7]),
    "Stripe": ("sk", "_live_", _A),
    "Stripe, restricted": ("rk", "_test_", _A),
    "Stripe webhook": ("wh", "sec_", _A),
    "Twilio": ("S", "K", _H * 2),
    "SendGrid": ("S", "G.", _A[:22], ".", _A, _A[:11]),
    "Mailgun": ("ke", "y-", _H * 2),
    "Mailchimp": (_H * 2, "-us", "12"),
    "AWS": ("AK", "IA", "ABCDEFGHIJ234567"),
    "AWS, temporary": ("AS", "IA", "ABCDEFGHIJ234567"),
    "Google key": ("AI", "za", "SyA" + _A),
    "Google access": ("ya", "29.", _A),
    "Google client": ("GOC", "SPX-", _A[:28]),
    "npm": ("np", "m_", _A + "1234"),
    "PyPI": ("py", "pi-Ag", "EIcHlwaS5vcmc", _A),
    "RubyGems": ("ruby", "gems_", _H * 3),
    "Docker": ("dck", "r_pat_", _A[:27]),
    "DigitalOcean": ("do", "p_v1_", _H * 4),
    "Databricks": ("da", "pi", _H * 2),
    "Shopify": ("sh", "pat_", _H * 2),
    "Square": ("sq", "0csp-", _A + _A[:11]),
    "Notion": ("nt", "n_", _A + _A[:14]),
    "Linear": ("lin", "_api_", _A + _A[:8]),
    "Figma": ("fi", "gd_", _A + _A[:8]),
    "Airtable": ("pa", "t", _A[:14], ".", _H * 4),
    "HubSpot": ("pa", "t-na1-", "01234567-89ab-cdef-0123-456789abcdef"),
    "OpenAI": ("s", "k-proj-", _A),
    "Anthropic": ("sk-", "ant-", "api03-", _A),
    "Hugging Face": ("h", "f_", _A),
    "Telegram": (_N[:9], ":AA", _A + "1"),
    "Facebook": ("EA", "A", _A * 2),
    "Terraform": (_A[:14], ".atl", "asv1.", _A * 2),
    "Vault": ("hv", "s.", _A),
    "Grafana": ("gl", "sa_", _A, "_", _H[:8]),
    "Azure storage": ("DefaultEndpointsProtocol=https;AccountName=x;Account", "Key=", _A * 2, "=="),
    "Power Automate": ("https://prod.x.", "logic.azure.com/workflows/", _H, "?sig=", _A),
    "bcrypt": ("$2", "b$12$", _A, _A[:21]),
    "one-time password": ("otp", "auth://totp/x?secret=", _A[:16].upper()),
    "JWT": ("ey", "JhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0In0", ".c2lnbmF0dXJlLW9mLWl0"),
}
SERVICES = {name: "".join(parts) for name, parts in _TOKENS.items()}
BLOCKS = {
    kind: _block(kind)
    for kind in (
        "RSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "EC PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    )
}

SECRETS: dict[str, Planted] = {
    **{
        f"value as {form}, in a message": message(f"no {text} here", text)
        for form, text in BY_VALUE.items()
    },
    **{
        f"value as {form}, in a page": planted("text/html", f"<p>no {text} here</p>", text)
        for form, text in BY_VALUE.items()
    },
    **NOTATIONS,
    **{f"name: {name}": value for name, value in BY_NAME.items()},
    **{f"token of {name}": message(f"got {text} here", text) for name, text in SERVICES.items()},
    **{f"block of {kind}": message(f"key: {text}", _PEM[:18]) for kind, text in BLOCKS.items()},
    "block in a page": planted("text/html", f"<pre>{BLOCKS['RSA PRIVATE KEY']}</pre>", _PEM[:18]),
}
