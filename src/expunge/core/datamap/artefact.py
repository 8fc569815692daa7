"""Kinds of artefacts in the words of orders of destruction, and the map's declarations of where artefacts come from.

The kinds are those that the definitions of the orders name: covered information, face embeddings, affected work product ("models or
algorithms"), "work product, including any algorithms or equations", software, segments, customer backup files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from expunge.core.values.tags import tagged


class ArtefactKind(StrEnum):
    """The kind of a dataset's content, as an order may name it."""

    RAW = "raw"
    """As it was collected: recordings, rows about people."""
    TRANSCRIPT = "transcript"
    EMBEDDING = "embedding"
    LABELS = "label set"
    DERIVED = "derived data"
    """Features, indexes, caches, exports, inferences: made from other data, and none of the others."""
    SEGMENT = "segment"
    MODEL = "model"
    ALGORITHM = "algorithm"
    EQUATION = "equation"
    SOFTWARE = "software"
    BACKUP = "backup"


class DataKind(StrEnum):
    """The kind of a dataset's content, as people are told, in the order in which they are told.

    Maps and receipts have these words, so that a kind is added and never renamed.
    """

    VOICE = "voice recordings"
    VIDEO = "videos"
    PICTURE = "pictures"
    DETAILS = "details of recordings"
    TRANSCRIPT = "transcripts"
    MESSAGE = "messages"
    CONVERSATION = "conversations"
    VOICEPRINT = "voiceprints"
    FACEPRINT = "faceprints"
    EMBEDDING = "embeddings"
    LOCATION = "location points"
    EVENT = "usage events"
    NOTE = "reviewers' notes"
    EXAMPLE = "training examples"
    CONTENTS = "search entries"
    ACCOUNT = "account details"
    PROFILE = "profiles"
    DEVICE = "devices"
    CONSENT = "consents"
    SEGMENT = "groups"
    MODEL = "models"
    COPY = "copies"
    BACKUP = "backups"
    RECORD = "records"
    """Of no kind above."""


LEARNT = frozenset({ArtefactKind.MODEL, ArtefactKind.ALGORITHM, ArtefactKind.EQUATION, ArtefactKind.SOFTWARE})
"""What was learnt or written with data and does not hold the data itself; everything else does."""


@dataclass(frozen=True)
class Reviewed:
    """The record of which items of a dataset people reviewed or annotated."""

    dataset: str
    """Its rows are acts of review."""
    via: str
    """The field by which a row names the item: of that name in both datasets."""
    at: str
    """The row's field with the time of the review."""


@tagged("Cohort")
@dataclass(frozen=True)
class Cohort:
    """A group of people, chosen by their rows in one dataset.

    A person belongs to it through a row that has any of the values under ``where`` (through any row, when it is empty) and none of those
    under ``but_not``. An empty field has no value.
    """

    dataset: str
    """The one that says who exists, for some kind of identity of the map."""
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)
    but_not: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """The dataset of the map that records the sources of each artefact, and its fields. A field that it lacks is empty.

    Artefacts and sources are named ``DATASET/NAME``, or ``DATASET`` for a dataset as a whole.
    """

    dataset: str
    artefact: str
    source: str
    how: str = ""
    """``trained on``, ``fine-tuned from``, ``distilled from``, ``member of an ensemble``..., as the company calls it."""
    created: str = ""
    """When the artefact was made."""
    read: str = ""
    """When the source was read for it."""
