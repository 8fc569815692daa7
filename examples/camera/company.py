"""A maker of cameras for front doors in small: clips, who looked at them, faces, models and a record of what each came from."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from examples.camera import clips, index
from examples.common.estate import Estate

CUT_OFF = "2018-03-01"
"""The date that the order names."""
HOUSEHOLDS = 12
INDEX = "vectors/faces.faiss"
"""The vector index of faces, below the world."""
_EARLY, _LATE = "2017-06-{day:02}T10:00:00Z", "2018-09-{day:02}T10:00:00Z"
ABOUT_NOBODY = """{
    reason: names of models and of what they were made from, safeguards: no field of it holds anything about people,
    prohibition: the data policy forbids singling anyone out, release: the record is not published,
    no_attempt: nobody here tries to identify anyone in it}"""

_MAP = f"""\
version: 1
identities:
  account: {{dataset: accounts, key: account_id, also: [email]}}
stores:
  cameras:  {{kind: files, url: ./world/cameras}}
  app:      {{kind: sqlite, url: "sqlite:///world/app.db"}}
  vectors:  {{kind: faiss, url: ./world/vectors}}
  registry: {{kind: files, url: ./world/registry}}
  record:   {{kind: sqlite, url: "sqlite:///world/record.db"}}
retention:
  film: {{period: 10 years, from: modified, purpose: show people who was at their door, need: contract}}
  life: {{period: 10 years, from: at, purpose: show people who was at their door, need: contract}}
datasets:
  accounts: {{store: app, table: accounts, subject: {{account: account_id}}, retention: life}}
  clips:
    store: cameras
    path: "clips/{{account_id}}/{{clip_id}}.mp4"
    subject: {{account: account_id}}
    categories: [user.content.video]
    collected: modified
    retention: film
    reviewed_by: {{dataset: reviews, via: clip_id, at: reviewed_at}}
  reviews:                       # who looked at which clip, and when
    store: app
    table: reviews
    subject: {{through: clips, via: clip_id}}
    kind: label set
    derived_from: [clips]
    on_erase: erase
    retention: life
  owner_labels:                  # what owners said of their own clips in the app: nobody of the company looked at these
    store: app
    table: owner_labels
    subject: {{account: account_id}}
    kind: label set
    derived_from: [clips]
    on_erase: erase
    retention: life
  faces:                         # a vector index; whose each vector is stands beside it, in faces.ids.jsonl
    store: vectors
    path: faces.faiss
    subject: {{account: account_id}}
    kind: embedding
    collected: made_at
    derived_from: [clips]
    on_erase: erase
    retention: life
  label_sets:                    # what the models were taught from
    store: registry
    path: "labels/{{label_set}}.csv"
    artefact: label_set
    kind: label set
    derived_from: [reviews, owner_labels]
    on_erase: destroy
  models:
    store: registry
    path: "models/{{model}}.safetensors"
    artefact: model
    kind: model
    derived_from: [label_sets, clips]
    on_erase: destroy
  record_of_models: {{store: record, table: made, retention: life, aggregate: {ABOUT_NOBODY}}}
