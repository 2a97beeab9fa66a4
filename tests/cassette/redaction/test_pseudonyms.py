"""Pseudonyms: equal if and only if the values are, plainly no real ones, and the same at each call.

No number here is a real one: +1 numbers are 555-02XX to 555-09XX, which are not assigned, and those
of other countries are of lengths or ranges that their plan does not have.
"""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from contactkit.cassette.redaction.phones import is_reserved
from contactkit.cassette.redaction.pseudonyms import Pseudonyms
from contactkit.simulator import seeds

KEY = b"a key of thirty-two bytes, no more"
KINDS = ["phone", "email", "first", "last", "free"]
FORMS = {
    "E.164": PhoneNumberFormat.E164,
    "international": PhoneNumberFormat.INTERNATIONAL,
    "national": PhoneNumberFormat.NATIONAL,
    "RFC 3966": PhoneNumberFormat.RFC3966,
}
# Calling codes with lengths that their plans have; numbers that start with 10000 are in none.
ABROAD = {"44": 10, "61": 9, "33": 9, "49": 11, "353": 9, "91": 10, "370": 8, "52": 10, "81": 10}

american = st.tuples(st.sampled_from([212, 415, 312, 202, 907]), st.integers(200, 999)).map(
    lambda parts: f"+1{parts[0]}555{parts[1]:04d}"
)
abroad = st.tuples(st.sampled_from(sorted(ABROAD)), st.integers(0, 99_999)).map(
    lambda parts: f"+{parts[0]}1{parts[1]:0{ABROAD[parts[0]] - 1}d}"
)
numbers = american | abroad
addresses = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,4})?@[a-z]{1,5}\.invalid", fullmatch=True)
names = st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1, max_size=12)
texts = st.text(max_size=30)
values = st.one_of(
    st.tuples(st.just("phone"), numbers),
    st.tuples(st.just("email"), addresses),
    st.tuples(st.sampled_from(["first", "last"]), names),
    st.tuples(
        st.just("free"), texts | st.dates().map(str) | st.from_regex("[0-9]{5}", fullmatch=True)
    ),
)


def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEY)


def listing(one: Pseudonyms, key: bytes = b"another") -> Pseudonyms:
    """Pseudonyms of a later run, which has those that a recording lists."""
    return Pseudonyms(key, owners=dict(one.owners.listed))


def parsed(number: str) -> phonenumbers.PhoneNumber:
    return phonenumbers.parse(number, "US")


@given(st.lists(values, max_size=40))
def test_pseudonyms_differ_if_and_only_if_their_values_do(given):
    names = pseudonyms()
    pairs = {(kind, value): names.of(kind, value) for kind, value in given}
    for kind in KINDS:
        after = [new for (pair, _), new in pairs.items() if pair == kind]
        assert len(after) == len(set(after))
    assert [names.of(*pair) for pair in given] == [pairs[pair] for pair in given]


@example(("free", "\u00b9"))
@example(("free", "\u0663"))
@example(("free", "\u3000x\n"))
@example(("phone", "+911000005678"))
@given(values)
def test_pseudonym_of_a_pseudonym_is_itself(given):
    kind, value = given
    one = pseudonyms()
    pseudonym = one.of(kind, value)
    assert one.of(kind, pseudonym) == listing(one, KEY).of(kind, pseudonym) == pseudonym


@given(texts)
def test_free_text_is_replaced(value):
    pseudonym = pseudonyms().of("free", value)
    assert pseudonym == value or re.search(r"Text (\d[a-z])+|@example\.com|\d{7}", pseudonym)
    assert not list(pseudonyms().leaks(pseudonym))


@given(numbers)
def test_phone_pseudonym_is_of_the_same_country_and_unassigned(number):
    pseudonym = pseudonyms().of("phone", number)
    before, after = parsed(number), parsed(pseudonym)
    assert after.country_code == before.country_code
    assert is_reserved(pseudonym) or not phonenumbers.is_valid_number(after)
    assert phonenumbers.is_possible_number(after)
    if before.country_code == 1:
        assert re.fullmatch(r"\+1\d{3}55501\d\d", pseudonym)
        assert phonenumbers.region_code_for_number(after) == "US"
    else:
        assert len(pseudonym) == len(number)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(number=numbers)
