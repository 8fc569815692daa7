"""Judge whether a column of which map and schema say nothing holds keys of people, where a value of it is the key of an erased person.

A short number is any number: ``7`` may be a customer, seven pieces or the seventh row. The schema, the column's name and all of its values
together tell more than the one value does. Decision 33 gives the reasons.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from expunge.core.datamap.mentions import distinctive

MOST_VALUES = 10_000
"""Distinct values of a column that are looked at."""
_ACCIDENT = 1e-3
"""A probability below which all values of a column are keys on purpose."""
_LONE_ACCIDENT = 1e-5
"""A probability below which one large number is a key on purpose."""
_SPARSE = 0.1
"""Share of the numbers around a key that are keys as well, up to which keys are no sequence."""
_OF_A_WORD = 0.01
"""Probability that a word which fills a cell is a key."""
_NOBODY = frozenset({"0", "-1", ""})
"""Values that stand for nobody."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_OWN_NUMBERS = frozenset({"id", "pk", "rowid"})
"""Names of columns that number the rows of whatever table."""
_NUMBER_ENDS = frozenset({"id", "key", "no", "nr", "num", "number", "pk"})
"""Ends of such names, after the name of the table."""
_KEY_ENDS = frozenset({"id", "ids", "key", "ref", "fk", "no", "nr", "num", "number", "code", "uid", "pk"})
_PEOPLE = frozenset(
    re.findall(
        r"\w+",
        """
        account actor admin adult agent approver assignee attendee author borrower buyer by callee caller candidate child
        citizen client coach contact creator customer donor driver editor employee friend from guardian guest holder inviter
        invitee learner lender listener member mother father owner parent participant partner party patient payee payer people
        person player profile pupil rater reader receiver recipient referee referrer renter reporter requester reviewer rider
        seller sender signer speaker staff student subject subscriber teacher to uid user viewer visitor voter who whom whose
        worker writer
        """,
    )
)
_AMOUNTS = frozenset(
    re.findall(
        r"\w+",
        """
        age amount attempt average avg balance bit build byte capacity cent class code column cost count currency day days
        depth discount distance duration enabled error expiry factor fee flag floor grade height hour idx index interval kind
        latitude lat length level like limit line lon longitude major mark max mean micro min minor minute mode month ms n nr
        no number num offset order page pages patch percent percentage piece pieces point port pos position postcode price
        priority pct qty quantity quota rank rate rating ratio release retry retries revision room row rows score seat sec
        second seq sequence serial size star state status step stock sum tax temperature time times timestamp total tries try
        type unit usage value version view vol volume week weekday weight width year zip x y z
        """,
    )
)


class ColumnVerdict(StrEnum):
    """The meaning of a column's values."""

    PEOPLE = "people"
    DOUBTFUL = "doubtful"
    """They may be keys of people. Neither schema, name nor values decide it."""
    OTHER = "other"


class NameTells(StrEnum):
    """The meaning that a column's name suggests."""

    DECLARED = "declared"
    """The map uses the name, or its word, for people."""
    PEOPLE = "people"
    NOTHING = "nothing"
    OTHER = "other"
    """It names an amount, a position, a state, or rows of another table."""


@dataclass(frozen=True)
class MapWords:
    """The words by which a map and a schema name people and tables."""

    fields: frozenset[str]
    """Names of columns that hold people's keys in declared data, in lower case; names that any table may have left out."""
    people: frozenset[str]
    """Kinds of identities and the tables that list them, as single words."""
    tables: frozenset[str]
    """Names of other tables, as single words."""


@dataclass(frozen=True)
class ColumnFacts:
    """The facts about a column in which the key of an erased person stands."""

    said: NameTells
    values: frozenset[str] = field(repr=False)
    """Distinct values, up to :data:`MOST_VALUES`."""
    keys: frozenset[str] = field(repr=False)
    """The values that are keys of people: who live, who were erased, who are being erased."""
    wanted: frozenset[str] = field(repr=False)
    """The values that are keys of people who are being erased."""
    density: float
    """Share of the other numbers among the column's, and around the wanted keys, that are keys as well."""
    refers: bool = False
    """A foreign key leads to the people."""
    numbers_rows: bool = False
    """It is the table's own key."""
    numbers_people: bool = False
    """It is the own key, or the ``id``, of a table that is named after the people and has no other column for them."""
    sequence: float | None = None
    """For the numbers of a declared table's own rows: the chance that they are all keys by accident (:func:`chance_of_sequence`)."""


def verdict(facts: ColumnFacts) -> ColumnVerdict:
    """Return whether a column's values are keys of people. The first of these that holds decides.

    1. A foreign key leads to people, the map uses the column's name for people, or a wanted key has letters and is distinctive.
    2. All values are keys, and that is no accident: other numbers among them are no keys. Numbers that a declared table gives its own rows
       count from one on as keys do, so that only the gaps among them tell.
    3. It numbers the rows of a table that is named after the people. All values are keys: people. At least half of them are: doubtful.
       Else it is nobody's, and so is the own key of another table, and a column whose name says another thing.
    4. A wanted key is a large number, and there are few numbers and few keys around it.
    5. The name suggests people. All values are keys: people. At least half of them are: doubtful.
    6. All values are keys: doubtful.
    """
    words = any(distinctive(value) and not _NUMBER.fullmatch(value) for value in facts.wanted)
    if facts.refers or facts.said is NameTells.DECLARED or words:
        return ColumnVerdict.PEOPLE
    told = facts.values - _NOBODY | facts.wanted
    all_keys = told <= facts.keys
    density = facts.density if all(map(_NUMBER.fullmatch, facts.wanted)) else _OF_A_WORD
    accident = density ** (len(told) - 1) if facts.sequence is None else facts.sequence
    if all_keys and accident < _ACCIDENT:
        return ColumnVerdict.PEOPLE
    if facts.numbers_people:
        return _by_share(told, facts.keys)
    if facts.numbers_rows or facts.said is NameTells.OTHER:
        return ColumnVerdict.OTHER
    if facts.density < _SPARSE and any(_alone(value, told) for value in facts.wanted):
        return ColumnVerdict.PEOPLE
    if facts.said is NameTells.PEOPLE:
        return _by_share(told, facts.keys)
    return ColumnVerdict.DOUBTFUL if all_keys else ColumnVerdict.OTHER