provenance: {{dataset: record_of_models, artefact: product, source: source, how: how, created: created, read: read}}
"""


@dataclass(frozen=True)
class Clip:
    """One clip that lies in the store."""

    name: str
    account: str
    path: Path
    early: bool
    """Recorded before the cut-off."""
    reviewed: str
    """When somebody of the company looked at it; empty for most."""
    told: bool
    """Whether its owner said in the app what is on it."""
    held_out: bool
    """Of a household that no label set has anything of: models are judged by it."""

    @property
    def relative(self) -> str:
        """As the world names it."""
        return f"cameras/clips/{self.account}/{self.name}.mp4"


@dataclass(frozen=True)
class Seen:
    """What is read out of a clip."""

    frames: np.ndarray
    """(n, 324) float32, one row a frame: see :func:`examples.camera.clips.frame_vector`."""
    face: np.ndarray
    """(n,) bool: whether a face is in it."""
    motion: np.ndarray
    """(48,) float64."""


def build(estate: Estate, *, small: bool) -> list[Clip]:
    """Fill ``world/`` but for models and label sets, and write the map."""
    made: list[Clip] = []
    for name in ("registry/labels", "registry/models", "vectors"):
        (estate.world / name).mkdir(parents=True)
    with closing(sqlite3.connect(estate.world / "record.db")) as db, db:
        db.execute("CREATE TABLE made (product TEXT, source TEXT, how TEXT, created TEXT, read TEXT, at TEXT)")
    with closing(sqlite3.connect(estate.world / "app.db")) as db, db:
        db.execute("CREATE TABLE accounts (account_id TEXT PRIMARY KEY, email TEXT, at TEXT)")
        db.execute("CREATE TABLE reviews (clip_id TEXT, reviewer TEXT, reviewed_at TEXT, faces INTEGER, at TEXT)")
        db.execute("CREATE TABLE owner_labels (label_id TEXT PRIMARY KEY, account_id TEXT, clip_id TEXT, faces INTEGER, at TEXT)")
        homes = [f"door-{number:02}" for number in range(1, HOUSEHOLDS + 1)]
        db.executemany("INSERT INTO accounts VALUES (?, ?, ?)", [(each, f"{each}@owl.example", "2016-05-01T00:00:00Z") for each in homes])
        for at, piece in enumerate(clips.pieces(small)):
            clip = _clip(estate, at, homes, piece)
            clips.write(clip.path, piece.frames)
            when = datetime.fromisoformat((_EARLY if clip.early else _LATE).format(day=1 + at % 28)).astimezone(UTC)
            os.utime(clip.path, (when.timestamp(), when.timestamp()))
            made.append(clip)
    return made


def _clip(estate: Estate, at: int, homes: Sequence[str], piece: clips.Piece) -> Clip:
    """Two neighbouring pieces of a film are early, two late; of the early ones people looked at the first, and at some others too late."""
    home, turn = at % len(homes), piece.number % 4
    held_out = home >= len(homes) * 3 // 4
    reviewed = ""
    if not held_out and turn == 0:
        reviewed = "2017-07-01T09:00:00Z"
    elif not held_out and turn == 1 and piece.number % 8 == 1:
        reviewed = "2018-10-01T09:00:00Z"
    name = f"c{at:03}"
    path = estate.world / f"cameras/clips/{homes[home]}/{name}.mp4"
    return Clip(name, homes[home], path, turn < 2, reviewed, turn == 2 and not held_out, held_out)


def look(estate: Estate, made: Iterable[Clip]) -> dict[str, Seen]:
    """Read every clip; enter its faces, and what reviewers and owners said of it.

    The detector stands in for people: where it sees a face, they did.
    """
    found: dict[str, Seen] = {}
    vectors: list[np.ndarray] = []
    owners: list[dict[str, str | int]] = []
    with closing(sqlite3.connect(estate.world / "app.db")) as db, db:
        for clip in made:
            frames = clips.grey(clip.path)
            boxes = [clips.faces(each) for each in frames]
            seen = np.array([bool(each) for each in boxes])
            found[clip.name] = Seen(np.stack([clips.frame_vector(each) for each in frames]), seen, clips.motion_vector(frames))
            when = (_EARLY if clip.early else _LATE).format(day=28)
            if clip.reviewed:
                row = (clip.name, "reviewer-1", clip.reviewed, int(seen.sum()), clip.reviewed)
                db.execute("INSERT INTO reviews VALUES (?, ?, ?, ?, ?)", row)
            if clip.told:
                row = (f"l-{clip.name}", clip.account, clip.name, int(seen.sum()), when)
                db.execute("INSERT INTO owner_labels VALUES (?, ?, ?, ?, ?)", row)
            for number, each in enumerate(boxes):
                if each:
                    vectors.append(clips.face_vector(frames[number], each[0]))
                    owners.append({"id": len(owners), "account_id": clip.account, "clip_id": clip.name, "made_at": when, "at": when})
    index.write(estate.world / INDEX, np.stack(vectors), owners)
    return found


def write_labels(estate: Estate, name: str, chosen: Iterable[Clip], seen: dict[str, Seen]) -> None:
    """A label set as reviewers' work is handed on: one row a frame."""
    with (estate.world / f"registry/labels/{name}.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("clip_id", "frame", "face"))
        for clip in chosen:
            rows.writerows((clip.name, number, int(face)) for number, face in enumerate(seen[clip.name].face))


def record(estate: Estate, product: str, source: str, how: str, created: str) -> None:
    """Note where something was made from."""
    with closing(sqlite3.connect(estate.world / "record.db")) as db, db:
        db.execute("INSERT INTO made VALUES (?, ?, ?, ?, ?, ?)", (product, source, how, created, created, created))


def write_map(estate: Estate) -> None:
    """Write ``expunge.yaml``."""
    estate.map.write_text(_MAP, "utf-8")
