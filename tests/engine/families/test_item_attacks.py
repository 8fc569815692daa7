"""Orders for some items against companies whose data is linked in odd ways."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

from expunge.core.values.order import OrderState
from expunge.core.values.scope import LED_TO_BY_BOTH
from tests.engine.families.test_item_orders import done, receipt
from tests.engine.household import ANNA, Household, wav

VOICE = '"voice/{profile_id}/{recording_id}.wav"'


def by_day(home: Household) -> None:
    """Recordings that are numbered anew each day, of which each day has one."""
    home.map.write_text(home.map.read_text().replace(VOICE, '"daily/{profile_id}/{day}/{recording_id}.wav"'))
    shutil.rmtree(home.world / "media" / "voice")
    for day in ("monday", "tuesday"):
        folder = home.world / "media" / "daily" / ANNA / day
        folder.mkdir(parents=True)
        (folder / "rec-0001.wav").write_bytes(wav(f"what was said on {day}"))
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("DELETE FROM transcripts")
        said = [("rec-0001", "monday we ate plum dumplings with cinnamon"), ("rec-0001", "tuesday the hamster escaped through the attic")]
        database.executemany("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", said)


def test_a_transcript_to_which_a_recording_that_stays_leads_as_well_stays_and_is_said(home: Household) -> None:
    """Recordings of two days have the same number: whose transcript is whose, nobody can tell."""
    by_day(home)
    run = done(home, {"voice": {f"daily/{ANNA}/monday/rec-0001.wav"}})
    with closing(sqlite3.connect(home.database)) as database:
        assert database.execute("SELECT count(*) FROM transcripts").fetchone() == (2,)
    assert run.state is OrderState.IN_PART
    assert f"transcripts: kept, {LED_TO_BY_BOTH}" in run.reasons
    entry = next(each for each in receipt(home, run)["datasets"] if each["dataset"] == "transcripts")
    assert (entry["outcome"], entry["items"]) == ("kept", 2)
    assert not (home.world / "media" / "daily" / ANNA / "monday" / "rec-0001.wav").exists()


def test_what_one_family_alone_leads_to_goes_although_a_neighbour_has_the_same_field(home: Household) -> None:
    """Of two transcripts, one is found through what stays as well."""
    by_day(home)
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("UPDATE transcripts SET recording_id = 'rec-0002' WHERE text LIKE 'monday%'")
    folder = home.world / "media" / "daily" / ANNA / "monday"
    (folder / "rec-0001.wav").rename(folder / "rec-0002.wav")
    run = done(home, {"voice": {f"daily/{ANNA}/monday/rec-0002.wav"}})
    assert run.state is OrderState.FULFILLED, run.reasons
    with closing(sqlite3.connect(home.database)) as database:
        assert database.execute("SELECT recording_id FROM transcripts").fetchall() == [("rec-0001",)]
