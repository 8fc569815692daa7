"""The port of known places, optional beside the store port: it tells an emptied folder from one whose disk is away.

Only the place itself can say that data lay in it before. A store that has such places is handed their memory by the composition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol, runtime_checkable

ANY_PLACE: Final = "/"
"""Stands for each place that is not named: data may have lain in it, and nothing tells where. No place has this name."""


class KnownPlaces(Protocol):
    """The directories in which stores were seen to hold data. Never raises for the state of its own files."""

    def recall(self, store: str) -> Mapping[str, str]:
        """Return place -> mark of the directory in which data lay last; a place that never held any is left out.

        Where what was known was lost, :data:`ANY_PLACE` has a mark that no directory has, until the store is forgotten.
        """
        ...

    def remember(self, store: str, place: str, mark: str) -> None:
        """Keep the mark of the directory in which data lies now. A disk that is full or read-only is no error: it stays unknown."""
        ...

    def forget(self, store: str) -> None:
        """Drop what is known of a store: its places may be empty from now on. Raises OSError."""
        ...


@runtime_checkable
class FollowedPlaces(Protocol):
    """A store whose places a memory may follow. Without one an empty place counts as empty."""

    def follow(self, known: KnownPlaces) -> None:
        """Compare places with what is known of them from now on, and add to it."""
        ...
