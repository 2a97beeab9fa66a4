"""The commands that the providers' pages print, run by curl against `contactkit serve`.

A file in `commands/` has one as it is printed, with its answer; only host, key and what the page
leaves open (`values`) are put in. Digital Onboarding's page prints a request with a table of the
body and of the answer, both without values, so they are synthetic there. `contact` is the contact
before the update: what the command does not change is as in the printed answer. `newer` are names
that newer pages add, `renamed` those that they rename.
"""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contactkit._providers import find, names
from tests.support.simulator_server import Served, served

FILES = {path.stem: path for path in (Path(__file__).parent / "commands").glob("*.json")}
PLACEHOLDER = "{ /* request body matching schema above */ }"


def provider_of(name: str) -> str:
    return next(provider for provider in names() if name.startswith(provider))


def contacts_file(contact: dict[str, Any], folder: Path) -> Path:
    path = folder / "contacts.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, contact)
        writer.writeheader()
        cells = {n: v if isinstance(v, str) else json.dumps(v) for n, v in contact.items()}
        writer.writerow(cells)
    return path


def options_of(printed: dict[str, Any], folder: Path) -> list[str]:
    contact = printed.get("contact")
    contacts = str(contacts_file(contact, folder)) if contact else "0"
    options = [part for pair in printed.get("options", {}).items() for part in pair]
    return ["--contacts", contacts, *options, *printed.get("flags", [])]


def command_of(printed: dict[str, Any], server: Served) -> str:
    """The printed command with this server's host and key."""
    command = "\n".join(printed.get("command") or [curl_of(printed)])
    if "credentials" in printed:
        command += f" -H '{printed['credentials']}'"
    for placeholder, value in printed.get("values", {}).items():
        command = command.replace(placeholder, value)
    for name, value in server.credentials.items():
        command = command.replace(f"{{{name}}}", value)
    assert find(server.provider).base_url in command
    return command.replace(find(server.provider).base_url, server.base_url)


def curl_of(printed: dict[str, Any]) -> str:
    first, *headers, blank, body = printed["request"]
    method, url = first.split()
    assert (blank, body) == ("", PLACEHOLDER)
    options = [part for header in headers for part in ("-H", header)]
    return shlex.join(["curl", "-X", method, url, *options, "-d", json.dumps(printed["body"])])


def leaves(value: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The leaves of an answer in the order in which it has them."""
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for name, inner in value.items():
        yield from leaves(inner, *path, name)


@pytest.mark.parametrize("name", sorted(FILES))
def test_printed_command_gets_the_printed_answer(name, tmp_path):
    printed = json.loads(FILES[name].read_text())
    with served(provider_of(name), *options_of(printed, tmp_path)) as server:
        done = subprocess.run(
            ["bash", "-c", f"{command_of(printed, server)} -sSf"],
            capture_output=True,
            text=True,
            # Without the configuration and the proxy of the user.
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, "")
    newer, renamed = printed.get("newer", []), printed.get("renamed", {})
    answer = list(leaves(json.loads(done.stdout)))
    documented = [
        (tuple(renamed.get(part, part) for part in path), value)
        for path, value in leaves(printed["answer"])
    ]
    assert [(path, value) for path, value in answer if path[-1] not in newer] == documented
    assert {path[-1] for path, _ in answer} >= {*newer}


def test_every_provider_has_its_printed_commands():
    assert [*map(provider_of, sorted(FILES))] == [
        "digital_onboarding",
        "privy",
        "sendblue",
        "sent",
        "sent",
    ]
