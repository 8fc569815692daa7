"""The words that a map may hold, in one place for the reader, the JSON Schema and the documentation."""

from __future__ import annotations

from expunge.core.datamap.artefact import ArtefactKind, DataKind
from expunge.core.datamap.datamap import ArtefactOrigin, EraseAct, OnExpiry, Shared
from expunge.core.datamap.grounding import ScanDepth
from expunge.core.values.hashed_identifiers import HashAlgorithm, SecretPlace
from expunge.core.values.record_kind import RecordKind

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
    "opaque",
    "not_ours",
    "cohorts",
    "provenance",
    "trainings",
    "witnesses",
    "vault_root",
    "company",
    "accounts",
    "review",
    "purposes",
    "texts",
    "guardians",
    "consent_wait",
    "asking",
    "laws",
    "recipients",
    "lineage",
    "records",
)
SPELLING = ("type", "case", "unicode", "region")
IDENTITY = ("dataset", "key", "also", *SPELLING, "compare", "member_of", "label", "last_used", "inactive_after", "guess")
RECORDS = tuple(each.value for each in RecordKind)
RECIPIENT = ("gets", "url", "probe", "key", "within")
STORE = ("kind", "url", "window", "outside", "scan")
SCANS = tuple(each.value for each in ScanDepth)
RETENTION = ("period", "from", "purpose", "need", "inactive_after", "guess")
DATASET = (
    "store",
    "table",
    "path",
    "model",
    "experiment",
    "format",
    "records",
    "encoding",
    "subject",
    "spelling",
    "aggregate",
    "about",
    "vocabulary",
    "shared",
    "people",
    "categories",
    "retention",
    "derived_from",
    "on_erase",
    "grounding",
    "kind",
    "holds",
    "collected",
    "reviewed_by",
    "artefact",
    "created",
    "origin",
    "attest",
    "on_expiry",
    "mentions",
    "guess",
)
NOBODY = "nobody"
HOLDS = tuple(each.value for each in DataKind)
COMPANY = ("name", "contact", "complaints")
REVIEW = (
    "lease",
    "range",
    "training",
    "attestation",
    "login",
    "fresh_login",
    "each_day",
    "answer_within",
    "hours",
    "networks",
    "children",
    "cameras",
    "live",
    "policies",
    "noticing",
    "officer",
)
REVIEW_HOURS = ("days", "from", "until", "zone")
CAMERA = ("room", "field")
LIVE = ("streams", "within")
REFERENCE = ("store", "table", "path", "format", "records", "encoding", "about", "vocabulary", "guess")
AGGREGATE = ("reason", "safeguards", "prohibition", "release", "no_attempt")
THROUGH = ("through", "via")
HASHES = tuple(each.value for each in HashAlgorithm)
HMACS = tuple(f"hmac-{each}" for each in HASHES)
SALT = (SecretPlace.PREFIX.value, SecretPlace.SUFFIX.value)
MENTION = ("replace",)
MANY = "many"
REVIEWED = ("dataset", "via", "at")
COHORT = ("dataset", "where", "but_not")
PROVENANCE = ("dataset", "artefact", "source", "how", "created", "read")
TRAININGS = ("ledger", "key")
WITNESSES = ("policy", "wait")
SECRETS = ("secret_file", "secret_variable")
ACCOUNTS = ("origin", "database", "mail", "networks", "providers", "handover", "app", "posted", "password_memory", "playback")
POSTED = ("id", "file", "from", "until", "language")
HANDOVER = ("issuer", "keys", "address")
APP = ("token_for", "fresh_login", "acts", "webhooks")
WEBHOOK = ("url", "secret_file")
ADDRESS_RULES = ("required", "optional")
MAIL = ("server", "sender", *SECRETS)
PROVIDER = ("id", "name", "issuer", "client_id", "for", "alias", *SECRETS)
FORMER_ROOT = ("kind", "library", "token", "url", "mount", "prefix", *SECRETS)
ROOT = (*FORMER_ROOT, "before")
ORIGINS = tuple(each.value for each in ArtefactOrigin)
EXPIRIES = tuple(each.value for each in OnExpiry)
IGNORE = ("store", "table", "path", "reason")
OPAQUE = IGNORE
NOT_OURS = ("store", "database", "reason")
LINEAGE = ("names", "ignore", "emit")
HARMLESS = ("name", "reason")
EMIT = ("url", "token", "namespace")
PURPOSE = ("description", "needs", "use", "datasets", "recipients", "text", "because", "readers")
ASKING = ("mail", "sender", "text_gateway", "text_key", "answer", "revoke", "delay")
TEXT = ("version", "file", "change", "reason")

FORMATS = ("jsonl", "csv", "json")
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "windows-1252")
SHARED = tuple(Shared)
KINDS = tuple(each.value for each in ArtefactKind)
CHANGES = ("material", "wording")
GROUNDINGS = ("hidden", "removed", "scrubbed", "device")
PLAIN_ACTS = (EraseAct.ERASE, EraseAct.FORGET, EraseAct.DESTROY)
ACTS_WITH_ARGUMENT = (EraseAct.REBUILD, EraseAct.RETRAIN, EraseAct.KEEP)
ACTS_WITH_COMMAND = (EraseAct.FORGET, EraseAct.REBUILD, EraseAct.RETRAIN)
COMMAND = ("command", "prove", "compare", "within", "memory", "network", "environment")
NETWORKS = ("none", "open")
