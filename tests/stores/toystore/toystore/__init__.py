"""A toy store, to show how small one is: a folder with one JSON document per collection, ``{person's id: {field: text}}``.

Its writers agree on a lock over the folder. The worked example of CONTRIBUTING: a package of its own, one entry point, a short test.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from expunge import durable, permit
from expunge.core.datamap.datamap import Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.retention.age_histogram import Ages, AgeSpan, CountedItem, SpannedItem
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.core.values.timestamps import moment
from expunge.errors import CouldNotLook
from expunge.ports.scanner import Tracer
from expunge.ports.store_kind import StoreKind, UrlForm, folder_url

REASONS = {errno.EACCES: Reason.PERMISSION, errno.EPERM: Reason.PERMISSION, errno.EROFS: Reason.PERMISSION, errno.ENOSPC: Reason.DISK_FULL}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, as every program that changes a collection does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def means(selector: Selector, record: Mapping[str, str]) -> bool:
    """Whether a record is what a selector means."""
    found = selector.every or any(record.get(name) in values for name, values in selector.match.items())
    return found and selector.admits(lambda name: moment(record.get(name)), lambda name: [record.get(name, "")])


class ToyStore:
    """JSON collections in a folder; the key of a record is the person's id."""

    KIND = StoreKind(layouts=("table",), url=UrlForm("a folder", "./toys", folder_url, about="a folder, `./toys`"), options={})
    capabilities = Capabilities(Grounding.SCRUBBED, out_of_scope=("blocks that the file system freed and nobody has overwritten yet",))

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        self.spec, self.datasets, self.folder = spec, datasets, Path(spec.url)

    def records(self, dataset: Dataset) -> dict[str, dict[str, str]]:
        try:
            return json.loads((self.folder / dataset.table).read_text())
        except (OSError, ValueError) as error:
            raise CouldNotLook(f"dataset {dataset.name} cannot be read", help="restore or repair its collection") from error

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        mine = {each.table for each in self.datasets}
        there = {each.name for each in self.folder.iterdir()} if self.folder.exists() else set()
        for name in mine - there:
            yield Finding(FindingKind.MISSING, self.spec.name, name, "no such collection", "correct `table:`")
        for name in there - mine:
            yield Finding(FindingKind.UNDECLARED, self.spec.name, name, "no dataset declares it", "declare or ignore it")
        for dataset in self.datasets:
            try:
                self.records(dataset)
            except CouldNotLook as error:
                yield Finding(FindingKind.UNREADABLE, self.spec.name, dataset.table, error.message, error.help)

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        held = self.records(dataset)
        for each in selectors:
            keys = tuple(sorted(name for name, record in held.items() if means(each, {**record, "id": name})))
            if keys:
                yield Copy(dataset.name, each.subject, keys, len(keys), links={"id": frozenset(keys)}, selector=each)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        stay = sorted(self.records(dataset).keys() - {key for each in erased for key in each.keys})
        for number, key in enumerate(stay[:limit]):
            control = Selector(Pseudonym(f"control-{number}"), {"id": frozenset({key})})
            yield Copy(dataset.name, control.subject, (key,), 1, links=dict(control.match), selector=control)

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        counted = CountedItem(edges)
        for record in self.records(dataset).values():
            counted.add(moment(record.get(field)), len(json.dumps(record)))
        return counted.ages()

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        counted = SpannedItem()
        for name, record in self.records(dataset).items():
            counted.add({**record, "id": name}[by], moment(record.get(field)))
        return counted.spans()

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        held = self.records(dataset)
        rows = ({"id": key, **held[key]} for key in copy.keys if key in held)
        yield Item(f"{dataset.name}.jsonl", (json.dumps(row).encode() + b"\n" for row in rows), "application/jsonl")

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        held = self.records(dataset)
        for copy in copies:
            for key in copy.keys:
                for name, value in {"id": key, **held.get(key, {})}.items():
                    tracer.text(copy.subject, dataset.name, name, value)

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:
        return () if os.access(self.folder, os.W_OK) else (Unable(Reason.PERMISSION, "the folder cannot be written"),)

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Every collection that somebody goes from is written anew."""
        files = [self.folder / each.table for each in self.datasets if copies.get(each.name)]
        size = sum(each.stat().st_size for each in files if each.exists())
        return Cost(size, len(files), size)

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:
        try:
            with locked(self.folder):
                held = self.records(dataset)
                found = {each.subject: sum(held.pop(name, None) is not None for name in each.keys) for each in copies}
                if any(found.values()):
                    permit.check()
                    durable.write_bytes(self.folder / dataset.table, json.dumps(held).encode(), at="toy.erase.write", mode=0o644)
        except OSError as error:
            return dict.fromkeys((each.subject for each in copies), Unable(REASONS.get(error.errno or 0, Reason.ERROR)))
        return {subject: Erased(items) if items else Absent() for subject, items in found.items()}

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:
        try:
            left = list(self.folder.glob(f"{durable.TEMPORARY_PREFIX}*"))  # a crash in the middle of `erase` leaves at most one
            for path in left:
                permit.check()
                durable.unlink(path, at="toy.purge.unlink")
        except OSError as error:
            return Unable(REASONS.get(error.errno or 0, Reason.ERROR))
        return Erased(len(left)) if left else Absent()

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        held = ToyStore(self.spec, self.datasets).records(dataset)
        for copy in copies:
            again = {name for name, record in held.items() if copy.selector and means(copy.selector, {**record, "id": name})}
            yield Probed(copy.subject, len((again | {*copy.keys}) & held.keys()), ("collection",))

    def raw(self) -> Iterator[RawSource]:
        yield RawSource(self.folder, "data")

    def close(self) -> None:
        """Nothing stays open between calls."""
