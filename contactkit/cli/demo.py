"""The demonstration in the terminal, on the simulator: list, change, refuse, read back.

Each provider has one contact to change, and one change that its documentation says is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contactkit._client.connect import connect
from contactkit.cli.output import console, show
from contactkit.errors import ApiError, InvalidInputError
from contactkit.simulator import Simulator


@dataclass(frozen=True, kw_only=True)
class Story:
    """One provider's demonstration; `refused` is the key and the change."""

    columns: tuple[str, ...]
    key: str
    change: Mapping[str, object]
    refused: tuple[str, Mapping[str, object]]
    because: str


STORIES = {
    "sent": Story(
        columns=("id", "phone_number", "available_channels", "default_channel", "opt_out"),
        key="6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        change={"default_channel": "whatsapp"},
        refused=("0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0003", {"opt_out": True}),
        because="this contact is inherited from a parent account",
    ),
    "sendblue": Story(
        columns=("phone", "first_name", "last_name", "tags", "opt_out", "created_at"),
        key="+12025550123",
        change={"company_name": "Byron & Co", "tags": ["wholesale", "vip"]},
        refused=("+12025550199", {"opt_out": True}),
        because="there is no contact with this number",
    ),
    "privy": Story(
        columns=("id", "email", "phone_number", "email_consent", "sms_consent"),
        key="cus_a1b2c3d4e5f60001",
        change={"phone_number": "+1 (415) 555-0132", "sms_consent": "single_opt_in"},
        refused=("cus_a1b2c3d4e5f60002", {"email": "someone.else@example.com"}),
        because="an e-mail address can be set only once",
    ),
    "digital_onboarding": Story(
        columns=("id", "email", "phone_mobile", "timezone", "sms_opted_in"),
        key="5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01",
        change={"phone_mobile": "+1 (312) 555-0142", "sms_opted_in": False},
        refused=("5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b02", {"timezone": "UTC-05:00"}),
        because="an offset from UTC is not a time zone",
    ),
}


def show_story(provider: str) -> None:
    """Run one provider's story and show each step."""
    story = STORIES[provider]
    client = connect(provider, via=Simulator(contacts=8, seed=7))
    columns = list(story.columns)

    console.rule(f"[bold]{provider}")
    _show_code(
        f'client = contactkit.connect("{provider}", via=contactkit.Simulator(contacts=8, seed=7))'
    )
    console.print(repr(client), markup=False, highlight=False)

    _show_code("client.contacts.list().head(6)")
    show(client.contacts.list().filter(columns).head(6))

    _show_code(_update_call(story.key, story.change))
    result = client.contacts.update(story.key, **story.change)
    show(
        result.filter(["operation", "outcome", "changed", "http_status", "attempts", "request_id"])
    )

    key, change = story.refused
    _show_code(f"{_update_call(key, change)}  # {story.because}")
    try:
        client.contacts.update(key, **change)
    except (ApiError, InvalidInputError) as error:
        refusal = f"{type(error).__name__}: {error}"
        console.print(refusal, style="yellow", markup=False, highlight=False)
    else:
        raise AssertionError(f"{provider} accepted a change that its documentation says is refused")

    _show_code(f'client.contacts.get("{story.key}")')
    show(client.contacts.get(story.key).filter(columns))
    console.print()


def _show_code(code: str) -> None:
    console.print(f"\n>>> {code}", style="bold", markup=False, highlight=False)


def _update_call(key: str, change: Mapping[str, object]) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in change.items())
    return f'client.contacts.update("{key}", {arguments})'
