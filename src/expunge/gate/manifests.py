"""Write training manifests: the subjects admitted to a product, signed by the pipeline's own key. See ``docs/spec/manifest.md``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from expunge.core.gate.gate_entry import gate_entry, key_check
from expunge.core.gate.gate_head import SnapshotHead
from expunge.core.gate.training_manifest import Certificate, SnapshotRange, TrainingManifest, signed_message
from expunge.errors import EvidenceInvalid, UsageError
from expunge.gate.decisions import Subject, Tally
from expunge.gate.entry_list import Words

_MOST_WAITING = 1 << 21
"""Entries, repeated or not, before those that repeat are dropped."""


@dataclass(frozen=True)
class Pipeline:
    """The signing pipeline, as ``expunge gate key`` issued it."""

    certificate: Certificate
    sign: Callable[[bytes], bytes] = field(repr=False)
    """Ed25519 by the pipeline's key."""


class ManifestWriter:
    """Collects who is let in; hand it to whatever asks the gate, then :meth:`finish` or :meth:`save`."""

    def __init__(self, pipeline: Pipeline, product: str, purpose: str, now: Callable[[], datetime], inputs: Sequence[str] = ()) -> None:
        """Begin.

        Args:
            pipeline: who signs.
            product: what is made of the data: a name and version of your own; no identifier.
            purpose: for which the gate is asked.
            now: the clock.
            inputs: what is read, in words of your own (digests, snapshots of datasets); no identifier.

        Raises:
            ValueError: when no product is named.
        """
        if not product or not purpose:
            raise ValueError("name the product and the purpose")
        self._pipeline = pipeline
        self._product = product
        self.purpose = purpose
        self._now = now
        self._inputs = tuple(inputs)
        self._begun = now()
        self._kinds: set[str] = set()
        self._seen: list[SnapshotRange] = []
        self._single: set[bytes] = set()
        self._many: list[tuple[Words, Words]] = []
        self._waiting = 0

    def saw(self, head: SnapshotHead) -> None:
        """Note the snapshot that answers from here on."""
        before = self._seen[-1] if self._seen else None
        if before is None or before.policy != head.policy:
            self._seen.append(SnapshotRange(head.policy, head.published, head.digest, head.published, head.digest))
        elif before.last_sha256 != head.digest:
            self._seen[-1] = SnapshotRange(before.policy, before.first, before.first_sha256, head.published, head.digest)

    def add(self, kind: str, entry: bytes) -> None:
        """Enter one subject that was let in."""
        self._kinds.add(kind)
        self._single.add(entry)

    def add_many(self, kind: str, first: Words, second: Words) -> None:
        """Enter many, by the words of their entries."""
        if not len(first):
            return
        self._kinds.add(kind)
        self._many.append((first, second))
        self._waiting += len(first)
        if self._waiting > _MOST_WAITING:
            self._many = [self._distinct()]
            self._waiting = 0

    def _distinct(self) -> tuple[Words, Words]:
        first = np.concatenate([each for each, _ in self._many])
        second = np.concatenate([each for _, each in self._many])
        order = np.lexsort((second, first))
        first, second = first[order], second[order]
        fresh = np.ones(len(first), np.bool_)
        fresh[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
        return first[fresh], second[fresh]

    def finish(self, tally: Tally) -> bytes:
        """The signed manifest of everything that was let in so far."""
        if self._single:
            words = np.frombuffer(b"".join(self._single), ">u8").astype(np.uint64).reshape(-1, 2)
            self._many.append((words[:, 0], words[:, 1]))
        entries = b""
        if self._many:
            entries = np.stack(self._distinct(), axis=1).astype(">u8").tobytes()
        manifest = TrainingManifest(
            self._product,
            self.purpose,
            tuple(sorted(self._kinds)),
            self._inputs,
            self._begun,
            self._now(),
            tally.as_json(),
            tuple(self._seen),
            self._pipeline.certificate.key_check,
            self._pipeline.certificate,
            entries,
        )
        head = manifest.head()
        return head + self._pipeline.sign(signed_message(head)) + entries

    def save(self, path: str | Path, tally: Tally) -> None:
        """Write the manifest to a new file. Raises FileExistsError: a manifest is never overwritten."""
        with Path(path).open("xb") as file:
            file.write(self.finish(tally))


def was_in(manifest: TrainingManifest, gate_key: bytes, subject: Subject) -> bool:
    """Return whether a subject was admitted to the product of a manifest.

    Raises:
        EvidenceInvalid: when it was made with another gate key, so that no entry would match.
        UsageError: when it holds no identifiers of that kind.
    """
    if manifest.key_check != key_check(gate_key):
        raise EvidenceInvalid(
            "the manifest was made with another gate key", help="use the gate key of the installation that issued the pipeline's key"
        )
    if manifest.count and subject.kind not in manifest.kinds:
        message = f"the manifest says nothing about identifiers of the kind {subject.kind!r}"
        raise UsageError(message, help=f"it was made from {', '.join(manifest.kinds)}: name the person by that")
    return manifest.holds(gate_entry(gate_key, subject.kind, subject.value))
