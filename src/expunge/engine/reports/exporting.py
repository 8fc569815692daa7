"""Export the data held about a person: a zip, streamed, with a manifest of hashes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from expunge import durable
from expunge.core.datamap.datamap import Dataset, Shared
from expunge.core.values import canonical
from expunge.core.values.copy import Copy, Item
from expunge.core.values.outcome import Unable
from expunge.engine.gate import consent_register
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import locating
from expunge.engine.subjects.resolving import ResolvedName
from expunge.engine.vault import openings
from expunge.errors import UsageError
from expunge.ports.optional.sealed_items import SealedItems

_CHUNK_TIME = (1980, 1, 1, 0, 0, 0)
"""Entries carry no time of their own, so that the same content gives the same archive."""


@dataclass(frozen=True)
class ExportSummary:
    """The contents of an archive."""

    items: int
    bytes: int
    datasets: dict[str, int]
    failed: dict[str, Unable]
    """Datasets that could not be read: the archive's manifest lists them too, so that it never reads as whole."""


def export(context: Context, resolved: ResolvedName, target: Path) -> ExportSummary:
    """Write the archive whole or not at all. Raises UsageError when the target exists, NeedsApproval while guardians are in dispute."""
    if target.exists():
        message = "the file to be written exists already"
        raise UsageError(message, help="name a new file")
    consent_register.require_no_dispute(context, consent_register.load(context), [resolved.person])
    located = locating.locate(context, (resolved.person,))
    result: list[ExportSummary] = []

    def write(file: BinaryIO) -> None:
        result.append(_write(context, located, file))

    durable.write_new(target, write, at="export.archive")
    return result[0]


def _write(context: Context, located: locating.LocatedCopies, file: BinaryIO) -> ExportSummary:
    manifest: list[canonical.Json] = []
    counts: dict[str, int] = {}
    failed = dict(located.failed)
    size = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted({*located.copies, *located.kept_copies}):
            dataset = context.data_map.datasets[name]
            kept = located.kept_copies.get(name, ())
            for copy, shared in [*((each, False) for each in located.copies.get(name, ())), *((each, True) for each in kept)]:
                try:
                    for item in _items(context, dataset, copy):
                        path = _path(dataset, item, shared=shared or item.shared)
                        length, digest = _add(archive, path, item.chunks)
                        manifest.append({"bytes": length, "media_type": item.media_type, "name": path, "sha256": digest})
                        counts[name] = counts.get(name, 0) + 1
                        size += length
                except store_calls.TROUBLE as error:
                    failed[name] = store_calls.as_unable(error)
        body: canonical.Json = {
            "could_not": [{"dataset": each, "reason": failed[each].reason.value} for each in sorted(failed)],
            "items": manifest,
            "schema": "expunge.export/1",
        }
        archive.writestr(_entry("manifest.json"), canonical.encode(body))
    return ExportSummary(len(manifest), size, counts, failed)


def _items(context: Context, dataset: Dataset, copy: Copy) -> Iterable[Item]:
    store = context.open_store(dataset.store)
    for each in store.opened_by_export(dataset, copy) if isinstance(store, SealedItems) else ():
        # commit point: view implies log.
        openings.enter(context, each, openings.this_reader(*openings.EXPORT), 0, each.size)
    return store_calls.export(context.open_store(dataset.store), dataset, copy)


def _path(dataset: Dataset, item: Item, *, shared: bool) -> str:
    parts = [each for each in item.name.split("/") if each not in ("", ".", "..")]
    folder = "shared" if shared or dataset.people or dataset.shared is Shared.KEEP else dataset.name
    return "/".join([folder, *parts]) if folder != dataset.name else "/".join([dataset.name, *parts])


def _add(archive: zipfile.ZipFile, path: str, chunks: Iterable[bytes]) -> tuple[int, str]:
    digest, length = sha256(), 0
    with archive.open(_entry(path), "w", force_zip64=True) as out:
        for chunk in chunks:
            digest.update(chunk)
            length += len(chunk)
            out.write(chunk)
    return length, digest.hexdigest()


def _entry(path: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path.encode("utf-8", "replace").decode(), _CHUNK_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info
