"""The pictures: drawn whole, said in words, and safe with any frame and any text."""

from __future__ import annotations

import ast
import gc
import io
import itertools
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import contactkit as ck
from contactkit import plots
from contactkit._frames.frame import result_frame
from contactkit.plots.contacts import MOST_CHANNELS
from contactkit.spec.outcome import Outcome
from tests.support.providers import EXAMPLES, NOTICE, Noticed

OF_CONTACTS = [plots.channel_mix, plots.consent, plots.over_time]
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "$x$",
    r"$\frac{$",
    "_hidden",
    "a\x00b\x1f\u202e",
    "a" * 300,
]


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


def results(*found: str) -> pd.DataFrame:
    return result_frame([{"operation": "update", "outcome": each} for each in found])


def applied(*moments: object, notice: str = "") -> pd.DataFrame:
    """The result of an apply that went like this."""
    found = results("updated")
    found.attrs = {"timeline": [*moments], "notice": notice}
    return found


def svg(ax: Axes) -> str:
    """The picture as SVG whose texts are texts."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        ax.figure.canvas.print_figure(file, format="svg")
    return file.getvalue()


def is_whole(ax: Axes) -> bool:
    """Whether no part of the picture reaches beyond the figure's edges."""
    ax.figure.draw_without_rendering()
    page, drawn = ax.figure.bbox, ax.get_tightbbox()
    return page.contains(*drawn.min) and page.contains(*drawn.max)


@pytest.mark.parametrize("picture", OF_CONTACTS)
@pytest.mark.parametrize("size", [0, 1, 8])
def test_every_provider_has_its_pictures(picture, size, people):
    drawn = picture(people.head(size))
    assert isinstance(drawn, Axes)
    assert is_whole(drawn)
    assert ("no contacts" in svg(drawn)) is (size == 0)


def test_no_results_are_said_and_one_is_drawn():
    assert "no results" in svg(plots.outcomes(results()))
    assert "1 (100%)" in svg(plots.outcomes(results("updated")))


def test_every_outcome_is_told_in_words():
    drawn = plots.outcomes(results(*Outcome, "refused"))
    labels = [each.get_text().partition("\n")[0] for each in drawn.get_yticklabels()]
    assert labels == [*Outcome]
    assert "2 (20%)" in svg(drawn) and is_whole(drawn)
    troubled = {"refused", "failed", "unknown"}
    colours = dict(zip(labels, (bar.get_facecolor() for bar in drawn.patches), strict=True))
    assert len({colours[each] for each in troubled}) == 3
    assert not {colours[e] for e in troubled} & {c for n, c in colours.items() if n not in troubled}


def test_a_timeline_tells_what_was_sent_and_what_was_left():
    drawn = plots.timeline(applied([0, 40, 0, 160], [1, 50, 2, 110], [2, 10, 0, None]))
    assert drawn.get_title("left") == "100 requests over time, 2 answered 429"
    assert drawn.get_xlabel() == "s since the start, 1 s a bar"
    assert [bar.get_height() for bar in bars(drawn)] == [40, 50, 10, 2]
    (budget,) = (each for each in drawn.figure.axes if each is not drawn)
    assert budget.lines[0].get_ydata()[:-1].tolist() == [160, 110]
    assert "left of the budget" in budget.get_ylabel()
    assert is_whole(drawn) and drawn.figure.bbox.contains(*budget.get_tightbbox().max)
    labels = [each.get_text() for each in drawn.get_legend().get_texts()]
    assert labels == ["requests", "answered 429", "left of the budget"]


def test_the_timeline_of_an_apply_is_drawn():
    simulator = ck.Simulator(contacts=8)
    contacts = ck.connect("privy", via=simulator).contacts
    people = contacts.list()
    plan = contacts.plan(people.assign(first_name="Jan"), people)
    simulator.fault("rate_limited", retry_after=5)
    drawn = plots.timeline(plan.apply(progress=False))
    assert drawn.get_title("left") == "9 requests over time, 1 answered 429" and is_whole(drawn)


def test_what_was_answered_429_is_told_by_more_than_its_colour():
    drawn = plots.timeline(applied([0, 40, 0, None], [1, 50, 2, None]))
    *sent, limited = bars(drawn)
    assert limited.get_hatch() and not any(each.get_hatch() for each in sent)
    (crosses,) = drawn.lines
    assert crosses.get_marker() == "X" and len(crosses.get_xdata()) == 1
    assert limited.get_x() < crosses.get_xdata()[0] < limited.get_x() + limited.get_width()


def test_where_none_was_answered_429_and_no_budget_is_known_there_is_none():
    drawn = plots.timeline(applied([0, 40, 0, None], [0.25, 50, 0, None]))
    assert drawn.get_title("left") == "90 requests over time, none answered 429"
    assert drawn.figure.axes == [drawn] and not drawn.lines
    assert [each.get_text() for each in drawn.get_legend().get_texts()] == ["requests"]


