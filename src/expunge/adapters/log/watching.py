"""Watch a log from outside: each look holds the log of now against the heads that were kept, reads what is new, and cries."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.log.audit import LogView
from expunge.adapters.log.log_source import LogSource
from expunge.adapters.log.watch_folder import WatchFolder
from expunge.core.log import log_tiles
from expunge.core.log.signed_head import SignedHead, open_head
from expunge.core.log.trust import TrustPolicy
from expunge.core.note import MAX_NOTE
from expunge.core.values import canonical
from expunge.core.verification.entry_order import KeptHead
from expunge.errors import EvidenceInvalid, LogUnreached

_COMMAND_SECONDS = 60


class AlarmKind(Enum):
    """Why a watch cries."""

    FORK = "fork"
    ROLLBACK = "rollback"
    NOT_SIGNED = "not-signed"
    MISSING = "missing"
    STALE = "stale"


@dataclass(frozen=True)
class LogAlarm:
    """One thing that is wrong with a log."""

    kind: AlarmKind
    message: str


@dataclass(frozen=True)
class WatchLimits:
    """What a look may take, and when a log counts as stale."""

    stale: timedelta | None = None
    """The longest that a log may go without an answer, or, where it has witnesses, without a new cosignature; None for no limit."""
    bundles: int = 4096
    """Bundles of 256 entries that one look reads at most; the next goes on."""
    kept: Sequence[KeptHead] = ()
    """Further heads to hold the log against, beside those of the folder."""


@dataclass(frozen=True)
class LogLook:
    """The result of one look."""

    head: SignedHead | None
    """None where the log did not answer, or showed none that can be believed."""
    first: bool
    """Whether nothing was kept from before, so that this head was taken as it is."""
    grown: int
    """Entries since the head that was kept last."""
    audited: int
    """Entries, from the first on, that were read and checked by now."""
    alarms: tuple[LogAlarm, ...]
    unreached: str = ""
    """Why there was no answer; empty where there was one."""


class _Alarmed(Exception):
    def __init__(self, kind: AlarmKind, message: str) -> None:
        super().__init__(message)
        self.alarm = LogAlarm(kind, message)


def look(source: LogSource, policy: TrustPolicy, folder: WatchFolder, now: datetime, limits: WatchLimits) -> LogLook:
    """Look once. What is new and right is kept; what is wrong is kept as evidence, and the heads from before stay.

    Raises:
        StateCorrupt, StateUnavailable: what was kept cannot be read or written. EvidenceInvalid: a head that was kept is not of the log.
    """
    state, latest = folder.state(), folder.latest(policy, now)
    known = [*([latest] if latest else []), *limits.kept]
    try:
        note = _checkpoint(source)
        signed = _opened(note, policy, now, folder)
        view = _compared(source, signed, known, now, folder)
    except LogUnreached as error:
        silent = limits.stale and state.answered and now - state.answered > limits.stale
        alarms = (LogAlarm(AlarmKind.STALE, f"the log has not answered since {state.answered:%Y-%m-%d %H:%M} UTC"),) if silent else ()
        return LogLook(None, latest is None, 0, state.audited, alarms, error.message)
    except _Alarmed as error:
        folder.write_state(state.audited, now)
        return LogLook(None, latest is None, 0, state.audited, (error.alarm,))
    audited, found, unreached = _read_entries(view, state.audited, limits.bundles)
    found += _stale(signed, now, limits.stale)
    before = latest.head.size if latest else 0
    if latest is None or latest.head != signed.head:
        folder.keep(signed, now)
    folder.write_state(audited, now)
    return LogLook(signed, latest is None, signed.head.size - before, audited, tuple(found), unreached)


def cry(command: str, where: str, alarm: LogAlarm) -> str:
    """Run the command that was given for alarms, without a shell: the alarm is in its environment, and as JSON on its input.

    Returns:
        Why it could not be run or failed; empty where it did not.
    """
    told = {"EXPUNGE_LOG_ALARM": alarm.kind.value, "EXPUNGE_LOG": where, "EXPUNGE_LOG_MESSAGE": alarm.message}
    body = canonical.encode({"schema": "expunge.log-alarm/1", "alarm": alarm.kind.value, "log": where, "message": alarm.message})
    try:
        done = subprocess.run(shlex.split(command), input=body, env={**os.environ, **told}, timeout=_COMMAND_SECONDS, check=False)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return type(error).__name__
    return "" if done.returncode == 0 else f"it ended with {done.returncode}"


def _checkpoint(source: LogSource) -> bytes:
    try:
        with guarded("the log could not be read"):
            data = source.read(log_tiles.CHECKPOINT, MAX_NOTE)
    except EvidenceInvalid as error:
        raise _Alarmed(AlarmKind.NOT_SIGNED, error.message) from error
    if data is None:
        raise _Alarmed(AlarmKind.MISSING, "the log has no checkpoint any more")
    return data


def _opened(note: bytes, policy: TrustPolicy, now: datetime, folder: WatchFolder) -> SignedHead:
    try:
        return open_head(note, policy, now=now)
    except EvidenceInvalid as error:
        kept = folder.keep_evidence("not-signed", note, now)
        raise _Alarmed(AlarmKind.NOT_SIGNED, f"{error.message}; kept as {kept.name}") from error


def _compared(source: LogSource, signed: SignedHead, known: Sequence[KeptHead], now: datetime, folder: WatchFolder) -> LogView:
    """The log of now, which continues every head that was kept."""
    for each in known:
        if each.head.origin != signed.head.origin:
            raise EvidenceInvalid("the folder holds heads of another log", help="give each log a folder of its own")
        if each.head.size > signed.head.size:
            kept = folder.keep_evidence("rollback", signed.note, now)
            message = f"the log shows {signed.head.size} entries, but had {each.head.size} before ({each.name}); kept as {kept.name}"
            raise _Alarmed(AlarmKind.ROLLBACK, message)
    try:
        view = LogView(source, signed)
        roots = {each.head.size: view.root(each.head.size) for each in known}
    except EvidenceInvalid as error:
        raise _Alarmed(AlarmKind.MISSING, error.message) from error
    for each in known:
        if roots[each.head.size] != each.head.root:
            kept = folder.keep_evidence("fork", signed.note, now)
            message = (
                f"the log was forked: its first {each.head.size} entries are not those of {each.name}, which it signed as well; "
                f"{each.name} and {kept.name} together prove it"
            )
            raise _Alarmed(AlarmKind.FORK, message)
    return view


def _read_entries(view: LogView, audited: int, most: int) -> tuple[int, list[LogAlarm], str]:
    """Read entries that no look has read yet; how many are read by now, what is wrong, and why the log stopped answering."""
    size = view.signed.head.size
    first = min(audited, size) // log_tiles.WIDTH
    for n in range(first, min(first + most, -(-size // log_tiles.WIDTH))):
        try:
            view.bundle(n)
        except EvidenceInvalid as error:
            return audited, [LogAlarm(AlarmKind.MISSING, error.message)], ""
        except LogUnreached as error:
            return audited, [], error.message
        audited = min(size, (n + 1) * log_tiles.WIDTH)
    return audited, [], ""


def _stale(signed: SignedHead, now: datetime, limit: timedelta | None) -> list[LogAlarm]:
    if limit is None or signed.fresh is None or now - signed.fresh <= limit:
        return []
    return [LogAlarm(AlarmKind.STALE, f"no witness has cosigned the log since {signed.fresh:%Y-%m-%d %H:%M} UTC")]
