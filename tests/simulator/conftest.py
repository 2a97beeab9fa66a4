"""A new simulator of each provider, for raw requests."""

from __future__ import annotations

import pytest

from tests.support.requests import RawClient


@pytest.fixture
def sent() -> RawClient:
    return RawClient("sent")


@pytest.fixture
def sendblue() -> RawClient:
    return RawClient("sendblue")


@pytest.fixture
def privy() -> RawClient:
    return RawClient("privy")


@pytest.fixture
def onboarding() -> RawClient:
    return RawClient("digital_onboarding")