@pytest.mark.parametrize("moments", [[], [[0, 0, 0, 200]]])
def test_an_apply_that_sent_nothing_says_so(moments):
    drawn = plots.timeline(applied(*moments, notice=NOTICE))
    assert "nothing was sent" in svg(drawn) and notice_of(drawn) == NOTICE


@pytest.mark.parametrize("last", [0.5, 90, 5_400, 200_000, 3e7])
def test_a_timeline_of_any_length_is_whole(last):
    moments = [[at, 1_000_000, 7, 10] for at in np.linspace(0, last, 300)]
    drawn = plots.timeline(applied(*moments, notice=NOTICE))
    assert is_whole(drawn) and notice_of(drawn).endswith(NOTICE)


def test_the_result_of_an_apply_is_needed(people):
    for wrong, told in (
        (people, "needs a result frame"),
        (None, "not NoneType"),
        (results("updated"), r"plan\.apply\(\), whose attrs have its timeline"),
        (applied([0, 1, 0]), r"attrs\['timeline'\] must be lists of four numbers: second"),
    ):
        with pytest.raises(ck.InvalidInputError, match=rf"plots\.timeline: .*{told}"):
            plots.timeline(wrong)


@pytest.mark.parametrize("picture", OF_CONTACTS)
def test_a_contact_frame_is_needed(picture):
    for wrong, got in ((results("updated"), "a result frame"), ([1], "list"), (None, "NoneType")):
        with pytest.raises(ck.InvalidInputError, match=f"needs a contact frame.*not {got}"):
            picture(wrong)
    with pytest.raises(ck.InvalidInputError, match=rf"plots\.{picture.__name__}: needs a"):
        picture(pd.DataFrame({"shoe_size": [43]}))


def test_a_result_frame_is_needed(people):
    for wrong in (people, people.head(0), [1]):
        with pytest.raises(ck.InvalidInputError, match=r"needs a result frame.*outcome"):
            plots.outcomes(wrong)


def test_ordinary_pandas_does_not_spoil_a_picture(people):
    joined = pd.concat([people.assign(opt_out=True), people[people.index > 3]])
    for picture in OF_CONTACTS:
        assert is_whole(picture(joined.sort_index(ascending=False)))


def test_what_comes_from_the_wire_is_text():
    people = pd.DataFrame(
        {
            "available_channels": pd.array(HOSTILE, dtype="string"),
            "consent": pd.Categorical(HOSTILE),
            "opt_out_$x$": True,
            "created_at": pd.Timestamp("2026-01-01", tz="UTC"),
        }
    )
    for picture in (plots.channel_mix, plots.consent):
        drawn = picture(people)
        assert is_whole(drawn)
        found = svg(drawn)
        assert "<img" not in found and "&lt;img src=x onerror=alert(1)&gt;" in found
        assert ">$x$" in found and r">$\frac{$" in found and "_hidden" in found
        assert "a\ufffdb\ufffd\ufffd" in found
    assert "opt_out_$x$" in svg(plots.consent(people))


def test_outcomes_from_elsewhere_are_text_too():
    drawn = plots.outcomes(pd.DataFrame({"outcome": HOSTILE}))
    assert "&lt;img" in svg(drawn) and is_whole(drawn)


def test_texts_of_consent_do_not_lie_on_each_other():
    people = pd.DataFrame({f"consent_{n}": pd.Categorical(HOSTILE * 3) for n in range(3)})
    drawn = plots.consent(people)
    drawn.figure.draw_without_rendering()
    keys = [each for each in drawn.artists if hasattr(each, "offsetbox")]
    boxes = [each.get_window_extent() for each in keys] + [
        b.get_window_extent() for b in bars(drawn)
    ]
    assert not any(
        one.overlaps(other) for at, one in enumerate(boxes[:3]) for other in boxes[at + 1 :]
    )


def bars(ax: Axes) -> list[matplotlib.patches.Rectangle]:
    return [each for each in ax.patches if isinstance(each, matplotlib.patches.Rectangle)]


def test_many_channels_are_cut_and_it_is_said():
    channels = [f"channel {n}" for n in range(50)]
    drawn = plots.channel_mix(pd.DataFrame({"available_channels": channels}))
    assert len(bars(drawn)) == MOST_CHANNELS
    assert "the first 20 of 50 channels" in drawn.get_title("left")


def test_unknown_consent_is_shown():
    flags = pd.DataFrame({"opt_out": pd.array([None, True, None, False], dtype="boolean")})
    found = svg(plots.consent(flags))
    assert "unknown 2 (50%)" in found and "yes 1 (25%)" in found and "no 1 (25%)" in found


def test_shares_do_not_round_to_none_or_all():
    flags = pd.DataFrame({"opt_out": [True] + [False] * 999})
    found = svg(plots.consent(flags))
    assert "yes 1 (&lt;1%)" in found and "no 999 (&gt;99%)" in found


