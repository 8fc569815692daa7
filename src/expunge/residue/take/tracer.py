"""Take traces: real content goes in, keyed fingerprints of windows of it come out."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import BinaryIO
from zlib import crc32

from expunge.core.evidence.traces import ANCHOR_FOLDED, FOLDED, IDENTIFIERS, Trace, Traces
from expunge.core.evidence.window_choice import ValueCount
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import KEY, SEAM, Stretch
from expunge.residue.forms import words
from expunge.residue.matching import folding
from expunge.residue.matching.keyed_hash import Secret
from expunge.residue.take import media_windows, said_content, word_windows
from expunge.residue.take.moments import is_moment, part_of_moment
from expunge.residue.take.schema_words import SchemaWords
from expunge.residue.take.value_windows import MOST_SOURCES, OF_A_VALUE, ValueWindows
from expunge.residue.take.window_sample import DRESSED, FORMS, ContentWindow, WindowSample
from expunge.residue.take.written_forms import (
    SHORTEST,
    bytes_of_uuid,
    clip,
    dress,
    forms_of_number,
    fragments,
    highest_first,
    names_person,
    other_letters,
    pieces,
    printed,
    spread,
    telling,
    utf8,
    windows_of_vector,
    wrap,
)

_VECTOR_WINDOW = 32
_DOCUMENT = frozenset("{[")
"""What a JSON document begins with."""
_AGAIN = 16
"""Windows of a text that are offered instead where the only one that is wanted says nothing."""
_KEPT = 1 << 14
"""Characters of a value that are kept until it is known whether parts of it are traced too."""

_ANCHORED = 16
"""Bytes that a scan compares first."""

_AS_TEXT = frozenset({"utf-8", "bytes"})
"""Forms whose windows may lie in a schema as they are ..."""
_IN_SCHEMA = _AS_TEXT | {words.FORM}
_LIKE_TEXT = _AS_TEXT | {
    "fragment",
    "lower",
    "upper",
    "composed",
    "decomposed",
    "json",
    "json-utf-8",
    "json-slash",
    "sql",
    "csv",
    "html",
    "url",
    "latin-1",
    words.FORM,
}
"""... and other forms that come out like words of one."""

_FOLDED = frozenset({"utf-8", "lower", "upper", "simplified", "composed", "decomposed", words.FORM})
"""Forms of text in which letter case and white space may be another."""

_AS_IT_IS = frozenset({"utf-8"})
_SAME_FOLDED = _AS_IT_IS | {"lower", "upper"}
"""Forms that come out alike where there are no letters beyond ASCII."""

_TWINS = frozenset({"float64-be"})
"""Forms of a number that is kept lowest byte first nearly everywhere."""

_Taken = tuple[str, bytes, Sequence[int]]
"""A form, the window written in it, and the numbers of the values that it is a part of."""
TracedField = tuple[Pseudonym, str, str]
"""Subject, dataset, field."""


class Collector:
    """Collects fingerprints; implements ``ports.scanner.CollectingTracer``.

    The budget counts windows of content as it is, per subject, dataset and field. Which windows are taken is known at the end
    (:class:`~expunge.residue.take.window_sample.WindowSample`); only then are they hashed, and with a
    budget above one the first of them written in other
    forms as well. So most values of a large order cost one checksum. Beside them a few windows of each value are taken, up to a number that
    all people and fields of a store share (:class:`~expunge.residue.take.value_windows.ValueWindows`).
    """

    def __init__(self, key: bytes, budget: int, words: Iterable[str] = (), identifiers: Iterable[str] = ()) -> None:
        if budget < 1:
            message = "a budget below one window traces nothing"
            raise ValueError(message)
        self._key = key
        self._secret = Secret(key)
        self._seed = int.from_bytes(blake2b(b"draw", key=key, person=b"expunge/trace/1", digest_size=4).digest(), "big")
        self._budget = budget
        self._schema = SchemaWords(words, identifiers)
        self._harvests: dict[TracedField, WindowSample] = {}
        self._others: dict[TracedField, WindowSample] = {}
        """Of what is content in another form from the start."""
        self._own = ValueWindows()
        """Of each value; the harvests are samples."""
        self._rejected = 0
        self._value = 0
        """The number of the value that is handed over."""
        self._lying: dict[Path, set[Stretch]] = {}
        self._bystanders: frozenset[Pseudonym] = frozenset()
        """People who stay, known when traces are asked for."""
        self._sources: list[Sequence[int]] | None = None
        """Of the traces that were returned last: choosing them takes as long as hashing them."""

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        """Trace a string: all of it when short, else windows from the starts of words; the first of them in every written form."""
        self._begin()
        moment = is_moment(value) and not self._schema.is_identifier(value)
        if moment or (len(value) < SHORTEST and len(utf8(value)) < SHORTEST):
            # Why a moment says too little: many people's rows were written in the same second, and all of them would have to be asked.
            self._rejected += 1
            return
        if field == KEY:
            self._schema.learn_key(subject, value)
        elif value[:1] in _DOCUMENT:
            self._schema.learn(subject, value)
        else:
            self._schema.learn_sentence(subject, value)
        self._pieces((subject, dataset, field), value)
        if self._budget > 1 and value[:1] in _DOCUMENT:
            self._inside((subject, dataset, field), value)
        if self._budget > 1 and (packed := bytes_of_uuid(value)):
            self._take(self._others, (subject, dataset, field), 0, "bytes", packed)
        parts = media_windows.strings(value) if self._budget > 1 and value[:1] in _DOCUMENT else (value,)
        for part in parts:
            self._said((subject, dataset, field), said_content.of_text(part))
        self._said((subject, dataset, field), said_content.of_words(value))

    def _pieces(self, where: TracedField, value: str) -> None:
        taken = True
        for rank, piece in enumerate(pieces(value, self._budget)):
            taken = self._offer(where, rank, "utf-8", utf8(piece), piece, None if rank else value)
        if self._budget == 1 and not taken:
            again = enumerate(pieces(value, _AGAIN))
            any(self._offer(where, rank, "utf-8", utf8(piece), piece) for rank, piece in again)
        self._words(where, value)

    def _words(self, where: TracedField, value: str) -> None:
        """Trace the words of a sentence, as a copy has them that gives each its time. Of a document its strings are sentences."""
        if len(value) < SHORTEST or value[:1] in _DOCUMENT or not self._own.takes_beside(where):
            return
        for window in word_windows.windows(value[:_KEPT], OF_A_VALUE):
            if telling(window) and not self._schema.cover(window):
                self._own.add_beside(where, window, words.FORM, crc32(window, self._seed), self._value)

    def _inside(self, where: TracedField, document: str) -> None:
        """Trace the strings of a JSON document as values of their own; a copy may have one of them alone."""
        for value in media_windows.strings(document):
            if value != document and len(utf8(value)) >= SHORTEST and (self._schema.is_identifier(value) or not is_moment(value)):
                self._own.begin()
                self._pieces(where, value)

    def _said(self, where: TracedField, contents: Iterable[bytes]) -> None:
        """Trace what a value says in another form as values of their own."""
        for content in contents:
            text = media_windows.text_of(content)
            if text is None:
                self._begin()
                own = list(said_content.own_stretches(content))
                raw = media_windows.raw_of(own, self._schema.cover) if own else self._read(content)
                for rank, window in enumerate(raw.best(self._budget)):
                    self._offer(where, rank, "bytes", window, alone=True)
                continue
            self._schema.learn(where[0], text)
            for value in media_windows.strings(text):
                if len(utf8(value)) >= SHORTEST and (self._schema.is_identifier(value) or not is_moment(value)):
                    self._begin()
                    for rank, piece in enumerate(pieces(value, self._budget)):
                        self._offer(where, rank, "utf-8", utf8(piece), piece, None if rank else value, alone=True)
                    self._words(where, value)

    def _read(self, content: bytes) -> media_windows.Candidates:
        return media_windows.read(io.BytesIO(content), skip=self._schema.cover).raw

    def _begin(self) -> None:
        self._value += 1
        self._own.begin()

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        """Trace a number that is long enough: 8 packed bytes, or 8 digits."""
        where = (subject, dataset, field)
        self._begin()
        taken = False
        for form, data in forms_of_number(value):
            wanted = 5 if form.startswith("float64") else 4
            if len(data) >= SHORTEST and len(set(data)) >= wanted:
                self._take(self._harvests, where, 0, form, data)
                taken = True
        if not taken:
            self._rejected += 1

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """Trace an embedding: windows of its packed forms, and single numbers as they are printed."""
        where = (subject, dataset, field)
        self._begin()
        for rank, form, data in windows_of_vector(value, _VECTOR_WINDOW, self._budget):
            if self._offer(where, rank, form, data) and self._budget == 1:
                break
        if self._budget == 1:
            return
        for rank, index in enumerate(spread(len(value), self._budget)):
            for text in printed(float(value[index])):
                if len(text) >= 10:
                    self._take(self._others, where, rank, "printed", text.encode())

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        """Trace bytes or media: raw windows, decoded samples of WAV and FLAC, and text where the bytes are text."""
        where = (subject, dataset, field)
        self._begin()
        head = stream.read(media_windows.SIZE + 1)
        while 0 < len(head) <= media_windows.SIZE and (more := stream.read(media_windows.SIZE + 1 - len(head))):
            head += more
        small = len(head) <= media_windows.SIZE
        if field == SEAM:
            head = _past_moment(head)
        if small:
            self._small(where, head, joint=field == SEAM and self._budget == 1)
            return
        read = media_windows.read(stream, head, self._schema.cover)
        if own := list(said_content.own_stretches(read.data)):
            # Why: documents of an office are alike but for these.
            read.raw = media_windows.raw_of(own, self._schema.cover)
        self._rejected += read.raw.rejected + read.sound.rejected
        if read.text is not None:
            self._schema.learn(subject, read.text)
        for rank, window in enumerate(read.sound.best(self._budget)):
            self._offer(where, rank, "pcm16", window)
        for rank, window in enumerate(read.raw.best(self._budget)):
            self._offer(where, rank, "bytes", window)
        if read.text is not None:
            self._strings(where, read.text)
        elif field != SEAM:
            self._said(where, said_content.of_bytes(read.data))

    def _small(self, where: TracedField, data: bytes, *, joint: bool) -> None:
        """Trace bytes that are too short for a second window; a joint of two values as bytes alone, because its text is theirs."""
        window = media_windows.varied(data) if data else None
        text = media_windows.text_of(data) if len(data) >= SHORTEST and not joint else None
        if text is not None:
            self._schema.learn(where[0], text)
        if window is not None:
            self._offer(where, 0, "bytes", window)
        elif data:
            self._rejected += 1
        if text is not None:
            self._strings(where, text)
        elif where[2] != SEAM and where[1] != IDENTIFIERS:
            # Why not of an identifier: its bytes are a hash, which says nothing.
            self._said(where, said_content.of_bytes(data))

    def _strings(self, where: TracedField, text: str) -> None:
        """Trace the strings of bytes that are text."""
        for value in media_windows.strings(text):
            if len(value) >= SHORTEST or len(utf8(value)) >= SHORTEST:
                self.text(*where, value)
        if '"' in text:
            # Why here: of such a text each string was a value by itself.
            self._said(where, said_content.of_words(text))

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """Trace a file or folder name, and the name without its ending."""
        self._begin()
        whole = len(utf8(value)) >= SHORTEST
        if not whole:
            self._rejected += 1
            return
        stem = PurePath(value).stem
        wanted = (value, stem) if stem != value and len(utf8(stem)) >= SHORTEST else (value,)
        for rank, each in enumerate(wanted):
            self._offer((subject, dataset, "name"), rank, "utf-8", clip(utf8(each)), each)

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Note where content lies."""
        self._lying.setdefault(path, set()).update(stretches)

    def lying(self) -> dict[Path, tuple[Stretch, ...]]:
        """Return the locations of the content, with stretches that touch joined."""
        joined = {path: tuple(_joined(stretches)) for path, stretches in self._lying.items()}
        return {path: stretches for path, stretches in joined.items() if stretches}

    def traces(self, controls: Iterable[Pseudonym] = ()) -> Traces:
        """Return the traces collected so far."""
        self._bystanders = frozenset(controls)
        fields: list[tuple[TracedField, str]] = []
        windows: list[bytes] = []
        origins: list[Sequence[int]] = []
        for where, (form, data, sources) in self._taken():
            fields.append((where, form))
            windows.append(data)
            origins.append(sources)
        self._sources = origins
        digest = self._secret.digest
        found: list[Trace] = []
        shapes = [*map(folding.shape, windows)]
        hashes = zip(self._secret.anchors(shapes), self._secret.ends(shapes), strict=True)
        for (where, form), (anchor, end), data in zip(fields, hashes, windows, strict=True):
            # Why not where folding makes a word of the schema of it: that would be found for ever. Nor where white space is at an end:
            # beside a value in a page any byte may stand, and some of them are white space.
            is_text = form in _FOLDED and data.strip() == data and not self._schema.cover_folded(data)
            fold = FOLDED if is_text else ANCHOR_FOLDED
            told = digest(folding.text(data) if fold == FOLDED else data)
            width = 16 if len(data) >= 16 else 8
            # Why only ASCII: small letters of others may have another shape.
            known = len(data) > width and (fold != FOLDED or data[-8:].isascii())
            found.append(Trace(*where, form, anchor, width, len(data), told, fold, end if known else 0))
        return Traces(self._key, tuple(found), self._bystanders)

    def values(self) -> tuple[tuple[int, ...], ...]:
        """Return the numbers of the values that each of the traces was taken from; none where they are too many."""
        origins = [sources for _, (_, _, sources) in self._taken()] if self._sources is None else self._sources
        return tuple(tuple(sources) if len(sources) < MOST_SOURCES else () for sources in origins)

    def _taken(self) -> Iterator[tuple[TracedField, _Taken]]:
        for where, harvest in self._harvests.items():
            yield from ((where, taken) for taken in self._chosen(where, harvest))
        for where, other in self._others.items():
            if where not in self._harvests:
                yield from ((where, (each.form, each.data, other.sources(each))) for each in other.best())

    def counts(self) -> dict[tuple[Pseudonym, str], ValueCount]:
        """Return, for each person and dataset, the values that are long enough to be looked for, and those that have a window."""
        return self._own.counts()

    def rejected(self) -> int:
        """Return how many windows and values were left out because they say too little."""
        return self._rejected

    def _offer(
        self,
        where: TracedField,
        rank: int,
        form: str,
        data: bytes,
        piece: str | None = None,
        value: str | None = None,
        *,
        alone: bool = False,
    ) -> bool:
        """Offer one window; whether the field has now one that is as good, so that with a budget of one no worse rank can be taken.

        One of what is not stored as it is (``alone``) is never the only one of a field: a scan before the erasure may not see it.
        """
        harvest = self._harvests.get(where)
        if harvest is None:
            harvest = self._harvests[where] = WindowSample(self._budget)
        data = clip(data)
        draw = crc32(data, self._seed)
        place = rank << 32 | draw
        wanted = harvest.wants(place) and not (alone and self._budget == 1)
        own = self._own.wants(where, draw)
        if not (wanted or own):
            return True
        if _says_enough(where)(data) and not (form in _AS_TEXT and self._schema.cover(data)):
            if own:
                self._own.add(where, data, form, draw, self._value)
                for other, written in other_letters(piece) if piece is not None else ():
                    if len(written) >= SHORTEST:
                        self._own.add_beside(where, clip(written), other, draw, self._value)
            if wanted:
                kept = value if value is None or len(value) <= _KEPT else value[:_KEPT]
                harvest.add(ContentWindow(place, data, form, piece, kept, self._value))
            return True
        self._rejected += 1
        return False

    def _take(self, into: dict[TracedField, WindowSample], where: TracedField, rank: int, form: str, data: bytes) -> None:
        harvest = into.get(where)
        if harvest is None:
            harvest = into[where] = WindowSample(self._budget if into is self._harvests else self._most_dressed)
        draw = crc32(data, self._seed)
        if into is self._harvests and form not in _TWINS and self._own.wants(where, draw):
            self._own.add(where, data, form, draw, self._value)
        place = rank << 32 | draw
        if harvest.wants(place):
            harvest.add(ContentWindow(place, data, form, source=self._value))

    @property
    def _most_dressed(self) -> int:
        return FORMS * min(self._budget - 1, DRESSED)

    def _chosen(self, where: TracedField, harvest: WindowSample) -> Iterator[_Taken]:
        """At most ``budget`` windows as they are, those of single values, and other forms.

        None of these with a budget of one, else of all windows of the budget but one, or of seven.
        """
        # Why again: names of fields are learned while content comes in.
        best = harvest.best(lambda each: each.form in _AS_TEXT and self._schema.cover(each.data))
        for each in best:
            yield each.form, each.data, harvest.sources(each)
        passed = {each.data for each in best}
        for data, own in self._own.of(where):
            if data not in passed and not (own.form in _IN_SCHEMA and self._schema.cover(data)):
                passed.add(data)
                yield own.form, data, own.sources
        if self._budget == 1:
            return
        left = self._most_dressed
        for form, data, sources in self._dressed(where, harvest, best[: min(self._budget - 1, DRESSED)]):
            if left and data not in passed and not (form in _LIKE_TEXT and self._schema.cover(data)):
                passed.add(data)
                left -= 1
                yield form, data, sources

    def _dressed(self, where: TracedField, harvest: WindowSample, best: Sequence[ContentWindow]) -> Iterator[_Taken]:
        says_enough = _says_enough(where)
        for each in best:
            # Why the wide forms: their letters say what they said before, and the zeros between them nothing.
            written = ((form, data) for form, data in _other_forms(each) if form.startswith("utf-") or says_enough(data))
            yield from ((form, data, harvest.sources(each)) for form, data in written)
        if (others := self._others.get(where)) is not None:
            yield from ((each.form, each.data, others.sources(each)) for each in others.best())
        for each in best:
            # Why none of a joint: no index has a word of it, and a part of it may join two values of another row as well. Of people who
            # stay there may be nothing else that an order leaves as it is.
            joint = where[2] == SEAM and where[0] not in self._bystanders
            for piece in fragments(each.value) if each.value is not None and not joint else ():
                if telling(utf8(piece)):
                    yield "fragment", clip(utf8(piece)), harvest.sources(each)


