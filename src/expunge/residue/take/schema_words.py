"""Tell windows that hold nothing but words of the schema, and moments, from windows with content.

A word of the schema lies in catalogues, headers and program text, whoever is erased. Such a window would be found for ever, and it is no
evidence about a person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from expunge.core.values.ids import Pseudonym
from expunge.residue.take.moments import WITHIN, beginning_of_moment, end_of_moment, part_of_moment, parts_of_moments

_BETWEEN = re.compile(r"[\s\"'\\:,;{}\[\]()<>=|]+")
"""What stands between words in JSON, CSV, SQL and Python literals."""
_EDGE = r"[^\s\"'\\,;{}\[\]()<>=|]+"
_FIRST, _LAST = re.compile(_EDGE), re.compile(rf"{_EDGE}\Z")
_TIME = r"[\dTZ:.,+/ -]+"
_FIRST_OF_TIME, _LAST_OF_TIME = re.compile(_TIME), re.compile(rf"(?:(?<=[\s\",;]){_TIME}|\A{_TIME})\Z")
_STRIPPED = " \t\r\n\"'\\:,;{}[]()<>=|"
_RUN = re.compile(r"\w{2,}")
_IN_MOMENTS = "TZUCGM"
"""Letters that stand beside digits in a moment."""
_OTHER_LETTERS = str.maketrans("", "", _IN_MOMENTS)
_NO_NAME = 4
"""Letters in succession that are no part of a moment: names of months and days have three."""
_LITERALS = frozenset({"true", "false", "null", "None", "True", "False", "NaN"})
_KEY = re.compile(r"[a-z_][A-Za-z0-9_.-]{0,63}")
"""Shape of a key of a JSON object that can be the name of a field: a name of a person begins with a capital letter, or has a space."""
_LABEL = 6
"""Most words of a text of the schema that is a label by itself."""
_IN_NO_TEXT = bytes(each for each in range(256) if (each < 0x20 and each not in b"\t\n\r") or each in {0x7F, 0xC0, 0xC1} or each > 0xF4)
"""Control characters, and bytes that are never part of UTF-8."""
_CUTS = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (3, 0)]
"""Bytes that are left out at both ends, where a character may be cut."""
_MOST_CUT = 3
_LONGEST_DOCUMENT = 1 << 20
_MOST_KEYS = 1 << 14


class SchemaWords:
    """Words that are never traced, and identifiers that always are.

    Keys of JSON objects are learned: one that stands in documents of several people is the name of a field. One that a single person has
    stays content. So are sentences of the schema, such as a long text of a default: one that fills a value of several people is a label.
    """

    def __init__(self, words: Iterable[str] = (), identifiers: Iterable[str] = ()) -> None:
        given = {word for word in words if word and "\n" not in word}
        self._sentences: dict[str, Pseudonym | None] = {word: None for word in given if len(word.split()) > _LABEL}
        """Sentence -> the first person who has it."""
        self._words = given - self._sentences.keys()
        self._identifiers = frozenset(identifiers)
        self._keys: dict[str, Pseudonym | None] = {}
        """Key -> the one person who has it; None from the second on."""
        self._learned = 0
        self._build()

    def _build(self) -> None:
        self._joined = "\n" + "\n".join(sorted(self._words | _LITERALS)) + "\n"
        self._folded_words = frozenset(word.lower() for word in self._words | _LITERALS)
        self._folded = "\n" + "\n".join(sorted(self._folded_words)) + "\n"
        self._several = sorted((word for word in self._words if _BETWEEN.search(word)), key=len, reverse=True)
        self._learned = 0

    def is_identifier(self, text: str) -> bool:
        """Return whether a text is an identifier of a person of the order."""
        return text in self._identifiers

    def learn(self, subject: Pseudonym, document: str) -> None:
        """Note the keys of a value that is a JSON document."""
        if document[:1] not in {"{", "["} or len(document) > _LONGEST_DOCUMENT or '":' not in document.replace('" :', '":'):
            return
        try:
            value = json.loads(document)
        except (ValueError, RecursionError):
            return
        for key in filter(_KEY.fullmatch, _keys(value)):
            self.learn_key(subject, key)

    def learn_key(self, subject: Pseudonym, key: str) -> None:
        """Note a key: from the second person on it is a word of the schema."""
        known = self._keys.get(key, subject)
        if known is not None and known != subject:
            self._keys[key] = None
            if key not in self._words and key not in self._identifiers and "\n" not in key:
                self._words.add(key)
                self._learned += 1
        elif key not in self._keys and len(self._keys) < _MOST_KEYS:
            self._keys[key] = subject

    def learn_sentence(self, subject: Pseudonym, value: str) -> None:
        """Note a value that may be a sentence of the schema: from the second person on it is a label."""
        if value not in self._sentences:
            return
        first = self._sentences[value] = self._sentences[value] or subject
        if first != subject and value not in self._words and value not in self._identifiers:
            self._words.add(value)
            self._learned += 1

    def cover(self, window: bytes) -> bool:
        """Return whether a window holds nothing but words of the schema and moments. One that holds an identifier is never covered."""
        text = _text(window)
        if text is None:
            return False
        if self._learned:
            self._build()
        stripped = text.strip(_STRIPPED)
        if not stripped or not all(run in self._joined for run in _RUN.findall(text) if _is_no_moment(run)):
            return False
        return (self._is_in_a_word(stripped) or self._is_joined(text)) and not self._names(stripped)

    def cover_folded(self, window: bytes) -> bool:
        """Return whether a window may hold nothing but words of the schema once letters are small; an identifier is never covered."""
        text = _text(window)
        if text is None:
            return False
        if self._learned:
            self._build()
        small = text.lower().strip(_STRIPPED)
        runs = _BETWEEN.split(small)
        if any(run not in self._folded_words for run in runs[1:-1]):
            return False
        if small not in self._folded and not (len(runs) > 1 and f"{runs[0]}\n" in self._folded and f"\n{runs[-1]}" in self._folded):
            return False
        return not self._names(text.strip(_STRIPPED))

    def _is_in_a_word(self, text: str) -> bool:
        return "\n" not in text and text in self._joined

    def _names(self, text: str) -> bool:
        if not self._identifiers:
            return False
        return text in self._identifiers or not self._identifiers.isdisjoint(_BETWEEN.split(text))

    def _is_joined(self, text: str) -> bool:
        """Whether words, moments and what stands between them are all there is; the first and the last may be cut."""
        if parts_of_moments(text.strip(_STRIPPED)):
            return True
        rest = WITHIN.sub(" ", text)
        # Twice, because a cut at one end shows what the cut at the other is.
        shorter = self._without_edges(rest, timed=rest != text)
        rest = shorter if shorter == rest else self._without_edges(shorter, timed=True)
        if self._are_words(rest):
            return True
        shorter = rest
        for word in self._several:
            shorter = shorter.replace(word, " ")
        return shorter != rest and self._are_words(shorter)

    @staticmethod
    def _without_edges(text: str, *, timed: bool) -> str:
        """The text without moments that were cut at either end."""
        for edge in (_FIRST_OF_TIME, _FIRST):
            first = edge.match(text)
            if first is not None and (part_of_moment(first[0].strip(_STRIPPED)) or (timed and end_of_moment(first[0]))):
                text = text[first.end() :]
                break
        for edge in (_LAST_OF_TIME, _LAST):
            last = edge.search(text)
            if last is not None and (part_of_moment(last[0].strip(_STRIPPED)) or (timed and beginning_of_moment(last[0]))):
                return text[: last.start()]
        return text

    def _are_words(self, text: str) -> bool:
        runs = _BETWEEN.split(text)
        head, tail = runs[0], runs[-1]
        if len(runs) == 1:
            return not head or self._is_in_a_word(head)
        if any(run not in self._words and run not in _LITERALS for run in runs[1:-1]):
            return False
        return (not head or f"{head}\n" in self._joined) and (not tail or f"\n{tail}" in self._joined)


def _is_no_moment(run: str) -> bool:
    """Return whether a run of letters and digits is too long to be a name in a moment, or has letters that stand beside no digits there."""
    if run.isdecimal():
        return False
    if run.isalpha():
        return len(run) >= _NO_NAME
    return any(each.isalpha() for each in run.strip("0123456789_").upper().translate(_OTHER_LETTERS))


def _text(window: bytes) -> str | None:
    """The window as text, less a character that was cut at either end; None where it is none."""
    cuts = _CUTS
    if window.isascii():
        cuts = _CUTS[:1]
    elif len((inner := window[3:-3]).translate(None, _IN_NO_TEXT)) < len(inner):
        return None
    for start, end in cuts:
        try:
            text = window[start : len(window) - end].decode()
        except UnicodeDecodeError as error:
            if not start and not end and _MOST_CUT <= error.start < len(window) - _MOST_CUT:
                # Why not cut: what is wrong there stays in every cut, and each would raise.
                return None
            continue
        return text if text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else None
    return None


def _keys(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            yield from inner
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)
