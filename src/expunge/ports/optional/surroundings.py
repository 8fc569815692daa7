"""The port of what lies in and beside a store, optional beside the store port: tables, files and entries that no map may know.

A later look for people reads it. A store without this port cannot look beside itself, and the look says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable


@dataclass(frozen=True)
class NearTables:
    """A database whose tables are looked at."""

    kind: str
    """The kind of store that it is, or would be."""
    where: Path | str = field(repr=False)
    """Where it is opened; it may hold a password."""
    place: str = ""
    """Its name for people; empty for the store itself."""
    url: str = field(default="", repr=False)
    """What a map would say of it, without a password; empty for the store itself."""
    secret: bool = False
    """Whether a map would have to name a variable in the place of the url, which lacks a password."""
    prefix: str = ""
    """What stands before its tables in the map: ``archive.`` of a database that is attached."""
    aside: frozenset[str] = frozenset()
    """Tables that the store keeps for itself."""


@dataclass(frozen=True)
class NearUnseen:
    """A place that the store knows of and cannot look at."""

    place: str
    why: str


@dataclass(frozen=True)
class NearAside:
    """A place that is not looked at, for a reason that is told: a provider's own, installed programs."""

    place: str
    why: str


@dataclass(frozen=True)
class NearFile:
    """A file of this machine, or an object of a bucket."""

    name: str = field(repr=False)
    """Relative to its place, with forward slashes; it may hold an identifier."""
    size: int
    open: Callable[[], BinaryIO] = field(repr=False)
    """Opens its bytes, as a file that can be read at any place. Opening and reading raise OSError."""
    path: Path | None = field(default=None, repr=False)
    """Where it lies on this machine; None for an object."""


@dataclass(frozen=True)
class NearFiles:
    """Files of one folder or bucket, but for those that datasets declare or the store writes for itself."""

    files: Callable[[], Iterator[NearFile | NearUnseen | NearAside]] = field(repr=False)
    """Yields them by name, with folders that cannot be listed, or are left aside. Raises as ``check``."""
    kind: str = "files"
    """The kind of store that a map would declare them in."""
    place: str = ""
    """Its name for people; empty for the store itself."""
    url: str = field(default="", repr=False)
    """As of a database."""
    root: Path = field(default=Path("/"), repr=False)
    """The folder on this machine; of a bucket any path, for names alone."""


@dataclass(frozen=True)
class NearEntry:
    """One thing of a registry that no dataset declares: an experiment, a model."""

    layout: tuple[str, str]
    """As a map lays it out: ``experiment`` and its name."""
    values: Callable[[], Mapping[str, frozenset[str]]] = field(repr=False)
    """Field -> some values that are said of it. Raises as ``check``."""
    learnt: tuple[str, ...] = ()
    """Declared experiments whose runs made it."""
    place: str = ""


Near: TypeAlias = NearTables | NearFiles | NearEntry | NearUnseen | NearAside


@runtime_checkable
class Surroundings(Protocol):
    """A store that can look at itself and beside itself as if no map declared anything."""

    def surroundings(self) -> Iterator[Near]:
        """Yield what lies in the store, and beside it; nothing is opened yet that a part of it may stand in the way of.

        Raises StoreUnavailable, CouldNotLook where not even that can be told.
        """
        ...
