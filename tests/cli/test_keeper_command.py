"""``expunge keeper``: a passphrase that is given once, and commands that need none."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.adapters.keys import key_files
from expunge.bootstrap import Expunge, keeping
from expunge.bootstrap.serving import keeper_process
from expunge.errors import KeeperAway
from expunge.testing.forked import NOBODY, alongside, in_child
from tests.cli import world
from tests.cli.running import expunge, in_a_process

PASSPHRASE = "blue horses sing"


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A company whose keystore has a passphrase; guessing it is cheap here."""
    monkeypatch.setattr(key_files, "_SCRYPT", {"n": 2**10, "r": 8, "p": 1})
    monkeypatch.delenv("EXPUNGE_PASSPHRASE", raising=False)
    world.make(tmp_path)
    assert expunge("init", cwd=tmp_path, env={"EXPUNGE_PASSPHRASE": PASSPHRASE}).code == 0
    return tmp_path


@contextlib.contextmanager
def running(folder: Path, *more: str, passphrase: str | None = PASSPHRASE) -> Iterator[subprocess.Popen[str]]:
    """A real ``expunge keeper run``, which answers when the block begins."""
    known = {key: value for key, value in os.environ.items() if key != "EXPUNGE_PASSPHRASE"}
    if passphrase:
        known["EXPUNGE_PASSPHRASE"] = passphrase
    command = [sys.executable, "-m", "expunge", "keeper", "run", "--json", *more]
    with subprocess.Popen(command, cwd=folder, env=known, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            assert json.loads(line)["pid"] == process.pid
            yield process
        finally:
            process.kill()


def test_an_order_runs_through_without_the_passphrase_while_a_keeper_has_it(locked: Path) -> None:
    refused = expunge("status", cwd=locked)
    assert refused.code == 2
    assert "expunge keeper run" in refused.err
    with running(locked) as keeper:
        assert expunge("keeper", "status", "--json", cwd=locked).json["pid"] == keeper.pid
        assert expunge("doctor", cwd=locked).code == 0
        order = expunge("order", "erase", "profile:p-mia", "--yes", "--json", cwd=locked).json["order"]
        assert expunge("plan", order, cwd=locked).code == 0
        applied = expunge("apply", order, "--yes", "--json", cwd=locked)
        assert applied.code == 0, applied.err
        assert applied.lines[-1]["state"] == "fulfilled"
        assert expunge("receipt", "show", order, "--out", "receipts", cwd=locked).code == 0
        assert expunge("receipt", "verify", "receipts/1", cwd=locked).code == 0
        second = in_a_process("keeper", "run", cwd=locked, env={"EXPUNGE_PASSPHRASE": PASSPHRASE})
        assert second.code == 1
        assert "running already" in second.err
        assert expunge("keeper", "stop", cwd=locked).out == "the keeper has ended\n"
        assert keeper.wait(20) == 0
    assert expunge("keeper", "stop", cwd=locked).code == 1
    assert expunge("status", cwd=locked).code == 2, "nobody has the passphrase any more"
    assert expunge("status", cwd=locked, env={"EXPUNGE_PASSPHRASE": PASSPHRASE}).code == 0


@pytest.mark.soak
def test_the_passphrase_comes_from_a_file_and_a_wrong_one_is_said(locked: Path) -> None:
    path = locked / "credential"
    path.write_text("wrong\n")
    wrong = in_a_process("keeper", "run", "--passphrase-file", path, cwd=locked)
    assert wrong.code == 2
    assert "does not open" in wrong.err
    assert "--passphrase-file" in in_a_process("keeper", "run", cwd=locked).err
    path.write_text(f"{PASSPHRASE}\n")
    with running(locked, "--passphrase-file", str(path), "--state", "state", passphrase=None) as keeper:
        with Expunge.open(locked / "expunge.yaml") as opened:
            assert opened.orders() == ()
        keeper.send_signal(signal.SIGTERM)
        assert keeper.wait(20) == 0


@pytest.mark.soak
def test_a_keystore_without_a_passphrase_is_opened_as_ever(tmp_path: Path) -> None:
    """Whoever may read it needs no keeper, and a keeper beside it is in nobody's way."""
    world.make(tmp_path)
    assert expunge("init", cwd=tmp_path).code == 0
    with running(tmp_path, passphrase=None):
        assert expunge("doctor", cwd=tmp_path).code == 0
        assert expunge("keeper", "status", "--json", cwd=tmp_path).json["asked"] == 1


def test_users_and_groups_that_are_not_there_are_said(locked: Path) -> None:
    assert "no user named" in in_a_process("keeper", "run", "--allow-user", "nobody-has-this-name", cwd=locked).err
    assert "no group named" in in_a_process("keeper", "run", "--allow-group", "nobody-has-this-name", cwd=locked).err
    assert keeper_process.admitted(["0", "root"], ["0"]).users == {0}


@pytest.mark.root
def test_a_keeper_under_a_user_of_its_own_serves_whoever_cannot_read_the_keys(locked: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can become two users")
    state = locked / "state"
    for folder in (locked, *locked.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    state.chmod(0o755)
    keeper_user = 4242
    for path in (state / "keys", *(state / "keys").rglob("*")):
        os.chown(path, keeper_user, keeper_user)
    (state / "keeper").mkdir()
    os.chown(state / "keeper", keeper_user, keeper_user)

    def ask() -> int:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        with contextlib.closing(keeping.open_keys(state)) as keys:
            return len(keys.sign_receipt(b"x"))

    assert "KeeperAway" in in_child(ask).error
    place = keeping.place_of(None, state)
    reading, writing = os.pipe()

    def keep() -> None:
        os.setgroups([])
        os.setresgid(keeper_user, keeper_user, keeper_user)
        os.setresuid(keeper_user, keeper_user, keeper_user)
        keeper_process.keep(place, PASSPHRASE, keeper_process.admitted([str(NOBODY)], []), lambda: os.write(writing, b"."))

    def looked(pid: int, name: str) -> bytes:
        """What another process of the keeper's own user sees."""
        os.setgroups([])
        os.setresgid(keeper_user, keeper_user, keeper_user)
        os.setresuid(keeper_user, keeper_user, keeper_user)
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - not buffered
            return file.read(1)

    with alongside(keep) as child:
        os.close(writing)
        os.read(reading, 1)
        assert in_child(ask).returned() == 64
        for name in ("mem", "environ"):
            assert "PermissionError" in in_child(lambda name=name: looked(child.pid, name)).error, name
        os.kill(child.pid, signal.SIGTERM)
        assert not child.wait().error
    os.close(reading)
    with pytest.raises(KeeperAway):
        keeping.open_keys(state)
