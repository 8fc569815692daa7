"""One guard that is taken out, and the tests that have to notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One guard, and what stands in its place."""

    duty: str
    broken: str
    """What is taken out, in words."""
    file: str
    """Below ``src/expunge``."""
    old: str
    new: str
    tests: tuple[str, ...]
    """Where the tests are that have to notice: files, or ids of tests."""