def test_phone_pseudonym_has_the_format_of_the_number(form, number):
    names = pseudonyms()
    first = names.of("phone", number)
    formatted = phonenumbers.format_number(parsed(number), form)
    # phonenumbers may write an unassigned number without its trunk prefix.
    if phonenumbers.normalize_digits_only(formatted)[-7:] == number[-7:]:
        after = names.of("phone", formatted)
        assert phonenumbers.normalize_digits_only(after)[-7:] == first[-7:]
        again = phonenumbers.format_number(parsed(first), form)
        assert after == again or re.sub(r"\d", "9", after) == re.sub(r"\d", "9", formatted)


@pytest.mark.parametrize(
    "text",
    [
        "4155550212",
        "14155550212",
        "(415) 555-0212",
        "415-555-0212",
        "415.555.0212",
        "1-415-555-0212",
        "+1 (415) 555 0212",
        "tel:+1-415-555-0212",
    ],
)
def test_phone_pseudonym_of_north_american_formats(text):
    pseudonym = pseudonyms().of("phone", text)
    assert re.sub(r"\d", "9", pseudonym) == re.sub(r"\d", "9", text)
    assert phonenumbers.parse(pseudonym, "US") == parsed(pseudonyms().of("phone", "+14155550212"))


def test_phone_pseudonym_of_a_canadian_number():
    pseudonym = pseudonyms().of("phone", "+14165550212")
    assert phonenumbers.region_code_for_number(parsed(pseudonym)) == "CA"


def test_phone_pseudonyms_past_the_reserved_range_differ():
    names = pseudonyms()
    numbers = [f"+1787555{n:04d}" for n in range(200, 1000)]
    after = {names.of("phone", number) for number in numbers}
    assert len(after) == len(numbers)
    assert {names.of("phone", number) for number in after} == after
    assert not any(list(names.leaks(number)) for number in after)


def test_values_reserved_for_fiction_stay():
    names = pseudonyms()
    for kind, value in [
        ("phone", seeds.phone(7)),
        ("phone", "(202) 555-0123"),
        ("phone", "+447700900123"),
        ("phone", "07700 900123"),
        ("email", "janet@example.com"),
        ("email", "Janet@mail.Example.org"),
        ("email", "janet@corp.example"),
        ("free", ""),
        ("first", ""),
    ]:
        assert names.of(kind, value) == value


def test_phone_pseudonyms_avoid_reserved_numbers_that_stay():
    numbers = [f"+1415555{n:04d}" for n in range(200, 1000)]
    first = pseudonyms()
    taken = {first.of("phone", number) for number in numbers}
    names = pseudonyms()
    assert {names.of("phone", number) for number in taken} == taken
    assert not taken & {names.of("phone", number) for number in numbers}


def test_owners_of_one_run_give_the_same_pseudonyms_in_the_next():
    numbers = [f"+1416555{n:04d}" for n in range(200, 1000)]
    one = Pseudonyms(KEY)
    first = {number: one.of("phone", number) for number in numbers}
    later = Pseudonyms(KEY, owners=dict(one.owners.listed))
    assert {number: later.of("phone", number) for number in reversed(numbers)} == first
    assert not set(numbers) & {*one.owners.listed, *one.owners.listed.values()}


def test_pseudonyms_depend_on_the_key():
    other = Pseudonyms(b"another")
    assert other.of("email", "a@corp.invalid") != pseudonyms().of("email", "a@corp.invalid")


