// Verifies one entry step by step, as docs/spec/seal-1.md and entry-1.md say. It draws, asks and keeps nothing.

const HASH_BYTES = 32;
const SALT_BYTES = 16;
const KEY_ID_BYTES = 4;
const ED25519 = 1;
const SIZE_LIMIT = 2n ** 63n - 1n;
const NOTE_LIMIT_BYTES = 1_000_000;
const SIGNATURE_LIMIT = 100;
const NAME = /^[^\s\x85+\x00-\x1f]+$/u;
const NOTE_TEXT = /^[^\x00-\x09\x0b-\x1f]*\n$/;

/** Fill the places of a text, `%(name)s`. */
export const filled = ({ text, values }) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);

// A text in English with its values, to be told in another language as well; so it is found by who collects them.
const say = (text, values = {}) => ({ text, values });

class Said extends Error {
  constructor(said) {
    super(filled(said));
    this.said = said;
  }
}
/** What doesn't hold, in a sentence. */
export class Refused extends Said {}
/** What this browser can't decide. */
export class Undecided extends Said {}
class Unreached extends Said {}

function require(holds, otherwise) {
  if (!holds) throw new Refused(otherwise);
}

// ---------------------------------------------------------------- encoding

const utf8 = text => new TextEncoder().encode(text);
const equal = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

export const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
const short = bytes => `${hex(bytes).slice(0, 16)}…`;

export function fromBase64(text) {
  let binary;
  try {
    binary = atob(text);
  } catch {
    throw new Refused(say("A value isn't base64."));
  }
  // Decoding passes over spaces, padding and spare bits; each value has one spelling only.
  require(btoa(binary) === text, say("A value is base64 in an unusual spelling."));
  return Uint8Array.from(binary, sign => sign.charCodeAt(0));
}

export function hashFrom(text) {
  const hash = fromBase64(text);
  require(hash.length === HASH_BYTES, say("A hash doesn't have 32 bytes."));
  return hash;
}

export function numberFrom(text) {
  require(/^(0|[1-9][0-9]{0,18})$/.test(text) && BigInt(text) <= SIZE_LIMIT, say("A size isn't a plain decimal number up to 2^63-1."));
  return BigInt(text);
}

export function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused(say("It isn't UTF-8."));
  }
}

// -------------------------------------------------------------------- tree

