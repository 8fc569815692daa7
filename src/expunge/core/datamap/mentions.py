"""Mentions: identifiers of one person in the rows of another.

An identifier is a value. Where it fills a cell it is compared as a whole, never as a part of longer values or across two of them. The map
says for each column what an erasure does with such a cell (``mentions:`` of a dataset).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from expunge.core.datamap.longer_words import alone, longer_words
from expunge.core.values.ids import Pseudonym

TOLD_ANYWHERE = 8
"""Characters from which on a value without letters, or without digits, is taken for the identifier in whatever column it stands."""
LOOKED_FOR_INSIDE = 8
"""Characters from which on an identifier is looked for inside longer text; the scan of raw bytes needs as many."""


LONGEST_PHONE = 40
"""Characters of a cell that a telephone number may fill."""
_ENDING = 7
"""Last digits of a telephone number, which are the same in all of its spellings."""


class MentionAct(StrEnum):
    """The act of an erasure on a cell of another person's row that holds the erased person's identifier."""

    NULL = "null"
    REPLACE = "replace"
    KEEP = "keep"


@dataclass(frozen=True)
class MentionRule:
    """The map's rule for one column."""

    act: MentionAct
    value: str = ""
    """For a replacement: what is set."""

    @property
    def releases(self) -> bool:
        """Return whether an erasure changes the cell, so that nothing in it names the person any more."""
        return self.act is not MentionAct.KEEP


class MentionForm(StrEnum):
    """The form in which a cell names a person."""

    WHOLE = "whole"
    """The identifier fills the cell."""
    PART = "part"
    """It is a member of something with a form of its own: a list, a path, a JSON document."""
    PROSE = "prose"
    """It stands in free text, as a whole word."""


@dataclass(frozen=True)
class MentionQuery:
    """The identifiers of one person to look for in the cells of a dataset."""

    subject: Pseudonym
    anywhere: frozenset[str] = field(repr=False)
    """Values that tell the person in whatever column they stand."""
    bound: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Column -> values that tell the person there alone: ``7`` names one in a column that refers to people, and is a number elsewhere."""
    inside: frozenset[str] = field(default=frozenset(), repr=False)
    """Values to look for inside longer text as well."""
    members: frozenset[str] = field(default=frozenset(), repr=False)
    """Values to look for as single values of JSON documents: too short to be looked for in any text, or written with escapes there."""
    folded: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that tell the person in whatever capitals and between whatever blanks they stand, as ``spelling.near`` writes them."""
    phones: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Region -> telephone numbers in E.164 that tell the person in whatever way a cell writes them."""
    own: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Column -> values: a row that has one of them there is the person's own, and does not count."""
    listed: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that tell the person as an element of a list that fills a cell (:mod:`expunge.core.datamap.listed_values`)."""

    def whole(self, column: str) -> frozenset[str]:
        """Return the values that tell the person when they fill a cell of the column."""
        return self.anywhere | self.bound.get(column, frozenset())

    def endings(self) -> frozenset[str]:
        """Return the last digits of every telephone number, as :func:`ending` gives them for each cell that may hold one."""
        return frozenset(filter(None, (ending(number) for numbers in self.phones.values() for number in numbers)))

    def needles(self) -> frozenset[str]:
        """Return the texts one of which lies in every longer cell that names the person."""
        return self.inside | {form for value in self.members for form in _as_json(value)}


@dataclass(frozen=True)
class FoundMentions:
    """The rows of a dataset that name one person in one column, in one form."""

    subject: Pseudonym
    column: str
    form: MentionForm
    items: int
    longer: tuple[frozenset[str], ...] = field(default=(), repr=False)
    """For each place where the identifier stands in such a cell, the longer words that it is a part of there; nothing where it stands alone
    at one of them. It is no mention where each of these places has the identifier of a person who stays."""


@dataclass(frozen=True)
class ColumnReference:
    """A column whose values the schema takes from another table: a foreign key of one column."""

    column: str
    table: str
    """The other table, as datasets of the map name it."""
    field: str
    """The column of the other table."""
    emptied: bool = False
    """Whether the schema itself empties it when the row goes that it refers to (``ON DELETE SET NULL``)."""


def ending(text: str) -> str:
    """Return the last digits of a text, by which a telephone number is told before it is read; empty where there are too few."""
    digits = "".join(letter for letter in text if "0" <= letter <= "9") if len(text) <= LONGEST_PHONE else ""
    return digits[-_ENDING:] if len(digits) >= _ENDING else ""


def distinctive(value: str) -> bool:
    """Return whether a value tells a person in whatever column it stands.

    A short number is any number (``7``), and a short word any word (``anna``). Longer ones, and those of letters and digits together, are
    not met by chance.
    """
    mixed = any(letter.isalpha() for letter in value) and any(letter.isdigit() for letter in value)
    return mixed or len(value) >= TOLD_ANYWHERE


def form_in(text: str, value: str) -> MentionForm | None:
    """Return the form in which a cell's text names a value; None where it does not, or only as a part of a longer word."""
    if text.strip() == value:
        return MentionForm.WHOLE
    if next(places_in(text, value), None) is None:
        return None
    return MentionForm.PROSE if is_prose(text) else MentionForm.PART


def longer_in(text: str, value: str) -> tuple[frozenset[str], ...]:
    """Return the longer words at each place where a value stands in a text; nothing where it is no part of a longer word at one of them."""
    if text.strip() == value:
        return ()
    found = [longer_words(text, begin, begin + len(value)) for begin in places_in(text, value)]
    return tuple(dict.fromkeys(found)) if all(found) else ()


def places_in(text: str, value: str) -> Iterator[int]:
    """Yield each place where a value stands in a text as a word."""
    begin = text.find(value) if value else -1
    while begin >= 0:
        if alone(text, begin, value):
            yield begin
        begin = text.find(value, begin + 1)


def _as_json(value: str) -> frozenset[str]:
    return frozenset({json.dumps(value), json.dumps(value, ensure_ascii=False)})


def is_prose(text: str) -> bool:
    """Return whether a cell's text is free text: several words, and no JSON document."""
    return text.lstrip()[:1] not in {"{", "["} and any(map(str.isspace, text.strip()))


_PLAIN_WORD = re.compile(r"[^\W\d][\w./-]*( [\w./-]+)*")
_NO_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Plain words of YAML that are no text."""


def yaml_for(columns: Iterable[str], *, inside: bool = False) -> str:
    """Return the line of the map that declares columns, to paste into a dataset.

    ``inside`` says that cells can only be kept: they hold more than the identifier, or no erasure changes rows of the dataset.
    """
    act = MentionAct.KEEP if inside else MentionAct.NULL
    return f"mentions: {{{', '.join(f'{yaml_word(column)}: {act}' for column in columns)}}}"


def yaml_word(name: str) -> str:
    """Return a name as YAML inside braces: in quotes where it would be read as something else."""
    plain = _PLAIN_WORD.fullmatch(name) and name.casefold() not in _NO_WORDS
    return name if plain else json.dumps(name, ensure_ascii=False)


def entry_line(name: str, store: str, place: str, rule: str) -> str:
    """Return the line of the map that declares a place which no dataset declares, to paste under ``datasets:``.

    Args:
        name: of the table or place; the entry is called like it as far as a map takes that.
        store: the store.
        place: the key of its layout, ``table: visits``.
        rule: whose it is, ``about: nobody`` or a subject with a retention.
    """
    called = re.sub(r"[^A-Za-z0-9_]", "_", name.rpartition(".")[2])
    return f"`{called if called[:1].isalpha() else 'NAME'}: {{store: {store}, {place}, {rule}}}`"
