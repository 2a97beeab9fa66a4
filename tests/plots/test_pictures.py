"""The pictures: drawn whole, with numbers in words, and safe with any frame and any text."""

from __future__ import annotations

import ast
import gc
import io
import itertools
import re
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
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

import contactkit as ck
from contactkit import plots
from contactkit._frames.frame import result_frame
from contactkit.plots.page import INK
from contactkit.plots.pictures import MOST_CHANNELS
from contactkit.spec.outcome import Outcome
from tests.support.providers import EXAMPLES, NOTICE, ONE_PROVIDER, Noticed

OF_CONTACTS = [plots.channel_mix, plots.consent, plots.over_time]
HOSTILE = ["<img src=x onerror=alert(1)>", "$x$", r"$\frac{$", "_hidden", "a\x00b\u202e", "a" * 300]


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


def results(*names: str) -> pd.DataFrame:
    return result_frame([{"operation": "update", "outcome": name} for name in names])


def applied(*timeline: object, notice: str = "") -> pd.DataFrame:
    """The result of an apply with this timeline."""
    result = results("updated")
    result.attrs = {"timeline": [*timeline], "notice": notice}
    return result


def svg(ax: Axes) -> str:
    """The picture as SVG in which texts remain texts."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        ax.figure.canvas.print_figure(file, format="svg")
    return file.getvalue()


def is_whole(ax: Axes) -> bool:
    """Whether no part of the picture reaches beyond the figure's edges."""
    ax.figure.draw_without_rendering()
    page, drawn = ax.figure.bbox, ax.get_tightbbox()
    return page.contains(*drawn.min) and page.contains(*drawn.max)


