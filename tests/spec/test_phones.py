"""Phone numbers: what is accepted from a person, and what a wire must hold."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from contactkit.spec import phones

WRITTEN = st.from_regex(r"[+\uff0b][0-9 ().\-/]{3,20}", fullmatch=True)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
INVISIBLE = "\u00ad\u200b\u200e\u200f\u202a\u202c\u2060\u2068\u2069\ufe0d\ufe0f\ufeff"
BLANKS_AND_DASHES = "\u00a0\u2007\u2009\u202f\u3000\u2010\u2011\u2013\u2014\u2212\ufe63\uff0d"


def _number(region: str) -> tuple[str, str]:
    """A region's number as it is usually written, and as E.164."""
    parsed = phonenumbers.example_number(region)
    assert parsed
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return written, phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize("region", REGIONS)
def test_normalise_accepts_every_countrys_usual_spelling(region: str) -> None:
    written, number = _number(region)
    assert phones.normalise(written) == number


@given(
    st.sampled_from(REGIONS),
    st.sampled_from(
        [
            " / ",
            "/",
            " /",
            " - ",
            " \u2013 ",
            "- ",
            " (",
            "(",
            " . ",
            ".",
            " x",
            "x",
            " ext. ",
            ";ext=",
            ",",
        ]
    ),
    st.from_regex(r"[0-9]{1,10}", fullmatch=True),
)
def test_digits_after_a_number_are_never_joined_to_it(region: str, mark: str, more: str) -> None:
    for start in _number(region):
        try:
            read = phones.normalise(start + mark + more)
        except ValueError:
            continue
        assert (mark, set(more)) == (".", {"0"})
        assert read == _number(region)[1]


@given(
    st.integers(10**6, 10**14),
    st.sampled_from(["/", " / ", " - ", " (", ".", " . "]),
    st.from_regex(r"[0-9]{1,3}", fullmatch=True),
)
def test_a_few_digits_after_a_number_of_any_length_are_never_joined(
    number: int, mark: str, more: str
) -> None:
    try:
        read = phones.normalise(f"+{number}{mark}{more}")
    except ValueError:
        return
    assert (mark, set(more)) == (".", {"0"})
    assert read == phones.normalise(f"+{number}")


@given(st.sampled_from(REGIONS), st.data())
def test_invisible_marks_in_a_number_change_nothing(region: str, data: st.DataObject) -> None:
    written, number = _number(region)
    marks = data.draw(st.lists(st.text(INVISIBLE, max_size=2), min_size=len(written) + 1))
    marked = "".join(mark + digit for mark, digit in zip(marks, [*written, ""], strict=False))
    assert phones.normalise(marked) == number


@given(st.sampled_from(REGIONS), st.sampled_from(BLANKS_AND_DASHES))
def test_blanks_and_dashes_of_any_kind_are_read(region: str, mark: str) -> None:
    written, number = _number(region)
    assert phones.normalise(re.sub("[ -]", mark, written)) == number


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
        ("+12025550123.0", "+12025550123"),
        ("+12025550123.00", "+12025550123"),
        ("+1 - 202 - 555 - 0123", "+12025550123"),
        ("+1 202/555-0123", "+12025550123"),
        ("+1 (202) 555 - 0123", "+12025550123"),
        ("+1 (234) 567-890", "+1234567890"),
        ("+1234567890.0", "+1234567890"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+49 (0)30 / 231 25 012", "+493023125012"),
        ("+1.202.555.0100", "+12025550100"),
        ("+44.020.7946.0958", "+442079460958"),
        ("+33.1.42.68.53.00", "+33142685300"),
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
    "written",
    [
        "+1 202 555 0123 / 0124",
        "+1 202-555-0123/24",
        "+1 202-555-0123 - 5",
        "+1 202-555-0123 \u2013 5",
        "+1 202-555-0123-5",
        "+1 202 555 0123 45",
        "+1 202-555-0123 (2)",
        "+49 30 23125 012 / 013",
        "+1 202 555 0123 . 5",
        "+12025550123.5",
        "+1234567890.5",
        "+1234567890 - 5",
        "+1234567890 / 24",
        "+1234567890 / 0124",
        "+1 202 555 012 / 3",
        "+1 202 555 0123.0",
    ],
)
def test_an_error_says_that_digits_may_be_no_part_of_the_number(written: str) -> None:
    for read in (phones.normalise, phones.check):
        with pytest.raises(ValueError, match="may be an extension, a second number") as caught:
            read(written)
        assert written not in str(caught.value)


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        ("\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("\u00b2", "U+00B2 (SUPERSCRIPT TWO)"),
        ("\u0445", "U+0445 (CYRILLIC SMALL LETTER HA)"),
        ("\x00", "U+0000"),
        ("\n", "U+000A"),
    ],
)
def test_an_error_names_a_character_by_its_code_point(mark: str, name: str) -> None:
    for read in (phones.normalise, phones.check):
        with pytest.raises(ValueError) as caught:
            read(f"+1 202 555{mark} 0123")
        assert str(caught.value) == f"must be {phones.ALLOWED}, without {name}"


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
