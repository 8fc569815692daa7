"""``expunge receipt verify``: who may rely on what, and which exit code the shell sees."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from expunge.core.evidence import commitment
from tests.cli.receipts import ORIGIN, Company
from tests.cli.running import expunge, in_a_process


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    return Company().issue(tmp_path / "receipt")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere.txt"
    path.write_bytes(Company().policy())
    return path


def test_a_good_receipt_holds_and_says_that_its_keys_came_along(receipt: Path) -> None:
    ran = in_a_process("receipt", "verify", receipt)
    assert ran.code == 0
    assert "The receipt holds. It says: fulfilled" in ran.out
    assert "keys came along" in ran.out
    assert ran.err == ""


def test_with_keys_got_elsewhere_it_does_not_say_so(receipt: Path, policy: Path) -> None:
    ran = expunge("receipt", "verify", receipt, "--trust", policy)
    assert ran.code == 0
    assert "keys came along" not in ran.out


def test_json_has_a_schema_and_the_whole_statement(receipt: Path, policy: Path) -> None:
    answer = expunge("receipt", "verify", receipt, "--trust", policy, "--json").json
    assert answer["schema"] == "expunge.receipt-verification/1"
    assert answer["holds"] is answer["trusted"] is True
    assert answer["log"] == {"origin": ORIGIN, "size": 1, "index": 0}
    assert answer["verdict"] == "fulfilled"
    assert answer["statement"]["predicate"]["datasets"][0]["items"] == 7


def test_a_receipt_signed_again_by_another_holds_alone_and_is_refused_under_trust(tmp_path: Path, policy: Path) -> None:
    forged = Company(seed=2).issue(tmp_path / "forged")
    assert expunge("receipt", "verify", forged).code == 0
    ran = expunge("receipt", "verify", forged, "--trust", policy)
    assert ran.code == 6
    assert "not one that the trust policy names" in ran.err
    assert ran.out == ""


@pytest.mark.duty("RNG-26", "NST-12")
def test_twenty_changes_of_one_character_are_all_refused(receipt: Path, tmp_path: Path) -> None:
    chance = random.Random(20)
    names = sorted(path.name for path in receipt.iterdir())
    for number in range(20):
        changed = shutil.copytree(receipt, tmp_path / f"changed-{number}")
        path = changed / chance.choice(names)
        data = bytearray(path.read_bytes())
        at = chance.randrange(len(data))
        data[at] = chance.choice([byte for byte in range(32, 127) if byte != data[at]])
        path.write_bytes(data)
        ran = (in_a_process if number < 2 else expunge)("receipt", "verify", changed)
        assert ran.code == 6, f"{path.name} byte {at} was changed and nobody noticed"
        assert "error:" in ran.err
        assert "help:" in ran.err


def test_a_truncated_file_is_refused(receipt: Path) -> None:
    path = receipt / "receipt.dsse.json"
    path.write_bytes(path.read_bytes()[:-1])
    assert expunge("receipt", "verify", receipt).code == 6


def test_proofs_of_two_receipts_swapped_are_refused(tmp_path: Path) -> None:
    one, two = Company().issue(tmp_path / "one"), Company().issue(tmp_path / "two", nonce=b"\x0a" * 32)
    shutil.copy(two / "receipt.tlog-proof", one / "receipt.tlog-proof")
    assert expunge("receipt", "verify", one).code == 6


def test_a_stranger_among_the_files_is_refused_and_the_persons_own_are_not(receipt: Path) -> None:
    (receipt / "export.zip").write_bytes(b"whatever")
    (receipt / "before.json").write_bytes(b"[]")
    assert expunge("receipt", "verify", receipt).code == 0
    (receipt / "read me.txt").write_text("send money")
    assert expunge("receipt", "verify", receipt).code == 6


def test_a_link_in_place_of_a_file_is_refused(receipt: Path, tmp_path: Path) -> None:
    (receipt / "receipt.sig").rename(tmp_path / "sig")
    (receipt / "receipt.sig").symlink_to(tmp_path / "sig")
    assert expunge("receipt", "verify", receipt).code == 6


def test_an_empty_folder_is_bad_evidence_and_a_missing_one_bad_usage(tmp_path: Path) -> None:
    ran = expunge("receipt", "verify", tmp_path, "--json")
    assert ran.code == 6
    assert ran.json["schema"] == "expunge.error/1"
    assert ran.json["exit_code"] == 6
    assert expunge("receipt", "verify", tmp_path / "nowhere").code == 2


@pytest.mark.parametrize("beside", [True, False], ids=["in the folder", "given"])
def test_the_persons_opening_ties_the_receipt_to_them_and_without_it_that_is_said_in_capitals(
    receipt: Path, policy: Path, tmp_path: Path, beside: bool
) -> None:
    ran = expunge("receipt", "verify", receipt, "--trust", policy)
    assert ran.code == 0
    assert "NOTHING TIES IT TO A PERSON" in ran.out
    mine = (receipt if beside else tmp_path) / "opening.json"
    mine.write_bytes(commitment.Opening(b"\x07" * 32, (("profile", "p-17"),)).encode())
    given = () if beside else ("--opening", mine)
    tied = expunge("receipt", "verify", receipt, "--trust", policy, *given)
    assert tied.code == 0
    assert "opening.json ties the receipt" in tied.out
    assert "NOTHING TIES" not in tied.out
    assert expunge("receipt", "verify", receipt, *given, "--json").json["opened"] is True


def test_an_opening_of_another_person_is_refused_and_two_that_differ_are_bad_usage(receipt: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(commitment.Opening(b"\x07" * 32, (("profile", "p-18"),)).encode())
    assert expunge("receipt", "verify", receipt, "--opening", other).code == 6
    (receipt / "opening.json").write_bytes(commitment.Opening(b"\x07" * 32, (("profile", "p-17"),)).encode())
    assert expunge("receipt", "verify", receipt, "--opening", other).code == 2


def test_a_faulty_trust_file_is_refused(receipt: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("signer nobody\n")
    assert expunge("receipt", "verify", receipt, "--trust", bad).code == 6


def test_show_says_what_is_in_it_and_what_is_not(receipt: Path) -> None:
    ran = expunge("receipt", "show", receipt)
    assert ran.code == 0
    assert "recordings" in ran.out
    assert "scrubbed" in ran.out
    assert "backups of media until 2026-04-01" in ran.out
