"""Places that nobody thinks of: table spaces inside the server's folder, a log begun anew, objects whose rows have gone before."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from expunge.core.evidence.receipt import Result
from expunge.core.values.order import OrderState
from expunge.stores.postgres.ladder import sidecar_rungs
from tests.estate.estate import Estate


@pytest.mark.soak
def test_a_table_space_inside_the_servers_folder_is_looked_into(estate: Estate) -> None:
    child = estate.children[0]
    with psycopg.connect(estate.database, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute("CREATE TABLESPACE inside LOCATION ''")
        try:
            connection.execute("CREATE TABLE stray TABLESPACE inside AS SELECT * FROM transcripts")
            assert "transcripts: residue found" in estate.erase(f"profile:{child.profile}").reasons
            connection.execute("DROP TABLE stray")
            run = estate.erase(f"profile:{estate.children[1].profile}")
            assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
        finally:
            connection.execute("DROP TABLE IF EXISTS stray")
            connection.execute("DROP TABLESPACE inside")


def test_a_log_that_was_begun_anew_under_its_old_name_is_blanked_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "postgresql-Mon.log"
    climb = cast("Any", SimpleNamespace(server=SimpleNamespace(blanked={})))
    log.write_bytes(b"2026-11-23 08:00:00 UTC [7] ERROR:  short\n")
    assert sidecar_rungs._blanked(climb, log)
    with log.open("r+b") as same:
        same.truncate()
        same.write(b"2026-11-30 08:00:00 UTC [9] ERROR:  a value of somebody, longer than the log was a week ago\n" * 2)
    assert sidecar_rungs._blanked(climb, log)
    assert b"somebody" not in log.read_bytes()
    with log.open("ab") as same:
        same.write(b"2026-11-30 09:00:00 UTC [9] ERROR:  and more of somebody\n")
    assert sidecar_rungs._blanked(climb, log)
    assert b"somebody" not in log.read_bytes()


def test_a_receipt_says_that_nobody_can_tell_whose_objects_are_that_nothing_leads_to(estate: Estate) -> None:
    child = estate.children[0]
    with psycopg.connect(estate.database) as connection:
        connection.execute("DELETE FROM transcripts WHERE recording_id = ANY (%s)", (list(child.recordings),))
        connection.execute("DELETE FROM recordings WHERE profile_id = %s", (child.profile,))
    receipt = estate.receipt(estate.erase(f"profile:{child.profile}").order)
    assert {each.dataset: each.outcome for each in receipt.datasets}["voice"] is Result.ABSENT
    assert any(each.startswith("audio: what is in voice and nothing in recordings led to") for each in receipt.out_of_scope)
