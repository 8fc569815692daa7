"""The cells of rows of which traces are taken: of the erased people's rows those of their own, of bystanders' rows those that stay."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import BinaryIO

from expunge.core.datamap.datamap import Dataset
from expunge.core.datamap.mentions import is_prose
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import mentions
from expunge.ports.scanner import SEAM, Tracer

_LISTS = frozenset("[{")
"""The first characters of a list and of a document in a cell."""


def without_others(inner: Tracer, context: OpenPlaces, dataset: Dataset, own: Container[str], others: set[str]) -> Tracer:
    """Return a tracer of the erased people's rows without identifiers of other people: the payee of a payment is the payee's.

    Args:
        inner: traces the rest.
        context: the places.
        dataset: the rows' dataset.
        own: the erased people's identifiers.
        others: takes the identifiers that are left out.
    """
    columns = mentions.naming_columns(context, dataset)

    def is_own(field: str, text: str | None) -> bool:
        # Why no list: the person may be in it. Why no prose: it is the person's own text, in a column whose mentions the map declares.
        if field not in columns or text is None or text in own or text[:1] in _LISTS or is_prose(text):
            return True
        others.add(text)
        return False

    return _SomeCells(inner, is_own) if columns else inner


def staying(inner: Tracer, dataset: Dataset, others: Container[str]) -> Tracer:
    """Return a tracer of the cells of bystanders' rows that an order leaves as they are.

    A cell in which the map takes mentions out would be missed after the erasure, and a scan that sees well would pass for blind. So would
    what joins such a cell to its neighbours, and an identifier that was seen in the erased people's rows alone (``others``).
    """
    released = frozenset(column for column, rule in dataset.mentions.items() if rule.releases)
    changing = released | {SEAM} if released else released
    return _SomeCells(inner, lambda field, text: field not in changing and (text is None or text not in others))


def of_identifiers(inner: Tracer, fields: Container[str], *, prose: bool) -> Tracer:
    """Return a tracer of the identifiers in some fields of rows alone: of texts that are prose, or of all else; of a number its digits."""
    return _Identifiers(inner, lambda field, text: field in fields and prose == (text is not None and is_prose(text)))


class _SomeCells:
    """Passes on the cells that a test lets through."""

    def __init__(self, inner: Tracer, wanted: Callable[[str, str | None], bool]) -> None:
        """Ask ``wanted`` of each field and its text; of bytes there is none."""
        self._inner = inner
        self._wanted = wanted
        self.name, self.lies = inner.name, inner.lies

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        if self._wanted(field, value):
            self._inner.text(subject, dataset, field, value)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        if self._wanted(field, str(value)):
            self._inner.number(subject, dataset, field, value)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        if self._wanted(field, None):
            self._inner.vector(subject, dataset, field, value)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        if self._wanted(field, None):
            self._inner.blob(subject, dataset, field, stream)


class _Identifiers(_SomeCells):
    """Passes on identifiers as a person's own are traced: a number that is one stands in texts, and in all their written forms."""

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        self.text(subject, dataset, field, str(value))
        self._inner.number(subject, dataset, field, value)
