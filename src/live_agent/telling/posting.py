"""Sends one request to a receiver on the public network, by an address that was looked at before.

Whoever may name a URL must not reach through the server what only the server can reach. So the
address is checked after the name was resolved, and is the one that is connected to: a name that
answers differently the second time gains nothing. It follows no redirect and knows no proxy.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Event, Thread
from typing import Final
from urllib.parse import quote, urlsplit

from live_agent.errors import DeliveryFailed

STEP_SECONDS: Final = 5.0
GONE: Final = 410

_PATH: Final = "/%:=&?~+!$,;'@()*[]"
_IPV4_IN_IPV6: Final = IPv6Network("64:ff9b::/96")  # RFC 6052
_LOCAL_IPV4_IN_IPV6: Final = IPv6Network("64:ff9b:1::/48")  # RFC 8215

Address = IPv4Address | IPv6Address


class Post:
    """A request that is on its way in a thread of its own, and can be broken off at any time.

    The library's time-outs are for each read: a receiver that answers a byte now and then would
    hold them for ever, and a server that stops can't wait for either. `answered` is called once.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        to_private: bool,
        answered: Callable[["Post"], None],
    ) -> None:
        self._request = (url, headers, body)
        self._to_private = to_private
        self._answered = answered
        self._line: socket.socket | None = None
        self._is_over = Event()
        self.failure: DeliveryFailed | None = None
        """Why it failed; None when the receiver took it."""

    def start(self) -> None:
        """Send it. The thread is left behind at the end of the process, as a resolver may hold it."""
        Thread(target=self._run, name="webhook", daemon=True).start()

    def abort(self) -> None:
        """Break it off."""
        self._is_over.set()
        if self._line is not None:
            _hang_up(self._line)

    def _run(self) -> None:
        try:
            self._send(*self._request)
        except DeliveryFailed as failure:
            self.failure = failure
        except (OSError, ValueError, HTTPException) as error:
            self.failure = DeliveryFailed(f"The receiver can't be reached: {_reason(error)}.")
        finally:
            if self._line is not None:
                self._line.close()
            self._answered(self)

    def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if is_secure else 80)
        plain = self._connected(host, port)
        connection = HTTPConnection(host, port, timeout=STEP_SECONDS)
        try:
            connection.sock = (
                _tls().wrap_socket(plain, server_hostname=host) if is_secure else plain
            )
            # A port that the scheme implies isn't named, as everybody else does.
            named = headers if parts.port else {**headers, "host": _host(parts.netloc)}
            connection.request("POST", _target(parts.path, parts.query), body, dict(named))
            status = connection.getresponse().status
        finally:
            connection.close()
            plain.close()
        if not 200 <= status < 300:
            raise DeliveryFailed(f"The receiver answered {status}.", is_final=status == GONE)

    def _connected(self, host: str, port: int) -> socket.socket:
        """Connect to the first address that answers, of those that may be asked."""
        permitted = [each for each in _resolved(host, port) if self._may_reach(each[1])]
        if not permitted:
            raise DeliveryFailed("The receiver isn't on the public network.")
        error: OSError | None = None
        for family, where in permitted:
            line = socket.socket(family, socket.SOCK_STREAM)
            try:
                line.settimeout(STEP_SECONDS)
                line.connect(where)
                self._line = line.dup()
            except OSError as failed:
                line.close()
                error = failed
                continue
            if self._is_over.is_set():
                _hang_up(line)
            return line
        assert error is not None  # noqa: S101 -- each of one or more was tried
        raise error

    def _may_reach(self, where: tuple[str, int]) -> bool:
        return not self._is_over.is_set() and (self._to_private or is_public(where[0]))


def is_public(address: str) -> bool:
    """Tell whether anybody can reach the address, and any that is hidden in it."""
    return all(each.is_global and not each.is_multicast for each in _meant(ip_address(address)))


def _meant(address: Address) -> Iterator[Address]:
    """Return the address, and those of IPv4 that a gateway on the way would make of it."""
    yield address
    if isinstance(address, IPv4Address):
        return
    if address in _LOCAL_IPV4_IN_IPV6:
        yield IPv4Address(0)
    if address in _IPV4_IN_IPV6:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    for hidden in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())):
        if hidden is not None:
            yield hidden


def _resolved(host: str, port: int) -> Iterator[tuple[socket.AddressFamily, tuple[str, int]]]:
    for family, _, _, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address = str(where[0])
        if "%" not in address:  # One with a zone is of a network's own.
            yield family, (address, port)


def _host(netloc: str) -> str:
    return netloc if netloc.isascii() else netloc.encode("idna").decode()


def _target(path: str, query: str) -> str:
    return quote(path or "/", _PATH) + (f"?{quote(query, _PATH)}" if query else "")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _hang_up(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # It is closed already.


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "it didn't answer in time"
        case ssl.SSLCertVerificationError():
            return "its certificate isn't trusted"
        case socket.gaierror() | UnicodeError():
            return "its name isn't known"
        case ConnectionRefusedError():
            return "it refused the connection"
        case _:
            return type(error).__name__
