from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal


from expunge.adapters.journal_django import DjangoJournal, open_journal
from expunge.testing.journal_suite import JournalSuite


class TestJournalOnSqlite(JournalSuite):
    failpoints = ("journal.transaction:before", "journal.events:after", "journal.commit:before", "journal.commit:after")

    def place(self, folder: Path) -> str:
        return f"sqlite:///{folder}/state/state.db"

    def open(self, place: str) -> DjangoJournal:
        return open_journal(place)

    def damage(self, place: str, stream: str, position: int, how: Literal["changed", "gone"]) -> None:
        connection = sqlite3.connect(place.removeprefix("sqlite:///"))
        where = "WHERE position = ? AND stream_id = (SELECT id FROM expunge_stream WHERE name = ?)"
        change = "UPDATE expunge_event SET body = x'00'" if how == "changed" else "DELETE FROM expunge_event"
        assert connection.execute(f"{change} {where}", (position, stream)).rowcount == 1
        connection.commit()
        connection.close()
