"""The fixtures themselves, with widgets of other makers in both front ends."""

from __future__ import annotations

from tests.support import browsers
from tests.support.jupyter import OUTPUT

expect = browsers.module("playwright.sync_api").expect

WIDGETS = """
import ipywidgets
from IPython.display import display

name = ipywidgets.Text(description="Name")
greet = ipywidgets.Button(description="Greet")
said = ipywidgets.Label()
greet.on_click(lambda _: setattr(said, "value", "hel" + "lo " + name.value))
display(name, greet, said)
"""
ECHO = '''
import anywidget

class Echo(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
        const button = Object.assign(document.createElement("button"), { textContent: "Shout" });
        const heard = document.createElement("output");
        button.addEventListener("click", () => model.send({ word: "ping" }));
        model.on("msg:custom", ({ word }) => { heard.textContent = word; });
        el.append(button, heard);
    } };
    """

echo = Echo()
echo.on_msg(lambda widget, content, _: widget.send({"word": content["word"] + "!"}))
echo
'''
ASKING = """
from IPython.display import HTML
HTML('<img alt="far away" src="https://' + 'elsewhere.example/a.png">')
"""


def test_widgets_can_be_used(front):
    page = front.open(WIDGETS, ECHO)
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Greet").click()
    expect(page.locator(OUTPUT).get_by_text("hello Ada")).to_be_visible()
    page.get_by_role("button", name="Shout").click()
    expect(page.locator(OUTPUT).get_by_text("ping!")).to_be_visible()


def test_all_cells_have_run(front):
    page = front.open("print('fir' + 'st')", "import time; time.sleep(0.5)", "print('la' + 'st')")
    assert "".join(page.locator(OUTPUT).all_inner_texts()).split() == ["first", "last"]


def test_a_notebook_is_saved_and_shown_without_its_kernel(lab):
    page = lab.open("print('kept ' + 'here')", WIDGETS)
    expect(page.get_by_label("Name")).to_be_visible()
    cell = lab.save(page)["cells"][0]
    assert (cell["execution_count"], cell["outputs"][0]["text"]) == (1, ["kept here\n"])
    again = lab.reopen_without_kernel(page)
    expect(again.locator(OUTPUT).get_by_text("kept here")).to_be_visible()
    assert again.get_by_label("Name").count() == 0
    assert "model not found" in "".join(again.locator(OUTPUT).all_inner_texts())


def test_a_request_off_the_machine_is_caught(front, strangers):
    page = front.open(ASKING)
    expect(page.get_by_alt_text("far away")).to_be_attached()
    page.close()
    assert set(strangers) == {"https://elsewhere.example/a.png"}
    strangers.clear()


def test_a_socket_off_the_machine_is_caught(context, strangers):
    page = context.new_page()
    with page.expect_websocket():
        page.evaluate("() => { new WebSocket('wss://elsewhere.example/'); }")
    assert strangers == ["wss://elsewhere.example/"]
    strangers.clear()


def test_axe_finds_what_is_wrong_within_a_part_of_the_page(front, axe):
    page = front.open("from IPython.display import HTML; HTML('<input id=nameless><p id=fine>Yes')")
    expect(page.locator("#fine")).to_be_visible()
    assert [each.split()[0] for each in axe(page, "#nameless")] == ["label"]
    assert axe(page, "#fine") == []
