/* Buttons that copy what stands beside them: shown where the browser can, absent elsewhere. */
if (navigator.clipboard) {
  document.querySelectorAll("[data-copy]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(button.dataset.copy).then(() => { button.firstChild.textContent = button.dataset.copied; });
    });
  });
}
