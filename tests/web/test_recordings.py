"""Recordings over real HTTP: whole, in parts, with lies, with losses, and with kills of everybody on the way."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.bootstrap import Expunge
from expunge.bootstrap.vault.doors import UPLOADS
from expunge.web.recordings import MOST_AT_ONCE
from tests.cli.running import expunge
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, copy, speech
from tests.web.sending import OFFSET, RECORDING, Sending, digest, keeping, left_behind, place, said
from tests.web.serving import Served, issue, serving

PART = 40_000
MIB = 2**20
PASSPHRASE = "walrus and monstera"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, empty_home: Doorbells) -> Iterator[tuple[Doorbells, Served]]:
    """One installation and one server in front of it, for stories that leave it working."""
    home = copy(empty_home, tmp_path_factory.mktemp("front") / "home")
    with serving(home.folder, issue(home.folder, "camera", "ingest")) as served:
        yield home, served


def noise(size: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(size)


def names(home: Doorbells) -> list[str]:
    with home.open() as opened:
        return [each.name for each in opened.vault.recordings("doorbell")]


def test_a_recording_comes_in_whole_and_again_changes_nothing(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, speech(0), said(ANNA, "", BELA), claims=True)
    first, again = sending.whole(), sending.whole()
    assert (first.status, again.status) == (201, 200)
    assert first.json == {**again.json, "fresh": True}
    assert (first.json["size"], first.json["status"]) == (len(sending.data), "in")
    assert home.read(*sending.name) == sending.data
    with home.open() as opened:
        (kept,) = [each for each in opened.vault.recordings("doorbell") if each.name.endswith(f"{sending.name[1]}.flac")]
    assert kept.subjects == (("profile", ANNA), ("profile", BELA))
    assert home.places(sending.data) == []
    # Under another id it is the same recording still; under the same id, another one is refused.
    assert Sending(served, sending.data, sending.says).whole().status == 200
    other = Sending(served, speech(1), sending.says, sending.id)
    assert (other.whole().status, other.whole().headers.get("Retry-After")) == (409, None)
    assert Sending(served, speech(1), sending.says).whole().status == 409
    assert left_behind(home) == []
    assert served.stderr() == ""


@pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB + 5])
def test_a_recording_of_any_size_comes_in_as_it_is(front: tuple[Doorbells, Served], size: int) -> None:
    home, served = front
    sending = Sending(served, noise(size))
    assert sending.whole().status == 201
    # Of nothing, nobody can tell whether it has come.
    assert sending.whole().status == (200 if size else 201)
    if size:
        other = Sending(served, noise(size, 8), sending.says, sending.id)
        assert (other.whole().status, other.part(0, size).status) == (409, 409)
    assert home.read(*sending.name) == sending.data


def test_a_stream_without_a_length_comes_in(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, noise(2 * MIB + 17))
    pieces = (sending.data[at : at + 70_001] for at in range(0, len(sending.data), 70_001))
    assert sending.send(pieces, sending.headers()).status == 201
    assert home.read(*sending.name) == sending.data


def test_parts_come_in_one_after_another_and_no_other_way(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, speech(2), claims=True)
    size = len(sending.data)
    assert size > 2 * PART
    assert (sending.how_far().status, sending.how_far().headers[OFFSET]) == (202, "0")
    first = sending.part(0, PART)
    assert (first.status, first.headers[OFFSET], first.json) == (202, str(PART), {"status": "incomplete", "received": PART})
    for wrong in (sending.part(0, PART), sending.part(PART + 1, 2 * PART), sending.part(2 * PART, size)):
        assert (wrong.status, wrong.headers[OFFSET]) == (409, str(PART))
        assert f"bytes {PART}-" in wrong.json["help"]
    assert sending.part(PART, 2 * PART).status == 202
    assert (sending.how_far().headers[OFFSET], left_behind(home) != []) == (str(2 * PART), True)
    assert home.places(sending.data) == []
    last = sending.part(2 * PART, size)
    assert (last.status, last.json["fresh"]) == (201, True)
    # Its answer was lost, and it comes again; so does the question.
    for again in (sending.part(2 * PART, size), sending.how_far(), sending.whole()):
        assert (again.status, again.json["fresh"], again.json["recording"]) == (200, False, last.json["recording"])
    assert home.read(*sending.name) == sending.data
    assert left_behind(home) == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), size=st.integers(1, 200_000))
def test_whatever_is_lost_or_repeated_on_the_way_the_recording_is_the_one_that_was_sent(
    front: tuple[Doorbells, Served], data: st.DataObject, size: int
) -> None:
    """A sender that does not remember goes by the offsets that it is told."""
    home, served = front
    sending = Sending(served, noise(size, size))
    with contextlib.ExitStack() as stack:
        stack.callback(sending.drop)
        persist(sending, data, size)
        assert home.read(*sending.name) == sending.data


def persist(sending: Sending, data: st.DataObject, size: int) -> None:
    at = 0
    for _ in range(30):
        wanted = data.draw(st.integers(at, size) | st.integers(0, size), label="end")
        first = data.draw(st.sampled_from([at, at, at, 0, min(at + 1, size)]), label="first")
        if first < wanted:
            answer = sending.part(first, wanted)
            assert answer.status == (202 if wanted < size else 201) if first == at else answer.status == 409
            if answer.status == 201:
                break
        at = int(sending.how_far().headers[OFFSET])
    else:
        assert sending.part(at, size).status == 201


def test_a_connection_that_breaks_costs_nothing_that_was_sent(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, noise(3 * MIB))
    sent = 2 * MIB + 12_345
    sending.half(sent).close()
    assert sending.reaches(sent)
    assert sending.part(sent, len(sending.data)).status == 201
    assert home.read(*sending.name) == sending.data


def test_a_whole_body_begins_anew_what_came_before(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, speech(3))
    assert sending.part(0, PART).status == 202
    assert sending.whole().status == 201
    assert home.read(*sending.name) == sending.data


def test_an_upload_that_is_given_up_leaves_nothing(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, speech(4))
    assert sending.part(0, PART).status == 202
    assert left_behind(home)
    assert (sending.drop().status, sending.drop().status) == (204, 204)
    assert left_behind(home) == []
    assert sending.how_far().headers[OFFSET] == "0"
    assert sending.whole().status == 201
    assert sending.drop().status == 204
    assert home.read(*sending.name) == sending.data, "what is in stays in"


def test_two_clients_with_one_id_make_one_recording(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, noise(4 * MIB), claims=True)
    answers: list[int] = []

    def go_on() -> None:
        for _ in range(40):
            at = sending.how_far()
            if at.status == 200:
                answers.append(200)
                return
            first = int(at.headers.get(OFFSET, 0))
            answer = sending.part(first, min(first + MIB // 2, len(sending.data)))
            assert answer.status in {200, 201, 202, 409, 503}
            if answer.status in {200, 201}:
                answers.append(answer.status)
                return

    clients = [threading.Thread(target=go_on) for _ in range(3)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert len(answers) == 3
    assert home.read(*sending.name) == sending.data
    assert sum(name.endswith(f"{sending.name[1]}.flac") for name in names(home)) == 1
    assert left_behind(home) == []


@pytest.mark.parametrize("newer", ["whole", "part"])
def test_the_bytes_of_two_requests_with_one_id_never_mix(front: tuple[Doorbells, Served], newer: str) -> None:
    """Nobody claimed a hash. The newer request goes on alone, and the older one is told, also where both are at the same place."""
    home, served = front
    first = Sending(served, noise(4 * MIB, 1))
    second = Sending(served, noise(4 * MIB, 2) if newer == "whole" else first.data, first.says, first.id)
    at = 2 * MIB if newer == "part" else 0
    with first.half(2 * MIB) as older:
        assert first.reaches(2 * MIB)
        with second.half(MIB if at else 2 * MIB, at) as later:
            assert second.reaches(at + MIB)
            time.sleep(0.5)
            older.sendall(first.data[2 * MIB :])
            assert older.recv(12) == b"HTTP/1.1 409"
            later.sendall(second.data[at + MIB if at else 2 * MIB :])
            assert later.recv(12) == b"HTTP/1.1 201"
    assert home.read(*first.name) == second.data


def test_uploads_that_nobody_goes_on_with_keep_no_other_out(front: tuple[Doorbells, Served]) -> None:
    """To ask about more uploads than there may be takes nobody's place."""
    _, served = front
    assert {Sending(served, noise(10)).how_far().status for _ in range(UPLOADS.of_caller + 2)} == {202}
    assert Sending(served, noise(10)).whole().status == 201


