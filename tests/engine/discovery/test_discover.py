"""Whatever lies in a declared store or beside it and holds people is found, by counts alone; what is about nobody is not."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import random
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from expunge import survey
from expunge.bootstrap import discovering
from expunge.core.discovery.discovery import Discovery, Sign
from expunge.core.retention.public_claims import ClaimNowFalse, ClaimTrueAgain
from expunge.engine.kernel.journal_streams import CLAIMS, SEARCHES, read_register
from tests.cli.running import expunge
from tests.engine.household import ANNA, BELA, PEOPLE, SAID, Household, wav
from tests.engine.retention.test_retention import events, with_schedules

MAIL = f"{PEOPLE[ANNA]}@example.org"
NO_OTHER = "There is no other place"


def discovered(home: Household) -> Discovery:
    with home.open() as opened:
        return opened.discover()


def positions(path: Path) -> None:
    """A database of points with nobody's name in it, beside a table of kinds."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE points (id INTEGER PRIMARY KEY, device TEXT, lat REAL, lon REAL, at TEXT)")
        db.executemany(
            "INSERT INTO points (device, lat, lon, at) VALUES (?, ?, ?, '2026-01-01')",
            [(f"d{n % 3}", 52.1 + n / 1013, 13.4 + n / 997) for n in range(50)],
        )
        db.execute("CREATE TABLE colours (id INTEGER PRIMARY KEY, label TEXT)")
        db.execute("INSERT INTO colours (label) VALUES ('red')")


def nobodys(folder: Path) -> None:
    """Texts, a table and numbers that are about nobody."""
    folder.mkdir()
    (folder / "readme.md").write_text("# How to brew tea\n\nTake water at 96 degrees, and wait for 4 minutes.\n" * 40)
    (folder / "prices.csv").write_text("item,count,price\n" + "".join(f"tea {n},{n},{n}.50\n" for n in range(90)))
    (folder / "settings.json").write_text(json.dumps({"retries": 3, "name": "kettle", "versions": ["1.2.3", "4.5.6"]}))
    with closing(sqlite3.connect(folder / "stock.db")) as db, db:
        db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, label TEXT, pieces INTEGER, latency REAL)")
        db.executemany("INSERT INTO items (label, pieces, latency) VALUES (?, ?, ?)", [(f"tea {n}", n, n / 7) for n in range(99)])


def signs(found: Discovery) -> dict[str, set[Sign]]:
    return {each.place: {sign.sign for sign in each.sightings} for each in found.found}


def test_a_declared_company_has_no_undeclared_places(home: Household) -> None:
    nobodys(home.world / "docs")
    found = discovered(home)
    assert (found.found, found.unseen) == ((), ())
    assert found.identities == 2 * 2 + 4
    assert found.said == "nothing that holds people is undeclared, as far as was looked"


@pytest.mark.duty("FAIL-02")
def test_a_database_of_positions_beside_the_declared_one_is_found_and_is_gone_from_the_list_when_it_is_declared(home: Household) -> None:
    positions(home.world / "gps.db")
    found = discovered(home)
    assert signs(found) == {"the database gps.db": {Sign.COORDINATES}}
    (place,) = found.found
    assert "lat and lon are coordinates" in place.sightings[0].what
    assert 'url: "sqlite:///world/gps.db"' in place.entry
    paste(home, place.entry)
    assert survey.check(home.map).faults == ()
    assert [each.said for each in survey.read(home.map).guesses]
    assert discovered(home).clean


def paste(home: Household, entry: str) -> None:
    """Put the lines of each section below its head, as a person would."""
    text = home.map.read_text()
    for part in ("\n" + entry).split("\nstores:\n"):
        sections = part.split("\ndatasets:\n") if "\ndatasets:\n" in f"\n{part}" else [part]
        if len(sections) == 2:
            before, rest = sections
            after, _, ignore = rest.partition("ignore:\n")
            if before.strip():
                text = text.replace("stores:\n", f"stores:\n{before.rstrip()}\n", 1)
            text = text.replace("datasets:\n", f"datasets:\n{after.rstrip()}\n", 1)
            text += f"ignore:\n{ignore}" if ignore else ""
    home.map.write_text(text)


