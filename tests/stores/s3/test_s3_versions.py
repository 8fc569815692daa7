"""What else an S3 bucket keeps of a person: versions, markers, uploads, notes beside objects; and what it forbids: locks and holds."""

from __future__ import annotations

import json
import time
from contextlib import closing
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from expunge import clock
from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Kept
from expunge.stores.s3.store import S3
from expunge.testing.store_reading import Listener
from tests.moment import of_the_machine
from tests.stores.s3.s3_company import Shelf, bucket, client, dataset

VOICE = dataset("voice", "voice/{profile_id}/{recording_id}.flac")
EVENTS = dataset("events", "events/{day}.jsonl", format="jsonl")
META = dataset("meta", "meta/{recording_id}.json", format="json")
KEY = IdempotencyKey("order-1")


def lines(*people, **more):
    return b"".join(json.dumps({"profile_id": each, **more}).encode() + b"\n" for each in people)


class Estate(Shelf):
    """A prefix with the three datasets, and an order about one person of it."""

    def store(self):
        return closing(S3(self.spec(), (VOICE, EVENTS, META)))

    def located(self, kind, *people):
        with self.store() as store:
            return list(store.locate(kind, [Selector(Pseudonym(each), {"profile_id": frozenset({each})}) for each in people]))

    def erase(self, kind, *people):
        found = self.located(kind, *people)
        with self.store() as store:
            return store.erase(kind, found, KEY)

    def left(self, kind, *people):
        found = self.located(kind, *people)
        with self.store() as store:
            return sum(each.items for each in store.probe(kind, found))


@pytest.fixture
def kept(seaweed, tmp_path):
    """A prefix in a bucket with versions."""
    seaweed.start()
    return Estate.of(seaweed, bucket(seaweed, "suite-enabled", "Enabled"), tmp_path)


@pytest.fixture
def suspended(seaweed, tmp_path):
    """A bucket whose versions were switched off, with versions from before."""
    seaweed.start()
    name = bucket(seaweed, "suite-suspended", "Enabled")
    estate = Estate.of(seaweed, name, tmp_path)
    estate.put("voice/anna/1.flac", b"first")
    bucket(seaweed, "suite-suspended", "Suspended")
    return estate


@pytest.fixture
def plain(seaweed, tmp_path):
    """A prefix in a bucket that never had versions."""
    seaweed.start()
    return Estate.of(seaweed, bucket(seaweed, "suite-never"), tmp_path)


@pytest.fixture
def locked(seaweed, tmp_path):
    """A prefix in a bucket with object lock."""
    seaweed.start()
    return Estate.of(seaweed, bucket(seaweed, "suite-locked", ObjectLockEnabledForBucket=True), tmp_path)


def delete(estate, key):
    with client(estate.server) as s3:
        s3.delete_object(Bucket=estate.name, Key=estate.prefix + key)


def hold(estate, key, version, status):
    with client(estate.server) as s3:
        s3.put_object_legal_hold(Bucket=estate.name, Key=estate.prefix + key, VersionId=version, LegalHold={"Status": status})


# --- versions and markers ------------------------------------------------------------------------


def test_whoever_is_in_old_versions_alone_is_found_and_goes_with_every_marker(kept):
    for body in (b"one", b"two"):
        kept.put("voice/anna/1.flac", body)
    delete(kept, "voice/anna/1.flac")
    kept.put("voice/bert/1.flac", b"his")
    delete(kept, "voice/anna/1.flac")
    (copy,) = kept.located(VOICE, "anna")
    assert (copy.items, copy.bytes) == (1, 6)
    assert kept.erase(VOICE, "anna") == {"anna": Erased(1, 6)}
    assert [key for key, _, _ in kept.versions()] == ["voice/bert/1.flac"]
    assert kept.left(VOICE, "anna") == 0


def test_a_marker_alone_is_a_name_and_goes(kept):
    delete(kept, "voice/anna/9.flac")
    assert isinstance(kept.erase(VOICE, "anna")["anna"], Erased)
    assert kept.versions() == []


