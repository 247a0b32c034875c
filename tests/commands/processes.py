"""Starts the commands as a person would, and stops each by its own process id."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

PROGRAMS = Path(sys.executable).parent
COMMAND = [str(PROGRAMS / "live-agent")]
START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 30.0


def run(
    *arguments: str, typed: str | bytes = "", program: str = "live-agent", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    sent = typed.encode() if isinstance(typed, str) else typed
    done = subprocess.run(
        [str(PROGRAMS / program), *arguments],
        input=sent,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


class Started(NamedTuple):
    """A demo that answers: what its `demo.json` says, and its process."""

    facts: dict[str, Any]
    process: subprocess.Popen[str]

    @property
    def api(self) -> str:
        return f"{self.facts['base_url']}/api/v1/accounts/{self.facts['account_id']}"

    def token(self, role: str = "administrator") -> dict[str, str]:
        return {"api_access_token": self.facts["users"][role]["api_access_token"]}


class Served(NamedTuple):
    """A server that answers: its address, and its process."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def serving(folder: Path, log: Path, **environment: str) -> Iterator[Served]:
    """Serve on a free port until the block ends, the log in a file."""
    with answering("Live Agent", log, "serve", "--data", str(folder), **environment) as served:
        yield served


@contextmanager
def answering(
    name: str, log: Path, *arguments: str, program: str = "live-agent", **environment: str
) -> Iterator[Served]:
    """Serve on a free port until the block ends, once it has said its name and address."""
    with started(log, *arguments, "--port", "0", program=program, **environment) as process:
        assert process.stdout is not None
        said = process.stdout.readline()  # It ends with the process, if that can't start.
        assert said.startswith(f"{name}: "), log.read_text()
        yield Served(said.removeprefix(f"{name}: ").strip(), process)


@contextmanager
def started(
    log: Path, *arguments: str, program: str = "live-agent", **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a command beside the test until the block ends, its standard error in a file."""
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [str(PROGRAMS / program), *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, **environment},
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=STOP_TIMEOUT_SECONDS)


@contextmanager
def demo(folder: Path) -> Iterator[Started]:
    """Run a demo on a free port until the block ends."""
    process = subprocess.Popen(
        [*COMMAND, "demo", "--data", str(folder), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Started(_facts(folder / "demo.json", process), process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=STOP_TIMEOUT_SECONDS)


def _facts(path: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the demo did not start"
        time.sleep(0.02)
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts
