"""Phone numbers: what is accepted from a person, and what a wire must hold."""

from __future__ import annotations

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from contactkit.spec import phones

WRITTEN = st.from_regex(r"[+\uff0b][0-9 ().\-/]{3,20}", fullmatch=True)


@given(WRITTEN)
def test_normalise_is_idempotent(written: str) -> None:
    try:
        once = phones.normalise(written)
    except ValueError:
        reject()
    assert phones.normalise(once) == once == phones.check(once)


@given(WRITTEN)
def test_region_never_raises(written: str) -> None:
    assert phones.region(written) in {"", "001"} or len(phones.region(written)) == 2


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+12025550123", "+12025550123"),
        (" +1 (202) 555-0123 ", "+12025550123"),
        ("+1.202.555.0123", "+12025550123"),
        ("\uff0b1 202\u2011555\u20110123", "+12025550123"),
        ("+1234567890", "+1234567890"),  # Sent's own example
    ],
)
def test_normalise_accepts_usual_spellings(written: str, number: str) -> None:
    assert phones.normalise(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "+ ",
        "2025550123",
        "0012025550123",
        "(202) 555-0123",
        "+1 202 555 CALL",
        "+12025550123 x5",
        "+12025550123;ext=5",
        "+12025550123,5",
        "+1 202 555 0123 / +1 202 555 0124",
        "tel:+12025550123",
        "+999 202 555 0123",
        "+44 00 20 7946 0958",
        "+1202555012345678901",
    ],
)
def test_normalise_refuses_ambiguous_numbers(written: str) -> None:
    with pytest.raises(ValueError) as caught:
        phones.normalise(written)
    assert str(caught.value) == f"must be {phones.ALLOWED}"  # so it never repeats the value


@pytest.mark.parametrize(
    "value", ["", "+", "12025550123", "+0123", "+1 202", "+1\n", "+" + "1" * 16]
)
def test_check_accepts_e164_only(value: str) -> None:
    with pytest.raises(ValueError) as caught:
        phones.check(value)
    assert str(caught.value) == f"must be {phones.ALLOWED}"


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+12125550123", "US"),
        ("+14165550123", "CA"),
        ("+15555550123", "US"),
        ("+442079460958", "GB"),
        ("+9991234567", ""),
        ("+12", ""),
    ],
)
def test_region_of_a_number(number: str, region: str) -> None:
    assert phones.region(number) == region


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+12025550123", ""),
        ("+442079460000", ""),
        ("+1202", "is too short"),
        ("+1202555", "is too short"),
        ("+120255501234", "is too long"),
        ("+1234567890", "is too short"),
        ("+99912345678", "does not start with a country's calling code"),
    ],
)
def test_doubt_names_an_impossible_length(number, why):
    assert phones.doubt(number).startswith(why)
    assert bool(phones.doubt(number)) is bool(why)
