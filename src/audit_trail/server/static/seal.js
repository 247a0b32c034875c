// Verifies the entry in the window when asked, and copies what is worth keeping elsewhere.
// Without this script its buttons aren't shown.
"use strict";

{
  const ICONS = { holds: "seal", fails: "cross", absent: "absent", undecided: "unknown", unreached: "absent" };

  // Texts of another language come with the window.
  const texts = () => JSON.parse(document.querySelector("[data-texts]")?.dataset.texts || "{}");
  const say = (text, values = {}) => (texts()[text] ?? text).replace(/%\((\w+)\)s/g, (_, name) => values[name]);

  const WORDS = {
    holds: () => say("holds."),
    fails: () => say("fails."),
    absent: () => say("isn't there."),
    undecided: () => say("isn't decided."),
    unreached: () => say("wasn't reached."),
  };

  document.documentElement.dataset.scripted = "";

  addEventListener("click", event => {
    const button = event.target.closest("[data-verify], [data-text]");
    if (!button) return;
    const seal = button.closest(".seal");
    if ("verify" in button.dataset) return seal.ariaBusy === "true" || verifyIn(seal);
    copy(seal, button.dataset.text);
  });

  async function copy(seal, text) {
    try {
      await navigator.clipboard.writeText(text);
      tell(seal, "", say("Copied."));
    } catch {
      tell(seal, "", say("This browser copies nothing here."), say("Select the text instead."));
    }
  }

  async function verifyIn(seal) {
    seal.ariaBusy = "true";
    seal.querySelector(".steps").replaceChildren();
    tell(seal, "", say("Verifying …"));
    try {
      if (!isSecureContext || !crypto.subtle) throw new Error(say("Browsers verify on pages that come by https or from localhost only."));
      conclude(seal, await steps(seal));
    } catch (error) {
      tell(seal, "undecided", say("Not decided."), `${error.message} ${elsewhere(seal)}`);
    }
    seal.ariaBusy = "false";
    seal.querySelector(".verdict").scrollIntoView({ block: "nearest" });
  }

  async function steps(seal) {
    const seen = remembered(seal.dataset.origin);
    const { verify } = await import(seal.dataset.verifier);
    const proof = await asked(seal, seen);
    const list = seal.querySelector(".steps");
    list.hidden = false;
    const done = [];
    for await (const step of verify(proof, { ...seal.dataset, seen }, texts())) {
      done.push(step);
      list.append(drawn(seal, step));
    }
    showBytes(seal, proof);
    return done;
  }

  async function asked(seal, seen) {
    const since = seen ? `?since=${encodeURIComponent(seen.size)}` : "";
    const answer = await fetch(seal.dataset.proof + since, { headers: { Accept: "application/json", "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(say("The server gave no proof (%(status)s).", { status: answer.status }));
    return answer.json();
  }

  function conclude(seal, done) {
    const named = state => done.filter(step => step.state === state).map(step => within(step.name)).join(", ");
    if (named("fails")) return tell(seal, "fails", say("Not verified."), say("What fails: %(steps)s.", { steps: named("fails") }));
    if (named("undecided")) return tell(seal, "undecided", say("Not decided:"), `${say("%(steps)s.", { steps: named("undecided") })} ${elsewhere(seal)}`);
    const { checkpoint } = done.at(-1);
    remember(checkpoint);
    tell(
      seal, "holds",
      say("Verified in this browser: the tree of %(size)s entries that this trail's key signed holds this entry at index %(index)s.", { size: checkpoint.size, index: seal.dataset.index }),
      say("The key came from the same server: compare it with one that you keep elsewhere."),
    );
  }

  // Nouns begin with a capital in other languages, wherever they stand.
  const within = name => (document.documentElement.lang === "en" ? name.toLowerCase() : name);

  const elsewhere = seal => seal.querySelector("[data-evidence]")
    ? say("Download evidence, and run audit-trail verify instead.")
    : say("Run audit-trail verify instead.");

  function tell(seal, state, says, more = "") {
    const verdict = seal.querySelector(".verdict");
    const strong = document.createElement("strong");
    strong.textContent = says;
    verdict.className = `verdict ${state}`;
    verdict.replaceChildren(strong, " ", more);
  }

  function drawn(seal, { name, state, says, value }) {
    const item = seal.querySelector("template").content.firstElementChild.cloneNode(true);
    item.className = state;
    item.querySelector("use").setAttribute("href", `#i-${ICONS[state]}`);
    item.querySelector("b").textContent = name;
    item.querySelector(".unseen").textContent = WORDS[state]();
    item.querySelector("[data-says]").textContent = says;
    item.querySelector("code").textContent = value ?? "";
    return item;
  }

  function showBytes(seal, proof) {
    const bytes = seal.querySelector(".bytes");
    bytes.hidden = false;
    bytes.querySelector("dl").replaceChildren();
    for (const [name, content] of [[say("Public part"), proof.public], [say("Who part"), proof.who?.stored], [say("What part"), proof.what?.stored]]) {
      if (!content) continue;
      const [term, description, text] = ["dt", "dd", "pre"].map(each => document.createElement(each));
      term.textContent = name;
      text.textContent = ascii(new TextDecoder().decode(Uint8Array.from(atob(content), sign => sign.charCodeAt(0))));
      description.append(text);
      bytes.querySelector("dl").append(term, description);
    }
  }

  // Letters may look alike, and some signs turn the text around.
  const ascii = text => text.replace(/[^\x20-\x7e]/gu, sign => `\\u{${sign.codePointAt(0).toString(16)}}`);

  // Of each trail the largest checkpoint that was verified here, so that a shorter or another one shows.
  const place = origin => `checkpoint of ${origin}`;

  function remembered(origin) {
    try {
      return JSON.parse(localStorage.getItem(place(origin)));
    } catch {
      return null;
    }
  }

  function remember({ origin, size, root }) {
    // Another tab may have verified a larger one meanwhile.
    if (BigInt(remembered(origin)?.size ?? 0) >= size) return;
    const content = JSON.stringify({ size: String(size), root: btoa(String.fromCharCode(...root)) });
    try {
      localStorage.setItem(place(origin), content);
    } catch {} // A browser that keeps nothing has nothing to compare next time.
  }
}
