"""Resolve the address of a request to a network that the map names. Rules and the journal have the name, and no address."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network


def network_of(networks: Mapping[str, tuple[str, ...]], address: str) -> str:
    """Return the name of the narrowest network that an address is in; empty for one that is in none, or that is no address.

    Args:
        networks: name -> networks, such as ``10.0.0.0/8``, of a map that was read.
        address: IPv4 or IPv6. An IPv4 address that is written as an IPv6 one (RFC 4291, 2.5.5.2) counts as what it is.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    # Why only of version 6: the older class has no such property.
    found = getattr(found, "ipv4_mapped", None) or found
    inside = [(ip_network(each).prefixlen, name) for name, listed in networks.items() for each in listed if found in ip_network(each)]
    return max(inside)[1] if inside else ""
