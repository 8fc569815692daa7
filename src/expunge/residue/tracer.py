"""Takes traces: real content goes in, keyed fingerprints of windows of it come out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import BinaryIO

from expunge.core.ids import Pseudonym
from expunge.core.traces import Trace, Traces
from expunge.residue import media
from expunge.residue.forms import (
    SHORTEST,
    clip,
    dress,
    forms_of_number,
    forms_of_vector,
    fragments,
    pieces,
    printed,
    size_of,
    spread,
    telling,
    utf8,
    wrap,
)
from expunge.residue.harvest import Harvest
from expunge.residue.keyed import Secret

_VECTOR_WINDOW = 32
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?)?")
"""A date, or a time to the second (ISO 8601), and nothing else."""


class Collector:
    """Collects fingerprints; implements ``ports.scanner.CollectingTracer``.

    The budget counts windows of content as it is, per subject, dataset and field. Each window is a fingerprint; with a budget above one its
    other written forms are more, up to a bound (see :class:`~expunge.residue.harvest.Harvest`).
    """

    def __init__(self, key: bytes, budget: int) -> None:
        if budget < 1:
            message = "a budget below one window traces nothing"
            raise ValueError(message)
        self._key = key
        self._secret = Secret(key)
        self._budget = budget
        self._harvests: dict[tuple[Pseudonym, str, str], Harvest] = {}
        self._rejected = 0

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        """Trace a string: all of it when short, else windows from the starts of words; each in every written form."""
        if len(utf8(value)) < SHORTEST or _MOMENT.fullmatch(value):
            # Why a moment says too little: many people's rows were written in the same second, and all of them would have to be asked.
            self._rejected += 1
            return
        rank = 0
        for rank, piece in enumerate(pieces(value, self._budget)):
            self._dressed(subject, dataset, field, rank, piece)
        for piece in fragments(value):
            rank += 1
            if telling(utf8(piece)):
                self._take((subject, dataset, field), rank, "fragment", utf8(piece), dressed=True)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        """Trace a number that is long enough: 8 packed bytes, or 8 digits."""
        taken = False
        for form, data in forms_of_number(value):
            wanted = 5 if form.startswith("float64") else 4
            if len(data) >= SHORTEST and len(set(data)) >= wanted:
                self._take((subject, dataset, field), 0, form, data, dressed=False)
                taken = True
        if not taken:
            self._rejected += 1

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """Trace an embedding: windows of its packed forms, and single numbers as they are printed."""
        where = (subject, dataset, field)
        numbers = [float(each) for each in value]
        for form, data in forms_of_vector(numbers):
            step = size_of(form)
            window = min(_VECTOR_WINDOW, len(data))
            for rank, index in enumerate(spread((len(data) - window) // step + 1 if data else 0, self._budget)):
                self._offer(where, rank, form, data[index * step : index * step + window], dressed=form.endswith("-be"))
        for rank, index in enumerate(spread(len(numbers), self._budget)):
            for text in printed(numbers[index]):
                if len(text) >= 10:
                    self._take(where, rank, "printed", text.encode(), dressed=True)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        """Trace bytes or media: raw windows, decoded samples of WAV and FLAC, and text where the bytes are text."""
        where = (subject, dataset, field)
        read = media.read(stream)
        self._rejected += read.raw.rejected + read.sound.rejected
        for rank, window in enumerate(read.sound.best(self._budget)):
            self._offer(where, rank, "pcm16", window)
            swapped = bytearray(window)
            swapped[0::2], swapped[1::2] = window[1::2], window[0::2]
            self._offer(where, rank, "pcm16-be", bytes(swapped), dressed=True)
        for rank, window in enumerate(read.raw.best(self._budget)):
            self._offer(where, rank, "bytes", window)
            if rank < 2:
                for form, data in wrap(window):
                    self._offer(where, rank + 1, form, data, dressed=True)
        if read.text is not None:
            for value in media.strings(read.text):
                if len(utf8(value)) >= SHORTEST:
                    self.text(subject, dataset, field, value)

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """Trace a file or folder name, and the name without its ending."""
        whole = len(utf8(value)) >= SHORTEST
        if not whole:
            self._rejected += 1
            return
        self._dressed(subject, dataset, "name", 0, value)
        stem = PurePath(value).stem
        if stem != value and len(utf8(stem)) >= SHORTEST:
            self._dressed(subject, dataset, "name", 1, stem)

    def traces(self, controls: Iterable[Pseudonym] = ()) -> Traces:
        """What was collected so far."""
        found = tuple(trace for harvest in self._harvests.values() for trace in harvest.take())
        return Traces(self._key, found, frozenset(controls))

    def rejected(self) -> int:
        """How many windows and values were left out as saying too little."""
        return self._rejected

    def _dressed(self, subject: Pseudonym, dataset: str, field: str, rank: int, piece: str) -> None:
        if not telling(utf8(piece)):
            self._rejected += 1
            return
        for form, data in dress(piece, None if self._budget > 1 else ()):
            self._offer((subject, dataset, field), rank, form, clip(data), dressed=form != "utf-8")

    def _offer(self, where: tuple[Pseudonym, str, str], rank: int, form: str, data: bytes, *, dressed: bool = False) -> None:
        if telling(data):
            self._take(where, rank, form, data, dressed=dressed)
        else:
            self._rejected += 1

    def _take(self, where: tuple[Pseudonym, str, str], rank: int, form: str, data: bytes, *, dressed: bool) -> None:
        data = clip(data)
        width = 16 if len(data) >= 16 else 8
        subject, dataset, field = where
        trace = Trace(subject, dataset, field, form, self._secret.anchor(data, width), width, len(data), self._secret.digest(data))
        self._harvests.setdefault(where, Harvest(self._budget)).add(rank, trace, dressed=dressed)
