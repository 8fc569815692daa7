"""Work out the class of place that a camera looks at from words that people give it: names of devices, folders and datasets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from expunge.core.journal.review_words import Room

_SPLIT = re.compile(r"[^a-zà-ÿ]+")
_BETWEEN = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORDS: dict[Room, str] = {
    Room.BEDROOM: """
        bed bedroom bedrooms nursery crib sleep sleeping dorm dormitory guestroom kidsroom
        dormitorio cuarto recámara recamara alcoba cuna
    """,
    Room.BATHROOM: "bath bathroom shower toilet restroom washroom wc lavatory ensuite baño bano ducha aseo",
    Room.INDOOR: """
        indoor indoors inside living livingroom kitchen hall hallway corridor office study den playroom basement attic stairs dining
        family closet laundry interior salón salon sala cocina pasillo despacho oficina sótano sotano comedor
    """,
    Room.OUTDOOR: """
        outdoor outdoors outside doorbell porch driveway yard backyard garden gate street patio garage frontdoor
        exterior timbre jardín jardin entrada calle porche garaje
    """,
}
"""The most private first: *bedroom window, garden side* is a bedroom."""
_FOUND = {room: frozenset(words.split()) for room, words in _WORDS.items()}


def room_of(names: Iterable[str]) -> Room:
    """Return the most private class that any word of some names speaks of; unknown where none does.

    A name is split at everything that is no letter, and before capitals. Nothing of it is kept.
    """
    words = {word for name in names for word in _SPLIT.split(_BETWEEN.sub(" ", name).lower()) if word}
    return next((room for room, known in _FOUND.items() if words & known), Room.UNKNOWN)


def more_private(first: Room, second: Room) -> Room:
    """Return the more private of two classes. A class that is not known gives way to one that is."""
    return min(first, second, key=_PRIVACY.index)


_PRIVACY = (*_WORDS, Room.UNKNOWN)
