"""What `import contactkit` costs in a fresh interpreter, and what it leaves unloaded."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.bench.measure import Row, ms, times

ROUNDS = 9
HEAVY = ("pandas", "httpx", "ipywidgets", "pydantic")

# The clock starts in a running interpreter, so its own start is not counted.
_PROGRAM = """
import json, sys, time
started = time.perf_counter()
{statement}
seconds = time.perf_counter() - started
print(json.dumps([seconds, [name for name in {heavy!r} if name in sys.modules]]))
"""
STATEMENTS = (
    "import contactkit",
    "import sent_dm",
    "import contactkit; contactkit.connect('sent', api_key='test')",
    "import pandas, sent_dm; sent_dm.Sent(api_key='test')",
)


def rows() -> Iterator[Row]:
    """Seconds of each import statement, in processes that take turns."""
    found: dict[str, list[tuple[float, list[str]]]] = {each: [] for each in STATEMENTS}
    for _ in range(ROUNDS):
        for each in STATEMENTS:
            found[each].append(_fresh(each))
    ours, sdk, connected, sdk_client = (
        statistics.median(seconds for seconds, _ in found[each]) for each in STATEMENTS
    )
    loaded = found["import contactkit"][0][1]
    yield Row(
        subject="import contactkit",
        measured=ms(ours),
        beside="import sent_dm",
        against=ms(sdk),
        outcome=times(ours / sdk),
        wanted="≤ 0.10x",
    )
    yield Row(
        subject="of " + ", ".join(HEAVY) + " it loads",
        measured=", ".join(loaded) or "none",
        outcome=str(len(loaded)),
        wanted="0",
    )
    yield Row(
        subject="import and connect",
        measured=ms(connected),
        beside="import pandas, sent_dm; Sent()",
        against=ms(sdk_client),
        outcome=times(connected / sdk_client),
    )


def _fresh(statement: str) -> Any:
    program = _PROGRAM.format(statement=statement, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)
