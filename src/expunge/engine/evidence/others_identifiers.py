"""Explain hits by identifiers of people who stay.

:class:`LongerIdentifiers` finds those of an erased person's identifier that lie in a longer one: ``customer-10`` in ``customer-101``.
:class:`OthersIdentifiers` finds those of content that is one: an erased person's row named the other person.

Bytes around a hit tell little: in a database what follows a value may be the next value. So the word is read in decoded cells of the live
rows at the place, of rows that no dataset declares as well, and in files that are text from their first byte to their last. The bytes at
the hit have to spell the same word.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeAlias

from expunge.core.datamap.datamap import Dataset, remakes
from expunge.core.datamap.longer_words import longer_words
from expunge.core.datamap.mentions import is_prose
from expunge.core.datamap.person import Person
from expunge.core.evidence.traces import IDENTIFIERS, Trace, Traces
from expunge.core.evidence.window_choice import FRAGMENT
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence import traced_cells, tracing
from expunge.engine.evidence.file_hits import HitPlaces
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.bytes_at_hits import BytesAtHits
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.rows_at_places import RowsAtPlaces
from expunge.engine.subjects.living_identifiers import LivingIdentifiers, NamingColumns
from expunge.ports.optional.placing import LiveRows, Lying, PlacingStore
from expunge.ports.optional.schema_listing import UndeclaredListing
from expunge.ports.scanner import SEAM, Residue
from expunge.ports.store import Store

_LARGEST = 1 << 26
"""Bytes of the largest file that is read as a text."""
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
"""Characters that no text has."""
_ENCODINGS = {"utf-8": "utf-8", FRAGMENT: "utf-8", "utf-16": "utf-16-le", "utf-16-be": "utf-16-be"}
"""Written forms that are read, with their encodings."""
_WRITTEN = {**_ENCODINGS, "bytes": "utf-8", "printed": "utf-8", **dict.fromkeys(("lower", "upper", "composed", "decomposed"), "utf-8")}
"""Written forms of content that may be an identifier, with their encodings."""
_JOINED = frozenset({"bytes", "utf-8"})
"""Forms of joints that are read."""
_JOINT = 16
"""Bytes of a value that a joint takes."""
_MOST_PEOPLE = 20_000
"""People who stay whose identifiers are compared with hits in containers."""
_ONE_OFF: Mapping[tuple[str, str | None], int] = {("utf-16-le", "utf-16-be"): 1, ("utf-16-be", "utf-16-le"): -1}
"""Encoding of a text, and that in which a word of it was seen as well -> where the word lies, seen from there."""

_BY_ROW = frozenset({"postgres toast", "postgres toast pglz", "postgres toast lz4", "sqlite overflow"})
"""Content that is a value of the live row that names it, whole, so that the cells of the row say what lies there."""
_RowPlace: TypeAlias = tuple[Path, LiveRows]
LeftHit: TypeAlias = tuple[int, Residue, Sequence[Lying], Sequence[Dataset]]
"""A hit that nothing explains: the index of its window, its place, what lies there, and the datasets of the file."""


@dataclass
class _Cells:
    """The content of the rows at one place."""

    texts: list[str] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    seams: list[bytes] = field(default_factory=list)
    """What joins two values of a row."""

    def hold(self, value: str, encoding: str) -> bool:
        """Return whether a value stands in them in any way."""
        data = value.encode(encoding, "surrogatepass")
        return any(value in text for text in self.texts) or any(data in blob for blob in (*self.blobs, *self.seams))


class _RowCells:
    """Takes the content of rows, by their places; a tracer."""

    def __init__(self, cells: dict[_RowPlace, _Cells]) -> None:
        self._cells = cells
        self._at: dict[Pseudonym, _Cells] = {}

    def noted(self, rows: Iterable[tuple[_RowPlace, Copy]]) -> Iterator[tuple[_RowPlace, Copy]]:
        """Yield rows, and note where they lie."""
        for place, copy in rows:
            self._at[copy.subject] = self._cells.setdefault(place, _Cells())
            yield place, copy

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002 - the port's
        self._at[subject].texts.append(value)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        """A number holds no identifier in which a longer one could lie."""

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """As of a number."""

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:  # noqa: ARG002 - the port's
        cells = self._at[subject]
        (cells.seams if field == SEAM else cells.blobs).append(stream.read())

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:  # noqa: ARG002 - the port's
        self._at[subject].texts.append(value)

    def lies(self, path: Path, stretches: Sequence[tuple[int, int]]) -> None:
        """Where they lie is known."""


@dataclass(frozen=True)
class _Part:
    """An erased person's identifier at a hit."""

    value: str
    """Empty where the row alone tells which one it is."""
    encoding: str
    sides: tuple[bytes, bytes] | None
    """The bytes before and after it; None where the row alone tells what lies there."""


