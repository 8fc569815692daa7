"""Which column of a table names people by its values: e-mail addresses, telephone numbers, names with a forename and a surname."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from expunge.maps.proposal.known_words import (
    ACTORS,
    COMPANIES,
    CONTACT_WORDS,
    EITHER_NAMES,
    KINDS,
    OWNERS,
    PEOPLE,
    PHONES,
    ROLES,
    STAFF,
    THINGS,
    words_of,
)
from expunge.ports.optional.table_survey import ColumnType, SurveyedTable, TableSurvey

_LOOKED_AT = 500
_ENOUGH = 0.9
_ADDRESS = re.compile(r"[^@\s/:,;]+@[^@\s/:,;]+\.[a-zA-Z]{2,}")
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,25}")
_DIGITS = 7
_PARTICLES = r"(?:de|del|della|der|den|di|da|dos|du|el|la|le|van|von|zu|bin|ibn|al)"
_CAPITAL = r"[^\W\d_a-z][^\W\d_]*(?:['\u2019.\-][^\W\d_]+)*\.?"
_NAME = re.compile(rf"{_CAPITAL}(?: (?:{_PARTICLES}|{_CAPITAL}))* {_CAPITAL}")
_NAMED = frozenset({"name", "fullname", "names", *EITHER_NAMES})
_FEW = 2
"""Names from which on a column of them is one: one alone may be anything's."""


@dataclass(frozen=True)
class PeopleColumn:
    """A column that names people by its values."""

    name: str
    said: str
    """The counts, for the map."""
    findable: bool
    """Whether its values are a person's alone, so that the person may be named by one."""
    personal: bool
    """Whether it is more than a telephone number, which a place has as well."""


def people_column(table: SurveyedTable, survey: TableSurvey) -> PeopleColumn | None:
    """Return the column of a table that names people; None where there is none, and for a table of companies.

    Raises StoreUnavailable.
    """
    words = {column.name: words_of(column.name) for column in table.columns}
    every = {word for each in words.values() for word in each}
    if not every.isdisjoint(COMPANIES):
        return None
    found: list[tuple[int, PeopleColumn]] = []
    for column in table.columns:
        if column.type is not ColumnType.TEXT or not CONTACT_WORDS.isdisjoint(words[column.name]):
            continue
        values = survey.sampled(table.name, column.name, _LOOKED_AT)
        named, phones = not _NAMED.isdisjoint(words[column.name][-1:]), not PHONES.isdisjoint(words[column.name])
        rules = (
            (True, "addresses", 1, _is_address),
            (True, "telephone numbers", 1, _is_phone if phones else _is_phone_abroad),
            (named and every.isdisjoint(THINGS), "names of people", _FEW, _is_name),
        )
        for rank, (told, what, least, fits) in enumerate(rules):
            held = sum(1 for value in values if fits(value.strip())) if told else 0
            if held >= least and held >= _ENOUGH * len(values):
                said = f"{held:,} of {len(values):,} values of {column.name} are {what}"
                found.append((rank, PeopleColumn(column.name, said, fits is not _is_name, fits not in {_is_phone, _is_phone_abroad})))
                break
    return min(found, key=lambda each: each[0])[1] if found else None


def names_column(table: SurveyedTable, survey: TableSurvey) -> str:
    """Return the counts of a column that is named after names, and holds names of people; empty where there is none.

    Raises StoreUnavailable.
    """
    words = {column.name: words_of(column.name) for column in table.columns}
    if any(not THINGS.isdisjoint(each) for each in words.values()):
        return ""
    return _counted_names(table, survey, [name for name, each in words.items() if not _NAMED.isdisjoint(each[-1:])])


def role_column(table: SurveyedTable, survey: TableSurvey) -> str:
    """Return the counts of a column that is named after an owner or a role, and holds names of people; empty where there is none.

    Raises StoreUnavailable.
    """
    roles = OWNERS | ACTORS | ROLES | PEOPLE | STAFF | KINDS.keys()
    return _counted_names(table, survey, [each.name for each in table.columns if not roles.isdisjoint(words_of(each.name))], roles=True)


def _counted_names(table: SurveyedTable, survey: TableSurvey, columns: Sequence[str], *, roles: bool = False) -> str:
    for column in table.columns:
        if column.name in columns and column.type is ColumnType.TEXT:
            values = survey.sampled(table.name, column.name, _LOOKED_AT)
            held = sum(1 for value in values if _is_name(value.strip()) or (roles and _is_name_on_a_form(value.strip())))
            if held >= _FEW and held >= _ENOUGH * len(values):
                return f"{held:,} of {len(values):,} values of {column.name} are names of people"
    return ""


def _is_address(value: str) -> bool:
    return _ADDRESS.fullmatch(value) is not None


def _is_phone(value: str) -> bool:
    return _PHONE.fullmatch(value) is not None and sum(map(str.isdigit, value)) >= _DIGITS


def _is_phone_abroad(value: str) -> bool:
    """Whether a value is a telephone number under whatever name: it begins as only those do."""
    return value.startswith(("+", "00 ")) and _is_phone(value)


def _is_name(value: str) -> bool:
    return _NAME.fullmatch(value) is not None and not value.isupper()


def _is_name_on_a_form(value: str) -> bool:
    """Whether a value is a name as offices write it, where the column says that people stand there: ``BERG, ANNA``, ``Berg, Anna``."""
    first, comma, rest = value.partition(", ")
    return _NAME.fullmatch(f"{rest} {first}" if comma else value) is not None
