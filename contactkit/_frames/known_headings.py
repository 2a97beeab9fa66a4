"""Headings in the exports of other tools, and the field that each of them means.

They are suggested, never used unseen. A heading about consent is no field: each tool means
something else by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of

# Best first: a file may have several headings that mean the same field. Google Contacts,
# HubSpot, Mailchimp, Klaviyo, Shopify, Salesforce and Twilio, in their export files and APIs.
_MOBILE = (
    "Mobile Phone Number; Mobile Phone; Mobile; Cell Phone; Cell; SMS Phone Number; SMS Number; SMS"
)
_PHONE = (
    "Phone Number; Phone; Phone 1 - Value; Primary Phone; Default Address Phone; WhatsApp Phone "
    "Number; Telephone; Tel; To; To Number"
)
_FIRST = "First Name; Given Name; FNAME; Default Address First Name; Forename"
_LAST = "Last Name; Family Name; LNAME; Surname; Default Address Last Name"
HEADINGS = {
    "first_name": _FIRST,
    "name_first": _FIRST,
    "last_name": _LAST,
    "name_last": _LAST,
    "name_title": "Name Prefix; Salutation",
    "name_suffix": "Name Suffix; Suffix",
    "email": "Email; Email Address; E-mail 1 - Value; Primary Email; E-mail",
    "phone": f"{_MOBILE}; {_PHONE}",
    "phone_number": f"{_MOBILE}; {_PHONE}",
    "phone_mobile": f"{_MOBILE}; {_PHONE}",
    "phone_home": "Home Phone; Home Phone Number; Phone Home",
    "phone_work": "Business Phone; Work Phone; Work Phone Number; Phone Work",
    "company_name": "Company Name; Company; Organization Name; Organization 1 - Name; "
    "Organization; Account Name; Default Address Company",
    "address": "Street Address; Address 1 - Street; Mailing Street; Default Address Address1; "
    "Address 1; Address1; Address; Street",
    "address2": "Address 2; Address2; Address Line 2; Default Address Address2; Street Address 2; "
    "Address 1 - Extended Address",
    "city": "City; Address 1 - City; Mailing City; Default Address City; Town",
    "state": "State/Region; State; Address 1 - Region; Mailing State/Province; Region; Province; "
    "Default Address Province Code; Mailing State",
    "post_code": "Postal Code; Zip Code; Zip; Post Code; Address 1 - Postal Code; Postcode; "
    "Mailing Zip/Postal Code; Mailing Postal Code; Default Address Zip",
    "county": "County",
    "country": "Country/Region; Country; Address 1 - Country; Mailing Country; "
    "Default Address Country Code",
    "birthdate": "Date of Birth; Birthdate; Birthday; DOB",
    "timezone": "Time Zone",
}
_ABOUT_CONSENT = re.compile(
    r"consent|opt|subscri|accepts|suppress|marketing|do.?not|dnc|unreachable", re.IGNORECASE
)


def suggest_rename(
    provider: Provider, unknown: Iterable[str], present: Iterable[str]
) -> dict[str, str | None]:
    """A field for each unknown column, None for one that means no field; {} if none means one."""
    columns = {column: _plain(column) for column in unknown}
    suggested: dict[str, str | None] = dict.fromkeys(columns)
    taken = set(present)
    for column, field in [*_known(provider, columns), *_respelled(provider, columns)]:
        if field not in taken and suggested[column] is None:
            suggested[column] = field
            taken.add(field)
    return suggested if any(suggested.values()) else {}


def about_consent(columns: Iterable[str]) -> list[str]:
    """The columns that may say whether people agreed to messages."""
    return [column for column in columns if _ABOUT_CONSENT.search(column)]


def _respelled(provider: Provider, columns: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Columns that are named like a field in other capitals, as databases write them."""
    foreign = any(column.lower() != name for column, name in _known(provider, columns))
    for name, declared in fields_of(provider.record).items():
        # The Id of another tool is no key here.
        if not foreign or declared.marker.access != "key":
            yield from ((column, name) for column in columns if column.lower() == name)


def _known(provider: Provider, columns: dict[str, str]) -> Iterable[tuple[str, str]]:
    for name in fields_of(provider.record):
        for heading in HEADINGS.get(name, "").split("; "):
            yield from ((c, name) for c, plain in columns.items() if plain == _plain(heading) != "")


def _plain(heading: str) -> str:
    """A heading without its capitals, blanks and marks, which tools and their APIs vary."""
    return re.sub(r"[\W_]", "", heading).lower()
