"""The end of an export that waits to be fetched: the death of its key."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from expunge.core.datamap.person import Person
from expunge.core.export.export_state import ExportState
from expunge.core.journal.export_events import ExportEnd
from expunge.core.values.ids import OrderId
from expunge.engine.export import export_register
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import locating


def end(context: Context, export: OrderId, why: ExportEnd) -> None:
    """End an export: nothing of it is given out any more, its key is destroyed, and its parts are removed. Safe to repeat."""
    export_register.end(context, export, why)
    destroy(context, export)


def end_all_of(context: Context, people: Iterable[Person], why: ExportEnd = ExportEnd.ERASED) -> int:
    """End every export that waits, or is made, with data of any of some people. Return how many there were."""
    known = living(context)
    if not known:
        return 0
    names = {name for person in people for name in locating.names_of(context, person)}
    ending = [each for each in known if names & each.subjects]
    for state in ending:
        end(context, state.export, why)
    return len(ending)


def has_living(context: Context) -> bool:
    """Return whether any export waits or is made."""
    return bool(living(context))


def living(context: Context) -> list[ExportState]:
    """Return the exports that wait or are made."""
    if context.exports is None:
        return []
    return [state for state in export_register.all_exports(context).values() if state.account and state.ended is None]


def destroy(context: Context, export: OrderId) -> None:
    """Destroy the key of an export and remove its parts."""
    # commit point: without its key nothing of it opens.
    context.keys.destroy_order(export)
    if context.exports is not None:
        # Why not fatal: the key is dead, and a sweep removes what is left.
        with suppress(OSError):
            context.exports.remove(export)
