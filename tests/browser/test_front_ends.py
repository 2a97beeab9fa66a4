"""The fixtures themselves, with widgets of other packages in both front ends."""

from __future__ import annotations

from tests.support import browsers
from tests.support.jupyter import OUTPUT

expect = browsers.module("playwright.sync_api").expect

WIDGETS = """
import ipywidgets
from IPython.display import display

name = ipywidgets.Text(description="Name")
greet = ipywidgets.Button(description="Greet")
greeting = ipywidgets.Label()
greet.on_click(lambda _: setattr(greeting, "value", "hel" + "lo " + name.value))
display(name, greet, greeting)
"""
ECHO = '''
import anywidget

class Echo(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
        const button = Object.assign(document.createElement("button"), { textContent: "Shout" });
        const answer = document.createElement("output");
        button.addEventListener("click", () => model.send({ word: "ping" }));
        model.on("msg:custom", ({ word }) => { answer.textContent = word; });
        el.append(button, answer);
    } };
    """

echo = Echo()
echo.on_msg(lambda widget, content, _: widget.send({"word": content["word"] + "!"}))
echo
'''
FOREIGN_IMAGE = """
from IPython.display import HTML
HTML('<img alt="far away" src="https://' + 'elsewhere.example/a.png">')
"""


def test_widgets_work(front):
    page = front.open(WIDGETS, ECHO)
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Greet").click()
    expect(page.locator(OUTPUT).get_by_text("hello Ada")).to_be_visible()
    page.get_by_role("button", name="Shout").click()
    expect(page.locator(OUTPUT).get_by_text("ping!")).to_be_visible()


def test_open_waits_for_all_cells(front):
    page = front.open("print('fir' + 'st')", "import time; time.sleep(0.5)", "print('la' + 'st')")
    assert "".join(page.locator(OUTPUT).all_inner_texts()).split() == ["first", "last"]


def test_notebook_is_saved_and_reopened_without_a_kernel(lab):
    page = lab.open("print('kept ' + 'here')", WIDGETS)
    expect(page.get_by_label("Name")).to_be_visible()
    cell = lab.save(page)["cells"][0]
    assert (cell["execution_count"], cell["outputs"][0]["text"]) == (1, ["kept here\n"])
    again = lab.reopen_without_kernel(page)
    expect(again.locator(OUTPUT).get_by_text("kept here")).to_be_visible()
    assert again.get_by_label("Name").count() == 0
    assert "model not found" in "".join(again.locator(OUTPUT).all_inner_texts())


def test_request_to_another_machine_is_caught(front, foreign_addresses):
    page = front.open(FOREIGN_IMAGE)
    expect(page.get_by_alt_text("far away")).to_be_attached()
    page.close()
    assert set(foreign_addresses) == {"https://elsewhere.example/a.png"}
    foreign_addresses.clear()


def test_websocket_to_another_machine_is_caught(context, foreign_addresses):
    page = context.new_page()
    with page.expect_websocket():
        page.evaluate("() => { new WebSocket('wss://elsewhere.example/'); }")
    assert foreign_addresses == ["wss://elsewhere.example/"]
    foreign_addresses.clear()


def test_axe_finds_a_problem_in_a_part_of_the_page(front, axe):
    page = front.open("from IPython.display import HTML; HTML('<input id=nameless><p id=fine>Yes')")
    expect(page.locator("#fine")).to_be_visible()
    assert [problem.split()[0] for problem in axe(page, "#nameless")] == ["label"]
    assert axe(page, "#fine") == []


DOLLARS = """\
import contactkit as ck

privy = ck.connect("privy", via=ck.Simulator(contacts=4))
people = privy.contacts.list()
edited = people.assign(tags=[["$5 off", "$10 off"]] * 4)
variables = {"api_key": "$A_KEY", "api_secret": "$A_SECRET"}
display(ck.fleet({"acme": {"provider": "sendblue", **variables}}))
display(privy.contacts.plan(edited, people), ck.show(edited), privy.contacts.plan(edited).view())
display(people.assign(first_name="$typeset$").head(1))"""


def test_text_between_dollar_signs_is_no_formula_except_in_frames_of_pandas(front):
    page = front.open(DOLLARS)
    page.locator("mjx-container").first.wait_for()
    assert page.locator("mjx-container").count() == 1
    for text in (
        "api_key=$A_KEY, api_secret=$A_SECRET",
        '["$5 off", "$10 off"]',
        "$5 off, $10 off",
    ):
        assert page.locator(OUTPUT).get_by_text(text).count()
