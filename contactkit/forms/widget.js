// Shows what the kernel says and tells it what a person does; nothing is decided here.
//
// The kernel sends HTML by region, escaped there. What a person typed travels in the very message
// that asks for something, so what is sent is what is on the screen, and no value is widget state,
// which notebooks keep in their files.

const SILENCE = 10_000;
const LONGEST_PRESS = 2_000;
const MUTE =
  "The kernel does not answer. It may be busy; if it was restarted, run the cell again. " +
  "What was being saved may have been carried out.";

const boxesOf = (at) => [...at.querySelectorAll("input, select, textarea")];
const rowsOf = (at) => [...at.querySelectorAll("ul > li")];
const valuesOf = (row) => boxesOf(row).map((box) => box.value);

// A row as it came, which its boxes may not be able to show exactly, and what they show of it.
const origins = new WeakMap();

function rowFor(at, values) {
  const row = at.querySelector("template").content.firstElementChild.cloneNode(true);
  boxesOf(row).forEach((box, part) => (box.value = values?.[part] ?? box.value));
  if (values) origins.set(row, { values, shown: JSON.stringify(valuesOf(row)) });
  return row;
}

function rowValues(row) {
  const origin = origins.get(row);
  const values = valuesOf(row);
  if (origin?.shown === JSON.stringify(values)) return [origin.values];
  const typed = boxesOf(row).some((box) => box.matches("input[type=text]") && box.value !== "");
  return typed ? [values] : [];
}

function addRow(at) {
  const row = rowFor(at);
  at.querySelector("ul").append(row);
  boxesOf(row)[0].focus();
}

const controls = {
  single: {
    // A date that is half typed has no value, and must not be taken for an empty one.
    read: (at) => (boxesOf(at)[0].validity.badInput ? null : boxesOf(at)[0].value),
    fill: (at, raw) => (boxesOf(at)[0].value = raw),
  },
  flag: {
    read: (at) => boxesOf(at).find((box) => box.checked)?.value ?? "",
    fill: (at, raw) => boxesOf(at).forEach((box) => (box.checked = box.value === raw)),
  },
  rows: {
    read: (at) => rowsOf(at).flatMap(rowValues),
    fill: (at, raw) => at.querySelector("ul").replaceChildren(...raw.map((row) => rowFor(at, row))),
  },
};

const read = (at) => controls[at.dataset.control].read(at);
const fill = (at, raw) => controls[at.dataset.control].fill(at, raw);

function copy(pre) {
  getSelection().selectAllChildren(pre);
  // Pages that are not served securely have no clipboard; there the text is at least selected.
  navigator.clipboard?.writeText(pre.textContent);
}

