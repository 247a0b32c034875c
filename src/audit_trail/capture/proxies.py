"""Which peers are proxies of ours, and so where a request came from; nobody else is believed."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import msgspec

from audit_trail.errors import ProxiesRefused

UNIX: Final = "unix"
"""The name of every peer that reaches us by a Unix socket."""

LONGEST_ADDRESS: Final = 64

# Addresses of IPv4 are those of IPv6 under ::ffff:0:0/96 (RFC 4291, 2.5.5.2): a dual-stack socket
# tells them so, and one host must not have two addresses.
_MAPPED: Final = 0xFFFF << 32
_MAPPED_BITS: Final = 96


class Proxies(msgspec.Struct, frozen=True, kw_only=True):
    """The trusted proxies. `unix` says that whoever reaches a Unix socket of ours is one."""

    networks: tuple[IPv6Network, ...] = ()
    unix: bool = False

    def trusts(self, peer: str | None) -> bool:
        """Tell whether what this peer says of others is believed."""
        address = _address(peer or "")
        if address is None:
            return self.unix
        return any(address in network for network in self.networks)

    def nearest(self, peer: str | None, forwarded: Sequence[str]) -> str | None:
        """Return the nearest address that is no proxy of ours; of proxies alone, the farthest.

        Each proxy vouches only for the one before it, so the way is followed back from the peer,
        and ends at the first that isn't ours, or that isn't named by an address.
        """
        found = peer
        for said in reversed(forwarded):
            address = address_of(said)
            if address is None or not self.trusts(found):
                break
            found = address
        return found


NO_PROXIES: Final = Proxies()


def trusted(names: Iterable[str]) -> Proxies:
    """Read addresses, networks such as `10.0.0.0/8`, and `unix`. Raises `ProxiesRefused`."""
    given = [name.strip() for name in names if name.strip()]
    return Proxies(
        networks=tuple(_network(name) for name in given if name != UNIX), unix=UNIX in given
    )


def address_of(text: str) -> str | None:
    """Return the address in its usual form, without port, brackets and zone; None where it is none.

    An IPv4 address that is written as one of IPv6 is told as what it is.
    """
    address = _address(text)
    return None if address is None else str(address.ipv4_mapped or address)


def _address(text: str) -> IPv6Address | None:
    bare = text.strip()[:LONGEST_ADDRESS]
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return IPv6Address(int(address) | (_MAPPED if address.version == 4 else 0))


def _network(name: str) -> IPv6Network:
    try:
        network = ip_network(name)
    except ValueError as error:
        raise ProxiesRefused(
            f"The trusted proxy {name[:LONGEST_ADDRESS]!r} can't be understood ({error}). "
            f"Give addresses, networks such as 10.0.0.0/8, or {UNIX}."
        ) from None
    if isinstance(network, IPv6Network):
        return network
    return IPv6Network((int(network.network_address) | _MAPPED, network.prefixlen + _MAPPED_BITS))
