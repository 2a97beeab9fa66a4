"""Phone numbers and e-mail addresses in the one spelling in which they are compared.

Only comparisons use it: nothing is ever written in it. What cannot be read joins nobody.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import phonenumbers

from contactkit._frames.coerce import digits_of, largest_whole
from contactkit.spec import emails
from contactkit.spec.national import normalise_in

Kind: TypeAlias = Literal["phone", "email"]

LONGEST_CODE, _LONGEST = 3, 15
# Mailboxes of a role, which several people read: RFC 2142, and others in common use.
_ROLES = (
    "abuse accounting accounts admin administrator all billing bookings careers contact "
    "customercare customerservice donotreply enquiries events everyone feedback finance ftp "
    "hello help helpdesk hostmaster hr info inquiries invoices it jobs kontakt legal list mail "
    "mailer-daemon marketing media news newsletter no-reply noc noreply office orders payments "
    "postmaster press privacy reception root sales security service shop spam staff subscribe "
    "support team usenet uucp webmaster welcome www"
)
ROLE = re.compile(rf"^(?:{'|'.join(_ROLES.split())})(?:\+[^@\n]*)?@", re.MULTILINE)
"""An e-mail address of a role, such as support@example.com."""


def canonical(kind: Kind, cell: Any, region: str | None = None, bits: int = 64) -> str:
    """The spelling of an address in which it is compared; "" if it cannot be read.

    A phone number is E.164. One without a country code is read only with a `region`, and is then
    also a whole number, which a float of so many `bits` may have rounded. An e-mail address is in
    lower case, with its domain in ASCII; at Gmail, dots and what follows a plus do not count.
    """
    if not isinstance(cell, str):
        cell = digits_of(cell, largest_whole(bits)) if region and kind == "phone" else ""
    return canonical_phone(cell, region) if kind == "phone" else emails.canonical(cell)


def kind_of(address: str) -> Kind:
    """What an address is meant to be."""
    return "email" if "@" in address else "phone"


def canonical_phone(text: str, region: str | None = None) -> str:
    """A phone number as E.164, or ""; national ones are read as those of a region."""
    if _is_plain(text):
        return text
    try:
        return normalise_in(text, region)
    except ValueError:
        return ""


def _is_plain(text: str) -> bool:
    """Whether a number is E.164 already: parsing, which takes long, would drop no prefix."""
    usual = usual_number(text[: 1 + LONGEST_CODE])
    return usual is not None and usual.fullmatch(text) is not None


@lru_cache(maxsize=10_000)
def usual_number(start: str) -> re.Pattern[str] | None:
    """The numbers that begin so and have no prefix; None where there are none."""
    if not re.fullmatch(r"\+[1-9]\d*", start, re.ASCII):
        return None
    codes = (int(start[1 : 1 + length]) for length in range(1, len(start)))
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    code = next((code for code in codes if code in regions), None)
    if code is None:
        return None
    main = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, regions[code][0])
    prefix = (main and main.national_prefix_for_parsing) or "0"
    # A leading zero is kept in some countries and dropped in others.
    return re.compile(rf"\+{code}(?!{prefix})(?!0)\d{{4,{_LONGEST - len(str(code))}}}", re.ASCII)
