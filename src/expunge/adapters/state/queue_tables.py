"""Bring the queue's tables to the version of the library that is installed.

The library's own way for Django asks for its app among a host program's ``INSTALLED_APPS``, which Expunge does not change. So the library's
SQL files, which it documents as the other way, are run in sequence, and each is recorded in Django's table of migrations.
"""

from __future__ import annotations

from pathlib import Path

from django.db import connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from procrastinate.schema import SchemaManager

from expunge.errors import StateCorrupt
from expunge.faults import failpoint

APP = "expunge_queue"


def migrate_queue(alias: str) -> None:
    """Apply the missing files, each whole or not at all. One process at a time: the caller holds a lock.

    Raises:
        StateCorrupt: when a newer version of the library has been here.
        django.db.utils.DatabaseError: any error of the database.
    """
    connection = connections[alias]
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    files = {path.name: path for path in Path(SchemaManager.get_migrations_path()).glob("*.sql")}
    done = {name for app, name in recorder.applied_migrations() if app == APP}
    if done - set(files):
        message = "the queue's tables were made by a newer version of its library"
        raise StateCorrupt(message, help="install the newest expunge[workers]")
    for name in sorted(set(files) - done):
        failpoint("queue.migrate:before")
        with transaction.atomic(using=alias), connection.cursor() as cursor:
            cursor.execute(files[name].read_text(encoding="utf-8"))
            recorder.record_applied(APP, name)
            failpoint("queue.migrate.commit:before")
        # commit point: what the file makes, and the record of it.
        failpoint("queue.migrate.commit:after")
