// Comfort only: every page works without this file.
(() => {
  "use strict";
  const find = (selector, root = document) => [...root.querySelectorAll(selector)];
  const CONTROLS = ":is(input:not([type=hidden]), select, textarea):not(:disabled)";
  const isTyping = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

  // Controls that only make sense with JavaScript are hidden in the markup and shown here, after swaps too.
  const prepare = (root) => {
    find("[data-copy], [data-dismiss], [data-select-all], [data-drop-hint]", root).forEach((control) => { control.hidden = false; });
    find("[data-passing]", root).forEach((toast) => setTimeout(() => toast.remove(), 8000));
    [...find("form", root), root.closest?.("form")].forEach((form) => form && showWhen(form));
  };

  // <div data-when="promise call_back">: shown while a radio button of that value is chosen; hidden fields are not sent.
  const showWhen = (form) => {
    const chosen = new Set(find("input[type=radio]:checked", form).map((radio) => radio.value));
    find("[data-when]", form).forEach((part) => {
      if (part.matches("input, select, textarea")) return;
      const isShown = part.dataset.when.split(" ").some((value) => chosen.has(value));
      part.hidden = !isShown;
      find("input, select, textarea", part).forEach((control) => { control.disabled = !isShown; });
    });
  };

  // <input type="checkbox" data-worth="1840.25 EUR">: what the ticked ones add up to, by currency.
  const worthOf = (boxes) => {
    const sums = new Map();
    boxes.forEach(({ dataset }) => {
      const [amount, currency] = (dataset.worth ?? "").split(" ");
      if (currency) sums.set(currency, (sums.get(currency) ?? 0) + Math.round(Number(amount) * 1000));
    });
    const written = ([currency, sum]) => new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency }).format(sum / 1000);
    return [...sums].map(written).join(" + ");
  };

  const countSelected = (form) => {
    const boxes = [...form.elements].filter((box) => box.type === "checkbox" && box.name && !box.dataset.everything);
    const everything = [...form.elements].find((box) => box.dataset.everything && box.checked);
    const checked = everything ? Number(everything.dataset.everything) : boxes.filter((box) => box.checked).length;
    const count = form.querySelector(".approve-count");
    const words = checked === 0 ? count.dataset.none : checked === 1 ? count.dataset.one : count.dataset.many.replace("%s", checked);
    count.textContent = [words, worthOf(boxes.filter((box) => box.checked))].filter(Boolean).join(", ");
    find("[data-needs-selection]", form).forEach((button) => { button.disabled = checked === 0; });
    const all = form.querySelector("[data-select-all]");
    if (all) { all.checked = boxes.length > 0 && checked === boxes.length; all.indeterminate = checked > 0 && checked < boxes.length; }
  };

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (!form) return;
    if (event.target.matches("[data-select-all]")) {
      [...form.elements].forEach((box) => { if (box.type === "checkbox" && box.name && !box.dataset.everything) box.checked = event.target.checked; });
    }
    if (form.matches("[data-approve]")) countSelected(form);
    if (event.target.type === "radio") showWhen(form);
    if (event.target.matches("[data-submit]")) form.requestSubmit();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.matches("[data-dismiss]")) button.closest(".toast").remove();
    if (button?.matches("[data-copy]")) {
      navigator.clipboard.writeText(button.dataset.copy).then(() => { button.firstElementChild.textContent = button.dataset.copied; });
    }
    // Browsers before the invoker commands.
    if (button?.hasAttribute("commandfor") && !("commandForElement" in button)) {
      const dialog = document.getElementById(button.getAttribute("commandfor"));
      if (button.getAttribute("command") === "close") dialog.close(); else dialog.showModal();
    }
    if (event.target.matches("dialog")) event.target.close();
    find("details[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  // <form data-drop="file">: what is dropped on it is given to that field and sent.
  ["dragover", "dragleave", "drop"].forEach((name) => document.addEventListener(name, (event) => {
    const form = event.target.closest?.("form[data-drop]");
    if (!form || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("notice", name === "dragover");
    if (name !== "drop" || event.dataTransfer.files.length === 0) return;
    form.elements[form.dataset.drop].files = event.dataTransfer.files;
    form.requestSubmit();
  }));

  // Keys: / searches, j and k walk the queue, Enter opens the row, Escape closes a menu; data-key names another.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = event.target.closest("details[data-menu][open]");
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("search")?.focus();
      return;
    }
    const named = /^[a-z0-9]$/.test(event.key) && document.querySelector(`[data-key="${event.key}"]`);
    if (named) {
      event.preventDefault();
      named.click();
      // An outcome was chosen: one goes on in what it asks for.
      const asked = named.control?.form.querySelector(".field[data-when]:not([hidden])")?.querySelector(CONTROLS);
      (asked ?? named.control)?.focus();
      return;
    }
    if (event.key !== "j" && event.key !== "k") return;
    const rows = find("[data-work]");
    if (rows.length === 0) return;
    // What was just finished stands where its row was: one goes on from there.
    const at = document.activeElement;
    const here = rows.findIndex((row) => row.contains(at));
    const after = rows.findIndex((row) => !row.contains(at) && at.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING);
    const next = after === -1 ? rows.length : after;
    const row = rows[Math.min(rows.length - 1, Math.max(0, event.key === "j" ? next : (here === -1 ? next : here) - 1))];
    const target = row.querySelector(".work-open > summary") ?? row.querySelector("summary, a, button");
    target?.focus();
    row.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("htmx:load", (event) => prepare(event.target));
  // The form of an act was asked for: one goes on in it.
  document.addEventListener("htmx:afterSettle", (event) => {
    const act = event.detail.target;
    if (act.matches(".act") && !act.contains(document.activeElement)) act.querySelector(CONTROLS)?.focus();
  });
  // A fragment that could not be fetched says so, in the page's language.
  const fail = () => {
    const toast = document.getElementById("toast-failed").content.cloneNode(true);
    document.getElementById("toasts").append(toast);
    prepare(document.getElementById("toasts"));
  };
  document.addEventListener("htmx:responseError", fail);
  document.addEventListener("htmx:sendError", fail);
  prepare(document);
  find("form[data-approve]").forEach(countSelected);
})();
