"""The s3 store keeps every promise of the port against a real server, over each layout and kind of versioning: the shipped suite."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from functools import cache

import pytest

from expunge.core.datamap.datamap import ByField, Through
from expunge.stores.s3.store import S3
from expunge.testing import RangedReadingSuite, StoreSuite
from expunge.testing.forked import in_child
from tests.stores.s3.s3_company import Shelf, bucket, client, dataset


@cache
def made(server, versioning):
    """Make a bucket once for a server; its name."""
    return bucket(server, f"suite-{versioning or 'never'}".lower(), versioning)


class InBucket(StoreSuite):
    """A folder of the suite is a prefix of a bucket."""

    __test__ = False
    store = S3
    versioning = None
    crowd = 100

    @pytest.fixture(autouse=True)
    def served(self, seaweed):
        seaweed.start()
        self.server = seaweed
        self.bucket = made(seaweed, self.versioning)

    def shelf(self, folder):
        return Shelf.of(self.server, self.bucket, folder)

    def plant(self, folder, person):
        self.shelf(folder).put("backup/old.tar", person.blob)

    def state(self, folder):
        shelf = self.shelf(folder)
        with client(self.server) as s3:
            found = s3.list_object_versions(Bucket=shelf.name, Prefix=shelf.prefix)
            uploads = s3.list_multipart_uploads(Bucket=shelf.name, Prefix=shelf.prefix).get("Uploads", [])
        seen = [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]
        held = {}
        for each in seen:
            held.setdefault(each["Key"], []).append((each["VersionId"], each.get("ETag"), each["LastModified"]))
        return held | {(each["Key"], each["UploadId"]): () for each in uploads}

    def places(self, folder):
        return []

    def deprived(self, folder, function):
        server, self.server = self.server, Reader(self.server)
        try:
            return in_child(function)
        finally:
            self.server = server


class TestWholeObjects(InBucket, RangedReadingSuite):
    """Media under prefixes named after people, with sidecars, and a second dataset of theirs."""

    __test__ = True
    unsayable = "/\0\\"
    unsayable_whole = (".", "..")

    def put(self, folder, key, data):
        self.shelf(folder).put(key, data)

    def declare(self, folder):
        return self.shelf(folder).spec(), [
            dataset("recordings", "voice/{profile_id}/{day}/{recording_id}.flac", "voice/{profile_id}/{day}/{recording_id}.txt"),
            dataset("mails", "mail/{profile_id}.eml"),
        ]

    def write(self, folder, people):
        bodies = {}
        for one in people:
            day = f"voice/{one.id}/2024-01-02"
            bodies |= {f"{day}/rec_1.flac": one.blob, f"{day}/rec_1.txt": one.text.encode(), f"mail/{one.id}.eml": one.email.encode()}
        self.shelf(folder).put_all(bodies)

    def read(self, folder):
        held = {}
        for key, body in sorted(self.shelf(folder).all()):
            parts = key.split("/")
            one = parts[1].removesuffix(".eml") if parts[0] == "mail" else parts[1]
            held[one] = held.get(one, b"") + parts[-1].encode() + body
        return held


@pytest.mark.soak
class TestVersionedObjects(TestWholeObjects):
    """The same in a bucket with versions."""

    versioning = "Enabled"


class JsonLines(InBucket):
    """Events of many people in JSON lines, the subject inside an object, written on condition."""

    name = "events/2024.jsonl"

    def declare(self, folder):
        path = "events/{year}." + self.name.partition(".")[2]
        return self.shelf(folder).spec(), [dataset("events", path, format="jsonl", subject=ByField({"p": "user.id"}))]

    def pack(self, data):
        return data

    def unpack(self, data):
        return data

    def write(self, folder, people):
        lines = [{"user": {"id": one.id}, "vector": [0.25, 1.5], **one.row(), "id": None} for one in people]
        data = b"".join(json.dumps(line, ensure_ascii=number % 2 == 0).encode() + b"\n" for number, line in enumerate(lines))
        if len(people) == 1:
            # Each write is a version, which every erasure after it has to read: ten a second are busy enough.
            time.sleep(0.1)
        self.shelf(folder).change(self.name, lambda body: body + self.pack(data))

    def read(self, folder):
        held = {}
        for line in self.unpack(self.shelf(folder).get(self.name) or b"").splitlines(keepends=True):
            one = json.loads(line)["user"]["id"]
            held[one] = held.get(one, b"") + line
        return held

    def spoil(self, folder, person):
        self.shelf(folder).change(self.name, lambda body: body[:-20])
        return True


@pytest.mark.variant
class TestJsonLines(JsonLines):
    """In a bucket without versions, where an order goes fewer steps of the same way."""

    __test__ = True


class TestVersionedGzippedJsonLines(JsonLines):
    """The same, appended to as gzip members, in a bucket with versions."""

    __test__ = True
    versioning = "Enabled"
    name = "events/2024.jsonl.gz"

    def pack(self, data):
        return gzip.compress(data)

    def unpack(self, data):
        return gzip.decompress(data)


@pytest.mark.soak
class TestSuspendedCsv(InBucket):
    """A table of many people, in a bucket whose versions are suspended."""

    __test__ = True
    versioning = "Suspended"

    def declare(self, folder):
        return self.shelf(folder).spec(), [dataset("export", "export.csv", format="csv", subject=ByField({"p": "id"}))]

    def write(self, folder, people):
        def more(body):
            rows = io.StringIO(newline="")
            table = csv.DictWriter(rows, ["email", "id", "text", "blob"])
            if not body:
                table.writeheader()
            table.writerows(one.row() for one in people)
            return body + rows.getvalue().encode()

        self.shelf(folder).change("export.csv", more)

    def read(self, folder):
        held = {}
        for row in csv.DictReader(io.StringIO((self.shelf(folder).get("export.csv") or b"").decode(), newline="")):
            held[row["id"]] = held.get(row["id"], b"") + repr(row).encode()
        return held

    def spoil(self, folder, person):
        self.shelf(folder).change("export.csv", lambda body: body + b'x,"never closed')
        return True


@pytest.mark.variant
class TestVersionedSidecars(InBucket):
    """Recordings that only a JSON sidecar assigns to somebody."""

    __test__ = True
    versioning = "Enabled"

    def declare(self, folder):
        return self.shelf(folder).spec(), [
            dataset("sidecars", "s/{recording_id}.json", format="json"),
            dataset("audio", "a/{recording_id}.wav", subject=Through("sidecars", "recording_id")),
        ]

    def write(self, folder, people):
        bodies = {}
        for one in people:
            name = one.email.partition("@")[0]
            bodies[f"a/{name}.wav"] = one.blob
            bodies[f"s/{name}.json"] = json.dumps({"profile_id": one.id, "mail": one.email, "text": one.text}).encode()
        self.shelf(folder).put_all(bodies)

    def read(self, folder):
        held = {}
        found = dict(self.shelf(folder).all())
        for key in sorted(found):
            if key.startswith("s/"):
                held[json.loads(found[key])["profile_id"]] = found[key] + found.get(f"a/{key[2:-5]}.wav", b"")
        return held

    def spoil(self, folder, person):
        self.shelf(folder).put(f"s/{person.email.partition('@')[0]}.json", b"{")
        return True


class Reader:
    """The same server, by a key that may only read."""

    def __init__(self, server):
        self._server = server
        self.access_key, self.secret_key = server.reader

    def __getattr__(self, name):
        return getattr(self._server, name)
