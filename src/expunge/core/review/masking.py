"""Mask names in what was said, before a reviewer reads it: those that are known, and what looks like one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MASK = "[…]"
"""Stands for a word that was masked; several in a row are one."""
_WORD = re.compile(r"\S+")
_LETTERS = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_ENDS = ".!?…:"
_AROUND = f"{_ENDS},;\"'()¿¡"
_AFTER = frozenset(
    {"mr", "mrs", "ms", "miss", "mister", "dr", "doctor", "called", "named", "señor", "señora", "llamo", "llama", "llamada", "llamado"}
)
"""Words behind which a name stands."""
_IS_NAME = frozenset({("name", "is"), ("my", "name's"), ("names", "are"), ("nombre", "es")})
"""Pairs of words behind which a name of up to :data:`_BEHIND_NAME` words stands."""
_BEHIND_NAME = 2
_SELF = frozenset({"i", "i'm", "i'll", "i've", "i'd"})
_CURLY, _MODIFIER = "\u2019", "\u02bc"
_JOINS = re.compile(r"['-]")
_MOST_DIGITS = 2


@dataclass(frozen=True)
class Masked:
    """A text in which names are masked."""

    text: str
    words: int
    """Words that were masked."""


def mask(text: str, names: Iterable[str]) -> Masked:
    """Mask names in a text.

    Masked is each word of a known name, in whatever capitals, with or without its accents, also as a part of a word with a hyphen and, in
    writing that knows no capitals, within a longer word; each word with a capital that begins no sentence; what follows *my name is*,
    *called* or a title; and each word with more than two digits, an ``@`` or ``://``. The name of a person who is not known stays where it
    begins a sentence, and in a text without capitals, which a transcript by a machine often is.

    Args:
        text: what was said.
        names: names and identifiers of people who are known, as they are kept.
    """
    known = {part for name in names for part in _parts(name)}
    parts: list[str] = []
    words, at, begins, hidden, ahead, last = 0, 0, True, False, 0, ("", "")
    for found in _WORD.finditer(text):
        word = found[0]
        gap = text[at : found.start()]
        ahead = _BEHIND_NAME if last in _IS_NAME else max(ahead, 1) if last[1] in _AFTER else ahead
        if ahead or _names(word, known, begins=begins):
            words += 1
            if not hidden:
                parts += [gap, MASK]
            hidden = True
        else:
            parts += [gap, word]
            hidden = False
        begins = word[-1] in _ENDS
        ahead = 0 if begins else max(0, ahead - 1)
        last = ("", "") if begins and word.casefold().strip(_AROUND) not in _AFTER else (last[1], word.casefold().strip(_AROUND))
        at = found.end()
    return Masked("".join((*parts, text[at:])), words)


def _names(word: str, known: set[str], *, begins: bool) -> bool:
    """Return whether a word may be part of a name."""
    if sum(each.isdigit() for each in word) > _MOST_DIGITS or "@" in word or "://" in word:
        return True
    parts = _parts(word)
    if known.intersection(parts) or any(name in part for name in known if _is_joined(name) for part in parts):
        return True
    capital = any(each[0].isupper() for each in _LETTERS.findall(word))
    return capital and not begins and word.casefold().strip(_AROUND).replace(_CURLY, "'") not in _SELF


def _parts(text: str) -> set[str]:
    """Return the words of a text and the parts of those that are joined, each as it is compared: *Mia-Sophie's* has *mia* and *sophie*."""
    whole = _LETTERS.findall(_folded(text))
    return {*whole, *(part for word in whole for part in _JOINS.split(word) if len(part) > 1)}


def _folded(text: str) -> str:
    """Return a text without what spells one name in several ways: capitals, accents, signs that are not seen, forms of an apostrophe."""
    plain = unicodedata.normalize("NFKD", text.replace(_CURLY, "'").replace(_MODIFIER, "'"))
    return "".join(each for each in plain if unicodedata.category(each) not in {"Mn", "Cf"}).casefold()


def _is_joined(name: str) -> bool:
    """Return whether a name is of a writing without capitals: several of them write words without a space, or join small words to them."""
    return len(name) > 1 and name.upper() == name
