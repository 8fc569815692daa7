"""The map's declarations for observed lineage: pipelines' names for datasets, harmless addresses, and where to report erasures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Harmless:
    """An address that pipelines read or write and that is declared to hold no personal data, with the reason."""

    pattern: str
    """An address (:func:`expunge.core.lineage.openlineage.address`); ``*`` stands for any characters."""
    reason: str
    line: int = 0
    """Line of the map, for messages."""


@dataclass(frozen=True)
class Emission:
    """The address to which erasures are reported as OpenLineage events."""

    url: str = field(repr=False)
    """The whole URL that events are posted to."""
    token: str = field(default="", repr=False)
    """A bearer token; empty for none."""
    namespace: str = "expunge"
    """Of the job that the events name."""


@dataclass(frozen=True)
class LineageSpec:
    """The section ``lineage`` of a map."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Dataset -> addresses under which pipelines know it; ``*`` stands for any characters."""
    harmless: tuple[Harmless, ...] = ()
    emit: Emission | None = None
    """None: nothing is told to anybody."""
