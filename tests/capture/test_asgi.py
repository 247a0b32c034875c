"""The origin of a request is what the socket says, and of headers only what may be trusted."""

import uuid
from typing import Any

import pytest

from audit_trail.capture.asgi import CaptureMiddleware, origin_of
from audit_trail.capture.context import Context, current_context
from audit_trail.capture.origins import LONGEST_HEADER
from audit_trail.capture.proxies import trusted
from tests import loops
from tests.capture.host import ADA


def scope(*headers: tuple[bytes, bytes], peer: Any = ("192.0.2.7", 5)) -> dict[str, Any]:
    return {"type": "http", "headers": list(headers), "client": peer}


def test_the_address_is_the_peer_and_the_request_id_is_ours() -> None:
    found = origin_of(
        scope(
            (b"x-request-id", b"theirs"), (b"User-Agent", b"curl"), (b"x-forwarded-for", b"1.1.1.1")
        ),
        "api",
    )
    assert (found.via, found.ip, found.forwarded) == ("api", "192.0.2.7", ())
    assert (found.user_agent, found.client_request) == ("curl", "theirs")
    assert found.request is not None and uuid.UUID(found.request).version == 4


def test_the_forwarded_chain_is_read_from_a_trusted_proxy_only() -> None:
    given = scope((b"x-forwarded-for", b"203.0.113.5, 198.51.100.2 ,, "))
    assert origin_of(given, "ui", trusted_proxies=trusted(["192.0.2.7"])).forwarded == (
        "203.0.113.5",
        "198.51.100.2",
    )
    assert origin_of(given, "ui", trusted_proxies=trusted(["192.0.2.8"])).forwarded == ()


@pytest.mark.parametrize("value", [b"x" * 100_000, b"\xff\xfe", b"", b"a\x00b", b"," * 5_000])
def test_headers_of_any_size_and_bytes_are_cut_and_taken(value: bytes) -> None:
    found = origin_of(
        scope((b"user-agent", value), (b"x-forwarded-for", value), (b"x-request-id", value)),
        "ui",
        trusted_proxies=trusted(["192.0.2.7"]),
    )
    assert len(found.user_agent or "") <= LONGEST_HEADER
    assert len(found.client_request or "") <= LONGEST_HEADER
    assert len(found.forwarded) <= 16


@pytest.mark.parametrize("peer", [None, ("", 0)])
def test_a_socket_without_an_address_has_no_ip(peer: Any) -> None:
    assert not origin_of(scope(peer=peer), "ui").ip


@pytest.mark.parametrize(("actor", "kind"), [(ADA, "user"), (None, "anonymous")])
def test_a_request_acts_as_whom_the_host_identifies(actor: Any, kind: str) -> None:
    seen: list[Context | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(current_context())

    middleware = CaptureMiddleware(app, identify=lambda scope: actor)
    loops.run(middleware(scope(), None, None))  # type: ignore[arg-type]
    loops.run(middleware({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen[0] is not None and seen[0].actor.kind == kind
    assert seen[1] is None
    assert current_context() is None
