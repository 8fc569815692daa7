"""``log verify URL``, ``receipt verify --log`` and ``log watch`` through the real command."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from expunge import clock
from expunge.adapters.log.cosigning import Witnesses
from expunge.core.log import trust
from expunge.core.note import parse_key
from tests.cli.running import expunge, in_a_process
from tests.log_kit import Operator, SeededWitness, asking, dated, grown, served

NOW = clock.now()


class Outside:
    def __init__(self, tmp_path: Path) -> None:
        self.operator = Operator(tmp_path / "log")
        self.operator.log.append([b"salted 0"])
        self.receipt = self.operator.issue(tmp_path / "receipt", dated(NOW - timedelta(days=1)))
        self.trust = tmp_path / "trust.txt"
        self.trust.write_bytes(self.operator.policy.encode())
        self.folder = self.operator.folder
        self.watch = tmp_path / "watch"


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(tmp_path)


def test_a_log_is_audited_by_its_address_and_shows_who_cosigned_it_when(outside: Outside) -> None:
    witness = SeededWitness("w0")
    outside.trust.write_bytes(asking(outside.operator.policy, [witness]).encode())
    with served(outside.folder) as url:
        bare = expunge("log", "verify", url, "--trust", outside.trust)
        assert (bare.code, "lacks the cosignatures" in bare.err) == (6, True)
        outside.operator.cosigned(witness, SeededWitness("stranger"), at=NOW)
        said = in_a_process("log", "verify", url, "--trust", outside.trust)
        assert said.code == 0, said.err
        assert f"witness w0.example: {NOW:%Y-%m-%d %H:%M:%S} UTC" in said.out
        assert "1 line by keys that the trust policy does not name is ignored" in said.err
        answer = expunge("log", "verify", url, "--trust", outside.trust, "--since", outside.receipt / "receipt.tlog-proof", "--json").json
    assert (answer["size"], answer["signers"], answer["known"], answer["ignored"], answer["whole"]) == (2, 2, 1, 1, True)
    assert answer["cosigned"] == [{"witness": "w0.example", "at": NOW.replace(microsecond=0).isoformat(), "fault": ""}]


def test_a_receipt_is_compared_with_the_log_of_now_at_an_address_or_in_a_folder(outside: Outside) -> None:
    grown(outside.folder, 600)
    with served(outside.folder) as url:
        for where in (url, str(outside.folder)):
            ran = expunge("receipt", "verify", outside.receipt, "--trust", outside.trust, "--log", where)
            assert ran.code == 0, ran.err
            assert "The log of now, 600 entries, continues the receipt's checkpoint and still holds its entry." in ran.out
            assert ran.out.splitlines()[-1].split(". ", 1)[1].startswith("The receipt holds.")
        answer = expunge("receipt", "verify", outside.receipt, "--log", url, "--since", outside.receipt, "--json").json
    assert (answer["log_now"]["size"], answer["log_now"]["known"]) == (600, 1)
    assert answer["trusted"] is False


@pytest.mark.parametrize("command", [("log", "verify"), ("log", "watch"), ("receipt", "verify")])
def test_a_log_that_does_not_answer_is_said_without_a_traceback(outside: Outside, command: tuple[str, str]) -> None:
    with served(outside.folder) as url:
        pass
    more = {"watch": ["--keep", outside.watch], "verify": []}[command[1]]
    where = [outside.receipt, "--log", url] if command[0] == "receipt" else [url]
    ran = in_a_process(*command, *where, "--trust", outside.trust, *more)
    assert ran.code == 1
    assert "cannot be read from" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("log", "verify", "http://127.0.0.1:1/"), 2),
        (("log", "verify", "/no/such/folder", "--trust", "T"), 2),
        (("log", "verify", "ftp://x/", "--trust", "T"), 2),
        (("log", "verify", "http://a b/", "--trust", "T"), 2),
        (("receipt", "verify", "R", "--since", "T"), 2),
        (("receipt", "verify", "R", "--log", "/no/such/folder"), 2),
        (("log", "verify", "L", "--trust", "T", "--since", "T"), 6),
        (("log", "verify", "L", "--trust", "T", "--since", "L"), 2),
        (("log", "verify", "R", "--trust", "T"), 6),
    ],
)
def test_commands_that_cannot_be_meant_are_refused(outside: Outside, arguments: tuple[str, ...], code: int) -> None:
    places = {"T": outside.trust, "R": outside.receipt, "L": outside.folder}
    ran = expunge(*(places.get(each, each) for each in arguments))
    assert ran.code == code
    assert "help:" in ran.err


def test_the_witness_command_cosigns_in_a_process_of_its_own(outside: Outside, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "expunge", "log", "witness", "witness", "--name", "w.example/1", "--trust", "trust.txt"]
    with subprocess.Popen([*command, "--port", "0", "--json"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            policy = replace(outside.operator.policy, witnesses=(trust.NamedKey(parse_key(said["vkey"]), said["url"], "w"),), quorum="w")
            asked = Witnesses(policy, patience=timedelta(seconds=20), now=clock.now)
            log = outside.operator.log
            found = asked.collect(log.head().checkpoint, log.prove_consistency)
            assert (found.enough, found.faults) == (True, ())
            origin = sha256(log.origin.encode()).hexdigest()
            with urllib.request.urlopen(f"{said['url']}{origin}/checkpoint") as answer:
                (tmp_path / "seen").write_bytes(answer.read())
        finally:
            process.terminate()
    ran = expunge("log", "verify", outside.folder, "--trust", outside.trust, "--since", tmp_path / "seen")
    assert ran.code == 0, "what a witness shows is a head that may be kept"


def test_a_watch_looks_once_or_again_and_again_and_ends_with_a_cry(outside: Outside, tmp_path: Path) -> None:
    out = tmp_path / "cried"
    script = tmp_path / "cry"
    script.write_text(f"#!/bin/sh\necho $EXPUNGE_LOG_ALARM >{out}\n")
    script.chmod(0o755)
    command = ("log", "watch", "--trust", outside.trust, "--keep", outside.watch, "--run", script)
    with served(outside.folder) as url:
        first = expunge(*command, url)
        assert (first.code, "taken as it is" in first.out) == (0, True)
        looks = expunge(*command, url, "--every", "1", "--times", "2", "--json")
        assert (looks.code, [line["size"] for line in looks.lines]) == (0, [2, 2])
    assert not out.exists()
    with served(grown(tmp_path / "fork", 5).head() and tmp_path / "fork") as url:
        cried = expunge(*command, url, "--every", "1", "--times", "5", "--json")
    assert (cried.code, len(cried.lines)) == (6, 1)
    assert [alarm["alarm"] for alarm in cried.lines[0]["alarms"]] == ["fork"]
    assert out.read_text() == "fork\n"
