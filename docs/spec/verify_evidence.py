"""Verifies an evidence file, step by step as evidence-1.md has it: it was written from that text alone.

python verify_evidence.py FILE [--key KEY]... [--checkpoint EARLIER]
"""

import getopt
import io
import itertools
import json
import re
import sys
import zipfile
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MANIFEST = {"format": str, "origin": str, "account": str, "words": str, "time_zone": str}
MANIFEST |= {"first": int, "last": int, "count": int, "whole": bool, "cut": bool, "query": dict}
MANIFEST |= {"left": list, "right": list, "removed": dict, "withheld": dict}
PUBLIC = {"v": int, "account": str, "action": str, "via": str, "entity": dict}
PUBLIC |= {"occurred_at": int, "recorded_at": int}
TESTS = {"all": list, "any": list, "not": dict, "is": list, "begins": list, "undecided": bool}
TESTS |= {"since_us": int, "until_us": int}
ASPECTS = {"action", "actor", "entity", "field", "id", "outcome", "request", "via"}
NOTE = r"((?:[^\x00-\x1f]+\n){3,})\n((?:— [^\s+\x00-\x1f]+ \S+\n){1,100})"


def need(holds, why):
    """Refuse what isn't as the text has it."""
    if not holds:
        raise ValueError(why)


def fits(value, always, **sometimes):
    """Require that an object has these members, and no others, of these types."""
    found = {name: type(each) for name, each in value.items()}.items()
    need(always.items() <= found <= (always | sometimes).items(), "members")
    need(all(abs(each) < 2**53 for each in value.values() if type(each) is int), "a number")


def read_lines(content):
    """JSON, a line each, in its one spelling: so no name is there twice, and no number is odd."""
    values = [json.loads(line) for line in content[:-1].split(b"\n") if content]
    spelled = [json.dumps(v, ensure_ascii=False, sort_keys=True, separators=",:") for v in values]
    need("".join(f"{line}\n" for line in spelled).encode() == content, "JSON of another spelling")
    return values


def from64(text, size=None):
    content = b64decode(text, validate=True)
    need(b64encode(content).decode() == text and size in (None, len(content)), "base64")
    return content


def hashes(texts):
    return [from64(text, 32) for text in texts]


def hashed(*parts):
    return sha256(b"".join(parts)).digest()


def root_of(nodes, first, stop, size, at=0):
    """The root of size leaves from at on. Nodes are the leaves of the range, and those beside it."""
    if size == 1 or (size.bit_count() == 1 and (at >= stop or at + size <= first)):
        return next(nodes, b"")
    half = 1 << (size - 1).bit_length() - 1
    left = root_of(nodes, first, stop, half, at)
    return hashed(b"\1", left, root_of(nodes, first, stop, size - half, at + half))


def climb(found, width, index, size, path):
    """The roots of all up to index, and of all, above a node of that width that ends with index:
    RFC 9162, 2.1.3 and 2.1.4, from the proof's end, which is a child of the root."""
    need(0 <= index < size and bool(path) == (size > width), "hashes of a proof")
    if not path:
        return found, found
    half, beside = 1 << (size - 1).bit_length() - 1, path[-1]
    if index < half:
        old, new = climb(found, width, index, half, path[:-1])
        return old, hashed(b"\1", new, beside)
    old, new = climb(found, width, index - half, size - half, path[:-1])
    return hashed(b"\1", beside, old), hashed(b"\1", beside, new)


def read_key(text, origin=""):
    """A key by its name and id; the trail's own as it is named under the origin."""
    name, key_id, encoded = text.split("+", 2)
    typed = from64(encoded, 33)
    need(typed[0] == 1 and key_id == hashed(name.encode(), b"\n", typed)[:4].hex(), "a key")
    name = origin if name == origin.rpartition("/")[0] else name
    return (name, hashed(name.encode(), b"\n", typed)[:4]), typed[1:]