class LongerIdentifiers:
    """Tells which hits lie in longer identifiers of people who stay."""

    def __init__(
        self,
        context: Context,
        traces: Traces,
        stores: Mapping[str, Store],
        people: Sequence[Person],
        erased: Mapping[str, Sequence[Copy]],
    ) -> None:
        """Take what :func:`expunge.engine.evidence.hits_by_place.explain` has; ``erased`` are copies of the erased people, by dataset."""
        self._context = context
        self._traces = traces
        self._stores = stores
        self._erased = erased
        self._values = sorted({value for person in people for _, value in person.in_unicode_forms().identifiers()})
        self._stays = LivingIdentifiers(context, people)
        self._bytes = BytesAtHits(context.scanner)
        self._digests = {each.digest for each in traces.traces if each.dataset == IDENTIFIERS and each.form in _ENCODINGS}
        self._texts: dict[Path, str | None] = {}
        """The encoding of files that are text."""
        self._cells: dict[_RowPlace, _Cells] = {}
        self._reading = RowsAtPlaces(stores)

    def explained(self, left: Sequence[LeftHit]) -> frozenset[int]:
        """Return the numbers of the hits that lie in a longer identifier of a person who stays; those that cannot be read do not."""
        found, open_hits = set[int](), dict[int, Sequence[_Part]]()
        with self._bytes:
            for number, (index, place, _, _) in enumerate(left):
                parts = tuple(self._parts(index, place))
                if any(part.encoding == self._text_of(place.path) and self._in_text(part) for part in parts):
                    found.add(number)
                elif parts:
                    open_hits[number] = parts
        lying = self._lying({number: left[number] for number in open_hits})
        found.update(number for number, parts in open_hits.items() if any(self._in_rows(part, lying[number]) for part in parts))
        return frozenset(found)

    # --- what is written there ----------------------------------------------------------------------

    def _parts(self, index: int, place: Residue) -> Iterator[_Part]:
        """The identifiers that may stand at a hit."""
        trace = self._traces.traces[index]
        encoding, text = _ENCODINGS.get(trace.form), self._text_of(place.path)
        if encoding is None or trace.digest not in self._digests:
            return
        packing = place.hidden.removesuffix(f" > {trace.form}")
        if packing in _BY_ROW:
            yield _Part("", encoding, None)
            return
        offset = place.offset
        if text is not None and (text, encoding) in _ONE_OFF:
            # Why: text in one byte order reads as text in the other, a byte beside it.
            offset, encoding = offset + _ONE_OFF[text, encoding], text
        read = self._bytes.around(place, trace.form, trace.length, offset)
        if read is None:
            return
        before, window, after = read
        for value in self._values:
            data = value.encode(encoding, "surrogatepass")
            for begin in (each.start() for each in re.finditer(b"(?=" + re.escape(window) + b")", data)):
                head, tail = data[:begin], data[begin + len(window) :]
                if before.endswith(head) and after.startswith(tail):
                    yield _Part(value, encoding, (before[: len(before) - len(head)], after[len(tail) :]))

    def _in_text(self, part: _Part) -> bool:
        """Return whether an identifier in a text is a part of the longer one of a person who stays."""
        assert part.sides is not None
        first, last = (each.decode(part.encoding, "ignore") for each in part.sides)
        return self._living(first + part.value + last, len(first), part.value) != frozenset()

    def _text_of(self, path: Path) -> str | None:
        """The encoding of a file that is nothing but text; None for any other."""
        if path not in self._texts:
            self._texts[path] = _encoding(path)
        return self._texts[path]

    # --- whose row it is ----------------------------------------------------------------------------

    def _in_rows(self, part: _Part, lying: Sequence[_RowPlace]) -> bool:
        """Return whether an identifier is a part of the longer one of a person who stays, in each of the rows at its place."""
        return bool(lying) and all(self._in_cells(part, self._cells.get(each, _Cells())) for each in lying)

    def _in_cells(self, part: _Part, cells: _Cells) -> bool:
        if part.sides is None:
            standing = [value for value in self._values if cells.hold(value, part.encoding)]
            return bool(standing) and all(self._words_in(cells, value, part.encoding) for value in standing)
        words = self._words_in(cells, part.value, part.encoding)
        before, after = part.sides
        return any(
            before.endswith(word[:at].encode(part.encoding, "surrogatepass"))
            and after.startswith(word[at + len(part.value) :].encode(part.encoding, "surrogatepass"))
            for word, at in words
        )

    def _words_in(self, cells: _Cells, value: str, encoding: str) -> frozenset[tuple[str, int]]:
        """Return the longer identifiers in rows, with the place of the value in them; none where it stands there in any other way too."""
        data = value.encode(encoding, "surrogatepass")
        if any(data in blob for blob in cells.blobs) or any(_crosses(seam, data, cells.texts, encoding) for seam in cells.seams):
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

    # --- rows ---------------------------------------------------------------------------------------

    def _lying(self, hits: Mapping[int, LeftHit]) -> Mapping[int, Sequence[_RowPlace]]:
        """Return the rows at the places of hits, and read them; none where anything else lies there too."""
        beside = self._undeclared() if hits else ()
        places = HitPlaces(self._context, self._stores, beside)
        at = {(index, place): (lying, datasets) for index, place, lying, datasets in hits.values() if lying}
        unknown = [place for index, place, lying, _ in hits.values() if not lying]
        sorted_hits = places.sorted_hits(self._traces, frozenset(index for index, _, lying, _ in hits.values() if not lying), unknown)
        for each in sorted_hits.by_file:
            places.read(each)
            at.update((hit, (lying, ())) for hit, lying in zip(each.places, each.at, strict=True))
        found = dict[int, Sequence[_RowPlace]]()
        wanted = dict[str, dict[_RowPlace, None]]()
        for number, (index, place, _, _) in hits.items():
            lying, datasets = at.get((index, place), ((), ()))
            rows = [(place.path, each) for each in lying if isinstance(each, LiveRows)]
            found[number] = rows if len(rows) == len(lying) else ()
            for name in {dataset.name for dataset in datasets if not remakes(dataset)} if found[number] else ():
                wanted.setdefault(name, {}).update((row, None) for row in rows)
        every = dict.fromkeys(row for rows in found.values() for row in rows)
        for name, some in wanted.items():
            self._read(self._context.data_map.datasets[name], list(some))
        unread = set[_RowPlace]()
        for dataset, opened in beside:
            held = list(every)
            try:
                paths = {path for path in {path for path, _ in every} if opened.holds(dataset, path)}
                held = [row for row in every if row[0] in paths]
                self._read(dataset, held)
            except store_calls.TROUBLE:
                # Why no trouble: a table that may not be read explains nothing.
                unread.update(held)
        return {number: () if unread.intersection(rows) else rows for number, rows in found.items()}

    def _read(self, dataset: Dataset, places: Sequence[_RowPlace]) -> None:
        """Read the cells of the rows of one dataset at some places."""
        rows = self._reading.nominated(dataset, [lying for _, lying in places], self._erased.get(dataset.name, ()))
        tracer = _RowCells(self._cells)
        self._reading.trace(dataset, tracer.noted((places[index], copy) for index, copy in rows), tracer)

    def _undeclared(self) -> tuple[tuple[Dataset, PlacingStore], ...]:
        """The tables that no dataset declares, of stores that read rows by their place."""
        return tuple(
            (table.dataset, opened)
            for name, opened in self._stores.items()
            if isinstance(opened, PlacingStore) and isinstance(opened, UndeclaredListing)
            for table in store_calls.undeclared_tables(opened, [each for each in self._context.data_map.ignore if each.store == name])
            if table.dataset.table
        )


