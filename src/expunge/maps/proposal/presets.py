"""What frameworks keep in tables of their own, and whether that is about people.

A preset declares. It never hides a table that was not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Preset:
    """What is known of a table of a framework."""

    pattern: str
    framework: str
    people: bool = False
    """It lists people."""
    sealed: bool = False
    """It holds people in a form that no column tells: its rows go as a whole."""
    nobody: bool = False
    """It is about nobody, where a sample agrees."""
    mentions: Mapping[str, str] = field(default_factory=dict)
    """Column -> the rule for identifiers of others in it, as YAML."""
    columns: frozenset[str] = frozenset()
    """Columns by which the table is told from one of the company's own with the same name."""
    why: str = ""
    """For messages: what is in it."""


PRESETS = (
    Preset("auth_user", "Django", people=True),
    Preset("django_session", "Django", sealed=True, why="session_data holds the id of the person who signed in, signed and packed"),
    Preset(
        "django_admin_log", "Django", mentions={"object_repr": "{replace: erased}"}, why="who changed what, with names of what was changed"
    ),
    Preset("django_migrations", "Django", nobody=True, why="state of schema migrations"),
    Preset("django_content_type", "Django", nobody=True, why="names of the models of the application"),
    Preset("django_site", "Django", nobody=True, why="names of the sites of the application"),
    Preset("auth_permission", "Django", nobody=True, why="what may be permitted"),
    Preset("auth_group", "Django", nobody=True, why="names of groups"),
    Preset("auth_group_permissions", "Django", nobody=True, why="what groups may do"),
    Preset(
        "sessions",
        "Rails",
        sealed=True,
        columns=frozenset({"session_id", "data"}),
        why="data holds what was known of the person who signed in",
    ),
    Preset("schema_migrations", "Rails", nobody=True, why="state of schema migrations"),
    Preset("ar_internal_metadata", "Rails", nobody=True, why="state of schema migrations"),
    Preset("active_storage_blobs", "Rails", why="names and keys of files that people sent in"),
    Preset("alembic_version", "Alembic", nobody=True, why="state of schema migrations"),
    Preset("flyway_schema_history", "Flyway", nobody=True, why="state of schema migrations"),
    Preset("knex_migrations*", "Knex", nobody=True, why="state of schema migrations"),
    Preset("_prisma_migrations", "Prisma", nobody=True, why="state of schema migrations"),
    Preset("spatialite_history", "SpatiaLite", nobody=True, why="state of an extension"),
    Preset("spatial_ref_sys", "PostGIS", nobody=True, why="reference data of an extension"),
)


def preset_of(table: str) -> Preset | None:
    """Return what is known of a table; None for a table of the company's own."""
    name = table.rpartition(".")[2].lower()
    return next((preset for preset in PRESETS if fnmatchcase(name, preset.pattern)), None)
