"""The register of exports: each is entered before its first byte is read, and each fetching before its first byte is given out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from weakref import WeakKeyDictionary

from expunge.core.datamap.artefact import DataKind
from expunge.core.export.export_state import ExportState, fold
from expunge.core.export.wanted_export import WantedExport
from expunge.core.journal import events as ev
from expunge.core.journal.export_events import (
    ExportBegun,
    ExportEnd,
    ExportEnded,
    ExportEvent,
    ExportFetched,
    ExportMadeAgain,
    ExportReady,
    ExportTold,
)
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import EXPORTS, register, register_behind
from expunge.errors import Refused
from expunge.ports.journal import Journal


@dataclass
class _Folded:
    """How far the register was folded."""

    states: dict[OrderId, ExportState] = field(default_factory=dict)
    length: int = 0


_FOLDED: WeakKeyDictionary[Journal, _Folded] = WeakKeyDictionary()
_LOCK = Lock()


def new_id(context: Context) -> OrderId:
    """Draw the id of an export: ``exp-`` and 20 base32 characters, which reveal nothing about a person."""
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    return OrderId("exp-" + "".join(alphabet[byte % 32] for byte in context.random(20)))


def begin(
    context: Context,
    export: OrderId,
    subjects: Iterable[Pseudonym],
    kinds: Sequence[DataKind],
    user: str,
    account: str = "",
    wanted: WantedExport | None = None,
) -> None:
    """Enter that a copy is about to be made; it is on the device when this returns. Raises Busy, StateUnavailable.

    Args:
        context: the composition.
        export: its id.
        subjects: whose data it holds.
        kinds: the kinds of data.
        user: the account of the operating system.
        account: the account that asked on a page; empty for a command.
        wanted: how it is written, where it may have to be made again.
    """
    form = (wanted.part_size, wanted.language.value) if wanted is not None else (0, "")
    event = ExportBegun(context.clock.now(), export, tuple(sorted(subjects)), tuple(kinds), user, account, *form)
    register(context.journal, EXPORTS, event)


def again(context: Context, export: OrderId) -> bool:
    """Enter that a copy is made anew. Return False where it is ready, or has ended."""

    def decide(events: list[object]) -> Sequence[ExportEvent]:
        state = fold(events).get(export)
        goes_on = state is not None and state.ended is None and state.until is None
        return (ExportMadeAgain(context.clock.now(), export),) if goes_on else ()

    return bool(register_behind(context.journal, EXPORTS, decide))  # type: ignore[arg-type]  # events of one register


def told(context: Context, export: OrderId) -> None:
    """Enter that the account of a copy was written that it is ready; once, and of a copy that was entered."""

    def decide(events: list[object]) -> Sequence[ExportEvent]:
        state = fold(events).get(export)
        return (ExportTold(context.clock.now(), export),) if state is not None and not state.told else ()

    register_behind(context.journal, EXPORTS, decide)  # type: ignore[arg-type]  # events of one register


def ready(context: Context, export: OrderId, parts: Sequence[int], until: datetime) -> None:
    """Enter that a copy waits to be fetched. Raises Refused where it was ended meanwhile."""

    def decide(events: list[object]) -> Sequence[ExportEvent]:
        if not _living(events, export):
            raise Refused("this export was ended while it was made", help="ask for another one")
        return (ExportReady(context.clock.now(), export, tuple(parts), until),)

    register_behind(context.journal, EXPORTS, decide)  # type: ignore[arg-type]  # events of one register


def fetch(context: Context, export: OrderId, part: int, first: int, last: int, copies: int) -> ExportState:
    """Enter that a range of a part is about to be given out, and return the export.

    Args:
        context: the composition.
        export: its id.
        part: counted from 1.
        first: the first byte of the range.
        last: the first byte behind it.
        copies: how often each byte of a part may be fetched, on average over its bytes.

    Raises Refused where it is not ready, has ended, is past its time, or was fetched often enough.
    """
    found: list[ExportState] = []

    def decide(events: list[object]) -> Sequence[ExportEvent]:
        state = fold(events).get(export)
        now = context.clock.now()
        if state is None or not state.is_open(now) or not 1 <= part <= len(state.parts):
            raise Refused("this export is not there any more", help="ask for another one")
        size = state.parts[part - 1]
        if not 0 <= first < last <= size:
            raise Refused("a part has no such range", help="ask for the whole part")
        if state.fetched.get(part, 0) + last - first > copies * size:
            raise Refused("this part was downloaded as often as it may be", help="ask for another export")
        found[:] = [state]
        return (ExportFetched(now, export, part, first, last),)

    register_behind(context.journal, EXPORTS, decide)  # type: ignore[arg-type]  # events of one register
    return found[0]


def end(context: Context, export: OrderId, why: ExportEnd) -> bool:
    """Enter that a copy is no more. Return False where that is entered already."""

    def decide(events: list[object]) -> Sequence[ExportEvent]:
        return (ExportEnded(context.clock.now(), export, why),) if _living(events, export) else ()

    return bool(register_behind(context.journal, EXPORTS, decide))  # type: ignore[arg-type]  # events of one register


def all_exports(context: Context) -> dict[OrderId, ExportState]:
    """Return every export that was entered, oldest first. What was folded before in this process is gone on with."""
    with _LOCK:
        known = _FOLDED.setdefault(context.journal, _Folded())
        events = [ev.decode(data) for data in context.journal.read(EXPORTS, known.length)]
        known.states, known.length = fold(events, known.states), known.length + len(events)
        return known.states


def of(context: Context, subjects: Iterable[Pseudonym]) -> tuple[ExportState, ...]:
    """Return the exports that hold data of any of some subjects, oldest first."""
    wanted = frozenset(subjects)
    return tuple(state for state in all_exports(context).values() if wanted & state.subjects)


def _living(events: Iterable[object], export: OrderId) -> bool:
    state = fold(events).get(export)
    return state is not None and state.ended is None
