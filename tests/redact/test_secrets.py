"""What gives a secret away, and what does not."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from contactkit._redact.names import is_secret_name
from contactkit._redact.shapes import find_shapes
from contactkit._redact.values import find_values

SECRET = "kT9/vQ+2 =xZ&41mm"


@pytest.mark.parametrize(
    "name", ["apiKey", "X-Api-Key", "client_secret", "access_token", "sid", "jsessionid", "apikey"]
)
def test_secret_name_is_recognised(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["token_type", "expires_in", "monkey", "opt_in_status", "side"])
def test_similar_name_is_not_secret(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "spelt", [SECRET, quote(SECRET, safe=""), b64encode(f"u:{SECRET}".encode()).decode()]
)
def test_value_is_found_in_every_spelling(spelt):
    text = f"no {spelt}, sorry"
    assert list(find_values(text, (SECRET, "another-one"))) == [(SECRET, 3, 3 + len(spelt))]


def test_shape_is_found_and_prose_is_not():
    assert [kind for kind, *_ in find_shapes("Bearer a1b2c3d4e5 or password: hunter22")] == [
        "bearer",
        "token",
    ]
    assert not list(find_shapes("the token: is required, a bearer of news"))


def test_value_with_half_a_surrogate_pair_is_found():
    assert list(find_values("what \ud800ever", ("\ud800ever",))) == [("\ud800ever", 5, 10)]
