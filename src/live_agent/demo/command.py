"""`live-agent demo`: seeds a new directory, serves it, and says how to sign in."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypedDict

import msgspec

from audit_trail import serving
from audit_trail.capture.sqlite.lock import locked
from audit_trail.errors import SequencerRunning
from audit_trail.keyring import HEADS, KEY
from live_agent.demo.story import DEMO_SIGN_INS, PEOPLE, STEPS
from live_agent.errors import DatabaseOutdated, DirectoryRefused

SEEDING: Final = "seeding"
"""The folder in which a new directory is made ready; one that a crash left is begun anew."""

_PEOPLE: Final = "demo-people.json"
_LOCK: Final = "demo.lock"


class _SignIn(TypedDict):
    name: str
    email: str
    password: str
    api_access_token: str


class _Known(TypedDict):
    """What `demo-people.json` says."""

    account_id: int
    users: dict[str, _SignIn]


def start_demo(data: Path, host: str, port: int, say: Callable[[str], None]) -> None:
    """Seed the directory unless it was seeded before, and serve it until told to stop.

    `data/demo.json` (mode 600) is written last, when every entry can be read.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        _require_alone(data, stack)
        _run(data, host, port, say)


def _require_alone(data: Path, stack: ExitStack) -> None:
    """Take the directory for this demo. Raises `DirectoryRefused` when somebody works in it.

    A server shows itself by the sequencer's lock; a demo that is still seeding holds only its own.
    """
    try:
        stack.enter_context(locked(data / _LOCK))
        with locked(data / "sequencer.lock"):
            pass
    except SequencerRunning:
        raise DirectoryRefused(
            f"Another process works in {data}; stop it, or choose another directory with --data."
        ) from None


def _run(data: Path, host: str, port: int, say: Callable[[str], None]) -> None:
    from live_agent.app import build_services
    from live_agent.site import create_site

    (data / "demo.json").unlink(missing_ok=True)
    if not (data / "live-agent.db").exists():
        _seed(data)
    services = build_services(data)
    try:
        services.database.prepare()
    except DatabaseOutdated:
        services.database.sync()  # An earlier version seeded it, and nobody else works in it.
    known = _read(data / _PEOPLE)

    def ready(url: str) -> None:
        services.sequencer_idle()
        say(_greeting(url, known))
        _write(data / "demo.json", {"base_url": url, **known})

    try:
        serving.run(create_site(services), host, port, ready, services.tails.close)
    finally:
        # The file says that the demo answers; what outlives it is in the file of its people.
        (data / "demo.json").unlink(missing_ok=True)


def _seed(data: Path) -> None:
    """Seed in a folder beside, so that the directory holds all of the story or nothing of it."""
    from rich.progress import Progress

    from live_agent.app import build_services
    from live_agent.demo.seeding import Seeder, seed_moment
    from live_agent.site import create_site

    folder = data / SEEDING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    services = build_services(folder)
    services.database.prepare()
    seeder = Seeder(create_site(services), services, seed_moment())
    with services.running(), Progress(transient=True) as progress:
        task = progress.add_task("Seeding four weeks of activity", total=len(STEPS))
        account = seeder.run(lambda: progress.advance(task))
        services.sequencer_idle()
    services.close()
    users = {
        role: {"name": PEOPLE[key].name, **seeder.people[key]}
        for role, key in DEMO_SIGN_INS.items()
    }
    _write(folder / _PEOPLE, {"account_id": account, "users": users})
    # The application's database moves last: its presence says that the directory is seeded.
    for name in (_PEOPLE, KEY, HEADS, "trail.db", "live-agent.db"):
        if (folder / f"{name}-wal").exists():
            raise RuntimeError(
                f"{folder / name} is still open; its data would be lost in moving it"
            )
        os.replace(folder / name, data / name)
    shutil.rmtree(folder)


def _read(path: Path) -> _Known:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Known)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DirectoryRefused(
            f"{path} can't be read: {error}. Restore it, or begin anew in another directory."
        ) from None


def _write(path: Path, value: Mapping[str, Any]) -> None:
    """Write a private file whole: nobody reads half of it."""
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def _greeting(url: str, known: _Known) -> str:
    lines = [f"Live Agent: {url}", "", "Sign in as"]
    for role, user in known["users"].items():
        lines.append(f"  {role:<14} {user['email']:<32} {user['password']}")
    return "\n".join([*lines, "", "Audit Logs are for the administrator. Stop with Ctrl+C."])
