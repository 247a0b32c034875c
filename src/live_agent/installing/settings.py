"""The files that keep an installation's settings, one NAME=value a line; nobody else reads them."""

import os
from collections.abc import Mapping
from pathlib import Path


def owners_file(path: Path) -> Path:
    """Return the file beside it for what the server itself must not know."""
    return path.with_name(f"{path.stem}-owner{path.suffix}")


def read_settings(path: Path) -> dict[str, str]:
    """Return what the file says; nothing where there is none."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name: value for name, sign, value in pairs if sign}


def write_settings(path: Path, settings: Mapping[str, str]) -> None:
    """Write the file whole; what else it said is kept."""
    merged = {**read_settings(path), **settings}
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in merged.items())
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
