"""Every notebook is committed without outputs, runs offline, and shows what its checks expect.

A notebook runs once for all of its tests.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

import contactkit as ck
from contactkit._providers import find, names
from contactkit.cassette.redaction.key import VARIABLE
from tests.support.clean_notebooks import FOLDER, clean
from tests.support.notebook_checks import CHECKS, Output, table

NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
OFFLINE = Path(__file__).parent / "support" / "offline"
OWN_FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
WIDGET = "application/vnd.jupyter.widget-view+json"
PROBE = """\
import socket

for host in ("192.0.2.1", "example.com"):
    try:
        socket.create_connection((host, 80), timeout=1)
    except RuntimeError as error:
        print(error)
"""

CREDENTIAL = re.compile(r"simulator-[\w-]+|privy_[0-9a-f]{40}")
PHONE = re.compile(r"\+\d[\d ().-]{7,}\d|\(\d{3}\) \d{3}-\d{4}|(?<![\w.+-])\d{10,15}(?![\w.-])")
# The last is printed in the documentation of many providers.
FICTIONAL = re.compile(r"1?\d{3}55501\d\d|1?234567890|14155552671")
LOCAL_DETAIL = re.compile(r"\bat 0x[0-9a-f]{6,}|/(?:home|Users|root|tmp)/|[A-Z]:\\\\")

Run = Callable[[str], NotebookNode]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a notebook, at most once."""
    return cache(lambda name: execute(FOLDER / name, tmp_path_factory.mktemp("kernel")))


def execute(path: Path, folder: Path) -> NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE, metadata={"tags": ["probe"]}))
    (folder / "work").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in OWN_FOLDERS:
            patch.setenv(name, str(folder / name))
        patch.delenv("JUPYTER_PATH", raising=False)
        # The kernel imports the package that these tests import.
        patch.setenv("PYTHONPATH", f"{OFFLINE}{os.pathsep}{Path(ck.__file__).parents[1]}")
        # Without a key in the environment, recording would create one in the user's home.
        patch.setenv(VARIABLE, "the key of these notebooks")
        # With an error raised, nothing would be cached and every test would run the notebook again.
        NotebookClient(
            notebook,
            allow_errors=True,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder / "work")}},
            timeout=60,
        ).execute()
    return notebook


def output_of(notebook: NotebookNode, tag: str) -> Output:
    """The output of the cell with this tag."""
    (cell,) = (cell for cell in notebook.cells if tag in cell.metadata.get("tags", []))
    bundles = [
        output.get("data", {"text/plain": output.get("text", "")}) for output in cell.outputs
    ]
    pages = [bundle.get("text/html", "") for bundle in bundles]
    # The kernel may send one print in several pieces, so only other outputs need a line end.
    ends = ["" if output.output_type == "stream" else "\n" for output in cell.outputs]
    texts = (bundle.get("text/plain", "") for bundle in bundles)
    text = "".join(text + end for text, end in zip(texts, ends, strict=True))
    rows = [row for page in pages if 'class="dataframe"' in page for row in table(page)]
    return Output(text, "".join(pages), rows, sum(WIDGET in bundle for bundle in bundles))


def source_of(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook).replace("\\n", "\n")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_committed_clean(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == clean(text), f"run python tests/support/clean_notebooks.py: {name} is not clean"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_valid_and_has_cell_ids(name):
    notebook = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len({*ids}) == len(ids)


def test_clean_removes_everything_of_a_run_or_a_machine():
    cell = nbformat.v4.new_code_cell("1 + 1", id="sum", execution_count=7)
    cell.outputs = [nbformat.v4.new_output("stream", text="left behind")]
    cell.metadata = nbformat.from_dict({"tags": ["sum"], "execution": {"shell.execute_reply": "?"}})
    dirty = nbformat.v4.new_notebook(cells=[cell])
    dirty.metadata = nbformat.from_dict({"widgets": {}, "kernelspec": {"name": "my-kernel"}})
    text = clean(nbformat.writes(dirty))
    assert text == clean(text)
    notebook = json.loads(text)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["cells"] == [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "sum",
            "metadata": {"tags": ["sum"]},
            "outputs": [],
            "source": ["1 + 1"],
        }
    ]


def test_every_notebook_has_checks():
    assert NOTEBOOKS and set(CHECKS) == set(NOTEBOOKS)
    assert all(len(checks) >= 3 for checks in CHECKS.values())


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs_without_an_error_or_a_warning(run: Run, name):
    outputs = [output for cell in run(name).cells for output in cell.get("outputs", [])]
    errors = [output for output in outputs if output.output_type == "error"]
    assert not [f"{error.ename}: {error.evalue}" for error in errors]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_kernel_has_no_network(run: Run, name):
    refusals = [f"a notebook asked for the network: {h}" for h in ("192.0.2.1", "example.com")]
    assert output_of(run(name), "probe").text.splitlines() == refusals


@pytest.mark.parametrize(("name", "tag"), [(n, tag) for n in CHECKS for tag in CHECKS[n]])
def test_notebook_cell_shows_what_its_check_expects(run: Run, name, tag):
    CHECKS[name][tag](output_of(run(name), tag))


@pytest.mark.parametrize("name", names())
def test_simulator_credentials_match_the_pattern_of_a_credential(name):
    simulator = ck.Simulator(contacts=0)
    ck.connect(name, via=simulator)
    public = {setting.name for setting in find(name).settings if not setting.secret}
    accounts = [account.items() for account in simulator.accounts.values()]
    secrets = [value for account in accounts for key, value in account if key not in public]
    assert secrets and all(CREDENTIAL.fullmatch(value) for value in secrets)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_shows_no_credential(run: Run, name):
    assert not CREDENTIAL.findall(source_of(run(name)))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_shows_nothing_of_this_machine(run: Run, name):
    assert not LOCAL_DETAIL.findall(source_of(run(name)))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_widget_state_holds_nothing_of_a_contact(run: Run, name):
    state = json.dumps(run(name).metadata.get("widgets", {}))
    assert "@example.com" not in state and not PHONE.findall(state)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_shows_only_fictional_phone_numbers(run: Run, name):
    digits = {re.sub(r"\D", "", number) for number in PHONE.findall(source_of(run(name)))}
    assert not {number for number in digits if not FICTIONAL.fullmatch(number)}
