"""A simulated store: whole tables in one small file, with a mood that makes it lie, lose replies, refuse, or be away.

It keeps every promise of the port while its mood is good (the shipped suite says so), and like a real database it keeps deleted rows in
its free space until it is purged. Moods belong to a folder, so that a story can change them while an engine has the store open.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expunge import durable, permit
from expunge.core.datamap.datamap import ByField, Dataset, Ignore, StoreSpec, Through
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.faults import ReplyLost, failpoint
from expunge.ports.scanner import Tracer
from tests.stores.toystore.toystore import locked

REASONS = {errno.EACCES: Reason.PERMISSION, errno.EPERM: Reason.PERMISSION, errno.EROFS: Reason.PERMISSION, errno.ENOSPC: Reason.DISK_FULL}
TABLES, FREE = "tables", "free"
Row = dict[str, str]


@dataclass
class Mood:
    """What is wrong with a store just now."""

    away: bool = False
    read_only: bool = False
    lies: bool = False
    """``erase`` says that rows are gone and keeps them."""
    loses: int = 0
    """So many of the next replies are lost, after the act."""
    reader: bool = False
    """Somebody reads what was deleted: ``purge`` cannot."""
    busy: int = 0
    """So many of the next probes cannot look."""
    timid: int = 0
    """So many of the next times it says that it reaches nothing, as a server does that does not let anybody in."""
    erased: list[Pseudonym] = field(default_factory=list)


MOODS: dict[Path, Mood] = {}


def mood(folder: Path) -> Mood:
    return MOODS.setdefault(folder.resolve(), Mood())


def load(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "store.json").read_text())


def save(folder: Path, held: dict[str, Any]) -> None:
    durable.write_bytes(folder / "store.json", json.dumps(held).encode(), at="simulated.write", mode=0o644)


def insert(folder: Path, table: str, *rows: Row) -> None:
    """As the company's own programs write."""
    folder.mkdir(exist_ok=True)
    with locked(folder):
        held = load(folder) if (folder / "store.json").exists() else {TABLES: {}, FREE: []}
        there = held[TABLES].setdefault(table, {})
        for row in rows:
            there[str(held.setdefault("next", 1))] = row
            held["next"] += 1
        fresh = folder / ".fresh"
        fresh.write_text(json.dumps(held))
        fresh.replace(folder / "store.json")


