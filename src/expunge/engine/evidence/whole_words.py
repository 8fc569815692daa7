"""Take identifiers out of texts where they stand as whole words, and are no part of another person's identifier.

A text may name a person in another form: the base64 of a letter. :class:`CodedWords` takes the identifiers out of what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeAlias

from expunge.core.datamap.longer_words import alone, longer_words

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
