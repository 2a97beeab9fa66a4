"""What is printed: whole, and as it is."""

from __future__ import annotations

import pandas as pd
import pytest

from contactkit.cli.output import complain, plain, say, show

STEERING = "[red]a :cat: b\x1b[2J\u202ec[/red]"
SHOWN = r"[red]a :cat: b\x1b[2J\u202ec[/red]"


def test_no_text_steers_the_terminal(capsys: pytest.CaptureFixture[str]):
    say(STEERING)
    complain(STEERING, "red")
    show(pd.DataFrame({"text": [STEERING]}))
    told = capsys.readouterr()
    assert told.out.count(SHOWN) == 2 and told.err == SHOWN + "\n"
    assert plain("Zoë, 李") == "Zoë, 李"


def test_a_line_is_not_broken_and_an_error_keeps_its_lines(capsys: pytest.CaptureFixture[str]):
    say("a " * 200)
    complain("a\n  b", "red")
    told = capsys.readouterr()
    assert told.out == "a " * 200 + "\n" and told.err == "a\n  b\n"


def test_in_a_table_nothing_is_cut(capsys: pytest.CaptureFixture[str]):
    frame = pd.DataFrame({"key": ["k" * 40], "list": [["a", "b"]], "none": [pd.NA]})
    show(frame.assign(long=["x" * 300]), folds=["long"])
    lines = capsys.readouterr().out.splitlines()
    assert {len(each) for each in lines} == {120}
    cells = [each.split("│")[1:-1] for each in lines if each.startswith("│")]
    assert [each.strip() for each in cells[0][:3]] == ["k" * 40, "a, b", ""]
    assert "".join(each[3].strip() for each in cells) == "x" * 300
