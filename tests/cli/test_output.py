"""What is printed: whole, and as it is."""

from __future__ import annotations

import pandas as pd
import pytest

from contactkit._plans.tables import escape_unprintable
from contactkit.cli.output import print_error, say, show

STEERING = "[red]a :cat: b\x1b[2J\u202ec[/red]"
SHOWN = r"[red]a :cat: b\x1b[2J\u202ec[/red]"


def test_text_never_controls_the_terminal(capsys: pytest.CaptureFixture[str]):
    say(STEERING)
    print_error(STEERING, "red")
    show(pd.DataFrame({"text": [STEERING]}))
    output = capsys.readouterr()
    assert output.out.count(SHOWN) == 2 and output.err == SHOWN + "\n"
    assert escape_unprintable("Zoë, 李") == "Zoë, 李"


def test_lines_are_not_wrapped(capsys: pytest.CaptureFixture[str]):
    say("a " * 200 + "a")
    print_error("a\n  b", "red")
    output = capsys.readouterr()
    assert output.out == "a " * 200 + "a\n" and output.err == "a\n  b\n"


def test_tables_cut_nothing(capsys: pytest.CaptureFixture[str]):
    frame = pd.DataFrame({"key": ["k" * 40], "list": [["a", "b"]], "none": [pd.NA]})
    show(frame.assign(long=["x" * 300]), folds=["long"])
    lines = capsys.readouterr().out.splitlines()
    assert {len(each) for each in lines} == {120}
    cells = [each.split("│")[1:-1] for each in lines if each.startswith("│")]
    assert [each.strip() for each in cells[0][:3]] == ["k" * 40, "a, b", ""]
    assert "".join(each[3].strip() for each in cells) == "x" * 300
