"""The report of a ``forget``."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """The answer of every ``forget``; counts, never names."""

    subjects: int
    """How many of those named had anything in the model."""
    records: int
    """Records that went."""
    unknown: tuple[str, ...] = field(default=(), repr=False)
    """Those named of whom the model has nothing. Identifiers: not to be logged."""
    recomputed: int = 0
    """Samples that were learnt from again, each time counted; 0 for a subtraction."""
    monolith: int = 0
    """Samples that one model over everybody who stays would have been taught again."""
    parts: tuple[int, ...] = ()
    """Numbers of the shards that changed."""
    lost: tuple[int, ...] = ()
    """Those of them that were taught from scratch because a checkpoint was missing or was not the one that was written."""
    destroyed: tuple[str, ...] = ()
    """Hex SHA-256 of every file (checkpoint, derivative) that was destroyed."""
    why_all: str = ""
    """Why everything was fitted, or solved, again, where it was (another environment)."""
    emptied: bool = False
    """Whether nobody is left in the model."""
