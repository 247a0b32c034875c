"""A proxy on loopback that loses a server's answer to a COMMIT, and the connection with it."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE_SECONDS = 20.0


@contextmanager
def deaf_to_commits(port: int, times: int = 1_000) -> Iterator[int]:
    """Pass bytes on to the server at this port, but lose its answers to the first COMMITs."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    lost: list[bytes] = []

    def pass_on(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            committing = False
            while True:
                for ready in select.select([client, server], [], [], PATIENCE_SECONDS)[0]:
                    data = ready.recv(65_536)
                    if not data:
                        return
                    if committing and ready is server and b"COMMIT" in data and len(lost) < times:
                        lost.append(data)
                        return
                    committing |= ready is client and b"COMMIT" in data
                    (server if ready is client else client).sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=pass_on, args=(listener.accept()[0],)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in (accepting, *threads):
        thread.join(PATIENCE_SECONDS)
