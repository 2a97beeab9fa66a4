"""Phone numbers without a country code: read only where the caller names a region."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit.errors import InvalidInputError
from contactkit.spec import phones
from contactkit.spec.national import check_region, normalise_in

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
PARSED = {region: phonenumbers.example_number(region) for region in REGIONS}
E164 = phonenumbers.PhoneNumberFormat.E164
NATIONAL = phonenumbers.PhoneNumberFormat.NATIONAL
MORE = [" / ", "/", " - ", " (", "(", " . ", " x", "x", " ext. ", ";ext=", ",", " ::: "]


def number_of(region: str) -> str:
    return phonenumbers.format_number(PARSED[region], E164)


def read(text: str, region: str | None) -> str | None:
    try:
        return normalise_in(text, region)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("(202) 555-0123", "US", "+12025550123"),
        ("202.555.0123", "US", "+12025550123"),
        ("12025550123", "US", "+12025550123"),
        ("1-202-555-0123", "US", "+12025550123"),
        ("12025550123.0", "US", "+12025550123"),
        ("0012025550123", "US", "+12025550123"),
        ("00 44 20 7946 0958", "US", "+442079460958"),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("tel:202-555-0123", "US", "+12025550123"),
        ("TEL: +1-202-555-0123", "DE", "+12025550123"),
        ("\u202a(202)\u00a0555\u20110123\u202c", "US", "+12025550123"),
        ("\uff08202\uff09 555-0123", "US", "+12025550123"),
        ("07700 900123", "GB", "+447700900123"),
        ("447700900123", "GB", "+447700900123"),
        ("030 / 231 25 012", "DE", "+493023125012"),
        ("0412 345 678", "AU", "+61412345678"),
        ("8 912 345-67-89", "RU", "+79123456789"),
        ("02 5550 1234", "IT", "+390255501234"),
        ("+44 7700 900123", "US", "+447700900123"),
    ],
)
def test_normalise_in_reads_national_spellings(text: str, region: str, number: str) -> None:
    assert normalise_in(text, region) == number
    if not text.startswith("+"):
        assert read(text, None) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "00", "+", "911", "555-0123", "5550123", "02134", "1.2025550123E10"),
        *("202 555 0123 x5", "202-555-0123 (2)", "202 555 0123 / 0124", "2025550123,2025550124"),
        *("202 555 0123 202 555 0124", "1 202 555 0123 4", "2025550123.5", "call me"),
        *("tel:202-555-0123;ext=4", "202\u202e5550123", "tel:tel:2025550123", "mailto:2025550123"),
    ],
)
def test_normalise_in_refuses_what_is_not_one_number(text: str) -> None:
    with pytest.raises(ValueError, match="must be a phone number") as caught:
        normalise_in(text, "US")
    assert "555" not in str(caught.value).replace("+12025550123", "")


def test_normalise_in_refuses_a_number_of_two_countries() -> None:
    with pytest.raises(ValueError, match="it may be a number of two countries"):
        normalise_in("2025550123", "EG")


@pytest.mark.parametrize("region", REGIONS)
def test_normalise_in_reads_every_regions_own_spelling(region: str) -> None:
    written = phonenumbers.format_number(PARSED[region], NATIONAL)
    assert read(written, region) == number_of(region)


@given(st.sampled_from(REGIONS), st.sampled_from(MORE), st.from_regex(r"[0-9]{1,10}\Z"))
def test_normalise_in_never_joins_what_follows(region: str, mark: str, more: str) -> None:
    written = phonenumbers.format_number(PARSED[region], NATIONAL)
    assert read(f"{written}{mark}{more}", region) in (None, number_of(region))


@given(st.text("+0123456789 ()-./x\u200e\u00a0", max_size=20), st.sampled_from(REGIONS))
def test_normalise_in_returns_a_number_that_reads_as_itself(text: str, region: str) -> None:
    number = read(text, region)
    assert number is None or phones.normalise(number) == number == read(number, region)


@given(st.text("+0123456789 ()-./", max_size=20), st.sampled_from(REGIONS))
def test_normalise_in_reads_a_number_with_a_plus_as_without_a_region(text, region) -> None:
    if text.strip().startswith("+"):
        assert read(text, region) == read(text, None)


@pytest.mark.parametrize("region", ["us", "UK", "", "USA", "001", "XX", 1, ["US"]])
def test_check_region_names_a_wrong_region(region: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_region("phones", region)
    given = repr(region) if isinstance(region, str) else type(region).__name__
    assert str(caught.value).endswith(f"such as US or GB, not {given}")
