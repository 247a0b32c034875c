"""Where a request came from, by what its server and its headers say; it knows no framework."""

import uuid
from collections.abc import Mapping
from typing import Final

from audit_trail.capture.context import Origin
from audit_trail.capture.proxies import LONGEST_ADDRESS, NO_PROXIES, Proxies, address_of
from audit_trail.record.entry import Via

LONGEST_HEADER: Final = 512
MOST_HOPS: Final = 16
"""How much of the forwarded chain is kept, counted from the nearest."""


def origin_from(
    peer: str | None,
    headers: Mapping[str, str],
    via: Via,
    *,
    trusted_proxies: Proxies = NO_PROXIES,
) -> Origin:
    """Read a request's origin. `headers` are found by their names in small letters.

    `peer` is the socket's; a Unix socket has none, or its path. The forwarded chain is read only
    when that peer is a trusted proxy; anybody else could write what they like into the header.
    """
    peer = address_of(peer) or peer if peer else None
    chain = _chain(headers.get("x-forwarded-for", "")) if trusted_proxies.trusts(peer) else ()
    nearest = trusted_proxies.nearest(peer, chain)
    return Origin(
        via=via,
        request=str(uuid.uuid4()),
        ip=peer,
        forwarded=chain,
        address=nearest if nearest != peer else None,
        user_agent=_short(headers, "user-agent"),
        client_request=_short(headers, "x-request-id"),
    )


def _chain(header: str) -> tuple[str, ...]:
    hops = (
        "".join(filter(str.isprintable, hop)).strip()[:LONGEST_ADDRESS]
        for hop in header.split(",")[-MOST_HOPS:]
    )
    return tuple(hop for hop in hops if hop)


def _short(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    return value[:LONGEST_HEADER] if value else None
