// Shows what the kernel says and tells it what a person does; nothing is decided here.
//
// The kernel sends HTML by region, escaped there. What a person typed travels in the very message
// that asks for something, so what is sent is what is on the screen, and no value is widget state,
// which notebooks keep in their files.

const SILENCE = 10_000;

const boxesOf = (at) => [...at.querySelectorAll("input, select, textarea")];

const controls = {
  single: {
    // A date that is half typed has no value, and must not be taken for an empty one.
    read: (at) => (boxesOf(at)[0].validity.badInput ? null : boxesOf(at)[0].value),
    fill: (at, raw) => (boxesOf(at)[0].value = raw ?? ""),
  },
  flag: {
    read: (at) => boxesOf(at).find((box) => box.checked)?.value ?? "",
    fill: (at, raw) => boxesOf(at).forEach((box) => (box.checked = box.value === raw)),
  },
  rows: {
    read: (at) => rowsOf(at).map((row) => boxesOf(row).map((box) => box.value)),
    fill: (at, raw) => at.querySelector("ul").replaceChildren(...raw.map((row) => rowFor(at, row))),
  },
};

const rowsOf = (at) => [...at.querySelectorAll("ul > li")];

function rowFor(at, values) {
  const row = at.querySelector("template").content.firstElementChild.cloneNode(true);
  boxesOf(row).forEach((box, part) => (box.value = values?.[part] ?? box.value));
  return row;
}

function addRow(at) {
  const row = rowFor(at);
  at.querySelector("ul").append(row);
  boxesOf(row)[0].focus();
}

const read = (at) => controls[at.dataset.control].read(at);
const fill = (at, raw) => controls[at.dataset.control].fill(at, raw);

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

  function changed() {
    const now = all("[data-field]").map((at) => [at, read(at)]);
    const other = now.filter(([at, raw]) => JSON.stringify(raw) !== started.get(at));
    return Object.fromEntries(other.map(([at, raw]) => [at.dataset.field, raw]));
  }

  function tell(kind, value = "") {
    const version = Number(el.querySelector("[data-version]")?.dataset.version ?? 0);
    model.send({ kind, value, values: changed(), version });
  }

  function ask(kind, value) {
    if (busy && kind !== "cancel") return;
    tell(kind, value);
    if (kind === "cancel") return;
    setBusy(true);
    silence = setTimeout(() => {
      region("status").textContent =
        "The kernel has not answered. It may be busy; if it was restarted, run the cell again.";
    }, SILENCE);
  }

  function setBusy(on) {
    if (on && !busy) since = Date.now();
    busy = on;
    // Not `disabled`, which would take the keyboard's place away.
    all("button[name]").forEach((button) =>
      button.setAttribute("aria-disabled", String((button.name === "cancel") !== on)),
    );
    all("[data-inert]").forEach((at) => (at.inert = on));
  }

  function place(regions) {
    for (const [name, html] of Object.entries(regions)) {
      const at = region(name);
      if (!at) continue;
      at.innerHTML = shared ? html.replaceAll(shared, view) : html;
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

  function show(message) {
    clearTimeout(silence);
    if (message.layout !== undefined) el.innerHTML = message.layout;
    shared = message.id ?? shared;
    place(message.regions ?? {});
    for (const [name, raw] of Object.entries(message.draft ?? {})) {
      if (fieldAt(name)) fill(fieldAt(name), raw);
    }
    setBusy(message.busy ?? busy);
    const at = message.focus && (fieldAt(message.focus) ?? region(message.focus));
    if (!at) return;
    // What is inert cannot be focused, and its task is as good as over.
    all("[data-inert]").forEach((each) => (each.inert = false));
    (boxesOf(at).find((box) => !box.disabled) ?? at).focus();
  }

  el.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const field = button.closest("[data-field]");
    if (button.dataset.row === "add") addRow(field);
    else if (button.dataset.row === "remove") {
      button.closest("li").remove();
      field.querySelector("[data-row=add]").focus();
      tell("edit");
    } else if (button.dataset.copy !== undefined) {
      navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    } else if (button.name && button.type !== "submit") ask(button.name, button.value);
  });
  el.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(event.target.dataset.submit);
  });
  el.addEventListener("change", () => tell("edit"));
  el.addEventListener("keydown", (event) => {
    const enter = event.key === "Enter";
    const held = event.ctrlKey || event.metaKey || event.altKey;
    // Notebooks have shortcuts on plain keys, and ones that run the cell on Enter; saving is theirs.
    if (enter || !held) event.stopPropagation();
    const list = event.target.closest("[data-control=rows]");
    if (enter && (held || event.shiftKey)) event.preventDefault();
    else if (enter && list && event.target.matches("input")) {
      event.preventDefault();
      addRow(list);
    }
  });

  const ticking = setInterval(() => {
    const seconds = Math.round((Date.now() - since) / 1000);
    all("[data-elapsed]").forEach((at) => (at.textContent = `${seconds} s`));
  }, 1000);
  model.on("msg:custom", show);
  model.send({ kind: "ready" });
  return () => {
    clearInterval(ticking);
    clearTimeout(silence);
    model.off("msg:custom", show);
  };
}

export default { render };
