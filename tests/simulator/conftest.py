"""A fresh simulator of each provider that the tests here talk to."""

from __future__ import annotations

import pytest

from tests.support.requests import Talk


@pytest.fixture
def sent() -> Talk:
    return Talk("sent")


@pytest.fixture
def sendblue() -> Talk:
    return Talk("sendblue")


@pytest.fixture
def privy() -> Talk:
    return Talk("privy")


@pytest.fixture
def onboarding() -> Talk:
    return Talk("digital_onboarding")
