"""Asks which traces somebody else's content holds as well: those are no evidence."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO

from expunge.core.ids import Pseudonym
from expunge.core.traces import Traces
from expunge.residue import media
from expunge.residue.forms import SHORTEST, dress, forms_of_number, forms_of_vector, printed, utf8, wrap
from expunge.residue.matcher import Matcher
from expunge.residue.session import Allowance, Limits, Session, Where
from expunge.residue.stream import Stream, carve_small

_READ = 3 << 16
_SHORT = 48
"""Bytes of a blob in which no container fits."""
_AS_THEY_ARE = frozenset({"utf-8", "bytes", "fragment", "pcm16"})
"""Forms in which a text without a quotation mark is found by its bytes."""
_VALUE = 1 << 10
_VALUES = 1 << 15
_NOWHERE = Path()


class Holder:
    """Implements ``ports.scanner.HoldingTracer``: every form of every value is searched for the candidates at every offset."""

    def __init__(self, traces: Traces, candidates: Iterable[int], limits: Limits) -> None:
        wanted = sorted(set(candidates))
        forms = {traces.traces[each].form for each in wanted}
        # a window in one alignment of base64 lies in another alignment of the text around it
        self._forms = forms | ({name for name, _ in wrap(bytes(3)) if _is_base64(name)} if any(map(_is_base64, forms)) else set())
        self._seen: set[int] = set()
        self._matcher = Matcher(traces, wanted)
        self._session = Session(self._matcher, limits, self._note)
        self._session.carver = carve_small
        self._as_it_is = Where(_NOWHERE, leaf=True)
        self._limits = limits
        self._values = bytearray()
        self._between = secrets.token_bytes(8)

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002 - the port's shape
        """Search a string in every form in which a candidate was taken."""
        for _, data in dress(value, self._forms):
            self._add(data)
        if "fragment" in self._forms:
            folded = value.lower()
            if folded != value:
                self._add(utf8(folded))

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:  # noqa: ARG002 - the port's shape
        """Search a number, packed and printed."""
        for form, data in forms_of_number(value):
            # What is a number here may be text there: a telephone number, an id.
            if form in self._forms or (form == "printed" and len(data) >= SHORTEST):
                self._add(data)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:  # noqa: ARG002 - the port's shape
        """Search a vector, packed and printed."""
        numbers = [float(each) for each in value]
        for _, data in forms_of_vector(numbers):
            self._add(data)
        if "printed" in self._forms:
            self._add(b" ".join(text.encode() for each in numbers for text in printed(each)))

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        """Search bytes or media: as they are, decoded, and in the forms that bytes can take."""
        wrapped = any(form.startswith(("hex", "base64")) for form in self._forms)
        data = stream.read(_READ)
        if len(data) <= _SHORT:
            self._add(data)
            for form, dressed in wrap(data) if wrapped else ():
                if form in self._forms:
                    self._add(dressed)
            if b'"' in data or not self._forms <= _AS_THEY_ARE:
                self._strings(subject, dataset, field, data)
            return
        run = Stream(self._session, Where(_NOWHERE), Allowance.of(self._limits, 0))
        tail = b""
        kept: bytearray | None = bytearray()
        while data:
            run.feed(data)
            if kept is not None:
                kept += data
                kept = kept if len(kept) <= media.TEXT else None
            if wrapped:
                joined = tail + data
                for form, dressed in wrap(joined):
                    if form in self._forms:
                        self._add(dressed)
                tail = joined[-64:]
            data = stream.read(_READ)
        run.close()
        if kept:
            self._strings(subject, dataset, field, bytes(kept))

    def _strings(self, subject: Pseudonym, dataset: str, field: str, data: bytes) -> None:
        written = media.text_of(data) if data else None
        for value in media.strings(written) if written else ():
            self.text(subject, dataset, field, value)

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """Search a name."""
        self.text(subject, dataset, "name", value)
        stem = PurePath(value).stem
        if stem != value:
            self.text(subject, dataset, "name", stem)

    def held(self) -> frozenset[int]:
        """Indexes of the candidates seen so far."""
        self._hand_on()
        self._session.flush()
        return frozenset(self._seen)

    def _add(self, data: bytes) -> None:
        if len(data) <= _VALUE:
            # few long pieces instead of many short ones; nothing that was traced runs across the random bytes between two values
            self._values += data
            self._values += self._between
            if len(self._values) >= _VALUES:
                self._hand_on()
            return
        for begin in range(0, max(1, len(data)), 1 << 18):
            # 64 bytes more than a step, so that no window is cut
            self._session.add(self._as_it_is, Allowance(0, 0), data[begin : begin + (1 << 18) + 64])

    def _hand_on(self) -> None:
        values, self._values = bytes(self._values), bytearray()
        self._session.add(self._as_it_is, Allowance(0, 0), values)

    def _note(self, _where: Where, _offset: int, trace: int) -> None:
        if trace not in self._seen:
            self._seen.add(trace)
            self._matcher.finished(trace)


def _is_base64(form: str) -> bool:
    return form.startswith("base64")
