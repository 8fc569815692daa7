"""Arrays that grow by rows."""

from __future__ import annotations

from typing import Any

import numpy as np


class GrowingColumn:
    """One value, or as many as ``width``, for each row."""

    def __init__(self, kind: Any, width: int = 0) -> None:
        self._space = np.empty((0, width) if width else 0, kind)
        self.held = self._space
        """Of all rows; may be written to."""

    def extend(self, values: np.ndarray) -> None:
        """Add rows. What ``held`` was before is no part of the column any more."""
        start, end = len(self.held), len(self.held) + len(values)
        if end > len(self._space):
            # Room for as many again, so that small pieces do not copy everything each time.
            room = end if not start else max(end, 2 * len(self._space))
            space = np.empty((room, *self._space.shape[1:]), self._space.dtype)
            space[:start] = self.held
            self._space = space
        self._space[start:end] = values
        self.held = self._space[:end]
