"""The gate and the spellings of a subject: what refuses one refuses all, and older snapshots are read as before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge.core.datamap.spelling import EMAIL, PHONE, Spelling
from expunge.core.gate.gate_head import signed_head, write_head
from expunge.core.gate.gate_snapshot import Contents, GatePolicy, PurposeState, gate_entry, parse_snapshot, publish_snapshot
from expunge.errors import EvidenceInvalid
from expunge.gate import Gate, GateReason, Subject
from expunge.gate.spelling_rules import joint_reason
from tests.gate.world import KEY, PUBLIC, SIGNER

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
RULES = {"email": EMAIL, "phone": Spelling(PHONE.type, PHONE.case, PHONE.form, "GB")}


def entry(kind: str, value: str) -> bytes:
    return gate_entry(KEY, kind, value)


def written(path: Path, policy: GatePolicy, *gone: tuple[str, str]) -> Gate:
    contents = Contents(frozenset(entry(*each) for each in gone), policy=policy)
    path.write_bytes(publish_snapshot(contents, KEY, published=NOON, valid_until=NOON + timedelta(days=1), sign=SIGNER.sign))
    return Gate(path, KEY, (PUBLIC,), timedelta(days=1), now=lambda: NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gate.snapshot"


SUPPRESSED = [
    ("email", ("mia@example.org", "MIA@Example.org ", "mia@EXAMPLE.org")),
    ("phone", ("+442079460958", "020 7946 0958", "0044 20 7946 0958")),
    ("account", ("acc-51XK", " acc-51XK", "acc-51XK\n")),
    ("account", ("5f0c7e52-93a1-4b8e-a6d4-2f91c0b37e18", "5F0C7E52-93A1-4B8E-A6D4-2F91C0B37E18")),
]


@pytest.mark.parametrize(("kind", "spellings"), SUPPRESSED)
def test_who_is_suppressed_is_refused_under_every_spelling(path: Path, kind: str, spellings: Sequence[str]) -> None:
    gate = written(path, GatePolicy(compare=RULES), (kind, spellings[0]))
    for spelling in spellings:
        assert gate.may_use(Subject(kind, spelling), "train").reason is GateReason.SUPPRESSED
    others = ["otto@example.org", "020 7946 0123", "acc-51xk"]
    passed = gate.allowed([*spellings, *others], None, kind, "train")
    assert list(passed.rows) == others
    assert passed.tally.refused == {GateReason.SUPPRESSED: len(spellings)}


def test_an_entry_of_a_spelling_that_is_not_canonical_binds_still(path: Path) -> None:
    gate = written(path, GatePolicy(compare=RULES), ("email", "Mia@Example.org"))
    assert gate.may_use(Subject("email", "Mia@Example.org"), "train").reason is GateReason.SUPPRESSED
    assert list(gate.allowed(["Mia@Example.org", "Otto@example.org"], None, "email", "train").rows) == ["Otto@example.org"]


def test_a_consent_given_under_one_spelling_holds_under_the_others(path: Path) -> None:
    given = frozenset({entry("email", "mia@example.org")})
    gate = written(path, GatePolicy(purposes={"train": PurposeState(needs_consent=True, given=given)}, compare=RULES))
    assert gate.may_use(Subject("email", "MIA@example.org"), "train")
    assert gate.may_use(Subject("email", "Otto@example.org"), "train").reason is GateReason.NO_CONSENT
    assert list(gate.allowed(["MIA@example.org", "Otto@example.org"], None, "email", "train").rows) == ["MIA@example.org"]


def test_a_snapshot_that_does_not_say_is_read_with_all_kinds_opaque(path: Path) -> None:
    gate = written(path, GatePolicy(), ("email", "mia@example.org"))
    assert parse_snapshot(path.read_bytes(), [PUBLIC]).head.compare is None
    assert gate.may_use(Subject("email", "MIA@example.org"), "train")
    assert not gate.may_use(Subject("email", "mia@example.org "), "train")


def test_the_rules_are_read_as_they_were_written(path: Path) -> None:
    written(path, GatePolicy(compare=RULES))
    assert parse_snapshot(path.read_bytes(), [PUBLIC]).head.compare == RULES


@pytest.mark.parametrize("said", [b'"case":"loud"', b'"case":"fold","more":1', b'"case":"fold","region":""'])
def test_a_rule_that_there_is_not_is_no_snapshot(said: bytes) -> None:
    head = write_head([], KEY, "", None, valid=(NOON, NOON + timedelta(days=1)), compare={"email": EMAIL})
    strange = head.replace(b'"case":"fold"', said)
    with pytest.raises(EvidenceInvalid):
        parse_snapshot(strange.removesuffix(b"\n") + b"\n" + SIGNER.sign(signed_head(strange)), [PUBLIC])


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (GateReason.NOT_SUPPRESSED, GateReason.SUPPRESSED, GateReason.SUPPRESSED),
        (GateReason.FROZEN, GateReason.PERMITTED, GateReason.FROZEN),
        (GateReason.NO_CONSENT, GateReason.PERMITTED, GateReason.PERMITTED),
        (GateReason.NO_CONSENT, GateReason.WITHDRAWN, GateReason.WITHDRAWN),
        (GateReason.NO_CONSENT, GateReason.NO_CONSENT, GateReason.NO_CONSENT),
    ],
)
def test_what_refuses_one_spelling_refuses_both(first: GateReason, second: GateReason, both: GateReason) -> None:
    assert joint_reason(first, second) is joint_reason(second, first) is both
