"""Commands of the map on this machine: each in a process of its own, confined and watched. The text it wrote to Expunge is not kept."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from expunge import permit
from expunge.adapters.commands.keeper_process import MOST_PROCESSES, Task
from expunge.adapters.commands.kept_command import NotStarted, kept
from expunge.adapters.commands.orphans import end_orphans
from expunge.core.values.outcome import Reason, Unable
from expunge.faults import failpoint
from expunge.ports.commands import CommandLimits, Ran, words_of

NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""Variables that every program may need, and that hold no secret."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The number of threads changes the order of sums, and so the bits of a model."""


class LocalCommands:
    """Runs commands with ``folder`` as working folder. May be used by several threads."""

    def __init__(self, folder: str | os.PathLike[str], environment: Mapping[str, str] = os.environ, *, apart: bool = True) -> None:
        """``apart``: in namespaces of their own where the kernel allows it; it is tried once."""
        self.folder = Path(folder)
        self._environment = environment
        self._apart: bool | None = None if apart else False
        self._trying = threading.Lock()

    @property
    def apart(self) -> bool:
        """True where commands run in namespaces, and so can be kept from the network and cannot leave a process behind."""
        with self._trying:
            if self._apart is None:
                task = Task(["/bin/true"], 20.0, 1 << 30, apart=True, offline=True, lifeline=-1, report=-1, parent=os.getpid())
                with kept(task, Path("/"), b"", {"PATH": os.defpath}) as running:
                    self._apart = running.wait(lambda _: None).get("status") == 0
            return self._apart

    def run(self, command: str, request: bytes, limits: CommandLimits, progress: Callable[[float], None]) -> Ran | Unable:
        """See :meth:`expunge.ports.commands.Commands.run`."""
        argv = words_of(command)
        if not argv:
            return Unable(Reason.COMMAND_FAILED, "the map's command is empty or has a quote that is not closed")
        missing = [name for name in limits.environment if name not in self._environment]
        if missing:
            return Unable(Reason.COMMAND_FAILED, f"the environment has no {', '.join(missing)}, which the map names for the command")
        end_orphans()
        offline = not limits.network and self.apart
        task = Task(
            argv, limits.seconds, limits.memory, self.apart, offline, lifeline=-1, report=-1, parent=os.getpid(), hidden=[*limits.hidden]
        )
        environment = {**ONE_THREAD, **{name: self._environment[name] for name in NEEDED + limits.environment if name in self._environment}}
        permit.check()
        failpoint("commands.run:before")
        try:
            with kept(task, self.folder, request, environment) as running:
                answer = running.wait(progress)
        except NotStarted as error:
            return Unable(Reason.COMMAND_FAILED, f"no process could be started in the folder of the map: {error}")
        failpoint("commands.run:after")
        return _outcome(answer, running.dropped, limits)


def _outcome(answer: Mapping[str, Any], dropped: int, limits: CommandLimits) -> Ran | Unable:
    unread = f"; it wrote {dropped} bytes, which are not kept: run it by hand to read them" if dropped else ""
    used = f"it was ended after {answer.get('seconds', 0.0):.0f} s with {_amount(answer.get('peak', 0))} in use"
    match answer.get("why"):
        case "ended" if "not_started" in answer:
            return Unable(Reason.COMMAND_FAILED, f"the program could not be started: {os.strerror(answer['not_started'])}")
        case "ended" if answer["status"] == 0:
            return Ran(answer["seconds"], answer["peak"], answer["offline"], answer["hidden"])
        case "ended":
            code = os.waitstatus_to_exitcode(answer["status"])
            how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
            return Unable(Reason.COMMAND_FAILED, f"it ended with {how}, {_amount(answer['peak'])} of memory at most{unread}")
        case "time":
            return Unable(Reason.TOO_LONG, f"{used}; {limits.seconds:g} s are allowed")
        case "memory":
            return Unable(Reason.TOO_MUCH_MEMORY, f"{used}; {_amount(limits.memory)} are allowed")
        case "processes":
            return Unable(Reason.COMMAND_FAILED, f"it was ended: it had more than {MOST_PROCESSES} processes at a time{unread}")
        case _:
            return Unable(Reason.COMMAND_FAILED, f"what watches it was ended from outside, and the command with it{unread}")


def _amount(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 30 else f"{size / (1 << 20):.0f} MiB"
