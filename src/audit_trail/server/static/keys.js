// Single keys: / j k c ?, never inside a field or with a modifier, and off when the viewer says so.
// Without this script there are none.
"use strict";

{
  const PLACE = "keys of the audit logs";
  const help = document.getElementById("keys");
  const told = document.getElementById("told");
  const search = document.getElementById("q");
  const frame = document.getElementById("window");

  function isOff() {
    try {
      return localStorage.getItem(PLACE) === "off";
    } catch {
      return false;
    }
  }

  function turn(on) {
    try {
      localStorage.setItem(PLACE, on ? "on" : "off");
    } catch {} // A browser that keeps nothing has them on at the next page.
    show(on);
  }

  function show(on) {
    document.documentElement.toggleAttribute("data-keys", on);
    if (search && on) search.setAttribute("aria-keyshortcuts", "/");
    else search?.removeAttribute("aria-keyshortcuts");
    help.querySelector("[data-keys-on]").checked = on;
  }

  let isOn = !isOff();
  show(isOn);

  help.querySelector("[data-keys-on]").addEventListener("change", event => {
    isOn = event.target.checked;
    turn(isOn);
  });
  help.addEventListener("click", event => {
    if (event.target === help) help.close();
  });
  addEventListener("click", event => {
    if (event.target.closest("[data-keys-help]")) help.showModal();
  });

  const rows = () => [...document.querySelectorAll("#entries a.open")];

  // In the window of an entry j and k lead to its neighbours, in the list from row to row.
  function step(by) {
    if (!rows().length || frame?.open) return document.querySelector(`[data-step=${by > 0 ? "older" : "newer"}]`)?.click();
    const all = rows();
    const at = all.indexOf(document.activeElement.closest("tr")?.querySelector("a.open"));
    const row = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    row.focus();
    row.closest("tr").scrollIntoView({ block: "nearest" });
  }

  async function copy() {
    const button = document.querySelector("[data-copy-link]");
    if (button) return button.click();
    const row = document.activeElement.closest("tr")?.querySelector("a.open");
    if (!row) return;
    try {
      await navigator.clipboard.writeText(new URL(new URL(row.href).pathname, row.href).href);
      told.textContent = told.dataset.link;
    } catch {
      told.textContent = told.dataset.noLink;
    }
    setTimeout(() => { told.textContent = ""; }, 4_000);
  }

  const KEYS = {
    "/": () => frame?.open || search?.select(),
    "j": () => step(1),
    "k": () => step(-1),
    "c": copy,
    "?": () => help.showModal(),
  };

  addEventListener("keydown", event => {
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented);
    if (!isOn || !isPlain || !Object.hasOwn(KEYS, event.key)) return;
    if (help.open || event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    KEYS[event.key]();
  });
}
