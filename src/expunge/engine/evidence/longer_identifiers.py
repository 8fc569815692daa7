"""Explain hits of an erased person's identifier that lie in a longer identifier of a person who stays: ``customer-10`` in ``customer-101``.

Bytes around a hit tell little: in a database what follows a value may be the next value. So the word is read in decoded cells of the live
rows at the place, of rows that no dataset declares as well, and in files that are text from their first byte to their last. The bytes at
the hit have to spell the same word.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

from expunge.core.datamap.datamap import Dataset, remakes
from expunge.core.datamap.longer_words import alone, longer_words
from expunge.core.datamap.person import Person
from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence import tracing
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.living_identifiers import LivingIdentifiers
from expunge.ports.optional.placing import LiveRows, Lying, PlacingStore
from expunge.ports.optional.schema_listing import UndeclaredListing
from expunge.ports.scanner import SEAM, Residue
from expunge.ports.store import Store

_LARGEST = 1 << 26
"""Bytes of the largest file that is read as a text."""
_AROUND = 512
"""Bytes around a hit in which the longer word lies; an even number, of which every word takes less."""
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
"""Characters that no text has."""
_ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-16-be": "utf-16-be"}
"""Written forms that are read, with their encodings."""
_ONE_OFF: Mapping[tuple[str, str | None], int] = {("utf-16-le", "utf-16-be"): 1, ("utf-16-be", "utf-16-le"): -1}
"""Encoding of a text, and that in which a word of it was seen as well -> where the word lies, seen from there."""

LeftHit: TypeAlias = tuple[int, Residue, Sequence[Lying], Sequence[Dataset]]
"""A hit that nothing explains: the index of its window, its place, what lies there, and the datasets of the file."""


@dataclass
class _Cells:
    """The content of the rows at one place; a tracer."""

    texts: list[str] = field(default_factory=list)
    blobs: list[tuple[str, bytes]] = field(default_factory=list)

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002 - the port's
        self.texts.append(value)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        """A number holds no identifier in which a longer one could lie."""

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """As of a number."""

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:  # noqa: ARG002 - the port's
        self.blobs.append((field, stream.read()))

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:  # noqa: ARG002 - the port's
        self.texts.append(value)

    def lies(self, path: Path, stretches: Sequence[tuple[int, int]]) -> None:
        """Where they lie is known."""


class LongerIdentifiers:
    """Tells which hits lie in longer identifiers of people who stay."""

    def __init__(
        self,
        context: Context,
        traces: Traces,
        stores: Mapping[str, Store],
        placing: Mapping[str, PlacingStore],
        people: Sequence[Person],
        erased: Mapping[str, Sequence[Copy]],
    ) -> None:
        """Take what :func:`expunge.engine.evidence.hits_by_place.explain` has; ``erased`` are copies of the erased people, by dataset."""
        self._context = context
        self._traces = traces
        self._stores = stores
        self._placing = placing
        self._erased = erased
        self._values = sorted({value for person in people for _, value in person.in_unicode_forms().identifiers()})
        self._stays = LivingIdentifiers(context, people)
        self._digests = {each.digest for each in traces.traces if each.dataset == tracing.IDENTIFIERS and each.form in _ENCODINGS}
        self._texts: dict[Path, str | None] = {}
        """The encoding of files that are text."""
        self._cells: dict[tuple[str, LiveRows], _Cells] = {}
        self._undeclared: dict[str, tuple[Dataset, ...]] = {}

    def explained(self, left: Sequence[LeftHit]) -> frozenset[int]:
        """Return the numbers of the hits that lie in a longer identifier of a person who stays; those that cannot be read do not."""
        return frozenset(number for number, hit in enumerate(left) if self._explains(*hit))

    def _explains(self, index: int, place: Residue, lying: Sequence[Lying], datasets: Sequence[Dataset]) -> bool:
        trace = self._traces.traces[index]
        if trace.digest not in self._digests or place.hidden not in {"plain", trace.form} or place.inner is not None:
            return False
        encoding, text = _ENCODINGS.get(trace.form), self._text_of(place.path)
        offset = place.offset
        if text is not None and (text, encoding) in _ONE_OFF:
            # Why: text in one byte order reads as text in the other, a byte beside it.
            offset, encoding = offset + _ONE_OFF[text, encoding], text
        read = _around(place.path, offset, trace.length) if encoding else None
        if encoding is None or read is None:
            return False
        before, window, after = read
        for value in self._values:
            data = value.encode(encoding, "surrogatepass")
            for begin in (each.start() for each in re.finditer(b"(?=" + re.escape(window) + b")", data)):
                head, tail = data[:begin], data[begin + len(window) :]
                if before.endswith(head) and after.startswith(tail):
                    sides = (before[: len(before) - len(head)], after[len(tail) :])
                    if self._is_part(place.path, encoding, value, sides, lying, datasets):
                        return True
        return False

    def _is_part(
        self, path: Path, encoding: str, value: str, sides: tuple[bytes, bytes], lying: Sequence[Lying], datasets: Sequence[Dataset]
    ) -> bool:
        """Return whether an identifier between some bytes is a part of the longer one of a person who stays."""
        if self._text_of(path) == encoding:
            first, last = (each.decode(encoding, "ignore") for each in sides)
            return self._living(first + value + last, len(first), value) != frozenset()
        if not lying or not all(isinstance(each, LiveRows) for each in lying):
            return False
        for each in lying:
            words = self._words_in(datasets, each, value, encoding) if isinstance(each, LiveRows) else frozenset[tuple[str, int]]()
            if not any(
                sides[0].endswith(word[:at].encode(encoding, "surrogatepass"))
                and sides[1].startswith(word[at + len(value) :].encode(encoding, "surrogatepass"))
                for word, at in words
            ):
                return False
        return True

    def _words_in(self, datasets: Sequence[Dataset], lying: LiveRows, value: str, encoding: str) -> frozenset[tuple[str, int]]:
        """Return the longer identifiers in rows, with the place of the value in them; none where it stands there in any other way too."""
        cells = self._read(datasets, lying)
        data = value.encode(encoding, "surrogatepass")
        for name, blob in cells.blobs:
            # Why not what joins two values: the end of a longer identifier lies in it.
            if data in blob and (name != SEAM or _stands_alone(blob, data)):
                return frozenset()
        found = set[tuple[str, int]]()
        for text in cells.texts:
            for begin in _places(text, value):
                words = self._living(text, begin, value)
                if not words:
                    return frozenset()
                found |= {(word, at) for word in words for at in _places(word, value)}
        return frozenset(found)

    def _living(self, text: str, begin: int, value: str) -> frozenset[str]:
        """The longer words around a value that are identifiers of people who stay."""
        words = longer_words(text, begin, begin + len(value))
        return frozenset(word for word in words if self._stays.any((word,))) if words and self._stays.any(words) else frozenset()

    def _read(self, datasets: Sequence[Dataset], lying: LiveRows) -> _Cells:
        """The cells of the live rows at a place, of declared and of other tables."""
        key = (" ".join(dataset.name for dataset in datasets), lying)
        if key not in self._cells:
            cells = self._cells[key] = _Cells()
            for dataset in datasets:
                if not remakes(dataset):
                    self._trace(self._placing[dataset.name], dataset, lying, cells)
            for name in dict.fromkeys(dataset.store for dataset in datasets):
                opened = self._stores[name]
                if isinstance(opened, PlacingStore):
                    for dataset in self._tables(name):
                        self._trace(opened, dataset, lying, cells)
        return self._cells[key]

    def _trace(self, opened: PlacingStore, dataset: Dataset, lying: LiveRows, cells: _Cells) -> None:
        nominated = opened.nominated(dataset, (lying,), self._erased.get(dataset.name, ()))
        copies = [replace(copy, subject=Pseudonym(f"control-{number}")) for number, (_, copy) in enumerate(nominated, start=1)]
        if copies:
            store_calls.trace(self._stores[dataset.store], dataset, copies, cells)

    def _tables(self, store: str) -> tuple[Dataset, ...]:
        """The tables of a store that no dataset declares."""
        if store not in self._undeclared:
            opened = self._stores[store]
            ignored = [each for each in self._context.data_map.ignore if each.store == store]
            listed = store_calls.undeclared_tables(opened, ignored) if isinstance(opened, UndeclaredListing) else ()
            self._undeclared[store] = tuple(table.dataset for table in listed if table.dataset.table)
        return self._undeclared[store]

    def _text_of(self, path: Path) -> str | None:
        """The encoding of a file that is nothing but text; None for any other."""
        if path not in self._texts:
            self._texts[path] = _encoding(path)
        return self._texts[path]


def too_many(found: Sequence[Residue], traces: Traces, most: int) -> frozenset[int]:
    """Return the windows of which a scan reported so many places that there may be more."""
    counts = Counter(place.trace for place in found)
    return frozenset(index for index, trace in enumerate(traces.traces) if counts[trace] >= most)


def _places(text: str, value: str) -> Iterator[int]:
    return (each.start() for each in re.finditer(f"(?={re.escape(value)})", text))


def _stands_alone(blob: bytes, data: bytes) -> bool:
    text, value = blob.decode("latin-1"), data.decode("latin-1")
    return any(alone(text, begin, value, ascii_only=True) for begin in _places(text, value))


def _around(path: Path, offset: int, length: int) -> tuple[bytes, bytes, bytes] | None:
    """The bytes before a window, the window, and those after it; None where they cannot be read."""
    first = max(0, offset - _AROUND)
    try:
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(offset - first + length + _AROUND)
    except OSError:
        return None
    at = offset - first
    return data[:at], data[at : at + length], data[at + length :]


def _encoding(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    marks = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    encoding = marks.get(data[:2], "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _BINARY.search(text) else encoding
