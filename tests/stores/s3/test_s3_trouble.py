"""An S3 service on bad days: busy, cut off, lying, lagging, forbidding half-way, stopped; and others who write meanwhile."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from expunge.core.datamap.datamap import Ignore, StoreSpec
from expunge.core.datamap.grounding import Grounding
from expunge.core.values.copy import FindingKind, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Erased, Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable, TakenOver
from expunge.permit import required
from expunge.stores.s3 import bucket_connection
from expunge.stores.s3 import deletion as s3_deletion
from expunge.stores.s3.store import S3
from tests.stores.s3.s3_company import Shelf, bucket, dataset, options
from tests.stores.s3.s3_proxy import Answer, refusal, standing_before
from tests.stores.s3.test_s3_versions import EVENTS, META, VOICE, lines

KEY = IdempotencyKey("order-1")
PEOPLE = ("anna", "bert", "carl")
BUSY = refusal(503, "SlowDown")


class Behind(Shelf):
    """The same prefix, and our store of it behind a proxy."""

    proxy = None

    def opened(self, *datasets):
        spec = StoreSpec("media", "s3", f"s3://{self.name}/{self.prefix}", options(self.server, self.proxy.endpoint))
        return S3(spec, datasets or (VOICE, EVENTS, META))

    def located(self, store, kind, *people):
        return list(store.locate(kind, [Selector(Pseudonym(each), {"profile_id": frozenset({each})}) for each in people]))

    def erase(self, kind, *people):
        store = self.opened()
        try:
            return store.erase(kind, self.located(store, kind, *people), KEY)
        finally:
            store.close()

    def probe(self, kind, copies):
        store = self.opened()
        try:
            return list(store.probe(kind, copies))
        finally:
            store.close()


@pytest.fixture(params=[pytest.param("never", marks=pytest.mark.soak), "enabled"])
def behind(request, seaweed, tmp_path):
    """Three people with a recording each and a record each in one object, in a bucket without and with versions."""
    seaweed.start()
    name = bucket(seaweed, f"suite-{request.param}", {"never": None, "enabled": "Enabled"}[request.param])
    estate = Behind.of(seaweed, name, tmp_path)
    for each in PEOPLE:
        estate.put(f"voice/{each}/1.flac", each.encode())
    estate.put("events/1.jsonl", lines(*PEOPLE))
    with standing_before(seaweed.endpoint) as proxy:
        estate.proxy = proxy
        yield estate


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Pauses before asking again are short, their number stays."""
    monkeypatch.setattr(bucket_connection, "_FIRST_PAUSE", 0.01)


@pytest.fixture
def hasty(monkeypatch):
    """A listing may lag behind for half a second only."""
    monkeypatch.setattr(s3_deletion, "SETTLE", 0.5)
    monkeypatch.setattr("expunge.stores.s3.object_rewrite.SETTLE", 0.5)


def times(count, answer):
    """Answer so for the first calls."""
    left = [count]

    def instead(asked):
        left[0] -= 1
        return answer if left[0] >= 0 else None

    return instead


# --- busy and broken -----------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [BUSY, refusal(429, "TooManyRequests", **{"Retry-After": "1"}), refusal(500, "InternalError")])
def test_a_busy_service_is_asked_again(behind, answer):
    behind.proxy.instead = times(2, answer)
    assert behind.erase(VOICE, "anna") == {"anna": Erased(1, 4)}


def test_a_service_that_stays_busy_is_out_of_reach(behind):
    behind.proxy.instead = lambda asked: BUSY
    with pytest.raises(StoreUnavailable, match="goes on answering 503"):
        behind.erase(VOICE, "anna")
    behind.proxy.instead = lambda asked: BUSY if asked.is_delete or asked.method == "PUT" else None
    for kind in (VOICE, EVENTS):
        (answer,) = behind.erase(kind, "anna").values()
        assert isinstance(answer, Unable)
        assert answer.reason is Reason.UNREACHABLE
        assert "anna" not in answer.detail
    behind.proxy.instead = lambda asked: None
    assert isinstance(behind.erase(VOICE, "anna")["anna"], Erased)
    assert isinstance(behind.erase(EVENTS, "anna")["anna"], Erased)


