"""Samples of values that ANALYZE leaves where they are."""

from __future__ import annotations

from expunge.core.values.outcome import Erased
from tests.stores.postgres.postgres_crowd import forget, lying, token
from tests.stores.postgres.test_postgres_ladder import app, climbed, server, url

__all__ = ["app", "server", "url"]


def test_extended_statistics_of_a_table_that_is_empty_now_hold_nobody(server, url, app):
    app.execute("CREATE TABLE only_one (person int, words text, more text)")
    app.execute("INSERT INTO only_one SELECT 1, %s, 'more' FROM generate_series(1, 50)", (token("words"),))
    app.execute("CREATE STATISTICS together (mcv) ON words, more FROM only_one")
    app.execute("ANALYZE only_one")
    assert token("words") in str(app.execute("SELECT most_common_vals FROM pg_stats_ext").fetchall())
    app.execute("DELETE FROM only_one")
    forget(app)
    assert isinstance(climbed(url, ("public.people", "public.only_one")), Erased)
    assert token("words") not in str(app.execute("SELECT most_common_vals FROM pg_stats_ext").fetchall())
    assert lying(server, url) == []
