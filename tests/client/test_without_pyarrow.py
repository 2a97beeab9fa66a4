"""Without pyarrow, which is an extra, all works but files and tables that need it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CODE = """
import importlib.abc, json, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError(name, name="pyarrow")

sys.meta_path.insert(0, Missing())
import contactkit as ck

for name in ("sent", "sendblue", "privy", "digital_onboarding"):
    client = ck.connect(name, via=ck.Simulator(contacts=8), journal="journal.sqlite3")
    people = client.contacts.list()
    ck.write_contacts(people, "people.csv")
    again = ck.read_contacts("people.csv", name)
    assert again.dtypes.equals(people.dtypes)
    plan = client.contacts.plan(again, people)
    assert len(plan) == len(ck.changes(people, again)) == 0
    plan.apply(progress=False)
    client.contacts.form(people.iloc[[1]])
    client.contacts.browse(people)
ck.journal("journal.sqlite3")

open("plan.parquet", "w").close()
needing = [
    lambda: ck.read_contacts("plan.parquet", "sent"),
    lambda: ck.read_plan("plan.parquet"),
    lambda: plan.to_parquet("new.parquet"),
    lambda: ck.schema("sent"),
    lambda: ck.to_arrow(people),
    lambda: ck.write_contacts(people, "people.parquet"),
    lambda: ck.journal.to_parquet("j.parquet", "journal.sqlite3"),
    lambda: ck.people(digital_onboarding=people).suppress("dnc.parquet"),
]
messages = []
for call in needing:
    try:
        call()
        messages.append("nothing was raised")
    except ImportError as error:
        messages.append(str(error))
print(json.dumps(messages))
"""


def test_everything_else_works_and_the_error_names_the_extra(tmp_path: Path):
    finished = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    messages = json.loads(finished.stdout.splitlines()[-1])
    assert len(messages) == 8
    for message in messages:
        assert 'python -m pip install "contactkit[parquet]"' in message
