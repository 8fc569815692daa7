"""A witness and the log that asks it: the rules of C2SP tlog-witness, crashes, races, and software of others on either side."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from expunge import clock, faults
from expunge.adapters.log.cosigning import CosignedNote, Witnesses
from expunge.adapters.log.tile_log import TileLog
from expunge.adapters.log.witness import Witness
from expunge.cli.services.witness_server import WitnessServer
from expunge.core import merkle
from expunge.core.log import checkpoint, trust
from expunge.core.log.signed_head import open_head
from expunge.core.log.witness_protocol import AddCheckpoint, Refusal, parse_request, with_cosignatures
from expunge.core.note import parse_key, parse_note
from expunge.errors import EvidenceInvalid, Misconfigured, StateCorrupt
from expunge.testing.forked import in_child
from tests.evidence_kit import ORIGIN, SeededKeys
from tests.log_kit import NOW, SeededWitness, answering, asking, grown, running, with_lines, without_lines

KEYS = SeededKeys()
POLICY = KEYS.policy()
EXAMPLE = (
    b"old 20852014\n"
    b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
    b"jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
    b"5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
    b"/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
    b"\n"
    b"example.com/behind-the-sofa\n"
    b"20852163\n"
    b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    b"\n"
    b"\xe2\x80\x94 example.com/behind-the-sofa "
    b"Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    b"\xe2\x80\x94 example.com/behind-the-sofa "
    b"opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n"
)
"""The request of the specification."""


class Tree:
    """The seeded operator's log of up to 40 entries, at every size; or another log with the same keys."""

    def __init__(self, word: str = "entry") -> None:
        self.leaves = [merkle.leaf_hash(f"{word if n > 2 else 'entry'} {n}".encode()) for n in range(40)]

    def node(self, size: int) -> merkle.Node:
        return merkle.nodes_of(self.leaves[:size])

    def note(self, size: int) -> bytes:
        return KEYS.signed(checkpoint.Checkpoint(ORIGIN, size, merkle.tree_root(size, self.node(size))))

    def request(self, old: int, size: int) -> bytes:
        proof = merkle.prove_consistency(old, size, self.node(size)) if 0 < old <= size else ()
        return AddCheckpoint(old, proof, self.note(size)).encode()


TREE, FORK = Tree(), Tree("other")


def witness(folder: Path, at: datetime = NOW, **changes: object) -> Witness:
    return Witness(folder, "w.example/1", replace(POLICY, **changes), now=lambda: at)  # type: ignore[arg-type]


def status(found: Witness, request: bytes) -> int:
    return int(found.add_checkpoint(request).status)


def test_the_request_of_the_specification_is_read_and_written() -> None:
    request = parse_request(EXAMPLE)
    assert (request.old, len(request.proof), request.note[:7]) == (20_852_014, 4, b"example")
    assert request.encode() == EXAMPLE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"old ", b"Old "),
        (b"old 2", b"old 02"),
        (b"old 2", b"old +2"),
        (b"old 2", b"old  2"),
        (b"20852014\n", b"20852014\r\n"),
        (b"PlRN", b"PlR"),
        (b"kaw=", b"kaw"),
        (b"\n\nexample", b"\nexample"),
        (b"20852163", b"x"),
        (b"\n\n\xe2", b"\nextension\n\n\xe2"),
        (b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n", b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n" * 61),
        (EXAMPLE, b""),
        (EXAMPLE, b"\xff" * 300),
    ],
)
def test_requests_that_are_none_are_malformed(tmp_path: Path, old: bytes, new: bytes) -> None:
    assert old in EXAMPLE
    with pytest.raises(Refusal):
        parse_request(EXAMPLE.replace(old, new, 1))
    assert status(witness(tmp_path), EXAMPLE.replace(old, new, 1)) == 400


