"""The trainings port: storage for sealed manifests of artefacts, beside Expunge and never in a registry with more readers."""

from __future__ import annotations

from typing import Protocol


class Trainings(Protocol):
    """Read manifests (:mod:`expunge.core.models.artefact_manifest`), which ``expunge.learn.provenance.sealing`` writes."""

    def key(self) -> bytes:
        """The key that makes tags and seals. Raises StoreUnavailable where it cannot be read or is too short."""
        ...

    def artefacts(self) -> tuple[str, ...]:
        """The names of all artefacts that have one, sorted. Raises StoreUnavailable."""
        ...

    def sealed(self, artefact: str) -> bytes | None:
        """The manifest of an artefact by its name (64 hex digits), None where there is none. Raises StoreUnavailable."""
        ...
