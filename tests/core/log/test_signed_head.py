"""Heads of a log under a policy: one forged fixture, signed by real keys, for each rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from expunge.core import merkle
from expunge.core.log import checkpoint, trust
from expunge.core.log.signed_head import open_earlier, open_head
from expunge.core.note import Algorithm, NoteSignature, VerifierKey, parse_note
from expunge.core.values.signature import verify_ed25519
from expunge.errors import EvidenceInvalid
from tests.evidence_kit import ORIGIN, SeededKeys
from tests.log_kit import NOW, SeededWitness, asking, minutes, with_lines, without_lines

KEYS, NEW = SeededKeys(), SeededKeys("rotated")
HEAD = checkpoint.Checkpoint(ORIGIN, 1, merkle.leaf_hash(b"leaf"))
NOTE = KEYS.signed(HEAD)
W = [SeededWitness(f"w{n}") for n in range(3)]
POLICY = KEYS.policy()
TWO_OF_THREE = asking(POLICY, W, "2")


def refused(note: bytes, policy: trust.TrustPolicy, now: datetime | None = NOW) -> str:
    with pytest.raises(EvidenceInvalid) as caught:
        open_head(note, policy, now=now)
    return caught.value.message


def cosigned(*witnesses: SeededWitness, note: bytes = NOTE, at: datetime = NOW) -> bytes:
    for witness in witnesses:
        note = witness.cosign(note, at)
    return note


def test_the_logs_own_keys_and_a_quorum_are_enough() -> None:
    opened = open_head(cosigned(W[0], W[2]), TWO_OF_THREE, now=NOW)
    assert opened.head == HEAD
    assert [key.algorithm for key in opened.signers] == [Algorithm.ED25519, Algorithm.ECDSA_P256]
    assert [(each.key.name, each.at, each.fault) for each in opened.cosignatures] == [("w0.example", NOW, ""), ("w2.example", NOW, "")]
    assert (opened.seen, opened.fresh, opened.ignored) == (NOW, NOW, 0)


def test_witnesses_alone_do_not_make_a_log() -> None:
    alone = without_lines(cosigned(*W), ORIGIN)
    assert "not signed by the log itself" in refused(alone, TWO_OF_THREE)
    with pytest.raises(EvidenceInvalid, match="not signed by the log itself"):
        open_earlier(alone, TWO_OF_THREE)


@pytest.mark.parametrize("missing", [0, 1])
def test_each_kind_of_key_that_the_policy_lists_must_sign(missing: int) -> None:
    parsed = parse_note(NOTE)
    one = parsed._replace(signatures=(parsed.signatures[1 - missing],)).encode()
    assert "one key of each kind" in refused(one, POLICY)
    listed = replace(POLICY, logs=(POLICY.logs[1 - missing],))
    assert open_head(one, listed, now=NOW).head == HEAD, "a policy that knows one key of the log asks for that one"


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_witnesses_are_no_quorum(count: int) -> None:
    assert "lacks the cosignatures" in refused(cosigned(*W[:count]), TWO_OF_THREE)
    assert open_earlier(cosigned(*W[:count]), TWO_OF_THREE).head == HEAD, "a log answers for whatever it signed"


def test_a_witness_that_cosigns_twice_counts_once() -> None:
    assert "lacks the cosignatures" in refused(cosigned(W[0], W[0]), TWO_OF_THREE)


def test_lines_by_unknown_keys_are_ignored_wherever_they_stand() -> None:
    strangers = [NoteSignature("stranger.example", b"\1\2\3\4", bytes(72)), NoteSignature(ORIGIN, b"\1\2\3\4", bytes(64))]
    strangers += [NoteSignature("ml-dsa.example", b"\6\6\6\6", bytes(2428)), SeededWitness("nobody").line(NOTE, 5)]
    parsed = parse_note(cosigned(W[0]))
    mixed = parsed._replace(signatures=(strangers[0], *parsed.signatures, *strangers[1:])).encode()
    assert open_head(mixed, POLICY, now=NOW).ignored == 5
    assert open_head(mixed, asking(POLICY, W, "any"), now=NOW).ignored == 4


def test_a_readers_own_witness_counts() -> None:
    own = SeededWitness("reader")
    note = cosigned(W[0], own)
    assert open_head(note, asking(POLICY, [own]), now=NOW).witnesses == ("reader.example",)
    assert "lacks the cosignatures" in refused(cosigned(*W), asking(POLICY, [own]))


def test_a_cosignature_by_a_known_witness_that_does_not_verify_spoils_the_head() -> None:
    line = W[0].line(NOTE, int(NOW.timestamp()))
    forged = line._replace(signature=line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    assert "does not verify" in refused(with_lines(NOTE, forged), TWO_OF_THREE)
    moved = line._replace(signature=(int(NOW.timestamp()) + 1).to_bytes(8, "big") + line.signature[8:])
    assert "does not verify" in refused(with_lines(NOTE, moved), TWO_OF_THREE), "the time is part of what is signed"
    assert "not 72 bytes" in refused(with_lines(NOTE, line._replace(signature=line.signature[:-1])), TWO_OF_THREE)


def test_a_cosignature_of_another_head_does_not_count_for_this_one() -> None:
    other = KEYS.signed(checkpoint.Checkpoint(ORIGIN, 2, bytes(32)))
    assert "does not verify" in refused(with_lines(NOTE, W[0].line(other, int(NOW.timestamp()))), TWO_OF_THREE)


ONE = asking(POLICY, W[:1])
BEGAN = NOW - timedelta(days=30)
DATED = replace(ONE, starts=tuple(trust.KeyStart(BEGAN, log.key) for log in POLICY.logs))


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (NOW, ""),
        (NOW + minutes(4), ""),
        (NOW + minutes(6), "in the future"),
        (NOW + timedelta(days=3650), "in the future"),
        (BEGAN - minutes(4), ""),
        (BEGAN - minutes(6), "before the log began"),
        (datetime(1970, 1, 1, tzinfo=UTC), "before the log began"),
    ],
)
def test_times_of_cosignatures_must_be_possible(at: datetime, why: str) -> None:
    note = cosigned(W[0], at=at)
    if why:
        assert why in refused(note, DATED)
        assert open_head(note, replace(DATED, quorum="none"), now=NOW).witnesses == (), "it does not count, and spoils nothing"
    else:
        assert open_head(note, DATED, now=NOW).cosignatures[0].at == at


@pytest.mark.parametrize("seconds", [253_402_300_800, 2**63 - 1, 2**64 - 1])
def test_times_beyond_all_calendars_do_not_count(seconds: int) -> None:
    assert "cannot be" in refused(with_lines(NOTE, W[0].line(NOTE, seconds)), ONE, None)


def test_a_witness_counts_from_its_keys_start_until_the_next_one() -> None:
    first, second = W[0], SeededWitness("later")
    second.key = VerifierKey(first.key.name, Algorithm.COSIGNATURE, second.key.key)
    changed = NOW - timedelta(days=2)
    policy = asking(POLICY, [first, second], "any")
    policy = replace(policy, starts=(trust.KeyStart(BEGAN, first.key), trust.KeyStart(changed, second.key)))
    assert open_head(cosigned(first, at=changed - minutes(10)), policy, now=NOW).witnesses
    assert open_head(cosigned(second, at=changed + minutes(10)), policy, now=NOW).witnesses
    assert "replaced that key" in refused(cosigned(first, at=changed + minutes(10)), policy)
    assert "before the witness had that key" in refused(cosigned(second, at=changed - minutes(10)), policy)
    assert "before the witness had that key" in refused(cosigned(first, at=BEGAN - minutes(10)), policy)


def rotated(*, since: datetime) -> trust.TrustPolicy:
    """The operator's policy after its log's keys were replaced."""
    new = tuple(trust.NamedKey(key) for key in NEW.log_keys())
    starts = tuple(trust.KeyStart(since, log.key) for log in new)
    return replace(POLICY, logs=(*POLICY.logs, *new), starts=starts)


def test_a_key_of_the_log_that_was_replaced_signs_no_head_of_now() -> None:
    policy = rotated(since=NOW - timedelta(days=1))
    assert open_head(NEW.signed(HEAD), policy, now=NOW).head == HEAD
    assert "replaced since" in refused(NOTE, policy)
    assert open_earlier(NOTE, policy, now=NOW).head == HEAD, "what it signed before stands"
    assert open_head(NOTE, policy, now=NOW - timedelta(days=2)).head == HEAD
    assert open_head(NOTE, replace(policy, starts=()), now=NOW).head == HEAD, "a policy without dates lets both count"
    both = with_lines(NEW.signed(HEAD), *parse_note(NOTE).signatures)
    assert open_head(both, policy, now=NOW).head == HEAD


def test_a_log_that_the_policy_does_not_name_is_refused() -> None:
    other = SeededKeys("x").signed(replace(HEAD, origin="other.example"))
    assert "names no such log" in refused(other, POLICY)


IDENTITY = (1).to_bytes(32, "little")
FIELD = 2**255 - 19
ORDER_EIGHT = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
SMALL = [
    IDENTITY,
    bytes(32),
    (FIELD - 1).to_bytes(32, "little"),
    *map(bytes.fromhex, ORDER_EIGHT),
    *(bytes.fromhex(each[:-2] + f"{int(each[-2:], 16) | 0x80:02x}") for each in ORDER_EIGHT),
    bytes(31) + b"\x80",
    (1 | 1 << 255).to_bytes(32, "little"),
    FIELD.to_bytes(32, "little"),
    (FIELD + 1).to_bytes(32, "little"),
    b"\xff" * 32,
]


@pytest.mark.parametrize("key", SMALL)
def test_keys_of_small_order_are_refused_wherever_they_stand(key: bytes) -> None:
    for algorithm in (Algorithm.ED25519, Algorithm.COSIGNATURE):
        with pytest.raises(EvidenceInvalid, match="small order"):
            VerifierKey(ORIGIN, algorithm, key)
    with pytest.raises(EvidenceInvalid, match="small order"):
        verify_ed25519(key, bytes(64), b"anything")


def test_under_a_key_of_small_order_one_signature_would_fit_everything() -> None:
    anything = IDENTITY + bytes(32)
    for message in (b"one thing", HEAD.text().encode()):
        Ed25519PublicKey.from_public_bytes(IDENTITY).verify(anything, message)
        with pytest.raises(EvidenceInvalid, match="small order"):
            verify_ed25519(IDENTITY, anything, message)


def test_dates_of_keys_come_back_from_the_policy_and_contradictions_are_refused() -> None:
    policy = rotated(since=NOW)
    assert trust.parse_canonical(policy.encode()) == policy
    assert b"since 2026-11-28T12:00:00Z log.nightowl" in policy.encode()
    old, new = POLICY.logs[0].key, policy.logs[2].key
    assert policy.life_of(old) == trust.KeyLife(None, NOW)
    assert policy.life_of(new) == trust.KeyLife(NOW, None)
    assert policy.life_of(policy.signers[0]) == trust.KeyLife(None, None), "a signer is no key of the log, whatever its name"
    assert policy.log_since(ORIGIN) is None, "of the first key nobody says since when"
    assert DATED.log_since(ORIGIN) == BEGAN
    text = policy.encode()
    line = next(line for line in text.splitlines(keepends=True) if line.startswith(b"since "))
    stranger = str(SeededKeys("stranger").log_keys()[0]).encode()
    wrong = [text.replace(line, line + line), text.replace(line, b"since 2026-11-28T12:00:00Z " + stranger + b"\n")]
    wrong += [
        text.replace(b"since 2026-11-28T12:00:00Z", time) for time in (b"since", b"since 2026-11-28", b"since 2026-11-28T12:00:00+00:00")
    ]
    wrong += [text.replace(b"since 2026-11-28T12:00:00Z", b"since 2026-2-30T12:00:00Z")]
    for each in wrong:
        with pytest.raises(EvidenceInvalid):
            trust.parse(each)
