"""A server that is told to stop does so, whoever still listens; and its cursors outlive it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.commands.processes import demo
from tests.live_agent.listening import listening

pytestmark = pytest.mark.slow
TAIL = "/audit_logs/entries/tail"


def test_an_open_tail_does_not_hold_up_the_end_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    with demo(tmp_path) as started, httpx2.Client(headers=started.token(), timeout=60) as client:
        listed = client.get(f"{started.api}/audit_logs/entries?sort=asc&limit=1").json()
        path = f"{started.api}{TAIL}?cursor={listed['next']}"
        with listening(client, path) as tail:
            event = tail.event()
            started.process.send_signal(signal.SIGTERM)
            assert tail.ends()
            started.process.communicate(timeout=20)
        assert started.process.returncode == 0
    with demo(tmp_path) as again, httpx2.Client(headers=again.token(), timeout=60) as client:
        headers = {"Last-Event-ID": event.id}
        with listening(client, f"{again.api}{TAIL}", headers=headers) as tail:
            assert tail.event().data["index"] == event.data["index"] + 1


ENDLESS = """
import asyncio
from contextlib import asynccontextmanager

from litestar import Litestar, get
from litestar.response import Stream

from audit_trail.serving import leave, run


@get("/")
async def endless() -> Stream:
    async def content():
        while True:
            yield b"x" * 100_000

    return Stream(content())


@asynccontextmanager
async def lifespan(app):
    try:
        yield
    finally:
        await asyncio.sleep(0.5)
        await asyncio.to_thread(print, "ended in good order", flush=True)


run(Litestar([endless], lifespan=[lifespan]), "127.0.0.1", 0, lambda url: print(url, flush=True))
leave()
"""


def test_who_takes_nothing_of_an_answer_does_not_hold_up_the_end() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        where = urlsplit(process.stdout.readline().strip())
        with socket.create_connection((where.hostname, where.port)) as deaf:
            deaf.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert deaf.recv(1)
            process.send_signal(signal.SIGTERM)
            said, logged = process.communicate(timeout=40)
    finally:
        process.kill()
        process.wait()
    assert "stopped before every answer was taken" in logged
    assert "Traceback" not in logged
    assert (process.returncode, said) == (0, "ended in good order\n")
