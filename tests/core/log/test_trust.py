"""Trust policies: what C2SP allows can be read, what travels has one spelling, contradictions are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from expunge.core.log import trust
from expunge.core.note import Algorithm, VerifierKey
from expunge.errors import EvidenceInvalid
from tests.evidence_kit import SeededKeys, raw

KEYS = SeededKeys()
W = [VerifierKey(f"w{n}.example", Algorithm.COSIGNATURE, raw(SeededKeys(f"w{n}").log)) for n in range(4)]
SIGNER, LOG, P256 = KEYS.policy().signers[0], *KEYS.log_keys()
FULL = (
    f"signer {SIGNER}\n"
    f"log {LOG} https://log.nightowl.example/2026\n"
    f"log {P256}\n"
    f"witness x1 {W[0]}\n"
    f"witness x2 {W[1]} https://w1.example/\n"
    f"witness y1 {W[2]}\n"
    f"witness kélvin {W[3]}\n"
    "group x 1 x1 x2\n"
    "group y any y1 kélvin\n"
    "group both all x y\n"
    "quorum both\n"
).encode()


def test_the_canonical_form_comes_back_byte_for_byte() -> None:
    assert trust.parse_canonical(FULL).encode() == FULL
    assert trust.parse_canonical(KEYS.policy().encode()) == KEYS.policy()


def test_what_a_person_may_write_means_the_same() -> None:
    loose = b"# our keys\n\n" + FULL.replace(b"signer ", b"  signer\t ").replace(b"quorum", b"\t# last\nquorum  ")
    assert trust.parse(loose) == trust.parse(FULL)
    with pytest.raises(EvidenceInvalid):
        trust.parse_canonical(loose)


@pytest.mark.parametrize(
    ("signed", "enough"),
    [((), False), ((0, 1), False), ((2,), False), ((0, 2), True), ((1, 3), True), ((0, 1, 2, 3), True)],
)
def test_quorums_of_groups_of_groups(signed: tuple[int, ...], enough: bool) -> None:
    assert trust.parse(FULL).witnessed_by(W[n] for n in signed) is enough


def test_no_witness_is_needed_where_the_quorum_is_none_and_one_where_it_is_a_witness() -> None:
    policy = trust.parse(FULL)
    assert replace(policy, quorum="none").witnessed_by(())
    assert not replace(policy, quorum="x1").witnessed_by([W[1]])
    assert replace(policy, quorum="x1").witnessed_by([W[0]])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"quorum both\n", b""),
        (b"quorum both\n", b"quorum both"),
        (b"quorum both\n", b"quorum both\nquorum both\n"),
        (b"quorum both\n", b"quorum nobody\n"),
        (b"quorum both", b"quorum both x"),
        (b"group x 1", b"group x 0"),
        (b"group x 1", b"group x 3"),
        (b"group x 1", b"group x 01"),
        (b"group x 1", b"group x some"),
        (b"group x 1 x1 x2", b"group x 1"),
        (b"group x 1 x1 x2", b"group x 1 x1 x1"),
        (b"group x 1 x1 x2", b"group x 1 x1 y"),
        (b"group x 1 x1 x2", b"group x 1 x1 x"),
        (b"group y any y1", b"group y any x1"),
        (b"group x ", b"group none "),
        (b"witness x2", b"witness x1"),
        (b"witness x2", b"witness none"),
        (b"all x y", b"all x none"),
        (b"signer ", b"signers "),
        (b"signer ", b"signer \x01"),
        (b"signer ", b"signer \r"),
        (b"signer ", b"\xff "),
        (str(W[1]).encode(), str(W[0]).encode()),
        (str(W[1]).encode(), str(LOG).encode()),
        (str(P256).encode(), str(LOG).encode()),
        (str(SIGNER).encode(), str(P256).encode()),
        (b"https://log.nightowl.example/2026", b"https://a b"),
    ],
)
def test_policies_that_cannot_be_are_refused(old: bytes, new: bytes) -> None:
    assert old in FULL
    with pytest.raises(EvidenceInvalid):
        trust.parse(FULL.replace(old, new, 1))


def test_policies_that_would_not_survive_being_written_cannot_be_built() -> None:
    policy = trust.parse(FULL)
    with pytest.raises(EvidenceInvalid):
        replace(policy, logs=(trust.NamedKey(LOG, "https://a\nquorum none"),))
    with pytest.raises(EvidenceInvalid):
        replace(policy, quorum="x1\nlog")
