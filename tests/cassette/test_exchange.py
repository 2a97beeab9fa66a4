"""An exchange as a value: how a URL is split, and what a repr shows."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse

PHONE, KEY = "+12025550123", "sk-live-0123456789"


def test_request_splits_the_url() -> None:
    request = RecordedRequest.of(
        "get", "https://api.example.com/v3/contacts?page=2&channel=sms&channel=#top"
    )
    assert request == RecordedRequest(
        method="GET",
        url="https://api.example.com/v3/contacts",
        query=(("channel", ""), ("channel", "sms"), ("page", "2")),
    )


@given(st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_request_sorts_the_whole_query(pairs: list[tuple[str, str]]) -> None:
    request = RecordedRequest.of("GET", f"https://example.com/a?{urlencode(pairs)}")
    assert request.query == tuple(sorted(pairs))


def test_exchange_repr_shows_no_personal_values() -> None:
    exchange = Exchange(
        request=RecordedRequest.of(
            "POST", f"https://example.com/{PHONE}?q={PHONE}", f'{{"phone":"{PHONE}"}}'.encode()
        ),
        response=RecordedResponse(status=200, headers=(("X-Token", KEY),), body=PHONE.encode()),
        at=0.0,
    )
    assert "POST" in repr(exchange) and "200" in repr(exchange)
    assert "5550123" not in repr(exchange)
    assert KEY not in repr(exchange)


def test_exchange_is_frozen() -> None:
    request = RecordedRequest(method="GET", url="https://example.com")
    exchange = Exchange(request=request, response=RecordedResponse(), at=0.0)
    with pytest.raises(FrozenInstanceError):
        exchange.at = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("name", ["Content-Type", "content-type"])
def test_response_content_type_ignores_the_case_of_the_header(name: str) -> None:
    response = RecordedResponse(status=200, headers=(("X-A", "1"), (name, "text/plain")))
    assert response.content_type == "text/plain"
    assert RecordedResponse(status=200).content_type == ""
