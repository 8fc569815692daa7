"""The company's other line: cameras at front doors, the people who labelled their recordings, the faces in them, and the derived models."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from expunge.demo.company.schema import data_map
from expunge.demo.company.stage import Officer
from expunge.demo.company.world import World

CLIPS, FACES, REGISTRY, RECORD = "cameras", "cameras.db", "registry", "registry.db"
CUT_OFF = "2018-03-01"
YEARS = (2017, 2018)
"""A clip of each household in each."""
LABELLED = 4
"""How many households' clips of 2017 people labelled in 2017; of two more they did later."""
VECTOR = 128

_STORES = """\
  cameras:  {kind: files, url: ./world/cameras}
  faces:    {kind: sqlite, url: "sqlite:///world/cameras.db"}
  registry: {kind: files, url: ./world/registry}
  record:   {kind: sqlite, url: "sqlite:///world/registry.db"}
"""
_DATASETS = """\
  clips:
    store: cameras
    path: "clips/{account_id}/{clip_id}.mp4"
    subject: {account: account_id}
    categories: [user.content.video]
    collected: modified
    retention: voice
    reviewed_by: {dataset: labels, via: clip_id, at: labelled_at}
  labels:
    store: faces
    table: labels
    subject: {through: clips, via: clip_id}
    kind: label set
    derived_from: [clips]
    on_erase: erase
    retention: voice
  face_vectors:
    store: faces
    table: face_vectors
    subject: {account: account_id}
    kind: embedding
    collected: made_at
    derived_from: [clips]
    on_erase: erase
    retention: voice
  models:
    store: registry
    path: ["models/{model}.bin", "models/{model}.json"]
    kind: model
    artefact: model
    derived_from: [training, labels, clips]
    on_erase: {keep: "the company needs its models"}
  record_of_models:
    store: record
    table: made
    retention: usage
    aggregate:
      reason: names of models and of what they were made from
      safeguards: no field of it holds anything about people
      prohibition: the data policy forbids singling anyone out
      release: the record is not published
      no_attempt: nobody here tries to identify anyone in it
"""
_PROVENANCE = """\
provenance: {dataset: record_of_models, artefact: product, source: source, how: how, created: created, read: read}
"""


@dataclass(frozen=True)
class Cameras:
    """The built line of cameras, and the facts that the story expects of it."""

    folder: Path
    labelled: tuple[str, ...]
    """Clips that people labelled before the cut-off, by their path."""
    untouched: tuple[str, ...]
    """All others."""

    def clips(self) -> set[str]:
        """Return every clip that is there now."""
        root = self.folder / CLIPS
        return {str(path.relative_to(root)) for path in root.rglob("*.mp4")}

    def models(self) -> set[str]:
        """Return every model that is there now."""
        return {path.stem for path in (self.folder / REGISTRY).rglob("*.bin")}

    def faces(self) -> list[str]:
        """Return the time at which each present face vector was made."""
        with closing(sqlite3.connect(self.folder / FACES)) as db:
            return [row[0] for row in db.execute("SELECT made_at FROM face_vectors ORDER BY made_at")]

    def add_model(self, name: str, *made: tuple[str, str, str | None, str | None]) -> None:
        """A model, and a line of the record for each (source, how, created, read)."""
        folder = self.folder / REGISTRY / "models"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.bin").write_bytes(Random(f"weights {name}").randbytes(20_000))
        (folder / f"{name}.json").write_text(f'{{"weights": "{Random(f"card {name}").randbytes(120).hex()}"}}\n', "utf-8")
        with closing(sqlite3.connect(self.folder / RECORD)) as db, db:
            rows = [(f"models/{name}", source, how, created, read, created) for source, how, created, read in made]
            db.executemany("INSERT INTO made VALUES (?, ?, ?, ?, ?, ?)", rows)

    def remove_model(self, name: str) -> None:
        """Remove a model by hand, as an engineer would who has been told to."""
        for path in (self.folder / REGISTRY / "models").glob(f"{name}.*"):
            path.unlink()


def build_cameras(world: World, officer: Officer) -> Cameras:
    """Put cameras, labels, faces and models beside the company's data, and declare all of it."""
    folder = world.folder / "world"
    with closing(sqlite3.connect(folder / RECORD)) as db, db:
        db.execute("CREATE TABLE made (product TEXT, source TEXT, how TEXT, created TEXT, read TEXT, at TEXT)")
    labelled, untouched = _clips(folder, [home.account_id for home in world.households])
    cameras = Cameras(folder, labelled, untouched)
    cameras.add_model("person-2017", ("labels", "trained on", "2017-08-01", "2017-07-20"))
    cameras.add_model("person-2019", ("models/person-2017", "fine-tuned from", "2019-02-01", "2019-01-20"))
    cameras.add_model("doorbell-small", ("models/person-2019", "distilled from", "2020-05-01", "2020-04-20"))
    cameras.add_model("motion-2016", ("clips", "trained on", "2016-11-01", "2016-10-01"))
    cameras.add_model("speech-2025", ("training", "trained on", "2025-06-01", "2025-05-20"))
    cameras.add_model("from-a-shared-folder")
    text = data_map(bucket=world.services.bucket, with_export=True, approvers=officer.approvers)
    text = text.replace("retention:\n", f"{_STORES}retention:\n", 1).replace("ignore:\n", f"{_DATASETS}{_PROVENANCE}ignore:\n", 1)
    (world.folder / "expunge.yaml").write_text(text, "utf-8")
    return cameras


def _clips(folder: Path, accounts: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    labelled: list[str] = []
    untouched: list[str] = []
    with closing(sqlite3.connect(folder / FACES)) as db, db:
        db.execute("CREATE TABLE labels (clip_id TEXT, label TEXT, labelled_at TEXT, recorded_at TEXT)")
        db.execute("CREATE TABLE face_vectors (face_id TEXT PRIMARY KEY, account_id TEXT, vector BLOB, made_at TEXT, recorded_at TEXT)")
        for number, account in enumerate(accounts):
            for year in YEARS:
                clip = f"clip-{number}-{year}-K{Random(f'{account} {year}').randrange(10**6):06}"
                path = folder / CLIPS / "clips" / account / f"{clip}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(Random(f"clip {account} {year}").randbytes(30_000))
                before = year == YEARS[0] and number < LABELLED
                (labelled if before else untouched).append(f"clips/{account}/{clip}.mp4")
                if before or (year == YEARS[0] and number < LABELLED + 2):
                    at = "2017-07-01T10:00:00Z" if before else "2018-03-01T00:00:00Z"
                    label = f"somebody at door {Random(clip).randrange(10**9)}"
                    db.execute("INSERT INTO labels VALUES (?, ?, ?, ?)", (clip, label, at, at))
                vector = Random(f"face {account} {year}").randbytes(4 * VECTOR)
                at = f"{year}-07-02T00:00:00Z"
                db.execute(
                    "INSERT INTO face_vectors VALUES (?, ?, ?, ?, ?)",
                    (f"face-{Random(at + account).randrange(10**12):012}", account, vector, at, at),
                )
    return tuple(labelled), tuple(untouched)
