"""What a map says of subject fields that hold hashes: how they are made, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from expunge.core.datamap import mapdiff
from expunge.core.datamap.datamap import ByField, DataMap
from expunge.core.values.hashed_identifiers import HashAlgorithm, HashedField, HashRule, SecretPlace
from expunge.maps import examine
from expunge.maps.schema.map_schema import json_schema
from expunge.stores import Kinds, own_kinds

MAP = """\
version: 1
identities:
  customer: {dataset: customers, key: id, also: [email]}
stores:
  app: {kind: sqlite, url: sqlite:///app.db}
retention:
  life: {period: 90 days, from: closed_at, purpose: keep the account, need: contract}
datasets:
  customers: {store: app, table: customers, subject: {customer: id}, retention: life}
  audience: {store: app, table: audience, SUBJECT, retention: life}
"""
SALT = "walnut-lighthouse-of-1923"
ENVIRON = {"AD_SALT": SALT, "SHORT": "salt"}


def _read(tmp_path: Path, subject: str) -> DataMap:
    path = tmp_path / "expunge.yaml"
    path.write_text(MAP.replace("SUBJECT", subject))
    reading = examine(path, ENVIRON, kinds=Kinds())
    assert reading.faults == ()
    assert reading.map is not None
    return reading.map


RULES = {
    "md5": HashRule(HashAlgorithm.MD5),
    "{user: sha1}": HashRule(HashAlgorithm.SHA1),
    "sha256": HashRule(HashAlgorithm.SHA256),
    '{hmac-sha256: "${AD_SALT}"}': HashRule(HashAlgorithm.SHA256, SecretPlace.KEY, SALT),
    '{user: {hmac-sha1: "${AD_SALT}"}}': HashRule(HashAlgorithm.SHA1, SecretPlace.KEY, SALT),
    '{user: {sha256: {prefix: "v1:${AD_SALT}"}}}': HashRule(HashAlgorithm.SHA256, SecretPlace.PREFIX, f"v1:{SALT}"),
    '{sha256: {suffix: "${AD_SALT}"}}': HashRule(HashAlgorithm.SHA256, SecretPlace.SUFFIX, SALT),
}


@pytest.mark.parametrize("said", RULES)
def test_a_way_of_making_hashes_is_read(tmp_path: Path, said: str) -> None:
    subject = _read(tmp_path, f"subject: {{customer: user}}, spelling: {said}").datasets["audience"].subject
    assert subject == ByField({}, hashed=(HashedField("customer", "user", RULES[said]),))


def test_fields_of_hashes_stand_beside_fields_of_identifiers(tmp_path: Path) -> None:
    said = "subject: {customer: [user, mail_md5, sha256]}, spelling: {mail_md5: md5, sha256: sha256}"
    subject = _read(tmp_path, said).datasets["audience"].subject
    assert isinstance(subject, ByField)
    assert (subject.fields, dict(subject.also)) == ({"customer": "user"}, {})
    assert [(each.name, each.rule.algorithm) for each in subject.hashed] == [("mail_md5", "md5"), ("sha256", "sha256")]


FAULTS = {
    "subject: {customer: user}, spelling: sha-256": "'sha-256' is none of md5, sha1, sha256, hmac-md5",
    "subject: {customer: user}, spelling: hmac-sha256": "hmac-sha256 needs the key",
    "subject: {customer: user}, spelling: [sha256]": "not a way of making hashes",
    "subject: {customer: user}, spelling: {usr: sha256}": "spelling.usr: the subject has no such field",
    'subject: {customer: user}, spelling: {user: {sha256: {middle: "${AD_SALT}"}}}': "not a way of making hashes",
    "subject: {customer: user}, spelling: {hmac-sha256: walnut-lighthouse}": "the secret itself stands in the map",
    'subject: {customer: user}, spelling: {hmac-sha256: "${AD_SALT"}': "the secret itself stands in the map",
    'subject: {customer: user}, spelling: {hmac-sha256: "${SHORT}"}': "fewer than 8 characters",
    "subject: {through: customers, via: email}, spelling: sha256": "no field of the dataset names its people",
    "about: nobody, spelling: sha256": "spelling",
}


@pytest.mark.parametrize("said", FAULTS)
def test_what_is_no_way_of_making_hashes_is_a_fault_on_its_line(tmp_path: Path, said: str) -> None:
    path = tmp_path / "expunge.yaml"
    path.write_text(MAP.replace("SUBJECT", said))
    faults = examine(path, ENVIRON, kinds=Kinds()).faults
    assert [fault.line for fault in faults if FAULTS[said] in fault.what and fault.write_instead] == [10]
    assert all("walnut" not in f"{fault.what} {fault.write_instead}" for fault in faults)


def test_a_secret_that_the_environment_lacks_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "expunge.yaml"
    path.write_text(MAP.replace("SUBJECT", 'subject: {customer: user}, spelling: {hmac-sha256: "${NO_SALT}"}'))
    (fault,) = examine(path, {}, kinds=Kinds()).faults
    assert (fault.rule, fault.line) == ("missing-environment", 10)


def test_the_list_of_people_holds_identifiers_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "expunge.yaml"
    text = MAP.replace("subject: {customer: id}, retention", "subject: {customer: id}, spelling: sha256, retention")
    path.write_text(text.replace("SUBJECT", "about: nobody"))
    faults = examine(path, {}, kinds=Kinds()).faults
    assert [(fault.rule, fault.line) for fault in faults if "lists its people" in fault.what] == [("bad-spelling", 9)]


def test_a_digest_knows_the_way_and_nothing_of_the_secret(tmp_path: Path) -> None:
    said = 'subject: {customer: user}, spelling: {hmac-sha256: "${AD_SALT}"}'
    first = _read(tmp_path, said)
    other = {**ENVIRON, "AD_SALT": "another-secret-of-1924"}
    second = examine(tmp_path / "expunge.yaml", other, kinds=Kinds()).map
    assert second is not None
    assert mapdiff.digest(first) == mapdiff.digest(second)
    assert mapdiff.digest(first) != mapdiff.digest(_read(tmp_path, "subject: {customer: user}, spelling: sha256"))
    assert SALT not in repr(first)


@pytest.mark.parametrize("said", ["sha256", {"user": "md5"}, {"hmac-sha256": "${K}"}, {"user": {"sha256": {"prefix": "${K}"}}}])
def test_the_schema_takes_what_the_reader_takes(said: object) -> None:
    schema = json_schema(own_kinds())["properties"]["datasets"]["additionalProperties"]["properties"]["spelling"]
    assert list(Draft202012Validator(schema).iter_errors(said)) == []
    assert list(Draft202012Validator(schema).iter_errors({"user": "sha-256"})) != []
