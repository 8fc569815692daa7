"""Windows of time over folders: days and times in names, times of writing, records of every format."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import datetime, timedelta

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.values.outcome import Erased
from expunge.core.values.scope import MODIFIED
from expunge.stores.files.store import Files
from expunge.testing import WindowSuite, person
from expunge.testing.store_windows import KEY, NOON, Dated

PROFILE = ByField({"profile": "profile_id"})


def media(folder, *paths, **more):
    return StoreSpec("media", "files", str(folder / "media")), Dataset("voice", "media", PROFILE, "voice", layout=PathLayout(paths), **more)


def texted(when):
    return when.isoformat() if isinstance(when, datetime) else when


class TestTimesInNames(WindowSuite):
    """Whole files whose names say whose they are and when they were made."""

    store = Files
    none = False

    def declare(self, folder):
        return media(folder, "voice/{profile_id}/{recorded_at}/{name}.flac")

    def write(self, folder, items):
        for each in items:
            path = folder / "media" / "voice" / each.owner.id / texted(each.when) / f"{each.name}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(each.owner.text)

    def read(self, folder):
        return {path.stem: str(path).encode() + path.read_bytes() for path in (folder / "media").rglob("*.flac")}


class TestMillisecondsInNames(TestTimesInNames):
    """The same, with milliseconds since 1970."""

    zones = texts = False

    def write(self, folder, items):
        super().write(folder, [Dated(each.name, each.owner, str(int(each.when.timestamp() * 1000))) for each in items])


class TestTimesOfWriting(WindowSuite):
    """Whole files that carry no date: when they were last written."""

    store = Files
    field = MODIFIED
    zones = texts = none = False

    def declare(self, folder):
        return media(folder, "voice/{profile_id}/{name}.flac")

    def write(self, folder, items):
        for each in items:
            path = folder / "media" / "voice" / each.owner.id / f"{each.name}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(each.owner.text)
            os.utime(path, (each.when.timestamp(),) * 2)

    read = TestTimesInNames.read

    def test_what_is_written_again_meanwhile_is_not_old_any_more(self, folder):
        self.write(folder, [Dated("a", person("one"), NOON - timedelta(days=40)), Dated("b", person("two"), NOON - timedelta(days=40))])
        with self._opened(folder) as (store, dataset):
            copies = list(store.locate(dataset, [self._every(self._window(until=NOON))]))
            self.write(folder, [Dated("a", person("one"), NOON + timedelta(days=1))])
            (outcome,) = store.erase(dataset, copies, KEY).values()
            (seen,) = store.probe(dataset, copies)
        assert isinstance(outcome, Erased)
        assert outcome.items == 1
        assert seen.items == 0
        assert set(self.read(folder)) == {"a"}


class TestJsonLines(WindowSuite):
    """Records of many people, the time inside an object."""

    store = Files
    field = "meta.at"

    def declare(self, folder):
        return media(folder, "events.jsonl", format="jsonl")

    def write(self, folder, items):
        path = folder / "media" / "events.jsonl"
        path.parent.mkdir(exist_ok=True)
        rows = [
            {"name": each.name, "profile_id": each.owner.id, "text": each.owner.text}
            | ({} if each.when is None else {"meta": {"at": texted(each.when)}})
            for each in items
        ]
        with path.open("a") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))

    def read(self, folder):
        path = folder / "media" / "events.jsonl"
        return {json.loads(line)["name"]: line for line in path.read_bytes().splitlines(keepends=True)}


class TestCsv(WindowSuite):
    """The same as a table."""

    store = Files
    zones = False

    def declare(self, folder):
        return media(folder, "export.csv", format="csv")

    def write(self, folder, items):
        path = folder / "media" / "export.csv"
        path.parent.mkdir(exist_ok=True)
        rows = io.StringIO(newline="")
        table = csv.DictWriter(rows, ["name", "profile_id", "recorded_at", "text"])
        if not path.exists():
            table.writeheader()
        for each in items:
            when = each.when.strftime("%Y-%m-%d %H:%M:%S") if isinstance(each.when, datetime) else each.when or ""
            table.writerow({"name": each.name, "profile_id": each.owner.id, "recorded_at": when, "text": each.owner.text})
        with path.open("a", newline="") as file:
            file.write(rows.getvalue())

    def read(self, folder):
        text = io.StringIO((folder / "media" / "export.csv").read_bytes().decode(), newline="")
        return {row["name"]: repr(row).encode() for row in csv.DictReader(text)}


class TestRecordsInFilesOfOnePerson(TestJsonLines):
    """The name says whose the file is, its records say when: of such a file a part goes."""

    def declare(self, folder):
        return media(folder, "events/{profile_id}.jsonl", format="jsonl")

    def write(self, folder, items):
        (folder / "media" / "events").mkdir(parents=True, exist_ok=True)
        for each in items:
            row = {"name": each.name, "text": each.owner.text} | ({} if each.when is None else {"meta": {"at": texted(each.when)}})
            with (folder / "media" / "events" / f"{each.owner.id}.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")

    def read(self, folder):
        files = (folder / "media" / "events").glob("*.jsonl")
        return {json.loads(line)["name"]: line for path in files for line in path.read_bytes().splitlines(keepends=True)}


class TestSidecars(WindowSuite):
    """One JSON object a file."""

    store = Files

    def declare(self, folder):
        return media(folder, "s/{name}.json", format="json")

    def write(self, folder, items):
        (folder / "media" / "s").mkdir(parents=True, exist_ok=True)
        for each in items:
            row = {"profile_id": each.owner.id, "text": each.owner.text, "recorded_at": texted(each.when)}
            (folder / "media" / "s" / f"{each.name}.json").write_text(json.dumps(row))

    def read(self, folder):
        return {path.stem: path.read_bytes() for path in (folder / "media" / "s").glob("*.json")}
