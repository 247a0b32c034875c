// Verifies the entry in the window when asked, and copies what is worth keeping elsewhere.
// Without this script its buttons aren't shown.
"use strict";

{
  const ICONS = { holds: "seal", fails: "cross", absent: "absent", undecided: "unknown", unreached: "absent" };
  const WORDS = { holds: "holds.", fails: "fails.", absent: "isn't there.", undecided: "isn't decided.", unreached: "wasn't reached." };

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
      tell(seal, "", "Copied.");
    } catch {
      tell(seal, "", "This browser copies nothing here.", "Select the text instead.");
    }
  }

  async function verifyIn(seal) {
    seal.ariaBusy = "true";
    seal.querySelector(".steps").replaceChildren();
    tell(seal, "", "Verifying …");
    try {
      if (!isSecureContext || !crypto.subtle) throw new Error("Browsers verify on pages that come by https or from localhost only.");
      conclude(seal, await steps(seal));
    } catch (error) {
      tell(seal, "undecided", "Not decided.", `${error.message} ${elsewhere(seal)}`);
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
    for await (const step of verify(proof, { ...seal.dataset, seen })) {
      done.push(step);
      list.append(drawn(seal, step));
    }
    showBytes(seal, proof);
    return done;
  }

  async function asked(seal, seen) {
    const since = seen ? `?since=${encodeURIComponent(seen.size)}` : "";
    const answer = await fetch(seal.dataset.proof + since, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) throw new Error(`The server gave no proof (${answer.status}).`);
    return answer.json();
  }

  function conclude(seal, done) {
    const named = state => done.filter(step => step.state === state).map(step => step.name.toLowerCase()).join(", ");
    if (named("fails")) return tell(seal, "fails", "Not verified.", `What fails: ${named("fails")}.`);
    if (named("undecided")) return tell(seal, "undecided", "Not decided:", `${named("undecided")}. ${elsewhere(seal)}`);
    const { checkpoint } = done.at(-1);
    remember(checkpoint);
    tell(
      seal, "holds",
      `Verified in this browser: the tree of ${checkpoint.size} entries that this trail's key signed holds this entry at index ${seal.dataset.index}.`,
      "The key came from the same server: compare it with one that you keep elsewhere.",
    );
  }

  const elsewhere = seal => `${seal.querySelector("[data-evidence]") ? "Download evidence, and run" : "Run"} audit-trail verify instead.`;

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
    item.querySelector(".unseen").textContent = WORDS[state];
    item.querySelector("[data-says]").textContent = says;
    item.querySelector("code").textContent = value ?? "";
    return item;
  }

  function showBytes(seal, proof) {
    const bytes = seal.querySelector(".bytes");
    bytes.hidden = false;
    bytes.querySelector("dl").replaceChildren();
    for (const [name, content] of [["Public part", proof.public], ["Who part", proof.who?.stored], ["What part", proof.what?.stored]]) {
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
