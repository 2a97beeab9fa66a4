"""Consent as it is declared: states, the change that records a no, and what widens consent."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from contactkit._providers import find
from contactkit.spec.consent import ConsentState
from contactkit.spec.record import fields_of

STATES = [
    ("sent", "text", {"opt_out": True}, "denied"),
    ("sent", "text", {"opt_out": False}, "allowed"),
    ("sent", "text", {"opt_out": None}, "unknown"),
    ("sendblue", "text", {"opt_out": True}, "denied"),
    ("sendblue", "text", {}, "unknown"),
    ("privy", "text", {"sms_consent": "subscribed"}, "allowed"),
    ("privy", "text", {"sms_consent": "single_opt_in"}, "allowed"),
    ("privy", "text", {"sms_consent": "unsubscribed"}, "denied"),
    ("privy", "text", {"sms_consent": "never_subscribed"}, "unknown"),
    ("privy", "text", {"sms_consent": "pending"}, "unknown"),
    ("privy", "email", {"email_consent": "subscribed"}, "allowed"),
    ("privy", "email", {"email_consent": "unsubscribed"}, "denied"),
    ("privy", "email", {"email_consent": "suppressed"}, "denied"),
    ("privy", "email", {"email_consent": "compliance_suppressed"}, "locked"),
    ("privy", "email", {"email_consent": "never_subscribed"}, "unknown"),
    ("digital_onboarding", "text", {"sms_unsubscribed": True, "sms_opted_in": True}, "denied"),
    ("digital_onboarding", "text", {"sms_opted_in": True, "sms_authorized": True}, "allowed"),
    ("digital_onboarding", "text", {"sms_opted_in": True, "sms_authorized": False}, "unknown"),
    ("digital_onboarding", "email", {"email_unsubscribed": True}, "denied"),
    ("digital_onboarding", "email", {"email_opted_in": True, "email_authorized": True}, "allowed"),
]


@pytest.mark.parametrize(("provider", "channel", "contact", "state"), STATES)
def test_state_of_a_contact(provider: str, channel: Any, contact: dict[str, Any], state: str):
    assert find(provider).consent.states(contact)[channel].name == state


def test_fields_are_declared(name: str):
    provider = find(name)
    consent = provider.consent
    declared = fields_of(provider.record)
    assert consent.fields | {*consent.phones, *consent.emails} <= declared.keys()
    assert all(declared[field].marker.personal == "phone" for field in consent.phones)
    assert all(declared[field].marker.personal == "email" for field in consent.emails)


def contacts(name: str, fields: Iterable[str]) -> list[dict[str, Any]]:
    """Every combination of the values that these fields can have."""
    declared, names = fields_of(find(name).record), sorted(fields)
    choices = [[*declared[n].choices] or [None, False, True] for n in names]
    return [dict(zip(names, values, strict=True)) for values in product(*choices)]


def test_deny_denies_every_state_that_is_not_locked(name: str):
    consent = find(name).consent
    for contact in contacts(name, consent.fields):
        states = consent.states(contact)
        for channel, declared in consent.channels.items():
            if states[channel] is not ConsentState.locked:
                after = consent.states({**contact, **declared.deny})
                assert after == {**states, channel: ConsentState.denied}
                assert not consent.widened(contact, declared.deny)


def test_widening_is_a_new_yes_or_a_lost_no(name: str):
    for channel in find(name).consent.channels.values():
        for before, after in product(contacts(name, channel.fields), repeat=2):
            was, becomes = channel.state(before), channel.state(after)
            new_yes = becomes is ConsentState.allowed and was is not ConsentState.allowed
            lost_no = was >= ConsentState.denied and becomes < ConsentState.denied
            assert channel.widens(before, after) == (new_yes or lost_no)


def test_changes_that_widen_some_contact_need_a_fresh_read(name: str):
    consent = find(name).consent
    for channel in consent.channels.values():
        everyone = contacts(name, channel.fields)
        for changes in everyone:
            for field in changes:
                part = {field: changes[field]}
                widens = any(channel.widens(before, part) for before in everyone)
                assert consent.may_widen(part) == widens


def test_a_declared_no_and_a_change_without_consent_need_no_read(name: str):
    consent = find(name).consent
    assert not consent.may_widen({"first_name": "Ada", "email": "ada@example.com"})
    assert not any(consent.may_widen(channel.deny) for channel in consent.channels.values())


def refusals(changes: dict[str, Any], shown: Any, current: Any, opt_in: bool) -> list[Any]:
    consent = find("privy").consent
    problems = consent.refusals(changes, shown=shown, current=current, opt_in=opt_in)
    return [(problem.field, problem.code) for problem in problems]


YES, NO = {"sms_consent": "subscribed"}, {"sms_consent": "unsubscribed"}
ONCE = {"sms_consent": "single_opt_in"}


def test_a_no_that_the_caller_has_not_seen_is_a_conflict():
    for opt_in in (False, True):
        assert refusals(YES, ONCE, NO, opt_in) == [("sms_consent", "conflict")]


def test_a_no_that_the_caller_has_seen_needs_opt_in():
    assert refusals(YES, NO, NO, opt_in=False) == [("sms_consent", "consent")]
    assert refusals(YES, NO, NO, opt_in=True) == []


def test_without_the_column_the_no_that_is_read_needs_opt_in():
    for shown in (None, {}, {"email_consent": "subscribed"}):
        assert refusals(YES, shown, NO, opt_in=False) == [("sms_consent", "consent")]
        assert refusals(YES, shown, NO, opt_in=True) == []


def test_a_first_yes_over_silence_is_not_refused():
    assert refusals(YES, {"sms_consent": "pending"}, {"sms_consent": "pending"}, False) == []


def test_a_locked_channel_is_never_written():
    locked = {"email_consent": "compliance_suppressed"}
    for opt_in in (False, True):
        found = refusals({"email_consent": "subscribed"}, locked, locked, opt_in)
        assert found == [("email_consent", "consent")]


def test_agents_and_our_own_lines_are_not_the_contacts_addresses():
    consent = find("sendblue").consent
    assert consent.phones == ("phone",) and consent.emails == ()