def test_old_versions_are_shown_and_traced(kept):
    kept.put("voice/anna/1.flac", b"the older take of it all")
    kept.put("voice/anna/1.flac", b"the newer take of it all")
    found = kept.located(VOICE, "anna")
    heard = Listener()
    with kept.store() as store:
        store.trace(VOICE, found, heard)
        items = {item.name: b"".join(item.chunks) for item in store.export(VOICE, found[0])}
    assert b"the older take" in heard.everything(Pseudonym("anna"))
    assert b"the newer take" in heard.everything(Pseudonym("anna"))
    assert sorted(items.values()) == [b"the newer take of it all", b"the older take of it all"]


class Meanwhile(Listener):
    """Hears contents, and lets something happen after the first."""

    def __init__(self, happens):
        super().__init__()
        self.happens = happens

    def blob(self, subject, dataset, field, stream):
        super().blob(subject, dataset, field, stream)
        self.happens, happens = lambda: None, self.happens
        happens()


@pytest.mark.parametrize(("kind", "name"), [(VOICE, "voice/anna/{}.flac"), (EVENTS, "events/{}.jsonl")], ids=["whole", "records"])
def test_what_takes_the_place_of_a_version_while_others_are_traced_is_traced_too(kept, kind, name):
    """Names are listed beforehand: what is gone since hides neither the older versions of its object nor what came after it."""
    kept.put(name.format(1), lines("anna", says="the first to be read"))
    for take in ("oldest", "older", "newest"):
        kept.put(name.format(2), lines("anna", says=f"the {take} of three takes"))
    there = kept.put(name.format(3), lines("anna", says="it is replaced"))["VersionId"]

    def happens():
        older = kept.versions(name.format(2))[1][1]
        kept.put(name.format(3), lines("anna", says="what took its place"))
        with client(kept.server) as s3:
            for key, version in ((name.format(2), older), (name.format(3), there)):
                s3.delete_object(Bucket=kept.name, Key=kept.prefix + key, VersionId=version)

    heard = Meanwhile(happens)
    found = kept.located(kind, "anna")
    with kept.store() as store:
        store.trace(kind, found, heard)
    told = heard.everything(Pseudonym("anna"))
    assert [b"the oldest of" in told, b"the older of" in told, b"what took its place" in told] == [True, False, True]


def test_an_object_of_many_people_loses_its_old_versions_where_they_hold_the_person_and_no_others(kept):
    kept.put("events/1.jsonl", lines("bert"))
    kept.put("events/1.jsonl", lines("bert", "anna"))
    kept.put("events/1.jsonl", lines("bert", "carl"))
    before = kept.versions()
    assert kept.erase(EVENTS, "anna") == {"anna": Erased(1, len(lines("anna")))}
    (gone,) = set(before) - set(kept.versions())
    assert gone not in {before[0], before[-1]}
    assert set(kept.versions()) < set(before), "the present content did not name her: it was not rewritten"
    assert kept.erase(EVENTS, "anna") == {}


def test_a_rewritten_object_keeps_no_old_version_of_the_person(kept):
    kept.put("events/1.jsonl", lines("bert", "anna"))
    kept.put("events/1.jsonl", lines("bert", "anna", "anna"))
    assert kept.erase(EVENTS, "anna") == {"anna": Erased(2, 2 * len(lines("anna")))}
    assert kept.get("events/1.jsonl") == lines("bert")
    assert len(kept.versions()) == 1


def test_an_object_of_one_persons_records_goes_and_older_content_of_others_does_not_come_to_light(kept):
    kept.put("events/1.jsonl", lines("bert"))
    kept.put("events/1.jsonl", lines("anna"))
    assert isinstance(kept.erase(EVENTS, "anna")["anna"], Erased)
    assert kept.get("events/1.jsonl") is None
    assert sorted(marker for _, _, marker in kept.versions()) == [False, True]
    assert kept.left(EVENTS, "anna") == 0


