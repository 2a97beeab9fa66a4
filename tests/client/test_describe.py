"""A declaration as a DataFrame."""

from __future__ import annotations

import pandas as pd

import contactkit as ck
from contactkit._frames.frame import STRING
from contactkit._providers import find, names
from contactkit.spec.record import Record, fields_of

COLUMNS = (
    "of field type access required unique choices collection personal consent wire deprecated help "
    "evidence docs"
)


def names_of(of: str, record: type[Record] | None) -> list[tuple[str, str]]:
    return [(of, name) for name in fields_of(record)] if record else []


def row_of(frame: pd.DataFrame, of: str, field: str) -> dict[str, object]:
    [row] = frame[frame["of"].eq(of) & frame["field"].eq(field)].to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_describe_has_a_row_for_each_field_verb_and_parameter(name: str) -> None:
    provider, frame = find(name), ck.describe(name)
    expected = names_of("contact", provider.record)
    for endpoint in provider.routes:
        expected.append(("verb", endpoint.verb))
        expected += names_of(endpoint.verb, endpoint.params)
        expected += names_of(endpoint.verb, endpoint.flags)
        expected += names_of(endpoint.verb, endpoint.record)
    assert list(zip(frame["of"], frame["field"], strict=True)) == expected


def test_describe_has_the_documented_columns_and_dtypes(name: str) -> None:
    frame = ck.describe(find(name))
    assert list(frame.columns) == COLUMNS.split()
    assert dict(frame.dtypes) == {
        column: pd.BooleanDtype() if column in ("required", "unique") else STRING
        for column in frame.columns
    }
    assert not frame.isna().any(axis=None)


def test_described_type_is_the_dtype_of_the_contact_frame(name: str) -> None:
    people = ck.connect(name, via=ck.Simulator(contacts=1)).contacts.list()
    described = ck.describe(name).query("of == 'contact'").set_index("field")["type"]
    for column, dtype in people.dtypes.items():
        assert described[column] in (str(dtype), "list", "dict")
        assert (str(dtype) == "object") == (described[column] in ("list", "dict"))


def test_every_description_has_help_evidence_and_docs(name: str) -> None:
    frame = ck.describe(name)
    assert frame["help"].str.len().gt(0).all()
    assert frame["evidence"].isin(["documented", "inferred"]).all()
    assert frame["docs"].str.startswith("https://").all()


def test_field_is_described_as_declared() -> None:
    row = row_of(ck.describe("privy"), "contact", "sms_consent")
    assert row["access"] == "writable"
    assert row["type"] == "category"
    assert row["choices"] == ("subscribed, unsubscribed, never_subscribed, single_opt_in, pending")
    assert row["deprecated"] == "phone_permission, contact_phone_permission"
    assert row["wire"] == "sms_consent"


CONSENT = {
    "sent": {"opt_out": "text: True denied, False allowed"},
    "sendblue": {
        "opt_out": "text: True denied, False allowed",
        "opted_out": "text: True denied, False allowed",
    },
    "privy": {
        "sms_consent": "text: unsubscribed denied, single_opt_in or subscribed allowed",
        "email_consent": "email: unsubscribed or suppressed denied, subscribed allowed, "
        "compliance_suppressed locked",
    },
    "digital_onboarding": {
        f"{prefix}_{flag}": f"{channel}: {text}"
        for prefix, channel in (("sms", "text"), ("email", "email"))
        for flag, text in (
            ("unsubscribed", "True denied"),
            ("opted_in", f"True allowed if {prefix}_authorized is too"),
            ("authorized", f"True allowed if {prefix}_opted_in is too"),
        )
    },
}


def test_fields_of_consent_say_what_their_values_mean(name: str) -> None:
    frame = ck.describe(name)
    says = frame[frame["consent"] != ""]
    assert says.set_index("field")["consent"].to_dict() == CONSENT[name]
    assert not set(says["of"]) - {"contact", "opt_out"}
    assert set(says.loc[says["of"] == "contact", "field"]) == find(name).consent.fields


def test_verb_is_described_as_declared(name: str) -> None:
    provider, frame = find(name), ck.describe(name)
    for endpoint in provider.routes:
        row = row_of(frame, "verb", endpoint.verb)
        assert row["type"] == f"{endpoint.method} {endpoint.path}"
        assert row["access"] == ("write" if endpoint.effect else "read")
        assert row["required"] is False
        assert str(row["help"]).startswith(endpoint.help)
        assert endpoint.deprecated in str(row["help"])
        assert row["evidence"] == endpoint.evidence
        assert row["docs"] == (endpoint.docs or provider.docs)


def test_fields_that_create_requires_are_marked() -> None:
    assert row_of(ck.describe("sent"), "contact", "phone_number")["required"] is True
    assert row_of(ck.describe("sent"), "contact", "opt_out")["required"] is False


def test_inferred_facts_are_marked() -> None:
    assert row_of(ck.describe("sent"), "list", "search")["evidence"] == "inferred"


def test_providers_has_a_row_of_text_for_each_provider():
    table = ck.providers()
    assert table["name"].to_list() == sorted(names())
    assert [str(kind) for kind in table.dtypes] == ["string"] * len(table.columns)
    assert not table.isna().any(axis=None)
    table = table.set_index("name")
    for name in names():
        verbs = [endpoint.verb for endpoint in find(name).routes]
        assert table.loc[name, "verbs"] == ", ".join(verbs)
        assert bool(table.loc[name, "limits"]) is bool(find(name).limits)
        inferred = ck.describe(name)["evidence"].eq("inferred").sum()
        assert table.loc[name, "evidence"].startswith(f"{inferred} of") or not inferred
    assert table.loc["privy", "authentication"] == "token, or client_id and client_secret"
    assert table.loc["sent", "limits"] == "200/minute"
    assert table.loc["privy", "limits"] == "60/minute, 10000/day"


def test_describe_says_which_requests_a_plan_sends(name: str) -> None:
    helps = ck.describe(name).query("of == 'verb'").set_index("field")["help"]
    for endpoint in find(name).endpoints:
        one = endpoint.verb in ("create", "update", "delete")
        assert ("A plan sends one request per contact." in helps[endpoint.verb]) is one
        assert ("A plan does not use it: " in helps[endpoint.verb]) is bool(endpoint.bulk)


def test_describe_says_which_digits_of_sent_times_are_kept():
    help_of = ck.describe("sent").query("of == 'contact'").set_index("field")["help"]
    for name in ("created_at", "updated_at"):
        assert "of which six, microseconds, are kept" in help_of[name]
