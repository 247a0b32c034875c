// Says how many entries are new since the list was drawn, and shows them when asked: what is being read
// never moves. Without this script the list is as new as its last load.
"use strict";

(() => {
  const POLL_MS = 10_000;
  const fresh = document.getElementById("fresh");
  const news = document.getElementById("news");
  const list = () => document.getElementById("entries");
  let source = null;
  let timer = null;
  let count = 0;
  let isExact = true;

  if (!fresh || !list()) return;

  function draw() {
    const one = count === 1 && isExact;
    const { one: single, many } = fresh.dataset;
    const said = (one ? single : many).replace("{}", `${count.toLocaleString(document.documentElement.lang)}${isExact ? "" : "+"}`);
    fresh.hidden = !count;
    fresh.firstElementChild.textContent = said;
    const told = count ? said : "";
    if (news.textContent !== told) news.textContent = told;
  }

  function close() {
    source?.close();
    source = null;
    clearTimeout(timer);
  }

  // What is told counts from the list's size on, so a tail that is opened anew tells all of it again.
  function open() {
    close();
    const address = list()?.dataset.tail;
    if (!address || document.hidden) return;
    let isFirst = true;
    source = new EventSource(address);
    source.addEventListener("news", event => {
      const told = JSON.parse(event.data);
      count = (isFirst ? 0 : count) + told.new;
      isExact = told.is_exact && (isFirst || isExact);
      isFirst = false;
      draw();
    });
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // It connects again by itself.
      close();
      poll();
    });
  }

  // Where there is no tail, such as in the fifth tab, the list is asked now and then.
  async function poll() {
    if (!document.hidden) {
      const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
      const answer = await fetch(list().dataset.newest, { headers }).catch(() => null);
      // Who was signed out is led to the sign-in, and who lost the role won't be let in by asking again.
      const elsewhere = answer?.headers.get("HX-Redirect");
      if (elsewhere) return location.assign(elsewhere);
      if (answer?.status >= 400 && answer.status < 500) return;
      if (answer?.status === 200) {
        const part = new DOMParser().parseFromString(await answer.text(), "text/html");
        const rows = part.querySelectorAll("a.open").length;
        count = part.querySelectorAll("tr.new").length;
        isExact = count < rows;
        draw();
      }
    }
    timer = setTimeout(poll, POLL_MS);
  }

  async function show() {
    close();
    await htmx.ajax("GET", list().dataset.newest, { target: "#entries", swap: "outerHTML" });
    count = 0;
    isExact = true;
    draw();
    open();
    list().scrollIntoView({ block: "nearest" });
    list().querySelector("a.open")?.focus();
  }

  fresh.addEventListener("click", show);
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", event => event.persisted && open());
  open();
})();
