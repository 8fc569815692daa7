"""Bring a state database to the present tables.

Django's own ``migrate`` looks for migrations of installed apps only. Ours must also work inside a host program that does not install us.
The record of applied migrations is Django's, so that its command sees the same.
"""

from __future__ import annotations

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from expunge.adapters.state.migrations import (
    m0001_initial,
    m0002_server,
    m0003_append,
    m0004_accounts,
    m0005_families,
    m0006_waits,
    m0007_app,
    m0008_app_account,
)
from expunge.errors import Misconfigured, StateCorrupt
from expunge.faults import failpoint

APP = "expunge_state"
_IN_ORDER: tuple[tuple[str, type[Migration]], ...] = (
    ("m0001_initial", m0001_initial.Migration),
    ("m0002_server", m0002_server.Migration),
    ("m0003_append", m0003_append.Migration),
    ("m0004_accounts", m0004_accounts.Migration),
    ("m0005_families", m0005_families.Migration),
    ("m0006_waits", m0006_waits.Migration),
    ("m0007_app", m0007_app.Migration),
    ("m0008_app_account", m0008_app_account.Migration),
)
"""Module names are identifiers (Django does not mind), so that they can be imported by an ordinary statement."""


def migrate(alias: str) -> None:
    """Apply the missing migrations, each whole or not at all. One process at a time: the caller holds a lock.

    Raises:
        StateCorrupt: when a newer version of Expunge has been here.
        django.db.utils.DatabaseError: any error of the database.
    """
    connection = connections[alias]
    recorder = MigrationRecorder(connection)
    done = _applied(recorder)
    if done - {name for name, _ in _IN_ORDER}:
        raise StateCorrupt("the state database was written by a newer version of Expunge", help="use that version, or a later one")
    if len(done) == len(_IN_ORDER):
        return
    recorder.ensure_schema()
    state = ProjectState()
    for name, kind in _IN_ORDER:
        migration = kind(name, APP)
        if name in done:
            state = migration.mutate_state(state)
            continue
        state = _apply(connection, recorder, migration, state)


def require_durable(alias: str) -> None:
    """Refuse a server that confirms a commit before its data is on the device.

    Raises:
        Misconfigured: its ``fsync`` or ``full_page_writes`` is off.
        django.db.utils.DatabaseError: any error of the database.
    """
    connection = connections[alias]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'")
        row = cursor.fetchone()
    if row is not None:
        message = f"state: the server may lose what it committed: its {row[0]} is off"
        raise Misconfigured(message, help=f"set {row[0]} = on in postgresql.conf")


def _applied(recorder: MigrationRecorder) -> set[str]:
    return {name for app, name in recorder.applied_migrations() if app == APP}


def _apply(connection: BaseDatabaseWrapper, recorder: MigrationRecorder, migration: Migration, state: ProjectState) -> ProjectState:
    failpoint("state.migrate:before")
    with connection.schema_editor(atomic=True) as editor:
        state = migration.apply(state, editor)
        recorder.record_applied(APP, migration.name)
        failpoint("state.migrate.commit:before")
    # commit point: the tables and the record that they are there.
    failpoint("state.migrate.commit:after")
    return state