def test_a_sidecar_that_was_given_to_somebody_else_loses_the_version_that_was_theirs(kept):
    kept.put("meta/r1.json", b'{"profile_id": "anna"}')
    kept.put("meta/r1.json", b'{"profile_id": "bert"}')
    assert isinstance(kept.erase(META, "anna")["anna"], Erased)
    assert kept.get("meta/r1.json") == b'{"profile_id": "bert"}'
    assert len(kept.versions()) == 1


def test_null_versions_of_a_bucket_with_suspended_versions_go_too(suspended):
    suspended.put("voice/anna/1.flac", b"second")
    assert {version == "null" for _, version, _ in suspended.versions()} == {True, False}
    assert isinstance(suspended.erase(VOICE, "anna")["anna"], Erased)
    assert suspended.versions() == []


def test_keys_that_begin_like_the_persons_stay(kept):
    for key in ("voice/anna/1.flac", "voice/anna/1.flac.old", "voice/annabel/1.flac", "voice/anna/", "voice/ann/1.flac"):
        kept.put(key, b"x")
    kept.erase(VOICE, "anna")
    assert sorted(key for key, _, _ in kept.versions()) == ["voice/ann/1.flac", "voice/anna/1.flac.old", "voice/annabel/1.flac"]


# --- uploads -------------------------------------------------------------------------------------


def begin(estate, key):
    with client(estate.server) as s3:
        made = s3.create_multipart_upload(Bucket=estate.name, Key=estate.prefix + key)["UploadId"]
        s3.upload_part(Bucket=estate.name, Key=estate.prefix + key, UploadId=made, PartNumber=1, Body=b"half a recording")


def begun(estate):
    with client(estate.server) as s3:
        found = s3.list_multipart_uploads(Bucket=estate.name, Prefix=estate.prefix).get("Uploads", ())
    return sorted(each["Key"].removeprefix(estate.prefix) for each in found)


@pytest.mark.parametrize("shelf", ["plain", "kept"])
def test_uploads_under_way_to_the_persons_keys_are_found_and_aborted(request, shelf):
    estate = request.getfixturevalue(shelf)
    begin(estate, "voice/anna/1.flac")
    begin(estate, "voice/bert/1.flac")
    assert [copy.items for copy in estate.located(VOICE, "anna")] == [1]
    assert estate.erase(VOICE, "anna") == {"anna": Erased(1, 0)}
    assert begun(estate) == ["voice/bert/1.flac"]
    assert estate.erase(VOICE, "anna") == {}


# --- what lies beside the bytes ------------------------------------------------------------------


def test_tags_and_metadata_are_shown_and_traced(plain):
    plain.put("voice/anna/1.flac", b"sound", Metadata={"speaker": "anna-marie"}, Tagging="room=winter+garden")
    found = plain.located(VOICE, "anna")
    heard = Listener()
    with plain.store() as store:
        store.trace(VOICE, found, heard)
        items = {item.name: b"".join(item.chunks) for item in store.export(VOICE, found[0])}
    assert {b"anna-marie", b"winter garden"} <= set(heard.everything(Pseudonym("anna")).split(b"\0"))
    assert json.loads(items["voice/anna/1.flac.metadata.json"]) == {"speaker": "anna-marie", "room": "winter garden"}


@pytest.mark.parametrize("shelf", ["plain", "kept"])
def test_a_rewritten_object_keeps_its_dress(request, shelf):
    estate = request.getfixturevalue(shelf)
    dress = {"ContentType": "application/jsonl", "CacheControl": "no-store", "ContentLanguage": "de", "ContentDisposition": "inline"}
    dress |= {"Metadata": {"made-by": "device 7"}, "StorageClass": "STANDARD_IA"}
    estate.put("events/1.jsonl", lines("anna", "bert"), Tagging="tier=gold&a%20b=c%26d", **dress)
    estate.erase(EVENTS, "anna")
    with client(estate.server) as s3:
        where = {"Bucket": estate.name, "Key": estate.prefix + "events/1.jsonl"}
        head = s3.head_object(**where)
        tags = {each["Key"]: each["Value"] for each in s3.get_object_tagging(**where)["TagSet"]}
    assert {name: head[name] for name in dress} == dress
    assert tags == {"tier": "gold", "a b": "c&d"}
    assert estate.get("events/1.jsonl") == lines("bert")