def test_more_recordings_come_in_than_uploads_may_be_open(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    before = len(names(home))
    assert {Sending(served, noise(10)).whole().status for _ in range(UPLOADS.of_caller + 2)} == {201}
    assert len(names(home)) == before + UPLOADS.of_caller + 2


def test_lies_about_the_hash_are_refused_and_leave_nothing(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, speech(5))
    lie = sending.whole(Repr_Digest=digest(b"walrus"))
    assert (lie.status, "another SHA-256" in lie.json["error"]) == (422, True)
    size = len(sending.data)
    assert sending.part(0, PART, Repr_Digest=digest(b"walrus")).status == 202
    assert sending.part(PART, size, Repr_Digest=digest(b"walrus")).status == 422
    assert left_behind(home) == []
    assert sending.whole(Repr_Digest=digest(sending.data)).status == 201


def test_one_upload_is_about_one_recording(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    sending = Sending(served, speech(6))
    assert sending.part(0, PART).status == 202
    for other in (
        Sending(served, sending.data, said(BELA), sending.id).part(PART, 2 * PART),
        Sending(served, sending.data, sending.says, sending.id).part(PART, 2 * PART, total=3 * PART),
        Sending(served, sending.data, sending.says, sending.id, claims=True).part(PART, 2 * PART),
    ):
        assert (other.status, "used for another" in other.json["error"]) == (409, True)
    # Another program's id is another id.
    strange = Served(served.folder, served.process, served.url, issue(home.folder, "other-camera", "ingest"), served.said)
    assert Sending(strange, sending.data, said(BELA), sending.id).how_far().headers[OFFSET] == "0"
    assert sending.part(PART, len(sending.data)).status == 201


def wrong_requests() -> dict[str, tuple[int, dict[str, str]]]:
    """Name -> status, and the headers that are wrong."""
    long = json.dumps({"dataset": "doorbell", "name": "x" * 5000})
    fields = {"profile_id": ANNA, "recording_id": "r"}
    return {
        "nothing": (400, {RECORDING: ""}),
        "no JSON": (400, {RECORDING: "{"}),
        "a list": (400, {RECORDING: "[]"}),
        "nested without end": (400, {RECORDING: "[" * 3000}),
        "no dataset": (400, {RECORDING: json.dumps({"fields": fields})}),
        "neither name nor fields": (400, {RECORDING: json.dumps({"dataset": "doorbell"})}),
        "both": (400, {RECORDING: json.dumps({"dataset": "doorbell", "name": f"doorbell/{ANNA}/r.flac", "fields": fields})}),
        "a word too many": (400, {RECORDING: said(purpose="x")}),
        "half a character": (400, {RECORDING: json.dumps({"dataset": "doorbell", "name": "\ud800"})}),
        "a person without a kind": (400, {RECORDING: said(subjects=[["", BELA]])}),
        "another dataset": (422, {RECORDING: said(dataset="remarks")}),
        "a field too few": (422, {RECORDING: said(fields={"profile_id": ANNA})}),
        "a name that leads out": (422, {RECORDING: json.dumps({"dataset": "doorbell", "name": "doorbell/../x.flac"})}),
        "a kind that is not known": (422, {RECORDING: said(subjects=[["cat", "tom"]])}),
        "a header without end": (400, {RECORDING: long}),
        "no hash": (400, {"Repr-Digest": "sha-256=walrus"}),
        "no range": (400, {"Content-Range": "bytes 5"}),
        "a range of other bytes": (400, {"Content-Range": "bytes 0-5/9"}),
        "a range beyond the end": (400, {"Content-Range": "bytes 0-9/9"}),
        "a question with a body": (400, {"Content-Range": "bytes */9"}),
        "items": (400, {"Content-Range": "items 0-9/10"}),
        "packed": (415, {"Content-Encoding": "gzip"}),
        "no token": (401, {"Authorization": ""}),
    }


@pytest.mark.parametrize("name", wrong_requests())
def test_a_request_that_is_wrong_is_told_what_and_leaves_nothing(front: tuple[Doorbells, Served], name: str) -> None:
    home, served = front
    status, headers = wrong_requests()[name]
    before = left_behind(home)
    sending = Sending(served, noise(10))
    answer = sending.send(sending.data, {**sending.headers(), **headers})
    assert answer.status == status
    assert answer.json["error"]
    assert answer.json["help"]
    assert not any(person in answer.body.decode() for person in (ANNA, BELA))
    assert left_behind(home) == before


def test_other_tokens_and_other_ids_are_refused(front: tuple[Doorbells, Served]) -> None:
    home, served = front
    lineage = issue(home.folder, "airflow", "lineage")
    assert Sending(served, noise(10)).whole(Authorization=f"Bearer {lineage}").status == 403
    assert served.post({}).status == 403, "a token for recordings posts no lineage"
    for bad in ("short", "x" * 129, "Quillfeather%20of%20Larkspur"):
        assert Sending(served, noise(10), id=bad).whole().status == 400


def test_who_is_refused_does_not_send_the_body(front: tuple[Doorbells, Served]) -> None:
    _, served = front
    sending = Sending(served, noise(10))
    head = f"PUT /api/v1/recordings/{sending.id} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n"
    with socket.create_connection(place(served), timeout=20) as connection:
        connection.sendall(f"{head}\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
    with socket.create_connection(place(served), timeout=20) as connection:
        says = "".join(f"{name}: {value}\r\n" for name, value in sending.headers().items())
        connection.sendall(f"{head}{says}\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")


def test_every_answer_about_recordings_is_documented(front: tuple[Doorbells, Served]) -> None:
    _, served = front
    documented = served.get("api/openapi.json").json["paths"]["/api/v1/recordings/{id}"]
    assert {"200", "201", "202", "403", "409", "422", "503", "507"} <= set(documented["put"]["responses"])
    assert {each["name"]: each["in"] for each in documented["put"]["parameters"]} == {
        "id": "path",
        RECORDING: "header",
        "Repr-Digest": "header",
        "Content-Range": "header",
    }
    assert "204" in documented["delete"]["responses"]


def test_slow_uploads_leave_room_for_others(front: tuple[Doorbells, Served]) -> None:
    _, served = front
    slow = [Sending(served, noise(MIB, number)) for number in range(MOST_AT_ONCE)]
    with contextlib.ExitStack() as stack:
        for each in slow:
            stack.enter_context(each.half(1000))
        time.sleep(0.5)
        refused = Sending(served, noise(10)).whole()
        assert (refused.status, "Retry-After" in refused.headers) == (503, True)
        assert served.get("healthz").status == 200
    until = time.monotonic() + 30
    while Sending(served, noise(10)).whole().status == 503 and time.monotonic() < until:
        time.sleep(0.2)
    assert Sending(served, noise(10)).whole().status == 201


# --- with an installation of its own ------------------------------------------------------------


def keeper_of(home: Doorbells) -> int:
    """The process of the keeper, once one answers."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        ran = expunge("keeper", "status", "--json", cwd=home.folder)
        if ran.code == 0:
            return int(ran.json["pid"])
        time.sleep(0.1)
    pytest.fail("no keeper answers")


def is_answered(connection: socket.socket) -> bool:
    """Whether an answer is there: one that refuses comes as soon as a byte is refused, and nothing is read after it."""
    return bool(select.select([connection], [], [], 0)[0])


def test_no_data_comes_in_of_a_person_who_is_erased_meanwhile(home: Doorbells) -> None:
    with serving(home.folder, issue(home.folder, "camera", "ingest")) as served:
        halfway, shared = Sending(served, speech(0), said(ANNA)), Sending(served, speech(1), said(BELA, "", ANNA))
        nearly = Sending(served, noise(MIB), said(ANNA))
        assert halfway.part(0, PART).status == shared.part(0, PART).status == 202
        with nearly.half(MIB - 200) as connection:
            # Why a byte a second: a body of which nothing more comes for ten seconds is given up, and an order may take longer.
            sent, ordered = MIB - 200, threading.Event()

            def go_on() -> None:
                nonlocal sent
                while not ordered.wait(1) and sent < MIB - 1 and not is_answered(connection):
                    connection.sendall(nearly.data[sent : sent + 1])
                    sent += 1

            slowly = threading.Thread(target=go_on)
            slowly.start()
            home.order(ANNA)
            for each in (halfway.part(PART, 2 * PART), shared.part(PART, 2 * PART), Sending(served, noise(10), said(ANNA)).whole()):
                assert (each.status, "is suppressed" in each.json["error"]) == (403, True)
                assert ANNA not in each.body.decode()
            ordered.set()
            slowly.join()
            if not is_answered(connection):
                connection.sendall(nearly.data[sent:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")
        assert (left_behind(home), names(home)) == ([], [])
        assert Sending(served, noise(10), said(CARA)).whole().status == 201


@pytest.mark.soak
def test_a_killed_keeper_begins_anew_and_nothing_readable_is_left(home: Doorbells) -> None:
    with serving(home.folder, issue(home.folder, "camera", "ingest")) as served:
        sending = Sending(served, speech(0), claims=True)
        assert sending.part(0, PART).status == 202
        os.kill(keeper_of(home), signal.SIGKILL)
        answer = sending.part(PART, 2 * PART)
        # The server starts another one, which knows nothing of the upload.
        until = time.monotonic() + 60
        while answer.status == 503 and time.monotonic() < until:
            assert answer.headers["Retry-After"]
            time.sleep(0.2)
            answer = sending.part(PART, 2 * PART)
        assert (answer.status, answer.headers[OFFSET]) == (409, "0")
        assert home.places(sending.data) == []
        assert sending.whole().status == 201
        assert home.read(*sending.name) == sending.data
        with home.open() as opened:
            opened.vault.vaults.library(opened.context.data_map.stores["recordings"]).scrub()
        assert left_behind(home) == []


@pytest.mark.soak
def test_an_upload_outlives_the_server_where_a_keeper_stays(home: Doorbells) -> None:
    token = issue(home.folder, "camera", "ingest")
    with keeping(home.folder):
        with serving(home.folder, token) as served:
            sending = Sending(served, noise(3 * MIB))
            with sending.half(2 * MIB + 99):
                assert sending.reaches(2 * MIB)
                os.killpg(served.process.pid, signal.SIGKILL)
        with serving(home.folder, token) as sending.served:
            at = int(sending.how_far().headers[OFFSET])
            assert at >= 2 * MIB
            assert sending.part(at, len(sending.data)).status == 201
            assert home.read(*sending.name) == sending.data


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)])
def test_a_keeper_that_the_server_started_ends_with_it_however_that_ends(home: Doorbells, how: signal.Signals) -> None:
    with serving(home.folder, issue(home.folder, "camera", "ingest")) as served:
        assert Sending(served, noise(10)).whole().status == 201
        pid = keeper_of(home)
        os.kill(served.process.pid, how)
        served.process.wait(30)
        until = time.monotonic() + 30
        while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.soak
def test_where_a_passphrase_is_needed_recordings_wait_for_a_keeper(home: Doorbells) -> None:
    lock(home)
    with serving(home.folder, issue(home.folder, "camera", "ingest")) as served:
        assert "recordings are refused for now" in served.stderr()
        assert "expunge keeper run" in served.stderr()
        sending = Sending(served, speech(0))
        refused = sending.whole()
        assert (refused.status, "Retry-After" in refused.headers) == (503, True)
        assert "expunge keeper run" in refused.json["help"]
        assert "not carried out" in refused.json["help"]
        with keeping(home.folder, **{**os.environ, "EXPUNGE_PASSPHRASE": PASSPHRASE}):
            assert sending.whole().status == 201


def lock(home: Doorbells) -> None:
    """Make the installation anew, with a passphrase."""
    shutil.rmtree(home.folder / "state")
    Expunge.init(home.map, passphrase=PASSPHRASE)


@pytest.mark.soak
def test_a_full_disk_is_told_and_leaves_nothing(home: Doorbells) -> None:
    with serving(home.folder, issue(home.folder, "camera", "ingest"), EXPUNGE_FAILPOINT="vault.ingest.data:before=full") as served:
        sending = Sending(served, speech(0))
        full = sending.whole()
        assert (full.status, "Retry-After" in full.headers) == (507, True)
        assert (left_behind(home), names(home)) == ([], [])
        assert sending.whole().status == 201
