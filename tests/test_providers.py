"""Providers are found by the names of their files."""

from __future__ import annotations

import pytest

import contactkit as ck
from contactkit.providers import find, names
from contactkit.record import fields_of, key_of


def test_names_are_sorted_and_each_is_found_by_its_own() -> None:
    assert names() == tuple(sorted(names()))
    assert {"privy", "sent"} <= set(names())
    assert all(find(each).name == each for each in names())


def test_a_declaration_is_found_as_itself() -> None:
    assert find(find("sent")) is find("sent")


@pytest.mark.parametrize("wrong", ["Sent", "snet", "SENT"])
def test_an_unknown_name_is_told_the_nearest(wrong: str) -> None:
    with pytest.raises(ck.ConfigurationError, match="Did you mean 'sent'"):
        find(wrong)


@pytest.mark.parametrize("wrong", ["", "xyz", "../sent", "sent.PROVIDER", "__init__"])
def test_an_unknown_name_is_told_what_there_is(wrong: str) -> None:
    with pytest.raises(ck.ConfigurationError, match="Known: .*privy"):
        find(wrong)


def test_a_key_is_promised_text(name: str) -> None:
    key = key_of(find(name).record)
    assert (key.kind, key.promised, key.nullable) == ("string", True, False)


def test_verbs_and_paths_are_told_apart(name: str) -> None:
    endpoints = find(name).endpoints
    assert len({each.verb for each in endpoints}) == len(endpoints)
    assert len({(each.method, each.path) for each in endpoints}) == len(endpoints)


def test_wire_names_are_told_apart(name: str) -> None:
    fields = fields_of(find(name).record).values()
    spellings = [text for each in fields for text in (each.wire, *each.marker.deprecated)]
    assert len(set(spellings)) == len(spellings)


def test_omitted_fields_are_declared(name: str) -> None:
    provider = find(name)
    for endpoint in provider.endpoints:
        assert set(endpoint.omits) <= fields_of(provider.record).keys()


def test_every_field_and_verb_has_help(name: str) -> None:
    provider = find(name)
    assert all(each.help.endswith(".") for each in provider.endpoints)
    assert all(each.marker.help for each in fields_of(provider.record).values())
