from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from expunge import clock
from expunge.adapters.files.gate_file import FileGatePublisher
from expunge.adapters.keys.local_keystore import create
from expunge.core.gate.gate_snapshot import Contents, former_entry, gate_entry, key_check, parse_snapshot, publish_snapshot
from expunge.core.values.signature import Cmac
from expunge.errors import EvidenceInvalid
from expunge.gate import Decision, Gate, GateReason, Subject
from expunge.gate.file_gate import LOOK_EVERY

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
KEY = bytes(range(32))
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
PUBLIC = SIGNER.public_key().public_bytes_raw()
HOUR = timedelta(hours=1)
GONE = [("profile", "p-17"), ("account", "ann@example.com"), ("device", 'Zoë\'s "speaker"\n\0%'), ("profile", "\udcff")]
STAYS = [("profile", "p-18"), ("account", "p-17"), ("", "profilep-17"), ("profilep", "-17")]


def snapshot(*identifiers: tuple[str, str], published: datetime = NOW, key: bytes = KEY, lasts: timedelta = timedelta(days=1)) -> bytes:
    entries = frozenset(gate_entry(key, kind, value) for kind, value in identifiers)
    return publish_snapshot(Contents(entries), key, published=published, valid_until=published + lasts, sign=SIGNER.sign)


def gate(path: Path, *, now: datetime = NOW, key: bytes = KEY, public: bytes = PUBLIC, max_age: timedelta = HOUR) -> Gate:
    return Gate(path, key, (public,), max_age, now=lambda: now)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "gate.snapshot").write_bytes(snapshot(*GONE))
    return tmp_path / "gate.snapshot"


# ---- yes and no ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "value"), GONE)
def test_who_is_suppressed_may_not_be_used(path: Path, kind: str, value: str) -> None:
    decision = gate(path).may_use(Subject(kind, value), "train")
    assert decision == Decision(allowed=False, reason=GateReason.SUPPRESSED, as_of=NOW)
    assert not decision


@pytest.mark.parametrize(("kind", "value"), STAYS)
def test_everybody_else_may(path: Path, kind: str, value: str) -> None:
    decision = gate(path).may_use(Subject(kind, value), "train")
    assert decision == Decision(allowed=True, reason=GateReason.NOT_SUPPRESSED, as_of=NOW)
    assert decision


def test_the_batch_answers_for_each_in_order_from_a_generator(path: Path) -> None:
    subjects = (Subject("profile", f"p-{number}") for number in range(15, 20))
    answers = [decision.allowed for decision in gate(path).may_use_each(subjects, "train")]
    assert answers == [True, True, False, True, True]


