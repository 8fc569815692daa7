"""What is counted before the first page is counted under the same key as after it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.web.serving import Served, company, serving
from tests.web.site.kit import section


def counted(served: Served) -> set[str]:
    """Try a bad token, and return the names under which tries are counted then."""
    assert served.get("api/v1/collect/x", "exp_0123456789abcdef_nonsense").status == 401
    until = time.monotonic() + 10
    while True:
        with closing(sqlite3.connect(served.folder / ".expunge-accounts" / "accounts.db", timeout=10)) as database:
            if found := {name for (name,) in database.execute("SELECT name FROM expunge_tally")}:
                return found
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_bad_token_before_the_first_page_counts_with_those_after_it(tmp_path: Path) -> None:
    token = company(tmp_path)
    path = tmp_path / "expunge.yaml"
    path.write_text(path.read_text() + section("http://localhost:1", 1))
    with serving(tmp_path, token) as served:
        before = counted(served)
        assert served.get("account/login/").status in {200, 400}
        with closing(sqlite3.connect(served.folder / ".expunge-accounts" / "accounts.db", timeout=10)) as database, database:
            database.execute("DELETE FROM expunge_tally")
        assert counted(served) & before, "the key changed with the first page"
