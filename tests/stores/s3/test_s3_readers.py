"""Who could read a bucket beside Expunge: by its lists, its policy, its objects' lists, and the service's own key."""

from __future__ import annotations

import json
from contextlib import closing, suppress

import pytest
from botocore.exceptions import ClientError

from expunge.core.datamap.datamap import StoreSpec
from expunge.errors import StoreUnavailable
from expunge.ports.review.ways_in import WayIn, WayUnseen
from expunge.stores.s3.readers import ANYBODY
from expunge.stores.s3.store import S3
from tests.stores.s3.s3_company import bucket, client, dataset, options

VOICE = dataset("voice", "voice/{profile_id}/{recording_id}.flac")
KEY = "people who know the service's key"


def told(spec):
    with closing(S3(spec, (VOICE,))) as store:
        return list(store.ways_in({"voice"}))


@pytest.fixture
def spec(seaweed):
    seaweed.start()
    name = bucket(seaweed, "suite-readers")
    with client(seaweed) as s3:
        # Why encryption comes after: this service has no key for it, and takes no object into a bucket that asks for it.
        for number in range(3):
            s3.put_object(Bucket=name, Key=f"voice/p{number}/r.flac", Body=b"x")
        s3.put_bucket_acl(Bucket=name, ACL="private")
        s3.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
        )
    yield StoreSpec("media", "s3", f"s3://{name}", options(seaweed))
    with client(seaweed) as s3:
        for undone in (s3.delete_bucket_policy, s3.delete_bucket_encryption):
            with suppress(ClientError):
                undone(Bucket=name)


def _policy(seaweed, **statement):
    whole = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::suite-readers/*", **statement}
    with client(seaweed) as s3:
        s3.put_bucket_policy(Bucket="suite-readers", Policy=json.dumps({"Version": "2012-10-17", "Statement": [whole]}))


def test_a_closed_bucket_has_the_way_of_its_key_alone(spec):
    (way,) = [each for each in told(spec) if isinstance(each, WayIn)]
    assert way.who.startswith(KEY)
    assert "seven days" in way.how


def test_each_way_is_told_by_what_opens_it(spec, seaweed):
    with client(seaweed) as s3:
        s3.put_bucket_acl(Bucket="suite-readers", ACL="public-read")
        s3.put_object_acl(Bucket="suite-readers", Key="voice/p0/r.flac", ACL="public-read")
    _policy(seaweed, Action=["s3:ListBucket", "s3:GetObject"], Resource=["arn:aws:s3:::suite-readers", "arn:aws:s3:::suite-readers/*"])
    ways = [each.how for each in told(spec) if isinstance(each, WayIn) and each.who == ANYBODY]
    assert [next(word for word in ("bucket's access list", "policy", "1 of the 3") if word in how) for how in ways] == [
        "bucket's access list", "policy", "1 of the 3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement", [{"Effect": "Deny"}, {"Action": "s3:PutObject"}, {"Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::suite-readers"}]
)
def test_statements_that_let_nobody_read_are_no_way(spec, seaweed, statement):
    _policy(seaweed, **statement)
    assert [each.who.startswith(KEY) for each in told(spec) if isinstance(each, WayIn)] == [True]


def test_a_bucket_without_encryption_is_told(spec, seaweed):
    with client(seaweed) as s3:
        s3.delete_bucket_encryption(Bucket="suite-readers")
    assert any("no encryption at rest" in each.how for each in told(spec) if isinstance(each, WayIn))


def test_what_the_key_may_not_ask_is_said(spec, seaweed):
    access, secret = seaweed.reader
    found = told(StoreSpec("media", "s3", "s3://suite-readers", {**options(seaweed), "access_key": access, "secret_key": secret}))
    unseen = [each.what for each in found if isinstance(each, WayUnseen)]
    assert any("its access list: the service refuses" in each for each in unseen), found


def test_where_the_key_comes_from_is_told(spec, seaweed, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)
    (way,) = [
        each for each in told(StoreSpec("media", "s3", "s3://suite-readers", {"endpoint": seaweed.endpoint})) if isinstance(each, WayIn)
    ]
    assert "the environment" in way.who


def test_a_service_that_is_away_is_no_answer(spec):
    away = StoreSpec("media", "s3", "s3://suite-readers", {**spec.options, "endpoint": "http://127.0.0.1:9"})
    with pytest.raises(StoreUnavailable):
        told(away)