def gpx(path: Path) -> None:
    path.write_text('<gpx><trk><trkseg><trkpt lat="52.1" lon="13.4"></trkpt></trkseg></trk></gpx>')


def mails(path: Path) -> None:
    path.write_text(f"who,at\n{MAIL.upper()},2026-01-01\n")


def packed_mails(path: Path) -> None:
    path.write_bytes(gzip.compress(json.dumps({"to": [MAIL]}).encode()))


def zipped_voices(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one", wav("someone"))


def photo_with_place(path: Path) -> None:
    gps = (2, 2, 5, 3, 26)
    first = b"II*\0\x08\0\0\0" + b"\x01\0" + (0x8825).to_bytes(2, "little") + b"\x04\0\x01\0\0\0" + (26).to_bytes(4, "little") + b"\0\0\0\0"
    where = b"\x01\0" + gps[0].to_bytes(2, "little") + b"\x05\0\x03\0\0\0" + b"\0\0\0\0" + b"\0\0\0\0"
    exif = b"Exif\0\0" + first + where
    path.write_bytes(b"\xff\xd8\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + b"\xff\xd9")


def in_letters(path: Path) -> None:
    path.write_text("the backup of the list:\n" + base64.b64encode(f"who,at\n{MAIL},2026-01-01\n".encode()).decode() + "\n")


def in_addresses(path: Path) -> None:
    path.write_text(f"GET /reset?mail={MAIL.replace('@', '%40')}&t=1 HTTP/1.1\n" * 3)


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"to": [MAIL, 17], "at": b"\0\1"}))


def packed_twice(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.compress(json.dumps({"to": [MAIL]}).encode())))


FORMS = {"list.b64": in_letters, "access.log": in_addresses, "cache.bin": pickled, "deep.gz": packed_twice}
FILES = {
    "track.gpx": (gpx, {Sign.COORDINATES}),
    "mail.csv": (mails, {Sign.IDENTITIES}),
    "log.json.gz": (packed_mails, {Sign.IDENTITIES}),
    "old.bin": (lambda path: path.write_bytes(wav("nobody knows")), {Sign.MEDIA}),
    "backup": (zipped_voices, {Sign.MEDIA}),
    "photo": (photo_with_place, {Sign.MEDIA, Sign.COORDINATES}),
}


def test_files_beside_a_database_are_found_by_content_whatever_they_are_called(home: Household) -> None:
    folder = home.world / "exports"
    folder.mkdir()
    for name, (write, _) in FILES.items():
        write(folder / name)
    (place,) = discovered(home).found
    assert place.place == "the folder world/exports"
    seen = {sign.sign for sign in place.sightings}
    assert seen == {Sign.IDENTITIES, Sign.MEDIA, Sign.COORDINATES}
    told = "\n".join(each.what for each in place.sightings)
    assert [
        kind for kind in ("GPX", "audio by content", "archives of audio", "pictures", "account.email", "taken") if kind not in told
    ] == []
    paste(home, place.entry)
    assert survey.check(home.map).faults == ()
    assert [each.place for each in discovered(home).found] == []


def test_people_in_other_forms_are_found(home: Household) -> None:
    nobodys(home.world / "docs")
    folder = home.world / "exports"
    folder.mkdir()
    for name, write in FORMS.items():
        write(folder / name)
    found = discovered(home)
    (place,) = found.found
    told = [each.what for each in place.sightings if each.sign is Sign.IDENTITIES]
    endings = [name.rpartition(".")[2] for name in FORMS]
    assert [end for end in endings if not any(f".{end}: 1 file names people who are known: account.email" in each for each in told)] == []
    assert found.unseen == ()


@pytest.mark.soak
@pytest.mark.parametrize("name", FILES)
def test_each_kind_of_file_is_found_alone(home: Household, name: str) -> None:
    write, expected = FILES[name]
    write(home.world / "media" / name)
    (place,) = discovered(home).found
    assert (place.store, {each.sign for each in place.sightings}) == ("media", expected)