@pytest.mark.parametrize(
    ("kind", "value", "form"),
    [
        ("first", "Janet", r"Name (\d[a-z]){4}"),
        ("last", "O'Void", r"Surname (\d[a-z]){4}"),
        ("email", "janet@corp.invalid", r"person-(\d[a-z]){4}@example\.com"),
        ("free", "12 Elm Street", r"Text (\d[a-z]){4}"),
        ("free", "60601", r"Text (\d[a-z]){4}"),
        ("free", "1990-05-04", r"18\d\d-\d\d-\d\d"),
        ("free", "1990-05-04T10:00:00Z", r"18\d\d-\d\d-\d\dT10:00:00Z"),
        ("free", "ask janet@corp.invalid", r"Text \S{8} person-\S{8}@example\.com"),
        ("phone", "n/a", r"Text (\d[a-z]){4}"),
    ],
)
def test_form_of_a_pseudonym(kind, value, form):
    pseudonym = pseudonyms().of(kind, value)
    assert re.fullmatch(form, pseudonym)
    assert pseudonyms().of(kind, pseudonym) == pseudonym


def test_first_and_last_name_have_different_pseudonyms():
    names = pseudonyms()
    assert names.of("first", "Taylor") != names.of("last", "Taylor")


@pytest.mark.parametrize(("kind", "value"), [("first", "Janet"), ("email", "janet@corp.invalid")])
def test_pseudonyms_that_would_collide_are_longer(kind, value):
    pseudonym = pseudonyms().of(kind, value)
    other = Pseudonyms(KEY, owners={pseudonym: "the owner of another value"}).of(kind, value)
    assert len(other) == len(pseudonym) + 2


@pytest.mark.parametrize("token", ["12", "0", "-3", "19.5", "1e5", "123456"])
def test_small_numbers_stay(token):
    assert pseudonyms().number("free", token) == token


@given(st.integers(1_000_000, 10**20) | st.floats(-1e6, 1e6).filter(lambda n: len(str(n)) > 9))
def test_long_numbers_become_numbers(value):
    one = pseudonyms()
    pseudonym = one.number("free", str(value))
    assert type(eval(pseudonym)) is type(value)
    assert one.number("free", pseudonym) == pseudonym


