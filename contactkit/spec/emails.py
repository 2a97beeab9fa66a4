"""E-mail addresses: what may be written, and how they are compared. None is ever rewritten."""

from __future__ import annotations

import re
import unicodedata

import idna

from contactkit.spec.text import name_unusual, to_plain

GMAIL = ("gmail.com", "googlemail.com")
LOCAL = r"!#-'*+\-./0-9=?A-Z^-~"
"""The ASCII characters before the @ of an address without quotes, as a regular expression."""
DOMAIN = r"[\w.\-]*[\w\-]"
_ADDRESS = re.compile(rf"[{LOCAL}\u0080-\U0010ffff]+@[^@]+")
_DOMAIN = re.compile(DOMAIN, re.ASCII)
_NAMED = re.compile(r".*<([^<>]*)>[\s,;]*", re.DOTALL)
_LINK = re.compile(r"mailto:([^?]*)(?:\?.*)?", re.IGNORECASE | re.DOTALL)
# What surrounds an address in a list or in another program's file.
_MARKS = " \t\r\n\"'()<>[],;:"
ALLOWED = "an e-mail address and nothing else, such as janet@example.com"


def check(value: str) -> str:
    """The value if it has the form of an e-mail address; raise ValueError otherwise.

    Capitals, tags after a plus and international names are good; domains that no mail can reach,
    such as localhost, are not. No DNS is asked, and the error does not repeat the address.
    """
    # It takes long to import, and few processes write an address.
    from email_validator import EmailSyntaxError, validate_email

    try:
        validate_email(value, check_deliverability=False, test_environment=True)
    except EmailSyntaxError:
        unusual = name_unusual("".join(c for c in value if not c.isprintable()))
        raise ValueError(f"must be {ALLOWED}" + (unusual and f", without {unusual}")) from None
    return value


def canonical(text: str) -> str:
    """The spelling of an address in which it is compared; "" if it cannot be read.

    It is in lower case, with its domain in ASCII; at Gmail, dots and what follows a plus do not
    count. A name, a link and quotes around it are none of it.
    """
    written = _unwrap(text if text.isascii() else unicodedata.normalize("NFC", to_plain(text)))
    if not _ADDRESS.fullmatch(written) or re.search(r"\s", written):
        return ""
    local, _, domain = written.lower().rpartition("@")
    domain = (domain if domain.isascii() else _to_ascii(domain)).removesuffix(".")
    if domain in GMAIL:
        local, domain = local.partition("+")[0].replace(".", ""), GMAIL[0]
    return f"{local}@{domain}" if local and _DOMAIN.fullmatch(domain) else ""


def _unwrap(text: str) -> str:
    """The address in a text such as `Janet <mailto:janet@example.com>`."""
    named = _NAMED.fullmatch(text)
    alone = (named[1] if named else text).strip(_MARKS)
    link = _LINK.fullmatch(alone)
    return link[1].strip(_MARKS) if link else alone


def _to_ascii(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return ""
