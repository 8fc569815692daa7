"""Make room for the sealed key of a session in allauth's list of sessions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations


def widen(_: Any, schema_editor: Any) -> None:
    """Widen the column on PostgreSQL; SQLite does not count characters."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE usersessions_usersession ALTER COLUMN session_key TYPE varchar(140)")


class Migration(migrations.Migration):
    """Widen it."""

    dependencies: ClassVar = [("expunge_accounts", "m0001_initial"), ("usersessions", "0001_initial")]

    operations: ClassVar = [migrations.RunPython(widen, migrations.RunPython.noop)]
