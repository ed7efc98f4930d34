// Comfort for plans and texts: the day of a step by dragging its card. Typing does the same, without this file.
(() => {
  "use strict";
  let drag = null;
  const dayWords = (board, day) => `${board.dataset.dayLetter}${day === 0 ? "0" : (day > 0 ? "+" : "\u2212") + Math.abs(day)}`;

  document.addEventListener("pointerdown", (event) => {
    const step = event.target.closest("[data-step]");
    const board = step?.ownerSVGElement;
    if (!board?.dataset.perDay || event.button !== 0) return;
    // A day's width on the page: the drawing is 1000 wide and scaled to its place.
    const width = Number(board.dataset.perDay) * board.getBoundingClientRect().width / 1000;
    drag = { step, board, width, from: event.clientX, scale: Number(board.dataset.perDay), day: Number(step.dataset.day), days: 0 };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const days = Math.round((event.clientX - drag.from) / drag.width);
    if (days === drag.days) return;
    drag.days = days;
    drag.moved = true;
    drag.step.classList.add("is-dragged");
    drag.step.setAttribute("transform", `translate(${days * drag.scale} 0)`);
    drag.step.querySelector(".board-on").textContent = dayWords(drag.board, drag.day + days);
  });
  const put = (commit) => {
    if (!drag) return;
    const { step, board, day, days, moved } = drag;
    drag = null;
    if (!moved) return;
    step.classList.remove("is-dragged");
    const field = document.getElementById(`day-${step.dataset.step}`);
    if (commit && days !== 0 && field) {
      field.value = day + days;
      field.form.requestSubmit();
    } else {
      step.removeAttribute("transform");
      step.querySelector(".board-on").textContent = dayWords(board, day);
    }
    // The click that ends a drag opens nothing.
    step.addEventListener("click", (event) => event.preventDefault(), { once: true, capture: true });
  };
  document.addEventListener("pointerup", () => put(true));
  document.addEventListener("pointercancel", () => put(false));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") put(false); });

  // Texts: a placeholder is put where the cursor was; what is typed is shown after a moment.
  let written = null;
  const prepare = () => document.querySelectorAll("[data-insert]").forEach((button) => { button.hidden = false; });
  document.addEventListener("focusin", (event) => { if (event.target.matches("[data-live] input[name=subject], [data-live] textarea")) written = event.target; });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    const field = written ?? document.querySelector("[data-live] textarea");
    if (!button || !field) return;
    field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("text-inserted", { bubbles: true }));
  });
  let showing = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.closest("[data-live]");
    const render = form?.querySelector("[data-render]");
    if (!render) return;
    clearTimeout(showing);
    showing = setTimeout(() => form.requestSubmit(render), 700);
  });
  prepare();
})();
