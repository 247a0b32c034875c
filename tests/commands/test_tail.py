"""A server that is told to stop does so, whoever still listens; and its cursors outlive it."""

import signal
import socket
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
        deaf = _who_never_reads(path, started.token())
        with deaf, listening(client, path) as tail:
            event = tail.event()
            started.process.send_signal(signal.SIGTERM)
            assert tail.ends()
            started.process.communicate(timeout=20)
        assert started.process.returncode == 0
    with demo(tmp_path) as again, httpx2.Client(headers=again.token(), timeout=60) as client:
        headers = {"Last-Event-ID": event.id}
        with listening(client, f"{again.api}{TAIL}", headers=headers) as tail:
            assert tail.event().data["index"] == event.data["index"] + 1


def _who_never_reads(url: str, headers: dict[str, str]) -> socket.socket:
    """Ask for all entries of the demo, and take none of the bytes: more than a socket holds."""
    where = urlsplit(url)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    reader.connect((where.hostname, where.port))
    lines = [f"GET {where.path}?{where.query} HTTP/1.1", f"Host: {where.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    reader.sendall("\r\n".join([*lines, "", ""]).encode())
    return reader