def _says_enough(where: TracedField) -> Callable[[bytes], bool]:
    return names_person if where[1] == IDENTIFIERS else telling


def _past_moment(joint: bytes) -> bytes:
    """Return what joins two values, from the middle of a moment on that it begins with.

    A scan stops wherever the first bytes of a window lie, and everybody's rows of that second begin alike.
    """
    begins = joint[:_ANCHORED]
    if len(joint) > _ANCHORED and begins.isascii() and part_of_moment(begins.decode()):
        return joint[_ANCHORED // 2 :]
    return joint


def _joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    begin = end = -1
    for start, stop in sorted(stretches):
        if start > end:
            if end > begin:
                yield begin, end
            begin = start
        end = max(end, stop)
    if end > begin:
        yield begin, end


def _other_forms(window: ContentWindow) -> Iterator[tuple[str, bytes]]:
    if window.piece is not None:
        same = _SAME_FOLDED if window.piece.isascii() else _AS_IT_IS
        yield from ((form, clip(data, form)) for form, data in dress(window.piece) if form not in same)
    elif window.form == "bytes":
        yield from ((form, clip(data, form)) for form, data in wrap(window.data))
    elif window.form == "pcm16":
        swapped = bytearray(window.data)
        swapped[0::2], swapped[1::2] = window.data[1::2], window.data[0::2]
        yield "pcm16-be", bytes(swapped)
        yield from ((form, clip(data, form)) for form, data in wrap(window.data))
    elif (twin := highest_first(window.form, window.data)) is not None:
        yield twin
