"""Verifies an evidence file, step by step as evidence-1.md has it: it was written from that text alone.

python verify_evidence.py FILE [--key KEY]... [--checkpoint EARLIER]
"""

import argparse
import io
import itertools
import json
import re
import sys
import zipfile
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NAME, CHECKPOINT, PROOF = r"[^\s+\x00-\x1f]+", "checkpoint", "entry.tlog-proof"
COVERED_BY, EARLIER = "covering.jsonl", "earlier-checkpoint"
# Shapes of JSON: a list of one thing, members of which those with ? may be absent, or a type.
GONE = {"who?": [[int]], "what?": [[int]]}
REMOVED = GONE | {"entry?": [[int]]}
PART = {"salt": str, "text?": str, "base64?": str}
SEALED = {"index": int, "who?": PART, "what?": PART}
COVERING = {"index": int, "public": str, "path": [str]}
MANIFEST = {"format": str, "origin": str, "account": str, "words": str, "time_zone": str}
MANIFEST |= {"first": int, "last": int, "count": int, "whole": bool, "cut": bool}
MANIFEST |= {"left": [str], "right": [str], "consistency?": [str], "removed": REMOVED}
MANIFEST |= {"query": {"types?": [str], "since_us?": int, "until_us?": int, "person?": str}}
MANIFEST |= {"withheld": GONE}


def need(holds, why):
    if not holds:
        raise ValueError(why)


def fits(value, shape):
    if isinstance(shape, list):
        return type(value) is list and all(fits(each, shape[0]) for each in value)
    if not isinstance(shape, dict):
        return type(value) is shape and (shape is not int or abs(value) < 2**53)
    known = {name.rstrip("?"): each for name, each in shape.items()}
    return (
        type(value) is dict
        and {name for name in shape if not name.endswith("?")} <= value.keys() <= known.keys()
        and all(fits(each, known[name]) for name, each in value.items())
    )


def read_lines(content, shape=None, most=1_000_000):
    need(content[-1:] in (b"", b"\n") and content.count(b"\n") <= most, "lines")
    lines = content.decode().split("\n")[:-1]
    values = [json.loads(line) for line in lines] if shape else lines
    need(all(fits(value, shape) for value in values if shape), "the shape of a line")
    return values


def from64(text, size=None):
    content = b64decode(text, validate=True)
    need(b64encode(content).decode() == text and size in (None, len(content)), "base64")
    return content


def hashes(texts):
    return [from64(text, 32) for text in texts]


def number(text):
    need(re.fullmatch("0|[1-9][0-9]{0,18}", text) and int(text) < 2**63, "a number")
    return int(text)


def leaf_of(content):
    return sha256(b"\0" + content).digest()


def node(left, right):
    return sha256(b"\1" + left + right).digest()


def levels(start, stop):
    """The levels of the fewest nodes that cover start <= leaf < stop."""
    found = []
    while start < stop:
        found.append((stop - start).bit_length() - 1)
        if start:
            found[-1] = min(found[-1], (start & -start).bit_length() - 1)
        start += 1 << found[-1]
    return found


def root_of(nodes):
    """The root above nodes, as (level, hash), that cover a tree from left to right."""
    edge = []
    for level, found in nodes:
        while edge and edge[-1][0] == level:
            level, found = level + 1, node(edge.pop()[1], found)
        edge.append((level, found))
    root = edge.pop()[1] if edge else sha256().digest()
    while edge:
        root = node(edge.pop()[1], root)
    return root


def included(leaf, index, size, path):
    """The root to which an inclusion proof leads: PATH of RFC 9162, 2.1.3.1, from the end."""
    need(0 <= index < size and bool(path) == (size > 1), "hashes of a proof")
    if size == 1:
        return leaf
    middle = 1 << (size - 1).bit_length() - 1
    if index < middle:
        return node(included(leaf, index, middle, path[:-1]), path[-1])
    return node(path[-1], included(leaf, index - middle, size - middle, path[:-1]))


