// Opens an entry in a window over the list, each with an address of its own.
// Without this script an entry is a page.
"use strict";

(() => {
  const frame = document.getElementById("window");
  const drawn = location.pathname + location.search;
  const title = document.title;
  let opener = null;
  // The event of a closing comes later; by then going forward may have reached an entry again.
  let closedByHistory = false;

  addEventListener("popstate", event => {
    const isDrawn = location.pathname + location.search === drawn;
    if (frame && event.state?.entry) return open(event.state.entry);
    // After a reload, going back may reach an address that this document never drew.
    if (!isDrawn) return location.reload();
    if (!frame?.open) return;
    closedByHistory = true;
    frame.close();
  });

  if (!frame) return;

  async function load(address) {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(`${address} was refused`);
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    frame.replaceChildren(...part.body.childNodes);
    if (!frame.open) frame.showModal();
    const heading = frame.querySelector("[data-number]");
    document.title = `${heading.textContent.trim()} · ${title}`;
    frame.scrollTop = 0;
    heading.focus();
  }

  // An answer that was refused or lost is shown as the page it is.
  function open(address, remember) {
    load(address).then(() => remember?.({ entry: address }, "", address), () => location.assign(address));
  }

  addEventListener("click", event => {
    const link = event.target.closest("a[data-entry]");
    const isPlain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !isPlain) return;
    event.preventDefault();
    if (frame.open) return open(link.href, history.replaceState.bind(history));
    opener = link.id;
    open(link.href, history.pushState.bind(history));
  });

  // A menu closes when something else is chosen, as menus do.
  addEventListener("click", event => {
    for (const menu of document.querySelectorAll("details:is(.drop, .views)[open]")) menu.open = menu.contains(event.target);
  });
  addEventListener("keydown", event => {
    const menu = event.key === "Escape" && document.activeElement?.closest("details:is(.drop, .views)[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  frame.addEventListener("click", event => {
    if (event.target === frame) frame.close();
  });

  // However it was closed, the address goes back to the list, and the focus to the entry's row.
  frame.addEventListener("close", () => {
    const number = frame.querySelector("[data-number]")?.dataset.number;
    frame.replaceChildren();
    document.title = title;
    if (!closedByHistory && history.state?.entry) history.back();
    closedByHistory = false;
    const row = document.getElementById(`entry-${number}`) ?? document.getElementById(opener);
    row?.focus();
  });

  document.body.addEventListener("htmx:beforeRequest", event => {
    if (document.hidden) event.preventDefault();
  });
})();
