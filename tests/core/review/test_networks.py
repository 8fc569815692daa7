"""Addresses are resolved to names of networks, the narrowest first."""

from __future__ import annotations

import pytest

from expunge.core.journal.review_words import Room
from expunge.core.review.networks import network_of
from expunge.core.review.rooms import more_private

NETWORKS = {"company": ("10.0.0.0/8", "2001:db8::/32"), "desk": ("10.20.0.0/16",), "away": ()}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.1.2.3", "company"),
        ("10.20.0.1", "desk"),
        ("::ffff:10.20.0.1", "desk"),
        ("2001:db8::1", "company"),
        ("2001:db9::1", ""),
        ("192.0.2.1", ""),
        ("10.20.0.1:443", ""),
        ("", ""),
        ("10.20.0.1\n", ""),
    ],
)
def test_an_address_has_the_name_of_the_narrowest_network(address: str, name: str) -> None:
    assert network_of(NETWORKS, address) == name


def test_the_more_private_class_counts() -> None:
    assert more_private(Room.OUTDOOR, Room.BEDROOM) is more_private(Room.BEDROOM, Room.OUTDOOR) is Room.BEDROOM
    assert more_private(Room.OUTDOOR, Room.UNKNOWN) is Room.OUTDOOR
    assert more_private(Room.INDOOR, Room.OUTDOOR) is Room.INDOOR
