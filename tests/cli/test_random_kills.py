"""The long run: an order that is killed at moments nobody chose, again and again, ends as one that was left alone."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli import world
from tests.cli.running import expunge


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_random_moments_until_it_is_done(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    world.make(tmp_path)
    assert expunge("init", cwd=tmp_path).code == 0
    stays = (tmp_path / "world/media/voice/p-tom/rec-t1-33810.wav").read_bytes()
    order = expunge("order", "erase", "profile:p-mia", "--yes", "--json", cwd=tmp_path).json["order"]
    assert expunge("plan", order, cwd=tmp_path).code == 0
    command = [sys.executable, "-m", "expunge", "apply", order, "--yes"]
    kills = 0
    for _ in range(200):
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            # Later each time: however slow the machine, there comes a run that gets beyond where the last one was killed.
            deadline = time.monotonic() + chance.uniform(0.5, 4.0 + kills / 4)
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
        if process.returncode != -signal.SIGKILL:
            break
    assert process.returncode == 0
    status = expunge("status", order, "--json", cwd=tmp_path).json["orders"][0]
    assert (status["state"], status["receipts"]) == ("fulfilled", 1)
    assert expunge("log", "verify", "--json", cwd=tmp_path).json["size"] == 1
    assert expunge("receipt", "show", order, "--out", "receipts", cwd=tmp_path).code == 0
    assert expunge("receipt", "verify", "receipts/1", cwd=tmp_path).code == 0
    assert (tmp_path / "world/media/voice/p-tom/rec-t1-33810.wav").read_bytes() == stays
    assert not (tmp_path / "world/media/voice/p-mia").exists()
    left = b"".join(path.read_bytes() for path in sorted((tmp_path / "world").rglob("*")) if path.is_file())
    assert b"purple walrus" not in left
    assert b"kettle timer" in left
    print(f"seed {seed}: killed {kills} times")
    shutil.rmtree(tmp_path / "world")
