"""The secret of a signing key: 32 bytes in a file or an argument, and in no message."""

import secrets
from base64 import b64encode
from pathlib import Path
from typing import Final
from urllib.parse import quote

from audit_trail.errors import KeyRefused
from audit_trail.seal.encoding import from_base64
from audit_trail.seal.note import KEY_BYTES, SigningKey, VerifierKey
from audit_trail.signing.durable import replace
from audit_trail.store.port import Key

_LONGEST_FILE: Final = 1_000


class Seed:
    """The secret bytes, which neither `repr` nor a pickle shows."""

    __slots__ = ("bytes",)

    def __init__(self, content: bytes) -> None:
        if len(content) != KEY_BYTES:
            raise KeyRefused("A signing key has 32 bytes.")
        self.bytes = content

    @classmethod
    def draw(cls) -> "Seed":
        """Draw a new one from the operating system."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "Seed":
        """Return the key that is spelled in base64. Raises `KeyRefused`, which never shows it."""
        try:
            return cls(from_base64(text.strip(), KeyRefused))
        except KeyRefused:
            raise KeyRefused("The signing key isn't 32 bytes in base64.") from None

    @classmethod
    def read(cls, path: Path) -> "Seed | None":
        """Return the key in a file, or nothing where there is no file. Raises `KeyRefused`."""
        try:
            with path.open("rb") as file:
                content = file.read(_LONGEST_FILE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyRefused(f"The key file {path} can't be read: {error.strerror}.") from error
        try:
            return cls.parse(content.decode())
        except (UnicodeDecodeError, KeyRefused):
            raise KeyRefused(f"{path} holds no signing key: 32 bytes in base64.") from None

    @property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        return SigningKey(name="-", seed=self.bytes).verifier.public

    def write(self, path: Path) -> None:
        """Write the key to a file that its owner alone may read. Raises `KeyRefused`."""
        try:
            replace(path, b64encode(self.bytes) + b"\n")
        except OSError as error:
            raise KeyRefused(f"The key file {path} can't be written: {error.strerror}.") from error

    def __reduce__(self) -> str:
        raise TypeError("A signing key isn't copied.")


def origin_of(name: str, account: str) -> str:
    """Return the origin of an account's checkpoints, in the trail of this name."""
    return f"{name}/{quote(account, safe='')}"


def verifier_key(key: Key, account: str) -> VerifierKey:
    """Return a key of the trail as the one account's checkpoints show it: named by the origin."""
    return VerifierKey(name=origin_of(key.name, account), public=key.public)


def trail_key(key: Key) -> VerifierKey:
    """Return a key under the trail's own name, as it is kept elsewhere for all accounts."""
    return VerifierKey(name=key.name, public=key.public)
