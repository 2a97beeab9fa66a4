"""The cost of `import contactkit` in a fresh interpreter, and the packages that it loads."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.bench.measure import Row, ratio

ROUNDS = 9
HEAVY = ("pandas", "httpx", "ipywidgets", "pydantic")
STATEMENTS = (
    "import contactkit",
    "import sent_dm",
    "import contactkit; contactkit.connect('sent', api_key='test')",
    "import pandas, sent_dm; sent_dm.Sent(api_key='test')",
)
# The clock starts in a running interpreter, so its own start is not counted.
_PROGRAM = """
import json, sys, time
started = time.perf_counter()
{statement}
seconds = time.perf_counter() - started
print(json.dumps([seconds, [name for name in {heavy!r} if name in sys.modules]]))
"""


def rows() -> Iterator[Row]:
    """Seconds of each import statement, in processes that take turns."""
    results = [[_run(statement) for statement in STATEMENTS] for _ in range(ROUNDS)]
    ours, sdk, client, sdk_client = (
        statistics.median(seconds for seconds, _ in column) for column in zip(*results, strict=True)
    )
    loaded = results[0][0][1]
    yield ratio("import contactkit", ours, "import sent_dm", sdk, "≤ 0.10x")
    yield Row(
        subject="of " + ", ".join(HEAVY) + " it loads",
        measured=", ".join(loaded) or "none",
        outcome=str(len(loaded)),
        wanted="0",
    )
    yield ratio("import and connect", client, "import pandas, sent_dm; Sent()", sdk_client)


def _run(statement: str) -> Any:
    program = _PROGRAM.format(statement=statement, heavy=HEAVY)
    command = [sys.executable, "-c", program]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
