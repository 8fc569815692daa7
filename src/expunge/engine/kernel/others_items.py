"""Count the items of people who stay that hold windows of an erased person's data: these items stay, and the receipt says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from expunge.core.evidence.traces import IDENTIFIERS, Trace, Traces
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import SEAM

MOST = 100
"""Items of one dataset that are told apart for one person; more count as this many. The receipt has the power of ten alone."""


@dataclass(frozen=True)
class HoldingItems:
    """The items of one dataset that hold windows of one person."""

    items: int
    """There may be more."""
    fields: frozenset[str]
    """Where the person's own data had it: fields of the map, kinds of identifiers."""


ByPerson: TypeAlias = Mapping[Pseudonym, Mapping[str, HoldingItems]]
"""Person -> dataset -> items."""


@dataclass
class _Noted:
    keys: set[tuple[str, ...]] = field(default_factory=set)
    some: bool = False
    fields: set[str] = field(default_factory=set)


class OthersItems:
    """The items of each dataset that hold windows of each erased person."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._noted: dict[Pseudonym, dict[str, _Noted]] = {}

    def note(self, dataset: str, keys: tuple[str, ...], windows: Collection[int]) -> None:
        """Note an item by its keys, and the windows that it holds; an item that is noted again counts once."""
        for noted in self._of(dataset, windows):
            if len(noted.keys) < MOST:
                noted.keys.add(keys)

    def note_some(self, dataset: str, windows: Collection[int]) -> None:
        """Note that some items of a dataset hold windows, where nobody says which: these count as one."""
        for noted in self._of(dataset, windows):
            noted.some = True

    def counted(self) -> dict[Pseudonym, dict[str, HoldingItems]]:
        """Return the items of others that hold windows, by person and dataset."""
        return {
            subject: {name: HoldingItems(max(len(each.keys), int(each.some)), frozenset(each.fields)) for name, each in by_dataset.items()}
            for subject, by_dataset in self._noted.items()
        }

    def _of(self, dataset: str, windows: Collection[int]) -> list[_Noted]:
        found = dict[Pseudonym, _Noted]()
        for index in windows:
            trace = self._traces.traces[index]
            noted = found.get(trace.subject)
            if noted is None:
                noted = found[trace.subject] = self._noted.setdefault(trace.subject, {}).setdefault(dataset, _Noted())
            noted.fields.add(field_of(trace))
        return list(found.values())


def field_of(trace: Trace) -> str:
    """Return where the person's own data had a window: a field of the map, or a kind of identifier."""
    if trace.dataset == IDENTIFIERS:
        return trace.part
    # Why the first part alone: what follows the stop may be a key of a document, and so content.
    return trace.dataset if trace.part == SEAM else f"{trace.dataset}.{trace.part.partition('.')[0]}"


def together(first: ByPerson, second: ByPerson) -> dict[Pseudonym, dict[str, HoldingItems]]:
    """Return both; of one dataset the larger number, since they may be of the same items."""
    both = {subject: dict(by_dataset) for subject, by_dataset in first.items()}
    for subject, by_dataset in second.items():
        known = both.setdefault(subject, {})
        for name, each in by_dataset.items():
            before = known.get(name, each)
            known[name] = HoldingItems(max(each.items, before.items), each.fields | before.fields)
    return both
