"""Runs the Python blocks of a Markdown page as a notebook would run its cells."""

from __future__ import annotations

import ast
import io
import re
from contextlib import redirect_stdout

from contactkit import ContactKitError

_BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def blocks_of(page: str) -> list[tuple[str, str | None]]:
    """The code of each Python block, with the text block that follows it: its output."""
    return [(code, output) for code, output in _BLOCK.findall(page)]


def output_of(code: str, namespace: dict[str, object]) -> str:
    """What a cell with this code shows as text: what it prints, its last value, its refusal."""
    *statements, last = ast.parse(code).body
    shown = io.StringIO()
    with redirect_stdout(shown):
        try:
            if not isinstance(last, ast.Expr):
                statements.append(last)
            exec(compile(ast.Module(statements, []), "page", "exec"), namespace)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), "page", "eval"), namespace)
                print("" if value is None else repr(value))
        except ContactKitError as error:
            print(f"{type(error).__name__}: {error}")
    return shown.getvalue().strip()


def wrong_outputs(page: str) -> list[str]:
    """The blocks whose output is not the one shown; without a block of output any is right."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    wrong: list[str] = []
    for code, shown in blocks_of(page):
        found = output_of(code, namespace)
        if (shown or "Error: " in found) and found != shown.strip():
            wrong.append(f"{code}\nshows\n{found}\nand not\n{shown}")
    return wrong
