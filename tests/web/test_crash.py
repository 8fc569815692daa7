"""What was answered with 2xx is there after the server was killed, whatever it was doing."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
import uuid
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.cli.running import expunge
from tests.web.serving import Served, company, edges, run_event, serving, table


def event(folder: Path, target: str) -> dict[str, object]:
    return run_event([table(folder, "transcripts")], [table(folder, target)], run={"runId": str(uuid.uuid4())})


def seen(folder: Path) -> set[str]:
    return {target.rpartition("/")[2] for _, target in edges(folder)}


@pytest.mark.soak
def test_a_server_that_is_killed_in_the_midst_of_traffic_has_lost_nothing_that_it_answered(tmp_path: Path) -> None:
    token = company(tmp_path)
    answered: list[str] = []
    enough = threading.Event()

    def send(served: Served, who: int) -> None:
        for number in range(10_000):
            name = f"t_{who}_{number}"
            try:
                answer = served.post([event(tmp_path, name), event(tmp_path, f"{name}_b")])
            except (OSError, HTTPException):
                return
            if answer.status != 200:
                return
            answered.append(name)
            if len(answered) >= 60:
                enough.set()

    with serving(tmp_path, token) as served:
        senders = [threading.Thread(target=send, args=(served, who)) for who in range(6)]
        for each in senders:
            each.start()
        assert enough.wait(300)
        os.killpg(served.process.pid, signal.SIGKILL)
        for each in senders:
            each.join(60)
    kept = seen(tmp_path)
    assert len(answered) >= 60
    assert {each for name in answered for each in (name, f"{name}_b")} <= kept
    with serving(tmp_path, token) as again:
        assert again.post(event(tmp_path, "after")).status == 200
    assert "after" in seen(tmp_path)


@pytest.mark.parametrize("point", [pytest.param("journal.commit:before", marks=pytest.mark.soak), "journal.commit:after"])
def test_an_event_whose_answer_never_came_can_be_sent_again(tmp_path: Path, point: str) -> None:
    token = company(tmp_path)
    lost = [event(tmp_path, "lost"), event(tmp_path, "found")]
    with serving(tmp_path, token, EXPUNGE_FAILPOINT=f"{point}=kill") as served:
        # The server asks its keeper again and again, and each that it starts dies in the same way.
        answer = served.post(lost)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "send it again later" in answer.json["help"]
    assert seen(tmp_path) == (set() if point == "journal.commit:before" else {"lost", "found"}), "all of it or nothing"
    with serving(tmp_path, token) as again:
        assert again.post(lost).status == 200
    assert seen(tmp_path) == {"lost", "found"}


def test_a_keeper_that_is_killed_in_the_midst_of_intake_has_lost_nothing_that_was_answered(tmp_path: Path) -> None:
    token = company(tmp_path)
    answered: list[str] = []
    statuses: set[int] = set()
    over = threading.Event()

    def send(served: Served, who: int) -> None:
        for number in itertools.count():
            if over.is_set():
                return
            name = f"t_{who}_{number}"
            answer = served.post([event(tmp_path, name), event(tmp_path, f"{name}_b")])
            statuses.add(answer.status)
            if answer.status == 200:
                answered.append(name)

    with serving(tmp_path, token) as served:
        senders = [threading.Thread(target=send, args=(served, who)) for who in range(6)]
        for each in senders:
            each.start()
        for _ in range(2):
            before = len(answered)
            until = time.monotonic() + 120
            while len(answered) < before + 20 and time.monotonic() < until:
                time.sleep(0.05)
            os.kill(expunge("keeper", "status", "--json", cwd=tmp_path).json["pid"], signal.SIGKILL)
        over.set()
        for each in senders:
            each.join(60)
        until = time.monotonic() + 60
        while served.post(event(tmp_path, "after")).status != 200 and time.monotonic() < until:
            time.sleep(0.2)
    kept = seen(tmp_path)
    assert len(answered) >= 40
    assert statuses <= {200, 503}
    assert {each for name in answered for each in (name, f"{name}_b")} | {"after"} <= kept
    assert {f"{name.removesuffix('_b')}_b" for name in kept - {"after"}} == {name for name in kept if name.endswith("_b")}, (
        "no request is half in"
    )
