"""Consent to texts at each provider: what records a yes, a no, and silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.providers import EXAMPLES, Wire

YES: Mapping[str, dict[str, Any]] = {
    "sent": {"opt_out": False},
    "sendblue": {"opt_out": False},
    "privy": {"sms_consent": "subscribed"},
    "digital_onboarding": {
        "sms_opted_in": True,
        "sms_authorized": True,
        "sms_unsubscribed": False,
    },
}
NO: Mapping[str, dict[str, Any]] = {
    "sent": {"opt_out": True},
    "sendblue": {"opt_out": True},
    "privy": {"sms_consent": "unsubscribed"},
    "digital_onboarding": {"sms_unsubscribed": True},
}
SILENCE: Mapping[str, dict[str, Any]] = {
    "sendblue": {"opt_out": None},
    "privy": {"sms_consent": "never_subscribed"},
    "digital_onboarding": {
        "sms_opted_in": False,
        "sms_authorized": False,
        "sms_unsubscribed": False,
    },
}


def record(wire: Wire, name: str, values: Mapping[str, Any]) -> None:
    """Change the example contact at the provider, as a reply of its owner does."""
    wire.simulator.put(EXAMPLES[name].key, **values)


def has(wire: Wire, name: str, values: Mapping[str, Any]) -> bool:
    """Whether the example contact has these values at the provider."""
    state = wire.simulator.state()
    contact = state[state.iloc[:, 0] == EXAMPLES[name].key].iloc[0]
    return all(contact[field] == value for field, value in values.items())
