"""The same company without Expunge, to show the residue of an ordinary, careful deletion."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from expunge.demo.company import services
from expunge.demo.company.people import Profile
from expunge.demo.company.services import Services
from expunge.demo.company.world import STORES, World

_BY_PROFILE = ("voiceprints", "consents", "participants", "devices", "recordings", "profiles")


def copy_world(world: World, *targets: Path) -> None:
    """Copy ``world/`` with times and journals, while it is not in use: the database is stopped for it, and started again.

    The object store goes on running, idle: every write it confirmed lies in its files.
    """
    postgres = world.services.postgres
    services.stopped(postgres, world.folder / "world" / STORES["app"])
    try:
        for target in targets:
            shutil.copytree(world.folder / "world", target, symlinks=True)
    finally:
        postgres.start()


def delete_ordinarily(twin: Path, logs: Path, world: World, people: list[Profile]) -> None:
    """Delete people from the copied company, on servers of its own that are stopped again at the end.

    This is what a good engineer writes on a good day: ``DELETE`` from every table that has a ``profile_id``, and from the transcripts, in
    one transaction; ``VACUUM ANALYZE``, which the server would do by itself; ``DeleteObjects`` for the sound, after asking the database
    which; the events of the lake written anew without their rows; the hub's rows deleted. The training set is overlooked, and the copy that
    an engineer once made is not known.

    Args:
        twin: the copy.
        logs: a folder for the servers' logs.
        world: the world with the names of database and bucket.
        people: the people to delete.
    """
    who = [person.profile_id for person in people]
    with services.running(logs, twin) as there:
        twins = Services(there.postgres, there.seaweed, world.services.database, world.services.bucket)
        _objects(twins, _rows(twins, who))
        _lake(twin / STORES["lake"], who)
        _hub(twin / STORES["hub"], who)
        services.stopped(there.postgres, twin / STORES["app"])


def _rows(twins: Services, who: list[str]) -> list[str]:
    """Delete rows; returns the recordings that were theirs alone."""
    with twins.connect() as session:
        mine = session.execute("SELECT recording_id FROM recordings WHERE profile_id = ANY(%s)", (who,)).fetchall()
        recordings = [str(row[0]) for row in mine]
        session.execute("DELETE FROM transcripts WHERE recording_id = ANY(%s)", (recordings,))
        for table in _BY_PROFILE:
            # The names are the constants above.
            session.execute(f"DELETE FROM {table} WHERE profile_id = ANY(%s)", (who,))  # noqa: S608
    with twins.connect(autocommit=True) as session:
        session.execute("VACUUM ANALYZE")
    return recordings


def _objects(twins: Services, recordings: list[str]) -> None:
    client = twins.s3()
    keys: list[dict[str, Any]] = [{"Key": f"voice/{recording}.{kind}"} for recording in recordings for kind in ("wav", "json")]
    client.delete_objects(Bucket=twins.bucket, Delete={"Objects": keys})
    client.close()


def _lake(lake: Path, who: list[str]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for path in sorted((lake / "events").rglob("*.parquet")):
        table = pq.ParquetFile(path).read()
        theirs = pc.is_in(table["profile_id"], value_set=pa.array(who, table["profile_id"].type))
        pq.write_table(table.filter(pc.invert(theirs)), path, compression="gzip")


def _hub(path: Path, who: list[str]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        # SQLite's own default; see the company's database.
        connection.execute("PRAGMA secure_delete=OFF")
        with connection:
            connection.executemany("DELETE FROM locations WHERE profile_id=?", [(each,) for each in who])