def test_nobody_suppressed_lets_everybody_through(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(snapshot())
    assert gate(tmp_path / "s").may_use(Subject("profile", "p-17"), "train")


def test_a_purpose_must_be_named(path: Path) -> None:
    with pytest.raises(ValueError, match="purpose"):
        gate(path).may_use(Subject("profile", "p-18"), "")


@given(
    st.sets(st.tuples(st.sampled_from(["a", "b"]), st.text(max_size=6)), max_size=40),
    st.tuples(st.sampled_from(["a", "b"]), st.text(max_size=6)),
)
def test_the_snapshot_holds_exactly_what_was_put_in(gone: set[tuple[str, str]], asked: tuple[str, str]) -> None:
    parsed = parse_snapshot(snapshot(*gone), [PUBLIC])
    assert all(parsed.holds(gate_entry(KEY, *each)) for each in gone)
    assert parsed.holds(gate_entry(KEY, *asked)) == (asked in gone)


# ---- closed when anything is wrong -----------------------------------------------------------------------------------


def refused(opened: Gate) -> GateReason:
    decision = opened.may_use(Subject("profile", "p-18"), "train")
    assert not decision.allowed
    assert decision.as_of is None
    assert list(opened.may_use_each([Subject("profile", "p-18")] * 3, "train")) == [decision] * 3
    return decision.reason


def test_no_file_allows_nothing(tmp_path: Path) -> None:
    assert refused(gate(tmp_path / "none")) is GateReason.MISSING


def test_a_file_that_cannot_be_read_allows_nothing(tmp_path: Path) -> None:
    assert refused(gate(tmp_path)) is GateReason.UNREADABLE


def test_an_old_file_allows_nothing(path: Path) -> None:
    assert gate(path, now=NOW + HOUR).may_use(Subject("profile", "p-18"), "train")
    assert refused(gate(path, now=NOW + HOUR + timedelta(seconds=1))) is GateReason.STALE


def test_a_file_past_its_own_end_allows_nothing_however_patient_the_reader(path: Path) -> None:
    assert refused(gate(path, now=NOW + timedelta(days=1, seconds=1), max_age=timedelta(days=900))) is GateReason.STALE


def test_a_file_from_the_future_allows_nothing(path: Path) -> None:
    assert gate(path, now=NOW - timedelta(minutes=4)).may_use(Subject("profile", "p-18"), "train")
    assert refused(gate(path, now=NOW - timedelta(minutes=6))) is GateReason.FUTURE


def test_another_gate_key_allows_nothing_instead_of_finding_nobody(path: Path) -> None:
    assert refused(gate(path, key=bytes(32))) is GateReason.WRONG_KEY


def test_another_signer_allows_nothing(path: Path) -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert refused(gate(path, public=other)) is GateReason.FORGED
    assert refused(Gate(path, KEY, (), HOUR, now=lambda: NOW)) is GateReason.FORGED


def test_of_several_signers_any_will_do(path: Path) -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert Gate(path, KEY, (other, PUBLIC), HOUR, now=lambda: NOW).may_use(Subject("profile", "p-18"), "train")


def test_every_changed_byte_and_every_cut_allows_nothing(path: Path) -> None:
    data = path.read_bytes()
    bad = [bytes(byte ^ (1 if at == place else 0) for at, byte in enumerate(data)) for place in range(len(data))]
    for changed in (*bad, *(data[:length] for length in range(len(data))), data + b"\0"):
        with pytest.raises(EvidenceInvalid):
            parse_snapshot(changed, [PUBLIC])
        path.write_bytes(changed)
        assert refused(gate(path)) is GateReason.FORGED


def resigned(change: Callable[[bytes], bytes], lists: Callable[[bytes], bytes] = bytes) -> bytes:
    head, _, rest = snapshot(*GONE).partition(b"\n")
    entries = lists(rest[64:])
    head = change(head.replace(sha256(rest[64:]).hexdigest().encode(), sha256(entries).hexdigest().encode()) + b"\n")
    return head + SIGNER.sign(b"expunge/gate-snapshot/2\0" + head) + entries


@pytest.mark.parametrize(
    ("change", "lists"),
    [
        (lambda head: head.replace(b'"count":4', b'"count":3'), bytes),
        (lambda head: head.replace(b'"count":4', b'"count":5'), bytes),
        (lambda head: head.replace(b'"count":4', b'"count":4.0'), bytes),
        (lambda head: head.replace(b'"count":4', b'"count":true'), bytes),
        (lambda head: head.replace(b'"count":4', b'"count": 4'), bytes),
        (lambda head: head.replace(b'"list":"suppressed"', b'"list":"forgotten"'), bytes),
        (lambda head: head.replace(b'"list":"suppressed"', b'"list":"given"'), bytes),
        (lambda head: head.replace(b'"purpose":""', b'"purpose":"train"'), bytes),
        (lambda head: head.replace(b'"purposes":null', b'"purposes":[{"consent":1,"keep":null,"name":"train"}]'), bytes),
        (lambda head: head.replace(b'"purposes":null', b'"purposes":[{"consent":true,"keep":null,"name":""}]'), bytes),
        (lambda head: head.replace(b'"purposes":null', b'"purposes":{}'), bytes),
        (lambda head: head.replace(b"2026-05-01T12", b"2026-05-01 12"), bytes),
        (lambda head: head.replace(b"2026-05-01T12", b"2026-13-01T12"), bytes),
        (lambda head: head.replace(b"snapshot/2", b"snapshot/3"), bytes),
        (lambda head: head.replace(b'"schema"', b'"more":1,"schema"'), bytes),
        (lambda head: head[:-1], bytes),
        (lambda head: b"\n", bytes),
        (lambda head: head, lambda entries: entries[:-32] + entries[-16:] + entries[-32:-16]),
        (lambda head: head, lambda entries: entries[:-16] + entries[-32:-16]),
        (lambda head: head, lambda entries: entries[:-16]),
    ],
)
def test_our_own_signature_over_another_form_is_refused(
    path: Path, change: Callable[[bytes], bytes], lists: Callable[[bytes], bytes]
) -> None:
    data = resigned(change, lists)
    assert data != snapshot(*GONE)
    with pytest.raises(EvidenceInvalid):
        parse_snapshot(data, [PUBLIC])
    path.write_bytes(data)
    assert refused(gate(path)) is GateReason.FORGED


# ---- format 1 --------------------------------------------------------------------------------------------------------


def former(*identifiers: tuple[str, str]) -> bytes:
    entries = sorted(former_entry(KEY, kind, value) for kind, value in identifiers)
    head = f'{{"count":{len(entries)},"key_check":"{key_check(KEY)}","published":"2026-05-01T12:00:00Z",'
    body = f'{head}"schema":"expunge.gate-snapshot/1","valid_until":"2026-05-02T12:00:00Z"}}\n'.encode() + b"".join(entries)
    return body + SIGNER.sign(b"expunge/gate-snapshot/1\0" + body)


@pytest.mark.parametrize(("kind", "value"), GONE)
def test_a_snapshot_of_format_1_is_still_read(path: Path, kind: str, value: str) -> None:
    path.write_bytes(former(*GONE))
    assert gate(path).may_use(Subject(kind, value), "train").reason is GateReason.SUPPRESSED
    assert gate(path).may_use(Subject("profile", "p-18"), "train")


def test_an_empty_snapshot_of_format_1_lets_everybody_through(path: Path) -> None:
    path.write_bytes(former())
    assert gate(path).may_use(Subject("profile", "p-17"), "train")


def test_every_changed_byte_of_format_1_allows_nothing(path: Path) -> None:
    data = former(*GONE)
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert refused(gate(path)) is GateReason.FORGED


def test_who_was_suppressed_before_format_2_stays_suppressed(path: Path) -> None:
    contents = Contents(frozenset({gate_entry(KEY, "profile", "p-1")}), frozenset({former_entry(KEY, "profile", "p-17")}))
    path.write_bytes(publish_snapshot(contents, KEY, published=NOW, valid_until=NOW + HOUR, sign=SIGNER.sign))
    answers = gate(path).may_use_each([Subject("profile", name) for name in ("p-1", "p-17", "p-18")], "train")
    assert [answer.allowed for answer in answers] == [False, False, True]


# ---- while the pipeline runs -----------------------------------------------------------------------------------------


def test_a_gate_that_stays_open_sees_the_next_snapshot_and_a_file_that_went(path: Path) -> None:
    opened = gate(path)
    assert opened.may_use(Subject("profile", "p-18"), "train")
    fresh = path.with_name("fresh")
    fresh.write_bytes(snapshot(*GONE, ("profile", "p-18")))
    fresh.replace(path)
    time.sleep(0.002)
    assert opened.may_use(Subject("profile", "p-18"), "train").reason is GateReason.SUPPRESSED
    path.unlink()
    time.sleep(0.002)
    assert opened.may_use(Subject("profile", "p-19"), "train").reason is GateReason.MISSING
    path.write_bytes(snapshot(*GONE))
    assert opened.may_use(Subject("profile", "p-18"), "train")


def test_threads_share_a_gate(path: Path) -> None:
    opened, answers = gate(path), []

    def ask() -> None:
        answers.extend(
            decision.allowed for decision in opened.may_use_each([Subject("profile", "p-17"), Subject("profile", "p-18")] * 100, "x")
        )

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [False, True] * 400


# ---- what it says about people ---------------------------------------------------------------------------------------


def test_the_file_and_the_answers_name_nobody(path: Path) -> None:
    data = path.read_bytes()
    for kind, value in GONE:
        raw = value.encode("utf-8", "surrogatepass")
        assert raw not in data
        assert value not in repr(Subject(kind, value))
        assert value not in repr(gate(path).may_use(Subject(kind, value), "train"))


def test_entries_cannot_be_matched_without_the_key() -> None:
    assert gate_entry(KEY, "profile", "p-17") != gate_entry(bytes(32), "profile", "p-17")
    assert len(gate_entry(KEY, "profile", "p-17")) == 16


def test_the_entry_and_the_check_are_those_that_are_written_down() -> None:
    assert gate_entry(KEY, "profile", "p-17").hex() == "b1c42fa835b284c4dc41ce9d498779cf"
    assert former_entry(KEY, "profile", "p-17").hex() == "95038c4a74257825f5f545c53aec05e3"
    assert key_check(KEY) == "e3015a0e424460a4"


@pytest.mark.parametrize(
    ("length", "tag"),
    [
        (0, "bb1d6929e95937287fa37d129b756746"),
        (16, "070a16b46b4d4144f79bdd9dd04a287c"),
        (40, "dfa66747de9ae63030ca32611497c827"),
        (64, "51f0bebf7e3b9d92fc49741779363cfe"),
    ],
)
def test_the_keyed_hash_gives_the_tags_of_rfc_4493(length: int, tag: str) -> None:
    message = bytes.fromhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    )
    assert Cmac(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")).of(message[:length]).hex() == tag


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=70))
def test_the_keyed_hash_is_that_of_the_library(key: bytes, message: bytes) -> None:
    other = CMAC(AES(key))
    other.update(message)
    assert Cmac(key).of(message) == other.finalize()