UNTOUCHED = [
    "5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01",
    "2026-02-09T21:50:50.2145484+00:00",
    "2026-01-10 08:00:00+10:30",
    "1700000000",
    "1767225600000",
    "192.168.100.200",
    "cus_a1b2c3d4e5f60001",
    "12345678-1234-1234-1234-123456789012",
    "v1.2.3 build 20260101",
    "page 3 of 120, 11,000 at most",
    "0.123456789",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_text_without_a_phone_number_stays(text):
    names = pseudonyms()
    assert names.text(text) == text
    assert not list(names.leaks(text))


@given(st.uuids().map(str) | st.datetimes().map(lambda t: f"{t.isoformat()}+00:00"))
def test_ids_and_times_in_text_stay(text):
    assert pseudonyms().text(text) == text


def test_text_with_numbers_addresses_and_known_names():
    names = pseudonyms()
    names.of("first", "Janet")
    names.of("free", "12 Elm Street")
    text = (
        "Janet (janet@corp.invalid, +1 415 555 0212) moved to 12 Elm Street; janet%40corp.invalid"
    )
    after = names.text(text)
    for part in ("Janet", "janet", "555 0212", "Elm"):
        assert part not in after
    assert names.of("email", "janet@corp.invalid").replace("@", "%40") in after
    assert list(names.leaks(text)) and not list(names.leaks(after))
    assert names.text(after) == after


def test_known_number_is_recognised_without_its_country():
    names = pseudonyms()
    whole = names.of("phone", "+442000001234")
    after = names.text("dial 020 0000 1234 now")
    assert phonenumbers.normalize_digits_only(after) == f"0{whole[3:]}"
    assert list(names.leaks("dial 020 0000 1234 now"))


def test_ordinary_words_in_text_stay():
    names = Pseudonyms(KEY, ordinary={"May"})
    names.of("first", "May")
    names.of("free", "blue")
    assert names.text("Sat, 09 May 2026, blue") == "Sat, 09 May 2026, blue"


def test_digits_after_a_number_stay():
    names = pseudonyms()
    after = names.of("phone", "+14155550212")
    assert names.text("call +1 415 555 0212 3 times") == (
        f"call +1 {after[2:5]} {after[5:8]} {after[8:]} 3 times"
    )


@pytest.mark.parametrize(
    "text", ["+44 20 0000 1234", "020 0000 1234", "tel:+44-20-0000-1234", "0044 20 0000 1234"]
)
def test_phone_pseudonym_of_british_formats(text):
    names = pseudonyms()
    whole = names.of("phone", "+442000001234")
    after = names.of("phone", text)
    assert phonenumbers.normalize_digits_only(after).endswith(whole[3:])
    assert pseudonyms().of("phone", whole) == whole


@pytest.mark.parametrize("text", ["+9991234567", "+1234567", "911", "n/a", "unknown", "+1 415 x"])
def test_text_in_a_phone_field_is_replaced(text):
    pseudonym = pseudonyms().of("phone", text)
    assert pseudonym != text
    assert not list(pseudonyms().leaks(pseudonym))
    assert pseudonyms().of("phone", pseudonym) == pseudonym


def test_number_of_no_country_in_text_is_replaced():
    after = pseudonyms().text("dial +999 123 45 67 now")
    assert re.fullmatch(r"dial Text \S{8} now", after) and not list(pseudonyms().leaks(after))


@pytest.mark.parametrize("text", ["a=%2B14155550212&b", "to%3Da%40corp.invalid", "%2b14155550212"])
def test_percent_encoded_values_are_encoded_again(text):
    pseudonym = pseudonyms().text(text)
    assert "%2B1" in pseudonym or "%40example.com" in pseudonym
    assert list(pseudonyms().leaks(text)) and not list(pseudonyms().leaks(pseudonym))


def test_phone_pseudonym_of_an_argentine_mobile():
    names = pseudonyms()
    assert names.of("phone", "+54 11 15 0000 0000").startswith("+54")


def test_digits_in_free_text_are_replaced_with_it():
    assert re.fullmatch(r"Text \S{8}", pseudonyms().of("free", "route 12 34 56 78 9"))


def test_known_texts_with_one_beginning_are_distinguished():
    names = pseudonyms()
    first, second = names.of("free", "7 Nowhere Crescent"), names.of("free", "7 Nowhere Lane")
    text = "7 Nowhere Lane, 7 Nowhere Crescents, 7 Nowhere Crescent"
    assert names.text(text) == f"{second}, 7 Nowhere Crescents, {first}"


@given(st.lists(values, max_size=20))
def test_listed_pseudonyms_stay_under_another_key(given):
    one = pseudonyms()
    pairs = [(kind, one.of(kind, value)) for kind, value in given]
    other = listing(one)
    assert [other.of(kind, pseudonym) for kind, pseudonym in pairs] == [
        pseudonym for _, pseudonym in pairs
    ]
    assert [pseudonym for _, pseudonym in pairs if list(other.leaks(pseudonym))] == []


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(number=numbers)
def test_listed_number_stays_in_each_format(form, number):
    one = pseudonyms()
    pseudonym = one.of("phone", number)
    for text in (
        phonenumbers.format_number(parsed(pseudonym), form),
        pseudonym[1:],
        f"00{pseudonym[1:]}",
    ):
        other = listing(one)
        assert not list(other.leaks(f"call {text} now"))
        assert other.of("phone", text) == text
        assert other.text(text) == text


def test_unlisted_number_is_replaced_under_another_key():
    pseudonym = pseudonyms().of("phone", "+911000005678")
    other = Pseudonyms(b"another")
    assert list(other.leaks(pseudonym)) and other.of("phone", pseudonym) != pseudonym


@given(st.lists(values, min_size=1, max_size=20))
def test_new_pseudonyms_differ_from_the_listed_ones(given):
    one = pseudonyms()
    before = {one.of(kind, value) for kind, value in given}
    other = listing(one)
    fresh = {(kind, value) for kind, value in given if value not in before}
    changed = {other.of(kind, v) for kind, v in fresh if other.of(kind, v) != v}
    assert not changed & before


@given(st.integers(1_000_000, 10**15))
def test_listed_json_number_stays_under_another_key(value):
    one = pseudonyms()
    pseudonym = one.number("free", f"-{value}")
    assert listing(one).number("free", pseudonym) == pseudonym
