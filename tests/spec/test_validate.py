"""What may be written: each rule, on a provider made up for it, and edits of real ones."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find
from contactkit.errors import ApiError, FieldProblem, InvalidInputError, Problem
from contactkit.spec import (
    Credential,
    Endpoint,
    Envelope,
    ErrorShape,
    HeaderAuth,
    PageNumbers,
    Provider,
    Record,
    Time,
    create_contact,
    create_only,
    delete_contact,
    emails,
    fields_of,
    key,
    option,
    phones,
    read_only,
    update_contact,
    writable,
    write_once,
)
from contactkit.spec.merge import merge_patch, value_after
from contactkit.spec.user_input import is_complete, normalise_input, validate_edit
from contactkit.spec.validate import (
    Checked,
    accepted_fields,
    check,
    is_na,
    to_python,
    writable_fields,
)
from tests.support.providers import Example


def even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


class Thing(Record):
    """A field of every kind and access."""

    id: Annotated[str, key("The key.")]
    born: Annotated[Time, read_only("Read-only.")]
    kind: Annotated[str, create_only("Create-only.", required=True)]
    level: Annotated[str, writable("Omitted at create.")]
    email: Annotated[str | None, write_once("Once.", personal="email", check=emails.check)] = None
    phone: Annotated[
        str | None, writable("Phone.", personal="phone", wire="tel", check=phones.check)
    ] = None
    size: Annotated[Literal["s", "m"], writable("Size.", deprecated=("dimension", "girth"))]
    ok: Annotated[bool, writable("Flag.")]
    count: Annotated[int | None, writable("Count.", check=even)] = None
    at: Annotated[Time | None, writable("Time.")] = None
    tags: Annotated[list[str], writable("Tags.")]
    more: Annotated[dict[str, str | int | float | bool | None], writable("Custom fields.")]


class Extra(Record):
    """The verbs' own parameters."""

    quiet: Annotated[bool | None, option("Quiet.")] = None


def rules(current: Mapping[str, Any] | None, changes: Mapping[str, Any]) -> Sequence[FieldProblem]:
    """Refuse everything, and say for which contact."""
    ground = "new" if current is None else f"was {current.get('size')}"
    return [FieldProblem(field="", message=f"{ground}: {sorted(changes)}", code="rule")]


CREATE = create_contact(path="/things", omits=("level",), params=Extra)
UPDATE = update_contact(path="/things/{key}", params=Extra)
DELETE = delete_contact(path="/things/{key}")
PROVIDER = Provider(
    name="things",
    title="Things",
    base_url="https://api.example.com",
    docs="https://docs.example.com",
    record=Thing,
    endpoints=(CREATE, UPDATE, DELETE),
    auth=(HeaderAuth(credentials=(Credential(name="api_key", env="THINGS_KEY"),)),),
    paging=PageNumbers(info=("page",)),
    envelope=Envelope(one=("data",), many=("data",)),
    errors=ErrorShape(
        read=lambda body: None,
        write=lambda problem, now: str(problem),
        catalogue={"no": (400, ApiError)},
    ),
)
RULED = replace(PROVIDER, rules=rules)


def update(current: Mapping[str, Any] | None = None, **values: Any) -> Checked:
    return check(PROVIDER, UPDATE, values, current)


def refusal(current: Mapping[str, Any] | None = None, **values: Any) -> FieldProblem:
    """The one problem that an update with these values has."""
    found = update(current, **values)
    assert not found.values
    [problem] = found.problems
    return problem


def cleaned(**values: Any) -> dict[str, Any]:
    return normalise_input(PROVIDER, UPDATE, values)


# Which fields a verb takes


def test_update_accepts_writable_fields_and_parameters() -> None:
    names = ["level", "email", "phone", "size", "ok", "count", "at", "tags", "more"]
    assert list(writable_fields(PROVIDER, UPDATE)) == names
    assert list(accepted_fields(PROVIDER, UPDATE)) == [*names, "quiet"]


def test_create_accepts_create_only_fields_but_no_omitted_ones() -> None:
    names = ["kind", "email", "phone", "size", "ok", "count", "at", "tags", "more"]
    assert list(writable_fields(PROVIDER, CREATE)) == names


def test_verb_without_fields_accepts_none() -> None:
    assert accepted_fields(PROVIDER, DELETE) == {}
    [problem] = check(PROVIDER, DELETE, {"ok": True}).problems
    assert problem.message == "delete takes no such field; allowed: none"


def test_check_unknown_field_names_the_nearest_and_the_allowed() -> None:
    problem = refusal(sise="s")
    assert (problem.field, problem.code) == ("sise", "unknown")
    assert "did you mean 'size'? allowed: at, count, email" in problem.message