def test_tables_that_nobody_declared_are_found_by_values_keys_and_bytes(home: Household) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.executescript(
            "CREATE TABLE newsletter (address TEXT);"
            "CREATE TABLE badges (id INTEGER PRIMARY KEY, of TEXT REFERENCES profiles (profile_id));"
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE clips (id INTEGER PRIMARY KEY, data BLOB);"
            "CREATE TABLE places (id INTEGER PRIMARY KEY, spot TEXT); CREATE TABLE colours (id INTEGER PRIMARY KEY, label TEXT);"
        )
        db.execute("INSERT INTO newsletter VALUES (?)", (MAIL,))
        db.execute("INSERT INTO badges (of) VALUES (?)", (BELA,))
        db.execute("INSERT INTO notes (body) VALUES (?)", (f"please call {ANNA.lower()}, she asked for it twice",))
        db.execute("INSERT INTO clips (data) VALUES (?)", (wav("someone"),))
        db.execute("INSERT INTO places (spot) VALUES ('52.52001, 13.40495')")
        db.execute("INSERT INTO colours (label) VALUES ('red')")
    found = discovered(home)
    assert signs(found) == {
        "table newsletter": {Sign.IDENTITIES},
        "table badges": {Sign.IDENTITIES},
        "table notes": {Sign.IDENTITIES},
        "table clips": {Sign.MEDIA},
        "table places": {Sign.COORDINATES},
    }
    (badges,) = [each for each in found.found if each.place == "table badges"]
    assert "subject: {profile: of}" in badges.entry
    for each in found.found:
        paste(home, each.entry)
    assert survey.check(home.map).faults == ()
    assert discovered(home).clean


def test_nothing_of_a_person_is_printed_and_nothing_is_kept(home: Household) -> None:
    beside = home.world / "per person"
    beside.mkdir()
    for person in PEOPLE:
        (beside / f"{person}.json").write_text(json.dumps({person: {"said": SAID[person]}, "Kim": MAIL}))
        with closing(sqlite3.connect(home.world / f"{person}.db")) as db, db:
            db.execute(f'CREATE TABLE "{person}" (id INTEGER PRIMARY KEY, "{person}" TEXT)')
            db.execute(f'INSERT INTO "{person}" ("{person}") VALUES (?)', (person,))
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute(f'CREATE TABLE "of {ANNA}" (mail TEXT)')
        db.execute(f'INSERT INTO "of {ANNA}" VALUES (?)', (MAIL,))
    secret = [value for person in PEOPLE for value in (person, person.lower(), PEOPLE[person], *SAID[person])] + ["Kim"]
    for more in ((), ("--json",)):
        ran = expunge("discover", *more, cwd=home.folder)
        assert ran.code == 1
        assert [each for each in secret if each in ran.out or each in ran.err] == []
    found = ran.json
    assert len(found["found"]) == 1 + 4 + 1, found
    assert home.search(ANNA, MAIL, where=("state",)) == []


def test_an_ignored_place_is_listed_and_one_that_holds_identities_is_said(home: Household) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.executescript("CREATE TABLE colours (label TEXT); CREATE TABLE audit (line TEXT); INSERT INTO colours VALUES ('red')")
    home.write_map(
        more="ignore:\n  - {store: app, table: colours, reason: names of colours}\n  - {store: app, table: audit, reason: technical}\n"
    )
    found = discovered(home)
    assert found.clean
    assert {(each.place, each.why) for each in found.ignored} == {("colours", "names of colours"), ("audit", "technical")}
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("INSERT INTO audit VALUES (?)", (f"deleted {MAIL} for good",))
    found = discovered(home)
    assert [(each.place, each.ignored) for each in found.found] == [("table audit", "technical")]
    assert [each.place for each in found.ignored] == ["colours"]


