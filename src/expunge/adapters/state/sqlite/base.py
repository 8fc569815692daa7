"""The backend for SQLite: Django's own, except that a connection whose set-up failed is closed."""

from __future__ import annotations

import sqlite3
from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's connection to SQLite.

    Django sets a connection up with a few statements after opening it, and loses it where one of them fails, as the first does in a
    damaged file: it stays open until it is collected.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        """Open the file and set the connection up; close it where that fails. Raises sqlite3.Error."""
        opened: list[sqlite3.Connection] = []

        def factory(*arguments: Any, **options: Any) -> sqlite3.Connection:
            opened.append(sqlite3.Connection(*arguments, **options))
            return opened[-1]

        try:
            made: sqlite3.Connection = super().get_new_connection({**conn_params, "factory": factory})
        except BaseException:
            for connection in opened:
                connection.close()
            raise
        return made