def test_an_answer_cut_off_in_the_middle_is_asked_for_again(behind):
    cut = [3]

    def after(asked, answer):
        if asked.method == "GET" and len(answer.body) > 20 and cut[0] > 0:
            cut[0] -= 1
            return Answer(answer.status, answer.body, answer.headers, cut=10)
        return answer

    behind.proxy.after = after
    assert isinstance(behind.erase(EVENTS, "anna")["anna"], Erased)
    assert cut == [0]
    assert behind.get("events/1.jsonl") == lines("bert", "carl")


def test_short_pages_are_all_read(behind):
    for number in range(6):
        behind.put(f"voice/anna/x{number}.flac", b"x")

    store = behind.opened()
    client = store._bucket.client
    client.meta.events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 2})
    client.meta.events.register("provide-client-params.s3.ListObjectVersions", lambda params, **_: {**params, "MaxKeys": 2})
    (copy,) = behind.located(store, VOICE, "anna")
    assert copy.items == 7
    assert store.erase(VOICE, [copy], KEY) == {"anna": Erased(7, 10)}
    store.close()
    assert not any(key.startswith("voice/anna/") for key, _, _ in behind.versions())


def test_a_listing_that_breaks_off_is_no_listing(behind):
    def after(asked, answer):
        if asked.is_listing:
            body = answer.body.replace(b"<IsTruncated>false", b"<IsTruncated>true")
            return Answer(answer.status, re.sub(rb"<Next[A-Za-z]+>[^<]*</Next[A-Za-z]+>", b"", body), answer.headers)
        return answer

    behind.proxy.after = after
    with pytest.raises(CouldNotLook, match="breaks off"):
        behind.erase(VOICE, "anna")


# --- lying and lagging ---------------------------------------------------------------------------


def test_a_service_that_says_deleted_and_deletes_nothing_is_caught(behind, hasty):
    empty = b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>'
    behind.proxy.instead = lambda asked: Answer(200, empty) if asked.is_delete else None
    (answer,) = behind.erase(VOICE, "anna").values()
    assert isinstance(answer, Unable)
    assert answer.reason is Reason.ERROR
    assert "still lists" in answer.detail
    behind.proxy.instead = lambda asked: None
    assert behind.erase(VOICE, "anna") == {"anna": Erased(1, 4)}


def test_a_service_that_said_deleted_too_early_is_told_once_more(behind, hasty):
    empty = b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>'
    lost = [1]

    def instead(asked):
        if asked.is_delete and lost[0]:
            lost[0] -= 1
            return Answer(200, empty)
        return None

    behind.proxy.instead = instead
    assert behind.erase(VOICE, "anna") == {"anna": Erased(1, 4)}
    assert behind.get("voice/bert/1.flac") == b"bert"


def test_a_service_that_says_written_and_writes_nothing_is_caught_before_older_versions_go(behind, hasty):
    behind.proxy.instead = lambda asked: Answer(200, b"", {"ETag": '"0"'}) if asked.method == "PUT" else None
    (answer,) = behind.erase(EVENTS, "anna").values()
    assert answer.reason is Reason.ERROR
    assert behind.get("events/1.jsonl") == lines(*PEOPLE)


def test_a_listing_that_lags_behind_is_waited_for(behind):
    old = {}
    lagging = [0]

    def after(asked, answer):
        if asked.is_delete:
            lagging[0] = 4
        elif asked.is_listing:
            if lagging[0] > 0 and asked.path in old:
                lagging[0] -= 1
                return old[asked.path]
            old[asked.path] = answer
        return answer

    behind.proxy.after = after
    assert behind.erase(VOICE, "anna") == {"anna": Erased(1, 4)}
    assert lagging == [0]


# --- rights --------------------------------------------------------------------------------------


def test_credentials_revoked_half_way(behind, hasty):
    for number in range(3):
        behind.put(f"voice/anna/x{number}.flac", b"x")
    revoked = []

    def instead(asked):
        if asked.is_delete:
            revoked.append(asked)
            return None
        return refusal(403, "InvalidAccessKeyId") if revoked else None

    behind.proxy.instead = instead
    answers = behind.erase(VOICE, "anna", "bert")
    assert {each.reason for each in answers.values()} == {Reason.PERMISSION}
    behind.proxy.instead = lambda asked: None
    assert behind.erase(VOICE, "anna", "bert") == {}, "all were gone but for the answer"
    assert behind.get("voice/carl/1.flac") == b"carl"


