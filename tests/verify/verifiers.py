"""Both verifiers, ours and the one that is written from the specification, held against each other."""

import importlib.util
import json
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from zipfile import ZipFile

from audit_trail.seal.note import VerifierKey
from audit_trail.verify.archive import archived
from audit_trail.verify.evidence import verify
from tests.verify.trails import spelled

SPEC = Path(__file__).parents[2] / "docs" / "spec"


class Given(NamedTuple):
    """What a verifier gets: a file, the keys it knows, and perhaps a checkpoint of its own."""

    file: bytes
    keys: Sequence[VerifierKey] = ()
    accepted: bytes | None = None


class Said(NamedTuple):
    """What a verifier says: its exit code, and the lowest index of a problem."""

    code: int
    at: int | None = None


Verifier = Callable[[Given], Said]


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_evidence", SPEC / "verify_evidence.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INDEPENDENT = _loaded()


def ours(given: Given) -> Said:
    verdict = verify(BytesIO(given.file), given.keys, given.accepted)
    return Said(verdict.exit_code, verdict.index)


def theirs(given: Given) -> Said:
    code, index, _ = INDEPENDENT.verify(
        given.file, [key.text for key in given.keys], given.accepted
    )
    return Said(code, index)


VERIFIERS: dict[str, Verifier] = {"ours": ours, "theirs": theirs}

Members = dict[str, bytes]


def unpacked(file: bytes) -> Members:
    with ZipFile(BytesIO(file)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Members) -> bytes:
    return b"".join(archived(members.items()))


def manifest_of(members: Members) -> dict[str, object]:
    told: dict[str, object] = json.loads(members["manifest.json"])
    return told


def with_manifest(members: Members, **changes: object) -> Members:
    """The members with other words in the manifest; None leaves one out."""
    told = {**manifest_of(members), **changes}
    kept = {name: value for name, value in told.items() if value is not None}
    return {**members, "manifest.json": spelled(kept) + b"\n"}
