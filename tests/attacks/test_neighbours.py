"""What belongs to others and lies right beside: uploads under way, tables that a transaction has made and not yet committed."""

from __future__ import annotations

import os
from pathlib import Path

from expunge import clock
from expunge.core.values.outcome import Erased
from expunge.stores.postgres.ladder import abandoned_files
from expunge.stores.postgres.ladder.rung import PostgresClimb
from expunge.stores.postgres.schema import affected_relations
from tests.stores.postgres.postgres_crowd import TABLES, served
from tests.stores.postgres.test_postgres_ladder import app, server, url
from tests.stores.s3.test_s3_versions import VOICE, begin, begun, plain

__all__ = ["app", "plain", "server", "url"]


def test_uploads_of_others_go_on(plain):
    for name in ("anna", "anna2", "bert"):
        begin(plain, f"voice/{name}/1.flac")
    gone = plain.erase(VOICE, "anna", "bert")
    assert gone == {"anna": Erased(1, 0), "bert": Erased(1, 0)}
    assert begun(plain) == ["voice/anna2/1.flac"]


def test_a_table_of_a_prepared_transaction_is_nobodys_leftover(server, url, app):
    app.execute("BEGIN")
    app.execute("CREATE TABLE soon AS SELECT n FROM generate_series(1, 1000) AS n")
    ((file,),) = app.execute("SELECT pg_relation_filepath('soon')").fetchall()
    app.execute("PREPARE TRANSACTION 'later'")
    path = Path(server.data) / file
    with served(url) as ours:
        ours.connection.execute("CHECKPOINT")
        assert path.stat().st_size
        os.utime(path, (clock.timestamp() - 60, clock.timestamp() - 60))
        way = PostgresClimb(ours, affected_relations.scope(ours.connection, TABLES), "0", deep=True)
        assert abandoned_files.files(way) == 0
    app.execute("COMMIT PREPARED 'later'")
    assert app.execute("SELECT count(*) FROM soon").fetchone() == (1000,)
