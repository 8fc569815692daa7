"""Writes the company's stores, and notes in the book whose each item is."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from expunge.demo import schema
from expunge.demo.audio import join, voiceprint
from expunge.demo.book import HOUSEHOLD, Entry
from expunge.demo.casting import BEGIN
from expunge.demo.people import Household
from expunge.demo.world import EXPORT, Recording, World, time_text

_TEXT_KEYS = {"accounts", "profiles", "devices", "recordings", "conversations", "voiceprints", "consents"}


def write_media(world: World) -> None:
    """Recordings and their sidecars."""
    for recording in world.recordings:
        write_recording(world.stores["media"], recording)
        owners = frozenset(person.profile_id for person in recording.who)
        name = recording.path.rpartition("/")[2]
        sound = recording.sound.samples.astype("<i2").tobytes()
        cuts = (sound[at : at + 48] for at in range(len(sound) // 4, len(sound) - 48, max(48, len(sound) // 6)))
        # Near-silence says nothing about anybody: any recording may hold the same few values.
        pieces = tuple(cut for cut in cuts if len(set(cut)) >= 16)
        world.book.note(Entry(f"media:{recording.path}", owners, (recording.path,), (recording.recording_id, name), pieces))
        side = recording.path.removesuffix(".wav") + ".json"
        world.book.note(Entry(f"media:{side}", owners, _texts(sidecar(recording)), (recording.text, recording.place, name)))


def sidecar(recording: Recording) -> dict[str, Any]:
    """What lies beside each recording."""
    return {
        "recording_id": recording.recording_id,
        "people": [person.profile_id for person in recording.who],
        "file": recording.path.rpartition("/")[2],
        "device": recording.device,
        "place": recording.place,
        "recorded_at": time_text(recording.at),
        "transcript": recording.text,
        "transcript_from": recording.text_from,
        "voice": recording.voice,
    }


def write_recording(media: Path, recording: Recording) -> None:
    """Put one recording and its sidecar into the company's folder, as its ingest does."""
    path = media / recording.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(recording.sound.wav())
    text = json.dumps(sidecar(recording), ensure_ascii=False, indent=1)
    path.with_suffix(".json").write_text(text + "\n", "utf-8")


def write_database(world: World) -> None:
    """The database, left as a running app leaves it: its newest rows are in the write-ahead log only."""
    path = world.stores["app"]
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    # SQLite's own default, said aloud because some distributions build it otherwise.
    connection.execute("PRAGMA secure_delete=OFF")
    connection.executescript(schema.TABLES)
    connection.execute("INSERT INTO app_settings VALUES ('release', '4.2.0')")
    for home in world.households:
        _write_household(world, connection, home)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    for recording in world.recordings:
        _write_rows_of(world, connection, recording)
    connection.commit()
    # The app is still running, so to say: its write-ahead log is there. Closing would fold it into the database.
    log = path.with_name("app.db-wal")
    running = path.read_bytes(), log.read_bytes()
    connection.close()
    path.write_bytes(running[0])
    log.write_bytes(running[1])


def _write_household(world: World, connection: sqlite3.Connection, home: Household) -> None:
    opened = time_text(BEGIN - timedelta(days=300))
    row: dict[str, Any] = {
        "account_id": home.account_id, "surname": home.surname, "email": home.email, "street": home.street, "created_at": opened,
    }  # fmt: skip
    _insert(world, connection, "accounts", row, HOUSEHOLD)
    for person in home.profiles:
        owner = frozenset({person.profile_id})
        voice = next(each.voice for each in world.recordings if each.who == (person,))
        row = {
            "profile_id": person.profile_id, "account_id": home.account_id, "name": person.name, "email": person.email or None,
            "own_device": person.tablet or None, "birth_year": person.birth_year, "child": int(person.child), "voice": voice,
            "created_at": opened,
        }  # fmt: skip
        _insert(world, connection, "profiles", row, owner, ("profile_id", "name", "email", "own_device"))
        sounds = [each.sound for each in world.recordings if each.who == (person,)]
        vector = voiceprint(join(sounds)).tobytes()
        row = {
            "voiceprint_id": f"vpr_{person.profile_id[4:16][::-1]}",
            "profile_id": person.profile_id,
            "vector": vector,
            "enrolled_at": opened,
        }
        _insert(world, connection, "voiceprints", row, owner, ("voiceprint_id",), (vector[64:112],))
        row = {"consent_id": f"cst_{person.profile_id[8:]}", "profile_id": person.profile_id, "purpose": "answer", "given_at": opened}
        _insert(world, connection, "consents", row, owner, ("consent_id",))
    for serial, whose in [(home.hub, None), *((person.tablet, person) for person in home.profiles if person.tablet)]:
        row = {"serial": serial, "account_id": home.account_id, "profile_id": whose.profile_id if whose else None,
               "model": "hub" if whose is None else "tablet" if whose.child else "phone", "added_at": opened}  # fmt: skip
        _insert(world, connection, "devices", row, frozenset({whose.profile_id}) if whose else HOUSEHOLD, ("serial",))