def test_a_key_that_is_refused_does_not_hide_the_others(behind):
    with_error = b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Error><Key>%s</Key>%s<Code>InternalError</Code></Error></DeleteResult>'

    def after(asked, answer):
        if asked.is_delete:
            version = re.search(rb"bert/1.flac</Key>(<VersionId>[^<]*</VersionId>)?", asked.body)
            return Answer(200, with_error % (behind.prefix.encode() + b"voice/bert/1.flac", version[1] or b""), {})
        return answer

    behind.proxy.after = after
    answers = behind.erase(VOICE, *PEOPLE)
    assert answers["anna"] == answers["carl"] == Erased(1, 4)
    assert answers["bert"].reason is Reason.UNREACHABLE


def test_nothing_is_deleted_by_somebody_who_was_taken_over(behind):
    def taken():
        message = "taken over"
        raise TakenOver(message)

    for kind in (VOICE, EVENTS):
        with required(taken), pytest.raises(TakenOver):
            behind.erase(kind, "anna")
    assert not any(asked.is_delete or asked.method == "PUT" for asked in behind.proxy.asked)


# --- others at work ------------------------------------------------------------------------------


def test_what_others_write_between_our_read_and_our_write_is_not_lost(behind):
    writes = [3]

    def instead(asked):
        if asked.method == "PUT" and writes[0]:
            writes[0] -= 1
            behind.change("events/1.jsonl", lambda body: body + lines(f"newcomer{writes[0]}"))

    behind.proxy.instead = instead
    assert isinstance(behind.erase(EVENTS, "anna")["anna"], Erased)
    assert behind.get("events/1.jsonl") == lines("bert", "carl", "newcomer2", "newcomer1", "newcomer0")


@pytest.mark.soak
def test_a_writer_who_never_stops_makes_the_object_locked(behind):
    def instead(asked):
        if asked.method == "PUT":
            behind.change("events/1.jsonl", lambda body: body + lines("more"))

    behind.proxy.instead = instead
    assert behind.erase(EVENTS, "anna")["anna"].reason is Reason.LOCKED
    behind.proxy.instead = lambda asked: None
    assert isinstance(behind.erase(EVENTS, "anna")["anna"], Erased)
    assert lines("anna") not in behind.get("events/1.jsonl")


def test_an_object_that_is_put_back_meanwhile_is_seen_by_the_probe(behind):
    store = behind.opened()
    found = behind.located(store, VOICE, "anna")
    store.close()
    behind.erase(VOICE, "anna")
    behind.put("voice/anna/1.flac", b"again")
    (seen,) = behind.probe(VOICE, found)
    assert (seen.items, seen.could_not) == (1, "")
    assert set(seen.paths) == {"listing", "versions", "uploads", "head", "get"}


def test_a_server_that_died_is_out_of_reach_and_one_that_is_back_goes_on(behind, seaweed):
    store = behind.opened()
    found = behind.located(store, VOICE, "anna")
    seaweed.kill()
    try:
        with pytest.raises(StoreUnavailable):
            behind.located(store, VOICE, "anna")
        assert store.erase(VOICE, found, KEY)["anna"].reason is Reason.UNREACHABLE
        (seen,) = store.probe(VOICE, found)
        assert seen.could_not
        assert store.preflight(VOICE, found)[0].reason is Reason.UNREACHABLE
        assert "could not be asked" in str(store.capabilities.out_of_scope)
    finally:
        seaweed.start()
    assert store.erase(VOICE, found, KEY) == {"anna": Erased(1, 4)}
    store.close()


# --- looking where it pays -----------------------------------------------------------------------


def test_only_the_persons_prefix_is_listed(behind):
    behind.erase(VOICE, "anna")
    listed = {asked.query["prefix"].removeprefix(behind.prefix) for asked in behind.proxy.asked if asked.is_listing}
    assert listed
    assert all(prefix.startswith("voice/anna/") for prefix in listed)


def test_for_a_crowd_the_whole_is_listed_if_that_takes_fewer_calls(behind):
    store = behind.opened()
    found = behind.located(store, VOICE, *PEOPLE, *(f"nobody{number}" for number in range(200)))
    store.close()
    assert {copy.subject for copy in found} == set(PEOPLE)
    assert sum(asked.is_listing for asked in behind.proxy.asked) <= 2


