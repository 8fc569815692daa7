"""The direct notice to a parent (16 CFR 312.4(c)(1)), made from the map: which data, what for, who else gets it, and what silence means.

It is the same for every family, so that its hash says what was shown. It holds no name of a person and no address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from expunge.core.consent.notice_words import ENGLISH, KINDS, SPANISH, WORDS
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.datamap.purposes import OUTWARD, Purpose

LANGUAGES = (ENGLISH, SPANISH)


@dataclass(frozen=True)
class NoticeSection:
    """One part of a notice."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class DirectNotice:
    """One notice, in one language."""

    language: str
    sections: tuple[NoticeSection, ...]

    @property
    def text(self) -> str:
        """The whole notice as plain text: what its hash is of."""
        parts = (f"{section.heading}\n" + "\n".join(f"- {line}" for line in section.lines) for section in self.sections)
        return "\n\n".join(parts) + "\n"

    @property
    def digest(self) -> str:
        """The hex SHA-256 of :attr:`text` in UTF-8."""
        return sha256(self.text.encode()).hexdigest()


def asked_for(data_map: DataMap) -> tuple[Purpose, ...]:
    """Return the purposes that a guardian is asked about, those inside the house first, each group in the order of the map."""
    asked = [purpose for purpose in data_map.purposes.values() if purpose.text]
    return tuple(sorted(asked, key=lambda purpose: purpose.use in OUTWARD))


def direct_notice(data_map: DataMap, language: str, methods: Iterable[str]) -> DirectNotice:
    """Return the notice of a map.

    Args:
        data_map: says the company, the purposes, their items and the third parties.
        language: a language tag; any that is not Spanish gets English.
        methods: the names of the ways in which a parent may agree.
    """
    spoken = SPANISH if language.lower().startswith(SPANISH) else ENGLISH
    words = WORDS[spoken]
    company = data_map.company.name or words["company"]
    asked = asked_for(data_map)
    days = max(data_map.consent_wait.days, 1)
    sections = [
        NoticeSection(words["why-heading"], tuple(words[each].format(company=company) for each in ("why-asked", "why-address", "why-no"))),
        NoticeSection(words["what-heading"], tuple(_use(data_map, purpose, spoken) for purpose in asked) or (words["what-none"],)),
    ]
    also = [purpose for purpose in data_map.purposes.values() if not purpose.text]
    if also:
        sections.append(NoticeSection(words["also-heading"], tuple(_use(data_map, purpose, spoken) for purpose in also)))
    sections += [
        NoticeSection(words["others-heading"], (*_third_parties(data_map, asked, spoken), *_suppliers(data_map, spoken))),
        NoticeSection(words["how-heading"], tuple(words.get(f"how-{method}", method) for method in methods)),
        NoticeSection(words["silence-heading"], (words["silence"].format(days=days),)),
        NoticeSection(words["later-heading"], (words["later"], *_contact(data_map, words))),
    ]
    return DirectNotice(spoken, tuple(sections))


def items_of(data_map: DataMap, purpose: Purpose, language: str) -> str:
    """Return the kinds of data that a purpose uses, in words."""
    names = KINDS.get(language, {})
    kinds = {kind_held(data_map, each) for each in purpose.datasets if each in data_map.datasets}
    told = [names.get(kind, kind.value) for kind in DataKind if kind in kinds]
    return ", ".join(told)


def _use(data_map: DataMap, purpose: Purpose, language: str) -> str:
    return WORDS[language]["use"].format(what=_sentence(purpose.description), items=items_of(data_map, purpose, language))


def _third_parties(data_map: DataMap, asked: Iterable[Purpose], language: str) -> tuple[str, ...]:
    words = WORDS[language]
    outward = [purpose for purpose in asked if purpose.use in OUTWARD]
    if not outward:
        return (words["others-none"],)
    told = [
        words["others"].format(
            who=", ".join(purpose.recipients), what=_sentence(purpose.description), items=items_of(data_map, purpose, language)
        )
        for purpose in outward
    ]
    return (*told, words["others-choice"])


def _suppliers(data_map: DataMap, language: str) -> tuple[str, ...]:
    """Return who gets data by the section ``recipients`` and is named by no purpose that a guardian is asked about."""
    named = {name for purpose in data_map.purposes.values() if purpose.text for name in purpose.recipients}
    names = sorted(data_map.recipients.keys() - named)
    return (WORDS[language]["suppliers"].format(who=", ".join(names)),) if names else ()


def _contact(data_map: DataMap, words: Mapping[str, str]) -> tuple[str, ...]:
    return (words["contact"].format(contact=data_map.company.contact),) if data_map.company.contact else ()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")
