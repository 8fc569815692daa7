"""The end of this process, for answers that would go on for minutes: they end with it, and hold it up no longer than a page does."""

from __future__ import annotations

import threading

ENDING = threading.Event()
"""Set once the process was asked to end."""
