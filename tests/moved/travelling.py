"""Put this process's clock ahead of the machine's, by as much as its environment says."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, ClassVar

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
    sys.meta_path.insert(0, _ServersClocks(time_machine.escape_hatch))


class _ServersClocks(MetaPathFinder):
    """Has clients that speak to a server about the time use the machine's clock, which is the server's.

    An object store refuses what is signed at another time; a queue in PostgreSQL keeps a job until its own clock reaches the job's time.
    """

    _ASKS: ClassVar = {"botocore.compat": ("get_current_datetime", True), "procrastinate.utils": ("utcnow", False)}
    """Module -> its function that tells the time, and whether it does so without a zone."""

    def __init__(self, machine: Any) -> None:
        self._machine = machine

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname not in self._ASKS:
            return None
        sys.meta_path.remove(self)
        try:
            spec = find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            load, (asks, naive) = spec.loader.exec_module, self._ASKS[fullname]

            def exec_module(module: ModuleType) -> None:
                load(module)
                setattr(module, asks, lambda remove_tzinfo=naive: self._now(remove_tzinfo))

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def _now(self, naive: bool) -> Any:
        now = self._machine.datetime.datetime.now(UTC)
        return now.replace(tzinfo=None) if naive else now


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
