"""The gate of this process, as the environment and ``gate.toml`` name it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from expunge.errors import Misconfigured
from expunge.gate.batches import Passed
from expunge.gate.decisions import Decision, GateReason, Subject
from expunge.gate.file_gate import Gate
from expunge.gate.manifests import ManifestWriter
from expunge.gate.settings import Settings, read
from expunge.gate.snapshot_view import SnapshotView


class _NotSetUp(Gate):
    """Knows of no snapshot: nobody is allowed."""

    def current(self) -> SnapshotView | GateReason:
        return GateReason.NOT_SET_UP


@cache
def _settings() -> Settings:
    return read(os.environ, Path.cwd())


@cache
def _found() -> Gate:
    return _settings().gate()


def standing() -> Gate:
    """Return the gate that the environment and ``gate.toml`` name, read once; where they name none, a gate that refuses everything."""
    try:
        return _found()
    except Misconfigured:
        return _NotSetUp(Path(), bytes(32), (), timedelta(seconds=1))


def may_use(subject: Subject | str, purpose: str, recorded: datetime | None = None) -> Decision:
    """Return whether a person's data may be used for a purpose; see :meth:`Gate.may_use`.

    Snapshot and keys are those that ``EXPUNGE_GATE`` or a ``gate.toml`` names (``expunge gate key`` writes one). Without them every use is
    refused.
    """
    return standing().may_use(subject, purpose, recorded)


def may_collect(name: str) -> Decision:
    """Return whether a kind of data (a dataset or category of the data map) may be collected; see :meth:`Gate.may_collect`."""
    return standing().may_collect(name)


def allowed(
    data: Any,
    column: str | None,
    kind: str,
    purpose: str,
    *,
    recorded: str | None = None,
    manifest: ManifestWriter | None = None,
) -> Passed:
    """Return the rows of a table, frame, reader or iterable that may be used for a purpose; see :meth:`Gate.allowed`."""
    return standing().allowed(data, column, kind, purpose, recorded=recorded, manifest=manifest)


def manifest(product: str, purpose: str, inputs: Sequence[str] = ()) -> ManifestWriter:
    """Begin the manifest of a product, signed by the pipeline's key that ``gate.toml`` names.

    Raises:
        Misconfigured: when there is no such key: run ``expunge gate key``.
    """
    settings = _settings()
    if settings.pipeline is None:
        raise Misconfigured("there is no pipeline key to sign a manifest with", help="run `expunge gate key NAME` and set EXPUNGE_GATE")
    return ManifestWriter(settings.pipeline, product, purpose, standing().now, inputs)
