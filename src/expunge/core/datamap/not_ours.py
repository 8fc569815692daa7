"""Databases beside a declared one that belong to others, as the map says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NotOurs:
    """Other databases of a store's server that hold nothing of the company's."""

    store: str
    database: str
    """``fnmatch`` pattern over names of databases."""
    reason: str
    line: int = 0
    """Line of the map, for messages."""
