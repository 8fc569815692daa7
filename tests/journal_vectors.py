"""Writes the vectors of the journal.

`python -m tests.journal_vectors` writes those of the present code; a line that was released must not change.

The old journal (`tests/vectors/journal/state.db`) was written once, by `python -m tests.journal_vectors FOLDER`, with the code of before
tags were written out. It is never written again: that it still opens, and folds to the states beside it, is what it is for.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.state.url import sqlite_url
from expunge.engine.kernel.journal_streams import encoded
from tests import journal_kit as kit
from tests.journal_states import states

DATABASE = "state.db"
STATES = "states.json"


def old_journal(folder: Path) -> None:
    """Write every stream of the kit through the real adapter, and what the journal folds to."""
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / DATABASE
        with open_journal(sqlite_url(file)) as journal:
            for name, events in kit.streams().items():
                journal.append(name, 0, encoded(events))
            found = states(journal, kit.NOW)
        # One file without a log beside it, and no page that is empty.
        with sqlite3.connect(file) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode = DELETE")
        database.close()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DATABASE).write_bytes(file.read_bytes())
    (folder / STATES).write_text(f"{json.dumps(found, indent=1, sort_keys=True)}\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:]:
        old_journal(Path(sys.argv[1]))
    else:
        kit.EVENTS.mkdir(parents=True, exist_ok=True)
        for name, content in kit.vectors().items():
            (kit.EVENTS / name).write_bytes(content)
