"""The same company without Expunge: what an ordinary, careful deletion leaves behind."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from expunge.demo.people import Profile
from expunge.demo.world import World

_BY_PROFILE = ("locations", "voiceprints", "consents", "participants", "devices", "recordings", "profiles")


def copy_world(world: World, target: Path) -> None:
    """Copy ``world/`` with times and journals; nothing may be using it."""
    shutil.copytree(world.folder / "world", target)


def delete_ordinarily(twin: Path, people: list[Profile]) -> None:
    """Delete people's rows from every table that knows them, and remove their folders of recordings.

    This is what a good engineer writes on a good day: every table that has a ``profile_id``, the transcripts of the recordings, the
    index for searching (its triggers do that), one transaction, and ``rm`` for the sound.
    """
    with closing(sqlite3.connect(twin / "app.db")) as connection:
        # SQLite's own default; see the company's database.
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("PRAGMA foreign_keys=ON")
        with connection:
            for person in people:
                who = (person.profile_id,)
                connection.execute(
                    "DELETE FROM transcripts WHERE recording_id IN (SELECT recording_id FROM recordings WHERE profile_id=?)", who
                )
                for table in _BY_PROFILE:
                    connection.execute(f"DELETE FROM {table} WHERE profile_id=?", who)  # noqa: S608 - constant names
    for person in people:
        subprocess.run(["rm", "-r", "--", str(twin / "media" / "voice" / person.profile_id)], check=True)