def test_axes_of_ones_own_are_drawn_into_and_left_as_they_are():
    axes = Figure(layout="constrained").subplots(3, 2).ravel()
    frame = ck.connect("sent", via=ck.Simulator(contacts=8)).contacts.list()
    for picture, ax in zip(OF_CONTACTS, axes, strict=False):
        assert picture(frame, ax=ax) is ax
    assert plots.outcomes(results("updated"), axes[3]) is axes[3]
    assert plots.consent(frame.head(0), axes[3]) is axes[3]
    assert plots.timeline(applied([0, 1, 1, 1]), axes[4]) is axes[4]


def test_axes_that_share_their_ticks_keep_them():
    upper, lower = Figure().subplots(2, sharex=True, sharey=True)
    plots.outcomes(results("updated"), lower)
    ticks = lower.get_xticks().tolist(), lower.get_yticks().tolist()
    plots.outcomes(results(), upper)
    assert (lower.get_xticks().tolist(), lower.get_yticks().tolist()) == ticks


def test_a_picture_shows_itself_and_is_opaque(people):
    content, size = plots.consent(people)._repr_png_()  # pyright: ignore
    image = matplotlib.image.imread(io.BytesIO(content))
    assert np.allclose(image.shape[:2], (2 * size["height"], 2 * size["width"]), atol=2)
    assert (image[..., 3] == 1).all() and (image[0, 0, :3] == 1).all()


def notice_of(ax: Axes) -> str:
    """What stands below the axes, in one line."""
    ax.figure.draw_without_rendering()
    assert ax.xaxis.label.get_window_extent().y1 < ax.bbox.y0
    return " ".join(ax.get_xlabel().split())


@pytest.mark.parametrize("size", [0, 2])
def test_every_picture_tells_the_notice_of_its_world(name, size):
    contacts = ck.connect(name, via=Noticed(contacts=8)).contacts
    people, key = contacts.list().head(size), EXAMPLES[name].key
    written = pd.concat([contacts.update(key, **EXAMPLES[name].update)] * size or [results()])
    drawn = [picture(people) for picture in OF_CONTACTS]
    drawn += [plots.outcomes(written)] if size else []
    for each in drawn:
        assert notice_of(each).endswith(NOTICE) and is_whole(each)
    narrow = Figure(figsize=(0.1, 3)).subplots()
    assert NOTICE in " ".join(plots.channel_mix(people, narrow).get_xlabel().split())


@pytest.mark.parametrize("notice", HOSTILE)
def test_a_notice_is_text_and_has_room(notice):
    told = results(*Outcome)
    told.attrs["notice"] = notice
    drawn = plots.outcomes(told)
    assert is_whole(drawn) and drawn.get_xlabel().startswith("writes\n")
    assert "<img" not in svg(drawn) and is_whole(plots.outcomes(told.head(0)))


@pytest.mark.parametrize("picture", OF_CONTACTS)
def test_a_notice_takes_no_room_from_what_is_drawn(picture):
    people = ck.connect("sent", via=ck.Simulator(contacts=8)).contacts.list()
    heights = []
    for notice in ("", 3 * NOTICE):
        people.attrs["notice"] = notice
        drawn = picture(people)
        drawn.figure.draw_without_rendering()
        heights.append(drawn.bbox.height)
    assert np.allclose(heights, heights[0], atol=6)


def test_where_there_is_no_notice_nothing_is_told(people):
    assert plots.outcomes(results("updated")).get_xlabel() == "writes"
    assert plots.consent(people).get_xlabel() == "share of the contacts"
    assert plots.consent(people.head(0)).get_xlabel() == ""


def test_figures_do_not_pile_up():
    frame = results("updated")
    figures = [weakref.ref(plots.outcomes(frame).figure) for _ in range(25)]
    gc.collect()
    assert not any(figure() for figure in figures)


def calls(picture: Callable[[pd.DataFrame], Axes], frame: pd.DataFrame) -> int:
    count = itertools.count()
    sys.setprofile(lambda *_: next(count))
    try:
        picture(frame)
    finally:
        sys.setprofile(None)
    return next(count)


@pytest.mark.parametrize("picture", OF_CONTACTS)
def test_nothing_is_done_row_by_row(picture, people):
    many = people.iloc[np.arange(100_000) % len(people)]
    calls(picture, people)  # what the first call alone imports and caches
    assert calls(picture, many) < calls(picture, people) + 10_000


def test_matplotlib_is_imported_in_one_place_and_pyplot_nowhere():
    package = Path(ck.__file__).parent
    importing = {
        path.parent.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom | ast.Import) and "matplotlib" in ast.unparse(node)
    }
    assert importing == {"plots"}
    code = "import sys, contactkit.plots; print('matplotlib.pyplot' in sys.modules)"
    assert run(code).strip() == "False"


def test_without_matplotlib_the_extra_is_named():
    code = """
import sys
sys.modules["matplotlib"] = None
try:
    from contactkit import plots
except ImportError as error:
    print(error)
"""
    assert 'python -m pip install "contactkit[plots]"' in run(code)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout
