"""Take identifiers out of content where they stand as whole words, and are no part of another person's identifier.

A text may name a person in another form: the base64 of a letter. :class:`CodedWords` takes the identifiers out of what it says. What is
left of content is what a person who stays may share with the erased person (:func:`without_identifiers`).
"""

from __future__ import annotations

import codecs
import io
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

from expunge.core.datamap.longer_words import alone, longer_words
from expunge.core.datamap.mentions import is_prose
from expunge.core.datamap.person import Person
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence.spelt_cells import SpeltCells
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import mentions
from expunge.engine.subjects.living_identifiers import LivingIdentifiers
from expunge.ports.scanner import SEAM, Stretch, Tracer

_GATHERED = 1 << 9
"""Short values that are looked through together."""
_SHORT = 1 << 12
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_SMALL = 1 << 20
"""Whole files smaller than this (sidecars, documents) are looked through for identifiers; larger ones are media."""
_SIGN = re.compile(r"[&%\\=]")
"""What begins another form within a text ..."""
_LONG_RUN = re.compile(r"\S{20}(?=\S)")
"""... and what may be one."""
LongerWords: TypeAlias = Callable[[Collection[str]], bool]
"""Tells whether one of some words is the identifier of a person who stays."""


class Words:
    """Values as whole words, for any number of values: where to look for one is told by its first run of word characters.

    A value in a longer word is none where that is the identifier of a person who stays (``stays``).
    """

    def __init__(self, values: Iterable[str], flags: re.RegexFlag = re.NOFLAG, stays: LongerWords | None = None) -> None:
        self._runs = re.compile(r"[\w-]+", flags)
        self._ascii = flags == re.ASCII
        self._stays = stays
        self._by_run: dict[str, list[tuple[str, int]]] = {}
        """Run -> the values that have it first, the longest first, with its place in them."""
        self._others: list[str] = []
        for value in sorted(set(values), key=len, reverse=True):
            run = self._runs.search(value)
            if run is None:
                self._others.append(value)
            else:
                self._by_run.setdefault(run.group(), []).append((value, run.start()))

    def lie_in(self, text: str) -> bool:
        """Whether anything of the kind may be in the text."""
        if any(value in text for value in self._others):
            return True
        return bool(self._by_run) and not self._by_run.keys().isdisjoint(self._runs.findall(text))

    def names(self, text: str) -> bool:
        """Whether a value stands in the text as a whole word, and in no identifier of a person who stays."""
        return any(self._stands_at(text, begin, value) for begin, value in self._places(text))

    def take_out(self, text: str, instead: Callable[[str], str], *, named: bool = False) -> str:
        """The text with each value that stands in it as a whole word replaced.

        Where the item ``named`` a person at all, parts of longer words are replaced as well. Otherwise a longer identifier would account
        for windows of the shorter one beside it.
        """
        parts: list[str] = []
        done = 0
        for begin, value in self._places(text):
            if begin >= done and self._stands_at(text, begin, value, longer=named):
                parts += (text[done:begin], instead(value))
                done = begin + len(value)
        return "".join([*parts, text[done:]]) if parts else text

    def _places(self, text: str) -> Iterator[tuple[int, str]]:
        """Where a value may begin, from the first place to the last, of one place the longest first."""
        found = ((run.start() - place, value) for run in self._runs.finditer(text) for value, place in self._by_run.get(run.group(), ()))
        others = ((each.start(), value) for value in self._others for each in re.finditer(f"(?={re.escape(value)})", text))
        yield from sorted((*found, *others), key=lambda each: (each[0], -len(each[1]))) if self._others else found

    def _stands_at(self, text: str, begin: int, value: str, *, longer: bool = False) -> bool:
        if begin < 0 or not text.startswith(value, begin) or not alone(text, begin, value, ascii_only=self._ascii):
            return False
        words = longer_words(text, begin, begin + len(value)) if self._stays is not None and not longer else None
        return not words or self._stays is None or not self._stays(words)


class CodedWords:
    """Takes identifiers out of what values say in other forms."""

    def __init__(self, said: Callable[[str | bytes], Iterable[bytes]], words: Words) -> None:
        """Take what tells what a value says (``ports.scanner.Scanner.said``), and the identifiers."""
        self._said, self._words = said, words

    def cut(self, value: str | bytes) -> str | None:
        """Return a value without its other forms, and what these say without the identifiers; None where none of them names anybody."""
        said = [each.decode("utf-8", "replace") for each in self._said(value)]
        # Why none where it is named in plain too: around an escape stands plain text, and such a mention is told already.
        if not any(map(self._words.names, said)) or (isinstance(value, str) and self._words.names(value)):
            return None
        # Why not without the value itself: what stands in it as it is, apart from other forms, is content as well.
        plain = [_LONG_RUN.sub("\\g<0>\0", _SIGN.sub("\0", value))] if isinstance(value, str) else []
        return "\n".join(self._words.take_out(each, lambda _: "\0", named=True) for each in (*plain, *said))


class PassingTracer(Tracer, Protocol):
    """A tracer that passes content on, some of it later."""

    def pass_on(self) -> None:
        """Pass on what was gathered."""
        ...


def without_identifiers(
    context: Context, inner: Tracer, people: Sequence[Person], *, seams: bool, keeping: bool = True, coded: bool = True
) -> PassingTracer:
    """Return a tracer that passes content on with the erased people's identifiers taken out where they stand as whole words.

    Mentions that stay on purpose are passed on as they are, unless ``keeping`` is false. A value that names one of the people in another
    form is passed on as what it says, without the names, unless ``coded`` is false.
    """
    kept = _kept_mentions(context) if keeping else _KeptMentions()
    stays = LivingIdentifiers(context, people).any
    said = context.scanner.said if coded else None
    return _WholeWordsOut(inner, people, SpeltCells(context.data_map, people), seams=seams, mentions=kept, stays=stays, said=said)


class _Joined(io.RawIOBase):
    """A head that was read already, and the rest of its stream."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head = io.BytesIO(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@dataclass(frozen=True)
class _KeptMentions:
    """The cells of other people's rows that may name an erased person: the receipt lists them."""

    columns: frozenset[tuple[str, str]] = frozenset()
    """(dataset, column) that the map keeps."""
    listed: frozenset[str] = frozenset()
    """Datasets whose free text is looked through for the receipt."""

    def keep(self, dataset: str, field: str) -> bool:
        """Return whether the map keeps mentions in a column, parts of its structures included."""
        return (dataset, field) in self.columns or (dataset, field.partition(".")[0]) in self.columns

    def allow(self, dataset: str, field: str, value: str, identifiers: frozenset[str]) -> bool:
        """Return whether a cell may name the person: its column is kept, or it is free text that no identifier fills."""
        return self.keep(dataset, field) or (dataset in self.listed and is_prose(value) and value.strip() not in identifiers)


def _kept_mentions(context: Context) -> _KeptMentions:
    columns, listed = set[tuple[str, str]](), set[str]()
    for dataset in context.data_map.datasets.values():
        if mentions.listed_in(context, dataset) is not None:
            listed.add(dataset.name)
            columns |= {(dataset.name, column) for column, rule in dataset.mentions.items() if not rule.releases}
    return _KeptMentions(frozenset(columns), frozenset(listed))


class _WholeWordsOut:
    """Passes content on with the erased people's identifiers taken out where they stand as whole words.

    What is left of a match is then an identifier of somebody else that merely contains theirs (``a-12`` in ``a-123``). Short values are
    gathered, because nearly always none of many has such a word in it; :meth:`pass_on` passes on what was gathered.
    """

    def __init__(
        self,
        inner: Tracer,
        people: Sequence[Person],
        spelt: SpeltCells | None = None,
        *,
        seams: bool,
        mentions: _KeptMentions = _KeptMentions(),
        stays: LongerWords | None = None,
        said: Callable[[str | bytes], Iterable[bytes]] | None = None,
    ) -> None:
        self._inner = inner
        self._seams = seams
        self._mentions = mentions
        self._spelt = spelt
        values = {value for person in people for _, value in person.in_every_form().identifiers() if len(value) >= 8}
        values |= {value for value in (spelt.capitals() if spelt is not None else ()) if len(value) >= 8}
        self._values = frozenset(values)
        self._words = Words(values, stays=stays)
        self._coded = CodedWords(said, self._words) if said is not None and values else None
        # Bytes are looked through as Latin-1, one character each, with the words of ASCII.
        plain = None if stays is None else (lambda words: stays([word.encode("latin-1").decode("utf-8", "replace") for word in words]))
        self._bytes = Words((data.decode("latin-1") for value in values for data in _encoded(value)), re.ASCII, plain)
        self._texts: list[tuple[Pseudonym, str, str, str]] = []
        self._full = False
        self._blobs: list[tuple[Pseudonym, str, str, bytes]] = []

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        # Why only between rows: a cell decides what the others of its row explain.
        if self._full and subject != self._texts[-1][0]:
            self._pass_texts()
        self._texts.append((subject, dataset, field, value))
        self._full = self._full or len(self._texts) >= _GATHERED or len(value) > _SHORT

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        text = str(int(value)) if math.isfinite(value) and value == int(value) else ""
        if text not in self._values or self._mentions.allow(dataset, field, text, self._values):
            self._inner.number(subject, dataset, field, value)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        self._inner.vector(subject, dataset, field, value)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        if field == SEAM and not self._seams:
            return
        head = stream.read(_SMALL)
        if len(head) < _SMALL:
            self._blobs.append((subject, dataset, field, head))
            if len(self._blobs) >= _GATHERED or len(head) > _SHORT:
                self._pass_blobs()
            return
        self._inner.blob(subject, dataset, field, io.BufferedReader(_Joined(head, stream)))

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        self._inner.name(subject, dataset, self._words.take_out(value, _nothing))

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        self._inner.lies(path, stretches)

    def pass_on(self) -> None:
        """Pass on what was gathered."""
        self._pass_texts()
        self._pass_blobs()

    def _pass_texts(self) -> None:
        texts, self._texts, self._full = self._texts, [], False
        filled = frozenset[Pseudonym]()
        if self._spelt is not None:
            named = [self._spelt.fills(value) and not self._mentions.keep(dataset, field) for _, dataset, field, value in texts]
            filled = frozenset(each[0] for each, fills in zip(texts, named, strict=True) if fills)
            texts = [each for each, fills in zip(texts, named, strict=True) if not fills]
        text = self._inner.text
        if self._coded is not None:
            cut = [None if self._mentions.keep(each[1], each[2]) else self._coded.cut(each[3]) for each in texts]
            texts = [each if said is None else (*each[:3], said) for each, said in zip(texts, cut, strict=True)]
        if self._words.lie_in("\n".join([each[3] for each in texts])):
            # Why no free text then: a hit in a row is told by the row alone, and this one may lie in the cell that an identifier fills.
            allowed = [
                self._mentions.keep(dataset, field) if subject in filled else self._mentions.allow(dataset, field, value, self._values)
                for subject, dataset, field, value in texts
            ]
            naming = {each[0] for each, stays in zip(texts, allowed, strict=True) if not stays and self._words.names(each[3])}
            for (subject, dataset, field, value), stays in zip(texts, allowed, strict=True):
                text(subject, dataset, field, value if stays else self._words.take_out(value, _nothing, named=subject in naming))
        else:
            for each in texts:
                text(*each)

    def _pass_blobs(self) -> None:
        blobs, self._blobs = self._blobs, []
        met = self._bytes.lie_in(b"\n".join([blob[3] for blob in blobs]).decode("latin-1"))
        for subject, dataset, field, data in blobs:
            left = data
            if not self._mentions.keep(dataset, field):
                said = self._coded.cut(data) if self._coded is not None and field != SEAM else None
                if said is not None:
                    self._inner.text(subject, dataset, field, said)
                    continue
                plain = data.decode("latin-1") if met else ""
                cut = self._bytes.take_out(plain, _zeros, named=self._bytes.names(plain)).encode("latin-1") if met else data
                left = self._wide(cut)
            self._inner.blob(subject, dataset, field, io.BytesIO(left))

    def _wide(self, data: bytes) -> bytes:
        """Return a text in UTF-16 without the identifiers; any other bytes as they are."""
        codec = _MARKS.get(data[:2])
        if codec is None:
            return data
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            return data
        return self._words.take_out(text, _zeros, named=self._words.names(text)).encode(codec)


def _encoded(value: str) -> Iterator[bytes]:
    """Yield the bytes of an identifier in texts of one byte or more a letter, and in JSON with escapes."""
    yield value.encode("utf-8", "surrogatepass")
    if not value.isascii():
        with suppress(UnicodeEncodeError):
            yield value.encode("cp1252")
        yield json.dumps(value)[1:-1].encode()


def _nothing(_: str) -> str:
    return "\0"


def _zeros(value: str) -> str:
    return "\0" * len(value)