# --- check and capabilities ----------------------------------------------------------------------


def test_check_counts_what_nobody_declared_and_names_nobody(behind):
    for number in range(5):
        behind.put(f"exports/anna-{number}.zip", b"x")
    behind.put("stray.bin", b"x")
    store = behind.opened()
    found = list(store.check([Ignore("media", "stray.*", "tests")]))
    (undeclared,) = [each for each in found if each.kind is FindingKind.UNDECLARED]
    assert (undeclared.where, undeclared.what) == ("exports/", "5 objects that no dataset declares")
    named = [each for each in found if each.kind is FindingKind.NOTE and "profile_id" in each.what]
    assert [each.where for each in named] == ["voice"]
    assert not any("anna" in each.what for each in found)
    store.close()


def test_a_bucket_that_is_not_there_is_missing(behind):
    spec = StoreSpec("media", "s3", "s3://no-such-bucket", options(behind.server))
    store = S3(spec, (VOICE,))
    assert FindingKind.MISSING in {each.kind for each in store.check(())}
    assert store.preflight(VOICE, ())[0].reason is Reason.UNREACHABLE
    store.close()


def test_copies_that_the_bucket_itself_makes_are_named(behind):
    rule = b"<Rule><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::far-away</Bucket></Destination></Rule>"
    replication = b"<ReplicationConfiguration>" + rule + b"</ReplicationConfiguration>"
    logging = b"<BucketLoggingStatus><LoggingEnabled><TargetBucket>journal</TargetBucket></LoggingEnabled></BucketLoggingStatus>"
    said = {"replication": replication, "logging": logging}
    behind.proxy.instead = lambda asked: next((Answer(200, said[name]) for name in said if name in asked.query), None)
    spec = StoreSpec(
        "media", "s3", f"s3://{behind.name}", options(behind.server, behind.proxy.endpoint, clock="overwritten within 30 days")
    )
    store = S3(spec, (VOICE,))
    capabilities = store.capabilities
    store.close()
    assert capabilities.grounding is Grounding.REMOVED
    for words in ("far-away", "journal", "overwritten within 30 days", "unfinished uploads"):
        assert words in str(capabilities.out_of_scope)
    assert list(store.raw()) == []


def test_a_service_that_ignores_conditions_is_refused_before_anything_is_erased(behind):
    behind.proxy.instead = lambda asked: Answer(200, b"", {"ETag": '"0"'}) if asked.method == "PUT" else None
    store = behind.opened()
    reasons = store.preflight(EVENTS, behind.located(store, EVENTS, "anna"))
    store.close()
    assert [each.reason for each in reasons] == [Reason.UNSUPPORTED]
    assert "If-Match" in reasons[0].detail


def test_without_the_library_the_map_is_at_fault_and_it_is_said_how_to_mend_it():
    program = """
import sys
sys.modules["botocore"] = None
from expunge.core.datamap.datamap import StoreSpec
from expunge.errors import Misconfigured
from expunge.stores import open_store
store = open_store(StoreSpec("media", "s3", "s3://bucket"), ())
try:
    list(store.check(()))
except Misconfigured as error:
    print(error.message, "|", error.help)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "store media: the library for S3 is not installed | pip install 'expunge[s3]'"


def test_two_people_in_one_key_and_odd_keys(seaweed, tmp_path):
    seaweed.start()
    estate = Behind.of(seaweed, bucket(seaweed, "suite-never"), tmp_path)
    odd = dataset("odd", "calls/{profile_id}_{other}.flac")
    for name in ("anna_x", "anna_anna", "bert_anna_1"):
        estate.put(f"calls/{name}.flac", b"x")
    with standing_before(seaweed.endpoint) as proxy:
        estate.proxy = proxy
        store = estate.opened(odd)
        found = list(store.locate(odd, [Selector(Pseudonym("b"), {"profile_id": frozenset({"bert_anna", "bert"})})]))
        assert [copy.items for copy in found] == [1]
        assert isinstance(store.erase(odd, found, KEY)["b"], Erased)
        found = list(store.locate(odd, [Selector(Pseudonym("a"), {"profile_id": frozenset({"anna", "a/b", "", "x" * 2000})})]))
        assert isinstance(store.erase(odd, found, KEY)["a"], Erased)
        store.close()
    assert estate.versions() == []
