"""Every notebook is committed clean, runs offline in its own kernel, and shows what it says."""

from __future__ import annotations

import json
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
from tests.support.clean_notebooks import FOLDER, cleaned
from tests.support.notebook_checks import CHECKS, Shown, table

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
# The last is printed in many providers' documentation, and looks like anybody's.
FICTIONAL = re.compile(r"1?\d{3}55501\d\d|1?234567890|14155552671")
OF_THIS_MACHINE = re.compile(r"\bat 0x[0-9a-f]{6,}|/(?:home|Users|root|tmp)/|[A-Z]:\\\\")

Run = Callable[[str], NotebookNode]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a notebook, once however often it is asked for."""
    return cache(lambda name: _executed(FOLDER / name, tmp_path_factory.mktemp("kernel")))


def _executed(path: Path, folder: Path) -> NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE, metadata={"tags": ["probe"]}))
    (folder / "work").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in OWN_FOLDERS:
            patch.setenv(name, str(folder / name))
        patch.delenv("JUPYTER_PATH", raising=False)
        patch.setenv("PYTHONPATH", str(OFFLINE))
        # Else what is recorded makes a key for whoever runs this.
        patch.setenv(VARIABLE, "the key of these notebooks")
        # Run to the end whatever happens: a failure is not cached, and would run for every test.
        NotebookClient(
            notebook,
            allow_errors=True,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder / "work")}},
            timeout=60,
        ).execute()
    return notebook


def _shown(notebook: NotebookNode, tag: str) -> Shown:
    (cell,) = (each for each in notebook.cells if tag in each.metadata.get("tags", []))
    bundles = [each.get("data", {"text/plain": each.get("text", "")}) for each in cell.outputs]
    pages = [each.get("text/html", "") for each in bundles]
    text = "\n".join(each.get("text/plain", "") for each in bundles)
    rows = [row for page in pages if 'class="dataframe"' in page for row in table(page)]
    return Shown(text, "".join(pages), rows, sum(WIDGET in each for each in bundles))


def _whole(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook).replace("\\n", "\n")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_committed_clean(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == cleaned(text), (
        f"{name} is not clean: run python tests/support/clean_notebooks.py"
    )


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_a_valid_notebook_of_cells_with_ids(name):
    notebook = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len({*ids}) == len(ids)


def test_cleaning_leaves_nothing_of_a_run_or_a_machine():
    cell = nbformat.v4.new_code_cell("1 + 1", id="sum", execution_count=7)
    cell.outputs = [nbformat.v4.new_output("stream", text="left behind")]
    cell.metadata = nbformat.from_dict({"tags": ["sum"], "execution": {"shell.execute_reply": "?"}})
    dirty = nbformat.v4.new_notebook(cells=[cell])
    dirty.metadata = nbformat.from_dict({"widgets": {}, "kernelspec": {"name": "of-somebody"}})
    text = cleaned(nbformat.writes(dirty))
    assert text == cleaned(text)
    kept = json.loads(text)
    assert set(kept["metadata"]) == {"kernelspec", "language_info"}
    assert kept["metadata"]["kernelspec"]["name"] == "python3"
    assert kept["cells"] == [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "sum",
            "metadata": {"tags": ["sum"]},
            "outputs": [],
            "source": ["1 + 1"],
        }
    ]


def test_every_notebook_has_a_handful_of_checks():
    assert NOTEBOOKS and set(CHECKS) == set(NOTEBOOKS)
    assert all(len(checks) >= 3 for checks in CHECKS.values())


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs_without_an_error_or_a_warning(run: Run, name):
    outputs = [each for cell in run(name).cells for each in cell.get("outputs", [])]
    errors = [each for each in outputs if each.output_type == "error"]
    assert not [f"{each.ename}: {each.evalue}" for each in errors]
    assert not [each.text for each in outputs if each.get("name") == "stderr"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_kernel_reaches_nobody(run: Run, name):
    told = [f"a notebook asked for the network: {host}" for host in ("192.0.2.1", "example.com")]
    assert _shown(run(name), "probe").text.splitlines() == told


@pytest.mark.parametrize(("name", "tag"), [(n, tag) for n in CHECKS for tag in CHECKS[n]])
def test_it_shows_what_it_says(run: Run, name, tag):
    CHECKS[name][tag](_shown(run(name), tag))


@pytest.mark.parametrize("name", names())
def test_a_credential_of_the_simulator_is_known_by_its_look(name):
    simulator = ck.Simulator(contacts=0)
    ck.connect(name, via=simulator)
    shown = {each.name for each in find(name).settings if not each.secret}
    given = [each.items() for each in simulator.accounts.values()]
    secret = [value for items in given for key, value in items if key not in shown]
    assert secret and all(CREDENTIAL.fullmatch(value) for value in secret)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_shows_no_credential(run: Run, name):
    assert not CREDENTIAL.findall(_whole(run(name)))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_shows_nothing_of_this_machine(run: Run, name):
    assert not OF_THIS_MACHINE.findall(_whole(run(name)))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_widget_state_holds_nothing_of_a_contact(run: Run, name):
    state = json.dumps(run(name).metadata.get("widgets", {}))
    assert "@example.com" not in state and not PHONE.findall(state)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_shows_only_phone_numbers_that_are_nobodys(run: Run, name):
    digits = {re.sub(r"\D", "", each) for each in PHONE.findall(_whole(run(name)))}
    assert not {each for each in digits if not FICTIONAL.fullmatch(each)}
