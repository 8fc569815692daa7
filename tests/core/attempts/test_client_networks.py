"""The client of a request is told by proxies that the operator named, and by no other machine."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from expunge.core.attempts.client_networks import UNKNOWN, client_key, client_of, network_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        pytest.param("198.51.100.7", "203.0.113.9", "198.51.100.7", id="no proxy"),
        pytest.param("10.1.2.3", "203.0.113.9", "203.0.113.9", id="a proxy"),
        pytest.param("10.1.2.3", "192.0.2.1, 203.0.113.9", "203.0.113.9", id="a client that forges"),
        pytest.param("10.1.2.3", "192.0.2.1, 203.0.113.9, 10.9.9.9", "203.0.113.9", id="two proxies"),
        pytest.param("10.1.2.3", "", "10.1.2.3", id="a proxy that says nothing"),
        pytest.param("10.1.2.3", "203.0.113.9, nonsense", "10.1.2.3", id="a part that is no address"),
        pytest.param("::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9", id="IPv4 in IPv6"),
        pytest.param("fd00::1", "[2001:db8::5]", "2001:db8::5", id="IPv6"),
        pytest.param("", "203.0.113.9", UNKNOWN, id="no socket"),
    ],
)
def test_the_header_is_believed_from_proxies_alone(peer: str, forwarded: str, client: str) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


def test_without_proxies_no_header_is_believed() -> None:
    assert client_of("127.0.0.1", "203.0.113.9", ()) == "127.0.0.1"


def test_a_customer_of_ipv6_is_one_client() -> None:
    assert client_key("2001:db8:1:2:3::4") == client_key("2001:db8:1:2:9::9") != client_key("2001:db8:1:3::4")
    assert network_of("2001:db8:1:2::4") == network_of("2001:db8:1:ffff::4")
    assert client_key("203.0.113.9") != client_key("203.0.113.8")
    assert network_of("203.0.113.9") == network_of("203.0.113.200")
    assert network_of("") == UNKNOWN
