// Shows the regions that the kernel sends, and reports what the user does; nothing is decided here.
//
// The kernel sends HTML by region, already escaped. Typed values travel in the message that asks
// for something, so what is sent is what is on the screen, and no value is widget state, which
// notebooks save in their files.

const SILENT_AFTER = 10_000;
const LONGEST_PRESS = 2_000;
const SILENT_KERNEL =
  "The kernel does not respond. It may be busy; if it was restarted, run the cell again. " +
  "What was being saved may have been carried out.";

const inputsOf = (element) => [...element.querySelectorAll("input, select, textarea")];
const rowsOf = (element) => [...element.querySelectorAll("ul > li")];
const valuesOf = (row) => inputsOf(row).map((input) => input.value);

// The original values of a row, which its inputs may not show exactly, and what they do show.
const origins = new WeakMap();

function rowFor(element, values) {
  const row = element.querySelector("template").content.firstElementChild.cloneNode(true);
  inputsOf(row).forEach((input, part) => (input.value = values?.[part] ?? input.value));
  if (values) origins.set(row, { values, text: JSON.stringify(valuesOf(row)) });
  return row;
}

function rowValues(row) {
  const origin = origins.get(row);
  const values = valuesOf(row);
  if (origin?.text === JSON.stringify(values)) return [origin.values];
  const hasText = (input) => input.matches("input[type=text]") && input.value !== "";
  return inputsOf(row).some(hasText) ? [values] : [];
}

function addRow(element) {
  const row = rowFor(element);
  element.querySelector("ul").append(row);
  inputsOf(row)[0].focus();
}

const controls = {
  single: {
    // An incomplete date has no value, and must not be mistaken for an empty one.
    read: (element) => (inputsOf(element)[0].validity.badInput ? null : inputsOf(element)[0].value),
    fill: (element, raw) => (inputsOf(element)[0].value = raw),
  },
  flag: {
    read: (element) => inputsOf(element).find((input) => input.checked)?.value ?? "",
    fill: (element, raw) =>
      inputsOf(element).forEach((input) => (input.checked = input.value === raw)),
  },
  rows: {
    read: (element) => rowsOf(element).flatMap(rowValues),
    fill: (element, raw) =>
      element.querySelector("ul").replaceChildren(...raw.map((row) => rowFor(element, row))),
  },
};

const read = (element) => controls[element.dataset.control].read(element);
const fill = (element, raw) => controls[element.dataset.control].fill(element, raw);

const UTC = new Intl.DateTimeFormat().resolvedOptions().timeZone === "UTC";
const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

// A time that the kernel wrote in UTC, in the reader's zone too.
function addOwnZone(time) {
  const moment = new Date(time.dateTime);
  if (UTC || Number.isNaN(moment.valueOf())) return;
  time.textContent = `${LOCAL.format(moment)} (${time.textContent})`;
}

function copy(pre) {
  getSelection().selectAllChildren(pre);
  // A page that is not served securely has no clipboard; the text is at least selected.
  navigator.clipboard?.writeText(pre.textContent);
}

