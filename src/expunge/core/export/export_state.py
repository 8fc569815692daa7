"""The state of one export: a fold of the events of the register."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from expunge.core.datamap.artefact import DataKind
from expunge.core.export.export_words import Language
from expunge.core.export.wanted_export import WantedExport
from expunge.core.journal.export_events import (
    ExportBegun,
    ExportEnd,
    ExportEnded,
    ExportFetched,
    ExportMadeAgain,
    ExportReady,
    ExportTold,
)
from expunge.core.values.ids import OrderId, Pseudonym


@dataclass(frozen=True)
class ExportState:
    """One export. Without an account it was made by a command, and nothing of it is kept here."""

    export: OrderId
    begun: datetime
    subjects: frozenset[Pseudonym]
    kinds: tuple[DataKind, ...]
    account: str
    part_size: int = 0
    language: str = ""
    tries: int = 1
    """The number of processes that began to make it: one more after each that ended meanwhile."""
    told: bool = False
    """True once its account got the letter that says that it is ready."""
    parts: tuple[int, ...] = ()
    """Bytes of each part; none before it is ready."""
    until: datetime | None = None
    fetched: Mapping[int, int] = field(default_factory=dict)
    """Part -> bytes that were given out, over all fetchings."""
    ended: ExportEnd | None = None
    ended_at: datetime | None = None

    @property
    def wanted(self) -> WantedExport | None:
        """The kinds of data and the form of the copy, so that it can be made again; None where an older version entered it."""
        return WantedExport(frozenset(self.kinds), self.part_size, Language(self.language)) if self.part_size else None

    def is_open(self, now: datetime) -> bool:
        """Return whether it can be fetched."""
        return self.ended is None and self.until is not None and now < self.until

    def is_due(self, now: datetime) -> bool:
        """Return whether its time is over and its key is still there."""
        return self.ended is None and self.until is not None and now >= self.until


def fold(events: Iterable[object], before: Mapping[OrderId, ExportState] | None = None) -> dict[OrderId, ExportState]:
    """Return the exports that some events of the register tell of, oldest first; ``before`` is what earlier events told."""
    states = dict(before or {})
    for event in events:
        match event:
            case ExportBegun():
                asked = event.kinds, event.account, event.part_size, event.language
                states[event.export] = ExportState(event.export, event.at, frozenset(event.subjects), *asked)
            case ExportMadeAgain():
                states[event.export] = replace(states[event.export], tries=states[event.export].tries + 1)
            case ExportTold():
                states[event.export] = replace(states[event.export], told=True)
            case ExportReady():
                states[event.export] = replace(states[event.export], parts=event.parts, until=event.until)
            case ExportFetched():
                state = states[event.export]
                fetched = {**state.fetched, event.part: state.fetched.get(event.part, 0) + event.last - event.first}
                states[event.export] = replace(state, fetched=fetched)
            case ExportEnded():
                states[event.export] = replace(states[event.export], ended=event.why, ended_at=event.at)
            case _:
                pass
    return states
