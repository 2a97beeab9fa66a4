"""A simulator whose requests can be observed and broken, and examples for every provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._http.session import Session
from contactkit._http.world import VirtualClock
from contactkit.spec.provider import Provider

Fault = Callable[[httpx.Request, Callable[[httpx.Request], httpx.Response]], httpx.Response]


NOTICE = "Replay of <b>calls</b> & $x$: nothing is sent."


class Noticed(ck.Simulator):
    """A simulator with a notice."""

    notice = NOTICE


@dataclass
class Wire:
    """Records requests to a simulator: each uses up a fault, and None passes it on."""

    simulator: ck.Simulator = field(default_factory=lambda: ck.Simulator(contacts=8, seed=7))
    faults: list[Fault | None] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    name = "wire"
    real = False

    @property
    def notice(self) -> str:
        return self.simulator.notice

    @property
    def clock(self) -> Any:
        return self.simulator.clock

    def credentials(self, provider: Provider) -> Mapping[str, str]:
        return self.simulator.credentials(provider)

    def tap(self, session: Session) -> None:
        pass

    def transport(self, provider: Provider) -> httpx.MockTransport:
        answer = self.simulator.transport(provider).handler

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else None
            return fault(request, answer) if fault else answer(request)

        return httpx.MockTransport(handle)


def says(status: int, content: bytes | str = b"", kind: str = "application/json", **headers: str):
    """A fault: this answer, without the request reaching the provider."""

    def fault(request: httpx.Request, answer: object) -> httpx.Response:
        names = {"Content-Type": kind, **{n.replace("_", "-"): v for n, v in headers.items()}}
        return httpx.Response(status, content=content, headers=names)

    return fault


def loses(error: type[httpx.TransportError], *, after: bool):
    """A fault: no answer, `after` the request was carried out or before it arrived."""

    def fault(request: httpx.Request, answer: Callable[[httpx.Request], Any]) -> httpx.Response:
        if after:
            answer(request)
        raise error("no answer", request=request)

    return fault


def then_says(status: int, content: bytes = b"{}"):
    """A fault: the request is carried out, and the answer replaced by this one."""

    def fault(request: httpx.Request, answer: Callable[[httpx.Request], Any]) -> httpx.Response:
        answer(request)
        return httpx.Response(status, content=content, headers={"Content-Type": "application/json"})

    return fault


def only_writes(fault: Fault) -> Fault:
    """The fault, for all requests but reads."""
    return lambda request, answer: (
        answer(request) if request.method == "GET" else fault(request, answer)
    )


def lift_suppressions(simulator: ck.Simulator) -> None:
    """Make every contact of a simulator of Privy one that may be written."""
    for contact in simulator.state().itertuples():
        if contact.email_consent == "compliance_suppressed":
            simulator.put(contact.id, email_consent="unsubscribed")


@dataclass(frozen=True, kw_only=True)
class Example:
    """Values for the tests of a provider.

    `refused` is a change that only the provider can refuse, `others` holds the arguments of its own
    verbs, and `unlisted` fields are missing from listings.
    """

    key: str
    create: Mapping[str, Any]
    update: Mapping[str, Any]
    filter: Mapping[str, Any]
    environment: Mapping[str, str]
    unknown: str
    refused: tuple[str, Mapping[str, Any]] | None = None
    others: Mapping[str, tuple[tuple[Any, ...], Mapping[str, Any]]] = field(default_factory=dict)
    unlisted: tuple[str, ...] = ()


EXAMPLES = {
    "sent": Example(
        key="6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        create={"phone_number": "+12125550187"},
        update={"opt_out": True},
        refused=("0b5c7a64-3d1e-4c57-9a55-5d2f0f6f0003", {"opt_out": True}),
        filter={"channel": "whatsapp"},
        unknown="6ba7b810-9dad-11d1-80b4-00c04fd430cf",
        others={"lookup": (("+12025550123",), {})},
        environment={"SENT_DM_API_KEY": "canary-4f1d"},
    ),
    "sendblue": Example(
        key="+12025550123",
        create={"phone": "+12125550187", "first_name": "Ada", "tags": ["vip"]},
        update={"opt_out": True, "custom_variables": {"Favourite colour": "blue"}},
        filter={"phone": "+14165550142"},
        unknown="+12025550199",
        others={
            "bulk_create": (([{"phone": "+12125550188"}, {"phone": "+12125550189"}],), {}),
            "bulk_delete": ((["+12125550188", "+12125550189"],), {}),
            "contact_status": (("+12025550123",), {"sendblue_number": "+12025550100"}),
        },
        unlisted=("contact_id",),
        environment={
            "SENDBLUE_API_API_KEY": "canary-4f1d",
            "SENDBLUE_API_API_SECRET": "canary-4f1e",
        },
    ),
    "privy": Example(
        key="cus_a1b2c3d4e5f60001",
        create={"email": "new@example.com", "tags": ["vip"], "custom_fields": {"tier": 2}},
        update={"first_name": "Jan", "email_consent": "unsubscribed"},
        refused=("cus_a1b2c3d4e5f60002", {"email": "other@example.com"}),
        filter={"email_consent": "subscribed"},
        unknown="cus_a1b2c3d4e5f6000f",
        environment={"PRIVY_API_TOKEN": "canary-4f1d"},
    ),
    "digital_onboarding": Example(
        key="5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01",
        create={"unique_id": "core-20001", "email": "new@example.com", "sms_opted_in": True},
        update={"name_first": "Jan", "sms_opted_in": False},
        filter={"where": {"sms_opted_in": True}},
        unknown="5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6bff",
        environment={"DIGITAL_ONBOARDING_TOKEN": "canary-4f1d"},
        others={
            "upsert": (([{"unique_id": "core-10002", "city": "Troy"}],), {}),
            "create_account": (("5b0f6c1e-8a47-4d2b-9f13-2c7d9e4a6b01",), {"kind": "deposit"}),
        },
    ),
}

# For what does not depend on the provider.
ONE_PROVIDER = pytest.mark.parametrize("name", ["sent"])


class SteppedClock(VirtualClock):
    """Another clock, set forward or back by `step` seconds; its uptime does not change."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.step = 0.0

    def now(self) -> float:
        return self.clock.now() + self.step

    def uptime(self) -> float:
        return self.clock.uptime()

    def sleep(self, until: float) -> None:
        self.clock.sleep(until - self.step)

    def pause(self, until: float) -> None:
        self.clock.pause(until)


class SteppedWire(Wire):
    """A wire whose client has a clock of its own, which may be set; the provider's is not."""

    @cached_property
    def clock(self) -> SteppedClock:
        return SteppedClock(self.simulator.clock)
