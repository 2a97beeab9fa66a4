// A grid to type into, by the ARIA pattern: one cell is in the Tab order, arrow keys move, Enter or
// F2 edits, Escape cancels. It is joined with widget.js; the kernel decides what a cell may hold.

const rawOf = (cell) => cell.querySelector("[data-raw]")?.dataset.raw ?? "";
const cellsOf = (row) => [...row.querySelectorAll("td[data-cell]")];

function neighbour(cell, down, right) {
  const rows = [...cell.closest("tbody").rows];
  const within = (index, list) => list[Math.min(Math.max(index, 0), list.length - 1)];
  const column = cellsOf(cell.parentElement).indexOf(cell) + right;
  return within(column, cellsOf(within(rows.indexOf(cell.parentElement) + down, rows)));
}

// Whether it is one cell or, with Ctrl, all the way.
const MOVES = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, -Infinity],
  End: [0, Infinity],
};

function moveOf(event) {
  const [down, right] = MOVES[event.key];
  if (!event.ctrlKey) return [down, right];
  const far = { Home: [-Infinity, -Infinity], End: [Infinity, Infinity] };
  return far[event.key] ?? [down && down * Infinity, right && right * Infinity];
}

// The content has what the kernel found; the cell has it as attributes.
function markCell(cell) {
  cell.classList.toggle("ck-changed", cell.querySelector("[data-changed]") !== null);
  cell.setAttribute("aria-invalid", String(cell.querySelector(".ck-problem") !== null));
}

// One cell of a grid is in the Tab order: the one that had the focus last.
function rove(cell) {
  const cells = [...cell.closest("table").querySelectorAll("td[data-cell]")];
  cells.forEach((each) => (each.tabIndex = each === cell ? 0 : -1));
}

function editorFor(cell, text) {
  const choices = JSON.parse(cell.dataset.choices);
  const raw = rawOf(cell);
  const editor = document.createElement(choices.length ? "select" : "input");
  const all = choices.length && !choices.includes(raw) ? [raw, ...choices] : choices;
  editor.append(...all.map((choice) => new Option(choice, choice)));
  if (!choices.length) editor.type = cell.dataset.type;
  const column = cell.closest("table").tHead.rows[0].cells[cell.cellIndex].textContent;
  const who = cell.parentElement.cells[0].textContent;
  editor.setAttribute("aria-label", `${column} of ${who}`);
  const begun = choices.find((choice) => text && choice.startsWith(text.toLowerCase()));
  editor.value = choices.length ? (begun ?? raw) : (text ?? raw);
  return editor;
}

function gridOf(send) {
  function write(cell, lines) {
    const { key, name } = cell.dataset;
    send("cells", { key, name, lines });
  }

  function edit(cell, text) {
    if (cell.getAttribute("aria-readonly") === "true") return;
    const before = [...cell.childNodes];
    const editor = editorFor(cell, text);
    let open = true;
    const close = (keep, next) => {
      if (!open) return;
      open = false;
      delete cell.dataset.editing;
      cell.replaceChildren(...before);
      next?.focus();
      if (keep && editor.value !== rawOf(cell)) write(cell, [[editor.value]]);
    };
    const onKey = (event) => {
      const leave = { Enter: [event.shiftKey ? -1 : 1, 0], Tab: [0, event.shiftKey ? -1 : 1] };
      event.stopPropagation();
      if (event.isComposing || !(event.key in leave || event.key === "Escape")) return;
      event.preventDefault();
      const next = event.key === "Escape" ? cell : neighbour(cell, ...leave[event.key]);
      close(event.key !== "Escape", next);
    };
    cell.dataset.editing = "";
    cell.replaceChildren(editor);
    editor.addEventListener("keydown", onKey);
    editor.addEventListener("blur", () => close(true));
    // They are no edits of the form around it.
    for (const kind of ["input", "change", "paste", "copy"]) {
      editor.addEventListener(kind, (event) => event.stopPropagation());
    }
    editor.focus();
  }

  function onKey(event) {
    const cell = event.target.closest("td[data-cell]");
    if (!cell || event.isComposing || event.altKey || event.metaKey) return;
    const types = event.key.length === 1 && !event.ctrlKey;
    const clears = ["Delete", "Backspace"].includes(event.key);
    if (event.key in MOVES) neighbour(cell, ...moveOf(event)).focus();
    else if (["Enter", "F2"].includes(event.key)) edit(cell);
    else if (types) edit(cell, event.key);
    else if (clears && cell.getAttribute("aria-readonly") !== "true") write(cell, [[""]]);
    else return;
    event.preventDefault();
  }

  function onPaste(event) {
    const cell = event.target.closest("td[data-cell]");
    if (!cell) return;
    event.preventDefault();
    const text = event.clipboardData.getData("text/plain").replace(/\r?\n$/, "");
    write(cell, text.split(/\r?\n/).map((line) => line.split("\t")));
  }

  function onCopy(event) {
    const cell = event.target.closest("td[data-cell]");
    if (!cell || !getSelection().isCollapsed) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", cell.querySelector("[data-raw]").textContent);
  }

  function onFocus(event) {
    const cell = event.target.closest("td[data-cell]");
    if (!cell) return;
    rove(cell);
    const hint = cell.closest("form").querySelector("[data-hint]");
    const { reason } = cell.dataset;
    hint.textContent = reason ? `Cannot be changed: ${reason}` : "";
  }

  const onDoubleClick = (event) => {
    const cell = event.target.closest("td[data-cell]");
    if (cell && cell.dataset.editing === undefined) edit(cell);
  };
  return { keydown: onKey, paste: onPaste, copy: onCopy, focusin: onFocus, dblclick: onDoubleClick };
}

