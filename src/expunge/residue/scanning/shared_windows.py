"""Find the traces that bystanders' content holds as well. They are no evidence."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np

from expunge.core.evidence.traces import Traces
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import SEAM, Stretch
from expunge.residue.forms.finder import windows
from expunge.residue.forms.typography import simplified
from expunge.residue.forms.words import FORM as WORDS
from expunge.residue.forms.written import Written
from expunge.residue.matching.matcher import PADDING, Matcher, SameTraces
from expunge.residue.matching.session import SMALL, Allowance, Limits, RunOrigin, Session
from expunge.residue.scanning.byte_stream import ByteStream, add_small, carve, container_starts
from expunge.residue.take import media_windows, word_windows
from expunge.residue.take.written_forms import PACKED, SHORTEST, dress, forms_of_number, forms_of_vector, printed, utf8, wrap

_READ = 3 << 16
_SHORT = 48
"""Bytes of a blob in which no container fits."""
_AS_THEY_ARE = frozenset({"utf-8", "bytes", "fragment", "pcm16"})
"""Forms in which a text without a quotation mark is found by its bytes."""
_WIDE = frozenset({"utf-16", "utf-16-be", "utf-32", "utf-32-be"})
_GATHERED = 1 << 18
"""Characters, or bytes, of many values that are searched together: a pass over a buffer costs the same for 10 bytes as for 10,000."""
_PAD = bytes(PADDING)
_NOWHERE = Path()


class SharedWindowSearch:
    """Implements ``ports.scanner.HoldingTracer``: every form of every value is searched for the candidates at every offset.

    Values are gathered and searched together, in each form all at once, with something random between any two of them, so that nothing
    that was traced runs from one into the next.
    """

    def __init__(self, traces: Traces, candidates: Iterable[int], limits: Limits) -> None:
        wanted = sorted(set(candidates))
        forms = {traces.traces[each].form for each in wanted}
        # a window in one alignment of base64 lies in another alignment of the text around it
        self._forms = forms | ({name for name, _ in wrap(bytes(3)) if _is_base64(name)} if any(map(_is_base64, forms)) else set())
        self._wrapped = any(form.startswith(("hex", "base64", "numbered")) for form in self._forms)
        # what is a vector here may be a blob there; what joins two values of a row is none
        blobs = any(traces.traces[each].form == "bytes" and traces.traces[each].part != SEAM for each in wanted)
        self._packed = PACKED if blobs else self._forms & PACKED
        self._floats = "float64" in forms or "float64-be" in forms
        self._seen: set[int] = set()
        self._matcher = Matcher(traces, wanted)
        self._session = Session(self._matcher, limits, self._note)
        self._session.carver = carve
        self._limits = limits
        self._texts: list[str] = []
        self._characters = 0
        self._values = bytearray()
        between = secrets.token_hex(6)
        self._between = f"\n{between}\n"
        self._between_bytes = self._between.encode()

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002 - the port's shape
        """Search a string in every form in which a candidate was taken."""
        self._texts.append(value)
        self._characters += len(value)
        if self._characters >= _GATHERED:
            self._search_texts()

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:  # noqa: ARG002 - the port's shape
        """Search a number, packed and printed."""
        if not self._floats:
            # What is a number here may be text there: a telephone number, an id.
            text = repr(value)
            if len(text) >= SHORTEST:
                self._add(text.encode())
            return
        for form, data in forms_of_number(value):
            if form in self._forms or (form == "printed" and len(data) >= SHORTEST):
                self._add(data)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:  # noqa: ARG002 - the port's shape
        """Search a vector, packed and printed."""
        if not self._packed and "printed" not in self._forms:
            return
        numbers = [float(each) for each in value]
        for _, data in forms_of_vector(numbers, self._packed):
            self._add(data)
        if "printed" in self._forms:
            self._add(b" ".join(text.encode() for number in numbers for text in printed(number)))

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        """Search bytes or media: as they are, decoded, and in the forms that bytes can take."""
        data = stream.read(_READ)
        more = stream.read(_READ) if data else b""
        if len(data) <= SMALL and not more:
            if len(data) <= _SHORT or self._wrapped:
                self._add(data)
            if len(data) > _SHORT:
                add_small(self._session, RunOrigin(_NOWHERE), Allowance.of(self._limits, 0), data, None)
            if b'"' in data or not self._forms <= _AS_THEY_ARE:
                self._strings(subject, dataset, field, data)
            return
        run = ByteStream(self._session, RunOrigin(_NOWHERE), Allowance.of(self._limits, 0))
        tail = b""
        kept: bytearray | None = bytearray()
        while data:
            run.feed(data)
            if kept is not None:
                kept += data
                kept = kept if len(kept) <= media_windows.TEXT else None
            if self._wrapped:
                self._search_wrapped(tail + data)
                tail = (tail + data)[-64:]
            data, more = more, stream.read(_READ) if more else b""
        run.close()
        if kept:
            self._strings(subject, dataset, field, bytes(kept))

    def _strings(self, subject: Pseudonym, dataset: str, field: str, data: bytes) -> None:
        written = media_windows.text_of(data) if data else None
        if written and not self._forms.isdisjoint(_WIDE):
            # Why all of it: of records in UTF-16 the quotation marks and what joins two strings are content as well.
            self.text(subject, dataset, field, written)
        for value in media_windows.strings(written) if written else ():
            self.text(subject, dataset, field, value)

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """Search a name."""
        self.text(subject, dataset, "name", value)
        stem = PurePath(value).stem
        if stem != value:
            self.text(subject, dataset, "name", stem)

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Of no use here."""

    def held(self) -> frozenset[int]:
        """Indexes of the candidates seen so far."""
        self._search_texts()
        self._search_values()
        self._session.flush()
        return frozenset(self._seen)

    def _add(self, data: bytes) -> None:
        self._values += data
        self._values += self._between_bytes
        if len(self._values) >= _GATHERED:
            self._search_values()

    def _search_texts(self) -> None:
        texts, self._texts, self._characters = self._texts, [], 0
        joined = self._between.join(texts)
        try:
            if not joined.isascii():
                joined.encode()
        except UnicodeEncodeError:
            # how a lone surrogate is written depends on the whole string that it stands in
            for text in texts:
                self._search_text(text)
            return
        self._search_text(joined)

    def _search_text(self, text: str) -> None:
        for _, alike in windows(self._matcher, utf8(text), self._open):
            self._see(alike)
        plain = simplified(text)
        # Why whatever the forms: of a text that is set all over what it says in plain was taken as it is.
        for each in (text, plain) if plain != text else (text,):
            for _, data in dress(each, self._forms):
                self._find(data)
        if WORDS in self._forms:
            self._find(self._between_bytes.join(word_windows.normal(text)))
        if "fragment" in self._forms:
            folded = text.lower()
            if folded != text:
                self._find(utf8(folded))

    def _open(self, written: Written, _place: Callable[[int], int]) -> None:
        """Search the containers that begin in what is written in another form."""
        for at in container_starts(written.data):
            add_small(self._session, RunOrigin(_NOWHERE), Allowance.of(self._limits, 0), written.data[at:], None)

    def _search_values(self) -> None:
        values, self._values = bytes(self._values), bytearray()
        self._find(values)
        for _, alike in windows(self._matcher, values, self._open):
            self._see(alike)
        if self._wrapped:
            self._search_wrapped(values)

    def _search_wrapped(self, data: bytes) -> None:
        for form, dressed in wrap(data):
            if form in self._forms:
                self._find(dressed)

    def _find(self, data: bytes) -> None:
        if len(data) >= SHORTEST:
            for _, _, alike in self._matcher.find(np.frombuffer(data + _PAD, dtype=np.uint8), len(data)):
                self._see(alike)

    def _note(self, _where: RunOrigin, _offset: int, alike: SameTraces) -> None:
        self._see(alike)

    def _see(self, alike: SameTraces) -> None:
        if not alike.places:
            alike.places = 1
            self._seen.update(alike.traces)
            self._matcher.finished(alike)


def _is_base64(form: str) -> bool:
    return form.startswith("base64")
