"""What is no evidence file: both verifiers end with 3, and never with a traceback."""

import struct
from collections.abc import Callable
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import pytest

from audit_trail.verify.evidence import verify
from audit_trail.verify.manifest import Asked
from tests.verify.conftest import Make
from tests.verify.trails import spelled
from tests.verify.verifiers import VERIFIERS, Given, Members, Said, packed, unpacked, with_manifest

Change = Callable[[Members], Members]


def with_member(name: str, content: bytes) -> Change:
    return lambda members: {**members, name: content}


def without(name: str) -> Change:
    return lambda members: {each: members[each] for each in members if each != name}


def changed(name: str, change: Callable[[bytes], bytes]) -> Change:
    return lambda members: {**members, name: change(members[name])}


def manifest(**changes: object) -> Change:
    return lambda members: with_manifest(members, **changes)


MALFORMED: dict[str, Change] = {
    **{
        f"without {name}": without(name)
        for name in (
            "checkpoint",
            "keys",
            "entries/0",
            "leaves/0",
            "sealed/0.jsonl",
            "manifest.json",
        )
    },
    "an unknown member": with_member("README", b"hello"),
    "a chunk of another spelling": with_member("entries/01", b""),
    "a chunk without its leaves": with_member("entries/20", b"\0\0"),
    "a proof for a range": with_member("entry.tlog-proof", b""),
    "an earlier checkpoint without its proof": with_member("earlier-checkpoint", b""),
    "a proof from no checkpoint": manifest(consistency=[]),
    "a bundle that ends within an entry": changed("entries/0", lambda content: content[:-1]),
    "a bundle that ends within a length": changed("entries/0", lambda content: content + b"\0"),
    "leaves that end within a hash": changed("leaves/0", lambda content: content[:-1]),
    "no leaves": with_member("leaves/0", b""),
    "too many leaves": with_member("leaves/0", bytes(32 * 65_537)),
    "sealed parts that end within a line": changed("sealed/0.jsonl", lambda content: content[:-1]),
    "sealed parts that aren't JSON": with_member("sealed/0.jsonl", b"{\n"),
    "sealed parts of more entries than there are": with_member("sealed/0.jsonl", b"\n" * 99),
    "an unknown member of a line": with_member("sealed/0.jsonl", b'{"index":0,"x":1}\n'),
    "a part of another type": with_member("sealed/0.jsonl", b'{"index":0,"who":7}\n'),
    "a part as text and as base64": with_member(
        "sealed/0.jsonl", b'{"index":0,"who":{"salt":"","text":"","base64":""}}\n'
    ),
    "a part as neither": with_member("sealed/0.jsonl", b'{"index":0,"who":{"salt":""}}\n'),
    "a salt that isn't hexadecimal": with_member(
        "sealed/0.jsonl", b'{"index":0,"who":{"salt":"xy","text":""}}\n'
    ),
    "base64 of another spelling": with_member(
        "sealed/0.jsonl", b'{"index":0,"who":{"salt":"","base64":"AB=="}}\n'
    ),
    "half a letter": with_member(
        "sealed/0.jsonl", b'{"index":0,"who":{"salt":"","text":"\\ud800"}}\n'
    ),
    "lines in another order": changed(
        "sealed/0.jsonl", lambda content: b"".join(reversed(content.splitlines(keepends=True)))
    ),
    "a line's part twice": changed(
        "sealed/0.jsonl", lambda content: content.replace(b'"who":', b'"who":{},"who":', 1)
    ),
    "a line spelled in another way": changed(
        "sealed/0.jsonl", lambda content: content.replace(b'"index":0', b'"index": 0')
    ),
    "a line twice": changed(
        "sealed/0.jsonl", lambda content: content.splitlines(keepends=True)[0] * 2
    ),
    "a line of another chunk": with_member("sealed/0.jsonl", b'{"index":20}\n'),
    "a line nested deep": with_member("sealed/0.jsonl", b'{"index":' + b"[" * 100_000 + b"\n"),
    "a covering entry of the range": with_member(
        "covering.jsonl", b'{"index":3,"path":[],"public":""}\n'
    ),
    "covering entries that aren't lines": with_member("covering.jsonl", b"{}"),
    "a covering entry's proof that isn't base64": with_member(
        "covering.jsonl", b'{"index":30,"path":["?"],"public":""}\n'
    ),
    "keys that aren't keys": with_member("keys", b"hello\n"),
    "no keys": with_member("keys", b""),
    "keys that don't end": changed("keys", lambda content: content[:-1]),
    "keys of another trail": changed("keys", lambda content: content.replace(b"/1+", b"/2+")),
    "keys that aren't text": with_member("keys", b"\xff\n"),
    "a checkpoint without a signature": changed(
        "checkpoint", lambda content: content.partition(b"\n\n")[0] + b"\n"
    ),
    "a checkpoint of a size that isn't one": changed(
        "checkpoint", lambda content: content.replace(b"\n20\n", b"\n020\n")
    ),
    "a checkpoint signed twice": changed(
        "checkpoint", lambda content: content + content.rpartition(b"\n\n")[2]
    ),
    "an empty checkpoint": with_member("checkpoint", b""),
    "a manifest spelled in another way": changed("manifest.json", lambda content: b" " + content),
    "a manifest without its end": changed("manifest.json", lambda content: content[:-1]),
    "a manifest with a member twice": changed(
        "manifest.json", lambda content: content.replace(b'"cut"', b'"cut":true,"cut"')
    ),
    "a manifest that isn't JSON": with_member("manifest.json", b"hello\n"),
    "a manifest that isn't an object": with_member("manifest.json", b"[]\n"),
    "a manifest nested deep": with_member("manifest.json", b"[" * 100_000),
    "a manifest with an unknown member": manifest(size=20),
    "another format": manifest(format="audit-trail evidence 2"),
    "a cut result": manifest(cut=True),
    "an empty range": manifest(first=5, last=4, words="account 1, entries 5 to 4"),
    "a range from below 0": manifest(first=-1, words="account 1, entries -1 to 19"),
    "an index that is a boolean": manifest(first=False, words="account 1, entries False to 19"),
    "an index that is a real number": manifest(first=0.0),
    "an index beyond all": manifest(last=2**53, words=f"account 1, entries 0 to {2**53}"),
    "no time zone": manifest(time_zone=None),
    "words that aren't text": manifest(words=7),
    "a time beyond all": manifest(query={"since_us": 2**53}),
    "a query of no types": manifest(query={"types": []}),
    "a query of an unknown field": manifest(query={"colour": "red"}),
    "a hash that isn't base64": manifest(left=["?"]),
    "a hash of 31 bytes": manifest(left=["A" * 41 + "=" * 3]),
    "nothing that is removed": manifest(removed={"who": []}),
    "a removed range that isn't of numbers": manifest(removed={"who": [[True, 2]]}),
    "a removed range beyond the file's": manifest(removed={"who": [[1, 20]]}),
    "a removed range upside down": manifest(removed={"who": [[4, 3]]}),
    "a removed range of three": manifest(removed={"who": [[1, 2, 3]]}),
    "an unknown part": manifest(removed={"whom": [[1, 2]]}),
    "entries withheld": manifest(withheld={"entry": [[1, 2]]}),
}


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("case", MALFORMED)
def test_a_file_of_another_shape_is_unreadable(case: str, verifier: str, make: Make) -> None:
    trail = make(20)
    file = packed(MALFORMED[case](unpacked(trail.file())))
    assert VERIFIERS[verifier](Given(file, trail.keys)) == Said(3)


