"""An address on the suppression list is found in its other spellings, and in no other address."""

import pytest

from contactkit._journal.spellings import kept_spellings, sought_spellings

SAME = [
    ("+12025550123", "011 1 202 555 0123"),
    ("+442079460123", "020 7946 0123"),
    ("+442079460123", "00 44 20 7946 0123"),
    ("+442079460123", "0011 44 20 7946 0123"),
    ("+441134960123", "0113 496 0123"),
    ("+390612345678", "06 1234 5678"),
    ("020 7946 0123", "20 7946 0123"),
]
OTHERS = [
    ("+12025550123", "+442025550123"),
    ("+12025550123", "(202) 555-0124"),
    ("+441134960123", "0114 496 0123"),
]


def _is_found(kept: str, sought: str) -> bool:
    return not kept_spellings("phone", kept).isdisjoint(sought_spellings("phone", sought))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_number_is_found_in_another_spelling(one: str, other: str) -> None:
    assert _is_found(one, other)
    assert _is_found(other, one)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_another_number_is_not_found(one: str, other: str) -> None:
    assert not _is_found(one, other)
    assert not _is_found(other, one)
