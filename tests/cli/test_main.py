"""The command line, run in process and as the installed program."""

from __future__ import annotations

import ast
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import contactkit as ck
from contactkit._providers import find, names
from contactkit.cli.demo import STEPS
from contactkit.cli.main import app, main
from contactkit.simulator.serve import app as serve_app
from contactkit.spec.record import fields_of
from tests.support.providers import EXAMPLES
from tests.support.simulator_server import PROGRAM, served, started


def test_the_demo_shows_each_pillar_in_a_pipe():
    done = subprocess.run([PROGRAM, "demo"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) <= 60
    assert "InvalidInputError: sent update: default_channel: must be one of" in done.stdout
    assert "update: 1 refused, 2 planned" in done.stdout
    assert "refused  sms_consent: unsubscribed needs the contact to have a phone" in done.stdout
    assert "(8, 'replay')" in done.stdout
    assert "denied_elsewhere" in done.stdout
    assert done.stdout.count(">>> ") == sum(len(ast.parse(code).body) for code in STEPS.values())
    assert "contactkit lab" in done.stdout.splitlines()[-2]
    assert "simulator-" not in done.stdout


@pytest.mark.parametrize("command", ["providers", "describe"])
def test_the_providers_are_listed(command):
    done = CliRunner().invoke(app, [command])
    assert done.exit_code == 0
    for name in names():
        assert f"│ {name} " in done.stdout


@pytest.mark.parametrize(
    "command", [[], ["plan"], ["apply"], ["export"], ["serve"], ["lab"], ["cassette", "prune"]]
)
def test_help_has_one_width_and_no_type_of_a_flag(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, [*command, "--help"])
    assert "<bool>" not in done.output
    assert max(map(len, done.output.splitlines())) <= 80


@pytest.mark.parametrize("group", [[], ["cassette"], ["consent"], ["fleet"]])
def test_the_list_of_commands_cuts_no_sentence(group):
    done = CliRunner().invoke(app, [*group, "--help"])
    commands = done.output.partition("Commands:\n")[2].splitlines()
    assert commands and all(line.endswith(".") and "..." not in line for line in commands)


def test_describe_shows_every_field(name):
    done = CliRunner().invoke(app, ["describe", name])
    assert done.exit_code == 0
    shown = re.sub(r"[^\w]", "", done.stdout)
    for field in fields_of(find(name).record):
        assert re.sub(r"[^\w]", "", field) in shown


def test_an_unknown_provider_is_one_line_and_status_1(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["contactkit", "describe", "snet"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert "did you mean 'sent'?" in capsys.readouterr().err


def test_without_arguments_it_shows_its_help():
    done = CliRunner().invoke(app, [])
    assert "demo" in done.output and "describe" in done.output


# serve


def welcomed(process: subprocess.Popen[str], last: str) -> list[str]:
    """The lines that it prints, up to the one that holds `last`."""
    assert process.stdout
    lines: list[str] = []
    while not lines or last not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    return lines


def run_curl(line: str) -> Any:
    """What a curl line fetches."""
    done = subprocess.run([*shlex.split(line), "-sf"], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_serve_prints_examples_that_work(name):
    with started(name, "--contacts", "7", "--control") as process:
        lines = welcomed(process, "Control: ")
        output = "".join(lines)
        assert lines[0].startswith(f"{find(name).title} simulator at http://127.0.0.1:")
        for account, held in ck.Simulator().start(find(name)).accounts.items():
            line = next(each for each in lines if each.startswith(f"  {account}: "))
            assert all(value in line for value in held.credentials.values())
            assert all(scope in line for scope in held.scopes or ())
        connected = re.search(r"ck\.connect\(.*\)", output)
        with eval(connected[0], {"ck": ck}) as client:
            assert len(client.contacts.list()) > 0
        assert run_curl(lines[[*map(str.strip, lines)].index("In a shell:") + 1])
        state = httpx.get(lines[-1].split()[-1], trust_env=False).json()
        assert len(state["contacts"]) == 7


@pytest.mark.parametrize("name", ["privy", "sendblue"])
def test_serve_prints_one_line_of_json(name):
    with served(name, "--contacts", "9", "--seed", "3") as found:
        accounts = ck.Simulator().start(find(name)).accounts
        assert {n: each["credentials"] for n, each in found.accounts.items()} == {
            n: dict(each.credentials) for n, each in accounts.items()
        }
        assert {n: each["scopes"] for n, each in found.accounts.items()} == {
            n: None if each.scopes is None else sorted(each.scopes) for n, each in accounts.items()
        }
        assert found.credentials == next(iter(found.accounts.values()))["credentials"]
        assert found.base_url.startswith("http://127.0.0.1:")
        assert httpx.URL(found.base_url).path == (httpx.URL(find(name).base_url).path)
        key = ck.Simulator(9, 3).start(find(name)).contacts.key
        same = [str(each.row[key]) for each in ck.Simulator(9, 3).start(find(name)).contacts]
        assert sorted(each[key] for each in found.contacts()) == sorted(same)
        with ck.connect(name, base_url=found.base_url, **found.credentials) as client:
            made = client.contacts.create(**EXAMPLES[name].create)
            assert made["outcome"].tolist() == ["created"]
        assert found.contacts()[-1]["writes"] == 1


@pytest.mark.parametrize("name", ["privy"])
def test_serve_without_control_has_only_the_providers_paths(name):
    with started(name, "--json") as process:
        output = json.loads(process.stdout.readline())
        assert output["control_url"] is None
        address = httpx.URL(output["base_url"]).copy_with(path="/_simulator/state")
        answer = httpx.get(address, trust_env=False)
    assert answer.status_code == 404
    assert find(name).errors.read(answer.json())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_at_a_signal_with_a_request_in_flight(number):
    with started("sent", "--json") as process:
        address = httpx.URL(json.loads(process.stdout.readline())["base_url"])
        with socket.create_connection((address.host, address.port)) as stalled:
            stalled.sendall(b"POST /v3/contacts HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
            httpx.get(address, trust_env=False)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_serve_on_a_taken_port_is_one_line_and_status_1():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [PROGRAM, "serve", "sent", "--port", port], capture_output=True, text=True, timeout=60
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ConfigurationError: cannot listen on 127.0.0.1: Address already")
    assert port in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_serve_warns_of_a_host_that_is_not_loopback(monkeypatch, capsys, host):
    class Listening:
        def getsockname(self) -> tuple[str, int]:
            return host, 5000

        def setsockopt(self, *_: int) -> None:
            pass

    monkeypatch.setattr(socket, "create_server", lambda *_, **__: Listening())
    listening = serve_app.listen(host, 0)
    assert "other computers" in capsys.readouterr().err
    assert (
        serve_app.address_of(listening) == f"http://{'[::1]' if ':' in host else '127.0.0.1'}:5000"
    )


def test_serve_on_loopback_does_not_warn(capsys):
    with serve_app.listen("localhost", 0) as listening:
        port = listening.getsockname()[1]
        assert serve_app.address_of(listening) == f"http://127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", port)), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert capsys.readouterr().err == ""


def test_serve_without_its_extra_names_it():
    code = (
        "import sys; sys.modules['uvicorn'] = None; sys.argv[1:] = ['serve', 'sent'];"
        "from contactkit.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert 'pip install "contactkit[serve]"' in done.stderr


def test_version_is_the_packages():
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"contactkit {ck.__version__}\n")