def twice(file: bytes) -> bytes:
    """A member twice, of which each tool takes another for the right one."""
    target = BytesIO(file)
    with ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("manifest.json", b"{}")
    return target.getvalue()


def packed_by(method: int) -> Callable[[bytes], bytes]:
    def change(file: bytes) -> bytes:
        target = BytesIO()
        with ZipFile(target, "w", method) as archive:
            for name, content in unpacked(file).items():
                archive.writestr(name, content)
        return target.getvalue()

    return change


def bomb(file: bytes) -> bytes:
    """A member that says to be small, and unpacks to a gigabyte and more."""
    target = BytesIO()
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for name, content in unpacked(file).items():
            archive.writestr(name, bytes(2**26) if name == "leaves/0" else content)
    return target.getvalue()


def under_two_names(file: bytes) -> bytes:
    """The local header names another member than the directory does."""
    return file.replace(b"leaves/0", b"leaves/9", 1)


def encrypted(file: bytes) -> bytes:
    at = file.index(b"PK\1\2")
    return file[: at + 8] + struct.pack("<H", 1) + file[at + 10 :]


ARCHIVES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda file: b"",
    "text": lambda file: b"hello",
    "cut at its end": lambda file: file[:-1],
    "cut in the middle": lambda file: file[: len(file) // 2],
    "without its beginning": lambda file: file[1:],
    "a member twice": twice,
    "packed by another method": packed_by(ZIP_BZIP2),
    "a bomb": bomb,
    "under two names": under_two_names,
    "encrypted": encrypted,
}


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("case", ARCHIVES)
def test_what_is_no_archive_is_unreadable(case: str, verifier: str, make: Make) -> None:
    trail = make(20)
    assert VERIFIERS[verifier](Given(ARCHIVES[case](trail.file()), trail.keys)) == Said(3)


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("accepted", [b"", b"hello", b"\xff", b"a\n1\nb\n\nc\n"])
def test_an_earlier_checkpoint_that_is_none_is_refused(
    accepted: bytes, verifier: str, make: Make
) -> None:
    trail = make(20)
    assert VERIFIERS[verifier](Given(trail.file(), trail.keys, accepted)) == Said(3)


def test_a_refusal_names_the_member(make: Make) -> None:
    trail = make(20)
    members = {**unpacked(trail.file()), "sealed/0.jsonl": spelled([]) + b"\n"}
    said = verify(BytesIO(packed(members)), trail.keys)
    assert said.name == "unreadable"
    assert said.integrity.says[0].startswith("sealed/0.jsonl can't be read")


def test_members_that_overlap_are_refused(make: Make) -> None:
    file = make(20).file()
    at = file.rindex(b"PK\1\2")
    offset = file.index(b"PK\3\4", 10)
    overlapping = file[: at + 42] + struct.pack("<I", offset - 4) + file[at + 46 :]
    assert verify(BytesIO(overlapping)).exit_code == 3


def test_a_filter_is_told_by_its_data_whatever_the_file_s_words_are(make: Make) -> None:
    trail = make(20)
    members = unpacked(trail.file(query=Asked(types=("inbox",))))
    said = verify(BytesIO(packed(with_manifest(members, words="all of it"))), trail.keys)
    assert said.exit_code == 0 and said.facts
    assert said.facts.query == "account 1, entries 0 to 19; types inbox"