def _write_rows_of(world: World, connection: sqlite3.Connection, recording: Recording) -> None:
    owners = frozenset(person.profile_id for person in recording.who)
    row: dict[str, Any] = {"recording_id": recording.recording_id, "device": recording.device, "path": recording.path}
    at = time_text(recording.at)
    if len(owners) > 1:
        _insert(world, connection, "conversations", {**row, "text": recording.text, "recorded_at": at}, owners)
        for person in recording.who:
            row = {"recording_id": recording.recording_id, "profile_id": person.profile_id, "added_at": at}
            _insert(world, connection, "participants", row, frozenset({person.profile_id}))
        return
    who = recording.who[0].profile_id
    row |= {"profile_id": who, "seconds": recording.sound.seconds, "place": recording.place, "recorded_at": at}
    _insert(world, connection, "recordings", row, owners, ("recording_id", "path", "place"))
    row = {"recording_id": recording.recording_id, "text": recording.text, "source": recording.text_from, "written_at": at}
    _insert(world, connection, "transcripts", row, owners, ("text",))
    latitude, longitude = recording.place.split(",")
    row = {"profile_id": who, "device": recording.device, "latitude": float(latitude), "longitude": float(longitude),
           "place": recording.place, "seen_at": at}  # fmt: skip
    _insert(world, connection, "locations", row, owners, ("place",))


def _insert(
    world: World,
    connection: sqlite3.Connection,
    table: str,
    row: Mapping[str, Any],
    owners: frozenset[str],
    telling: tuple[str, ...] = (),
    samples: tuple[bytes, ...] = (),
) -> None:
    columns = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    # The names come from this module, never from outside.
    rowid = connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values())).lastrowid  # noqa: S608
    key = next(iter(row.values())) if isinstance(next(iter(row.values())), str) and table in _TEXT_KEYS else rowid
    world.book.note(Entry(f"app:{table}:{key}", owners, _texts(row), tuple(str(row[each]) for each in telling if row[each]), samples))


def write_analytics(world: World, random: Random) -> None:
    """Gzipped JSON lines, one file a day, with the events of everybody."""
    days: dict[str, list[dict[str, Any]]] = {}
    for recording in world.recordings:
        person = recording.who[0]
        event: dict[str, Any] = {
            "event_id": f"evt_{random.getrandbits(64):016x}",
            "at": time_text(recording.at),
            "account_id": person.account_id,
        }
        alone = len(recording.who) == 1
        if alone:
            event |= {"profile_id": person.profile_id, "device": recording.device, "place": recording.place, "utterance": recording.text}
        event["kind"] = "utterance" if alone else "conversation"
        path = f"events/{recording.at:%Y-%m-%d}.jsonl.gz"
        days.setdefault(path, []).append(event)
        owners = frozenset({person.profile_id}) if alone else HOUSEHOLD
        telling = (recording.text, recording.place) if alone else ()
        world.book.note(Entry(f"analytics:{path}:{event['event_id']}", owners, _texts(event), telling))
    for path, events in days.items():
        lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        target = world.stores["analytics"] / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(lines.encode(), mtime=0))


def write_export(world: World) -> None:
    """The engineer's copy: what everybody said, as gzipped CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["recording_id", "profile_id", "heard", "note"])
    for recording in world.recordings:
        if len(recording.who) == 1:
            row = (recording.recording_id, recording.who[0].profile_id, recording.text, "check by ear")
            writer.writerow(row)
            world.book.note(Entry(f"media:{EXPORT}:{row[0]}", frozenset({row[1]}), row, row[:1]))
    target = world.stores["media"] / EXPORT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(out.getvalue().encode(), mtime=0))


def _texts(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in row.values() if not isinstance(value, bytes))
