"""Faults of a served simulator, switched on by their route and seen on a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.simulator_server import Served, served

KEY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with served("sent", "--contacts", "8") as running:
        yield running


@pytest.fixture
def simulator(running: Served) -> Served:
    running.control("reset")
    return running


@pytest.fixture
def http(simulator: Served) -> Iterator[httpx.Client]:
    headers = {"x-api-key": simulator.credentials["api_key"]}
    address = f"{simulator.base_url}/v3"
    with httpx.Client(base_url=address, headers=headers, trust_env=False) as client:
        yield client


def test_fault_applies_to_so_many_requests(simulator, http):
    simulator.control("faults", kind="server_error", times=2, status=503, retry_after=7)
    responses = [http.get("/contacts") for _ in range(3)]
    assert [response.status_code for response in responses] == [503, 503, 200]
    assert responses[0].headers["retry-after"] == "7"


@pytest.mark.parametrize("way", ["faults", "reset"])
def test_faults_are_cleared(simulator, http, way):
    simulator.control("faults", kind="server_error", probability=1)
    assert http.get("/contacts").status_code == 500
    simulator.control(way)
    assert http.get("/contacts").status_code == 200


def test_dropped_request_is_not_carried_out(simulator, http):
    simulator.control("faults", kind="dropped")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.patch(f"/contacts/{KEY}", json={"opt_out": True})
    assert not any(each["writes"] for each in simulator.contacts())
    assert http.get(f"/contacts/{KEY}").status_code == 200


def test_written_then_dropped_request_is_carried_out(simulator, http):
    simulator.control("faults", kind="written_then_dropped")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.patch(f"/contacts/{KEY}", json={"opt_out": True})
    assert [each["writes"] for each in simulator.contacts() if each["id"] == KEY] == [1]


def test_truncated_body_ends_halfway(simulator, http):
    simulator.control("faults", kind="truncated_body")
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        http.get("/contacts")


def test_slow_or_late_response_arrives_whole(simulator, http):
    whole = http.get("/contacts").json()["data"]
    simulator.control("faults", kind="slow_body")
    simulator.control("faults", kind="latency", seconds=0.05)
    assert http.get("/contacts").json()["data"] == whole


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": "servererror"}, "server_error"),
        ({"kind": "dropped", "times": 0}, "times=0"),
        ({"kind": "dropped", "seconds": 1}, "takes no seconds="),
        ({"kind": 1}, "no fault 1"),
        ({"kind": ["dropped"]}, "no fault"),
        ({"kind": "html", "status": [200]}, "status="),
        ({"times": 1}, "no fault None"),
        ({"kind": "dropped", "self": 1}, "self"),
    ],
)
def test_invalid_fault(simulator, body, message):
    response = httpx.post(f"{simulator.control_url}/faults", json=body, trust_env=False)
    assert response.status_code == 400
    assert message in response.json()["error"]