@pytest.mark.parametrize(
    ("endpoint", "name", "message"),
    [
        (UPDATE, "id", "the key cannot be written"),
        (UPDATE, "born", "is read-only"),
        (UPDATE, "kind", "can be set only when the contact is created"),
        (CREATE, "level", "cannot be set by create"),
    ],
)
def test_check_unwritable_field_gives_the_reason(
    endpoint: Endpoint, name: str, message: str
) -> None:
    problem = check(PROVIDER, endpoint, {name: "x", "kind": "k"}).problems[0]
    assert (problem.field, problem.code) == (name, "read_only")
    assert problem.message.startswith(f"{message}; {endpoint.verb} takes: ")
    assert problem.message.endswith(", size, ok, count, at, tags, more, quiet")


def test_check_create_names_required_fields() -> None:
    [problem] = check(PROVIDER, CREATE, {"ok": True}).problems
    assert (problem.field, problem.code) == ("kind", "required")


def test_check_without_changes_names_the_writable_fields() -> None:
    for values in ({}, {"quiet": True}):
        problem = check(PROVIDER, UPDATE, values).problems[0]
        assert (problem.field, problem.code) == ("", "empty")
        assert "nothing to change; pass at least one of: level, " in problem.message
        assert "quiet" not in problem.message


def test_check_reports_a_refused_field_once() -> None:
    assert refusal(ok="yes").field == "ok"


def test_check_reports_every_bad_field() -> None:
    found = update(ok=1, size="xl", born="x", nope=1, count=2)
    assert [problem.field for problem in found.problems] == ["ok", "size", "born", "nope"]
    assert found.values == {"count": 2}


# Which values a field takes


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("level", 5, "must be text, not a number"),
        ("level", b"x", "must be text"),
        ("ok", "true", "must be True or False"),
        ("ok", 1, "must be True or False"),
        ("count", True, "must be a whole number"),
        ("count", 2.0, "must be a whole number"),
        ("count", "2", "must be a whole number"),
        ("tags", ("a", "b"), "must be a list of text"),
        ("tags", "a, b", "must be a list of text"),
        ("tags", ["a", 1], "must be a list of text"),
        ("tags", ["a", None], "must be a list of text"),
        ("more", {"a": {"b": 1}}, "must be a flat mapping"),
        ("more", {"a": [1]}, "must be a flat mapping"),
        ("more", {1: "a"}, "must be a flat mapping"),
        ("more", [], "must be a flat mapping"),
        ("at", datetime(2026, 3, 1, 12), "must be a time with its offset"),
        ("at", "2026-03-01T12:00:00", "must be a time with its offset"),
        ("at", "2026-13-01T12:00:00Z", "must be a time with its offset"),
        ("at", 5, "must be a time with its offset"),
    ],
)
def test_check_wrong_type_names_the_right_one(name: str, value: Any, message: str) -> None:
    problem = refusal(**{name: value})
    assert (problem.field, problem.code) == (name, "type")
    assert problem.message.startswith(message)


@pytest.mark.parametrize("value", ["xl", "S", "", 5, True, ["s"], {}])
def test_check_wrong_choice_names_the_allowed_ones(value: Any) -> None:
    problem = refusal(size=value)
    assert (problem.code, problem.message) == ("choice", "must be one of s, m")


def test_check_applies_the_markers_rule() -> None:
    assert refusal(count=3) == FieldProblem(field="count", message="must be even", code="format")


@pytest.mark.parametrize("value", ["2026-03-01T14:00:00+02:00", "2026-03-01T12:00:00Z"])
def test_check_accepts_a_time_as_text(value: str) -> None:
    assert update(at=value).values == {"at": "2026-03-01T12:00:00Z"}


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        pd.Timestamp("2026-03-01T12:00:00Z"),
        pd.Timestamp("2026-03-01T14:00:00+02:00"),
    ],
)
def test_check_accepts_an_aware_datetime(value: datetime) -> None:
    assert update(at=value).values == {"at": "2026-03-01T12:00:00Z"}


def test_checked_values_are_json_by_name_and_by_wire_name() -> None:
    found = update(phone="+12025550123", more={"a": 1, "b": None, "c": True}, quiet=True)
    assert found.problems == []
    assert found.values["phone"] == found.wire["tel"] == "+12025550123"
    assert found.values["more"] == {"a": 1, "b": None, "c": True}
    assert "phone" not in found.wire
    assert found.wire["quiet"] is True


def test_checked_values_are_copies() -> None:
    tags = ["a"]
    found = update(tags=tags)
    tags.append("b")
    assert found.values["tags"] == ["a"]


# Clearing


@pytest.mark.parametrize("name", ["phone", "count", "at"])
def test_none_clears_a_nullable_field(name: str) -> None:
    assert update(**{name: None}).values == {name: None}