def test_what_cannot_be_looked_at_is_said(home: Household) -> None:
    (home.world / "old.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 500)
    (home.world / "secret.age").write_bytes(random.Random(3).randbytes(40_000))
    (home.world / "old.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    ran = expunge("discover", "--json", cwd=home.folder)
    assert (ran.code, ran.json["found"], ran.json["clean"]) == (1, [], False)
    why = [each["why"] for each in ran.json["unseen"]]
    assert len(why) == 3
    assert "1 file: they look encrypted" in why
    assert "1 file: 7z archives, which a look does not open" in why
    assert ran.json["said"].startswith("nothing undeclared was found where one could look; 3 places could not be looked at")


def test_programs_beside_a_database_are_told_as_left_aside_and_a_folder_that_is_gone_is_not_seen(home: Household) -> None:
    for name in ("node_modules", "lib/node_modules", "env"):
        (home.world / name).mkdir(parents=True)
        (home.world / name / "logo").write_bytes(wav("logo", 0.01))
    (home.world / "env" / "pyvenv.cfg").write_text("home = /usr/bin")
    (home.world / "media").rename(home.folder / "gone")
    found = discovered(home)
    assert found.found == ()
    assert {(each.place, each.why.partition(",")[0]) for each in found.ignored} == {
        ("the folder world: node_modules (2 times)", "programs"),
        ("the folder world: a virtual environment", "programs"),
    }
    assert ("media", "media: a folder: it may not be listed") in {(each.store, f"{each.place}: {each.why}") for each in found.unseen}


def test_people_who_could_not_be_read_were_looked_for_nowhere(home: Household) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("ALTER TABLE accounts RENAME COLUMN email TO mail")
    found = discovered(home)
    assert not found.clean
    assert any(each.place == "accounts" and "looked for nowhere" in each.why for each in found.unseen)


@pytest.fixture
def told(home: Household) -> Household:
    with_schedules(home)
    events(home, anna=3)
    return home


def sentence(home: Household) -> tuple[bool, str]:
    """Whether all of the policy is true and so was published, and what the page says of other places."""
    with home.open() as opened:
        found = opened.retention.publish(home.folder / "public")
    page = (home.folder / "public" / "policy.md").read_text() if all(each.true for each in found) else ""
    return bool(page), next((line for line in page.splitlines() if "kept in" in line or NO_OTHER in line), "")


def test_a_look_changes_nothing_and_leaves_nothing_beside_a_database_with_a_log(home: Household) -> None:
    with closing(sqlite3.connect(home.world / "logged.db")) as db, db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE mails (address TEXT)")
        db.execute("INSERT INTO mails VALUES (?)", (MAIL,))
    before = {path: path.stat().st_mtime_ns for path in home.world.rglob("*")}
    assert signs(discovered(home)) == {"the database logged.db": {Sign.IDENTITIES}}
    assert {path: path.stat().st_mtime_ns for path in home.world.rglob("*")} == before
    with closing(sqlite3.connect(home.world / "logged.db")) as db:
        db.execute("INSERT INTO mails VALUES ('x')")
        db.commit()
        assert signs(discovered(home)) == {"the database logged.db": {Sign.IDENTITIES}}, "while somebody has it open"


@pytest.mark.duty("AMZ-03")
def test_the_public_is_told_that_there_is_no_other_place_only_while_the_last_look_found_none(told: Household) -> None:
    published, said = sentence(told)
    assert published
    assert "is not known" in said
    assert discovered(told).clean
    published, said = sentence(told)
    assert published
    assert NO_OTHER in said
    assert "last looked for on 20" in said
    positions(told.world / "gps.db")
    with told.open() as opened:
        assert [each.claim.id for each in opened.retention.claims() if not each.true] == [], "nobody has looked since"
        assert not opened.sweep().discovered.clean
        (false,) = [each for each in opened.retention.claims() if not each.true]
        assert false.claim.id == "places.known"
        assert false.claim.sentence.startswith(NO_OTHER)
    published, said = sentence(told)
    assert published
    assert NO_OTHER not in said
    assert "also kept in places that are not named here" in said
    (told.world / "gps.db").unlink()
    assert discovered(told).clean
    with told.open() as opened:
        assert [each.claim.id for each in opened.retention.claims() if not each.true] == ["places.known"], "the page says less than is true"
    assert NO_OTHER in sentence(told)[1]
    with told.open() as opened:
        assert [type(each) for each in read_register(opened.context.journal, CLAIMS) if isinstance(each, ClaimNowFalse | ClaimTrueAgain)]
        assert len(list(read_register(opened.context.journal, SEARCHES))) == 3


def test_a_look_with_another_map_tells_nothing_of_this_one(told: Household) -> None:
    assert discovered(told).clean
    assert NO_OTHER in sentence(told)[1]
    text = told.map.read_text()
    told.map.write_text(text.replace("period: 30 days", "period: 31 days"))
    assert NO_OTHER not in sentence(told)[1]
    told.map.write_text(text)
    assert NO_OTHER in sentence(told)[1]


def test_a_sweep_names_what_is_undeclared_and_ends_with_the_code_of_findings(home: Household) -> None:
    clean = expunge("sweep", "--json", cwd=home.folder)
    assert (clean.code, clean.json["undeclared"], clean.json["unseen"]) == (0, [], [])
    positions(home.world / "gps.db")
    ran = expunge("sweep", "--json", cwd=home.folder)
    assert (ran.code, ran.json["undeclared"]) == (4, [{"store": "app", "place": "the database gps.db"}])
    ran = expunge("sweep", cwd=home.folder)
    assert ran.code == 4
    assert "undeclared: app: the database gps.db: points: lat and lon are coordinates" in ran.out
    assert ran.out.splitlines()[-1] == "1 place holds people, and no dataset of the map declares it: expunge discover"


def test_a_map_without_state_is_looked_at_as_well(home: Household) -> None:
    positions(home.world / "gps.db")
    home.map.write_text(home.map.read_text().replace("state: ./state", "state: ./not-yet"))
    ran = expunge("discover", cwd=home.folder)
    assert ran.code == 1
    assert ran.out.splitlines()[-1].startswith("1 place holds people, and no dataset of the map declares it")
    assert not (home.folder / "not-yet").exists()


def test_a_damaged_archive_is_said_and_no_trouble(home: Household) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("one", "text")
    (home.world / "media" / "half.zip").write_bytes(whole.getvalue()[:40])
    (home.world / "media" / "half.json.gz").write_bytes(gzip.compress(b"text" * 99)[:20])
    found = discovered(home)
    assert found.found == ()
    assert len(found.unseen) == 2


NUMBERED = """\
version: 1
state: ./state
identities:
  user: {dataset: users, key: id}
stores:
  app: {kind: sqlite, url: "sqlite:///world/app.db"}
retention:
  life: {period: 30 days, from: made, purpose: keep the account, need: contract}
datasets:
  users: {store: app, table: users, subject: {user: id}, retention: life}
"""


def test_short_numbers_tell_people_only_in_columns_that_are_called_after_them(tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    (tmp_path / "expunge.yaml").write_text(NUMBERED)
    with closing(sqlite3.connect(tmp_path / "world" / "app.db")) as db, db:
        db.executescript(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, made TEXT); CREATE TABLE stock (id INTEGER PRIMARY KEY, pieces INTEGER);"
            "CREATE TABLE visits (id INTEGER PRIMARY KEY, user_id INTEGER); CREATE TABLE pages (id INTEGER PRIMARY KEY, page_id INTEGER);"
        )
        for table in ("users (made)", "stock (pieces)", "visits (user_id)", "pages (page_id)"):
            db.executemany(f"INSERT INTO {table} VALUES (?)", [(number,) for number in range(1, 20)])
    (tmp_path / "world" / "one.csv").write_text("user_id,n\n3,1\n5,1\n")
    (tmp_path / "world" / "two.jsonl").write_text('{"pieces": 3, "n": 1}\n{"pieces": 5, "n": 2}\n')
    found = discovering.look_without_state(tmp_path / "expunge.yaml")
    assert signs(found) == {"table visits": {Sign.IDENTITIES}, "the folder world": {Sign.IDENTITIES}}
    assert [sign.what for each in found.found for sign in each.sightings] == [
        "19 of 19 values of user_id are known: user",
        "*.csv: 2 of 2 values of user_id are known: user",
    ]
