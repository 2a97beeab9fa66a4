"""Providers are found by the names of their files, and each refuses what only it refuses."""

from __future__ import annotations

from typing import Any

import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import check


def test_names_are_sorted_and_each_is_found_by_its_own() -> None:
    assert names() == tuple(sorted(names()))
    assert {"privy", "sent"} <= set(names())
    assert all(find(each).name == each for each in names())


def test_a_part_of_a_declaration_is_none() -> None:
    assert not any(name.startswith("_") for name in names())
    with pytest.raises(ck.ConfigurationError, match="unknown provider"):
        find("_digital_onboarding")


def test_a_declaration_is_found_as_itself() -> None:
    assert find(find("sent")) is find("sent")


@pytest.mark.parametrize("wrong", ["Sent", "snet", "SENT"])
def test_an_unknown_name_is_told_the_nearest(wrong: str) -> None:
    with pytest.raises(ck.ConfigurationError, match="did you mean 'sent'"):
        find(wrong)


@pytest.mark.parametrize("wrong", ["", "xyz", "../sent", "sent.PROVIDER", "__init__"])
def test_an_unknown_name_is_told_what_there_is(wrong: str) -> None:
    with pytest.raises(ck.ConfigurationError, match=r"allowed: .*privy"):
        find(wrong)


def test_a_key_is_promised_text(name: str) -> None:
    key = key_of(find(name).record)
    assert (key.kind, key.promised, key.nullable) == ("string", True, False)


def test_verbs_and_paths_are_told_apart(name: str) -> None:
    endpoints = find(name).endpoints
    assert len({each.verb for each in endpoints}) == len(endpoints)
    routes = {(each.method, each.path, each.takes_list) for each in endpoints}
    assert len(routes) == len(endpoints)


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


US, GB = "+12025550123", "+447700900123"


def refused(
    name: str, verb: str, current: dict[str, Any] | None = None, **values: Any
) -> list[str]:
    """The fields that a provider refuses to write."""
    provider = find(name)
    return [
        each.field for each in check(provider, provider.endpoint(verb), values, current).problems
    ]


def test_an_inherited_contact_at_sent_is_read_only() -> None:
    assert refused("sent", "update", {"is_inherited": True}, opt_out=True) == [""]
    assert refused("sent", "update", {"is_inherited": False}, opt_out=True) == []


def test_the_default_channel_at_sent_is_an_available_one() -> None:
    known = {"available_channels": "sms"}
    assert refused("sent", "update", known, default_channel="whatsapp") == ["default_channel"]
    assert refused("sent", "update", known, default_channel="sms") == []
    assert refused("sent", "update", {}, default_channel="sms") == ["default_channel"]


def test_a_new_contact_at_privy_has_an_address() -> None:
    assert refused("privy", "create", first_name="Jan") == ["base"]
    assert refused("privy", "create", email="jan@example.com") == []
    assert refused("privy", "create", phone_number=US) == []


@pytest.mark.parametrize("address", ["jan", "jan@", "@example.com", "jan @example.com", ""])
def test_an_address_at_privy_has_the_form_of_one(address: str) -> None:
    assert refused("privy", "create", email=address) == ["email"]


@pytest.mark.parametrize(
    "values", [{"email_consent": "compliance_suppressed"}, {"sms_consent": "pending"}]
)
def test_nobody_sets_what_privy_alone_sets(values: dict[str, str]) -> None:
    assert refused("privy", "update", **values) == list(values)


def test_a_contact_suppressed_for_compliance_stays_so() -> None:
    known = {"email_consent": "compliance_suppressed", "phone_number": US}
    assert refused("privy", "update", known, email_consent="subscribed") == ["email_consent"]
    assert refused("privy", "update", known, sms_consent="subscribed") == []


@pytest.mark.parametrize(
    ("was", "phone", "wanted", "allowed"),
    [
        (None, US, "subscribed", True),
        (None, US, "single_opt_in", True),
        (None, US, "never_subscribed", True),
        (None, US, "unsubscribed", False),
        (None, None, "never_subscribed", True),
        (None, None, "subscribed", False),
        (None, GB, "subscribed", False),
        ("subscribed", GB, "unsubscribed", True),
        ("subscribed", US, "unsubscribed", True),
        ("subscribed", US, "single_opt_in", False),
        ("unsubscribed", US, "single_opt_in", False),
        ("pending", US, "single_opt_in", False),
        ("never_subscribed", US, "single_opt_in", True),
    ],
)
def test_sms_consent_at_privy_moves_by_its_rules(
    was: str | None, phone: str | None, wanted: str, allowed: bool
) -> None:
    values = {"sms_consent": wanted}
    if was is None:
        given = {"email": "jan@example.com"} | ({"phone_number": phone} if phone else {})
        found = refused("privy", "create", **given, **values)
    else:
        found = refused("privy", "update", {"sms_consent": was, "phone_number": phone}, **values)
    assert found == ([] if allowed else ["sms_consent"])


def test_a_phone_that_is_given_in_the_same_write_counts() -> None:
    known = {"sms_consent": "never_subscribed", "phone_number": None}
    assert refused("privy", "update", known, sms_consent="subscribed") == ["sms_consent"]
    assert refused("privy", "update", known, sms_consent="subscribed", phone_number=US) == []


def test_a_reason_for_unsubscribing_is_short() -> None:
    assert refused("privy", "unsubscribe", reason="x" * 500) == []
    assert refused("privy", "unsubscribe", reason="x" * 501) == ["reason"]