@pytest.mark.parametrize("name", ["level", "size", "ok", "tags", "more"])
def test_none_is_refused_for_other_fields(name: str) -> None:
    problem = refusal(**{name: None})
    assert (problem.field, problem.code) == (name, "clear")
    assert problem.message.startswith("cannot be cleared; it must be ")


def test_write_once_field_cannot_be_cleared() -> None:
    assert refusal(email=None).code == "write_once"


def test_write_once_field_cannot_change() -> None:
    problem = refusal({"email": "old@example.com"}, email="new@example.com")
    assert (problem.code, problem.message) == (
        "write_once",
        "already has a value and can be set only once",
    )


@pytest.mark.parametrize(
    "current", [None, {}, {"email": None}, {"email": ""}, {"email": "new@example.com"}]
)
def test_write_once_field_may_be_filled_or_repeated(current: Any) -> None:
    assert update(current, email="new@example.com").problems == []


# User input


@pytest.mark.parametrize(
    "value", [pd.NA, pd.NaT, float("nan"), np.nan, np.float32("nan"), np.datetime64("NaT", "us")]
)
def test_normalise_input_leaves_out_na(value: Any) -> None:
    assert is_na(value)
    assert cleaned(at=value, ok=True) == {"ok": True}


@pytest.mark.parametrize("value", [None, "", 0, False, [], {}, "nan", "NaT"])
def test_normalise_input_keeps_other_empty_values(value: Any) -> None:
    assert cleaned(level=value) == {"level": value}


@pytest.mark.parametrize(
    ("value", "own"),
    [
        (np.int64(2), 2),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array(["a", "b"]), ["a", "b"]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (pd.array(["a", "b"], dtype="string"), ["a", "b"]),
        (pd.Categorical(["a"]), ["a"]),
        ([1], [1]),
    ],
)
def test_to_python_converts_numpy_and_pandas_values(value: Any, own: Any) -> None:
    assert to_python(value) == own
    assert type(to_python(value)) is type(own)
    assert cleaned(level=value) == {"level": own}


def test_normalised_values_pass_the_check() -> None:
    values = cleaned(ok=np.bool_(True), count=np.int64(2), tags=np.array(["a"]), level=pd.NA)
    assert update(**values).values == {"ok": True, "count": 2, "tags": ["a"]}


def test_normalise_input_makes_phones_e164() -> None:
    assert cleaned(phone="+1 (202) 555-0123") == {"phone": "+12025550123"}
    assert cleaned(phone="202 555 0123") == {"phone": "202 555 0123"}
    assert cleaned(phone=None, level="+1 (202) 555-0123")["level"] == "+1 (202) 555-0123"


def test_check_refuses_a_phone_without_country_code() -> None:
    problem = refusal(**cleaned(phone="202 555 0142"))
    assert (problem.field, problem.code) == ("phone", "format")


@pytest.mark.parametrize("old", ["dimension", "girth"])
def test_deprecated_name_warns_and_is_renamed(old: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"Things: use size= instead of {old}="):
        assert cleaned(**{old: "s"}) == {"size": "s"}


@pytest.mark.parametrize("both", [{"girth": "s", "size": "s"}, {"dimension": "s", "girth": "m"}])
def test_two_names_of_one_field_are_refused(both: dict[str, str]) -> None:
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(InvalidInputError, match="is size, which is given twice"),
    ):
        cleaned(**both)


def test_deprecated_name_warns_at_the_callers_line() -> None:
    client = ck.connect("privy", via=ck.Simulator(contacts=1))
    with pytest.warns(DeprecationWarning) as caught:
        client.contacts.list(email_permission="subscribed")
    with pytest.warns(DeprecationWarning) as written:
        client.contacts.create(email="new@example.com", email_permission="subscribed")
    assert {warning.filename for warning in (*caught, *written)} == {__file__}


# Rules


def test_rules_run_on_create() -> None:
    [problem] = check(RULED, CREATE, {"kind": "k", "quiet": True}).problems
    assert (problem.message, problem.code) == ("new: ['kind']", "rule")


def test_rules_run_on_update_when_the_contact_is_known() -> None:
    [problem] = check(RULED, UPDATE, {"ok": True, "quiet": True}, {"size": "m"}).problems
    assert problem.message == "was m: ['ok']"


def test_rules_do_not_run_while_the_contact_is_unknown() -> None:
    assert check(RULED, UPDATE, {"ok": True}).problems == []


def test_rules_do_not_run_on_bad_values() -> None:
    [problem] = check(RULED, UPDATE, {"ok": 1}, {"size": "m"}).problems
    assert problem.code == "type"


def test_rules_refuse_a_phone_of_no_country() -> None:
    privy = find("privy")
    values = {"phone_number": "+9991234567", "sms_consent": "subscribed"}
    [problem] = check(privy, privy.endpoint("create"), values).problems
    assert problem.field == "sms_consent"


