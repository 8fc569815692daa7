"""The uses of data, and the texts that people read before they agree: the sections ``purposes`` and ``texts`` of the map, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256

from expunge.core.values import canonical
from expunge.core.values.tags import tagged


class Ground(StrEnum):
    """The ground of a purpose."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal obligation"
    VITAL_INTERESTS = "vital interests"
    PUBLIC_TASK = "public task"
    LEGITIMATE_INTERESTS = "legitimate interests"


class Use(StrEnum):
    """The use of the data. Each purpose is one use, so that agreeing to one never agrees to another."""

    COLLECTION = "collection"
    REVIEW = "human review"
    TRAINING = "training"
    DISCLOSURE = "disclosure"
    """Handed to third parties for ends of their own."""
    TRAINING_BY_OTHERS = "training by third parties"


OUTWARD = frozenset({Use.DISCLOSURE, Use.TRAINING_BY_OTHERS})
"""Uses by which data reaches third parties: they have recipients, and some ways of asking a parent do not carry them."""


@tagged("Terms")
@dataclass(frozen=True)
class Terms:
    """The terms of a consent: it covers these and nothing beyond."""

    description: str
    use: Use
    datasets: tuple[str, ...]
    recipients: tuple[str, ...]

    def digest(self) -> str:
        """Hex SHA-256 over the canonical form, whatever the order of the lists."""
        body: dict[str, canonical.Json] = {
            "datasets": sorted(self.datasets),
            "description": self.description,
            "recipients": sorted(self.recipients),
            "use": self.use.value,
        }
        return sha256(canonical.encode(body)).hexdigest()

    def within(self, agreed: Terms) -> bool:
        """Return whether they ask for no more than ``agreed``: same words and use, no further dataset or recipient (16 CFR 312.5(a)(1))."""
        same = self.description == agreed.description and self.use is agreed.use
        return same and set(self.datasets) <= set(agreed.datasets) and set(self.recipients) <= set(agreed.recipients)


@dataclass(frozen=True)
class Purpose:
    """One purpose of the map."""

    name: str
    description: str
    needs: Ground
    use: Use
    datasets: tuple[str, ...]
    """Those that are used for it."""
    recipients: tuple[str, ...] = ()
    """For uses by third parties: who they are, by name or kind."""
    text: str = ""
    """Name under ``texts`` of what people are told; where it needs consent."""
    because: Mapping[str, str] = field(default_factory=dict)
    """Dataset -> why what people are offered cannot be done without it."""
    readers: tuple[str, ...] = ()
    """The accounts that may open sealed recordings for it; empty where any may."""
    line: int = 0
    """Line of the map, for messages."""

    @property
    def terms(self) -> Terms:
        """The terms of a consent to it now."""
        return Terms(self.description, self.use, self.datasets, self.recipients)


@dataclass(frozen=True)
class TextVersion:
    """One version of a disclosure text."""

    version: str
    file: str
    """Absolute path of a UTF-8 file."""
    material: bool = True
    """Whether consent to earlier versions ends with it; not for a mere change of words, which needs a reason."""
    reason: str = ""
    """Why the change is not material."""
    line: int = 0
    """Line of the map, for messages."""


@dataclass(frozen=True)
class AskingSpec:
    """The ways of asking parents by message. An empty field is not used."""

    mail: str = field(default="", repr=False)
    """``smtp://USER:PASSWORD@HOST:PORT``; without encryption only on this machine. May hold a password."""
    sender: str = ""
    text_gateway: str = ""
    """Address that takes ``{"to": ..., "text": ...}``."""
    text_key: str = field(default="", repr=False)
    answer: str = ""
    """The page on which a parent answers, with ``{request}`` and ``{token}``."""
    revoke: str = ""
    """Where consent is taken back."""
    delay: timedelta = timedelta(hours=24)
    """Between the first answer and the second message."""


def discloses(purposes: Iterable[Purpose]) -> bool:
    """Return whether a flow of data to third parties is on."""
    return any(purpose.use in OUTWARD for purpose in purposes)


def still_covers(versions: tuple[TextVersion, ...], agreed: str) -> bool:
    """Return whether a consent under that version covers the newest: no material change came after it. False for an unlisted version."""
    names = [version.version for version in versions]
    return agreed in names and not any(version.material for version in versions[names.index(agreed) + 1 :])


def used_for_alone(purposes: Mapping[str, Purpose], name: str, standing: Iterable[str]) -> tuple[str, ...]:
    """Return the datasets of a purpose that no other purpose has a ground to use, sorted.

    Args:
        purposes: of the map.
        name: the purpose whose ground ended.
        standing: names of the purposes that still have a ground for the person.
    """
    others = {dataset for each in standing if each != name and each in purposes for dataset in purposes[each].datasets}
    return tuple(sorted(set(purposes[name].datasets) - others))
