"""E-mail addresses: what may be written. An address is never rewritten."""

from __future__ import annotations

from contactkit.spec.text import name_unusual

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
