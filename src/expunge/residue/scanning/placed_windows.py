"""Find which bystander's content holds which traces, one item at a time: a hit at a place is explained by the item there or by none."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np

from expunge.core.evidence.traces import Traces
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import SEAM
from expunge.residue.forms.finder import windows
from expunge.residue.forms.words import FORM as WORDS
from expunge.residue.forms.written import Written
from expunge.residue.matching.matcher import PADDING, SameTraces
from expunge.residue.matching.session import Allowance, Limits, RunOrigin
from expunge.residue.scanning.byte_stream import add_small, container_starts
from expunge.residue.scanning.shared_windows import SharedWindowSearch
from expunge.residue.take import word_windows
from expunge.residue.take.written_forms import SHORTEST, dress, utf8

_GATHERED = 1 << 18
_PAD = bytes(PADDING)
_NOWHERE = Path()


class PlacedWindowSearch(SharedWindowSearch):
    """Implements ``ports.scanner.PlacedTracer``: like the search over everybody's content, with the subject of each value kept.

    Values are gathered and searched together, because a pass over a buffer costs the same for 10 bytes as for 10,000. The place of a hit in
    the buffer tells whose value it was.
    """

    def __init__(self, traces: Traces, candidates: Iterable[int], limits: Limits) -> None:
        super().__init__(traces, candidates, limits)
        self._held: dict[Pseudonym, set[int]] = {}
        self._begins: list[int] = []
        self._owners: list[tuple[Pseudonym, bool]] = []
        self._owner = Pseudonym("")
        self._joint = False
        """Whether the content joins two values of a row: that accounts for traces of such joints, and for no value."""
        self._joints = frozenset(index for index, trace in enumerate(traces.traces) if trace.part == SEAM)

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002 - the port's shape
        """Search a string in every form in which a candidate was taken."""
        self._owner = subject
        for _, data in dress(value, self._forms):
            self._gather(data)
        if WORDS in self._forms:
            self._gather(self._between_bytes.join(word_windows.normal(value)))
        if "fragment" in self._forms and (folded := value.lower()) != value:
            self._gather(utf8(folded))
        self._search_when_full()

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        """Search a number, packed and printed."""
        self._owner = subject
        super().number(subject, dataset, field, value)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """Search a vector, packed and printed."""
        self._owner = subject
        super().vector(subject, dataset, field, value)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        """Search bytes or media: as they are, decoded, and in the forms that bytes can take."""
        self._owner, self._joint = subject, field == SEAM
        super().blob(subject, dataset, field, stream)
        # Why at once: what a container holds is reported without a place in the buffer, and must not be taken for the next subject's.
        self._session.flush()
        self._joint = False

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """Search a name."""
        self.text(subject, dataset, "name", value)
        stem = PurePath(value).stem
        if stem != value:
            self.text(subject, dataset, "name", stem)

    def held_by(self) -> Mapping[Pseudonym, frozenset[int]]:
        """Return the indexes of the candidates that each subject's content holds."""
        self._search_values()
        return {subject: frozenset(found) for subject, found in self._held.items()}

    def held(self) -> frozenset[int]:
        """Return the indexes of the candidates that any content holds."""
        return frozenset().union(*self.held_by().values())

    def _gather(self, data: bytes) -> None:
        if len(data) >= SHORTEST:
            self._begins.append(len(self._values))
            self._owners.append((self._owner, self._joint))
            self._values += data
            self._values += self._between_bytes

    def _add(self, data: bytes) -> None:
        self._gather(data)
        if self._wrapped:
            # Why each value by itself: the place of a hit tells whose value it was.
            self._search_wrapped(data)
        self._search_when_full()

    def _search_when_full(self) -> None:
        if len(self._values) >= _GATHERED:
            self._search_values()

    def _search_values(self) -> None:
        values, self._values = bytes(self._values), bytearray()
        begins, self._begins = self._begins, []
        owners, self._owners = self._owners, []
        for place, _, alike in self._matcher.find(np.frombuffer(values + _PAD, dtype=np.uint8), len(values)) if begins else ():
            self._note_held(*owners[bisect_right(begins, place) - 1], alike)

        def opened(written: Written, place: Callable[[int], int]) -> None:
            for at in container_starts(written.data):
                self._owner, self._joint = owners[bisect_right(begins, place(at)) - 1]
                add_small(self._session, RunOrigin(_NOWHERE), Allowance.of(self._limits, 0), written.rest(at), None)
                self._session.flush()

        owner = self._owner, self._joint
        for place, alike in windows(self._matcher, values, opened) if begins else ():
            self._note_held(*owners[bisect_right(begins, place) - 1], alike)
        self._owner, self._joint = owner

    def _find(self, data: bytes) -> None:
        self._gather(data)

    def _note(self, _where: RunOrigin, _offset: int, alike: SameTraces) -> None:
        self._note_held(self._owner, self._joint, alike)

    def _note_held(self, subject: Pseudonym, joint: bool, alike: SameTraces) -> None:
        self._held.setdefault(subject, set()).update(self._joints.intersection(alike.traces) if joint else alike.traces)
