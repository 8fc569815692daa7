"""The journal form of a verify step's findings: statements that are the same for many people are stored once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from expunge.core.values import canonical
from expunge.core.values.canonical import Json
from expunge.errors import StateCorrupt

_OF, _SAID = "of", "said"


def pack(found: Mapping[str, Json]) -> str:
    """Encode person -> finding as canonical JSON: ``said`` lists the findings, ``of`` names the place of each person's."""
    places: dict[bytes, int] = {}
    said: list[Json] = []
    known: dict[int, int] = {}
    of: dict[str, Json] = {}
    for person, each in found.items():
        place = known.get(id(each))
        if place is None:
            place = known[id(each)] = places.setdefault(canonical.encode(each), len(said))
            if place == len(said):
                said.append(each)
        of[person] = place
    return canonical.encode({_OF: of, _SAID: said}).decode()


def unpack(text: str) -> tuple[dict[str, int], list[Json]]:
    """Decode person -> place, and the findings. Reads the form of versions before the first list as well: person -> finding.

    Raises:
        StateCorrupt: when it is neither.
    """
    body = canonical.decode(text.encode())
    if not isinstance(body, Mapping):
        message = "what a verify step found is not an object"
        raise StateCorrupt(message, help="restore the state from its backup")
    of, said = body.get(_OF), body.get(_SAID)
    if not isinstance(of, Mapping) or not isinstance(said, list):
        return {person: place for place, person in enumerate(body)}, list(body.values())
    return {person: place for person, place in of.items() if isinstance(place, int)}, said


def parts(text: str, groups: Collection[Collection[str]]) -> Iterator[str]:
    """The same of some of the people only, for each group of them."""
    of, said = unpack(text)
    for people in groups:
        yield pack({person: said[of[person]] for person in people if person in of})