class OthersIdentifiers:
    """Tells which hits of content are identifiers of people who stay, or parts of them.

    A column that neither the schema nor the map calls a mention may name another person. Its value was traced as content of the row, and
    lies wherever that other person is named. It says nothing about the erased person, not even where no live row lies. An identifier of
    several words, as people choose them for themselves, counts in a column that names people alone: it may be a sentence elsewhere.
    """

    def __init__(self, context: Context, traces: Traces, people: Sequence[Person], erased: Mapping[str, Sequence[Copy]]) -> None:
        """Take the order's traces and the erased people, whose own identifiers are never another person's; ``erased`` are their copies."""
        self._context = context
        self._traces = traces
        self._erased = erased
        self._bytes = BytesAtHits(context.scanner)
        self._stays = LivingIdentifiers(context, people)
        self._columns = NamingColumns(context, self._stays, erased)
        self._values = sorted({value.casefold() for person in people for _, value in person.in_unicode_forms().identifiers()})
        self._own = {each.digest for each in traces.traces if each.dataset == IDENTIFIERS and each.form != FRAGMENT}
        """Whole identifiers of the erased people, and windows of them."""

    def explained(self, hits: Sequence[tuple[int, Residue]]) -> frozenset[int]:
        """Return the numbers of these hits; those that cannot be read are not among them. Raises as ``locate`` of the stores."""
        words: dict[int, frozenset[str]] = {}
        packed = set[int]()
        with self._bytes:
            for number, (index, place) in enumerate(hits):
                trace = self._traces.traces[index]
                if trace.part == SEAM and trace.form != FRAGMENT:
                    words[number] = frozenset(self._beside_a_byte(trace, place))
                else:
                    words[number] = frozenset(self._words(trace, place))
                    if not words[number] and trace.digest not in self._own:
                        packed.add(number)
        # Why at once: each question costs a statement, whatever the number of words.
        self._stays.any(frozenset[str]().union(*words.values()))
        found = {number for number, some in words.items() if self._are_others(self._traces.traces[hits[number][0]], some)}
        if packed:
            keys, names = (self._windows_of_identifiers(prose=prose) for prose in (False, True))
            for number in packed:
                trace = self._traces.traces[hits[number][0]]
                if trace.digest in keys or (trace.digest in names and self._columns.names_people(trace.dataset, trace.part)):
                    found.add(number)
        return frozenset(found)

    def _are_others(self, trace: Trace, words: frozenset[str]) -> bool:
        """Return whether one of the words at a hit is an identifier of a person who stays."""
        living = self._stays.among(words) if words and self._stays.any(words) else frozenset()
        return any(not is_prose(word) for word in living) or (
            bool(living) and (trace.dataset == IDENTIFIERS or self._columns.names_people(trace.dataset, trace.part))
        )

    def _windows_of_identifiers(self, *, prose: bool) -> frozenset[bytes]:
        """Return the digests of windows of the identifiers of people who stay, of several words or not; none for too many people.

        Bytes in a container are not read again. There the window has to be one of an identifier, as those of the order were taken.
        """
        tracers = [self._context.scanner.tracer(self._traces.key, budget=budget) for budget in (1, tracing.MOST_WINDOWS)]
        for identity in self._context.data_map.identities.values():
            home = self._context.data_map.datasets[identity.dataset]
            opened, fields = self._context.open_store(home.store), {identity.key, *identity.also}
            staying = [*islice(store_calls.bystanders(opened, home, self._erased.get(home.name, ()), None), _MOST_PEOPLE + 1)]
            if len(staying) > _MOST_PEOPLE:
                return frozenset()
            for tracer in tracers:
                store_calls.trace(opened, home, staying, traced_cells.of_identifiers(tracer, fields, prose=prose))
        return frozenset(trace.digest for tracer in tracers for trace in tracer.traces().traces)

    def _words(self, trace: Trace, place: Residue) -> Iterator[str]:
        """Yield what stands at a hit, and the longer words around it."""
        encoding = _WRITTEN.get(trace.form)
        read = self._bytes.around(place, trace.form, trace.length) if encoding is not None else None
        if encoding is None or read is None:
            return
        before, window, after = read
        try:
            text = window.decode(encoding)
        except UnicodeDecodeError:
            return
        first, last = before.decode(encoding, "ignore"), after.decode(encoding, "ignore")
        yield text
        own = trace.digest in self._own
        stands = (own or trace.form == FRAGMENT) and self._stands(first.casefold(), text.casefold(), last.casefold())
        if not (own and stands):
            for word in longer_words(first + text + last, len(first), len(first) + len(text)):
                yield word
                if not word.startswith(text):
                    # Why: in a page a letter may stand before a value, a part of what says its length.
                    yield word[1:]
                if not stands and (own or trace.form == FRAGMENT):
                    # Why: in a page what follows a value may be letters too. Elsewhere it might be the end of another word.
                    yield from (some[:-cut] for some in (word, word[1:]) for cut in (1, 2) if len(some) - cut > len(text))

    def _beside_a_byte(self, trace: Trace, place: Residue) -> Iterator[str]:
        """Yield what stands at a hit of a joint beside one byte: a small number, which says nothing, or the number of a row in an index."""
        read = self._bytes.around(place, trace.form, trace.length) if trace.form in _JOINED else None
        if read is None or trace.digest in self._own:
            return
        before, window, after = (part.decode("latin-1") for part in read)
        behind, ahead = window[1:], window[:-1]
        yield from (behind, ahead)
        # Why longer ones: a joint has the beginning of a value, or its end. In a page what stands beside the value may be letters too.
        if len(behind) == _JOINT:
            words = longer_words(behind + after, 0, _JOINT)
            yield from (word[: len(word) - cut] for word in words for cut in (0, 1, 2) if len(word) - cut > _JOINT)
        if len(ahead) == _JOINT:
            words = longer_words(before + ahead, len(before), len(before) + _JOINT)
            yield from (word[cut:] for word in words for cut in (0, 1) if len(word) - cut > _JOINT)

    def _stands(self, first: str, text: str, last: str) -> bool:
        """Return whether an identifier of an erased person stands around a hit, whole: then what follows may be another value."""
        return any(
            first.endswith(value[:at]) and last.startswith(value[at + len(text) :]) for value in self._values for at in _places(value, text)
        )


def too_many(found: Sequence[Residue], traces: Traces, most: int) -> frozenset[int]:
    """Return the windows of which a scan reported so many places that there may be more."""
    counts = Counter(place.trace for place in found)
    return frozenset(index for index, trace in enumerate(traces.traces) if counts[trace] >= most)


def _places(text: str, value: str) -> Iterator[int]:
    return (each.start() for each in re.finditer(f"(?={re.escape(value)})", text))


def _crosses(seam: bytes, data: bytes, texts: Sequence[str], encoding: str) -> bool:
    """Return whether the end of one value and the beginning of the next make a value of them."""
    ends = [text.encode(encoding, "surrogatepass") for text in texts]
    return any(
        any(end.endswith(seam[:joint]) for end in ends) and any(end.startswith(seam[joint:]) for end in ends)
        for begin in (each.start() for each in re.finditer(b"(?=" + re.escape(data) + b")", seam))
        for joint in range(begin + 1, begin + len(data))
    )


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