def test_what_only_grows_is_cosigned_and_the_answer_fits_the_checkpoint(tmp_path: Path) -> None:
    found = witness(tmp_path)
    for old, size in ((0, 3), (3, 3), (3, 7), (7, 8), (8, 40)):
        answer = found.add_checkpoint(TREE.request(old, size))
        assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
        whole, line = with_cosignatures(TREE.note(size), answer.body, found.key)
        policy = replace(POLICY, witnesses=(trust.NamedKey(found.key, name="w"),), quorum="w")
        assert open_head(whole, policy, now=NOW).cosignatures[0].at == NOW
        assert line.name == "w.example/1"
    assert found.latest(sha256(ORIGIN.encode()).hexdigest()) == whole
    assert found.latest("0" * 64) is None
    assert found.latest("../witness.key") is None


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (TREE.request(0, 9), 409),
        (TREE.request(6, 9), 409),
        (TREE.request(8, 9), 409),
        (TREE.request(0, 3), 409),
        (AddCheckpoint(9, (), TREE.note(8)).encode(), 400),
        (AddCheckpoint(7, (), TREE.note(9)).encode(), 422),
        (AddCheckpoint(7, merkle.prove_consistency(7, 9, TREE.node(9))[:-1], TREE.note(9)).encode(), 422),
        (AddCheckpoint(7, merkle.prove_consistency(6, 9, TREE.node(9)), TREE.note(9)).encode(), 422),
        (FORK.request(7, 9), 422),
        (FORK.request(7, 7), 422),
        (AddCheckpoint(7, (bytes(32),), TREE.note(7)).encode(), 422),
        (AddCheckpoint(7, (), without_lines(SeededWitness("x").cosign(TREE.note(9)), ORIGIN)).encode(), 403),
        (AddCheckpoint(7, (), SeededKeys("other").signed(checkpoint.Checkpoint(ORIGIN, 9, bytes(32)))).encode(), 403),
        (AddCheckpoint(7, (), TREE.note(9).replace(b"\n9\n", b"\n10\n")).encode(), 403),
        (AddCheckpoint(0, (), KEYS.signed(checkpoint.Checkpoint("other.example", 9, bytes(32)))).encode(), 404),
    ],
)
def test_each_refusal_has_the_status_of_the_specification_and_changes_nothing(tmp_path: Path, request_: bytes, expected: int) -> None:
    found = witness(tmp_path)
    assert status(found, TREE.request(0, 7)) == 200
    before = found.latest(sha256(ORIGIN.encode()).hexdigest())
    answer = found.add_checkpoint(request_)
    assert answer.status == expected
    if expected == 409:
        assert (answer.body, answer.content_type) == (b"7\n", "text/x.tlog.size")
    assert found.latest(sha256(ORIGIN.encode()).hexdigest()) == before
    assert len(list(tmp_path.glob("*/evidence-*"))) == (expected == 422), "what the log signed against itself is kept"
    assert status(found, TREE.request(7, 9)) == 200


def test_a_first_checkpoint_needs_no_proof_and_may_have_none(tmp_path: Path) -> None:
    assert status(witness(tmp_path), AddCheckpoint(0, (bytes(32),), TREE.note(3)).encode()) == 422
    assert status(witness(tmp_path), TREE.request(0, 0)) == 200
    assert status(witness(tmp_path), TREE.request(0, 5)) == 200


def test_lines_by_others_are_ignored_and_not_kept(tmp_path: Path) -> None:
    found = witness(tmp_path)
    request = AddCheckpoint(0, (), with_lines(TREE.note(3), SeededWitness("x").line(TREE.note(3), 5))).encode()
    assert status(found, request) == 200
    kept = parse_note(found.latest(sha256(ORIGIN.encode()).hexdigest()) or b"")
    assert [line.name for line in kept.signatures] == [ORIGIN, ORIGIN, "w.example/1"]


POINTS = [f"witness.{point}:{side}" for point in ("keep.data", "keep.swap", "log.folder") for side in ("before", "after")]


@pytest.mark.parametrize("point", [*POINTS, "witness.keep.folder:before"])
def test_killed_before_the_answer_it_never_cosigns_less(tmp_path: Path, point: str) -> None:
    def die() -> None:
        with faults.arm(point, "kill"):
            witness(tmp_path).add_checkpoint(TREE.request(0, 7))

    witness(tmp_path)
    assert in_child(die).killed_by
    again = witness(tmp_path)
    answer = again.add_checkpoint(FORK.request(0, 9))
    seen = again.latest(sha256(ORIGIN.encode()).hexdigest())
    if answer.status == 409:
        assert (answer.body, status(again, TREE.request(7, 8))) == (b"7\n", 200)
    else:
        assert seen is not None, "nothing had been cosigned, so that another first checkpoint is as good"


