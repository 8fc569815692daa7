"""Commands of the map (``on_erase``): they train a model again, build an index anew, or prove that either was done."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from expunge.core.datamap.datamap import OnErase
from expunge.core.values.outcome import Unable

DEFAULT_SECONDS = 3600.0
DEFAULT_MEMORY = 4 << 30


def words_of(command: str) -> list[str]:
    """Program and arguments of a command, by the rules of a shell's quotes; none where the text is no command."""
    try:
        return shlex.split(command) if "\0" not in command else []
    except ValueError:
        return []


@dataclass(frozen=True)
class CommandLimits:
    """The limits of one run of a command, and the resources that it may reach."""

    seconds: float = DEFAULT_SECONDS
    """By a clock that is never set back, from start to end."""
    memory: int = DEFAULT_MEMORY
    """Bytes of real memory, swapped ones included, of the command and everything it starts, together."""
    network: bool = False
    """Whether it may reach other machines; where that cannot be kept from it, :attr:`Ran.offline` says so."""
    environment: tuple[str, ...] = ()
    """Names of variables that it gets from our environment, beside those that every program needs."""
    hidden: tuple[str, ...] = ()
    """Real paths of files that it must not read: it finds nothing in them; where that cannot be had, :attr:`Ran.hidden` says so."""

    @staticmethod
    def of(act: OnErase) -> CommandLimits:
        """Return the map's limits. The defaults are an hour, 4 GiB, no network."""
        seconds = act.within.total_seconds() if act.within is not None else DEFAULT_SECONDS
        return CommandLimits(seconds, act.memory or DEFAULT_MEMORY, act.network, act.environment)


@dataclass(frozen=True)
class Ran:
    """The command ended with exit code 0."""

    seconds: float
    peak_memory: int
    """Bytes of real memory of all its processes together, the most that was seen."""
    offline: bool = False
    """Whether it was kept from the network; false where it was allowed to, and where this machine cannot keep it from it."""
    hidden: bool = False
    """Whether all files of :attr:`CommandLimits.hidden` were out of its sight; false where none was named."""


class Commands(Protocol):
    """Runs commands that the map names, one at a time for each caller.

    Rules:

    * A command is a program and its arguments, never a shell's line; its working folder is the map's. It gets the request on standard
      input and nothing about a person in arguments or environment.
    * Nothing of what it writes is kept or logged: it may hold content. Lines ``expunge: progress 0.4`` on standard output are read.
    * When this returns or raises, nothing that the command started is left running, whatever became of it. When this process dies,
      what it started dies with it.
    * A command may run again after a crash, with the same request: it has to write its outputs whole or not at all.
    """

    def run(self, command: str, request: bytes, limits: CommandLimits, progress: Callable[[float], None]) -> Ran | Unable:
        """Run a command to its end.

        ``progress`` is called in this thread with shares from 0 to 1, each greater than the one before. An exception from it ends the
        command and is raised here. Trouble is ``Unable``: ``COMMAND_FAILED`` (it is not there, exit code, signal), ``TOO_LONG``,
        ``TOO_MUCH_MEMORY``. Calls :func:`expunge.permit.check` before the start and while it runs; TakenOver ends the command.
        """
        ...