def grown(old, first, second, path, is_whole=True):
    """Both roots to which a consistency proof leads: SUBPROOF of RFC 9162, 2.1.4.1, from the end."""
    need(len(path) == (not is_whole) if first == second else path, "hashes of a proof")
    if first == second:
        return (old, old) if is_whole else (path[0], path[0])
    middle = 1 << (second - 1).bit_length() - 1
    if first <= middle:
        before, after = grown(old, first, middle, path[:-1], is_whole)
        return before, node(after, path[-1])
    before, after = grown(old, first - middle, second - middle, path[:-1], False)
    return node(path[-1], before), node(path[-1], after)


def leads(proof, *arguments):
    try:
        return proof(*arguments)
    except ValueError:
        return None


def read_key(text):
    name, key_id, encoded = text.split("+", 2)
    typed = from64(encoded, 33)
    need(re.fullmatch(NAME, name) and typed[0] == 1, "a key")
    need(sha256(name.encode() + b"\n" + typed).hexdigest()[:8] == key_id, "the id of a key")
    return (name, bytes.fromhex(key_id)), typed[1:]


def read_checkpoint(message):
    """Origin, size, root; what is signed; and by name and id the signatures, not verified yet."""
    text = message.decode()
    need(len(message) <= 1_000_000 and re.fullmatch(r"[^\x00-\x09\x0b-\x1f]*\n", text), "a note")
    body, blank, below = text[:-1].rpartition("\n\n")
    lines = body.split("\n")
    need(blank and len(lines) > 2 and all(lines) and below.count("\n") < 100, "a checkpoint")
    found = [re.fullmatch(f"— ({NAME}) (.+)", line) for line in below.split("\n")]
    signatures = [((each[1], from64(each[2])[:4]), from64(each[2])[4:]) for each in found]
    size, root = number(lines[1]), from64(lines[2], 32)
    need(all(signature for _, signature in signatures), "a signature")
    need(size or root == sha256().digest(), "the root of no entries")
    return (lines[0], size, root), (body + "\n").encode(), signatures


def read_archive(content):
    members, stop = {}, 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        for info in sorted(infos, key=lambda info: info.header_offset):
            need(info.header_offset >= stop, "members overlap")
            stop = info.header_offset + 30 + info.compress_size
            info.CRC = None  # Hashes tell what is right, and name what is not.
            need(info.compress_type in (0, 8) and info.filename not in members, "a member")
            with archive.open(info) as opened:
                members[info.filename] = opened.read(2**30 + 1)
            need(len(members[info.filename]) == info.file_size <= 2**30, "a member's length")
    return members


