"""The spellings of identifiers: which texts name the same person, and the one text that stands for all of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

PhoneReader: TypeAlias = Callable[[str, str], str]
"""(text, region) -> the number in E.164, empty for a text that is no number of any plan. The region is empty where none is declared."""

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"
"""Characters without a width that programs leave around a text: byte order marks, joiners, marks of direction."""
_BLANKS = " \t\n\r\v\f\x1c\x1d\x1e\x1f"
"""The ASCII characters that are no part of an identifier at its ends."""
UUID_LENGTH = 36
"""Characters of a UUID with its dashes."""
_UUID_TEXT = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_UUID_DIGITS = re.compile(r"(?:urn:uuid:)?\{?([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})\}?")
_WHOLE = re.compile(r"(0|-?[1-9][0-9]*)\.0+")
_E164 = re.compile(r"\+[1-9][0-9]{5,14}")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


class SpellingType(StrEnum):
    """What an identifier is, as far as its spelling is concerned."""

    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    UUID = "uuid"


class CaseRule(StrEnum):
    """Whether capitals tell two identifiers apart."""

    EXACT = "exact"
    FOLD = "fold"


class UnicodeForm(StrEnum):
    """The Unicode normal form (UAX 15) in which two texts are compared."""

    NFC = "nfc"
    NFKC = "nfkc"

    def normal(self, text: str) -> str:
        """Return a text in this form."""
        return unicodedata.normalize("NFC" if self is UnicodeForm.NFC else "NFKC", text)


@dataclass(frozen=True)
class Spelling:
    """The rule by which the identifiers of one field are compared."""

    type: SpellingType = SpellingType.TEXT
    case: CaseRule = CaseRule.EXACT
    form: UnicodeForm = UnicodeForm.NFC
    region: str = ""
    """For phone numbers: the country (ISO 3166-1, two letters) of numbers without a prefix."""

    @property
    def folds(self) -> bool:
        """Whether capitals are all the same, as far as the rule knows letters."""
        return self.case is CaseRule.FOLD or not self.has_case

    @property
    def has_case(self) -> bool:
        """Whether ``case`` says anything: numbers and UUIDs have no capitals."""
        return self.type not in {SpellingType.PHONE, SpellingType.UUID}

    @property
    def keeps_near(self) -> bool:
        """Whether two ASCII spellings of one person are :func:`near` each other. Not so where punctuation is no part of an identifier."""
        return self.has_case


OPAQUE = Spelling()
"""Of ids that the company gives out: NFC and trimmed, capitals tell them apart."""
EMAIL = Spelling(SpellingType.EMAIL, CaseRule.FOLD, UnicodeForm.NFKC)
PHONE = Spelling(SpellingType.PHONE, CaseRule.FOLD, UnicodeForm.NFKC)
UUID = Spelling(SpellingType.UUID, CaseRule.FOLD, UnicodeForm.NFKC)
OF_TYPE: Mapping[SpellingType, Spelling] = {
    SpellingType.TEXT: OPAQUE,
    SpellingType.EMAIL: EMAIL,
    SpellingType.PHONE: PHONE,
    SpellingType.UUID: UUID,
}
"""Type -> the rule where the map says no more."""

_EMAIL_ENDS = (("email",), ("mail",), ("email", "address"), ("mail", "address"), ("e", "mail"))
_PHONE_NAMES = ("phone", "mobile", "msisdn", "telephone", "cellphone")
_PHONE_ENDS = (*((name,) for name in _PHONE_NAMES), *((name, "number") for name in _PHONE_NAMES))


@lru_cache(maxsize=1024)
def default_spelling(*names: str) -> Spelling:
    """Return the rule for a field that the map says nothing of, by its names: those that end in ``email`` or ``phone`` are such."""
    for name in names:
        words = tuple(word.lower() for word in _WORDS.findall(name))
        if any(words[-len(end) :] == end for end in _EMAIL_ENDS):
            return EMAIL
        if any(words[-len(end) :] == end for end in _PHONE_ENDS):
            return PHONE
    return OPAQUE


def canonical(spelling: Spelling, text: str, phones: PhoneReader) -> str:
    """Return the one spelling that stands for a text and all others of the same person.

    A text that is already spelt so is returned as it is: pseudonyms and entries made from it stay what they were.
    """
    if spelling.type is SpellingType.TEXT and text.isascii() and text.isprintable() and not (text.startswith(" ") or text.endswith(" ")):
        # Why apart: nearly all ids of nearly all companies are such, and millions of them are asked about.
        return whole(text.lower() if spelling.folds or _is_uuid(text) else text)
    plain = trimmed(spelling.form.normal(text))
    if spelling.type is SpellingType.PHONE:
        return phones(plain, spelling.region) or folded(plain, spelling.form)
    if spelling.type is SpellingType.UUID:
        digits = _UUID_DIGITS.fullmatch(plain.casefold().replace("-", ""))
        return "-".join(digits.groups()) if digits else folded(plain, spelling.form)
    if spelling.type is SpellingType.EMAIL:
        return _address(plain, spelling)
    return whole(folded(plain, spelling.form) if spelling.folds or _is_uuid(plain) else plain)


def whole(text: str) -> str:
    """Return a whole number without the zeros after its point, ``7`` for ``7.0`` and ``7.00``; any other text as it is.

    Columns with missing values, and columns of a fixed scale, write whole numbers so. ``007`` stays: where ids are text, it is another.
    """
    # Why the end first: it tells nearly every text apart in a tenth of the time.
    found = _WHOLE.fullmatch(text) if text.endswith("0") else None
    return found[1] if found else text


def is_whole(text: str) -> bool:
    """Return whether a text is a whole number that can have other spellings (:func:`whole`)."""
    return _WHOLE.fullmatch(f"{text}.0") is not None


def _is_uuid(text: str) -> bool:
    """Whether a text has the form of a UUID with its dashes: whoever writes that in capitals means the same (RFC 9562, section 4)."""
    return len(text) == UUID_LENGTH and text[8] == "-" and _UUID_TEXT.fullmatch(text) is not None


def trimmed(text: str) -> str:
    """Return a text without blanks and characters of no width at its ends."""
    before = ""
    while text != before:
        before, text = text, text.strip().strip(_INVISIBLE)
    return text


def folded(text: str, form: UnicodeForm) -> str:
    """Return a text with all capitals the same (Unicode, full case folding), in a normal form again."""
    return form.normal(form.normal(text).casefold())


def _address(text: str, spelling: Spelling) -> str:
    """An address: the domain always folds, and is compared as DNS does (RFC 3490); the local part as the rule says."""
    local, at, domain = text.rpartition("@")
    if not at:
        return folded(text, spelling.form) if spelling.folds else text
    host = folded(domain, spelling.form)
    if not host.isascii():
        # Longer than DNS allows, or with characters that no name has: then it stays as it is folded.
        with suppress(UnicodeError):
            host = host.encode("idna").decode()
    return (folded(local, spelling.form) if spelling.folds else local) + at + host


def near(text: str) -> str:
    """Return the text as a store finds it by ASCII rules alone: trimmed, letters A to Z in lower case, whole numbers without a point.

    Two ASCII texts that any rule but that of phone numbers takes for one are near each other.
    """
    return whole(text.strip(_BLANKS).translate(_LOWER))


_LOWER = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}


def groups(spelling: Spelling, texts: Iterable[str], phones: PhoneReader) -> dict[str, set[str]]:
    """Return canonical spelling -> the texts that it stands for."""
    found: dict[str, set[str]] = {}
    for text in texts:
        found.setdefault(canonical(spelling, text, phones), set()).add(text)
    return found


def hashed_texts(value: str) -> frozenset[str]:
    """Return the texts of which a hash is taken for one: trimmed, as it is and in small letters; a phone number without its plus."""
    (plain,) = hashed_as_it_is(value)
    forms = {plain, plain.lower()}
    if _E164.fullmatch(plain):
        forms.add(plain[1:])
    return frozenset(forms - {""})


def hashed_as_it_is(value: str) -> frozenset[str]:
    """Return the one text of which a hash is taken for an identifier without any change of its letters."""
    return frozenset({trimmed(unicodedata.normalize("NFC", value))})
