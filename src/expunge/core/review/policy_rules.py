"""Rules of a set of policies, and mistakes in its files, as people are shown them."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.journal.review_words import DeskAct


@dataclass(frozen=True)
class PolicyRule:
    """One rule."""

    name: str
    """Its annotation ``@id``."""
    reason: str
    """Its annotation ``@reason``: a sentence for people."""
    permits: bool
    acts: frozenset[DeskAct]
    file: str
    line: int


@dataclass(frozen=True)
class PolicyFault:
    """A mistake in a file."""

    file: str
    line: int
    text: str
    mend: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.file}:{self.line}: {self.text}"
