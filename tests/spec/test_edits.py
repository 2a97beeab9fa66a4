"""One contact's edit: what is sent of it, and that it is judged only by what is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._providers import find
from contactkit.spec.record import fields_of
from contactkit.spec.validate import is_complete, merge_patch, validate_edit, value_after
from tests.support.providers import Example

MERGED = fields_of(find("sendblue").record)["custom_variables"]
REPLACED = fields_of(find("privy").record)["custom_fields"]
PAIRS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))


@given(PAIRS | st.none(), PAIRS | st.none())
def test_merge_patch_leads_to_the_wanted_value_or_raises(held: Any, wanted: Any) -> None:
    try:
        sent = merge_patch(MERGED, held, wanted)
    except ValueError as error:
        assert set(held) - set(wanted) and wanted
        assert "merged with what is there" in str(error)
    else:
        assert (value_after(MERGED, held, sent) or None) == (wanted or None)


def test_merge_patch_sends_only_changed_entries() -> None:
    assert merge_patch(MERGED, {"a": "1", "b": "2"}, {"a": "1", "b": "3"}) == {"b": "3"}


@given(PAIRS, PAIRS | st.none())
def test_merge_patch_sends_a_replaced_collection_whole(held: Any, wanted: Any) -> None:
    assert merge_patch(REPLACED, held, wanted) == wanted == value_after(REPLACED, held, wanted)


def test_validate_edit_ignores_an_incomplete_contact() -> None:
    provider = find("privy")
    update = provider.endpoint("update")
    part = {"id": "c1", "email_consent": "compliance_suppressed"}
    rest = dict.fromkeys(fields_of(provider.record), None) | {"sms_consent": "pending"}
    known = rest | part | {"tags": [], "custom_fields": {}, "created_at": "x", "updated_at": "x"}
    assert (is_complete(provider.record, part), is_complete(provider.record, known)) == (
        False,
        True,
    )
    change = {"email_consent": "unsubscribed"}
    assert validate_edit(provider, update, change, part).problems == []
    (problem,) = validate_edit(provider, update, change, known).problems
    assert problem.field == "email_consent"


def test_validate_edit_accepts_each_providers_update(
    name: str, example: Example
) -> None:
    provider = find(name)
    found = validate_edit(provider, provider.endpoint("update"), example.update, None)
    assert (found.problems, found.values) == ([], dict(example.update))


@pytest.mark.parametrize("value", ["text", None, 3])
def test_merge_patch_leaves_other_types_to_the_check(value: Any) -> None:
    assert merge_patch(MERGED, {"a": "1"}, value) == value