# No message repeats a personal value

SECRET = "jan+private@example.com 2025550199"


def test_no_message_repeats_a_personal_value(name: str) -> None:
    provider = find(name)
    current = {field: f"{SECRET} now" for field in fields_of(provider.record)}
    for endpoint in provider.endpoints:
        for field in {*fields_of(provider.record), *accepted_fields(provider, endpoint)}:
            for value in (SECRET, [SECRET, 5], {SECRET: {SECRET: SECRET}}, None, 5):
                found = check(provider, endpoint, {field: value}, current)
                message = str(Problem(fields=tuple(found.problems)))
                assert "private" not in message
                assert "2025550199" not in message


def test_check_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        update(at="2026-03-01T12:00:00Z", tags=["a"], more={"a": 1.5}, size="s")


# A contact's edit

MERGED = fields_of(find("sendblue").record)["custom_variables"]
REPLACED = fields_of(find("privy").record)["custom_fields"]
PAIRS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))


@given(PAIRS | st.none(), PAIRS | st.none())
def test_merge_patch_leads_to_the_wanted_value_or_raises(current: Any, wanted: Any) -> None:
    try:
        sent = merge_patch(MERGED, current, wanted)
    except ValueError as error:
        assert set(current) - set(wanted) and wanted
        assert "merged with the current value" in str(error)
    else:
        assert (value_after(MERGED, current, sent) or None) == (wanted or None)


def test_merge_patch_sends_only_changed_entries() -> None:
    assert merge_patch(MERGED, {"a": "1", "b": "2"}, {"a": "1", "b": "3"}) == {"b": "3"}


@given(PAIRS, PAIRS | st.none())
def test_merge_patch_sends_a_replaced_collection_whole(current: Any, wanted: Any) -> None:
    assert (
        merge_patch(REPLACED, current, wanted) == wanted == value_after(REPLACED, current, wanted)
    )


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


def test_validate_edit_accepts_each_providers_update(name: str, example: Example) -> None:
    provider = find(name)
    found = validate_edit(provider, provider.endpoint("update"), example.update, None)
    assert (found.problems, found.values) == ([], dict(example.update))


@pytest.mark.parametrize("value", ["text", None, 3])
def test_merge_patch_leaves_other_types_to_the_check(value: Any) -> None:
    assert merge_patch(MERGED, {"a": "1"}, value) == value


@given(
    st.sampled_from([*map(chr, range(32)), *map(chr, range(127, 160))]),
    st.text("ab", max_size=3),
    st.sampled_from(["level", "tags", "more"]),
)
def test_control_characters_but_tabs_and_line_breaks_are_refused(
    control: str, text: str, name: str
) -> None:
    value = {"level": text + control, "tags": ["a", control + text], "more": {text: control}}[name]
    problems = update(**{name: value}).problems
    if control in "\t\n\r":
        assert not problems
        return
    [problem] = problems
    assert problem.field == name
    assert problem.message == f"must have no control character, but has U+{ord(control):04X}"


def test_a_control_character_that_the_contact_has_already_keeps_nothing_back() -> None:
    assert not update({"tags": ["a\x00"]}, tags=["a\x00", "b"]).problems
    assert update({"tags": ["a\x00"]}, tags=["a\x00", "\x01"]).problems


def test_an_odd_address_that_the_contact_has_already_is_not_checked() -> None:
    odd = {"email": "janet@example.com,", "phone": "202-555-0123"}
    assert update(odd, **odd).values == odd
    assert {problem.field for problem in update({}, **odd).problems} == {"email", "phone"}


@pytest.mark.parametrize("name", ["phone_home", "phone_mobile", "phone_work"])
@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("+1\u00a0202\u2011555\u20110123", "+12025550123"),
        ("+12025550123.0", "+12025550123"),
        ("(202)\u202f555\u20120123\u202c", "(202) 555-0123"),
        ("2025550123.0", "2025550123"),
        ("+1 202 555 0123 / 0124", None),
        ("+12025550123.5", None),
        ("+1 202 555 0123 x5", None),
        ("(202) 555-0123 ext. 1234", None),
        ("2025550123;ext=5", None),
        ("202-555-0123, 202-555-0124", None),
        ("202-555-0123 (home)", "202-555-0123 (home)"),
        ("\u202e2025550123", None),
    ],
)
def test_a_phone_without_a_documented_format_is_read_as_it_is_seen(
    name: str, written: str, sent: str | None
) -> None:
    provider = find("digital_onboarding")
    endpoint = next(each for each in provider.endpoints if each.verb == "update")
    found = validate_edit(provider, endpoint, {name: written}, None)
    assert found.values == ({name: sent} if sent else {})
    assert bool(found.problems) is (sent is None)
