"""One library in a process of its own, which does what it is told by lines of JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]


class Worker:
    """Starts such a process, and tells it what to do. A library that fails raises `LibraryFailed`."""

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

    def ask(self, verb: str, *values: Any) -> Any:
        """Have the process do something, and return what it answers; None where it died of it."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([verb, *values]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        return json.loads(answer) if answer else None

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
