"""Wait for a service to reach a state: so many seconds, and so many looks, whichever takes longer."""

from __future__ import annotations

import time

LOOKS = 5
"""Least number of looks before waiting ends: on a busy machine a single one may take all the time there is."""


class Wait:
    """Limits how long, and how often, a caller looks for a change."""

    def __init__(self, seconds: float) -> None:
        """Begin; ``seconds`` on the monotonic clock."""
        self._until = time.monotonic() + seconds
        self._looks = 0

    def over(self) -> bool:
        """Count one look that was in vain, and return whether it was the last."""
        self._looks += 1
        return self._looks >= LOOKS and time.monotonic() > self._until
