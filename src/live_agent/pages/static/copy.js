// Shows the buttons that copy a field, where the browser can.
"use strict";

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      const told = document.getElementById("copied");
      told.textContent = told.dataset.said;
    });
  }
}