# --- locks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_locked_version_is_kept_until_its_date_and_the_rest_goes(locked, mode):
    until = clock.now().replace(microsecond=0) + timedelta(hours=1)
    first = locked.put("voice/anna/1.flac", b"locked", ObjectLockMode=mode, ObjectLockRetainUntilDate=until)["VersionId"]
    locked.put("voice/anna/1.flac", b"free")
    locked.put("voice/anna/2.flac", b"free")
    locked.put("voice/carl/1.flac", b"free")
    answers = locked.erase(VOICE, "anna", "carl")
    assert answers == {"anna": Kept(f"object lock ({mode})", until, 1), "carl": Erased(1, 4)}
    assert locked.versions() == [("voice/anna/1.flac", first, False)]
    assert locked.erase(VOICE, "anna") == {"anna": Kept(f"object lock ({mode})", until, 1)}


def test_a_legal_hold_has_no_date_and_binds_until_it_is_lifted(locked):
    version = locked.put("voice/anna/1.flac", b"held")["VersionId"]
    hold(locked, "voice/anna/1.flac", version, "ON")
    assert locked.erase(VOICE, "anna") == {"anna": Kept("legal hold on the object", None, 1)}
    hold(locked, "voice/anna/1.flac", version, "OFF")
    assert locked.erase(VOICE, "anna") == {"anna": Erased(1, 4)}
    assert locked.versions() == []


def test_a_lock_that_has_ended_binds_nobody(locked):
    while True:
        until = of_the_machine() + timedelta(seconds=3)
        try:
            locked.put("voice/anna/1.flac", b"locked", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
            break
        except ClientError:
            # A busy server looked at it when its date had passed already.
            if of_the_machine() < until:
                raise
    time.sleep(max(0.0, (until - of_the_machine()).total_seconds()) + 1.1)
    assert isinstance(locked.erase(VOICE, "anna")["anna"], Erased)


def test_a_locked_object_of_many_people_is_rewritten_under_the_same_lock_and_its_old_version_kept(locked):
    until = clock.now().replace(microsecond=0) + timedelta(hours=1)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    locked.put("events/1.jsonl", lines("anna", "bert"), **lock)
    locked.put("events/1.jsonl", lines("anna", "bert", "carl"), **lock)
    before = {version for _, version, _ in locked.versions()}
    assert locked.erase(EVENTS, "anna") == {"anna": Kept("object lock (GOVERNANCE)", until, 2)}
    assert locked.get("events/1.jsonl") == lines("bert", "carl")
    with client(locked.server) as s3:
        head = s3.head_object(Bucket=locked.name, Key=locked.prefix + "events/1.jsonl")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", until)
    assert head["VersionId"] not in before
    assert locked.erase(EVENTS, "anna") == {"anna": Kept("object lock (GOVERNANCE)", until, 2)}
    assert len(locked.versions()) == 3, "nothing to rewrite a second time"


def test_only_those_whom_a_locked_version_holds_are_kept(locked):
    until = clock.now().replace(microsecond=0) + timedelta(hours=1)
    locked.put("events/1.jsonl", lines("anna", "bert"), ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    locked.put("events/1.jsonl", lines("anna", "bert", "carl"))
    answers = locked.erase(EVENTS, "anna", "carl")
    assert isinstance(answers["anna"], Kept)
    assert answers["carl"] == Erased(1, len(lines("carl")))


def test_what_is_gone_already_is_absent(plain):
    plain.put("voice/anna/1.flac", b"x")
    found = plain.located(VOICE, "anna")
    plain.erase(VOICE, "anna")
    with plain.store() as store:
        assert store.erase(VOICE, found, KEY) == {"anna": Absent()}
