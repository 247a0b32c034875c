// Offers what may be typed next in the search box, as a combobox with a list (WAI-ARIA 1.2).
// Without this script the box is a plain one.
"use strict";

for (const field of document.querySelectorAll("[data-suggestions]")) {
  const list = document.getElementById(field.dataset.list);
  const told = document.getElementById(field.dataset.told);
  const options = () => [...list.children];
  let found = { start: 0, stop: 0, items: [] };
  let active = -1;
  let asking = null;
  let timer = 0;

  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");

  const isOpen = () => !list.hidden;

  function close() {
    clearTimeout(timer);
    asking?.abort();
    list.hidden = true;
    told.textContent = "";
    field.setAttribute("aria-expanded", "false");
    activate(-1);
  }

  function activate(place) {
    active = place;
    for (const [at, option] of options().entries()) option.setAttribute("aria-selected", String(at === active));
    if (active < 0) return field.removeAttribute("aria-activedescendant");
    const option = list.children[active];
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    const asked = new URLSearchParams({ q: field.value, at: field.selectionStart ?? field.value.length });
    try {
      const answer = await fetch(`${field.dataset.suggestions}?${asked}`, { headers: { Accept: "application/json" }, signal });
      if (!answer.ok || answer.redirected) return close();
      const given = await answer.json();
      if (!signal.aborted) show(given);
    } catch {
      if (!signal.aborted) close();
    }
  }

  function show(given) {
    found = given;
    if (!found.items.length || document.activeElement !== field) return close();
    list.replaceChildren(...found.items.map(drawn));
    list.hidden = false;
    activate(-1);
    field.setAttribute("aria-expanded", "true");
    const count = found.items.length;
    told.textContent = (count === 1 ? told.dataset.one : told.dataset.many).replace("{}", count);
  }

  function drawn({ text, hint }, place) {
    const [option, code, quiet] = ["li", "code", "span"].map(each => document.createElement(each));
    option.id = `${list.id}-${place}`;
    option.className = "option";
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    code.textContent = text;
    quiet.className = "quiet";
    quiet.textContent = hint;
    option.append(code, " ", quiet);
    return option;
  }

  function accept(place) {
    const { text, goes_on: goesOn } = found.items[place];
    const isLast = !/^\s/.test(field.value.slice(found.stop));
    field.setRangeText(text + (goesOn || !isLast ? "" : " "), found.start, found.stop, "end");
    close();
    field.focus();
    if (goesOn) ask();
  }

  field.addEventListener("input", event => {
    if (event.isComposing) return;
    clearTimeout(timer);
    timer = setTimeout(ask, 100);
  });

  field.addEventListener("keydown", event => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const count = found.items.length;
    switch (event.key) {
      case "ArrowDown":
        if (isOpen()) activate(active + 1 < count ? active + 1 : -1);
        else ask();
        break;
      case "ArrowUp":
        if (!isOpen()) return;
        activate(active < 0 ? count - 1 : active - 1);
        break;
      case "Enter":
        if (!isOpen() || active < 0) return close();
        accept(active);
        break;
      case "Escape":
        if (!isOpen()) return;
        close();
        break;
      case "Tab":
        return close();
      default:
        return;
    }
    event.preventDefault();
  });

  field.addEventListener("blur", close);
  // The box keeps the focus while an option is chosen with the pointer.
  list.addEventListener("pointerdown", event => event.preventDefault());
  list.addEventListener("mousedown", event => event.preventDefault());
  list.addEventListener("click", event => {
    const place = options().indexOf(event.target.closest("[role=option]"));
    if (place >= 0) accept(place);
  });
}
