"""Spellings of an identifier, a line each: how the map declares it, how stores spell it from place to place, and how a person types it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass


def _same(key: str) -> str:
    return key


@dataclass(frozen=True)
class Spelling:
    """How the identifier of one person is spelled in one company."""

    name: str
    base: Callable[[str], str] = _same
    """The identifier as customers have it, from an opaque one."""
    turns: tuple[Callable[[str], str], ...] = (_same,)
    """How the places spell it, in turn."""
    compare: str = ""
    """What the map says of the identity."""
    column: str = "text"
    """The type of columns with identifiers."""
    stores: tuple[str, ...] = ("sqlite", "postgres", "files", "parquet")
    again: Callable[[str], str] = _same
    """Another spelling, which neither customers nor notes have."""

    def stored(self, key: str, at: int) -> str:
        """Return the identifier as a place has it."""
        return self.turns[at % len(self.turns)](self.base(key))

    def other(self, key: str) -> str:
        """Return a spelling that neither customers nor notes have."""
        return self.again(self.base(key))

    def typed(self, key: str) -> str:
        """Return the identifier as the operator types it."""
        return self.base(key)

    def all(self, key: str) -> list[str]:
        """Return every spelling of an identifier."""
        return list(dict.fromkeys([self.base(key), *(turn(self.base(key)) for turn in self.turns)]))


def _phone(key: str) -> str:
    return "+44 20 7946 0" + f"{sum(key.encode()) * 7919 % 1000:03d}"


def _mail(key: str) -> str:
    return f"{key[4:]}@Example.org"


def _domestic(key: str) -> str:
    return "0" + key.removeprefix("+44 ")


def _bracketed(key: str) -> str:
    _, area, *rest = key.split(" ")
    return f"(0{area}) {'-'.join(rest)}"


def _dialled(key: str) -> str:
    return "00" + key.removeprefix("+").replace(" ", "")


def _zoe(key: str) -> str:
    return unicodedata.normalize("NFC", f"zoë-müller-{key[4:]}")


def _decomposed(key: str) -> str:
    return unicodedata.normalize("NFD", key)


def _uuid(key: str) -> str:
    raw = (key.encode() * 2)[:16].hex()
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-a{raw[17:20]}-{raw[20:]}"


def _number(key: str) -> str:
    return str(7_000_000_000 + int.from_bytes(key[4:].encode()) % 999_999_937)


SPELLINGS = (
    Spelling("as it is"),
    Spelling("mail in other capitals", _mail, (_same, str.lower, str.upper), ", type: email", again=str.swapcase),
    Spelling("mail with blanks", _mail, (_same, lambda key: f" {key}", lambda key: f"{key} "), ", type: email"),
    Spelling("folded", _same, (_same, str.lower, str.swapcase), ", case: fold", again=str.title),
    Spelling("trimmed", _same, (_same, lambda key: f"{key} ", lambda key: f"\t{key}")),
    Spelling("decomposed", _zoe, (_same, _decomposed)),
    Spelling("phone", _phone, (_same, _domestic, _bracketed), ", type: phone, region: GB", again=_dialled),
    Spelling("uuid", _uuid, (_same, str.upper, lambda key: key.replace("-", "")), ", type: uuid", again=lambda key: f"{{{key.upper()}}}"),
    Spelling("column without case", _same, (_same, str.lower), "", "text COLLATE NOCASE", ("sqlite",)),
    Spelling("padded column", _same, (_same,), "", "char(20)", ("postgres",)),
    Spelling("number", _number, (_same,), "", "bigint", ("sqlite", "postgres")),
    Spelling("citext", _same, (_same, str.lower), "", "citext", ("postgres",)),
)