def _by_share(told: frozenset[str], keys: frozenset[str]) -> ColumnVerdict:
    """The verdict on a column whose place says people: by how many of its values are keys."""
    if told <= keys:
        return ColumnVerdict.PEOPLE
    return ColumnVerdict.DOUBTFUL if 2 * len(told & keys) >= len(told) else ColumnVerdict.OTHER


def _alone(value: str, values: Iterable[str]) -> bool:
    """Whether a number is so large, and has so few of the column's around it, that it is hardly met by accident."""
    number = _number(value)
    if number is None or number < 1:
        return False
    near = sum(1 for each in map(_number, values) if each is not None and number // 2 <= each <= number * 2)
    return near / (1.5 * number) < _LONE_ACCIDENT


def _number(value: str) -> int | None:
    return int(value) if _NUMBER.fullmatch(value) else None


def to_try(values: Iterable[str], wanted: Iterable[str], most: int) -> tuple[str, ...]:
    """Return numbers that are not among a column's values, over its range and around wanted ones: how many are keys tells the density."""
    held = {number for value in values if (number := _number(value)) is not None}
    around = {number + step for value in wanted if (number := _number(value)) is not None for step in (-3, -2, -1, 1, 2, 3)}
    low, high = min(held, default=0), max(held, default=0)
    step = max(1, (high - low) // most)
    spread = range(low, high + 1, step)
    return tuple(str(number) for number in sorted({*around, *spread[:most]} - held) if number > 0)


def chance_of_sequence(values: Iterable[str], tried: Iterable[str], keys: Iterable[str]) -> float:
    """Return the chance that numbers which rows got in turn are all keys by accident, where keys are numbers that people got in turn.

    From one to thirty without a gap they are all keys of the first thirty people, whatever the rows are. Where numbers are left out, the
    chance is that just numbers which are no keys were left out.

    Args:
        values: the rows' numbers, all of them keys.
        tried: other numbers, as :func:`to_try` gives them.
        keys: those of the tried ones that are keys.
    """
    numbers = sorted({number for value in values if value not in _NOBODY and (number := _number(value)) is not None})
    if len(numbers) < 2:
        return 1.0
    low, high, count = numbers[0], numbers[-1], len(numbers)
    step = math.gcd(*(number - low for number in numbers))
    if 2 * count < (high - low) // step + 1:
        step = 1
    places = (high - low) // step + 1
    left_out = {value for value in tried if (number := _number(value)) is not None and low < number < high and not (number - low) % step}
    share = (len(left_out.intersection(keys)) + 1) / (len(left_out) + 2)
    fitting = count + share * (places - count)
    # Why one less of each: the lowest number is given.
    return math.exp(_log_choices(fitting - 1, count - 1) - _log_choices(places - 1, count - 1))


def _log_choices(of: float, some: int) -> float:
    """The logarithm of the number of ways to choose some of so many."""
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)


def numbers_own_rows(column: str, table: str) -> bool:
    """Return whether a column is named as the number of a table's own rows: ``id``, or in products ``product_id`` and ``productid``."""
    name = "".join(_WORDS.findall(column)).lower()
    parts = [singular(part.lower()) for part in _WORDS.findall(table.rpartition(".")[2])]
    called = {"".join(parts), *parts[-1:]}
    return name in _OWN_NUMBERS or name in {f"{word}{end}" for word in called for end in _NUMBER_ENDS}


def name_tells(column: str, words: MapWords) -> NameTells:
    """Return the meaning that a column's name suggests."""
    if column.casefold() in words.fields:
        return NameTells.DECLARED
    parts = [singular(part.lower()) for part in _WORDS.findall(column)]
    head = parts[:-1] if len(parts) > 1 and parts[-1] in _KEY_ENDS else parts
    if not head:
        return NameTells.NOTHING
    if head[-1] in words.people or "_".join(head) in words.people:
        return NameTells.DECLARED
    if head[-1] in words.tables or "_".join(head) in words.tables or head[-1] in _AMOUNTS:
        return NameTells.OTHER
    if head[-1] in _PEOPLE:
        return NameTells.PEOPLE
    return NameTells.OTHER if len(head) < len(parts) and parts[-1] in _AMOUNTS else NameTells.NOTHING


def says_people(table: str, words: MapWords) -> bool:
    """Return whether the name of a table has a word of the map for people (``customers_2023``, ``customer_profiles``)."""
    parts = [singular(part.lower()) for part in _WORDS.findall(table)]
    return not words.people.isdisjoint(parts) or "_".join(parts) in words.people


def sounds_like_people(table: str) -> bool:
    """Return whether the name of a table has a word for people, of whatever map (``profiles``, ``driver_settings``)."""
    return not _PEOPLE.isdisjoint(singular(part.lower()) for part in _WORDS.findall(table))


def singular(word: str) -> str:
    """Return a word of a schema without the ending of its plural, as far as English spelling tells."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
