"""`contactkit lab` as real programs, in the layouts of a checkout and of a wheel."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import nbformat
import pytest

import contactkit as ck
from tests.support.sockets import free_port, wait_for

RUN = "from contactkit.cli.main import main; main()"
PROCESS_OF_THE_KERNEL = "import os; print(f'kernel={os.getpid()}')"
LISTEN_EVERYWHERE = "c.ServerApp.ip = c.Voila.ip = c.Application.ip = '0.0.0.0'"
ROOT = ["--allow-root"] if os.name == "posix" and os.getuid() == 0 else []


@dataclass(frozen=True, kw_only=True)
class Layout:
    """An installed contactkit, and the folder in which it is used."""

    notebooks: Path
    work: Path
    environment: dict[str, str]

    def command(self, *arguments: str, first: str = "") -> list[str]:
        return [sys.executable, "-c", first + RUN, "lab", *arguments]

    def run(self, *arguments: str, first: str = "") -> subprocess.CompletedProcess[str]:
        """Run `contactkit lab` with these arguments, after the statements `first`."""
        return subprocess.run(
            self.command(*arguments, first=first),
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @contextmanager
    def started(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], httpx.URL]]:
        """Start it until the block ends: the process, and the address that it prints."""
        command = self.command("--no-browser", f"--port={free_port()}", *arguments)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(
            command, cwd=self.work, env=self.environment, text=True, **pipes
        ) as process:
            try:
                yield process, printed_address(process)
            finally:
                process.kill()


def printed_address(process: subprocess.Popen[str]) -> httpx.URL:
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if match := re.search(r"http://\S+", line):
            address = httpx.URL(match[0])
            wait_for(address.port)
            return address
    raise AssertionError("".join(lines))


def lay_out(tmp_path: Path, notebooks: Path) -> Layout:
    package = Path(ck.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", "notebooks")
    shutil.copytree(package, tmp_path / "site" / "contactkit", ignore=ignored)
    notebooks.mkdir()
    cells = [nbformat.v4.new_code_cell(PROCESS_OF_THE_KERNEL)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, notebooks / "dashboard.ipynb")
    for folder in ("work", "config"):
        (tmp_path / folder).mkdir()
    for name in ("jupyter_server_config.py", "jupyter_lab_config.py", "voila.py"):
        (tmp_path / "config" / name).write_text(LISTEN_EVERYWHERE)
    private = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = {
        **os.environ,
        **{name: str(tmp_path / name) for name in private},
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "PYTHONPATH": str(tmp_path / "site"),
    }
    return Layout(notebooks=notebooks, work=tmp_path / "work", environment=environment)


@pytest.fixture
def checkout(tmp_path: Path) -> Layout:
    return lay_out(tmp_path, tmp_path / "site" / "notebooks")


@pytest.fixture
def wheel(tmp_path: Path) -> Layout:
    return lay_out(tmp_path, tmp_path / "site" / "contactkit" / "notebooks")


def is_only_on_loopback(address: httpx.URL) -> bool:
    """Whether its port is free at another address of this machine."""
    try:
        socket.create_server(("127.0.0.2", address.port)).close()
    except OSError:
        return False
    return address.host == "127.0.0.1"


def test_lab_serves_a_checkout_on_loopback_until_ctrl_c(checkout):
    with checkout.started(*ROOT) as (process, address):
        listing = address.copy_with(path="/api/contents")
        found = httpx.get(listing, trust_env=False).raise_for_status().json()
        assert [each["name"] for each in found["content"]] == ["dashboard.ipynb"]
        assert is_only_on_loopback(address)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, out.count("Traceback")) == (0, 0)
    assert list(checkout.work.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_lab_with_requests_in_flight(checkout, number):
    with checkout.started(*ROOT) as (process, address):
        listing = address.copy_with(path="/api/contents")
        request = f"GET {listing.raw_path.decode()} HTTP/1.1\r\nHost: {address.host}\r\n\r\n"
        with socket.create_connection((address.host, address.port)) as pressing:
            pressing.sendall(request.encode() * 300)
            pressing.recv(1)
            process.send_signal(number)
            process.communicate(timeout=30)
    assert process.returncode == 0


def test_dashboard_is_served_on_loopback_until_ctrl_c(wheel):
    with wheel.started("--dashboard") as (process, address):
        page = httpx.get(address, trust_env=False, timeout=60).raise_for_status()
        kernel = re.search(r"kernel=(\d+)", page.text)
        assert kernel and is_only_on_loopback(address)
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, out.count("Traceback")) == (0, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(int(kernel[1]), 0)
    assert list(wheel.work.iterdir()) == []


def test_kernels_of_closed_pages_are_ended(checkout):
    done = checkout.run("--dashboard", "--Application.show_config=True")
    assert re.search(r"MappingKernelManager\n  \.cull_idle_timeout = .*\b300\b", done.stdout)
    assert done.stderr == ""


def test_missing_notebooks_are_copied_from_a_wheel(wheel):
    (wheel.notebooks / "more").mkdir()
    (wheel.notebooks / "more" / "tour.ipynb").write_text("new")
    mine = wheel.work / "contactkit-notebooks" / "dashboard.ipynb"
    mine.parent.mkdir()
    mine.write_text("mine")
    done = wheel.run("--version")
    assert done.stdout.startswith(f"notebooks copied to {mine.parent}: 1\n")
    assert (mine.parent / "more" / "tour.ipynb").read_text() == "new"
    assert mine.read_text() == "mine"
    assert "copied" not in wheel.run("--version").stdout


def test_lab_opens_the_copied_notebooks_of_a_wheel(wheel):
    with wheel.started(*ROOT) as (_, address):
        listing = address.copy_with(path="/api/contents")
        found = httpx.get(listing, trust_env=False).raise_for_status().json()
        assert [each["name"] for each in found["content"]] == ["dashboard.ipynb"]
        (wheel.work / "contactkit-notebooks" / "mine.ipynb").touch()
        found = httpx.get(listing, trust_env=False).raise_for_status().json()
        assert len(found["content"]) == 2


def test_failed_copy_is_one_line_and_status_1(wheel):
    (wheel.work / "contactkit-notebooks").touch()
    done = wheel.run("--version")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("ConfigurationError: cannot copy the notebooks: ")


def test_missing_notebooks_are_one_line_and_status_1(checkout):
    (checkout.notebooks / "dashboard.ipynb").unlink()
    done = checkout.run("--dashboard")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("ConfigurationError: the notebooks are missing")


@pytest.mark.parametrize("dashboard", [[], ["--dashboard"]])
def test_arguments_and_exit_status_are_passed_on(checkout, dashboard):
    done = checkout.run(*dashboard, "--port=none")
    assert done.returncode == 1
    assert "'port' trait" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "address",
    [["--ip=0.0.0.0"], ["--ip", "0.0.0.0"], ["--ServerApp.ip=*"], ["--Voila.ip="], ["-ip=::"]],
)
def test_address_other_than_loopback_is_refused(checkout, address):
    done = checkout.run("--port=9000", *address)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"always 127.0.0.1; leave out {address[0]}" in done.stderr


def test_loopback_address_is_accepted(checkout):
    assert checkout.run("--ip=127.0.0.1", "--version").returncode == 0


@pytest.mark.parametrize("missing", ["ipykernel", "jupyterlab.labapp"])
def test_missing_extra_is_named(checkout, missing):
    done = checkout.run(first=f"import sys; sys.modules['{missing}'] = None;")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert 'pip install "contactkit[lab]"' in done.stderr


def test_missing_voila_is_named(checkout):
    done = checkout.run("--dashboard", first="import sys; sys.modules['voila'] = None;")
    assert done.returncode == 1
    assert 'pip install "contactkit[lab]"' in done.stderr