def time_of(micros):
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_manifest(content):
    it = json.loads(content.decode())
    need(fits(it, MANIFEST), "the manifest's shape")
    spelled = json.dumps(it, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
    need(spelled.encode() == content and it["format"] == "audit-trail evidence 1", "its spelling")
    need(not it["cut"] and 0 <= it["first"] <= it["last"] and it["count"] >= 0, "the range")
    query, words = it["query"], [f"account {it['account']}, entries {it['first']} to {it['last']}"]
    words += [f"types {', '.join(query['types'])}"] if "types" in query else []
    words += [f"since {time_of(query['since_us'])}"] if "since_us" in query else []
    words += [f"until {time_of(query['until_us'])}"] if "until_us" in query else []
    words += [f"person {query['person']}"] if "person" in query else []
    need(it["words"] == "; ".join(words) and query.get("types") != [], "the query's words")
    for pairs in [*it["removed"].values(), *it["withheld"].values()]:
        lowest = it["first"]
        for start, end in pairs:
            need(lowest <= start <= end <= it["last"], "ranges overlap, touch or lie outside")
            lowest = end + 2
        need(pairs, "no ranges")
    return it


def read_bundle(content, most):
    entries, at = [], 0
    while at < len(content) and len(entries) <= most:
        start, at = at + 2, at + 2 + int.from_bytes(content[at : at + 2])
        entries.append(content[start:at])
    need(at == len(content) or (at < len(content) and len(entries) > most), "a bundle")
    return entries


def read_public(content):
    """The public part, or nothing where it isn't one."""
    try:
        it = json.loads(content.decode())
        need(it["v"] == 1 and fits([it["occurred_at"], it["recorded_at"]], [int]), "a public part")
        need(
            fits([it["account"], it["action"], it["via"], it["entity"]["type"]], [str]), "its text"
        )
        need(fits([it[part] for part in ("who", "what") if part in it], [str]), "its commitments")
        removed = it.get("removed", {})
        need(fits(removed, REMOVED), "what it removed")
        need(all(len(pair) == 2 for pairs in removed.values() for pair in pairs), "a pair")
        return it
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def salted(part):
    need(("text" in part) != ("base64" in part), "a part's bytes")
    stored = part["text"].encode() if "text" in part else from64(part["base64"])
    return bytes.fromhex(part["salt"]) + stored


def within(pairs):
    return {index for first, last in pairs for index in range(first, last + 1)}


class Verification:
    """A file under verification; the steps bear the text's numbers."""

    def __init__(self, content, keys, accepted):
        self.problems, self.doubts, self.remarks = [], [], []
        self.leaves, self.left_out, self.matching, self.is_proven = [], set(), 0, False
        self.recorded_at = -(2**53)
        self.absent, self.covered = ({"who": set(), "what": set(), "entry": set()} for _ in "ab")
        # 1. Archive, members and manifest.
        self.members = read_archive(content)
        self.it = it = read_manifest(self.members["manifest.json"])
        self.first, self.stop = it["first"], it["last"] + 1
        self.starts = sorted(number(name[8:]) for name in self.members if name[:8] == "entries/")
        names = {f"{part}{at}" for at in self.starts for part in ("entries/", "leaves/")}
        names |= {f"sealed/{at}.jsonl" for at in self.starts} | {
            CHECKPOINT,
            "keys",
            "manifest.json",
        }
        names |= ({PROOF} if self.stop == self.first + 1 else set()) | (
            {EARLIER} if "consistency" in it else set()
        )
        need(self.members.keys() - {COVERED_BY} == names, "the members")
        # 2. Keys.
        own = [read_key(line) for line in read_lines(self.members["keys"])]
        need(own and all(name == it["origin"] for (name, _), _ in own), "the keys' origin")
        known = [read_key(text) for text in keys] or own
        self.keys = dict(known)
        need(len(self.keys) == len(set(known)), "two keys of one name and id")
        if not keys:
            self.doubts.append("No key was given, and those in the file prove nothing.")
        # 3. Checkpoint.
        (origin, self.size, self.root), _ = self.signed(self.members[CHECKPOINT])
        account = quote(it["account"], safe="")
        if origin != it["origin"] or origin.rpartition("/")[2] != account:
            self.problem(f"The checkpoint is another trail's: {origin}.")
        if self.step_4_entries():
            self.step_5_and_6_tree()
            self.step_7_removed()
            self.step_8_and_9_proof_and_query()
            self.step_10_earlier(accepted)

    def problem(self, says, index=None):
        self.problems.append((index, says))

    def signed(self, message):
        """The checkpoint, and whether a known key has signed it."""
        checkpoint, text, signatures = read_checkpoint(message)
        known = {by: key for by, key in self.keys.items() if by[0] == checkpoint[0]}
        ours = [(known[by], signature) for by, signature in signatures if by in known]
        need(len(ours) == len({key for key, _ in ours}), "a key signs twice")
        try:
            for key, signature in ours:
                Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
        except InvalidSignature:
            self.problem(f"A signature of {checkpoint[0]} is wrong.")
            return checkpoint, False
        if not ours:
            self.doubts.append(f"No known key has signed {checkpoint[0]} of {checkpoint[1]}.")
        return checkpoint, bool(ours)

    def step_4_entries(self):
        at = self.first
        for start in self.starts:
            if start != at:
                self.problem("The chunks don't follow each other.", min(start, at))
                return False
            content, is_told = self.members[f"leaves/{at}"], False
            need(content and len(content) % 32 == 0 and len(content) <= 2**21, "leaves")
            leaves = [content[each : each + 32] for each in range(0, len(content), 32)]
            entries = read_bundle(self.members[f"entries/{at}"], len(leaves))
            lines = read_lines(self.members[f"sealed/{at}.jsonl"], SEALED, len(leaves))
            places = [at - 1, *(line["index"] for line in lines), at + len(leaves)]
            need(all(a < b for a, b in itertools.pairwise(places)), "lines out of place")
            sealed, both = {line["index"]: line for line in lines}, (entries, leaves)
            for index, (entry, leaf) in enumerate(itertools.zip_longest(*both), at):
                if entry == b"" and leaf:
                    self.absent["entry"].add(index)
                    if index in sealed:
                        self.problem(f"Entry {index} was dropped, and its parts are shown.", index)
                elif entry is None or leaf_of(entry) != leaf:
                    self.left_out.add(index)
                    if not is_told:
                        self.problem(f"Entry {index} isn't what was hashed.", index)
                    is_told = True
                else:
                    self.entry(index, read_public(entry), sealed.get(index, {}))
            at, self.leaves = at + len(leaves), self.leaves + leaves
        if at != self.stop:
            self.problem("The range ends elsewhere.", min(at, self.stop))
        return at == self.stop

    def entry(self, index, public, line):
        if public is None or public["account"] != self.it["account"]:
            self.left_out.add(index)
            self.problem(f"Entry {index} is no entry of this account.", index)
            return
        query, happened, kind = self.it["query"], public["occurred_at"], public["entity"]["type"]
        is_in_time = query.get("since_us", happened) <= happened <= query.get("until_us", happened)
        self.matching += is_in_time and kind in query.get("types", [kind])
        self.cover(index, public)
        if public["recorded_at"] - happened > 60_000_000 and public["via"] != "import":
            times = f"{time_of(happened)}, recorded at {time_of(public['recorded_at'])}"
            self.remarks.append(f"Entry {index}: {times}. Only witnesses bound back-dating.")
        if public["recorded_at"] < self.recorded_at:
            self.remarks.append(f"Entry {index} says to be recorded before the one before it.")
        self.recorded_at = public["recorded_at"]
        for part in ("who", "what"):
            if part in line and sha256(salted(line[part])).hexdigest() != public.get(part):
                self.problem(f"The {part} part of entry {index} isn't as committed.", index)
            if part in public and part not in line:
                self.absent[part].add(index)

    def cover(self, index, public):
        for part, pairs in public.get("removed", {}).items():
            if public["action"] == ("drop" if part == "entry" else "erase"):
                kept = [(start, end) for start, end in pairs if 0 <= start <= end < index]
                inside = [(max(a, self.first), min(b, self.stop - 1)) for a, b in kept]
                self.covered[part] |= within(inside)

    def step_5_and_6_tree(self):
        before, behind = levels(0, self.first), levels(self.stop, self.size)
        left, right = hashes(self.it["left"]), hashes(self.it["right"])
        self.nodes = [*zip(before, left, strict=False), *((0, leaf) for leaf in self.leaves)]
        if self.stop > self.size:
            self.problem(f"The checkpoint covers {self.size}.", max(self.size, self.first))
        elif (len(left), len(right)) == (len(before), len(behind)):
            self.is_proven = root_of([*self.nodes, *zip(behind, right, strict=True)]) == self.root
        if not self.is_proven:
            self.problem("The leaves don't lead to the signed root.")
        if self.it["whole"] and self.first:
            self.problem("The whole account begins with entry 0.", 0)
        if self.it["whole"] and self.stop < self.size:
            self.problem(f"The whole account has {self.size} entries.", self.stop)

    def step_7_removed(self):
        for line in read_lines(self.members.get(COVERED_BY, b""), COVERING):
            index, content, path = line["index"], line["public"].encode(), hashes(line["path"])
            need(not self.first <= index < self.stop, "a covering entry of the range itself")
            public = read_public(content)
            if public and leads(included, leaf_of(content), index, self.size, path) == self.root:
                self.cover(index, public)
            else:
                self.problem(f"Entry {index} isn't in the tree.", index)
        for part, absent in self.absent.items():
            removed = within(self.it["removed"].get(part, []))
            told = removed | within(self.it["withheld"].get(part, []))
            for says, wrong in (
                ("is gone, and the file doesn't say why", absent - told),
                ("is said to be gone, and isn't", told - absent - self.left_out),
                ("is gone, and the trail doesn't say so", removed - self.covered[part]),
            ):
                if wrong:
                    self.problem(f"{part} of entry {min(wrong)} {says}.", min(wrong))

    def step_8_and_9_proof_and_query(self):
        if PROOF in self.members:
            head, _, note = self.members[PROOF].partition(b"\n\n")
            version, index, *path = head.decode("ascii").split("\n")
            need(version == "c2sp.org/tlog-proof@v1" and index.startswith("index "), "a proof")
            index, path = number(index[6:]), hashes(path)
            root = leads(included, self.leaves[0], index, self.size, path)
            if (note, index, root) != (self.members[CHECKPOINT], self.first, self.root):
                self.problem(f"The proof doesn't show entry {self.first}.", self.first)
        count, is_person = self.it["count"], "person" in self.it["query"]
        is_wrong = count > self.matching or (count < self.matching and not is_person)
        if is_wrong and not self.left_out:
            self.problem(f"{self.matching} entries match, and not {count}.")
        if is_person:
            self.doubts.append("What was looked for in sealed parts may not all have been found.")

    def step_10_earlier(self, accepted):
        proof, given = hashes(self.it.get("consistency", [])), [self.members.get(EARLIER), accepted]
        found = [self.signed(each) if each is not None else (None, False) for each in given]
        for (origin, size, root), _ in (each for each in found if each[1]):
            has_proof = found[0][1] and (size, root) == found[0][0][1:]
            is_shown = None
            if size and (origin != self.it["origin"] or size > self.size):
                is_shown = False
            elif size and (has_proof or size == self.size):
                ends = leads(grown, root, size, self.size, proof if has_proof else [])
                is_shown = ends == (root, self.root)
            elif size and self.is_proven and self.first < size <= self.stop:
                is_shown = root_of(self.nodes[: len(self.nodes) - (self.stop - size)]) == root
            if is_shown is None:
                self.doubts.append(f"Nothing shows that the trail only added to {size} entries.")
            elif not is_shown:
                self.problem(f"The trail didn't only add to {size} entries.")


def verify(content, keys=(), accepted=None):
    """The exit code, the lowest index of a problem or None, and sentences."""
    try:
        it = Verification(content, keys, accepted)
    except Exception as error:  # noqa: BLE001  # Whatever can't be read as the text says is no such file.
        return 3, None, [f"This is no evidence file: {error}"]
    index = min((index for index, _ in it.problems if index is not None), default=None)
    says = [*(says for _, says in it.problems), *it.doubts, *it.remarks]
    return 1 if it.problems else 2 if it.doubts else 0, index, says


def main():
    parser = argparse.ArgumentParser()
    parser.error = lambda why: need(False, why)
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--checkpoint", type=Path)
    try:
        asked = parser.parse_args()
        accepted = asked.checkpoint.read_bytes() if asked.checkpoint else None
        code, _, says = verify(asked.file.read_bytes(), asked.key, accepted)
    except (OSError, ValueError) as error:
        code, says = 3, [str(error)]
    sys.stdout.write("\n".join([("whole", "tampered", "undecided", "unreadable")[code], *says, ""]))
    return code


if __name__ == "__main__":
    sys.exit(main())