class Simulated:
    """Tables of rows of texts; the key of a row is its number."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        self.spec, self.datasets, self.folder = spec, datasets, Path(spec.url)
        self.mood = mood(self.folder)

    @property
    def capabilities(self) -> Capabilities:
        if self.mood.timid:
            self.mood.timid -= 1
            return Capabilities(Grounding.NONE)
        return Capabilities(Grounding.SCRUBBED, out_of_scope=("blocks that the file system freed and nobody has overwritten yet",))

    def _rows(self, dataset: Dataset) -> dict[str, Row]:
        if self.mood.away:
            message = f"store {self.spec.name} is away"
            raise StoreUnavailable(message, help="bring it back")
        try:
            return load(self.folder)[TABLES].get(dataset.table, {})
        except (OSError, ValueError, KeyError) as error:
            message = f"dataset {dataset.name} cannot be read"
            raise CouldNotLook(message, help="restore or repair its store") from error

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        names = {each.table for each in self.datasets} | {each.path for each in ignored}
        try:
            there = set(load(self.folder)[TABLES])
        except OSError:
            yield Finding(FindingKind.MISSING, self.spec.name, "store.json", "it is not there", "correct `url:`")
            return
        except (ValueError, KeyError):
            yield Finding(FindingKind.UNREADABLE, self.spec.name, "store.json", "it is damaged", "restore it")
            return
        for name in sorted(there - names):
            yield Finding(FindingKind.UNDECLARED, self.spec.name, name, "no dataset declares it", "declare or ignore it")

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        held = self._rows(dataset)
        for each in selectors:
            keys = tuple(key for key, row in held.items() if any(row.get(name) in values for name, values in each.match.items()))
            if keys:
                links = {name: frozenset(held[key][name] for key in keys if name in held[key]) for name in dataset.follow}
                yield Copy(dataset.name, each.subject, keys, len(keys), links=links, selector=each)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        gone = {key for each in erased for key in each.keys}
        stay = [(key, row) for key, row in self._rows(dataset).items() if key not in gone]
        names = dataset.subject.fields.values() if isinstance(dataset.subject, ByField) else ()
        names = (dataset.subject.via,) if isinstance(dataset.subject, Through) else names
        for number, (key, row) in enumerate(stay[:limit]):
            who = Pseudonym(f"control-{number}")
            links = {name: frozenset({row[name]}) for name in dataset.follow if name in row}
            selector = Selector(who, {name: frozenset({row[name]}) for name in names if name in row})
            yield Copy(dataset.name, who, (key,), 1, links=links, selector=selector)

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        held = self._rows(dataset)
        lines = (json.dumps(held[key]).encode() + b"\n" for key in copy.keys if key in held)
        yield Item(f"{dataset.name}.jsonl", lines, "application/jsonl")

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        held = self._rows(dataset)
        for copy in copies:
            for key in copy.keys:
                for name, value in held.get(key, {}).items():
                    tracer.text(copy.subject, dataset.name, name, value)

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:
        if self.mood.away:
            return (Unable(Reason.UNREACHABLE, f"store {self.spec.name} is away"),)
        if self.mood.read_only or not os.access(self.folder, os.W_OK):
            return (Unable(Reason.PERMISSION, f"store {self.spec.name} cannot be written"),)
        return ()

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        size = (self.folder / "store.json").stat().st_size if any(copies.values()) else 0
        return Cost(size, int(bool(size)), size)

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:
        stuck = self.preflight(dataset, copies)
        if stuck:
            return dict.fromkeys((each.subject for each in copies), stuck[0])
        try:
            with locked(self.folder):
                held = self._rows(dataset) and load(self.folder)
                there = held[TABLES].get(dataset.table, {}) if held else {}
                found = {each.subject: [(name, there.get(name)) for name in each.keys if name in there] for each in copies}
                permit.check()
                if any(found.values()) and not self.mood.lies:
                    for rows in found.values():
                        for name, row in rows:
                            there.pop(name, None)
                            held[FREE].append(row)
                    save(self.folder, held)
        except OSError as error:
            return dict.fromkeys((each.subject for each in copies), Unable(REASONS.get(error.errno or 0, Reason.ERROR)))
        self._answer()
        return {subject: Erased(len(rows)) if rows else Absent() for subject, rows in found.items()}

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:
        if self.mood.away:
            return Unable(Reason.UNREACHABLE, f"store {self.spec.name} is away")
        if self.mood.reader:
            return Unable(Reason.READER_OPEN, f"store {self.spec.name}: somebody reads what was deleted")
        try:
            with locked(self.folder):
                left = list(self.folder.glob(f"{durable.TEMPORARY_PREFIX}*"))
                for path in left:
                    durable.unlink(path, at="simulated.leftover")
                held = load(self.folder)
                freed = len(held[FREE])
                if freed:
                    held[FREE] = []
                    failpoint("simulated.purge:before")
                    save(self.folder, held)
                    failpoint("simulated.purge:after")
        except OSError as error:
            return Unable(REASONS.get(error.errno or 0, Reason.ERROR))
        except ValueError:
            return Unable(Reason.CORRUPT, f"store {self.spec.name} is damaged")
        self._answer()
        return Erased(freed + len(left)) if freed or left else Absent()

    def _answer(self) -> None:
        if self.mood.loses:
            self.mood.loses -= 1
            raise ReplyLost(self.spec.name)

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        held = Simulated(self.spec, self.datasets)._rows(dataset)
        if self.mood.busy:
            self.mood.busy -= 1
            yield from (Probed(copy.subject, 0, (), f"store {self.spec.name} does not answer in time") for copy in copies)
            return
        for copy in copies:
            match = copy.selector.match if copy.selector else {}
            found = [key for key, row in held.items() if key in copy.keys or any(row.get(name) in values for name, values in match.items())]
            yield Probed(copy.subject, len(found), ("table",))

    def raw(self) -> Iterator[RawSource]:
        if self.mood.away:
            message = f"store {self.spec.name} is away"
            raise StoreUnavailable(message, help="bring it back")
        yield RawSource(self.folder, "data")

    def close(self) -> None:
        """Nothing stays open between calls."""
