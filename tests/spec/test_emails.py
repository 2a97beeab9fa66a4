"""E-mail addresses: what may be written, at every provider that has one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit.spec import emails

GOOD = [
    "janet@example.com",
    "Janet.SMITH@Example.COM",
    "janet+news@example.com",
    "o'brien@example.com",
    "jos\u00e9@b\u00fccher.example",
    "janet@xn--bcher-kva.example",
    "janet@shop.test",
]
BAD = [
    "",
    "janet",
    "janet@example.com,",
    "janet@example.com;",
    "<janet@example.com>",
    "Janet<janet@example.com>",
    '"janet@example.com"',
    "mailto:janet@example.com",
    "janet@b,example.com",
    "janet@example.com, omar@example.com",
    "jan..et@example.com",
    "janet@example..com",
    ".janet@example.com",
    "janet @example.com",
    "janet@localhost",
]
EMAIL = {"privy": "email", "digital_onboarding": "email", "sendblue": "assigned_to_email"}


@pytest.mark.parametrize("address", GOOD)
def test_a_good_address_is_unchanged(address: str) -> None:
    assert emails.check(address) == address


@pytest.mark.parametrize("address", BAD)
def test_what_is_no_single_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError) as caught:
        emails.check(address)
    assert str(caught.value) == f"must be {emails.ALLOWED}"


@given(
    st.sampled_from("\x00\x07\x1f\x7f\x85\u00a0\u00ad\u200b\u200e\u202e\u2060\ufeff"),
    st.integers(0, len("janet@example.com")),
)
def test_a_character_nobody_sees_is_refused_and_named(mark: str, place: int) -> None:
    address = "janet@example.com"
    with pytest.raises(ValueError, match=rf"without U\+{ord(mark):04X}") as caught:
        emails.check(address[:place] + mark + address[place:])
    assert "et@" not in str(caught.value).replace("janet@example.com", "", 1)


@pytest.mark.parametrize("provider", EMAIL)
@pytest.mark.parametrize(
    "address", ["janet@example.com\u200b", "<janet@example.com>", "jan..et@example.com"]
)
def test_every_provider_refuses_a_wrong_address_before_it_is_sent(
    provider: str, address: str
) -> None:
    client = ck.connect(provider, via=ck.Simulator())
    before = client.contacts.list()
    with pytest.raises(ck.InvalidInputError, match="must be an e-mail address"):
        client.contacts.update(before.iloc[0, 0], **{EMAIL[provider]: address})
    plan = client.contacts.plan(before.head(1).assign(**{EMAIL[provider]: address}), before)
    assert plan.rows["outcome"].tolist() == ["refused"]


def test_importing_the_package_does_not_import_the_validator() -> None:
    code = "import contactkit, sys; sys.exit('email_validator' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
