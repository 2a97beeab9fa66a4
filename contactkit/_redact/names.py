"""Which names are those of secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

SECRET_WORD = (
    r"(?:api|access|secret|private|signing|encryption)[-_ ]?key(?:[-_ ]id)?|secret|tokens?|jwt"
    r"|pass(?:word|wd|code|phrase)|pwd|signature|hmac|session(?:[-_ ]?id)?|credentials?"
    r"|authorization"
)
"""Words that give away a secret wherever a value follows them."""

# As OAuth (RFC 6749, 7636, 8628, 9449), OpenID, SAML, CAS and WebAuthn call them. An underscore
# is any joint or none.
_PROTOCOLS = (
    "code_verifier code_challenge client_assertion assertion device_code user_code auth_code "
    "authorization_code oauth_verifier auth_req_id dpop nonce saml_request saml_response saml_art "
    "relay_state wresult service_ticket ticket_granting_ticket authenticator_data client_data_json"
).split()
# Of these, each first word with each second.
_KEYS = (
    "auth app consumer master shared account subscription storage license licence service server "
    "session crypt crypto host deploy bot integration publishable write admin root user ssh gpg "
    "pgp rsa webhook hash data client"
).split()
_CODES = (
    "mfa 2fa tfa totp hotp otp sms verification verify confirm confirmation activation recovery "
    "reset backup security one_time login pin pairing unlock challenge magic"
).split()
_USUAL = (
    "security_answer secret_answer secret_question passw passwort kennwort contrasena contraseña "
    "mot_de_passe senha wachtwoord haslo hasło passkey pass_word pass mnemonic seed_phrase "
    "connection_string conn_str dsn webhook_url webhook_uri database_url psk pat salt cvc cvc2 "
    "cvv2 csc totp hotp card_verification basic_auth http_auth x_auth csrf_middleware cookie2 "
    "set_cookie proxy_authorization sas kubeconfig keystore truststore private_pem"
).split()


def _any_of(words: Iterable[str]) -> str:
    return "|".join(word.replace("_", "[-_ ]?") for word in words)


_WORDS = (
    f"{SECRET_WORD}|{_any_of(_PROTOCOLS)}|{_any_of(_USUAL)}"
    f"|(?:{_any_of(_KEYS)})[-_ ]?key|(?:{_any_of(_CODES)})[-_ ]?(?:code|link|pin)s?"
)
# What a name says about a secret, rather than that it is one.
_ABOUT = (
    "types? url uri endpoint methods? expires.* expiry expiration lifetime ttl count limit status "
    "state required enabled disabled valid verified supported name format length created.* "
    "updated.* at errors? failed policy version scheme level scopes?"
).split()
_SECRET_NAME = re.compile(
    rf"(?:^|[^a-z])(?:{_WORDS}|(?:j|php|asp)sess(?:ion)?id|sig|sid|auth|authorization|bearer"
    r"|cookies?|ssn|otp|pin|cvv|csrf|xsrf)"
    rf"(?:$|[^a-z](?!(?:{'|'.join(_ABOUT)})$))"
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a value with this name is a secret."""
    # A sentence is not a name.
    if name.count(" ") > 2:
        return False
    return _SECRET_NAME.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()) is not None
