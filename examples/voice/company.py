"""A maker of voice assistants in small: recordings in a folder, windows of them in a database, models beside, and the map of it all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from examples.common import commands
from examples.common.estate import Estate
from examples.voice import sound
from examples.voice.sound import Speaker
from examples.voice.work import SMALL

CHILD = "p-mia"
"""The profile of the child who is erased."""
WORK = "examples.voice.work"
_RECORDED = "2026-09-01T10:00:00Z"

_MAP = """\
version: 1
identities:
  profile: {{dataset: profiles, key: profile_id, also: [email]}}
stores:
  media:  {{kind: files, url: ./world/media}}
  app:    {{kind: sqlite, url: "sqlite:///world/app.db"}}
  models: {{kind: files, url: ./world/models}}
retention:
  sound: {{period: 90 days, from: modified, purpose: answer the request, need: the service itself}}
  voice: {{period: 90 days, from: recorded_at, purpose: answer the request, need: the service itself}}
datasets:
  profiles:
    store: app
    table: profiles
    subject: {{profile: profile_id}}
    retention: voice
  recordings:
    store: media
    path: "voice/{{profile_id}}/{{recording_id}}.{suffix}"
    subject: {{profile: profile_id}}
    categories: [user.biometrics.voice]
    retention: sound
  windows:                       # one second each, as the models are taught
    store: app
    table: windows
    subject: {{profile: profile_id}}
    derived_from: [recordings]
    on_erase: erase
    retention: voice
{models}"""
_MODEL = """\
  {name}:
    store: models
    path: {name}.safetensors
    kind: model
    derived_from: [windows]
    on_erase:
      forget: {{command: "{command}", prove: "{command}", environment: [{environment}]}}
"""


@dataclass(frozen=True)
class Company:
    """Who there is."""

    speakers: int
    origin: str
    """Where the voices are from."""
    recorded: bool
    """Whether people spoke; otherwise all voices are synthetic."""
    reader: str
    """Who plays the child: the name of a recording's speaker."""
    windows: int


def build(estate: Estate, *, small: bool, models: tuple[str, ...]) -> Company:
    """Fill ``world/`` and write the map, with the models that will be there. Raises UsageError where there are no voices."""
    people, origin = sound.speakers()
    if small:
        people = people[:: max(1, len(people) // 40)]
    found = [(each, windows) for each in people if len(windows := sound.read(each)) >= 2]
    held_out = set(np.random.default_rng(7).permutation(len(found))[: len(found) // 5].tolist())
    # The child is played by whoever was heard longest among the women who are taught from.
    child = max((at for at in range(len(found)) if at not in held_out and found[at][0].woman), key=lambda at: (len(found[at][1]), -at))
    media = estate.world / "media"
    (estate.world / "models").mkdir(parents=True)
    with closing(sqlite3.connect(estate.world / "app.db")) as db, db:
        db.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, email TEXT, recorded_at TEXT)")
        db.execute(
            "CREATE TABLE windows (window_id TEXT PRIMARY KEY, profile_id TEXT, split TEXT, woman INTEGER, recorded_at TEXT, sound BLOB)"
        )
        db.execute("CREATE INDEX windows_of ON windows (profile_id)")
        for at, (speaker, windows) in enumerate(found):
            profile = CHILD if at == child else f"p-{at:03}"
            db.execute("INSERT INTO profiles VALUES (?, ?, ?)", (profile, f"{profile[2:]}@wren.example", _RECORDED))
            place = media / "voice" / profile / f"{profile[2:]}-0001{speaker.path.suffix.lower()}"
            place.parent.mkdir(parents=True)
            shutil.copyfile(speaker.path, place)
            split = "test" if at in held_out else "train"
            rows = [
                (f"{profile}/{number:03}", profile, split, int(speaker.woman), _RECORDED, window.tobytes())
                for number, window in enumerate(windows)
            ]
            db.executemany("INSERT INTO windows VALUES (?, ?, ?, ?, ?, ?)", rows)
    _write_map(estate, found[0][0], models, small=small)
    return Company(len(found), origin, bool(os.environ.get(sound.FOLDER)), found[child][0].name, sum(len(windows) for _, windows in found))


def _write_map(estate: Estate, one: Speaker, models: tuple[str, ...], *, small: bool) -> None:
    command, names = commands.spelled(WORK), commands.environment(*([SMALL] if small else []))
    parts = [_MODEL.format(name=name, command=command, environment=names) for name in models]
    estate.map.write_text(_MAP.format(suffix=one.path.suffix.lower()[1:], models="".join(parts)), "utf-8")