async function sha256(...parts) {
  const whole = new Uint8Array(await new Blob(parts).arrayBuffer());
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

export const leafHash = content => sha256(Uint8Array.of(0), content);
export const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/** Return the root to which an inclusion proof leads (RFC 9162, 2.1.3.2). */
export async function rootOfPath(leaf, index, size, path) {
  // 1. An index outside the tree fails.
  require(0n <= index && index < size && size <= SIZE_LIMIT, say("Index %(index)s is outside a tree of size %(size)s.", { index, size }));
  // 2. and 3. fn and sn are the indexes of the node and of the last one at its level.
  let fn = index, sn = size - 1n, r = leaf;
  for (const p of path) {
    // 4. A hash for which no level is left fails.
    require(sn > 0n, say("The path has hashes left over."));
    if (fn & 1n || fn === sn) {
      r = await nodeHash(p, r);
      // The last node of a level may hang some levels higher, under nodes with one child.
      while (fn && !(fn & 1n)) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      r = await nodeHash(r, p);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  // 5. The path must end at the root.
  require(sn === 0n, say("The path ends before the root."));
  return r;
}

/** Refuse a second tree that doesn't only add to the first (RFC 9162, 2.1.4.2). */
export async function verifyConsistency(first, firstRoot, second, secondRoot, path) {
  // Every tree is consistent with the empty one, so a proof from size 0 would show nothing.
  require(0n < first && first <= second && second <= SIZE_LIMIT, say("The sizes can't be those of one growing tree."));
  if (first === second) {
    require(!path.length, say("The proof has hashes left over."));
    require(equal(firstRoot, secondRoot), say("Two trees of one size differ."));
    return;
  }
  // 1. An empty proof fails.
  require(path.length, say("The proof is empty."));
  // 2. A complete first tree is itself the first hash, and is left out of the proof.
  const [start, ...rest] = first & (first - 1n) ? path : [firstRoot, ...path];
  // 3. and 4. Begin at the largest complete subtree at the end of the first tree.
  let fn = first - 1n, sn = second - 1n, fr = start, sr = start;
  while (fn & 1n) [fn, sn] = [fn >> 1n, sn >> 1n];
  // 5. and 6. Build both roots at once; what lies right of the first tree is in the second only.
  for (const c of rest) {
    require(sn > 0n, say("The proof has hashes left over."));
    if (fn & 1n || fn === sn) {
      [fr, sr] = [await nodeHash(c, fr), await nodeHash(c, sr)];
      while (fn && !(fn & 1n)) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      sr = await nodeHash(sr, c);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  // 7. The proof must end at the root, and lead to both.
  require(sn === 0n, say("The proof ends before the root."));
  require(equal(fr, firstRoot), say("The proof leads to another root of the first tree."));
  require(equal(sr, secondRoot), say("The proof leads to another root of the second tree."));
}

// ----------------------------------------------------- note and checkpoint

/** Take a signed note apart, and trust nothing in it yet. */
export function openNote(bytes) {
  require(bytes.length <= NOTE_LIMIT_BYTES, say("The note is too long."));
  const whole = textOf(bytes);
  require(NOTE_TEXT.test(whole), say("The note doesn't end with a newline, or holds a control character."));
  // The last empty line divides, because the text may hold empty lines of its own.
  const blank = whole.slice(0, -1).lastIndexOf("\n\n");
  const lines = whole.slice(blank + 2, -1).split("\n");
  require(blank >= 0 && lines.length <= SIGNATURE_LIMIT, say("The note has no signatures, or too many."));
  return { text: whole.slice(0, blank + 1), signatures: lines.map(signatureIn) };
}

function signatureIn(line) {
  const [dash, name, encoded, ...more] = line.split(" ");
  require(dash === "—" && NAME.test(name ?? "") && encoded !== undefined && !more.length, say("A line under the note isn't a signature."));
  const content = fromBase64(encoded);
  require(content.length > KEY_ID_BYTES, say("A signature is too short."));
  return { name, id: hex(content.slice(0, KEY_ID_BYTES)), content: content.slice(KEY_ID_BYTES) };
}

/** Return the checkpoint that a note's text spells. */
export async function checkpointIn(text) {
  const lines = text.split("\n");
  require(lines.length >= 4 && lines.pop() === "", say("A checkpoint has three lines or more."));
  require(lines.every(line => line), say("No line of a checkpoint is empty."));
  const checkpoint = { origin: lines[0], size: numberFrom(lines[1]), root: hashFrom(lines[2]) };
  require(checkpoint.size || equal(checkpoint.root, await sha256()), say("An empty tree has another root."));
  return checkpoint;
}

/** Return the verifier key that a text spells; its id must be that of its name and bytes. */
export async function verifierKey(text) {
  const [name, id, ...encoded] = text.split("+");
  const typed = fromBase64(encoded.join("+"));
  require(NAME.test(name) && typed[0] === ED25519 && typed.length === HASH_BYTES + 1, say("A verifier key isn't an Ed25519 key."));
  const digest = await sha256(utf8(`${name}\n`), typed);
  require(hex(digest.slice(0, KEY_ID_BYTES)) === id, say("The key's id isn't that of its name and bytes."));
  return { name, id, public: typed.slice(1), text };
}

async function verifies(key, signature, content) {
  let known;
  try {
    known = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name !== "NotSupportedError") return false;
    throw new Undecided(say("This browser can't check Ed25519 signatures; a newer one can."));
  }
  return crypto.subtle.verify({ name: "Ed25519" }, known, signature, content);
}

/** Return which of the known keys have signed the note; its text may then be believed. */
export async function signers(note, keys) {
  const found = [];
  for (const { name, id, content } of note.signatures) {
    // An unknown key's signature says nothing, even under a known name or id.
    const [key, ...others] = keys.filter(each => each.name === name && each.id === id);
    if (!key) continue;
    // Four bytes collide easily, and which of two keys is meant couldn't be told.
    require(others.every(each => each.text === key.text), say("Two keys share the name %(name)s and its id.", { name }));
    require(!found.includes(key), say("The checkpoint is signed twice by key %(id)s.", { id }));
    require(await verifies(key, content, utf8(note.text)), say("The signature by key %(id)s is wrong: the checkpoint or its signature was changed.", { id }));
    found.push(key);
  }
  const ids = note.signatures.map(each => each.id).join(", ");
  require(found.length, say("The checkpoint is signed by key %(ids)s, which is none of this trail's keys.", { ids }));
  return found;
}

// ------------------------------------------------------------------- entry

/** Tell whether a sealed part is the one that the public part commits to. */
async function verifyPart(name, proof) {
  const commitment = publicOf(proof)[name];
  const part = proof[name];
  if (!part && !commitment) return { state: "absent", says: say("This entry never had one.") };
  if (!part) return { state: "absent", says: say("Erased: only its commitment is left, so what it said can't be shown or checked."), value: `${commitment.slice(0, 16)}…` };
  require(commitment, say("It is there, but the public part has no commitment to it."));
  const salt = fromBase64(part.salt ?? "");
  require(salt.length === SALT_BYTES, say("Its salt doesn't have 16 bytes."));
  const digest = await sha256(salt, fromBase64(part.stored));
  require(hex(digest) === commitment, say("It is not what the public part commits to: its hash is %(hash)s, the commitment %(commitment)s….", { hash: short(digest), commitment: commitment.slice(0, 16) }));
  return { says: say("SHA-256 of salt and bytes is the commitment in the public part."), value: short(digest) };
}

function publicOf(proof) {
  let told;
  try {
    told = JSON.parse(textOf(fromBase64(proof.public)));
  } catch {}
  require(told && typeof told === "object", say("The public part isn't JSON."));
  return told;
}

async function verifyLeaf(proof, _, found) {
  found.leaf = await leafHash(fromBase64(proof.public));
  const kept = hashFrom(proof.leaf);
  require(equal(found.leaf, kept), say("The public part was altered: its leaf is %(leaf)s, and %(kept)s was recorded.", { leaf: short(found.leaf), kept: short(kept) }));
  return { says: say("SHA-256 of 0x00 and the public part is the leaf that was recorded."), value: short(found.leaf) };
}

async function followPath(proof, _, found) {
  require(proof.checkpoint, proof.refused ? say(proof.refused) : say("There is no checkpoint."));
  found.note = openNote(fromBase64(proof.checkpoint));
  found.checkpoint = await checkpointIn(found.note.text);
  require(proof.path, proof.refused ? say(proof.refused) : say("There is no path."));
  const { size } = found.checkpoint;
  found.root = await rootOfPath(found.leaf, BigInt(proof.index), size, proof.path.map(hashFrom));
  return { says: say("Leaf of index %(index)s, %(hashes)s hashes, size %(size)s: it ends at this root.", { index: proof.index, hashes: proof.path.length, size }), value: short(found.root) };
}

function compareRoot(proof, _, { root, checkpoint }) {
  if (!root) throw new Unreached(say("There is no root to compare."));
  require(equal(root, checkpoint.root), say("The path leads to %(root)s, and the checkpoint says %(checkpoint)s: this entry is not the one that was sealed, or the tree was altered.", { root: short(root), checkpoint: short(checkpoint.root) }));
  return { says: say("It is the root that the checkpoint says."), value: short(checkpoint.root) };
}

async function verifySignature(proof, shown, found) {
  if (!found.checkpoint) throw new Unreached(say("There is no checkpoint that can be read."));
  const keys = await Promise.all(proof.keys.map(verifierKey));
  const origin = keys.at(-1)?.name ?? "";
  require(origin.endsWith(`/${percentEncoded(shown.account)}`), say("The trail's keys are named %(origin)s, which isn't account %(account)s.", { origin, account: shown.account }));
  require(found.checkpoint.origin === origin, say("The checkpoint is of %(found)s, and this account's are of %(origin)s.", { found: found.checkpoint.origin, origin }));
  [found.key] = await signers(found.note, keys);
  return { says: say("The checkpoint is signed by key %(id)s, under this account's origin.", { id: found.key.id }), value: origin };
}

function percentEncoded(account) {
  return encodeURIComponent(account).replace(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function compareWindow(proof, shown, found) {
  const told = publicOf(proof);
  require(String(proof.index) === shown.index, say("The proof is of index %(index)s, and the window shows index %(shown)s.", { index: proof.index, shown: shown.index }));
  require(told.account === shown.account, say("The bytes are of account %(told)s, and the window shows account %(account)s.", { told: told.account, account: shown.account }));
  require(told.id === shown.id, say("The bytes are of entry %(told)s, and the window shows entry %(shown)s.", { told: told.id, shown: shown.id }));
  require(!found.key || !shown.key || found.key.text === shown.key, say("The window shows another key than the one that signed. Open the entry again."));
  return { says: say("It shows index %(shown)s of account %(account)s, and the id that the bytes have.", { shown: shown.index, account: shown.account }) };
}

async function compareEarlier(proof, { seen }, { checkpoint }) {
  if (!checkpoint) throw new Unreached(say("There is no checkpoint that can be read."));
  if (!seen) return { state: "absent", says: say("This browser has verified none of this trail before. It remembers this one."), checkpoint };
  const first = numberFrom(seen.size);
  require(first <= checkpoint.size, say("This browser has verified a checkpoint of size %(first)s before, and is shown one of size %(size)s: the trail is older than it was.", { first, size: checkpoint.size }));
  require(proof.consistency, say("The server can't show that this tree adds to the one of size %(first)s that this browser has verified before.", { first }));
  await verifyConsistency(first, hashFrom(seen.root), checkpoint.size, checkpoint.root, proof.consistency.map(hashFrom));
  return { says: say("The tree only adds to the one of size %(first)s that this browser has verified before.", { first }), checkpoint };
}

const STEPS = [
  [say("Who part"), proof => verifyPart("who", proof)],
  [say("What part"), proof => verifyPart("what", proof)],
  [say("Leaf"), verifyLeaf],
  [say("Path"), followPath],
  [say("Root"), compareRoot],
  [say("Signature"), verifySignature],
  [say("This window"), compareWindow],
  [say("Earlier checkpoint"), compareEarlier],
];

/**
 * Yield each step with its name, its state (holds, fails, absent, undecided or unreached), a
 * sentence, and the value that was computed; the last one has the checkpoint. `proof` is what the
 * server answers, `shown` what the window shows; its `seen` is a checkpoint verified before.
 * `texts` are those of another language, by the English ones.
 */
export async function* verify(proof, shown, texts = {}) {
  const tell = ({ text, values }) => filled({ text: texts[text] ?? text, values });
  const found = {};
  for (const [name, step] of STEPS) {
    const done = await taken(step, proof, shown, found);
    yield { ...done, name: tell(name), says: tell(done.says) };
  }
}

async function taken(step, proof, shown, found) {
  try {
    return { state: "holds", ...(await step(proof, shown, found)) };
  } catch (error) {
    if (error instanceof Undecided) return { state: "undecided", says: error.said };
    if (error instanceof Unreached) return { state: "unreached", says: error.said };
    if (error instanceof Refused) return { state: "fails", says: error.said };
    // What the server sends may have any shape.
    return { state: "fails", says: say("What the server sent can't be understood: %(why)s", { why: error.message }) };
  }
}