function render({ model, el }) {
  const initial = new WeakMap();
  const all = (selector) => [...el.querySelectorAll(selector)];
  const regionsOf = (name) => all(`[data-region="${CSS.escape(name)}"]`);
  const region = (name) => regionsOf(name)[0];
  const fieldAt = (name) => el.querySelector(`[data-field="${CSS.escape(name)}"]`);
  // Two views of one widget may be in one document, and each needs its own ids.
  const viewId = crypto.randomUUID();
  let modelId = "";
  let drawn = false;
  let busy = false;
  let since = 0;
  let silenceTimer;
  let pressed = false;
  let pressTimer;
  let typing = false;
  let waiting = [];
  let focusWhenReady = "";

  const isChanged = (element) => JSON.stringify(read(element)) !== initial.get(element);

  function changedValues() {
    const changed = all("[data-field]").filter(isChanged);
    return Object.fromEntries(changed.map((element) => [element.dataset.field, read(element)]));
  }

  // Marks and counts what Save would send.
  function markChanges() {
    const fields = [...(region("fields")?.querySelectorAll("[data-field]") ?? [])];
    for (const element of fields) {
      element.classList.toggle("ck-changed", isChanged(element));
      element.querySelector("[data-mark]").textContent = isChanged(element) ? "changed" : "";
    }
    const count = fields.filter(isChanged).length;
    all("[data-count]").forEach((element) => {
      element.textContent = count === 0 ? "" : count === 1 ? "1 change" : `${count} changes`;
    });
    all("[data-needs-changes]").forEach((button) => (button.dataset.idle = count === 0));
    switchButtons();
  }

  function showSilence(on) {
    all("[data-silent]").forEach((element) => (element.textContent = on ? SILENT_KERNEL : ""));
    if (on && region("status")) region("status").textContent = "";
  }

  // A kernel that is busy says so every few seconds.
  function expectKernel() {
    clearTimeout(silenceTimer);
    if (busy) silenceTimer = setTimeout(() => showSilence(true), SILENT_AFTER);
  }

  function send(kind, value = "") {
    markChanges();
    const version = Number(el.querySelector("[data-version]")?.dataset.version ?? 0);
    try {
      model.send({ kind, value, values: changedValues(), version });
      return true;
    } catch {
      showSilence(true);
      return false;
    }
  }

  function request(kind, value) {
    if ((busy && kind !== "cancel") || !send(kind, value) || kind === "cancel") return;
    setBusy(true);
    expectKernel();
  }

  function setBusy(on) {
    if (on && !busy) since = Date.now();
    busy = on;
    switchButtons();
    all("form").forEach((form) => form.setAttribute("aria-busy", String(on)));
  }

  // Off is not `disabled`, which would lose the keyboard focus; a press says why it is off.
  function switchButtons() {
    all("button[name]:not([name=page])").forEach((button) => {
      const { off, idle } = button.dataset;
      const waits = (button.name === "cancel") !== busy;
      button.setAttribute("aria-disabled", String(waits || off !== undefined || idle === "true"));
    });
  }

  function fillRegion(element, html) {
    const active = document.activeElement;
    const focused = element.contains(active) && active.dataset.keep;
    if (element.dataset.editing !== undefined) return;
    element.innerHTML = modelId ? html.replaceAll(modelId, viewId) : html;
    if (focused && element !== active) {
      element.querySelector(`[data-keep="${CSS.escape(focused)}"]`)?.focus();
    }
    for (const control of element.querySelectorAll("[data-field]")) {
      fill(control, JSON.parse(control.dataset.raw));
      initial.set(control, JSON.stringify(read(control)));
    }
    element.querySelectorAll("time").forEach(addOwnZone);
  }

  function fillRegions(regions) {
    // The region of a problem is within the region of its fields.
    const isWithin = ([name]) => name.includes(":");
    const entries = Object.entries(regions).sort((one, other) => isWithin(one) - isWithin(other));
    for (const [name, html] of entries) {
      regionsOf(name).forEach((element) => fillRegion(element, html));
    }
    all("td[data-cell]").forEach(markCell);
    // A grid without a cell in the Tab order was just drawn.
    const cell = el.querySelector("td[data-cell]");
    if (cell && !el.querySelector("td[data-cell][tabindex='0']")) rove(cell);
    for (const element of all("[data-field]")) {
      const problem = region(`problem:${element.dataset.field}`)?.textContent.trim();
      const invalid = String(Boolean(problem));
      inputsOf(element).forEach((input) => input.setAttribute("aria-invalid", invalid));
    }
  }

  function focus(name) {
    // A focus outside of the widget is left where it is.
    const active = document.activeElement;
    if (active && active !== document.body && !el.contains(active)) return;
    const element = fieldAt(name) ?? region(name);
    const details = element?.closest("details");
    if (details) details.open = true;
    if (element) (inputsOf(element).find((input) => !input.readOnly) ?? element).focus();
  }

  function show(message) {
    if (message.layout !== undefined) {
      // All views get what a new one asks for: drawn again, they would lose the focus and the text
      // that is being typed.
      if (drawn) return;
      drawn = true;
      el.innerHTML = message.layout;
    }
    showSilence(false);
    modelId = message.id ?? modelId;
    fillRegions(message.regions ?? {});
    if (message.regions?.version) typing = false;
    for (const [name, raw] of Object.entries(message.draft ?? {})) {
      if (raw !== null && fieldAt(name)) fill(fieldAt(name), raw);
    }
    setBusy(message.busy ?? busy);
    markChanges();
    expectKernel();
    // Keys pressed right after the focus moves would be lost while the form is locked.
    focusWhenReady = message.focus || focusWhenReady;
    if (busy || !focusWhenReady) return;
    focus(focusWhenReady);
    focusWhenReady = "";
  }

  // What moves away between press and release is never clicked: messages wait.
  const receive = (message) => (pressed ? waiting.push(message) : show(message));
  function press() {
    pressed = true;
    // The page does not get an event for every release.
    clearTimeout(pressTimer);
    pressTimer = setTimeout(release, LONGEST_PRESS);
  }
  const release = () =>
    setTimeout(() => {
      pressed = false;
      waiting.splice(0).forEach(show);
    });

  function blockWhileBusy(event) {
    const edits = event.type !== "keydown" || event.key !== "Tab";
    if (busy && edits && event.target.closest("[data-lock]")) event.preventDefault();
  }

  function onClick(event) {
    const button = event.target.closest("button");
    const field = button?.closest("[data-field]");
    if (!button || (busy && field)) return;
    if (button.dataset.row === "add") addRow(field);
    else if (button.dataset.row === "remove") {
      button.closest("li").remove();
      field.querySelector("[data-row=add]").focus();
      send("edit");
    } else if (button.dataset.copy !== undefined) copy(button.parentElement.querySelector("pre"));
    else if (button.name === "page") send("page", button.value);
    else if (button.name && button.type !== "submit") request(button.name, button.value);
  }

  function onKey(event) {
    const enter = event.key === "Enter";
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    // Notebooks have shortcuts on plain keys, and run the cell on Enter with a modifier.
    if (enter || !modified) event.stopPropagation();
    if (!enter || event.isComposing) return;
    const list = event.target.closest("[data-control=rows]");
    if (modified || event.shiftKey || event.repeat) event.preventDefault();
    else if (list && event.target.matches("input")) {
      event.preventDefault();
      addRow(list);
    }
  }

  for (const kind of ["keydown", "beforeinput", "mousedown", "click"]) {
    el.addEventListener(kind, blockWhileBusy, { capture: true });
  }
  el.addEventListener("pointerdown", press);
  for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, release);
  el.addEventListener("click", onClick);
  el.addEventListener("keydown", onKey);
  el.addEventListener("input", () => {
    markChanges();
    if (!typing) send("typed");
    typing = true;
  });
  el.addEventListener("change", () => {
    typing = false;
    send("edit");
  });
  for (const [kind, handle] of Object.entries(gridOf(send))) el.addEventListener(kind, handle);
  el.addEventListener("submit", (event) => {
    event.preventDefault();
    request(event.target.dataset.submit);
  });

  const clock = setInterval(() => {
    const seconds = Math.round((Date.now() - since) / 1000);
    all("[data-elapsed]").forEach((element) => (element.textContent = `${seconds} s`));
  }, 1000);
  model.on("msg:custom", receive);
  model.send({ kind: "ready" });
  return () => {
    clearInterval(clock);
    clearTimeout(silenceTimer);
    for (const kind of ["pointerup", "pointercancel"]) removeEventListener(kind, release);
    model.off("msg:custom", receive);
  };
}

export default { render };
