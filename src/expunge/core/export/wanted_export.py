"""What an export is to hold, how it is written, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from expunge.core.datamap.artefact import DataKind
from expunge.core.export.export_words import Language
from expunge.core.values import canonical
from expunge.errors import UsageError

LEAST_PART = 1024 * 1024
"""Bytes of the smallest parts that may be asked for."""
USUAL_PART = 2_000_000_000
"""Bytes of a part where nothing else is asked for: what every file system and every program for zips can hold."""
_WANTED = b"expunge/wanted-export/1\0"


@dataclass(frozen=True)
class WantedExport:
    """What an export is to hold, and how it is written."""

    kinds: frozenset[DataKind] = frozenset()
    """Empty for every kind."""
    part_size: int = USUAL_PART
    language: Language = Language.ENGLISH
    """Of the page that opens by itself. The other language is one link away."""

    @property
    def ordered(self) -> tuple[DataKind, ...]:
        """The kinds in the order in which people are told; none means all."""
        return tuple(kind for kind in DataKind if kind in self.kinds)

    @property
    def digest(self) -> str:
        """The hex SHA-256 of its canonical form, which a confirmation names."""
        kinds: list[canonical.Json] = [kind.value for kind in self.ordered]
        form: dict[str, canonical.Json] = {"kinds": kinds, "language": self.language.value, "part_size": self.part_size}
        return sha256(_WANTED + canonical.encode(form)).hexdigest()

    def has(self, kind: DataKind) -> bool:
        """Return whether a kind is asked for."""
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True)
class ExportProgress:
    """How far an export is."""

    part: int
    files: int
    bytes: int
    of_bytes: int
    """Bytes that it will hold, as far as stores say; 0 where they do not."""


EVERYTHING = WantedExport()
"""Every kind, in parts of the usual size."""


def kinds_of(words: Sequence[str]) -> frozenset[DataKind]:
    """Return the kinds that some words name: those of receipts and maps, or with hyphens. Raises UsageError."""
    known = {form: kind for kind in DataKind for form in (kind.value, kind.value.replace("'", "").replace(" ", "-"))}
    if not all(word in known for word in words):
        kinds = ", ".join(kind.value.replace("'", "").replace(" ", "-") for kind in DataKind)
        raise UsageError("there is no such kind of data", help=f"kinds are {kinds}")
    return frozenset(known[word] for word in words)