def read_bundle(content):
    at = 0
    while at < len(content):
        start, at = at + 2, at + 2 + int.from_bytes(content[at : at + 2])
        need(at <= len(content), "a bundle that ends within an entry")
        yield content[start:at]


def is_committed(part, commitment):
    """Whether a part is as committed. A salt of another length would let bytes move out of it."""
    fits(part, {"salt": str, ("text" if "text" in part else "base64"): str})
    stored = part["text"].encode() if "text" in part else from64(part["base64"])
    salt = bytes.fromhex(part["salt"])
    return len(salt) == 16 and hashed(salt, stored).hex() == commitment


def indexes(pairs, first, stop):
    """The indexes from first to before stop within pairs, of which both ends are included."""
    need(all(type(a) is type(b) is int for a, b in pairs), "a pair")
    return {each for a, b in pairs for each in range(max(a, first), min(b + 1, stop))}


def read_filter(it, depth=1):
    """Require that a filter is one test, or several put together."""
    need(depth <= 100, "a filter that nests deeper")
    fits(it, {}, **TESTS)
    [(name, value)] = it.items()
    inner = value if name in ("all", "any") else [value] if name == "not" else []
    need(value or type(value) is int, "a filter of nothing")
    for each in inner:
        read_filter(each, depth + 1)
    if name in ("is", "begins"):
        aspect, text = value
        need(aspect in ASPECTS and type(text) is str, "a comparison")


def decides(it, public):
    """Whether an entry matches a filter; None where its public part doesn't tell."""
    [(name, value)] = it.items()
    if name in ("all", "any"):
        found = [decides(each, public) for each in value]
        first, last = (False, True) if name == "all" else (True, False)
        return first if first in found else None if None in found else last
    if name == "not":
        found = decides(value, public)
        return None if found is None else not found
    if name in ("since_us", "until_us"):
        happened = public["occurred_at"]
        return happened >= value if name == "since_us" else happened <= value
    return None if name == "undecided" else compares(*value, name == "begins", public)


def compares(aspect, text, begins, public):
    values = values_of(aspect, public)
    values = [each.encode().lower() for each in values if type(each) is str]
    sought = text.encode().lower()  # Bytes have a lower case of A to Z alone.
    if any(each.startswith(sought) if begins else each == sought for each in values):
        return True
    is_open = aspect == "field" and not values and "what" in public
    return None if is_open and public["action"] in ("create", "update", "delete") else False


def values_of(aspect, public):
    entity, actor = public["entity"], public.get("actor")
    if aspect in ("entity", "id"):
        return [entity.get("type" if aspect == "entity" else "id")]
    if aspect == "field":
        return public["fields"] if type(public.get("fields")) is list else []
    if aspect != "actor":
        return [public.get(aspect)]
    found = [actor.get("kind"), actor.get("id")] if type(actor) is dict else []
    return [*found, "/".join(found)] if {*map(type, found)} == {str} else found


