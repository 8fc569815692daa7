"""Put this process's clock ahead of the machine's, by as much as its environment says."""

from __future__ import annotations

import os
import sys
import time
from types import ModuleType

AHEAD = "EXPUNGE_TEST_AHEAD"
"""The variable that says by how many nanoseconds."""
_UNUSED = ("pytest", "dateutil", "unittest")
"""Libraries that time-machine loads for what is not used here. They would take a tenth of a second of each process."""


def begin() -> None:
    """Move the clock, where the environment says so."""
    ahead = int(os.environ.get(AHEAD) or 0)
    if not ahead or ("time_machine" in sys.modules and sys.modules["time_machine"].traveller_stack):
        return
    try:
        time_machine = _time_machine()
    except ImportError:  # another environment's Python: it tells nothing that a test compares
        return
    traveller = time_machine.travel(time.time() + ahead / 1e9, tick=True).start()
    # The distance from the machine's clock is the same in each process, to the nanosecond: what one wrote, no other has yet to reach.
    traveller._destination_timestamp_ns, traveller._real_start_timestamp_ns, traveller._requested = ahead, 0, True


def _time_machine() -> ModuleType:
    kept = {name: sys.modules.get(name) for name in _UNUSED}
    stand_in = ModuleType("unittest")
    stand_in.TestCase = type("TestCase", (), {})  # type: ignore[attr-defined]
    try:
        for name, found in kept.items():
            if found is None:
                sys.modules[name] = stand_in if name == "unittest" else None  # type: ignore[assignment]
        import time_machine
    finally:
        for name, found in kept.items():
            if found is None:
                sys.modules.pop(name, None)
    return time_machine