# ---- publishing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [b"", b"short", bytes(17)])
def test_an_entry_of_another_length_is_not_published(bad: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        publish_snapshot(Contents(frozenset({bad})), KEY, published=NOW, valid_until=NOW + HOUR, sign=SIGNER.sign)


def test_a_snapshot_that_is_never_valid_or_has_no_time_zone_is_not_published() -> None:
    with pytest.raises(ValueError, match="valid"):
        publish_snapshot(Contents(), KEY, published=NOW, valid_until=NOW, sign=SIGNER.sign)
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="aware"):
        publish_snapshot(Contents(), KEY, published=naive, valid_until=naive + HOUR, sign=SIGNER.sign)


def test_the_same_suppressions_give_the_same_bytes_in_any_order() -> None:
    assert snapshot(*GONE) == snapshot(*reversed(GONE), GONE[0])


def test_what_the_keystore_publishes_the_gate_reads(tmp_path: Path) -> None:
    keys = create(tmp_path / "keys")
    publish = FileGatePublisher(tmp_path / "gate.snapshot", keys)
    now = clock.now()
    publish(now, Contents(frozenset({gate_entry(keys.gate_key(), "profile", "p-17")})))
    assert publish.age(now + HOUR) == HOUR + (now - now.replace(microsecond=0))
    opened = Gate.open(tmp_path / "gate.snapshot", keys.gate_key(), keys.signer_public(), HOUR)
    assert opened.may_use(Subject("profile", "p-17"), "train").reason is GateReason.SUPPRESSED
    assert opened.may_use(Subject("profile", "p-18"), "train")
    publish(now, Contents())
    time.sleep(LOOK_EVERY)
    assert opened.may_use(Subject("profile", "p-17"), "train")
    keys.rotate_signer()
    publish(now, Contents())
    time.sleep(LOOK_EVERY)
    assert opened.may_use(Subject("profile", "p-17"), "train").reason is GateReason.FORGED
    assert Gate.open(tmp_path / "gate.snapshot", keys.gate_key(), keys.signer_publics(), HOUR).may_use(Subject("profile", "p-17"), "train")


# ---- what it needs ---------------------------------------------------------------------------------------------------


PIPELINE = """
import sys
from datetime import timedelta
from expunge.gate import Gate, Subject
gate = Gate.open({path!r}, bytes(range(32)), {public!r}, timedelta(days=36500))
print(gate.may_use(Subject("profile", "p-17"), "train").allowed)
heavy = {{"django", "pyarrow", "yaml", "typer", "rich", "sqlite3", "zstandard", "phonenumbers"}}
print(sorted({{name.split(".")[0] for name in sys.modules}} & heavy))
rooms = {{name.split(".")[1] for name in sys.modules if name.startswith("expunge.")}}
print(sorted(rooms - {{"clock", "core", "errors", "gate", "phones", "ports"}}))
"""


def test_a_pipeline_needs_neither_django_nor_arrow_nor_the_engine(path: Path) -> None:
    code = PIPELINE.format(path=str(path), public=PUBLIC)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["False", "[]", "[]"]
