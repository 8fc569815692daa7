"""Hashes of people who are known tell a place, as their identifiers do; those of strangers tell nothing."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from contextlib import closing

import pytest

from expunge import survey
from expunge.core.datamap.datamap import ByField
from expunge.core.discovery.discovery import Sign
from expunge.core.discovery.people_sketch import MOST_HASHED, IdentitySketch
from tests.engine.discovery.test_discover import discovered, paste, signs
from tests.engine.household import ANNA, BELA, PEOPLE, Household

MAILS = [f"{account}@example.org" for account in dict.fromkeys(PEOPLE.values())]
STRANGERS = ["nina@example.net", "olga@example.net"]


def _hashed(texts: list[str], algorithm: str = "sha256") -> list[bytes]:
    return [hashlib.new(algorithm, text.lower().encode()).digest() for text in texts]


def _table(home: Household, cells: list[object]) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("CREATE TABLE audience (n INTEGER PRIMARY KEY, user_key TEXT, segment TEXT, closed_at TEXT)")
        db.executemany("INSERT INTO audience (user_key, segment) VALUES (?, 'autumn')", [(cell,) for cell in cells])


@pytest.mark.parametrize(("written", "algorithm"), [(bytes.hex, "sha256"), (lambda digest: base64.b64encode(digest).decode(), "sha1")])
def test_a_table_of_hashes_is_found_and_the_proposed_lines_erase_it(home: Household, written, algorithm: str) -> None:
    _table(home, [written(each) for each in _hashed(MAILS, algorithm)])
    (place,) = discovered(home).found
    assert [(each.sign, each.what) for each in place.sightings] == [
        (Sign.IDENTITIES, f"2 of 2 values of user_key are known: account.email as {algorithm}")
    ]
    paste(home, place.entry)
    assert survey.check(home.map).faults == ()
    with home.open() as opened:
        subject = opened.map.datasets["audience"].subject
    assert isinstance(subject, ByField)
    assert [(each.kind, each.name, each.rule.algorithm) for each in subject.hashed] == [("account", "user_key", algorithm)]
    assert discovered(home).clean


def test_a_table_of_hashes_of_strangers_is_no_place_of_people(home: Household) -> None:
    _table(home, [each.hex() for each in _hashed(STRANGERS)])
    assert discovered(home).found == ()


def test_a_file_of_hashes_is_found_and_one_of_strangers_is_not(home: Household) -> None:
    folder = home.world / "exports"
    folder.mkdir()
    lines = [f"{each.hex().upper()},autumn\n" for each in _hashed([ANNA, BELA], "md5")]
    (folder / "audience.csv").write_text("".join(["user_key,segment\n", *lines]))
    (folder / "others.csv").write_text("user_key,segment\n" + "".join(f"{each.hex()},autumn\n" for each in _hashed(STRANGERS)))
    (place,) = discovered(home).found
    assert signs(discovered(home)) == {"the folder world/exports": {Sign.IDENTITIES}}
    told = "\n".join(each.what for each in place.sightings)
    assert "profile as md5" in told
    assert "1 of 2 files" in told


def test_hashes_of_the_first_identities_alone_are_compared() -> None:
    sketch = IdentitySketch("customer", bytes(32))
    sketch.take(f"cus-{number}" for number in range(MOST_HASHED))
    assert not sketch.hashes_cut
    sketch.take(["cus-late"])
    assert sketch.hashes_cut
    first, late = (hashlib.sha256(each).digest() for each in (b"cus-7", b"cus-late"))
    assert (sketch.algorithm_of(first), sketch.algorithm_of(late)) == ("sha256", "")
