"""Where a request comes from, as far as it can be believed, and the network that an address belongs to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
UNKNOWN = "unknown"


def client_of(peer: str, forwarded: str, proxies: Iterable[Network]) -> str:
    """Return the address of the client.

    The header is believed as long as the machine that wrote its last part is one of the proxies: from the right, the first address that
    is no proxy is the client. Any machine can have written the addresses left of it.

    Args:
        peer: the address of the socket.
        forwarded: the header ``X-Forwarded-For``, all lines joined by commas; empty without.
        proxies: the networks of proxies that the operator named.
    """
    trusted = tuple(proxies)
    client = _parse(peer)
    hops = [part for part in forwarded.split(",") if part.strip()]
    while hops and client is not None and _in(client, trusted):
        hop = _parse(hops.pop())
        if hop is None:
            break
        client = hop
    return UNKNOWN if client is None else str(client)


def client_key(client: str) -> str:
    """Return what one client is counted by: an IPv4 address, or the /64 of an IPv6 address, which one customer has as a whole."""
    return _cut(client, 32, 64)


def network_of(client: str) -> str:
    """Return the /24 of an IPv4 address, or the /48 of an IPv6 address."""
    return _cut(client, 24, 48)


def within(client: str, networks: Iterable[Network]) -> bool:
    """Return whether an address lies in one of some networks; False for a text that is no address."""
    address = _parse(client)
    return address is not None and _in(address, tuple(networks))


def _cut(client: str, short: int, long: int) -> str:
    address = _parse(client)
    if address is None:
        return UNKNOWN
    length = short if address.version == 4 else long
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def _in(address: _Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _parse(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    # Why: a socket for both versions tells IPv4 clients in this form, and they would share one /64.
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address
