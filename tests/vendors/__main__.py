"""`python -m tests.vendors`: runs the vendors' own contact tests against the served simulator.

They come with the source archives of the SDKs and are skipped there, for want of a server. pip
downloads the archives; nothing of them is kept.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contactkit.simulator.rules.sent import CHILD
from tests.support.simulator_server import Served, served

PLUGIN = Path(__file__).with_name("plugin.py")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The contact tests in one archive.

    `values` are patterns of placeholders, and an account's own values in their place. The tests
    with `wrong` in their name send what the documentation forbids, so they must fail.
    """

    provider: str
    archive: str
    files: Sequence[str]
    values: Mapping[str, str]
    passed: int
    wrong: str = ""


SUITES = (
    Suite(
        provider="sent",
        archive="sentdm==0.46.0",
        files=["test_contacts.py"],
        values={
            # A contact has the first number already.
            r'phone_number="\+1234567890"': 'phone_number="+12125550187"',
            r'channel="channel"': 'channel="sms"',
            r'x_profile_id="[^"]+"': f'x_profile_id="{CHILD}"',
            r'id="6ba7b810-[^"]+"': 'id="{contact}"',
        },
        passed=135,
        # They ask for page 0, and the first page is 1.
        wrong="test_method_list_with_all_params",
    ),
    Suite(
        provider="sendblue",
        archive="sendblue==1.33.0",
        files=["test_contacts.py", "contacts/test_bulk.py"],
        values={
            r'(create\(\s+)number="number"': r'\1number="+14155550142"',
            r'number="number"': 'number="+12025550123"',
            r'phone_number="phone_number"': 'phone_number="+12025550123"',
            r'sendblue_number_([12])="\w+"': r'sendblue_number_\1="+14155550199"',
            r'"phone": "phone"': '"phone": "+14155550142"',
            r'body_phone_number_([12])="\w+"': r'body_phone_number_\1="+14155550142"',
            r'assigned_to_email_([12])="\w+"': r'assigned_to_email_\1="agent@example.com"',
            r'order_by="order_by"': 'order_by="phone"',
        },
        passed=185,
    ),
)


def main() -> int:
    """Run all suites; the status is 0 if each had the expected result."""
    with tempfile.TemporaryDirectory() as folder:
        return max(run(suite, Path(folder)) for suite in SUITES)


def run(suite: Suite, folder: Path) -> int:
    """Run one suite in this folder."""
    source = unpack(suite, folder)
    with served(suite.provider, "--seed", "5") as server:
        set_values(suite, source / "tests", server)
        result = run_pytest(suite, source, server)
    print(result.stdout, result.stderr, sep="\n", flush=True)
    passed = re.search(r"(\d+) passed", result.stdout)
    return result.returncode or (not passed or int(passed[1]) != suite.passed)


def unpack(suite: Suite, folder: Path) -> Path:
    """Download an archive and unpack it; the folder that it makes."""
    name = suite.archive.partition("==")[0]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name]
    subprocess.run([*command, "--dest", folder, suite.archive], check=True)
    [archive] = folder.glob(f"{name}-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return archive.with_name(archive.name.removesuffix(".tar.gz"))


def set_values(suite: Suite, tests: Path, server: Served) -> None:
    """Put an account's values in the place of the placeholders."""
    conftest = tests / "conftest.py"
    text = conftest.read_text()
    for name, value in server.credentials.items():
        text = re.sub(rf'^{name} = ".*"', f'{name} = "{value}"', text, flags=re.MULTILINE)
    conftest.write_text(text)
    contact = visible_contact(server) if suite.provider == "sent" else ""
    for name in suite.files:
        path = tests / "api_resources" / name
        text = path.read_text()
        for pattern, value in suite.values.items():
            text = re.sub(pattern, value.replace("{contact}", contact), text)
        path.write_text(text)


def visible_contact(server: Served) -> str:
    """A contact that both the organisation and its profile may read and write."""
    return next(
        row["id"]
        for row in server.contacts()
        if row["owner"] == CHILD and "whatsapp" in row["available_channels"]
    )


def run_pytest(suite: Suite, source: Path, server: Served) -> subprocess.CompletedProcess[str]:
    """Run the tests with the SDK of the same archive."""
    (source / "plugin.py").write_text(PLUGIN.read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "plugin", "-p", "no:contactkit"]
    command += ["-o", "addopts=", "-o", "filterwarnings=", "-p", "no:randomly"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(source), str(source / "src")]),
        "SIMULATOR_CONTROL": server.control_url,
        "TEST_API_BASE_URL": server.base_url,
        "WRONG_TESTS": suite.wrong,
    }
    files = [f"tests/api_resources/{name}" for name in suite.files]
    return subprocess.run(
        [*command, *files], cwd=source, env=environment, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
