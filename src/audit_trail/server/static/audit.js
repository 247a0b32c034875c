// Opens an entry in a window over the list, each with an address of its own, and says what is new.
// Without this script an entry is a page, and the list is as new as its last load.
"use strict";

(() => {
  const list = document.querySelector("[data-list]");
  const frame = document.getElementById("window");
  const news = document.getElementById("news");
  const home = { address: location.href, title: document.title };
  let origin = null;

  // The entry whose window is open, or null.
  const shown = () => (frame && frame.open ? frame.firstElementChild.dataset.number : null);

  const leave = address => location.assign(address);

  async function load(address) {
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error("refused");
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    frame.replaceChildren(...part.body.childNodes);
    if (!frame.open) frame.showModal();
    const title = frame.querySelector("[data-title]");
    document.title = `${title.textContent.trim()} · ${home.title}`;
    title.focus();
  }

  // A refused or lost answer is shown as the page it is.
  const open = (address, remember) =>
    load(address).then(() => remember({ entry: address }, "", address), () => leave(address));

  function close() {
    const number = shown() || origin;
    if (frame.open) frame.close();
    frame.replaceChildren();
    document.title = home.title;
    const row = document.getElementById(`entry-${number}`) || document.getElementById(`entry-${origin}`);
    if (row) row.focus();
  }

  if (list) {
    addEventListener("click", event => {
      const link = event.target.closest("a[data-entry]");
      const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
      if (!link || !plain || event.defaultPrevented) return;
      event.preventDefault();
      if (frame.open) return open(link.href, history.replaceState.bind(history));
      origin = link.dataset.entry;
      open(link.href, history.pushState.bind(history));
    });

    // Closing goes back to the list's own address; the popstate that follows closes the window.
    frame.addEventListener("cancel", event => {
      event.preventDefault();
      history.back();
    });
    frame.addEventListener("click", event => {
      if (event.target === frame || event.target.closest("[data-close]")) history.back();
    });
    frame.addEventListener("submit", event => event.preventDefault());

    document.body.addEventListener("htmx:beforeRequest", event => {
      if (document.hidden) event.preventDefault();
    });
    let size = Number(document.getElementById("entries").dataset.size);
    document.body.addEventListener("htmx:afterSettle", () => {
      const now = Number(document.getElementById("entries").dataset.size);
      const more = now - size;
      size = now;
      if (more > 0) news.textContent = more === 1 ? "1 new entry" : `${more} new entries`;
    });
  }

  addEventListener("popstate", event => {
    // After a reload, going back may reach an address that this document never drew.
    if (!list) return location.reload();
    if (event.state && event.state.entry) return open(event.state.entry, () => {});
    close();
  });
})();
