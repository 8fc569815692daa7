"""The service for the gate: its snapshot, and the keys and files for pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from expunge.adapters.files import gate_pipelines
from expunge.bootstrap.service import DomainService
from expunge.bootstrap.state_folder import GATE
from expunge.core.gate.training_manifest import Certificate, TrainingManifest, parse_manifest
from expunge.engine.gate import fencing
from expunge.gate import MAX_AGE, Gate, Subject, was_in
from expunge.ports.keys import InstallationKeys


@dataclass(frozen=True)
class GateService(DomainService):
    """The pipelines' side of an installation: the gate that they ask, and the manifests that they hand back."""

    state: Path
    keys: InstallationKeys

    def open(self, max_age: timedelta = MAX_AGE) -> Gate:
        """The gate over this installation's own snapshot."""
        return Gate.open(self.state / GATE, self.keys.gate_key(), self.keys.signer_publics(), max_age)

    def publish(self) -> int:
        """Renew the snapshot, and the ``gate.toml`` beside it; returns how many identities are suppressed."""
        # Why alone: a snapshot read before another process fences somebody, and written after, would let them through.
        with self.changing():
            suppressed = fencing.publish(self.context)
            snapshot = (self.state / GATE).resolve()
            gate_pipelines.write_settings(snapshot.parent, snapshot, self.keys)
        return suppressed

    def issue(self, name: str, folder: Path | None = None) -> tuple[Path, Certificate]:
        """Give a pipeline a key and a ``gate.toml``; returns where they lie. See :func:`expunge.adapters.files.gate_pipelines.issue`."""
        snapshot = (self.state / GATE).resolve()
        place = folder or snapshot.parent / "pipelines" / name
        return place, gate_pipelines.issue(place, name, snapshot, self.keys, self.context.clock.now())

    def read_manifest(self, data: bytes) -> TrainingManifest:
        """Read a training manifest that a pipeline of this installation signed. Raises EvidenceInvalid."""
        return parse_manifest(data, self.keys.signer_publics())

    def was_in(self, manifest: TrainingManifest, subject: Subject) -> bool:
        """Return whether a subject was admitted to a product; see :func:`expunge.gate.was_in`."""
        return was_in(manifest, self.keys.gate_key(), subject)
