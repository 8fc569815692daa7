"""The words that a proposal recognises. Names outside these lists may be people's, so they are never written down."""

from __future__ import annotations

import re

KINDS = {
    "account": "accounts",
    "user": "users",
    "customer": "customers",
    "household": "households",
    "family": "families",
    "guardian": "guardians",
    "parent": "parents",
    "profile": "profiles",
    "child": "children",
    "member": "members",
    "speaker": "speakers",
    "student": "students",
    "patient": "patients",
    "player": "players",
    "subject": "subjects",
    "person": "people",
}
"""Identity kind -> its plural; owners before those who belong to them."""

ALSO = ("email", "e_mail", "email_address", "mail", "phone", "phone_number", "serial", "serial_number")
"""Columns by which the same person may be named."""

MEDIA = ("flac", "wav", "mp3", "ogg", "opus", "m4a", "aac", "pcm", "raw", "mp4", "mov", "mkv", "webm", "avi", "jpg", "jpeg", "png", "heic")
RECORDS = {"jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv"}
OTHERS = ("json", "txt", "xml", "yaml", "log", "bin", "npy", "parquet", "onnx", "pt", "db", "sqlite", "sqlite3")
COMPRESSED = ("gz",)
DATABASES = ("db", "sqlite", "sqlite3")
JUNK = (".DS_Store", "Thumbs.db", "desktop.ini")

FRAMEWORK = (
    ("django_*", "tables of the web framework, no personal data"),
    ("auth_permission", "rights of the web framework, no personal data"),
    ("auth_group", "groups of the web framework, no personal data"),
    ("auth_group_permissions", "groups of the web framework, no personal data"),
    ("alembic_version", "state of schema migrations"),
    ("schema_migrations", "state of schema migrations"),
    ("ar_internal_metadata", "state of schema migrations"),
    ("flyway_schema_history", "state of schema migrations"),
    ("knex_migrations*", "state of schema migrations"),
    ("spatialite_history", "state of an extension"),
    ("spatial_ref_sys", "reference data of an extension"),
)

_PLAIN = frozenset(
    """
    account accounts analytics answer answers app archive archived asset assets attachment attachments audio backup backups cache call
    calls camera cameras capture captures chat chats child children clip clips content conversation conversations csv customer customers
    daily data database dataset datasets db device devices doc docs document documents embedding embeddings event events export exports
    eval face faces feature features feed file files flac frame frames gps guardian history household households image images import
    incoming index input item items json label labels location locations log logs main map media member members message messages meta
    metadata metric metrics mic model models monthly motion note notes old output parent parents part participant participants patient
    patients photo photos picture pictures player players position positions processed profile profiles prompt prompts public queue raw
    rec record recording recordings records report reports request requests response responses room rooms sample samples segment segments
    sensor sensors server session sessions sidecar sidecars snapshot snapshots sound sounds speaker speakers speech state static store
    student students sub subject subjects task tasks telemetry temp test text texts thumb thumbs thumbnail thumbnails tmp track tracks
    trail trails train training transcript transcripts trip trips upload uploads usage user users utterance utterances vector vectors
    version video videos voice voices wake wav weekly word words yearly
    """.split()  # noqa: SIM905 - two hundred quotes read worse
)
_DATE = re.compile(r"(19|20)[0-9]{2}([-_]?[0-9]{2}){0,2}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ID = re.compile(r"([a-z_]+?)_?(id|uuid|key|ref|no|number)?")


def is_plain(text: str) -> bool:
    """Return whether a name is made of everyday technical words only, so that it is no person's name."""
    parts = [part for part in re.split(r"[-_. ]+", _CAMEL.sub("_", text).lower()) if part]
    return bool(parts) and all(part in _PLAIN for part in parts)


def is_date(text: str) -> bool:
    """Return whether a name is a year, a month or a day."""
    return bool(_DATE.fullmatch(text))


def kind_of(field: str) -> str | None:
    """The identity kind that a column, key or placeholder names: ``profile_id``, ``profileId``, ``user`` -> profile, profile, user."""
    found = _ID.fullmatch(_CAMEL.sub("_", field).lower())
    stem = found[1].strip("_") if found else ""
    return "user" if field.lower() == "uid" else stem if stem in KINDS else None


def is_field(name: str) -> bool:
    """Return whether a key of a record may be written down: it names a kind of person or an everyday thing's id, never a person."""
    return kind_of(name) is not None or name in ALSO or (name.endswith("_id") and is_plain(name.removesuffix("_id")))


def home_of(table: str) -> str | None:
    """The identity kind that a table lists: ``profiles`` -> profile."""
    name = table.lower()
    return next((kind for kind, plural in KINDS.items() if name in {kind, plural} or name.endswith(f"_{plural}")), None)
