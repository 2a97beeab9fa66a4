"""Addresses in the spelling in which they are compared."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._people.identifiers import ROLE, canonical
from contactkit.spec import phones

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@given(code=st.sampled_from(CODES), rest=st.text("0123456789", min_size=1, max_size=13))
def test_a_number_is_spelled_as_it_would_be_sent(code: int, rest: str):
    text = f"+{code}{rest}"
    try:
        expected = phones.normalise(text)
    except ValueError:
        expected = ""
    assert canonical("phone", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+1 202-555-0123", "+12025550123"),
        ("+1 (202) 555-0123", "+12025550123"),
        ("+44 (0)20 7946 0123", "+442079460123"),
        ("202-555-0123", ""),
        ("12025550123", ""),
        ("+1 202-555-0123 ext. 4", ""),
        ("", ""),
    ],
)
def test_a_number_without_its_country_is_never_guessed(text: str, expected: str):
    assert canonical("phone", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Mara.Hansen@Example.COM ", "mara.hansen@example.com"),
        ("mara.hansen+news@example.com", "mara.hansen+news@example.com"),
        ("Mara.Hansen+news@gmail.com", "marahansen@gmail.com"),
        ("marahansen@googlemail.com", "marahansen@gmail.com"),
        ("mara@example.com.", "mara@example.com"),
        ("mara@bücher.example", "mara@xn--bcher-kva.example"),
        ("mara@BÜCHER.example", "mara@xn--bcher-kva.example"),
        ("ma\u0308ra@example.com", "m\u00e4ra@example.com"),
        ("mara\u200b@example.com", "mara@example.com"),
        ("<mara@example.com>", "mara@example.com"),
        ("Mara Hansen <mara@example.com>;", "mara@example.com"),
        ('"Hansen, Mara" <mailto:Mara@example.com>', "mara@example.com"),
        ("mailto:mara@example.com?subject=Hi", "mara@example.com"),
        ("'mara@example.com'", "mara@example.com"),
        ('"mara@example.com",', "mara@example.com"),
        ("(mara@example.com)", "mara@example.com"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("mara@example.com/home", ""),
        ("mara@example.com|kofi", ""),
        ("mara;kofi@example.com", ""),
        ("mara<kofi@example.com", ""),
        ("mara hansen@example.com", ""),
        ("mara", ""),
        ("mara@", ""),
        ("@example.com", ""),
        ("mara@example.com, kofi@example.com", ""),
        ("+news@gmail.com", ""),
    ],
)
def test_an_email_address_is_compared_without_what_does_not_count(text: str, expected: str):
    assert canonical("email", text) == expected


@pytest.mark.parametrize("text", ["info@example.com", "support+en@example.com", "no-reply@b.co"])
def test_the_mailbox_of_a_role_is_known(text: str):
    assert ROLE.search(text)
    assert not ROLE.search(f"x{text}")
