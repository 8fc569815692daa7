"""The files store keeps every promise of the port, over each layout: the shipped suite."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec, Through
from expunge.stores.files.store import Files
from expunge.testing import PlacingSuite, RangedReadingSuite, StoreSuite

PROFILE = ByField({"profile": "profile_id"})


def dataset(name, *paths, subject=PROFILE, **more):
    return Dataset(name, "media", subject, "voice", layout=PathLayout(paths), **more)


def quiet(path):
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


class TestWholeFiles(StoreSuite, PlacingSuite, RangedReadingSuite):
    """Media in folders named after people, with sidecars, a second dataset of theirs, and a folder for each day."""

    store = Files
    unsayable = "/\0"
    unsayable_whole = (".", "..")

    def declare(self, folder):
        return StoreSpec("media", "files", str(folder / "media")), [
            dataset("recordings", "voice/{profile_id}/{day}/{recording_id}.flac", "voice/{profile_id}/{day}/{recording_id}.txt"),
            dataset("mails", "mail/{profile_id}.eml"),
        ]

    def write(self, folder, people):
        for one in people:
            day = folder / "media" / "voice" / one.id / "2024-01-02"
            while True:
                try:
                    day.mkdir(parents=True, exist_ok=True)
                    (day / f"rec_{len(one.email)}.flac").write_bytes(one.blob)
                    (day / f"rec_{len(one.email)}.txt").write_text(one.text, "utf-8")
                    break
                except FileNotFoundError:
                    continue
            (folder / "media" / "mail").mkdir(exist_ok=True)
            (folder / "media" / "mail" / f"{one.id}.eml").write_text(one.email)

    def read(self, folder):
        held = {}
        # os.walk passes over folders that vanish meanwhile.
        for path in sorted(Path(current, name) for current, _, names in os.walk(folder / "media") for name in names):
            data = quiet(path)
            if data is not None:
                parts = path.relative_to(folder / "media").parts
                one = parts[1].removesuffix(".eml") if parts[0] == "mail" else parts[1]
                held[one] = held.get(one, b"") + path.name.encode() + data
        return held

    def plant(self, folder, person):
        (folder / "media" / "voice" / "old.tar").write_bytes(person.blob)

    def put(self, folder, key, data):
        (folder / "media" / key).write_bytes(data)

    @contextmanager
    def obstruct(self, folder, person):
        (held,) = (folder / "media" / "voice" / person.id).rglob("*.flac")
        with held.open("rb"):
            yield


class TestJsonLines(StoreSuite, PlacingSuite):
    """Events of many people in JSON lines, the subject inside an object."""

    store = Files
    name = "events/2024.jsonl"

    def declare(self, folder):
        return StoreSpec("media", "files", str(folder / "media")), [
            dataset(
                "events", "events/{year}" + Path(self.name.replace(".", "/.", 1)).name, format="jsonl", subject=ByField({"p": "user.id"})
            )
        ]

    def pack(self, data):
        return data

    def unpack(self, data):
        return data

    def write(self, folder, people):
        path = folder / "media" / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [{"user": {"id": one.id}, "vector": [0.25, 1.5], **one.row(), "id": None} for one in people]
        data = b"".join(json.dumps(line, ensure_ascii=number % 2 == 0).encode() + b"\n" for number, line in enumerate(lines))
        with path.open("ab") as file:
            file.write(self.pack(data))

    def read(self, folder):
        held = {}
        for line in self.unpack(quiet(folder / "media" / self.name) or b"").splitlines(keepends=True):
            one = json.loads(line)["user"]["id"]
            held[one] = held.get(one, b"") + line
        return held

    def plant(self, folder, person):
        (folder / "media" / "events" / "2024.jsonl.1.gz").write_bytes(gzip.compress(person.text.encode()))

    @contextmanager
    def obstruct(self, folder, person):
        with (folder / "media" / self.name).open("ab"):
            yield

    def spoil(self, folder, person):
        path = folder / "media" / self.name
        path.write_bytes(path.read_bytes()[:-20])
        return True


@pytest.mark.variant
class TestGzippedJsonLines(TestJsonLines):
    """The same, appended to as gzip members."""

    name = "events/2024.jsonl.gz"

    def pack(self, data):
        return gzip.compress(data)

    def unpack(self, data):
        return gzip.decompress(data)

    def contents(self, path):
        if path.name == "2024.jsonl.gz":
            yield 0, gzip.decompress(path.read_bytes())


@pytest.mark.soak
class TestZstdJsonLines(TestJsonLines):
    """The same, appended to as zstd frames."""

    name = "events/2024.jsonl.zst"

    def pack(self, data):
        return zstandard.ZstdCompressor().compress(data)

    def unpack(self, data):
        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as frames:
            return frames.read()

    def contents(self, path):
        if path.name == "2024.jsonl.zst":
            yield 0, self.unpack(path.read_bytes())


@pytest.mark.variant
class TestCsv(StoreSuite, PlacingSuite):
    """A table of many people, quoted where it must be."""

    store = Files

    def declare(self, folder):
        return StoreSpec("media", "files", str(folder / "media")), [
            dataset("export", "export.csv", format="csv", subject=ByField({"p": "id"}))
        ]

    def write(self, folder, people):
        (folder / "media").mkdir(exist_ok=True)
        rows = io.StringIO(newline="")
        table = csv.DictWriter(rows, ["email", "id", "text", "blob"])
        if not (folder / "media" / "export.csv").exists():
            table.writeheader()
        table.writerows(one.row() for one in people)
        with (folder / "media" / "export.csv").open("ab") as file:
            file.write(rows.getvalue().encode())

    def read(self, folder):
        text = io.StringIO((folder / "media" / "export.csv").read_bytes().decode(), newline="")
        held = {}
        for row in csv.DictReader(text):
            held[row["id"]] = held.get(row["id"], b"") + repr(row).encode()
        return held

    def plant(self, folder, person):
        (folder / "media" / "export (1).csv").write_text(person.text)

    def spoil(self, folder, person):
        with (folder / "media" / "export.csv").open("ab") as file:
            file.write(b'x,"never closed')
        return True


@pytest.mark.variant
class TestSidecars(StoreSuite, PlacingSuite):
    """Recordings that only a JSON sidecar assigns to somebody."""

    store = Files

    def declare(self, folder):
        return StoreSpec("media", "files", str(folder / "media")), [
            dataset("sidecars", "s/{recording_id}.json", format="json"),
            dataset("audio", "a/{recording_id}.wav", subject=Through("sidecars", "recording_id")),
        ]

    def write(self, folder, people):
        for one in people:
            name = one.email.partition("@")[0]
            for sub in "as":
                (folder / "media" / sub).mkdir(parents=True, exist_ok=True)
            (folder / "media" / "a" / f"{name}.wav").write_bytes(one.blob)
            fresh = folder / "media" / "s" / f"{name}.new"
            fresh.write_text(json.dumps({"profile_id": one.id, "mail": one.email, "text": one.text}))
            fresh.replace(fresh.with_suffix(".json"))

    def read(self, folder):
        held = {}
        for path in sorted((folder / "media" / "s").glob("*.json")):
            data = quiet(path)
            if data is not None:
                held[json.loads(data)["profile_id"]] = data + (quiet(folder / "media" / "a" / f"{path.stem}.wav") or b"")
        return held

    def plant(self, folder, person):
        (folder / "media" / "a" / "copy of x.wav.bak").write_bytes(person.blob)

    def spoil(self, folder, person):
        (folder / "media" / "s" / f"{person.email.partition('@')[0]}.json").write_bytes(b"{")
        return True


class TestJsonList(PlacingSuite):
    """Lists of many people in one document, read by the places of their entries."""

    store = Files

    def declare(self, folder):
        return StoreSpec("media", "files", str(folder / "media")), [
            dataset("crews", "crews.json", format="json", records="teams.crew", subject=ByField({"p": "user.id"}))
        ]

    def write(self, folder, people):
        (folder / "media").mkdir()
        entries = [{**one.row(), "user": {"id": one.id}, "id": None} for one in people]
        teams = [{"name": "first", "crew": entries[:2]}, {"crew": [], "name": ["[", '"]}']}, {"crew": entries[2:]}]
        (folder / "media" / "crews.json").write_text(json.dumps({"teams": teams}, indent=1, ensure_ascii=False), "utf-8")

    def read(self, folder):
        teams = json.loads((folder / "media" / "crews.json").read_bytes())["teams"]
        return {one["user"]["id"]: repr(one).encode() for team in teams for one in team["crew"]}

    def plant(self, folder, person):
        (folder / "media" / "crews.json.bak").write_text(person.text)