class Verification:
    """A file under verification; the steps bear the text's numbers."""

    def __init__(self, content, keys, accepted):
        self.problems, self.doubts, self.leaves, self.matching = [], [], [], 0
        self.undecided = 0
        self.absent, self.covered = ({"who": set(), "what": set(), "entry": set()} for _ in "ab")
        self.step_1_members(content)
        self.step_2_and_3_signature(keys)
        if self.step_4_entries():
            self.step_5_and_6_tree()
            self.step_7_removed()
            self.step_8_and_9_proof_and_query()
            self.step_10_earlier(accepted)

    def require(self, holds, problem, index=None):
        self.problems += [] if holds else [(index, problem)]

    def step_1_members(self, content):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = [each for each in archive.infolist() if not each.is_dir()]
            places = [(it.header_offset, it.header_offset + 30 + it.compress_size) for it in infos]
            pairs = itertools.pairwise(sorted(places))
            need(all(end <= start for (_, end), (start, _) in pairs), "members overlap")
            need(all(it.compress_type in (0, 8) and it.file_size <= 2**30 for it in infos), "sizes")
            self.members = {each.filename: archive.read(each) for each in infos}
        need(all(len(self.members[it.filename]) == it.file_size for it in infos), "a length")
        [it] = [self.it] = read_lines(self.members["manifest.json"])
        fits(it, MANIFEST, consistency=list)
        fits(it["query"], {}, types=list, since_us=int, until_us=int, person=str, where=dict)
        read_filter(it["query"].get("where", {"undecided": True}))
        fits(it["removed"], {}, who=list, what=list, entry=list)
        fits(it["withheld"], {}, who=list, what=list)
        need({*map(type, it["query"].get("types", [""]))} == {str}, "types that aren't text")
        need(it["format"] == "audit-trail evidence 1" and not it["cut"], "another format")
        need(0 <= it["first"] <= it["last"], "an empty range")
        self.first, self.stop = it["first"], it["last"] + 1
        self.starts = sorted(int(name[8:]) for name in self.members if name[:8] == "entries/")
        names = {f"{part}/{at}" for at in self.starts for part in ("entries", "leaves")}
        names |= {f"sealed/{at}.jsonl" for at in self.starts}
        names |= {"checkpoint", "keys", "manifest.json"}
        names |= {"entry.tlog-proof"} if self.stop == self.first + 1 else set()
        names |= {"earlier-checkpoint"} if "consistency" in it else set()
        need(self.members.keys() - {"covering.jsonl"} == names, "other members")
        need(len(self.members) == len(infos), "a member twice")

    def step_2_and_3_signature(self, keys):
        *lines, rest = self.members["keys"].decode().split("\n")
        own = [read_key(line) for line in lines]
        need({name for (name, _), _ in own} == {self.it["origin"]} and not rest, "the file's keys")
        self.keys = keys or lines
        self.doubts += [] if keys else ["No key was given, and those in the file prove nothing."]
        (origin, self.size, self.root), _ = self.signed(self.members["checkpoint"])
        account = quote(self.it["account"], safe="")
        is_its = origin == self.it["origin"] and origin.endswith(f"/{account}")
        self.require(is_its, f"The checkpoint is another trail's: {origin}.")

    def signed(self, message):
        """Origin, size and root of a checkpoint, and whether a known key has signed it."""
        text, below = re.fullmatch(NOTE, message.decode()).groups()
        origin, size, root = text.split("\n")[:3]
        need(size == str(abs(int(size))) and len(message) <= 1_000_000, "a checkpoint")
        need(size != "0" or from64(root) == hashed(), "the root of no entries")
        signatures = [(name, from64(each)) for name, each in re.findall("— (.+) (.+)\n", below)]
        need(all(len(each) > 4 for _, each in signatures), "a signature")
        ours = [((name, each[:4]), each[4:]) for name, each in signatures if name == origin]
        known = dict(read_key(key, origin) for key in self.keys)
        ours = [(by, each) for by, each in ours if by in known]
        need(len(dict(ours)) == len(ours), "a key that signs twice")
        try:
            for by, signature in ours:
                key = Ed25519PublicKey.from_public_bytes(known[by])
                key.verify(signature, text.encode())
        except InvalidSignature:
            ours = self.require(False, f"A signature of {origin} is wrong.")
        self.doubts += [] if ours else [f"No key that was given has signed {origin} of {size}."]
        return (origin, int(size), from64(root, 32)), bool(ours)

    def step_4_entries(self):
        at = self.first
        for start in self.starts:
            if start != at:
                self.require(False, "The chunks don't follow each other.", min(start, at))
                return False
            self.step_4_chunk(at)
            at = self.first + len(self.leaves)
        self.require(at == self.stop, "The range ends elsewhere.", min(at, self.stop))
        return at == self.stop

    def step_4_chunk(self, at):
        content = self.members[f"leaves/{at}"]
        need(content and len(content) % 32 == 0 and len(content) <= 2**21, "leaves")
        leaves = [content[each : each + 32] for each in range(0, len(content), 32)]
        lines = read_lines(self.members[f"sealed/{at}.jsonl"])
        for line in lines:
            fits(line, {"index": int}, who=dict, what=dict)
        sealed = {line["index"]: line for line in lines}
        places = sorted(sealed.keys() & {*range(at, at + len(leaves))})
        need(places == [line["index"] for line in lines], "a line out of its place")
        both = itertools.zip_longest(read_bundle(self.members[f"entries/{at}"]), leaves)
        for index, (entry, leaf) in enumerate(both, at):
            self.entry(index, entry, leaf, sealed.get(index, {}))
        self.leaves += leaves

    def entry(self, index, entry, leaf, line):
        if entry == b"" and leaf:
            self.absent["entry"].add(index)
            self.require(not line, f"Entry {index} was dropped, and parts are shown.", index)
            return
        try:
            need(entry is not None and hashed(b"\0", entry) == leaf, "not what was hashed")
            public = self.public(index, entry, self.it["account"])
        except (ValueError, LookupError, TypeError, AttributeError) as why:
            self.require(False, f"Entry {index} isn't as it should be: {why}.", index)
            return
        query, happened, kind = self.it["query"], public["occurred_at"], public["entity"]["type"]
        is_in_time = query.get("since_us", happened) <= happened <= query.get("until_us", happened)
        found = is_in_time and kind in query.get("types", [kind])
        if found and "where" in query:
            found = decides(query["where"], public)
        self.matching += found is True
        self.undecided += found is None
        for part in ("who", "what"):
            if part in line:
                is_right = is_committed(line[part], public.get(part))
                self.require(is_right, f"{part} of entry {index} isn't as committed.", index)
            elif part in public:
                self.absent[part].add(index)

    def public(self, index, content, account=None):
        """4.3: the public part of an entry; what it says to be removed is covered."""
        it = json.loads(content.decode())
        fits({name: it[name] for name in PUBLIC}, PUBLIC)
        texts = [it["entity"]["type"], it.get("who", ""), it.get("what", "")]
        need(it["v"] == 1 and {*map(type, texts)} == {str}, "no public part")
        need(account in (None, it["account"]), "of another account")
        fits(removed := it.get("removed", {}), {}, who=list, what=list, entry=list)
        for part, pairs in removed.items():
            told = [(a, b) for a, b in pairs if 0 <= a <= b < index]
            if it["action"] == ("drop" if part == "entry" else "erase"):
                self.covered[part] |= indexes(told, self.first, self.stop)
        return it

    def step_5_and_6_tree(self):
        left, right = hashes(self.it["left"]), hashes(self.it["right"])
        self.nodes, self.is_proven = [*left, *self.leaves], False
        # A hash more or less on the left would move all leaves by a place.
        if self.stop <= self.size and len(left) == self.first.bit_count():
            nodes = iter([*self.nodes, *right])
            root = root_of(nodes, self.first, self.stop, self.size)
            self.is_proven = root == self.root and not [*nodes]
        beyond = max(self.size, self.first) if self.stop > self.size else None
        self.require(self.is_proven, "The leaves don't lead to the signed root.", beyond)
        if self.it["whole"]:
            self.require(self.first == 0, "The whole account begins with entry 0.", 0)
            self.require(self.stop >= self.size, "The whole account goes on.", self.stop)

    def step_7_removed(self):
        for line in read_lines(self.members.get("covering.jsonl", b"")):
            fits(line, {"index": int, "public": str, "path": list})
            index, public = line["index"], line["public"].encode()
            need(not self.first <= index < self.stop, "a covering entry of the range itself")
            _, root = climb(hashed(b"\0", public), 1, index, self.size, hashes(line["path"]))
            self.require(root == self.root, f"Entry {index} isn't in the tree.", index)
            if root == self.root:
                self.public(index, public)
        for part, absent in self.absent.items():
            removed, withheld = self.told("removed", part), self.told("withheld", part)
            for says, wrong in (
                ("is gone, and the file doesn't say why", absent - removed - withheld),
                ("is said to be gone, and isn't", (removed | withheld) - absent),
                ("is gone, and the trail doesn't say so", removed - self.covered[part]),
            ):
                first = min(wrong, default=None)
                self.require(not wrong, f"{part} of entry {first} {says}.", first)

    def told(self, name, part):
        """The indexes that the manifest says to be removed or withheld."""
        pairs = self.it[name].get(part, [])
        need(pairs or part not in self.it[name], "no pairs")
        need(all(self.first <= a <= b < self.stop for a, b in pairs), "a pair beyond the range")
        return indexes(pairs, self.first, self.stop)

    def step_8_and_9_proof_and_query(self):
        if self.stop == self.first + 1:
            head, _, note = self.members["entry.tlog-proof"].partition(b"\n\n")
            version, index, *path = head.decode().split("\n")
            need(version == "c2sp.org/tlog-proof@v1", "a proof")
            _, root = climb(self.leaves[0], 1, self.first, self.size, hashes(path))
            is_right = index == f"index {self.first}" and root == self.root
            is_right &= note == self.members["checkpoint"]
            self.require(is_right, f"The proof doesn't show entry {self.first}.", self.first)
        count, is_person = self.it["count"], "person" in self.it["query"]
        least, most = 0 if is_person else self.matching, self.matching + self.undecided
        self.require(least <= count <= most, f"{least} to {most} entries match, and not {count}.")
        is_open = is_person or self.undecided
        self.doubts += ["In sealed parts more may have been found."] if is_open else []

    def step_10_earlier(self, accepted):
        path, paths = hashes(self.it.get("consistency", [])), {}
        for message, its in ((self.members.get("earlier-checkpoint"), path), (accepted, None)):
            if message is None:
                continue
            (origin, size, root), is_signed = self.signed(message)
            if is_signed:
                is_its = size == 0 or origin == self.it["origin"]
                is_shown = is_its and self.is_grown(size, root, paths.setdefault(size, its))
                doubt = f"Nothing shows that the trail only added to {size} entries."
                self.doubts += [doubt] if is_shown is None else []
                self.require(is_shown is not False, f"The trail didn't only add to {size} entries.")

    def is_grown(self, size, root, path):
        """Whether the trail only added to an earlier checkpoint; nothing where that isn't shown."""
        if size >= self.size:
            return (size, root) == (self.size, self.root) and not path
        if size and path is not None:
            found, *path = [root, *path] if size.bit_count() == 1 else path
            return climb(found, size & -size, size - 1, self.size, path) == (root, self.root)
        if self.is_proven and self.first < size <= self.stop:
            nodes = iter(self.nodes[: len(self.nodes) - self.stop + size])
            return root_of(nodes, self.first, self.stop, size) == root
        return None


def verify(content, keys=(), accepted=None):
    """The exit code, the lowest index of a problem or None, and sentences."""
    try:
        it = Verification(content, keys, accepted)
    except Exception as error:  # noqa: BLE001  # Whatever can't be read as the text says is no such file.
        return 3, None, [f"This is no evidence file: {error}"]
    index = min((index for index, _ in it.problems if index is not None), default=None)
    says = [*(says for _, says in it.problems), *it.doubts]
    return 1 if it.problems else 2 if it.doubts else 0, index, says


def main():
    try:
        options, [file] = getopt.gnu_getopt(sys.argv[1:], "", ["key=", "checkpoint="])
        keys = [value for name, value in options if name == "--key"]
        earlier = [Path(value).read_bytes() for name, value in options if name == "--checkpoint"]
        code, _, says = verify(Path(file).read_bytes(), keys, *earlier)
    except (getopt.GetoptError, OSError, ValueError, TypeError) as error:
        code, says = 3, [str(error)]
    sys.stdout.write("\n".join([("whole", "tampered", "undecided", "unreadable")[code], *says, ""]))
    return code


if __name__ == "__main__":
    sys.exit(main())
