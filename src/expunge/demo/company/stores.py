"""Write the company's bucket, lake and hub, and note the owner of each item in the book."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from expunge.demo.company import schema
from expunge.demo.company.book import HOUSEHOLD, Entry
from expunge.demo.company.world import EXPORT, TRAINING, Recording, World, time_text
from expunge.demo.voices.audio import waveform


def write_audio(world: World) -> None:
    """Recordings and their sidecars."""
    client = world.services.s3()
    client.create_bucket(Bucket=world.services.bucket)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda each: put_recording(world, client, each), world.recordings))
    client.close()
    for recording in world.recordings:
        owners = frozenset(person.profile_id for person in recording.who)
        sound = recording.sound.samples.astype("<i2").tobytes()
        cuts = (sound[at : at + 48] for at in range(len(sound) // 4, len(sound) - 48, max(48, len(sound) // 6)))
        # Near-silence says nothing about anybody: any recording may hold the same few values.
        pieces = tuple(cut for cut in cuts if len(set(cut)) >= 16)
        # Its own key tells nobody who is meant, and the server's indexes keep it: nothing that has to be gone.
        world.book.note(Entry(f"audio:{recording.path}", owners, (recording.path,), (), pieces))
        side = recording.path.removesuffix(".wav") + ".json"
        world.book.note(Entry(f"audio:{side}", owners, _texts(sidecar(recording)), (recording.text, recording.place)))


def derived(recording: Recording) -> dict[str, str]:
    """Return the data that the app's player needs before it has the sound: a drawing, the first moment of it, and a checksum."""
    sound = recording.sound.samples.astype("<i2").tobytes()
    return {
        "waveform": waveform(recording.sound),
        "preview": base64.b64encode(sound[len(sound) // 3 :][:96]).decode(),
        "sha256": hashlib.sha256(sound).hexdigest(),
    }


def sidecar(recording: Recording) -> dict[str, Any]:
    """Return the JSON that lies beside each recording."""
    return {
        "recording_id": recording.recording_id,
        "people": [person.profile_id for person in recording.who],
        "device": recording.device,
        "place": recording.place,
        "recorded_at": time_text(recording.at),
        **derived(recording),
        "transcript": recording.text,
        "transcript_from": recording.text_from,
        "voice": recording.voice,
    }


def put_recording(world: World, client: Any, recording: Recording) -> None:
    """Put one recording and its sidecar into the company's bucket, as its ingest does."""
    text = json.dumps(sidecar(recording), ensure_ascii=False, indent=1) + "\n"
    bucket, side = world.services.bucket, recording.path.removesuffix(".wav") + ".json"
    client.put_object(Bucket=bucket, Key=recording.path, Body=recording.sound.wav(), ContentType="audio/wav")
    client.put_object(Bucket=bucket, Key=side, Body=text.encode(), ContentType="application/json")


def write_export(world: World) -> None:
    """Write the engineer's copy: the sentences of all people, as gzipped CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["recording_id", "profile_id", "heard", "note"])
    for recording in world.recordings:
        if len(recording.who) == 1:
            row = (recording.recording_id, recording.who[0].profile_id, recording.text, "check by ear")
            writer.writerow(row)
            world.book.note(Entry(f"audio:{EXPORT}:{row[0]}", frozenset({row[1]}), row))
    client = world.services.s3()
    client.put_object(Bucket=world.services.bucket, Key=EXPORT, Body=gzip.compress(out.getvalue().encode(), mtime=0))
    client.close()


def write_lake(world: World, random: Random) -> None:
    """Write Parquet: the events of all people, partitioned by day, and the set that the speech model is trained with."""
    days: dict[str, list[dict[str, Any]]] = {}
    for recording in world.recordings:
        person, alone = recording.who[0], len(recording.who) == 1
        event = {
            "event_id": f"evt_{random.getrandbits(64):016x}",
            "at": recording.at,
            "kind": "utterance" if alone else "conversation",
            "account_id": person.account_id,
            "profile_id": person.profile_id if alone else None,
            "device": recording.device if alone else None,
            "place": recording.place if alone else None,
            "utterance": recording.text if alone else None,
        }
        path = f"events/day={recording.at:%Y-%m-%d}/part-0.parquet"
        days.setdefault(path, []).append(event)
        owners = frozenset({person.profile_id}) if alone else HOUSEHOLD
        telling = (recording.text, recording.place) if alone else ()
        world.book.note(Entry(f"lake:{path}:{event['event_id']}", owners, _texts(event), telling))
    for path, events in days.items():
        _write_table(world, path, events)
    _write_table(world, TRAINING, list(_examples(world, random)))


def _examples(world: World, random: Random) -> Iterator[dict[str, Any]]:
    for recording in world.recordings:
        if len(recording.who) > 1:
            continue
        person = recording.who[0]
        example_id = f"exm_{random.getrandbits(64):016x}"
        speaker = {"profile_id": person.profile_id, "age": recording.at.year - person.birth_year}
        yield {"example_id": example_id, "speaker": speaker, "text": recording.text, "split": random.choice(("train", "train", "test"))}
        strings = (example_id, person.profile_id, recording.text)
        world.book.note(Entry(f"lake:{TRAINING}:{example_id}", frozenset({person.profile_id}), strings, (recording.text,)))


def _write_table(world: World, path: str, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = world.lake / path
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), target, compression="gzip", row_group_size=32)


def write_hub(world: World) -> None:
    """The hub's database, left as a running device leaves it: its newest rows are in the write-ahead log only."""
    path = world.hub
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    # SQLite's own default, said aloud because some distributions build it otherwise.
    connection.execute("PRAGMA secure_delete=OFF")
    connection.executescript(schema.HUB)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    for recording in world.recordings:
        if len(recording.who) == 1:
            _write_location(world, connection, recording)
    connection.commit()
    log = path.with_name(f"{path.name}-wal")
    running = path.read_bytes(), log.read_bytes()
    connection.close()
    # The device is still running, so to say: closing folded the log into the database.
    path.write_bytes(running[0])
    log.write_bytes(running[1])


def _write_location(world: World, connection: sqlite3.Connection, recording: Recording) -> None:
    who = recording.who[0].profile_id
    latitude, longitude = recording.place.split(",")
    row = {"profile_id": who, "device": recording.device, "latitude": float(latitude), "longitude": float(longitude),
           "place": recording.place, "seen_at": time_text(recording.at)}  # fmt: skip
    # The names are the constants above.
    command = f"INSERT INTO locations ({', '.join(row)}) VALUES ({', '.join('?' for _ in row)})"  # noqa: S608
    key = connection.execute(command, tuple(row.values())).lastrowid
    world.book.note(Entry(f"hub:locations:{key}", frozenset({who}), _texts(row), (recording.place,)))


def _texts(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in row.values())
