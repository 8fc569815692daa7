"""Hold samples of what datasets hold against the categories that the map gives them: sounds, pictures, films, and places on the globe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from expunge.core.datamap.datamap import AboutNobody, Aggregate, Dataset, remakes
from expunge.core.datamap.protected_kinds import CATEGORY, ProtectedKind, is_geolocation, kinds_of
from expunge.core.discovery import coordinates
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence import judged_columns
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.ports.recognition import HEAD, MediaKind
from expunge.ports.scanner import Stretch

EVERY = frozenset(ProtectedKind)
SAMPLE = 40
"""Copies of people of a dataset that are looked at."""
_LONGEST = 4096
"""Characters of a value that are read."""
_KIND = {MediaKind.AUDIO: ProtectedKind.VOICE, MediaKind.IMAGE: ProtectedKind.IMAGE, MediaKind.VIDEO: ProtectedKind.IMAGE}
_SAID = {MediaKind.AUDIO: "recordings of sound", MediaKind.IMAGE: "pictures", MediaKind.VIDEO: "films"}


def findings(context: OpenPlaces, dataset: Dataset, kinds: frozenset[ProtectedKind] = EVERY) -> Iterator[Finding]:
    """Yield what the content of a dataset is and its categories do not say: a note where it has none, else a fault.

    Columns that are plainly coordinates, by their names and by their values, are a fault in either case: whatever is asked of location by
    its category passes them by. A column that the map ignores by its own name (``visits.lat``) is no place.

    Args:
        context: where stores are opened.
        dataset: of the map.
        kinds: those that are asked about.

    Raises as ``locate`` and ``trace`` of the stores.
    """
    if isinstance(dataset.subject, AboutNobody):
        if ProtectedKind.LOCATION in kinds:
            yield from _of_nobody(context, dataset)
        return
    said = kinds_of(context.data_map, dataset.name)
    shown, plain = _seen(context, dataset)
    for kind, what in sorted(shown.items()):
        if kind in kinds - said:
            yield _finding(dataset, kind, what, plain if kind is ProtectedKind.LOCATION else "")


def of_points(context: OpenPlaces, dataset: Dataset, points: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Yield the fault that a column of a type of places is one and the categories do not say so. ``points``: column -> sampled values."""
    if isinstance(dataset.subject, AboutNobody) or ProtectedKind.LOCATION in kinds_of(context.data_map, dataset.name):
        return
    ignored = judged_columns.ignored_by_name(context, dataset)
    for name, values in points.items():
        if name not in ignored and coordinates.names_place(name) and coordinates.are_points(values):
            yield _finding(dataset, ProtectedKind.LOCATION, f"{name} (points) holds places on the globe", name)


def _finding(dataset: Dataset, kind: ProtectedKind, what: str, plain: str) -> Finding:
    """``plain``: the column that says by its name that it holds places."""
    names = ", ".join((*dataset.categories, CATEGORY[kind]))
    claim = f"its categories are {', '.join(dataset.categories)}" if dataset.categories else "it has no categories"
    found = FindingKind.CATEGORY if dataset.categories or plain else FindingKind.NOTE
    text = f"dataset {dataset.name}: {what}, which is {kind.value}, and {claim}"
    mend = f"categories: [{names}]"
    if plain and dataset.table:
        mend += f"; or, where these are no places, {judged_columns.ignoring(dataset, plain)}"
    return Finding(found, dataset.store, dataset.table or dataset.name, text, mend, dataset.line)


def _of_nobody(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
    """Places that are too exact for data that is called de-identified."""
    if isinstance(dataset.subject, Aggregate):
        signs = _taken(context, dataset)
        if signs.decimals and is_geolocation(max(signs.decimals), linkable=False):
            exact = f"places with {max(signs.decimals)} decimals of a degree are geolocation, linked to people or not"
            mend = "round them to two decimals, or say whose they are"
            yield Finding(
                FindingKind.CATEGORY, dataset.store, dataset.table or dataset.name, f"dataset {dataset.name}: {exact}", mend, dataset.line
            )


def _seen(context: OpenPlaces, dataset: Dataset) -> tuple[dict[ProtectedKind, str], str]:
    """The kinds that samples of a dataset are of, each with what was seen; and the column that is plainly one of coordinates, if one is.

    Raises as ``locate`` and ``trace`` of the stores.
    """
    if remakes(dataset):
        return {}, ""
    signs = _taken(context, dataset)
    found = {_KIND[media]: f"it holds {_SAID[media]}" for media in MediaKind if media in signs.media}
    if signs.decimals:
        found[ProtectedKind.LOCATION] = f"{signs.where} holds places on the globe"
    elif signs.located:
        found[ProtectedKind.LOCATION] = "its pictures say where they were taken"
    return found, signs.plain


def _taken(context: OpenPlaces, dataset: Dataset) -> _Signs:
    store = context.open_store(dataset.store)
    signs = _Signs(context)
    copies = list(store_calls.bystanders(store, dataset, (), SAMPLE))
    if copies:
        store_calls.trace(store, dataset, copies[:SAMPLE], signs)
    signs.judge(judged_columns.ignored_by_name(context, dataset))
    return signs


@dataclass
class _Signs:
    """Takes the content of items and tells of which kind it is; nothing of it is kept."""

    context: OpenPlaces
    media: set[MediaKind] = field(default_factory=set)
    located: bool = False
    decimals: list[int] = field(default_factory=list)
    """Of the places that were seen; empty where there are none."""
    where: str = ""
    plain: str = ""
    """The first column that says by its name as well that it holds places."""
    _values: dict[str, set[str]] = field(default_factory=dict, repr=False)

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:  # noqa: ARG002 - the port's shape
        self._values.setdefault(field, set()).add(value[:_LONGEST])

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:  # noqa: ARG002 - the port's shape
        self._values.setdefault(field, set()).add(repr(value))

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        """An embedding is no place."""

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:  # noqa: ARG002 - the port's shape
        head = stream.read(HEAD)
        media, located = self.context.recognise(head)
        if media is not None:
            self.media.add(media)
            self.located |= located
        elif form := coordinates.form_of(head.decode("utf-8", "replace")):
            self._place("a file", form)

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        """A name is no place."""

    def lies(self, path: Path, stretches: Sequence[Stretch]) -> None:
        """Where it lies is not asked for."""

    def judge(self, ignored: frozenset[str]) -> None:
        """Tell which columns hold places, but for those that the map ignores by name."""
        columns = {name: frozenset(values) for name, values in self._values.items() if name not in ignored}
        for north, east in coordinates.pairs(tuple(columns)):
            if coordinates.may_be_coordinates(columns[north], columns[east]):
                self.where = self.where or f"{north} with {east}"
                self.plain = self.plain or north
                self.decimals.append(max(map(coordinates.decimals, columns[north] | columns[east])))
        for name, values in columns.items():
            if coordinates.are_points(values):
                self._place(name, "points")
                self.plain = self.plain or (name if coordinates.names_place(name) else "")
            elif form := coordinates.form_of("\n".join(sorted(values, key=len, reverse=True))):
                self._place(name, form)
        self._values.clear()

    def _place(self, where: str, form: str) -> None:
        """Note places in a form of which every reader asks for three decimals and more."""
        self.where = self.where or f"{where} ({form})"
        self.decimals.append(coordinates.EXACT)
