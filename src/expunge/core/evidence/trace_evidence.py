"""The rules of evidence: usable traces, and the verdict of a scan.

A trace is *usable* for a store when both conditions hold:

1. A scan found it there **before** anything was erased. Content that the scanner cannot see before proves nothing when it is not seen
   after.
2. No bystander's live data holds the same window: the trace was not seen after, or no bystander's data accounts for the sighting after.

With no usable trace the verdict is *cannot tell*, unless every byte of the files of the dataset's table was accounted for
(:mod:`expunge.core.evidence.row_account`). The verdict is also *cannot tell* when the scan missed content of bystanders that it had
seen before (the positive control), because the scan was then blind, or when it was shown none, although people stay whose content could
have been one. Of several rounds, the last one's controls are meant: who stayed in an
earlier one may be gone. The same holds when a part of the store could not be read, when a place that nothing accounts for holds bytes that
nothing explains (:mod:`expunge.core.evidence.unread_places`), and when a trace was seen only in structures whose parts
cannot be told apart. Otherwise usable traces that are seen after are residue (*present*). If there are none, the verdict is *gone*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from expunge.core.evidence.receipt import ScanVerdict
from expunge.core.evidence.row_account import RowAccount
from expunge.core.evidence.traces import Traces
from expunge.core.evidence.window_choice import NONE_COUNTED, ValueCount
from expunge.core.values.ids import Pseudonym

Control: TypeAlias = tuple[str, Pseudonym]
"""A bystander whose content serves as positive control, with the dataset that it was taken from."""
BLINDING = frozenset({"permission", "unreadable", "encrypted", "corrupt", "limit", "unsupported"})
"""Reasons for which a scan left bytes of a store unread. Sockets, pipes and devices hold none; links are not followed because what they
point to is scanned where it lies; what vanished is gone."""
PASSING = frozenset({"unreadable"})
"""Those of them that may not be so a moment later: an error of the disk or the network, too many open files."""


def blinding(skipped: Iterable[tuple[str, int]]) -> int:
    """Count the things left unread that may hold bytes of the store, among all that a scan skipped (reason, count)."""
    return sum(count for reason, count in skipped if reason in BLINDING)


def staying(traces: Traces, indexes: Iterable[int], datasets: Iterable[str]) -> frozenset[Control]:
    """Return the bystanders, per dataset, that some traces are of: the positive control over these datasets.

    A window that the erased people's content has as well is no control. It may have been seen in that content alone, and goes with it.
    """
    own = frozenset(datasets)
    found = [each for index in indexes if (each := traces.traces[index]).dataset in own and each.subject in traces.controls]
    going = {each.digest for each in traces.traces if each.subject not in traces.controls} if found else ()
    return frozenset((each.dataset, each.subject) for each in found if each.digest not in going)


def each_seen(traces: Traces, seen: frozenset[int], datasets: Iterable[str]) -> bool:
    """Return whether, of each person and bystander, at least one trace was seen from each of these datasets with traces of them.

    Then the rule's first condition holds, and further sightings would change no verdict. A trace that is seen after an erasure is residue,
    whether it was seen before or not.
    """
    own = frozenset(datasets)
    there = {(each.dataset, each.subject) for index in seen if (each := traces.traces[index]).dataset in own}
    return bool(there) and all((trace.dataset, trace.subject) in there for trace in traces.traces if trace.dataset in own)


@dataclass(frozen=True)
class Figures:
    """The figures of one scan of one store about one dataset of one subject (or about everything else, see :func:`elsewhere`)."""

    taken: int
    usable: int
    found: int
    controls_asked: int
    controls_found: int
    blind: int = 0
    """Parts of the store that could not be read."""
    opaque: int = 0
    """Files in places that nothing accounts for, with bytes that nothing explains."""
    untold: tuple[str, ...] = ()
    """Fixed words for the structures in which traces were seen that may be the person's or another person's."""
    alone: bool = False
    """Whether nobody stays in the store whose content could be a control."""
    counted: ValueCount = NONE_COUNTED
    """The values of the dataset that are long enough to be looked for."""

    account: RowAccount | None = None
    """Of the files of the dataset's table, where no trace is usable and the store's pages can be told apart."""

    @property
    def controlled(self) -> bool:
        """Whether the scan could see, and read all of the store."""
        return self.controls_found == self.controls_asked and (self.controls_found > 0 or self.alone) and not self.blind

    @property
    def accounted(self) -> bool:
        """Whether the account is the ground of *gone*: no trace is usable, and every byte belongs to something else."""
        return not self.usable and self.account is not None and self.account.whole

    @property
    def verdict(self) -> ScanVerdict:
        """Gone, present or cannot tell; residue that was seen is residue, however blind the scan was otherwise."""
        if self.found:
            return ScanVerdict.PRESENT
        if not (self.usable or self.accounted) or not self.controlled or self.opaque or self.untold:
            return ScanVerdict.CANNOT_TELL
        return ScanVerdict.GONE


@dataclass(frozen=True)
class ScanComparison:
    """The sightings of two scans of one store, as indexes into the traces."""

    before: frozenset[int]
    after: frozenset[int]
    held: frozenset[int]
    """Those seen after that somebody who stays holds as well, or that are kept on purpose."""
    untold: Mapping[int, str] = field(default_factory=dict)
    """Those of the others that were seen nowhere but in held places and in structures that cannot be told apart, with a word for these."""
    controls: frozenset[Control] | None = None
    """The controls that the second scan has to see; None for all that the first one saw."""
    alone: bool = False
    """Whether nobody stays whose content could be one."""


class TraceLedger:
    """Traces by dataset and subject, so that figures for many people cost one pass."""

    def __init__(
        self,
        traces: Traces,
        sight: ScanComparison,
        datasets: Iterable[str],
        blind: int = 0,
        opaque: int = 0,
        counted: Mapping[tuple[Pseudonym, str], ValueCount] | None = None,
    ) -> None:
        """Sort the traces.

        Args:
            traces: all of the order.
            sight: what was seen in this store.
            datasets: names of the datasets that lie in this store; traces of others count as *elsewhere*.
            blind: parts of the store that the scan after could not read (:func:`blinding`).
            opaque: files in places that nothing accounts for, with bytes that nothing explains.
            counted: the values of each person in each dataset, where they were counted.
        """
        # Why the union: what was not seen before but is seen after has come in since, and is residue all the same.
        self._usable = (sight.before | sight.after) - sight.held
        self._left = sight.after - sight.held - sight.untold.keys()
        self._untold = sight.untold
        self._before, self._still = sight.before, sight.after & sight.held
        self._counted = counted or {}
        self._own = frozenset(datasets)
        self._by: dict[tuple[str, Pseudonym], list[int]] = {}
        self._elsewhere: dict[Pseudonym, list[int]] = {}
        for index, each in enumerate(traces.traces):
            if each.subject not in traces.controls:
                self._by.setdefault((each.dataset, each.subject), []).append(index)
                if each.dataset not in self._own:
                    self._elsewhere.setdefault(each.subject, []).append(index)
        asked = staying(traces, sight.before, self._own) if sight.controls is None else sight.controls
        found = staying(traces, sight.after, self._own)
        self._controls = (len(asked), len(asked & found), blind, opaque)
        self._alone = sight.alone and not asked

    def figures(self, dataset: str, subject: Pseudonym) -> Figures:
        """Return the figures for one dataset of this store."""
        counted = self._counted.get((subject, dataset), NONE_COUNTED)
        return replace(self._count(self._by.get((dataset, subject), ())), counted=counted)

    def shared(self, dataset: str, subject: Pseudonym) -> tuple[int, int]:
        """Count the windows seen before, and those of them seen still because content that stays holds them."""
        seen = self._before.intersection(self._by.get((dataset, subject), ()))
        return len(seen), len(seen & self._still)

    def elsewhere(self, subject: Pseudonym) -> Figures:
        """Return the figures for traces of other stores and of the identifier itself.

        Such a trace, seen here, lies in a place that no dataset accounts for.
        """
        indexes = self._elsewhere.get(subject, ())
        seen = self._left.intersection(indexes)
        return Figures(len(indexes), len(seen), len(seen), *self._controls, self._words(indexes), self._alone)

    def _count(self, indexes: Iterable[int]) -> Figures:
        taken = frozenset(indexes)
        return Figures(len(taken), len(taken & self._usable), len(taken & self._left), *self._controls, self._words(taken), self._alone)

    def _words(self, indexes: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted({self._untold[index] for index in indexes if index in self._untold})) if self._untold else ()
