"""One library in a process of its own, which does what it is told by lines of JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]


class LibraryFailed(Exception):
    """A library's process ended; what it said of that is on standard error."""


class Worker:
    """Starts such a process, and tells it what to do. Raises `LibraryFailed` where it fails."""

    def __init__(self, stack: str, library: str, url: str, *, is_new: bool = True) -> None:
        self.name = library
        self.url = url
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.peers.worker", stack, library, url, str(int(is_new))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, verb: str, *values: Any) -> Any:
        """Have the process do something, and return what it answers."""
        answer = self._asked(verb, *values)
        if not answer:
            raise LibraryFailed(f"{self.name} failed at {verb}.")
        return json.loads(answer)

    def kill_by(self, verb: str) -> None:
        """Have the process do what it dies of."""
        if answer := self._asked(verb):
            raise LibraryFailed(f"{self.name} survived {verb}: {answer}")

    def _asked(self, *asked: Any) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def stop(self) -> None:
        """End the process, if it lives."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait(30)


def main(stack: str, library: str, url: str, is_new: str) -> None:
    """Be such a process. What a library prints goes elsewhere than the answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    desk: Any
    if stack == "django":
        from bench.peers.django_desk import DjangoDesk

        desk = DjangoDesk(library, url, is_new=bool(int(is_new)))
    else:
        from bench.peers.alchemy_desk import AlchemyDesk

        desk = AlchemyDesk(library, url, is_new=bool(int(is_new)))
    for line in sys.stdin:
        verb, *values = json.loads(line)
        print(json.dumps(getattr(desk, verb)(*values)), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
