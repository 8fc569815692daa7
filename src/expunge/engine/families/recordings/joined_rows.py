"""What other datasets say about recordings: transcripts, details and devices, joined by the map's lineage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import ByField, DataMap, Dataset, Through
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.families.timeline import MOST_WORDS
from expunge.core.values.copy import Copy
from expunge.core.values.timestamps import moment
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.ports.optional.item_listing import ItemListing, ListedItem
from expunge.ports.optional.ranged_reading import RangedReading

BESIDE = (DataKind.TRANSCRIPT, DataKind.DETAILS, DataKind.EVENT)
"""The kinds of data whose items may say something about a recording."""
SPOKEN = ("transcript", "text", "words", "said", "utterance", "content")
"""Names of fields that hold what was said, the first of them first; else the longest text of a row is taken."""
DEVICES = ("device", "device_name", "device_id")
_MILLISECONDS, _SECONDS = ("duration_ms", "milliseconds"), ("seconds", "duration", "duration_s", "duration_seconds", "length_s")
_MOST_FILE = 16 << 10
"""Bytes of a transcript in a file of its own that are read."""
_MOST_LINE = 1 << 20
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class SealedWords:
    """A transcript that lies sealed. It is opened for its recording alone, and never for a list."""

    dataset: str
    item: ListedItem = field(repr=False)


@dataclass
class Beside:
    """What is known of one recording from elsewhere. Private."""

    transcript: str = field(default="", repr=False)
    sealed: SealedWords | None = None
    device: str = field(default="", repr=False)
    seconds: float | None = None
    times: dict[str, datetime] = field(default_factory=dict)
    """Field -> time."""

    def take(self, row: Mapping[str, Any], spoken: str, devices: frozenset[str]) -> None:
        """Take in a row; what is known already stays."""
        self.transcript = self.transcript or spoken
        self.device = self.device or device_in({name: str(value) for name, value in row.items() if value is not None}, devices)
        if self.seconds is None:
            self.seconds = _length(row)
        for name, value in row.items():
            at = moment(value)
            if at is not None:
                self.times.setdefault(name, at)


@dataclass(frozen=True)
class Join:
    """How the items of a dataset name recordings of another one."""

    dataset: Dataset
    pairs: tuple[tuple[str, str], ...]
    """(field of the recording, field of the row), all of which are equal."""

    def of_recording(self, fields: Mapping[str, frozenset[str]]) -> tuple[str, ...] | None:
        """Return the values by which rows name a recording; None where its name can be read in several ways."""
        values = [fields.get(mine, frozenset()) for mine, _ in self.pairs]
        return tuple(next(iter(each)) for each in values) if values and all(len(each) == 1 for each in values) else None

    def of_row(self, row: Mapping[str, Any]) -> tuple[str, ...] | None:
        """Return the values by which a row names a recording; None where it names none."""
        values = [row.get(theirs) for _, theirs in self.pairs]
        return tuple(map(str, values)) if values and None not in values else None


def beside(data_map: DataMap, recordings: Dataset) -> Iterator[Join]:
    """Yield the datasets that say something about recordings: found through them, or derived from them with a field of the same name."""
    fields = {part for path in recordings.paths for part in _placeholders(path)}
    own = set(recordings.subject_fields)
    for dataset in data_map.datasets.values():
        if dataset.name == recordings.name or kind_held(data_map, dataset.name) not in BESIDE:
            continue
        rule = dataset.subject
        if isinstance(rule, Through) and recordings.name in rule.sources:
            link = next(field_ for name, field_ in rule.ways if name == recordings.name)
            yield Join(dataset, ((link, rule.via),))
        elif isinstance(rule, ByField) and recordings.name in dataset.derived_from:
            theirs = {part for path in dataset.paths for part in _placeholders(path)} if dataset.paths else fields
            shared = sorted((fields & theirs) - own)
            if shared:
                yield Join(dataset, tuple((name, name) for name in shared))


def read(context: Context, join: Join, copy: Copy, devices: frozenset[str], found: dict[tuple[str, ...], Beside]) -> None:
    """Take in the rows or files of a copy, by the values with which they name recordings. Raises as stores do."""
    said = kind_held(context.data_map, join.dataset.name) is DataKind.TRANSCRIPT
    aside = {*join.dataset.subject_fields, *(theirs for _, theirs in join.pairs)}
    for listed in _sealed(context, join.dataset, copy):
        named = _named(listed)
        key = join.of_row(named)
        if key is not None:
            of = found.setdefault(key, Beside())
            of.take(named, "", devices)
            of.sealed = of.sealed or (SealedWords(join.dataset.name, listed) if said else None)
    for row in _rows(context, join.dataset, copy, said=said):
        key = join.of_row(row)
        if key is not None:
            found.setdefault(key, Beside()).take(row, _spoken(row, aside) if said else "", devices)


def device_in(fields: Mapping[str, str], declared: frozenset[str]) -> str:
    """Return the device that an item's fields name: by a field that the map says is a device, else by its name; empty where none does."""
    return next((fields[name][:80] for name in (*sorted(declared), *DEVICES) if fields.get(name)), "")


