"""Signatures and docstrings of a client's verbs, as Tab and Shift-Tab show them."""

from __future__ import annotations

import inspect
from typing import Any, Literal, get_args

import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.record import fields_of
from contactkit.spec.validate import accepted_fields

KEYWORD = inspect.Parameter.KEYWORD_ONLY


def verbs(name: str, kind: str = "sync") -> Any:
    client = ck.connect(name, via=ck.Simulator(contacts=1))
    return client.contacts if kind == "sync" else client.aio.contacts


def parameters(verb: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(verb).parameters)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_signature_shows_the_fields_of_the_endpoint(name: str, kind: str) -> None:
    provider, contacts = find(name), verbs(name, kind)
    for endpoint in provider.endpoints:
        shown = parameters(getattr(contacts, endpoint.verb))
        about = list(filter(None, [endpoint.subject]))
        fields = [*about, *({} if endpoint.bulk else accepted_fields(provider, endpoint))]
        fields += fields_of(endpoint.flags)
        assert list(shown)[: len(fields)] == fields
        assert set(shown) - set(fields) <= {
            "limit",
            "opt_in",
            "dry_run",
            "idempotency_key",
            "confirm",
            "whole",
            *(setting.name for setting in provider.settings),
        }
        assert all(
            parameter.kind is KEYWORD for parameter in shown.values() if parameter.name not in about
        )


def test_signature_of_update_shows_fields_choices_and_options() -> None:
    shown = parameters(verbs("sent").update)
    assert list(shown) == (
        "key default_channel opt_out opt_in dry_run idempotency_key profile_id".split()
    )
    assert shown["default_channel"].annotation == Literal["sms", "whatsapp"]
    assert shown["opt_out"].annotation is bool
    assert (shown["dry_run"].default, shown["dry_run"].annotation) == (False, bool)


def test_required_parameters_have_no_default() -> None:
    shown = parameters(verbs("sent").create)
    assert shown["phone_number"].default is inspect.Parameter.empty
    assert repr(shown["idempotency_key"].default) == "<unset>"


def test_clearable_parameters_may_be_none() -> None:
    shown = parameters(verbs("privy").update)
    assert type(None) in get_args(shown["first_name"].annotation)
    assert type(None) not in get_args(shown["email_consent"].annotation)


def test_signature_of_create_lacks_omitted_fields() -> None:
    assert "opt_out" not in parameters(verbs("sent").create)


def test_only_list_has_a_limit_and_only_pages_a_cursor(name: str) -> None:
    contacts = verbs(name)
    assert parameters(contacts.list).keys() - parameters(contacts.pages).keys() == {"limit"}
    assert parameters(contacts.pages).keys() - parameters(contacts.list).keys() == {"after"}


def test_docstring_has_help_fields_and_the_docs_link(name: str) -> None:
    provider, contacts = find(name), verbs(name)
    for endpoint in provider.endpoints:
        doc = inspect.getdoc(getattr(contacts, endpoint.verb)) or ""
        assert doc.startswith(endpoint.help)
        assert doc.splitlines()[-1] == (endpoint.docs or provider.docs)
        assert endpoint.deprecated in doc
        for field, item in accepted_fields(provider, endpoint).items():
            assert f"\n{field}: {item.marker.help}" in doc


def test_docstring_lists_the_choices() -> None:
    assert "One of sms, whatsapp.\n" in (verbs("sent").update.__doc__ or "")


def test_verb_has_its_own_name(name: str) -> None:
    contacts = verbs(name)
    for verb in ("list", "pages", "get", "create", "update", "delete"):
        assert getattr(contacts, verb).__name__ == verb


def test_signatures_of_two_clients_are_independent() -> None:
    sent, privy = verbs("sent"), verbs("privy")
    assert "opt_out" in parameters(sent.update)
    assert "opt_out" not in parameters(privy.update)


def test_docstring_of_a_bulk_verb_says_what_it_takes() -> None:
    contacts = verbs("sendblue")
    assert "keys: a list or a Series of keys" in contacts.bulk_delete.__doc__
    docstring = contacts.bulk_create.__doc__
    assert docstring.index("contacts: a DataFrame") < docstring.index("first_name: ")
    assert list(parameters(contacts.opt_out)) == ["key", "opted_out", "opt_in"]
    assert parameters(contacts.opt_out)["opted_out"].default is True


OPT_IN = {
    "sent": {"create", "update"},
    "sendblue": {"create", "update", "opt_out", "bulk_create"},
    "privy": {"create", "update"},
    "digital_onboarding": {"create", "update", "upsert"},
}


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_verbs_that_may_opt_in_take_opt_in(name: str, kind: str) -> None:
    contacts = verbs(name, kind)
    every = {endpoint.verb: getattr(contacts, endpoint.verb) for endpoint in find(name).endpoints}
    taken = {verb: call for verb, call in every.items() if "opt_in" in parameters(call)}
    assert taken.keys() == OPT_IN[name]
    for call in taken.values():
        assert parameters(call)["opt_in"].default is False
        assert "opt_in: True opts in a contact who opted out" in call.__doc__
