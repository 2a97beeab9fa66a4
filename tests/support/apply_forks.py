"""A program that applies plans in forks of itself, so that each starts as fast as it is killed.

It reads commands, one a line. What begins with `{` is an apply: the program prints the number of
the process that is at it, which leaves its frame in a file. A number is such a process: the program
prints how it ended, once it has.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import contactkit as ck
import contactkit._http.aiohttp_transport  # so that no fork has to
from contactkit._providers import names


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in names():
            warm(name, Path(folder) / "plan")
    for line in sys.stdin:
        if not line.startswith("{"):
            print(os.waitpid(int(line), 0)[1], flush=True)
        elif number := os.fork():
            print(number, flush=True)
        else:
            applied(**json.loads(line))


def warm(name: str, file: Path) -> None:
    """Import and build what a process needs."""
    with ck.connect(name, via=ck.Simulator(contacts=1)) as client:
        people = client.contacts.list()
        client.contacts.plan(people, people).to_parquet(file)
        ck.read_plan(file, client).apply(progress=False)


def applied(
    provider: str, client: dict[str, Any], plan: str, options: dict[str, Any], result: str
) -> None:
    """Apply the plan in that file as another notebook would, and leave its frame in another."""
    status = 1
    try:
        with ck.connect(provider, **client) as connected:
            ck.read_plan(plan, connected).apply(progress=False, **options).to_pickle(result)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # Nothing of the program that it was forked from is its own to end.
        os._exit(status)


if __name__ == "__main__":
    main()
