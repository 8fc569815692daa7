"""The remainders port, optional beside the store port: a store that can count what it keeps of content that it was once taught by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Remainders(Protocol):
    """A store in which numbers stay that may be those of people who are gone. Asked once a receipt, after the erasures."""

    def remainders(self) -> Sequence[str]:
        """Return sentences for receipts about what stays: by names of the map, without content. Reads only; raises as ``locate``."""
        ...