@pytest.mark.parametrize(
    "point", ["witness.keep.data:before", "witness.keep.swap:before", "witness.keep.swap:after", "witness.keep.folder:before"]
)
def test_an_answer_goes_out_only_when_the_checkpoint_is_kept(tmp_path: Path, point: str) -> None:
    found = witness(tmp_path)
    assert status(found, TREE.request(0, 3)) == 200
    with faults.arm(point, "full"):
        answer = found.add_checkpoint(TREE.request(3, 7))
    assert (answer.status, b"w.example" in answer.body) == (503, False)
    seen = int(found.add_checkpoint(TREE.request(0, 9)).body)
    assert seen in (3, 7)
    assert status(found, TREE.request(seen, 8)) == 200


def test_of_requests_that_race_one_tree_wins(tmp_path: Path) -> None:
    assert status(witness(tmp_path), TREE.request(0, 3)) == 200
    answers: list[int] = []

    def ask(tree: Tree, size: int) -> None:
        answers.append(status(witness(tmp_path), tree.request(3, size)))

    threads = [threading.Thread(target=ask, args=[tree, size]) for tree in (TREE, FORK) for size in range(5, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 29


def test_a_clock_that_went_back_cosigns_nothing(tmp_path: Path) -> None:
    assert status(witness(tmp_path), TREE.request(0, 3)) == 200
    assert status(witness(tmp_path, NOW - timedelta(seconds=1)), TREE.request(3, 5)) == 503
    assert status(witness(tmp_path, NOW), TREE.request(3, 5)) == 200


def test_its_key_is_its_own_stays_and_is_missed_when_gone(tmp_path: Path) -> None:
    first = witness(tmp_path)
    assert first.add_checkpoint(TREE.request(0, 3)).status == 200
    assert witness(tmp_path).key == first.key
    path = tmp_path / "witness.key"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(Misconfigured, match="read by other users"):
        witness(tmp_path)
    path.unlink()
    with pytest.raises(StateCorrupt, match="missing"):
        witness(tmp_path)


def test_what_it_cosigned_last_damaged_or_under_another_name_stops_it(tmp_path: Path) -> None:
    found = witness(tmp_path)
    assert status(found, TREE.request(0, 3)) == 200
    (path,) = tmp_path.glob("*/checkpoint")
    data = path.read_bytes()
    path.write_bytes(data[:-9] + b"\n")
    assert status(found, TREE.request(3, 5)) == 503
    path.write_bytes(data)
    assert status(Witness(tmp_path, "w.example/2", POLICY, now=lambda: NOW), TREE.request(3, 5)) == 503
    assert status(found, TREE.request(3, 5)) == 200


# ---- over HTTP, and the log's side -------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path, at: datetime | None = None) -> Iterator[tuple[str, Witness]]:
    found = witness(folder) if at is None else witness(folder, at)
    with running(WitnessServer(found, "127.0.0.1", 0)) as url:
        yield url, found


def raw(url: str, data: bytes) -> bytes:
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_the_server_answers_what_it_should_and_nothing_else(tmp_path: Path) -> None:
    body = TREE.request(0, 3)
    with serving(tmp_path) as (url, found):
        host = url.removeprefix("http://").rstrip("/")
        connection = http.client.HTTPConnection(host, timeout=10)
        for method, path, data, expected in (
            ("POST", "/add-checkpoint", body, 200),
            ("POST", "/add-checkpoint", body, 409),
            ("GET", f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint", None, 200),
            ("GET", "/add-checkpoint", None, 404),
            ("GET", "/witness.key", None, 404),
            ("GET", f"/{'0' * 64}/checkpoint", None, 404),
        ):
            connection.request(method, path, data)
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (expected, True)
        connection.close()
        assert found.key.name == "w.example/1"
        head = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n"
        assert b" 411 " in raw(url, head + b"\r\n")
        assert b" 413 " in raw(url, head + b"Content-Length: 9999999\r\n\r\n")
        assert b" 413 " in raw(url, head + b"Content-Length: 99999999999999999999\r\n\r\n")
        assert b" 411 " in raw(url, head + b"Content-Length: -1\r\n\r\n")
        assert raw(url, head + b"Content-Length: 500\r\n\r\nold 0\n") == b""
        assert b" 404 " in raw(url, b"POST /other HTTP/1.1\r\nContent-Length: 0\r\n\r\n")


class Log:
    """A log on disk that asks for cosignatures itself."""

    def __init__(self, folder: Path, policy: trust.TrustPolicy, seconds: float = 5, fork_at: int | None = None) -> None:
        self.folder, self.fork_at = folder, fork_at
        self.asking = Witnesses(policy, patience=timedelta(seconds=seconds), now=lambda: NOW)

    def at(self, size: int) -> CosignedNote:
        log: TileLog = grown(self.folder, size, fork_at=self.fork_at)
        return self.asking.collect(log.head().checkpoint, log.prove_consistency)


def policy_of(*witnesses: tuple[str, Witness], needed: str = "all") -> trust.TrustPolicy:
    named = tuple(trust.NamedKey(found.key, url, f"w{number}") for number, (url, found) in enumerate(witnesses))
    return replace(POLICY, witnesses=named, groups=(trust.Group("q", needed, tuple(each.name for each in named)),), quorum="q")


def other(folder: Path, number: int, at: datetime = NOW) -> Witness:
    return Witness(folder, f"w.example/{number}", POLICY, now=lambda: at)


@contextmanager
def several(tmp_path: Path, count: int, at: datetime = NOW) -> Iterator[list[tuple[str, Witness]]]:
    found = [other(tmp_path / f"w{number}", number, at) for number in range(count)]
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield [(stack.enter_context(running(WitnessServer(each, "127.0.0.1", 0))), each) for each in found]


def test_a_log_collects_the_cosignatures_of_its_witnesses_as_it_grows(tmp_path: Path) -> None:
    with several(tmp_path, 3) as witnesses:
        policy = policy_of(*witnesses)
        log = Log(tmp_path / "log", policy)
        for size in (0, 1, 1, 300, 700):
            found = log.at(size)
            assert (found.enough, found.faults) == (True, ())
            assert open_head(found.note, policy, now=NOW).head.size == size
        again = Log(tmp_path / "log", policy).at(701)
        assert (again.enough, again.faults) == (True, ()), "whoever starts anew learns the sizes from the witnesses"


def test_a_witness_that_is_away_or_silent_costs_the_patience_and_nothing_else(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, several(tmp_path, 2) as witnesses:
        with serving(tmp_path / "away") as away:
            pass
        quiet = (f"http://127.0.0.1:{silent.getsockname()[1]}/", other(tmp_path / "quiet", 9))
        away = (away[0], other(tmp_path / "away2", 8))
        start = time.monotonic()
        found = Log(tmp_path / "log", policy_of(*witnesses, quiet, away, needed="2"), seconds=0.7).at(300)
        assert time.monotonic() - start < 2
        assert found.enough
        assert sorted(fault.split(": ")[0] for fault in found.faults) == ["w2", "w3"]
        assert "w2: no answer in time" in found.faults
        assert not Log(tmp_path / "log", policy_of(*witnesses, quiet, needed="3"), seconds=0.3).at(300).enough


def test_a_forked_or_rolled_back_log_is_told_so_by_its_witness(tmp_path: Path) -> None:
    with serving(tmp_path / "w") as (url, found):
        policy = policy_of((url, found))
        assert Log(tmp_path / "log", policy).at(300).enough
        (short,) = Log(tmp_path / "short", policy).at(200).faults
        assert "has seen 300 entries" in short
        for size in (300, 400):
            (forked,) = Log(tmp_path / f"fork{size}", policy, fork_at=7).at(size).faults
            assert "the log was forked" in forked
        assert len(list((tmp_path / "w").glob("*/evidence-*"))) == 2


@pytest.mark.parametrize("shift", [timedelta(hours=1), timedelta(days=-400)])
def test_a_witness_whose_clock_is_wrong_does_not_count(tmp_path: Path, shift: timedelta) -> None:
    with serving(tmp_path / "w", NOW + shift) as (url, found):
        policy = policy_of((url, found))
        policy = replace(policy, starts=tuple(trust.KeyStart(NOW - timedelta(days=1), log.key) for log in policy.logs))
        result = Log(tmp_path / "log", policy).at(3)
        assert not result.enough
        assert "its time is" in result.faults[0]
        assert [line.name for line in parse_note(result.note).signatures] == [ORIGIN, ORIGIN], "it is not published either"


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (200, b"", "no cosignature"),
        (200, b"hello\n", "no cosignature"),
        (200, "— x.example AAAAAAAAAAA=\n".encode(), "no cosignature"),
        (200, b"\n" * (1 << 20), "no cosignature"),
        (409, b"no size", "conflict and no size"),
        (409, b"1\n", "changing its mind"),
        (409, b"99999999\n", "has seen 99999999 entries"),
        (500, b"", "answered 500"),
        (302, b"", "answered 302"),
        (404, b"", "does not know the log"),
        (403, b"", "does not know the log's keys"),
        (400, b"", "does not understand"),
    ],
)
def test_a_witness_that_answers_nonsense_is_named_and_bounded(tmp_path: Path, code: int, body: bytes, said: str) -> None:
    from http.server import BaseHTTPRequestHandler

    asked = [0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked[0] += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body if asked[0] % 2 or body != b"1\n" else b"2\n")

        def log_message(self, *_: object) -> None:
            pass

    with running(answering(Handler)) as url:
        found = Log(tmp_path / "log", policy_of((url, other(tmp_path / "w", 1)))).at(7)
    assert not found.enough
    assert said in found.faults[0]
    assert asked[0] <= 4


# ---- an implementation of others (PyPI: aics-witness, for a newer Python) ----------------------------------------

OTHERS = shutil.which("aics-witness")
needs_others = pytest.mark.skipif(OTHERS is None, reason="aics-witness is not installed")


@needs_others
def test_a_witness_of_others_cosigns_our_log_and_refuses_a_fork(tmp_path: Path) -> None:
    assert OTHERS is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = ["--config", str(tmp_path / "witness.json")]
    subprocess.run([OTHERS, "init", *config, "--name", "others.example", "--listen", f"127.0.0.1:{port}"], check=True, capture_output=True)
    subprocess.run([OTHERS, "add-log", *config, "--origin", ORIGIN, "--vkey", str(KEYS.log_keys()[0])], check=True, capture_output=True)
    shown = subprocess.run([OTHERS, "status", *config], check=True, capture_output=True, text=True).stdout
    key = parse_key(next(word.strip('",') for word in shown.split() if word.strip('",').startswith("others.example+")))
    policy = replace(POLICY, witnesses=(trust.NamedKey(key, f"http://127.0.0.1:{port}/", "w0"),), quorum="w0")
    with subprocess.Popen([OTHERS, "serve", *config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            log = Log(tmp_path / "log", policy)
            log.asking = Witnesses(policy, patience=timedelta(seconds=10), now=clock.now)
            for size in (1, 300, 301, 700):
                found = log.at(size)
                assert (found.enough, found.faults) == (True, ())
                assert open_head(found.note, policy, now=clock.now()).witnesses == ("others.example",)
            (forked,) = Log(tmp_path / "fork", policy, fork_at=7).at(800).faults
            assert "the log was forked" in forked
            (short,) = Log(tmp_path / "short", policy).at(300).faults
            assert "has seen 700 entries" in short
        finally:
            process.terminate()


FEEDER = """
import json, sys
from aics_witness import WitnessClient
from aics_witness.feeder import FeederError
request = json.load(sys.stdin)
client = WitnessClient(request["url"], request["vkey"])
for each in request["notes"]:
    try:
        client.submit(each["note"].encode(), lambda old, new: [bytes.fromhex(hash) for hash in each["proofs"][str(old)]])
        print("true")
    except FeederError as error:
        print(json.dumps(type(error).__name__))
"""


@needs_others
def test_a_log_of_others_is_cosigned_by_our_witness(tmp_path: Path) -> None:
    assert OTHERS is not None
    python = Path(OTHERS).with_name("python")
    found = Witness(tmp_path, "w.example/1", POLICY)
    notes = []
    for tree, size in ((TREE, 3), (TREE, 7), (TREE, 7), (TREE, 40), (FORK, 40), (TREE, 9)):
        proofs = {str(old): [each.hex() for each in merkle.prove_consistency(old, size, tree.node(size))] for old in range(1, size)}
        notes.append({"note": tree.note(size).decode(), "proofs": {"0": [], str(size): [], **proofs}})
    with running(WitnessServer(found, "127.0.0.1", 0)) as url:
        request = json.dumps({"url": url, "vkey": str(found.key), "notes": notes})
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run([python, "-c", FEEDER], input=request, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [True, True, True, True, "WitnessRejected", "WitnessAhead"], (
        done.stderr
    )
    assert sys.version_info >= (3, 11)


def test_cosignatures_of_others_are_never_taken_for_the_witnesss_own(tmp_path: Path) -> None:
    line = SeededWitness("x").line(TREE.note(3), 5).line().encode()
    with pytest.raises(EvidenceInvalid):
        with_cosignatures(TREE.note(3), line, SeededWitness("y").key)
    assert asking(POLICY, [SeededWitness("y")]).quorum == "quorum"
