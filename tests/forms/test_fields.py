"""The fields of a form: each once, in groups, and disabled exactly where it would be refused."""

from __future__ import annotations

import pytest

import contactkit as ck
from contactkit._frames.frame import rows_of
from contactkit._providers import find
from contactkit.forms.fields import field_groups, read_only_fields
from contactkit.spec.record import fields_of
from contactkit.spec.validate import accepted_fields, check


@pytest.mark.parametrize("verb", ["create", "update"])
def test_form_has_every_field_once(name, verb):
    provider = find(name)
    endpoint = provider.endpoint(verb)
    groups = field_groups(provider, endpoint, None)
    shown = [view.field.name for group in groups for view in group.fields]
    assert sorted(shown) == sorted(accepted_fields(provider, endpoint))
    assert set(shown) | {field.name for field in read_only_fields(provider, endpoint)} >= set(
        fields_of(provider.record)
    )


def test_only_long_forms_have_group_labels():
    long, short = find("digital_onboarding"), find("sent")
    labels = [group.label for group in field_groups(long, long.endpoint("create"), None)]
    assert labels == ["Name, phone and e-mail", "Personal details", "Consent and channels", "More"]
    assert [group.label for group in field_groups(short, short.endpoint("update"), None)] == [""]


def test_form_disables_exactly_what_the_client_refuses(name):
    provider = find(name)
    update = provider.endpoint("update")
    people = ck.connect(name, via=ck.Simulator(contacts=60, seed=3)).contacts.list()
    refused = 0
    for current in rows_of(provider.record, people):
        groups = field_groups(provider, update, current)
        for view in (view for group in groups for view in group.fields):
            if not view.is_of_contact or view.field.kind not in ("boolean", "category"):
                continue
            samples = view.field.choices or (True, False)
            accepted = [
                not check(provider, update, {view.field.name: value}, current).problems
                for value in samples
            ]
            assert bool(view.reason) is not any(accepted)
            refused += bool(view.reason)
    assert refused or name in ("sendblue", "digital_onboarding")


@pytest.mark.parametrize(
    ("provider", "changed", "field", "reason"),
    [
        ("privy", {"email": "a@example.com"}, "email", "already has a value"),
        ("privy", {"email_consent": "compliance_suppressed"}, "email_consent", "suppressed"),
        ("privy", {"email_consent": "compliance_suppressed"}, "first_name", "suppressed"),
        (
            "privy",
            {"email_consent": "compliance_suppressed", "last_name": None},
            "last_name",
            "suppressed",
        ),
        ("sent", {"is_inherited": True}, "opt_out", "read-only"),
        ("sent", {"is_inherited": True}, "default_channel", "read-only"),
    ],
)
def test_reason_is_the_refusal_of_the_client(provider, changed, field, reason):
    declared = find(provider)
    people = ck.connect(provider, via=ck.Simulator(contacts=8)).contacts.list()
    current = rows_of(declared.record, people)[0] | changed
    reasons = {
        view.field.name: view.reason
        for group in field_groups(declared, declared.endpoint("update"), current)
        for view in group.fields
    }
    assert reason in reasons[field]