function render({ model, el }) {
  const started = new WeakMap();
  const all = (selector) => [...el.querySelectorAll(selector)];
  const region = (name) => el.querySelector(`[data-region="${CSS.escape(name)}"]`);
  const fieldAt = (name) => el.querySelector(`[data-field="${CSS.escape(name)}"]`);
  // Two views of one panel are in one document, and each needs ids of its own.
  const view = crypto.randomUUID();
  let shared = "";
  let busy = false;
  let since = 0;
  let silence;
  let pressed = false;
  let typing = false;
  let waiting = [];

  function changed() {
    const now = all("[data-field]").map((at) => [at, read(at)]);
    const other = now.filter(([at, raw]) => JSON.stringify(raw) !== started.get(at));
    return Object.fromEntries(other.map(([at, raw]) => [at.dataset.field, raw]));
  }

  function mute(on) {
    all("[data-mute]").forEach((at) => (at.textContent = on ? MUTE : ""));
    if (on && region("status")) region("status").textContent = "";
  }

  // A kernel that works says so again and again.
  function listen() {
    clearTimeout(silence);
    if (busy) silence = setTimeout(() => mute(true), SILENCE);
  }

  function tell(kind, value = "") {
    const version = Number(el.querySelector("[data-version]")?.dataset.version ?? 0);
    try {
      model.send({ kind, value, values: changed(), version });
      return true;
    } catch {
      mute(true);
      return false;
    }
  }

  function ask(kind, value) {
    if ((busy && kind !== "cancel") || !tell(kind, value) || kind === "cancel") return;
    setBusy(true);
    listen();
  }

  function setBusy(on) {
    if (on && !busy) since = Date.now();
    busy = on;
    // Neither is `disabled`, which would take the keyboard's place away.
    all("button[name]:not([name=leaf])").forEach((button) => {
      const off = (button.name === "cancel") !== on || button.dataset.off !== undefined;
      button.setAttribute("aria-disabled", String(off));
    });
    all("form").forEach((form) => form.setAttribute("aria-busy", String(on)));
  }

  function place(regions) {
    // Where a problem stands is in a region itself.
    const within = ([name]) => name.includes(":");
    const entries = Object.entries(regions).sort((one, other) => within(one) - within(other));
    for (const [name, html] of entries) {
      const at = region(name);
      if (!at) continue;
      const kept = at.contains(document.activeElement) && document.activeElement.dataset.keep;
      at.innerHTML = shared ? html.replaceAll(shared, view) : html;
      if (kept) at.querySelector(`[data-keep="${kept}"]`)?.focus();
      for (const control of at.querySelectorAll("[data-field]")) {
        fill(control, JSON.parse(control.dataset.raw));
        started.set(control, JSON.stringify(read(control)));
      }
    }
    for (const at of all("[data-field]")) {
      const wrong = region(`problem:${at.dataset.field}`)?.textContent.trim();
      boxesOf(at).forEach((box) => box.setAttribute("aria-invalid", String(Boolean(wrong))));
    }
  }

  function focus(name) {
    // Whoever has gone elsewhere meanwhile stays there.
    const now = document.activeElement;
    if (now && now !== document.body && !el.contains(now)) return;
    const at = fieldAt(name) ?? region(name);
    const folded = at?.closest("details");
    if (folded) folded.open = true;
    if (at) (boxesOf(at).find((box) => !box.disabled) ?? at).focus();
  }

  function show(message) {
    mute(false);
    if (message.layout !== undefined) el.innerHTML = message.layout;
    shared = message.id ?? shared;
    place(message.regions ?? {});
    if (message.regions?.version) typing = false;
    for (const [name, raw] of Object.entries(message.draft ?? {})) {
      if (raw !== null && fieldAt(name)) fill(fieldAt(name), raw);
    }
    setBusy(message.busy ?? busy);
    listen();
    if (message.focus) focus(message.focus);
  }

  // A button that moves away between press and release is never clicked.
  const heard = (message) => (pressed ? waiting.push(message) : show(message));
  function press(event) {
    if (!event.target.closest("button")) return;
    pressed = true;
    // Not every press has a release that the page hears of.
    setTimeout(release, LONGEST_PRESS);
  }
  const release = () =>
    setTimeout(() => {
      pressed = false;
      waiting.splice(0).forEach(show);
    });

  function blocked(event) {
    const typing = event.type !== "keydown" || event.key !== "Tab";
    if (busy && typing && event.target.closest("[data-held]")) event.preventDefault();
  }

  function clicked(event) {
    const button = event.target.closest("button");
    const field = button?.closest("[data-field]");
    if (!button || (busy && field)) return;
    if (button.dataset.row === "add") addRow(field);
    else if (button.dataset.row === "remove") {
      button.closest("li").remove();
      field.querySelector("[data-row=add]").focus();
      tell("edit");
    } else if (button.dataset.copy !== undefined) copy(button.parentElement.querySelector("pre"));
    else if (button.name === "leaf") tell("leaf", button.value);
    else if (button.name && button.type !== "submit") ask(button.name, button.value);
  }

  function keyed(event) {
    const enter = event.key === "Enter";
    const held = event.ctrlKey || event.metaKey || event.altKey;
    // Notebooks have shortcuts on plain keys, and ones that run the cell on Enter; saving is theirs.
    if (enter || !held) event.stopPropagation();
    if (!enter || event.isComposing) return;
    const list = event.target.closest("[data-control=rows]");
    if (held || event.shiftKey || event.repeat) event.preventDefault();
    else if (list && event.target.matches("input")) {
      event.preventDefault();
      addRow(list);
    }
  }

  for (const kind of ["keydown", "beforeinput", "mousedown", "click"]) {
    el.addEventListener(kind, blocked, { capture: true });
  }
  el.addEventListener("pointerdown", press);
  for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, release);
  el.addEventListener("click", clicked);
  el.addEventListener("keydown", keyed);
  el.addEventListener("input", () => {
    if (!typing) tell("typed");
    typing = true;
  });
  el.addEventListener("change", () => {
    typing = false;
    tell("edit");
  });
  el.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(event.target.dataset.submit);
  });

  const ticking = setInterval(() => {
    const seconds = Math.round((Date.now() - since) / 1000);
    all("[data-elapsed]").forEach((at) => (at.textContent = `${seconds} s`));
  }, 1000);
  model.on("msg:custom", heard);
  model.send({ kind: "ready" });
  return () => {
    clearInterval(ticking);
    clearTimeout(silence);
    for (const kind of ["pointerup", "pointercancel"]) removeEventListener(kind, release);
    model.off("msg:custom", heard);
  };
}

export default { render };
