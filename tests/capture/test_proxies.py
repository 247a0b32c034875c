"""Only trusted proxies are believed, and each only for the one before it."""

from typing import Any

import pytest

from audit_trail.capture.asgi import origin_of
from audit_trail.capture.context import Origin
from audit_trail.capture.origins import MOST_HOPS
from audit_trail.capture.proxies import LONGEST_ADDRESS, NO_PROXIES, Proxies, trusted
from audit_trail.errors import ProxiesRefused

OURS = trusted(["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7", " ", "unix"])


def origin(peer: str | None, *headers: bytes, proxies: Proxies = OURS) -> Origin:
    scope: dict[str, Any] = {
        "client": None if peer is None else (peer, 443),
        "headers": [(b"x-forwarded-for", header) for header in headers],
    }
    return origin_of(scope, "ui", trusted_proxies=proxies)


@pytest.mark.parametrize(
    ("peer", "chain", "nearest"),
    [
        ("10.1.2.3", b"203.0.113.5", "203.0.113.5"),
        ("192.0.2.7", b"203.0.113.5", "203.0.113.5"),
        ("10.1.2.3", b"6.6.6.6, 203.0.113.5, 10.9.9.9", "203.0.113.5"),
        ("10.1.2.3", b"10.5.5.5, 10.9.9.9", "10.5.5.5"),
        ("10.1.2.3", b"", "10.1.2.3"),
        ("2001:db8:1::9", b"2001:DB8:2:0::5", "2001:db8:2::5"),
        ("::ffff:10.1.2.3", b"::ffff:203.0.113.5", "203.0.113.5"),
        ("10.1.2.3", b"203.0.113.5:4711", "203.0.113.5"),
        ("10.1.2.3", b"[2001:db8:2::5]:443", "2001:db8:2::5"),
        (None, b"203.0.113.5", "203.0.113.5"),
        ("", b"203.0.113.5", "203.0.113.5"),
        ("/run/live-agent.sock", b"203.0.113.5", "203.0.113.5"),
    ],
)
def test_where_is_the_nearest_address_that_is_no_trusted_proxy(
    peer: str | None, chain: bytes, nearest: str
) -> None:
    assert origin(peer, chain).nearest == nearest


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8:9::1", "::ffff:203.0.113.9"])
def test_what_anybody_else_writes_into_the_header_is_not_even_kept(peer: str) -> None:
    found = origin(peer, b"6.6.6.6")
    assert (found.forwarded, found.address) == ((), None)
    assert found.nearest == found.ip == peer.removeprefix("::ffff:")


@pytest.mark.parametrize("peer", [None, "", "/run/live-agent.sock"])
def test_a_unix_socket_is_believed_only_where_it_is_named(peer: str | None) -> None:
    found = origin(peer, b"6.6.6.6", proxies=NO_PROXIES)
    assert (found.forwarded, found.nearest) == ((), peer or None)


def test_the_peer_and_the_chain_are_kept_apart() -> None:
    found = origin("::ffff:10.1.2.3", b"6.6.6.6, 203.0.113.5", b" 10.9.9.9")
    assert found.ip == "10.1.2.3"
    assert found.forwarded == ("6.6.6.6", "203.0.113.5", "10.9.9.9")
    assert found.address == "203.0.113.5"


def test_a_client_cannot_hide_behind_a_line_of_its_own() -> None:
    """The proxy adds a line; the client's own, before or after, is not taken for it."""
    assert origin("10.1.2.3", b"6.6.6.6", b"203.0.113.5").nearest == "203.0.113.5"


@pytest.mark.parametrize(
    "garbage",
    [
        b"unknown",
        b"_hidden",
        b"for=192.0.2.60;proto=http;by=203.0.113.43",
        b'for="[2001:db8:cafe::17]:4711"',
        b"\xff\xfe",
        b"a\x00b\r\nSet-Cookie: x",
        b"999.1.1.1",
        b"[",
        b"::::",
        b"1.1.1.1/8",
        "١.١.١.١".encode(),
        b"9" * 10_240,
        b"," * 10_240,
        b"1.1.1.1" * 1_500,
    ],
)
def test_what_is_no_address_ends_the_way_at_the_proxy_that_said_it(garbage: bytes) -> None:
    found = origin("10.1.2.3", b"6.6.6.6, " + garbage)
    assert found.nearest == "10.1.2.3"
    assert len(found.forwarded) <= MOST_HOPS
    assert all(len(hop) <= LONGEST_ADDRESS and hop.isprintable() for hop in found.forwarded)


def test_of_an_endless_chain_the_nearest_hops_count() -> None:
    header = b", ".join([b"6.6.6.6"] * 2_000 + [b"203.0.113.5", b"10.9.9.9"])
    found = origin("10.1.2.3", header)
    assert found.nearest == "203.0.113.5"
    assert len(found.forwarded) == MOST_HOPS


@pytest.mark.parametrize(
    "bad",
    ["10.0.0.300", "10.0.0.1/8", "10.0.0.0/33", "proxy.example", "*", "10.0.0.0-9", "x" * 999],
)
def test_a_name_that_is_no_proxy_is_refused_with_what_is_meant(bad: str) -> None:
    with pytest.raises(ProxiesRefused, match=r"trusted proxy .* networks such as 10\.0\.0\.0/8"):
        trusted(["192.0.2.7", bad])


def test_a_mapped_network_is_the_one_that_it_maps() -> None:
    assert trusted(["::ffff:10.0.0.0/104"]).trusts("10.1.2.3")
    assert trusted(["::ffff:10.0.0.1"]).trusts("::ffff:10.0.0.1")
    assert not trusted(["::ffff:10.0.0.1"]).trusts("10.0.0.2")
    assert trusted(["fe80::/10"]).trusts("fe80::1%eth0")
