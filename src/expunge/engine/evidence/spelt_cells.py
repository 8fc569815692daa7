"""Tell cells that an identifier of some people fills, in whatever spelling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from expunge.core.datamap.person import Person
from expunge.core.datamap.spelling import Spelling, SpellingType, canonical
from expunge.phones import e164

_LONGEST = 80
"""Characters of a cell that is compared; a longer one is no identifier."""
_FIRST = 64
"""Characters that decide whether it is compared by the whole rule."""
_DIGITS = 6
"""Last letters and digits of a number that are the same in all spellings."""


class SpellingRules(Protocol):
    """The part of a data map that says how identifiers of a kind compare."""

    def spelling(self, kind: str) -> Spelling:
        """Return the rule of a kind."""
        ...


class SpeltCells:
    """The identifiers of some people, for comparison by the map's rules.

    The rules cost microseconds a text, so that a text is first compared by a part that all spellings share.
    """

    def __init__(self, rules: SpellingRules, people: Iterable[Person]) -> None:
        self._known: dict[Spelling, dict[str, set[str]]] = {}
        """Rule -> the part that spellings share -> canonical identifiers."""
        self._given: set[tuple[Spelling, str]] = set()
        for kind, value in (pair for person in people for pair in person.identifiers()):
            rule = rules.spelling(kind)
            self._given.add((rule, value))
            if len(value) >= _DIGITS:
                self._known.setdefault(rule, {}).setdefault(_part(rule, value), set()).add(canonical(rule, value, e164))

    def capitals(self) -> frozenset[str]:
        """Return the identifiers in capitals and in small letters where that spells the same person, as a scan looks for them."""
        written = ((rule, value, form) for rule, value in self._given for form in (value.upper(), value.lower()))
        return frozenset(form for rule, value, form in written if form != value and self._same(rule, value, form))

    @staticmethod
    def _same(rule: Spelling, first: str, second: str) -> bool:
        return canonical(rule, first, e164) == canonical(rule, second, e164)

    def fills(self, text: str) -> bool:
        """Return whether an identifier fills a text."""
        if not _DIGITS <= len(text) <= _LONGEST:
            return False
        for rule, known in self._known.items():
            near = known.get(_part(rule, text))
            if near is not None and canonical(rule, text, e164) in near:
                return True
        return False


def _part(rule: Spelling, text: str) -> str:
    if rule.type is SpellingType.TEXT or rule.type is SpellingType.EMAIL:
        plain = (text if text.isascii() else rule.form.normal(text)).strip("\ufeff\u200b\u200e\u200f\u2060 \t\r\n").casefold()
        return plain.partition("@")[0] if rule.type is SpellingType.EMAIL else plain[:_FIRST]
    return "".join(filter(str.isalnum, text[-2 * _DIGITS :]))[-_DIGITS:].lower()
