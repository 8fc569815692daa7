"""Exports that wait to be fetched: made and swept."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

from expunge.core.export.export_state import ExportState
from expunge.core.export.wanted_export import ExportProgress, WantedExport
from expunge.core.journal.export_events import ExportEnd
from expunge.core.values.ids import OrderId
from expunge.engine.export import ending_exports, export_register, exporting
from expunge.engine.export.exporting import ExportSummary
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import locating
from expunge.engine.subjects.resolving import ResolvedName
from expunge.engine.vault import openings
from expunge.errors import ExportPaused, Refused, UsageError
from expunge.ports.exports.export_shelf import KEY_BYTES, ExportShelf

KEPT_FOR = timedelta(days=7)
COPIES = 5
"""How often each part may be downloaded."""
MOST_TRIES = 3
"""How often an export is begun to be made, where its process ends each time."""
MOST_LIVING = 3
"""Exports of one account that are made, or wait, at a time."""
_SPARE = 1 << 28
"""Bytes that an export leaves free on its device."""
_LOOKED = timedelta(seconds=2)
_PURPOSE = "export"


def begin(context: Context, resolved: ResolvedName, wanted: WantedExport, account: str, user: str) -> OrderId:
    """Enter an export that an account asked for, and return its id. Nothing is read yet.

    Raises NeedsApproval while guardians are in dispute, UsageError for a wish that cannot be met, Refused where the account has too many
    exports or there is no room for another one, Busy.
    """
    shelf = require_shelf(context)
    exporting.require(context, resolved, wanted)
    names = locating.names_of(context, resolved.person)
    living = [each for each in export_register.of(context, names) if each.account == account and each.ended is None]
    if len(living) >= MOST_LIVING:
        message = f"there are {MOST_LIVING} copies already"
        raise Refused(message, help="delete one of them first")
    expected = sum(each.bytes for each in exporting.estimate(context, resolved) if wanted.has(each.kind))
    if shelf.free() < expected + _SPARE:
        raise Refused("there is no room for this copy now", help="choose fewer kinds, or ask the company to make room")
    export = export_register.new_id(context)
    kinds = wanted.ordered
    # commit point: view implies log.
    export_register.begin(context, export, names, kinds, user, account, wanted)
    return export


def build(
    context: Context, export: OrderId, resolved: ResolvedName, wanted: WantedExport, report: Callable[[ExportProgress], None]
) -> ExportSummary:
    """Make an export that was entered, sealed under a key of its own. Raises what stood in the way, after the export was ended.

    Where ``report`` raises ExportPaused the export is not ended: its process ends, and another one makes it anew.
    """
    shelf, state = require_shelf(context), export_register.all_exports(context)[export]
    reader = replace(openings.this_reader(*openings.EXPORT), account=state.account, family=resolved.person.subject)
    try:
        key = context.random(KEY_BYTES)
        sealed_key = context.keys.seal(export, _PURPOSE, key)
        with shelf.writing(export, key, sealed_key) as folder:
            done = exporting.write(context, export, resolved, folder, wanted, reader, _Watching(context, export, report))
        consent_register.require_no_dispute(context, consent_register.load(context), [resolved.person])
        until = context.clock.now() + KEPT_FOR
        export_register.ready(context, export, [part.bytes for part in done.parts], until)
    except ExportPaused:
        raise
    except BaseException as error:
        ended = export_register.all_exports(context)[export].ended is not None
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        ending_exports.end(context, export, ExportEnd.NO_ROOM if full else ExportEnd.FAILED)
        if ended and isinstance(error, OSError):
            # Why: its folder was removed below it.
            raise _ended() from error
        raise
    return done


def interrupted(context: Context, made_here: Collection[OrderId]) -> tuple[ExportState, ...]:
    """Return the exports of accounts that are not ready and that no process makes, oldest first.

    Args:
        context: the composition.
        made_here: those that this process makes now. No other one makes any.
    """
    states = export_register.all_exports(context).values()
    return tuple(each for each in states if each.account and each.ended is None and each.until is None and each.export not in made_here)


def again(context: Context, state: ExportState) -> bool:
    """Enter that an interrupted export is made anew, and remove what was written of it. Return False where it cannot be.

    It is made at most :data:`MOST_TRIES` times: one that ends its process each time must not do so for ever.
    """
    if state.wanted is None or state.tries >= MOST_TRIES:
        return False
    require_shelf(context).remove(state.export)
    # commit point: view implies log, at each try.
    return export_register.again(context, state.export)


def untold(context: Context) -> tuple[ExportState, ...]:
    """Return the exports that wait, and of which their account was written nothing."""
    now = context.clock.now()
    return tuple(each for each in ending_exports.living(context) if each.is_open(now) and not each.told)


class _Watching:
    """Reports on, and ends the making of an export that was ended meanwhile: by its account, or by an order."""

    def __init__(self, context: Context, export: OrderId, report: Callable[[ExportProgress], None]) -> None:
        self._context, self._export, self._report = context, export, report
        self._looked: datetime | None = None

    def __call__(self, progress: ExportProgress) -> None:
        now = self._context.clock.now()
        if self._looked is None or now - self._looked >= _LOOKED:
            self._looked = now
            state = export_register.all_exports(self._context).get(self._export)
            if state is None or state.ended is not None:
                raise _ended()
        self._report(progress)


def key_of(context: Context, export: OrderId) -> bytes:
    """Return the key of an export. Raises Refused where it is gone, KeyDestroyed."""
    return context.keys.open(export, _PURPOSE, require_shelf(context).sealed_key(export))


def sweep(context: Context, made_here: Collection[OrderId] | None = None) -> int:
    """End exports whose time is over, and remove what a crash left. Return how many were ended or removed.

    Args:
        context: the composition.
        made_here: those that this process makes now: every other one that is not ready was interrupted. None where another process may
            be making some.
    """
    if context.exports is None:
        return 0
    states, now, count = dict(export_register.all_exports(context)), context.clock.now(), 0
    # Why after the states: one that became ready meanwhile is on the shelf.
    kept = frozenset(context.exports.kept())
    for state in states.values():
        if not state.account or state.ended is not None:
            continue
        lost = state.until is None and made_here is not None and state.export not in made_here
        # Why: a folder that was removed, or put back from a backup without it, must not be called ready.
        lost = lost or (state.is_open(now) and state.export not in kept)
        if state.is_due(now) or lost:
            ending_exports.end(context, state.export, ExportEnd.FAILED if lost else ExportEnd.EXPIRED)
            count += 1
    for export in kept:
        known = states.get(export)
        if known is None or known.ended is not None:
            ending_exports.destroy(context, export)
            count += 1
    return count


def require_shelf(context: Context) -> ExportShelf:
    """Return the shelf. Raises UsageError where this composition has none."""
    if context.exports is None:
        raise UsageError("exports are not kept here", help="write one to a folder with `expunge export`")
    return context.exports


def _ended() -> Refused:
    return Refused("this export was ended while it was made", help="ask for another one")