def device_fields(data_map: DataMap) -> frozenset[str]:
    """Return the fields that hold devices by the map: subjects of a kind ``device``, and links to a dataset of devices."""
    found = {
        name
        for each in data_map.datasets.values()
        if isinstance(each.subject, ByField)
        for kind, name in each.subject.pairs()
        if kind == "device"
    }
    for name, dataset in data_map.datasets.items():
        if kind_held(data_map, name) is DataKind.DEVICE:
            found |= {each for each in dataset.follow if each not in dataset.subject_fields}
    return frozenset(found)


def _rows(context: Context, dataset: Dataset, copy: Copy, *, said: bool) -> Iterator[Mapping[str, Any]]:
    store = context.open_store(dataset.store)
    if dataset.paths and not dataset.format:
        if isinstance(store, ItemListing) and isinstance(store, RangedReading):
            for listed in store_calls.listed(store, dataset, copy):
                text = _text_of(store, dataset, copy, listed) if said else ""
                yield {**_named(listed), "text": text}
        return
    for item in store_calls.export(store, dataset, copy):
        if item.media_type == "application/jsonl":
            yield from _lines(item.chunks)


def _sealed(context: Context, dataset: Dataset, copy: Copy) -> Iterator[ListedItem]:
    """Yield the items that lie sealed, without a byte of them."""
    store = context.open_store(dataset.store)
    if dataset.paths and not dataset.format and isinstance(store, ItemListing) and not isinstance(store, RangedReading):
        yield from (listed for listed in store_calls.listed(store, dataset, copy) if listed.sealed_as)


def _named(listed: ListedItem) -> dict[str, str]:
    """Return what the name of an item says, where it can be read in one way."""
    return {name: next(iter(values)) for name, values in listed.fields.items() if len(values) == 1}


def _lines(chunks: Any) -> Iterator[Mapping[str, Any]]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line and len(line) <= _MOST_LINE:
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row


def _text_of(store: RangedReading, dataset: Dataset, copy: Copy, item: ListedItem) -> str:
    state = store_calls.state_of(store, dataset, copy, item.key)
    data = store_calls.read_range(store, dataset, copy, item.key, state, 0, min(state.size, _MOST_FILE))
    return data.decode("utf-8", "replace")


def _spoken(row: Mapping[str, Any], aside: set[str]) -> str:
    for name in SPOKEN:
        if isinstance(row.get(name), str):
            return str(row[name])[:MOST_WORDS]
    texts = [value for name, value in row.items() if isinstance(value, str) and name not in aside and moment(value) is None]
    return max(texts, key=len, default="")[:MOST_WORDS]


def _length(row: Mapping[str, Any]) -> float | None:
    for names, unit in ((_SECONDS, 1.0), (_MILLISECONDS, 1000.0)):
        for name in names:
            value = row.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value / unit <= _DAY:
                return float(value / unit)
    return None


def _placeholders(path: str) -> Iterator[str]:
    yield from (part.partition("}")[0] for part in path.split("{")[1:])
