"""Opens a trail that commands append to, and signs as the server beside it does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit_trail.capture.url import is_postgresql, name_of, read_url
from audit_trail.cli.store import open_store
from audit_trail.errors import HeadsFailed, KeyRefused
from audit_trail.keyring import HEADS, KEY, Signing
from audit_trail.signing.keys import Seed
from audit_trail.signing.signer import Signer, open_signer
from audit_trail.store.port import Store
from audit_trail.trail import Trail, utc_now_us


@contextmanager
def signing_trail(store_url: str, heads: Path | None) -> Iterator[Trail]:
    """Open the trail with its newest key, or without one where none has ever signed it.

    Key and file of signed heads lie beside an SQLite file, unless the environment says otherwise;
    the lock on the latter lets a server and this command sign in turn. Raises `StoreFailed`,
    `KeyRefused`, `HeadsFailed`.
    """
    store = open_store(store_url, writes=True)
    try:
        signer = _signer(store, store_url, heads) if store.public_keys() else None
        yield Trail(store, signer=signer)
    finally:
        store.close()


def signing_in(store_url: str, folder: Path | None) -> Signing:
    """Return where key and signed heads of a trail lie: in this folder, made where it is missing.

    By default that is the folder of an SQLite file. Raises `HeadsFailed`, `KeyRefused`.
    """
    folder = folder or _beside(store_url).parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyRefused(f"The folder {folder} can't be made: {error.strerror}.") from error
    return Signing(data=folder, key=_given_seed())


def _signer(store: Store, store_url: str, heads: Path | None) -> Signer:
    heads = heads or _beside(store_url)
    return open_signer(
        store, heads=heads, key_file=heads.with_name(KEY), seed=_given_seed(), clock=utc_now_us
    )


def _beside(store_url: str) -> Path:
    url = read_url(store_url)
    if is_postgresql(url):
        raise HeadsFailed(
            "This trail is signed, so its file of signed heads is needed: say where it is by --heads "
            "or AUDIT_TRAIL_HEADS; of `run`, in which folder by --signing or AUDIT_TRAIL_SIGNING."
        )
    return Path(name_of(url)).with_name(HEADS)


def _given_seed() -> Seed | None:
    """Read the key. No option takes one: every process can read another's arguments."""
    if path := os.environ.get("AUDIT_TRAIL_SIGNING_KEY_FILE"):
        seed = Seed.read(Path(path))
        if seed is None:
            raise KeyRefused(f"There is no key file {path}.")
        return seed
    text = os.environ.get("AUDIT_TRAIL_SIGNING_KEY")
    return Seed.parse(text) if text else None
