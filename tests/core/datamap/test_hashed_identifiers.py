"""Hashes of identifiers: the known ones, and every way in which a cell writes one. The literals come from coreutils and OpenSSL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, TableLayout
from expunge.core.datamap.person import Person, held_hashes, selector
from expunge.core.datamap.spelling import hashed_texts
from expunge.core.values.hashed_identifiers import HashAlgorithm, HashedField, HashRule, SecretPlace, kind_and_algorithm, read, texts
from expunge.core.values.ids import Pseudonym
from tests.core.maps import voice_company

MAIL = {
    HashAlgorithm.MD5: "55502f40dc8b7c769880b10874abc9d0",
    HashAlgorithm.SHA1: "567159d622ffbb50b11b0efd307be358624a26ee",
    HashAlgorithm.SHA256: "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b",
}
PHONE = "74bd805bcc47f8603082430ca056311389e38b74fcdfbc32bcb5c6a9269ff3bf"
PHONE_WITHOUT_PLUS = "2f9fbc550b12cbc0e6242384cc472bd1e4f058a8b773f189f7acb86d202655ce"
SECRET = "walnut-lighthouse-of-1923"
WITH_SECRET = {
    (HashAlgorithm.SHA256, SecretPlace.KEY): "e7d3d2597b9e1d49e6ba45460f9de0c0679e534459f21578fdd21a21f36a2574",
    (HashAlgorithm.SHA256, SecretPlace.PREFIX): "bf22ccc6ef95d179fdbe3a2c9ccde930ca169f177f21afc169afbc530d015882",
    (HashAlgorithm.SHA1, SecretPlace.SUFFIX): "d6b583bba67a61ce3dba23de5a3cd76b0f9dea48",
}


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize("written", ["test@example.com", "  Test@Example.COM \n", "\ufeffTEST@example.com"])
def test_the_hash_of_a_mail_address_is_of_its_trimmed_small_letters(algorithm: HashAlgorithm, written: str) -> None:
    person = Person(Pseudonym("s"), {}, {"customer.email": frozenset({written})})
    assert bytes.fromhex(MAIL[algorithm]) in held_hashes(person, HashedField("customer", "mail", HashRule(algorithm)))
    assert (f"customer.email as {algorithm}", bytes.fromhex(MAIL[algorithm])) in person.hashes()


def test_a_phone_number_is_hashed_with_its_plus_and_without() -> None:
    person = Person(Pseudonym("s"), {}, {"customer.phone": frozenset({"+49301234567"})})
    assert {each.hex() for kind, each in person.hashes() if kind.endswith("sha256")} == {PHONE, PHONE_WITHOUT_PLUS}


def test_an_id_is_hashed_as_it_is_and_in_small_letters() -> None:
    assert hashed_texts("acc-51XK") == {"acc-51XK", "acc-51xk"}
    assert hashed_texts("7") == {"7"}
    assert hashed_texts("+7") == {"+7"}
    assert hashed_texts(" ") == frozenset()


@pytest.mark.parametrize(("algorithm", "place"), WITH_SECRET)
def test_a_secret_enters_a_hash_where_the_rule_says(algorithm: HashAlgorithm, place: SecretPlace) -> None:
    rule = HashRule(algorithm, place, SECRET)
    assert rule.digest("test@example.com").hex() == WITH_SECRET[algorithm, place]
    assert SECRET not in repr(rule)
    assert SECRET not in repr(ByField({}, hashed=(HashedField("customer", "ad_id", rule),)))


def test_every_way_of_writing_a_hash_is_read_back() -> None:
    digest = bytes.fromhex(MAIL[HashAlgorithm.SHA256])
    assert {MAIL[HashAlgorithm.SHA256], MAIL[HashAlgorithm.SHA256].upper(), "lz3+Rj7IV4X1+Vr1ujkG7tstkxwk5pgkqJ6mXbpOgTs="} <= texts(digest)
    assert {"lz3-Rj7IV4X1-Vr1ujkG7tstkxwk5pgkqJ6mXbpOgTs", "\\x" + MAIL[HashAlgorithm.SHA256]} <= texts(digest)
    assert {read(text) for text in texts(digest)} == {digest}
    assert "VVAvQNyLfHaYgLEIdKvJ0A" in texts(bytes.fromhex(MAIL[HashAlgorithm.MD5]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "test@example.com",
        MAIL[HashAlgorithm.MD5][:-1],
        "g" * 32,
        "VVAvQNyLfHaYgLEIdKvJ0B==",
        "VVAvQNyLfHaYgLEIdKvJ",
        "A" * 24,
    ],
)
def test_any_other_text_is_no_hash(text: str) -> None:
    assert read(text) == b""


def test_bytes_that_are_text_are_written_as_such_too() -> None:
    assert "sixteen letters!" in texts(b"sixteen letters!")


def test_a_person_has_the_hashes_of_every_identifier_and_none_of_another_persons() -> None:
    person = Person(Pseudonym("s"), {"customer": frozenset({"7"})}, {"customer.email": frozenset({"Test@example.com"})})
    hashes = dict.fromkeys(person.hashes())
    assert ("customer.email as md5", bytes.fromhex(MAIL[HashAlgorithm.MD5])) in hashes
    kinds = {kind_and_algorithm(kind) for kind, _ in hashes}
    assert kinds == {(kind, each) for kind in ("customer", "customer.email") for each in HashAlgorithm}
    shared = Person(person.subject, person.ids, person.also, frozenset({"7"}))
    assert {kind_and_algorithm(kind)[0] for kind, _ in shared.hashes()} == {"customer.email"}
    again = Person.from_json(shared.to_json())
    assert again == shared
    assert "unclear" not in person.to_json()


def test_a_hashed_field_is_searched_for_hashes_of_its_own_kind_alone() -> None:
    rule = HashRule(HashAlgorithm.SHA256)
    subject = ByField({"profile": "profile_id"}, hashed=(HashedField("account", "mail", rule),))
    dataset = Dataset("audience", "app", subject, "life", TableLayout("audience"))
    also = {"account.email": frozenset({"test@example.com"}), "profile.email": frozenset({"other@example.com"})}
    person = Person(Pseudonym("s"), {"account": frozenset({"a-1"}), "profile": frozenset({"p-1"})}, also)
    found = selector(voice_company(), dataset, person, {})
    assert found is not None
    assert found.match["profile_id"] == {"p-1"}
    assert found.match["mail"] == texts(bytes.fromhex(MAIL[HashAlgorithm.SHA256])) | texts(rule.digest("a-1"))
    assert dataset.subject_fields == ("profile_id", "mail")
    assert subject.pairs() == (("profile", "profile_id"),)
    assert subject.kinds == ("profile", "account")


def test_small_letters_that_are_another_persons_are_not_searched_for() -> None:
    rule = HashRule(HashAlgorithm.SHA256)
    person = Person(Pseudonym("s"), {"account": frozenset({"acc-51XK"})}, {})
    dataset = Dataset("seen", "app", ByField({}, hashed=(HashedField("account", "who", rule),)), "life", TableLayout("seen"))
    clear, unclear = (
        selector(voice_company(), dataset, each, {}) for each in (person, replace(person, unclear=frozenset({"acc-51xk", "acc-51XK"})))
    )
    assert clear is not None
    assert unclear is not None
    assert clear.match["who"] == texts(rule.digest("acc-51XK")) | texts(rule.digest("acc-51xk"))
    assert unclear.match["who"] == texts(rule.digest("acc-51XK"))
