"""Providers are found by name, and each refuses what its own rules refuse."""

from __future__ import annotations

from typing import Any

import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.spec.record import fields_of, key_of, last_change_of
from contactkit.spec.validate import check


def test_find_by_each_name() -> None:
    assert names() == tuple(sorted(names()))
    assert {"privy", "sent"} <= set(names())
    assert all(find(name).name == name for name in names())


def test_find_has_no_private_modules() -> None:
    assert not any(name.startswith("_") for name in names())
    with pytest.raises(ck.ConfigurationError, match="unknown provider"):
        find("_digital_onboarding")


def test_find_returns_a_declaration_itself() -> None:
    assert find(find("sent")) is find("sent")


@pytest.mark.parametrize("wrong", ["Sent", "snet", "SENT"])
def test_find_unknown_name_suggests_the_nearest(wrong: str) -> None:
    with pytest.raises(ck.ConfigurationError, match="did you mean 'sent'"):
        find(wrong)


@pytest.mark.parametrize("wrong", ["", "xyz", "../sent", "sent.PROVIDER", "__init__"])
def test_find_unknown_name_lists_all(wrong: str) -> None:
    with pytest.raises(ck.ConfigurationError, match=r"allowed: .*privy"):
        find(wrong)


def test_key_is_promised_text(name: str) -> None:
    key = key_of(find(name).record)
    assert (key.kind, key.promised, key.nullable) == ("string", True, False)


def test_time_of_last_change_is_read_only(name: str) -> None:
    record = find(name).record
    marked = [field for field in fields_of(record).values() if field.marker.last_change]
    assert marked == ([last_change_of(record)] if marked else [])
    assert [field.name for field in marked] == ([] if name == "sendblue" else ["updated_at"])
    assert all((field.marker.access, field.kind) == ("read_only", "datetime") for field in marked)


def test_verbs_and_routes_are_unique(name: str) -> None:
    endpoints = find(name).endpoints
    assert len({endpoint.verb for endpoint in endpoints}) == len(endpoints)
    routes = {(endpoint.method, endpoint.path, endpoint.takes_list) for endpoint in endpoints}
    assert len(routes) == len(endpoints)


def test_wire_names_are_unique(name: str) -> None:
    fields = fields_of(find(name).record).values()
    spellings = [text for field in fields for text in field.spellings]
    assert len(set(spellings)) == len(spellings)


def test_omitted_fields_are_declared(name: str) -> None:
    provider = find(name)
    for endpoint in provider.endpoints:
        assert set(endpoint.omits) <= fields_of(provider.record).keys()


def test_fields_and_verbs_have_help(name: str) -> None:
    provider = find(name)
    assert all(endpoint.help.endswith(".") for endpoint in provider.endpoints)
    assert all(field.marker.help for field in fields_of(provider.record).values())


US, GB = "+12025550123", "+447700900123"


def refused(
    name: str, verb: str, current: dict[str, Any] | None = None, **values: Any
) -> list[str]:
    """The fields that a provider refuses to write."""
    provider = find(name)
    return [
        problem.field
        for problem in check(provider, provider.endpoint(verb), values, current).problems
    ]


def test_sent_inherited_contact_is_read_only() -> None:
    assert refused("sent", "update", {"is_inherited": True}, opt_out=True) == [""]
    assert refused("sent", "update", {"is_inherited": False}, opt_out=True) == []
    assert refused("sent", "delete", {"is_inherited": True}) == [""]
    assert refused("sent", "delete", {"is_inherited": False}) == []


def test_sent_default_channel_must_be_available() -> None:
    known = {"available_channels": "sms"}
    assert refused("sent", "update", known, default_channel="whatsapp") == ["default_channel"]
    assert refused("sent", "update", known, default_channel="sms") == []
    assert refused("sent", "update", {}, default_channel="sms") == ["default_channel"]


def test_privy_phone_that_was_read_as_a_number_is_no_second_phone() -> None:
    with ck.connect("privy", via=ck.Simulator()) as privy:
        people = privy.contacts.list().dropna(subset="phone_number").head(1)
        plan = privy.contacts.plan(people.astype(object).assign(phone_number=14165550155.0), people)
    assert plan.cells["refused_because"].tolist() == ["must be text, not a number"]


def test_privy_create_requires_an_address() -> None:
    assert refused("privy", "create", first_name="Jan") == [""]
    assert refused("privy", "create", email="jan@example.com") == []
    assert refused("privy", "create", phone_number=US) == []


@pytest.mark.parametrize("address", ["jan", "jan@", "@example.com", "jan @example.com", ""])
def test_privy_email_refuses_other_text(address: str) -> None:
    assert refused("privy", "create", email=address) == ["email"]


@pytest.mark.parametrize(
    "values", [{"email_consent": "compliance_suppressed"}, {"sms_consent": "pending"}]
)
def test_privy_refuses_consent_that_only_privy_sets(values: dict[str, str]) -> None:
    assert refused("privy", "update", **values) == list(values)


def test_privy_compliance_suppression_is_final() -> None:
    known = {"email_consent": "compliance_suppressed", "phone_number": US}
    assert refused("privy", "update", known, email_consent="subscribed") == ["email_consent"]
    assert refused("privy", "update", known, sms_consent="subscribed") == ["sms_consent"]
    assert refused("privy", "update", known, first_name="Leo", tags=[]) == ["first_name", "tags"]
    assert refused("privy", "update", known, sms_consent="unsubscribed") == []
    both = {"first_name": "Leo", "sms_consent": "unsubscribed"}
    assert refused("privy", "update", known, **both) == ["first_name"]
    assert refused("privy", "delete", known) == []


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
def test_privy_sms_consent_follows_its_rules(
    was: str | None, phone: str | None, wanted: str, allowed: bool
) -> None:
    values = {"sms_consent": wanted}
    if was is None:
        address = {"email": "jan@example.com"} | ({"phone_number": phone} if phone else {})
        found = refused("privy", "create", **address, **values)
    else:
        found = refused("privy", "update", {"sms_consent": was, "phone_number": phone}, **values)
    assert found == ([] if allowed else ["sms_consent"])


def test_privy_sms_consent_may_come_with_its_phone() -> None:
    known = {"sms_consent": "never_subscribed", "phone_number": None}
    assert refused("privy", "update", known, sms_consent="subscribed") == ["sms_consent"]
    assert refused("privy", "update", known, sms_consent="subscribed", phone_number=US) == []


def test_privy_unsubscribe_reason_is_limited() -> None:
    assert refused("privy", "unsubscribe", reason="x" * 500) == []
    assert refused("privy", "unsubscribe", reason="x" * 501) == ["reason"]
