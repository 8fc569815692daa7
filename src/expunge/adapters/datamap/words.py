"""The words that a map may hold, in one place for the reader, the JSON Schema and the documentation."""

from __future__ import annotations

from expunge.core.artefact import ArtefactKind
from expunge.core.datamap import Act, Shared

MAP = (
    "version",
    "state",
    "state_folder",
    "longest_wait",
    "cooling_off",
    "traces_kept",
    "approvers",
    "identities",
    "stores",
    "retention",
    "datasets",
    "ignore",
    "cohorts",
    "provenance",
    "trainings",
    "purposes",
    "texts",
    "guardians",
    "consent_wait",
    "asking",
    "laws",
    "recipients",
    "lineage",
)
IDENTITY = ("dataset", "key", "also", "member_of", "last_used", "inactive_after")
RECIPIENT = ("gets", "url", "probe", "key", "within")
STORE = ("kind", "url", "window", "outside")
RETENTION = ("period", "from", "purpose", "need", "inactive_after")
DATASET = (
    "store",
    "table",
    "path",
    "model",
    "experiment",
    "format",
    "subject",
    "aggregate",
    "shared",
    "people",
    "categories",
    "retention",
    "derived_from",
    "on_erase",
    "grounding",
    "kind",
    "collected",
    "reviewed_by",
    "artefact",
    "created",
    "origin",
    "attest",
    "on_expiry",
)
AGGREGATE = ("reason", "safeguards", "prohibition", "release", "no_attempt")
THROUGH = ("through", "via")
REVIEWED = ("dataset", "via", "at")
COHORT = ("dataset", "where", "but_not")
PROVENANCE = ("dataset", "artefact", "source", "how", "created", "read")
TRAININGS = ("ledger", "key")
ORIGINS = ("lineage", "manifest")
EXPIRIES = ("stay", "follow")
IGNORE = ("store", "table", "path", "reason")
LINEAGE = ("names", "ignore", "emit")
HARMLESS = ("name", "reason")
EMIT = ("url", "token", "namespace")
PURPOSE = ("description", "needs", "use", "datasets", "recipients", "text")
ASKING = ("mail", "sender", "text_gateway", "text_key", "answer", "revoke", "delay")
TEXT = ("version", "file", "change", "reason")

FORMATS = ("jsonl", "csv", "json")
SHARED = tuple(Shared)
KINDS = tuple(each.value for each in ArtefactKind)
CHANGES = ("material", "wording")
GROUNDINGS = ("hidden", "removed", "scrubbed", "device")
PLAIN_ACTS = (Act.ERASE, Act.FORGET, Act.DESTROY)
ACTS_WITH_ARGUMENT = (Act.REBUILD, Act.RETRAIN, Act.KEEP)
ACTS_WITH_COMMAND = (Act.FORGET, Act.REBUILD, Act.RETRAIN)
COMMAND = ("command", "prove", "within", "memory", "network", "environment")
NETWORKS = ("none", "open")

LAYOUT = {
    "files": "path",
    "s3": "path",
    "parquet": "path",
    "sqlite": "table",
    "postgres": "table",
    "mysql": "table",
    "duckdb": "table",
    "faiss": "path",
    "lancedb": "table",
    "mlflow": "model",
}
"""Kind of store -> how its datasets are laid out; a kind that is not here takes any layout and its store checks it."""
ALSO = {"mlflow": ("experiment",)}
"""Kind of store -> other layouts that its datasets may have."""
LAYOUTS = ("table", "path", "model", "experiment")

FOLDERS = frozenset({"files", "faiss", "lancedb"})
"""Kinds whose url is a folder of this machine, all of which is the store."""
BUCKET = ("endpoint", "region", "access_key", "secret_key", "clock")
"""Of kinds that lie in an object store: where it is, who asks, and the provider's published clock for its own copies."""
OPTIONS = {
    "files": (),
    "sqlite": ("attach", "busy_ms"),
    "postgres": ("clock", "lock_ms"),
    "s3": (*BUCKET, "vacuum"),
    "parquet": BUCKET,
    "faiss": ("id",),
    "lancedb": ("tags", "unfinished"),
    "backup": ("of", "format", "every", "keep"),
    "mlflow": ("artifacts", "orphans", "busy_ms"),
}
"""Kind of store -> keys of its own; a kind that is not here takes any and its store checks them."""
