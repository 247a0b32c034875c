// Copies the link to an entry, or all of it as JSON. Without this script the JSON is a page of its own.
"use strict";

{
  document.documentElement.dataset.scripted = "";

  addEventListener("click", async event => {
    const button = event.target.closest("[data-copy-link], [data-copy-json]");
    if (!button) return;
    const { copyLink, copyJson } = button.dataset;
    const told = button.parentElement.querySelector("[data-copied]");
    told.textContent = "";
    try {
      if (copyLink) await navigator.clipboard.writeText(new URL(copyLink, location.href).href);
      // A browser waits for the text, where it has been promised before the click is over.
      else await navigator.clipboard.write([new ClipboardItem({ "text/plain": json(copyJson) })]);
      told.textContent = copyLink ? told.dataset.link : told.dataset.json;
    } catch {
      told.textContent = copyLink ? told.dataset.noLink : told.dataset.noJson;
    }
  });

  async function json(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) throw new Error(`${address} was refused`);
    return new Blob([JSON.stringify(await answer.json(), null, 2)], { type: "text/plain" });
  }
}
