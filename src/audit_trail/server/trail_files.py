"""A trail's files as C2SP tlog-tiles lays them out, and its proofs; it shows no sealed part."""

import gzip
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import MediaType, Request, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter

from audit_trail.errors import CheckpointNotFound, EntryNotFound, QueryRefused
from audit_trail.seal.encoding import number_from, to_base64
from audit_trail.seal.tile import Bundle, parse_path
from audit_trail.trail import Trail

FILE_HEADERS: Final = {
    # Tlog-tiles would have tiles cached for long. Here they are behind a sign-in, bundles hold
    # ids of people, and after a restore the same address may hold what another epoch has sealed.
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
BYTES: Final = "application/octet-stream"
GZIP_LEVEL: Final = 1

AccountId = NamedDependency[str]


def _asked(description: str) -> QueryParameter:
    return QueryParameter(description=description)


class Inclusion(msgspec.Struct, frozen=True, kw_only=True):
    """The proof of RFC 9162 that the entry of this index is in the tree of this size.

    The root is left out: only a signed checkpoint says which root a size has.
    """

    index: int
    size: int
    hashes: list[str]


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """The proof of RFC 9162 that the second tree only adds to the first."""

    first: int
    second: int
    hashes: list[str]


def trail_files_router(
    trail: Trail, *, path: str, account: Callable[..., str], fresh: Callable[[], object]
) -> Router:
    """Return the router of checkpoint, tiles, entry bundles, keys and proofs, to be mounted at `path`.

    `account` is the guard, a dependency: it tells whose trail is read, or raises the application's
    own error. `fresh` gives the trail a moment to take up what has committed. The application
    answers what the trail refuses: `CheckpointNotFound`, `TileNotFound` and `EntryNotFound` with
    404, `QueryRefused` with 422.
    """

    @get("/checkpoint", media_type=MediaType.TEXT, sync_to_thread=True)
    def get_trail_checkpoint(account: AccountId) -> Response[bytes]:
        fresh()
        return _file(_checkpoint(trail, account), MediaType.TEXT)

    @get("/keys", media_type=MediaType.TEXT, sync_to_thread=True)
    def list_trail_keys(account: AccountId) -> Response[str]:
        return Response(_keys(trail, account), media_type=MediaType.TEXT, headers=FILE_HEADERS)

    @get("/tile/{place:path}", media_type=BYTES, sync_to_thread=True)
    def get_trail_tile(
        request: Request[Any, Any, Any], account: AccountId, place: FromPath[str]
    ) -> Response[bytes]:
        asked = parse_path(f"tile{place}")
        if isinstance(asked, Bundle):
            return _bundle(request, trail.bundle(account, asked))
        return _file(trail.tile(account, asked), BYTES)

    @get("/{number:int}/proof", media_type=MediaType.TEXT, sync_to_thread=True)
    def get_trail_proof(account: AccountId, number: FromPath[int]) -> Response[bytes]:
        fresh()
        _checkpoint(trail, account)
        if not 0 < number <= _size(trail, account):
            raise EntryNotFound
        return _file(trail.prove(account, number - 1).encoded, MediaType.TEXT)

    @get("/inclusion", sync_to_thread=True)
    def get_trail_inclusion(
        account: AccountId,
        index: Annotated[str | None, _asked("The entry's index, from 0")] = None,
        size: Annotated[str | None, _asked("The tree's size; by default the newest")] = None,
    ) -> Response[Inclusion]:
        fresh()
        tree, at = _size(trail, account, "size", size), _number("index", index)
        if at >= tree:
            raise QueryRefused(f"index must be below the size, {tree}.")
        hashes = _encoded(trail.prove_inclusion(account, at, tree))
        return Response(Inclusion(index=at, size=tree, hashes=hashes), headers=FILE_HEADERS)

    @get("/consistency", sync_to_thread=True)
    def get_trail_consistency(
        account: AccountId,
        first: Annotated[str | None, _asked("The size of the earlier tree, from 1")] = None,
        second: Annotated[str | None, _asked("That of the later; by default the newest")] = None,
    ) -> Response[Consistency]:
        fresh()
        new, old = _size(trail, account, "second", second), _number("first", first)
        if not 0 < old <= new:
            raise QueryRefused(f"first must be from 1 to the second size, {new}.")
        hashes = _encoded(trail.prove_consistency(account, old, new))
        return Response(Consistency(first=old, second=new, hashes=hashes), headers=FILE_HEADERS)

    files = [get_trail_checkpoint, list_trail_keys, get_trail_tile]
    proofs = [get_trail_proof, get_trail_inclusion, get_trail_consistency]
    return Router(
        path=path,
        route_handlers=[*files, *proofs],
        dependencies={"account": Provide(account, sync_to_thread=False)},
    )


def _file(content: bytes, media_type: str) -> Response[bytes]:
    return Response(content, media_type=media_type, headers=FILE_HEADERS)


def _bundle(request: Request[Any, Any, Any], content: bytes) -> Response[bytes]:
    """Answer entries, compressed for who takes it: they shrink to a fifth, where hashes don't at all."""
    answer = _file(content, BYTES)
    accepted = request.headers.get("accept-encoding", "").split(",")
    if "gzip" in (each.strip() for each in accepted):
        answer.content = gzip.compress(content, GZIP_LEVEL, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def _checkpoint(trail: Trail, account: str) -> bytes:
    checkpoint = trail.checkpoint(account)
    if checkpoint is None:
        raise CheckpointNotFound
    return checkpoint


def _keys(trail: Trail, account: str) -> str:
    """Write a line for each key, oldest first: since when it signs, and the key itself."""
    lines = (
        f"{datetime.fromtimestamp(key.since_us / 1e6, UTC).isoformat(timespec='seconds')} "
        f"{verifier.text}\n"
        # A key that is added in between is in the second list alone.
        for key, verifier in zip(trail.public_keys(), trail.verifier_keys(account), strict=False)
    )
    return "".join(lines)


def _size(trail: Trail, account: str, name: str = "", text: str | None = None) -> int:
    """Return the size that was asked for, or the newest. Raises `QueryRefused`."""
    newest = trail.head(account).seal.size
    if not text:
        return newest
    size = _number(name, text)
    if size > newest:
        raise QueryRefused(f"{name} must be at most the trail's size, {newest}.")
    return size


def _number(name: str, text: str | None) -> int:
    try:
        return number_from(text or "", QueryRefused)
    except QueryRefused:
        raise QueryRefused(f"{name} must be given as a whole number.") from None


def _encoded(hashes: Iterable[bytes]) -> list[str]:
    return [to_base64(each) for each in hashes]