def bars(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def notice_of(ax: Axes) -> str:
    """The text below the axes, on one line."""
    ax.figure.draw_without_rendering()
    assert ax.xaxis.label.get_window_extent().y1 < ax.bbox.y0
    return " ".join(ax.get_xlabel().split())


@pytest.mark.parametrize("picture", OF_CONTACTS)
@pytest.mark.parametrize("size", [0, 8])
def test_every_provider_has_its_pictures(picture, size, people):
    ax = picture(people.head(size))
    assert isinstance(ax, Axes)
    assert is_whole(ax)
    assert ("no contacts" in svg(ax)) is (size == 0)


def test_channel_mix_says_that_it_shows_the_first_channels_only():
    channels = [f"channel {n}" for n in range(50)]
    ax = plots.channel_mix(pd.DataFrame({"available_channels": channels}))
    assert len(bars(ax)) == MOST_CHANNELS
    assert ax.get_title("left") == "Channels of 50 contacts: the first 20 of 50"


def test_consent_shows_unknown_and_the_number_of_each_answer():
    flags = pd.DataFrame({"opt_out": pd.array([None, True, None, False], dtype="boolean")})
    text = svg(plots.consent(flags))
    assert "unknown 2 (50%)" in text and "yes 1 (25%)" in text and "no 1 (25%)" in text


def test_shares_are_not_rounded_to_none_or_all():
    text = svg(plots.consent(pd.DataFrame({"opt_out": [True] + [False] * 999})))
    assert "yes 1 (&lt;1%)" in text and "no 999 (&gt;99%)" in text


def test_consent_texts_do_not_overlap():
    people = pd.DataFrame({f"consent_{n}": pd.Categorical(HOSTILE * 3) for n in range(3)})
    ax = plots.consent(people)
    ax.figure.draw_without_rendering()
    boxes = [artist.get_window_extent() for artist in (*ax.texts, *bars(ax))]
    texts = boxes[: len(ax.texts)]
    assert not any(one.overlaps(other) for i, one in enumerate(texts) for other in boxes[i + 1 :])


def test_over_time_counts_the_contacts_without_a_time():
    times = pd.to_datetime(["2026-01-01", "2026-01-03", None], utc=True)
    ax = plots.over_time(pd.DataFrame({"created_at": times}))
    assert ax.get_title("left") == "2 contacts by day of creation"
    assert ax.get_xlabel() == "day, UTC (1 without a time are left out)"
    assert [bar.get_height() for bar in bars(ax)] == [1, 0, 1]
    assert ax.get_xticklabels()[0].get_text() == "2026-01-01"


def test_outcomes_without_results_says_so():
    assert "no results" in svg(plots.outcomes(results()))


def test_outcomes_names_every_outcome_and_colours_trouble_apart():
    ax = plots.outcomes(results(*Outcome, "refused"))
    labels = [tick.get_text().partition(" (")[0] for tick in ax.get_yticklabels()]
    assert labels == [*Outcome]
    assert "2 (20%)" in svg(ax) and is_whole(ax)
    colours = dict(zip(labels, (bar.get_facecolor() for bar in ax.patches), strict=True))
    trouble = {colours.pop(name) for name in ("refused", "failed", "unknown")}
    assert len(trouble) == 3 and not trouble & {*colours.values()}


def test_timeline_shows_requests_limits_and_budget():
    ax = plots.timeline(applied([0, 40, 0, 160], [1, 50, 2, 110], [2, 10, 0, None]))
    assert ax.get_title("left") == "100 requests over time, 2 answered 429"
    assert ax.get_xlabel() == "seconds since the start"
    sent, limited = bars(ax)[:3], bars(ax)[3:]
    assert [bar.get_height() for bar in sent] == [40, 50, 10]
    assert [bar.get_height() for bar in limited] == [0, 2, 0]
    assert all(bar.get_hatch() for bar in limited) and not any(bar.get_hatch() for bar in sent)
    (budget,) = (other for other in ax.figure.axes if other is not ax)
    assert budget.lines[0].get_ydata().tolist() == [160, 110]
    assert is_whole(ax) and ax.figure.bbox.contains(*budget.get_tightbbox().max)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["requests", "answered 429", "left of the budget"]


def test_timeline_without_limits_or_budget_shows_requests_alone():
    ax = plots.timeline(applied([0, 40, 0, None], [1, 50, 0, None]))
    assert ax.get_title("left") == "90 requests over time, none answered 429"
    assert ax.figure.axes == [ax] and len(ax.get_legend().get_texts()) == 1


def test_timeline_draws_a_real_apply():
    simulator = ck.Simulator(contacts=8)
    contacts = ck.connect("privy", via=simulator).contacts
    people = contacts.list()
    plan = contacts.plan(people.assign(first_name="Jan"), people)
    assert plan.requests == 7  # one contact is compliance-suppressed
    simulator.fault("rate_limited", retry_after=5)
    ax = plots.timeline(plan.apply(progress=False))
    assert ax.get_title("left") == "8 requests over time, 1 answered 429" and is_whole(ax)


@pytest.mark.parametrize("timeline", [[], [[0, 0, 0, 200]]])
def test_timeline_of_an_apply_that_sent_nothing_says_so(timeline):
    ax = plots.timeline(applied(*timeline, notice=NOTICE))
    assert "nothing was sent" in svg(ax) and notice_of(ax) == NOTICE


TIMELINES = [(0, "seconds"), (90, "seconds"), (5_400, "minutes"), (3e7, "hours")]


@pytest.mark.parametrize(("last", "unit"), TIMELINES)
def test_timeline_of_any_length_is_whole(last, unit):
    moments = [[second, 1_000_000, 7, 10] for second in np.linspace(0, last, 60)]
    ax = plots.timeline(applied(*moments, notice=NOTICE))
    assert is_whole(ax) and notice_of(ax) == f"{unit} since the start {NOTICE}"


def test_timeline_needs_the_result_of_an_apply(people):
    for wrong, message in (
        (people, "needs a result frame"),
        (None, "not NoneType"),
        (results("updated"), r"plan\.apply\(\), with a timeline in its attrs"),
    ):
        with pytest.raises(ck.InvalidInputError, match=rf"plots\.timeline: .*{message}"):
            plots.timeline(wrong)


@pytest.mark.parametrize("picture", OF_CONTACTS)
def test_a_picture_of_contacts_needs_a_contact_frame(picture):
    for wrong, got in ((results("updated"), "a result frame"), ([1], "list"), (None, "NoneType")):
        with pytest.raises(ck.InvalidInputError, match=f"needs a contact frame.*not {got}"):
            picture(wrong)
    with pytest.raises(ck.InvalidInputError, match=rf"plots\.{picture.__name__}: needs a"):
        picture(pd.DataFrame({"shoe_size": [43]}))


def test_outcomes_needs_a_result_frame(people):
    for wrong in (people, people.head(0), [1]):
        with pytest.raises(ck.InvalidInputError, match=r"needs a result frame.*outcome"):
            plots.outcomes(wrong)


def test_pictures_take_joined_filtered_and_sorted_frames(people):
    joined = pd.concat([people.assign(opt_out=True), people[people.index > 3]])
    for picture in OF_CONTACTS:
        assert is_whole(picture(joined.sort_index(ascending=False)))


def test_hostile_texts_are_drawn_literally():
    people = pd.DataFrame(
        {
            "available_channels": pd.array(HOSTILE, dtype="string"),
            "consent": pd.Categorical(HOSTILE),
            "opt_out_$x$": True,
        }
    )
    outcomes = pd.DataFrame({"outcome": HOSTILE})
    for ax in (plots.channel_mix(people), plots.consent(people), plots.outcomes(outcomes)):
        assert is_whole(ax)
        text = svg(ax)
        assert "<img" not in text and "&lt;img src=x onerror=alert(1)&gt;" in text
        assert ">$x$" in text and r">$\frac{$" in text and "_hidden" in text
        assert "a\ufffdb\ufffd" in text
    assert "opt_out_$x$" in svg(plots.consent(people))


@pytest.mark.parametrize("size", [0, 2])
def test_every_picture_shows_the_notice_of_its_world(size):
    contacts = ck.connect("sent", via=Noticed(contacts=8)).contacts
    people, example = contacts.list().head(size), EXAMPLES["sent"]
    written = pd.concat([contacts.update(example.key, **example.update)] * size or [results()])
    drawn = [picture(people) for picture in OF_CONTACTS]
    drawn += [plots.outcomes(written)] if size else []
    for ax in drawn:
        assert notice_of(ax).endswith(NOTICE) and is_whole(ax)
    narrow = Figure(figsize=(0.1, 3)).subplots()
    assert NOTICE in " ".join(plots.channel_mix(people, narrow).get_xlabel().split())


@pytest.mark.parametrize("notice", HOSTILE)
def test_a_notice_is_drawn_literally_and_whole(notice):
    result = results(*Outcome)
    result.attrs["notice"] = notice
    ax = plots.outcomes(result)
    assert is_whole(ax) and ax.get_xlabel().startswith("writes\n")
    assert "<img" not in svg(ax) and is_whole(plots.outcomes(result.head(0)))


@ONE_PROVIDER
def test_without_a_notice_the_label_is_the_unit(people):
    assert plots.outcomes(results("updated")).get_xlabel() == "writes"
    assert plots.consent(people).get_xlabel() == "share of contacts"
    assert plots.consent(people.head(0)).get_xlabel() == ""


def test_pictures_are_drawn_into_given_axes():
    axes = Figure(layout="constrained").subplots(3, 2).ravel()
    people = ck.connect("sent", via=ck.Simulator(contacts=8)).contacts.list()
    for picture, ax in zip(OF_CONTACTS, axes, strict=False):
        assert picture(people, ax=ax) is ax
    assert plots.outcomes(results("updated"), axes[3]) is axes[3]
    assert plots.timeline(applied([0, 1, 1, 1]), axes[4]) is axes[4]


def test_an_empty_picture_leaves_shared_ticks_alone():
    upper, lower = Figure().subplots(2, sharex=True, sharey=True)
    plots.outcomes(results("updated"), lower)
    ticks = lower.get_xticks().tolist(), lower.get_yticks().tolist()
    plots.outcomes(results(), upper)
    assert (lower.get_xticks().tolist(), lower.get_yticks().tolist()) == ticks


@ONE_PROVIDER
def test_a_picture_shows_itself_without_a_background(people):
    content, size = plots.consent(people)._repr_png_()  # pyright: ignore
    image = matplotlib.image.imread(io.BytesIO(content))
    assert np.allclose(image.shape[:2], (2 * size["height"], 2 * size["width"]), atol=2)
    assert image[0, 0, 3] == 0


def contrast(colour: str, page: str) -> float:
    """The contrast of two colours, as WCAG defines it."""
    rgb = np.array([to_rgb(colour), to_rgb(page)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    darker, lighter = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (lighter + 0.05) / (darker + 0.05)


@ONE_PROVIDER
def test_text_of_a_picture_can_be_read_in_any_theme(people):
    svg = plots.consent(people)._repr_svg_()  # pyright: ignore
    inks = {*re.findall(r"<text[^>]*fill: (#\w{6})", svg)}
    colours = {colour for colour in inks if colour in {INK, "#000000", "#ffffff"}}
    assert colours == {INK} and min(contrast(INK, page) for page in ("white", "black")) >= 4.5
    assert not re.search(r"fill: #ffffff|stroke: #000000|stroke: #ffffff", svg)


@ONE_PROVIDER
def test_a_picture_is_the_same_after_it_was_shown(people):
    ax = plots.consent(people)
    before = [(text.get_color(), text.get_fontfamily()) for text in ax.figure.findobj(Text)]
    assert ax._repr_svg_() and ax._repr_png_()  # pyright: ignore
    assert ax.figure.get_facecolor() == (1, 1, 1, 1)
    after = [(text.get_color(), text.get_fontfamily()) for text in ax.figure.findobj(Text)]
    assert after[: len(before)] == before


@pytest.mark.parametrize("label", ["名前 東京", "שלום", "नमस्ते", "สวัสดี", "👋 hello", "Ünïcode"])
def test_labels_are_text_of_the_page_in_any_script(label):
    people = pd.DataFrame({"channel": [label, "sms"]}).astype("category")
    ax = plots.channel_mix(people)
    assert f">{label}</text>" in ax._repr_svg_()  # pyright: ignore
    assert ax._repr_png_()  # pyright: ignore


def test_figures_are_not_kept():
    result = results("updated")
    figures = [weakref.ref(plots.outcomes(result).figure) for _ in range(25)]
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
def test_pictures_do_not_loop_over_rows(picture):
    people = ck.connect("sent", via=ck.Simulator(contacts=8)).contacts.list()
    many = people.iloc[np.arange(100_000) % len(people)]
    calls(picture, people)  # what the first call alone imports and caches
    assert calls(picture, many) < calls(picture, people) + 10_000


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_matplotlib_is_imported_by_plots_alone_and_pyplot_nowhere():
    package = Path(ck.__file__).parent
    importing = {
        path.parent.name
        for path in package.rglob("*.py")
        if "matplotlib" in path.read_text()
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
