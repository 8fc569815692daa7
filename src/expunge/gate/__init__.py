"""The gate: answer from the signed snapshot file alone whether a person's data may be used. No database, no engine, no network.

A pipeline asks before it stores, copies, trains on or shows anything of a person::

    from expunge.gate import may_use
    if may_use("profile:p-17", "train"):
        ...

Whatever is wrong (no file, a file too old, forged, unreadable, made with another key) means *not allowed*, with the reason. The snapshot is
read again when the file changes, so a gate may stay open as long as the pipeline runs. Read-only and safe between threads.
"""

from __future__ import annotations

from expunge.gate.batches import Passed
from expunge.gate.decisions import Decision, GateReason, Subject, Tally
from expunge.gate.default_gate import allowed, manifest, may_collect, may_use, standing
from expunge.gate.file_gate import MAX_AGE, Gate
from expunge.gate.manifests import ManifestWriter, was_in
from expunge.gate.snapshot_view import SKEW

__all__ = [
    "MAX_AGE", "SKEW", "Decision", "Gate", "GateReason", "ManifestWriter", "Passed", "Subject", "Tally", "allowed", "manifest",
    "may_collect", "may_use", "standing", "was_in",
]  # fmt: skip
