"""The exit codes, in one table."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of the program."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHANGES = 3
    NOT_ALL_ERASED = 4
    WAITING = 5
    BAD_EVIDENCE = 6
    INTERRUPTED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "ok",
    Exit.FAILED: "failed: findings of `check` or `discover`, the world changed since the plan, another run is busy",
    Exit.USAGE: "the command cannot be understood",
    Exit.CHANGES: "changes are pending (only with --detailed-exitcode)",
    Exit.NOT_ALL_ERASED: "ended with something not erased or not verified",
    Exit.WAITING: "waiting for approval",
    Exit.BAD_EVIDENCE: "evidence does not verify or cannot be parsed",
    Exit.INTERRUPTED: "interrupted; the same command goes on",
}


def table() -> str:
    """The table, for ``expunge --help``."""
    return "\n".join(f"{code.value:>4}  {meaning}" for code, meaning in MEANING.items())
