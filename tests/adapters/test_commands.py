"""Commands of the map, as real processes: what they are given, what they may take, and that nothing of them is left."""

from __future__ import annotations

import json
import os
import resource
import secrets
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from expunge import permit
from expunge.adapters.commands import orphans
from expunge.adapters.commands.local_commands import LocalCommands
from expunge.core.values.outcome import Reason, Unable
from expunge.errors import TakenOver
from expunge.ports.commands import CommandLimits, Ran
from expunge.testing.forked import RunningChild, in_child
from expunge.testing.forked import start as start_child

MIB = 1 << 20
PATIENCE = 60.0
"""Seconds after which something that has to happen is taken for not happening."""


class Workshop:
    """A folder with programs, and whoever runs them."""

    def __init__(self, folder: Path, *, apart: bool) -> None:
        self.folder = folder
        self.apart = apart
        self.word = f"w{secrets.token_hex(8)}"
        """Stands in the arguments of everything that is started here."""
        self.commands = LocalCommands(folder, apart=apart)
        self.shown: list[float] = []

    def program(self, code: str) -> str:
        """Write a program; the command that runs it."""
        path = self.folder / f"p{secrets.token_hex(4)}.py"
        path.write_text(textwrap.dedent(code))
        return f"{sys.executable} -I -S {path} {self.word}"

    def run(self, code: str, request: bytes = b"", seconds: float = PATIENCE, memory: int = 1024 * MIB, **more: object) -> Ran | Unable:
        return self.commands.run(self.program(code), request, CommandLimits(seconds, memory, **more), self.shown.append)  # type: ignore[arg-type]

    def ran(self, code: str, request: bytes = b"", **more: object) -> Ran:
        outcome = self.run(code, request, **more)  # type: ignore[arg-type]
        assert isinstance(outcome, Ran), outcome
        return outcome

    def unable(self, code: str, request: bytes = b"", **more: object) -> Unable:
        outcome = self.run(code, request, **more)  # type: ignore[arg-type]
        assert isinstance(outcome, Unable), outcome
        return outcome

    def left(self) -> list[int]:
        """Processes that were started here and live."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    words, state = (entry / "cmdline").read_bytes(), (entry / "stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if self.word.encode() in words and state not in "ZX":
                    found.append(int(entry.name))
        return found


@pytest.fixture(params=[True, False], ids=["in namespaces", "without"])
def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    place = Workshop(tmp_path, apart=request.param)
    if request.param and not place.commands.apart:
        pytest.skip("this kernel allows no namespaces here")
    yield place
    assert place.left() == []


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_command_gets_the_request_on_standard_input_and_the_folder_of_the_map(workshop: Workshop) -> None:
    workshop.ran("import sys, os; open('got', 'wb').write(sys.stdin.buffer.read() + os.getcwd().encode())", b'{"erased": ["r-1"]}')
    assert (workshop.folder / "got").read_bytes() == b'{"erased": ["r-1"]}' + str(workshop.folder).encode()


def test_progress_is_told_as_it_grows_and_what_looks_like_it_is_not(workshop: Workshop) -> None:
    workshop.ran("""
        import sys
        for line in ("0.1", "0.4", "0.4", "0.2", "1.5", "nan", "-1", "1e0", "0.5 of Anna", "1.0"):
            print("expunge: progress", line)
        print("expunge: progress 0.9", file=sys.stderr)
    """)
    assert workshop.shown == [0.1, 0.4, 1.0]


def test_the_last_line_of_progress_counts_too(workshop: Workshop) -> None:
    for _ in range(5):
        workshop.shown.clear()
        workshop.ran("import os; os.write(1, b'expunge: progress 1.0\\n'); os._exit(0)")
        assert workshop.shown == [1.0]


@pytest.mark.parametrize(
    ("code", "told"),
    [("raise SystemExit(3)", "exit code 3"), ("import os; os.kill(os.getpid(), 11)", "signal SIGSEGV"), ("1 / 0", "exit code 1")],
)
def test_a_command_that_fails_is_told_by_its_exit_code_and_never_by_what_it_wrote(workshop: Workshop, code: str, told: str) -> None:
    outcome = workshop.unable("import sys; print('Anna Okafor', flush=True); print('Anna', file=sys.stderr, flush=True)\n" + code)
    assert outcome.reason is Reason.COMMAND_FAILED
    assert told in outcome.detail
    assert "bytes, which are not kept" in outcome.detail
    assert "Anna" not in outcome.detail


@pytest.mark.parametrize("command", ["", "  ", "train 'half", "no-such-program-here --all", "./no/such/file", "nul\0byte"])
def test_what_is_no_command_is_said_to_be_none(workshop: Workshop, command: str) -> None:
    outcome = workshop.commands.run(command, b"", CommandLimits(), workshop.shown.append)
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.COMMAND_FAILED


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    outcome = LocalCommands(tmp_path / "gone").run("true", b"", CommandLimits(), print)
    assert outcome == Unable(Reason.COMMAND_FAILED, "no process could be started in the folder of the map: No such file or directory")


def test_arguments_are_no_shell_line(workshop: Workshop) -> None:
    command = workshop.program("import sys; open('got', 'w').write(repr(sys.argv[2:]))") + " 'a b' '$HOME' ';' '*'"
    assert isinstance(workshop.commands.run(command, b"", CommandLimits(), print), Ran)
    assert (workshop.folder / "got").read_text() == "['a b', '$HOME', ';', '*']"


def test_a_command_that_hangs_is_ended(workshop: Workshop) -> None:
    code = "import signal, time\nfor each in (2, 15, 1): signal.signal(each, signal.SIG_IGN)\ntime.sleep(3600)"
    outcome = workshop.unable(code, seconds=0.5)
    assert outcome.reason is Reason.TOO_LONG
    assert "0.5 s are allowed" in outcome.detail


def test_a_command_that_eats_memory_is_ended(workshop: Workshop) -> None:
    outcome = workshop.unable("held = []\nwhile True: held.append(bytearray(4 << 20))", memory=200 * MIB)
    assert outcome.reason is Reason.TOO_MUCH_MEMORY
    assert "200 MiB are allowed" in outcome.detail


def test_memory_is_that_of_all_processes_together(workshop: Workshop) -> None:
    outcome = workshop.unable(
        """
        import os, time
        for _ in range(4):
            if not os.fork():
                break
        held = bytearray(os.urandom(1) * (90 << 20))
        time.sleep(3600)
        """,
        memory=300 * MIB,
    )
    assert outcome.reason is Reason.TOO_MUCH_MEMORY


def test_pages_that_workers_share_count_once(workshop: Workshop) -> None:
    done = workshop.ran(
        """
        import os, time
        held = os.urandom(1) * (150 << 20)
        children = []
        for _ in range(4):
            if not (pid := os.fork()):
                time.sleep(0.7)
                os._exit(0)
            children.append(pid)
        for each in children:
            os.waitpid(each, 0)
        """,
        memory=300 * MIB,
    )
    assert 150 * MIB < done.peak_memory < 300 * MIB


def test_memory_that_is_taken_faster_than_anybody_looks_is_refused(workshop: Workshop) -> None:
    outcome = workshop.unable("held = bytearray(64 << 30)", memory=100 * MIB)
    assert outcome.reason is Reason.COMMAND_FAILED


def test_more_processes_than_any_training_needs_are_ended(workshop: Workshop) -> None:
    # Why with an end: a bomb that goes off takes every other test on the machine with it.
    outcome = workshop.unable(
        "import os, time\nfor _ in range(700):\n    if not os.fork(): time.sleep(60)\ntime.sleep(60)", memory=64 << 30
    )
    assert outcome.reason is Reason.COMMAND_FAILED
    assert "more than 512 processes" in outcome.detail


def test_what_a_command_leaves_running_ends_with_it(workshop: Workshop) -> None:
    """The usual way to become a daemon: away from parent, group and terminal, deaf to what is asked politely."""
    workshop.ran("""
        import os, signal, time
        told, tell = os.pipe()
        if not os.fork():
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if not os.fork():
                os.write(tell, b"x")
                time.sleep(3600)
            os._exit(0)
        os.read(told, 1)
    """)
    assert workshop.left() == []


def test_a_command_need_not_read_the_request(workshop: Workshop) -> None:
    workshop.ran("import os; os.close(0)", b"x" * (32 * MIB))


def test_a_request_that_was_read_is_at_its_end(workshop: Workshop) -> None:
    workshop.ran("import sys; got = sys.stdin.read(); assert len(got) == 3 << 20; assert sys.stdin.read() == ''", b"x" * (3 * MIB))


def test_a_request_cannot_be_changed(workshop: Workshop) -> None:
    workshop.ran(
        """
        import os
        for change in (lambda: os.write(0, b"x"), lambda: os.truncate("/proc/self/fd/0", 0), lambda: os.open("/proc/self/fd/0", os.O_RDWR)):
            try:
                change()
            except OSError:
                continue
            assert change() is not None and os.pread(0, 10, 0) == b"as it was"
        assert os.pread(0, 10, 0) == b"as it was"
        """,
        b"as it was",
    )


def test_output_is_dropped_however_much_it_is(workshop: Workshop) -> None:
    before = int(next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")).split()[1])
    outcome = workshop.unable("""
        import sys
        for _ in range(1000):
            sys.stdout.write("expunge: progress 0.5" * 5000)
            sys.stderr.write("x" * 1000)
        print()
        print("expunge: progress 0.75", flush=True)
        raise SystemExit(1)
    """)
    after = int(next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")).split()[1])
    assert workshop.shown == [0.75]
    assert after - before < 32 << 10
    assert str(1000 * (21 * 5000 + 1000) + 1) in outcome.detail


def test_no_secret_of_ours_is_handed_on_unless_the_map_names_it(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hush")
    monkeypatch.setenv("TRACKING", "http://127.0.0.1:5000")
    code = "import json, os; json.dump(dict(os.environ), open('got', 'w'))"
    workshop.ran(code, environment=("TRACKING",))
    got = json.loads((workshop.folder / "got").read_text())
    assert got["TRACKING"] == "http://127.0.0.1:5000"
    assert got["OMP_NUM_THREADS"] == got["OPENBLAS_NUM_THREADS"] == got["MKL_NUM_THREADS"] == "1"
    assert got["PATH"] == os.environ["PATH"]
    assert "hush" not in str(got)
    allowed = {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TRACKING", "EXPUNGE_COMMAND"}
    assert {name for name in got if not name.endswith("_NUM_THREADS")} <= allowed


def test_a_variable_that_the_map_names_and_nobody_set_is_said(workshop: Workshop) -> None:
    outcome = workshop.unable("open('got', 'w')", environment=("NOWHERE_SET",))
    assert "the environment has no NOWHERE_SET" in outcome.detail
    assert not (workshop.folder / "got").exists()


def test_what_is_asked_stands_in_no_argument_and_no_environment(workshop: Workshop) -> None:
    secret, seen = f"anna-{secrets.token_hex(4)}", []

    def look(_: float) -> None:
        for entry in Path("/proc").iterdir():
            for name in ("cmdline", "environ"):
                try:
                    seen.append(secret.encode() in (entry / name).read_bytes())
                except OSError:
                    continue

    command = workshop.program(
        "import sys; assert 'anna' in sys.stdin.read(); print('expunge: progress 0.5', flush=True); sys.stdin.read()"
    )
    assert isinstance(workshop.commands.run(command, json.dumps({"erased": [secret]}).encode(), CommandLimits(), look), Ran)
    assert seen
    assert not any(seen)
    assert not [each for each in workshop.folder.rglob("*") if each.is_file() and secret.encode() in each.read_bytes()]


def test_files_of_a_command_are_for_its_user_alone_and_a_crash_leaves_no_core(workshop: Workshop) -> None:
    workshop.ran("import resource; open('got', 'w').write(str(resource.getrlimit(resource.RLIMIT_CORE)))")
    assert (workshop.folder / "got").read_text() == "(0, 0)"
    assert (workshop.folder / "got").stat().st_mode & 0o777 == 0o600


def test_a_command_steps_aside_for_whatever_else_runs(workshop: Workshop) -> None:
    # Counted from ours, or from 0 where the keeper may run in real time: what it starts begins there (sched(7), SCHED_RESET_ON_FORK).
    steps = (min(os.nice(0) + 10, 19), 10)
    workshop.ran(f"import os; assert os.nice(0) in {steps}; assert os.sched_getscheduler(0) == {os.sched_getscheduler(0)}")


def test_a_command_reaches_nobody_where_the_kernel_can_keep_it_from_the_network(workshop: Workshop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        reach = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5).close()"
        assert workshop.ran(reach, network=True).offline is False
        if workshop.apart:
            assert workshop.unable(reach).reason is Reason.COMMAND_FAILED
        else:
            # Said, where it cannot be kept from it.
            assert workshop.ran(reach).offline is False


def test_files_that_are_hidden_hold_nothing_for_the_command_and_are_unharmed(workshop: Workshop) -> None:
    names = [workshop.folder / each for each in ("weights.bin", "with a space\nand a line.bin")]
    for each in names:
        each.write_bytes(b"w" * 5000)
    code = f"""
        from pathlib import Path
        raise SystemExit(sum(len(Path(each).read_bytes()) for each in {[str(each) for each in names]!r}) // 100)
    """
    outcome = workshop.run(code, hidden=tuple(map(str, names)))
    if workshop.commands.apart:
        assert isinstance(outcome, Ran), outcome
        assert outcome.hidden
    else:
        assert isinstance(outcome, Unable), outcome
        assert "exit code 100" in outcome.detail, "where there are no namespaces it reads them"
    assert [each.read_bytes() for each in names] == [b"w" * 5000] * 2


def test_what_cannot_be_hidden_is_said(workshop: Workshop) -> None:
    assert not workshop.ran("pass", hidden=(str(workshop.folder / "not-there.bin"),)).hidden
    assert not workshop.ran("pass").hidden


def test_a_command_without_network_may_speak_with_itself(workshop: Workshop) -> None:
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()).close()"
    assert workshop.ran(code).offline is workshop.apart


def test_a_process_finds_itself_where_it_looks(workshop: Workshop) -> None:
    """Libraries read ``/proc`` with the ids that they know."""
    workshop.ran("import os; assert os.readlink('/proc/self') == str(os.getpid()); assert os.path.exists(f'/proc/{os.getpid()}/statm')")


ENDLESS = "import time\nprint('expunge: progress 0.5', flush=True)\ntime.sleep(3600)"


def test_what_is_raised_while_it_runs_ends_it(workshop: Workshop) -> None:
    class Enough(Exception):
        pass

    def stop(_: float) -> None:
        raise Enough

    with pytest.raises(Enough):
        workshop.commands.run(workshop.program(ENDLESS), b"", CommandLimits(), stop)
    assert workshop.left() == []


def test_a_command_ends_at_once_though_a_process_forked_from_ours_meanwhile_has_all_that_is_open(workshop: Workshop) -> None:
    forked: list[RunningChild] = []

    class Enough(Exception):
        pass

    def stop(_: float) -> None:
        forked.append(start_child(lambda: time.sleep(3600)))
        raise Enough

    before = time.monotonic()
    with pytest.raises(Enough):
        workshop.commands.run(workshop.program(ENDLESS), b"", CommandLimits(), stop)
    assert workshop.left() == []
    assert time.monotonic() - before < 20
    forked[0].kill()


def test_limits_that_are_tighter_already_stay(workshop: Workshop) -> None:
    # Beside what tests before have left in this process, which a child inherits.
    (data,) = (int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:"))
    most = data + 512 * MIB

    def tight() -> str:
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        workshop.ran("import resource; open('got', 'w').write(str(resource.getrlimit(resource.RLIMIT_DATA)))", memory=most)
        return (workshop.folder / "got").read_text()

    assert in_child(tight).returned() == str((most, most))


def test_a_command_ends_when_somebody_else_has_taken_the_step_over(workshop: Workshop) -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise TakenOver("somebody else has it")

    with permit.required(ask), pytest.raises(TakenOver):
        workshop.commands.run(workshop.program(ENDLESS), b"", CommandLimits(), workshop.shown.append)
    assert workshop.left() == []


def test_nothing_starts_for_a_step_that_was_taken_over(workshop: Workshop) -> None:
    def ask() -> None:
        raise TakenOver("somebody else has it")

    with permit.required(ask), pytest.raises(TakenOver):
        workshop.run("open('got', 'w')")
    assert not (workshop.folder / "got").exists()


DAEMON = """
    import os, sys, time
    if not os.fork():
        os.setsid()
        time.sleep(3600)
    print('expunge: progress 0.5', flush=True)
    time.sleep(3600)
"""


def start(workshop: Workshop, code: str, *more: str) -> subprocess.Popen[bytes]:
    """Another Expunge, that runs the command; returns when the command is at work. With ``fork``, it has forked meanwhile."""
    script = (
        "import os, sys, time; from pathlib import Path; from expunge.adapters.commands.local_commands import LocalCommands\n"
        "from expunge.ports.commands import CommandLimits as Limits\n"
        "commands = LocalCommands(Path(sys.argv[1]), apart=sys.argv[2] == 'True')\n"
        "def shown(share):\n"
        "    if 'fork' in sys.argv and not os.fork(): time.sleep(3600)\n"
        "    print(share, flush=True)\n"
        "commands.run(sys.argv[3], b'', Limits(), shown)"
    )
    # A run in the background inherits that interrupts are ignored; whoever sits at a terminal does not.
    python = ["env", "--default-signal=INT", sys.executable, "-c", script]
    command = [*python, str(workshop.folder), str(workshop.apart), workshop.program(code), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"0.5\n"
    return process


def children(workshop: Workshop, of: int) -> set[int]:
    """Processes of this workshop whose parent is the process ``of``."""
    found = set()
    for pid in workshop.left():
        try:
            if int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == of:
                found.add(pid)
        except OSError:
            continue
    return found


def keepers(workshop: Workshop, of: int) -> list[int]:
    """The process that watches a command of the process ``of``."""
    return [pid for pid in children(workshop, of) if b"keeper_process.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_command_dies_with_the_expunge_that_started_it(workshop: Workshop, how: signal.Signals) -> None:
    process = start(workshop, DAEMON)
    assert len(workshop.left()) >= 4
    process.send_signal(how)
    with process:
        assert process.wait(PATIENCE) != 0
    until(lambda: workshop.left() == [])


def test_a_command_whose_keeper_is_killed_is_ended_and_has_failed(workshop: Workshop) -> None:
    def kill(_: float) -> None:
        (keeper,) = keepers(workshop, os.getpid())
        os.kill(keeper, signal.SIGKILL)

    outcome = workshop.commands.run(workshop.program(DAEMON), b"", CommandLimits(), kill)
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.COMMAND_FAILED
    assert "ended from outside" in outcome.detail
    assert workshop.left() == []


def test_what_outlives_expunge_and_keeper_is_ended_by_the_next_command(workshop: Workshop) -> None:
    process = start(workshop, DAEMON)
    keeper = keepers(workshop, process.pid)
    assert len(keeper) == 1
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(keeper[0], signal.SIGKILL)
    until(lambda: keeper[0] not in workshop.left())
    if not workshop.apart:
        # Asked while their Expunge lives: as soon as it does not, any other on this machine may end them.
        assert set(workshop.left()) - {process.pid}, "nothing was left that the next command could end"
    process.kill()
    with process:
        process.wait(PATIENCE)
    workshop.ran("pass")
    if workshop.apart:
        until(lambda: workshop.left() == [])
    # At once: another Expunge on this machine would do it some time, too.
    assert workshop.left() == []


def test_what_is_forked_while_orphans_are_ended_is_ended_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"import os, sys, time; sys.stdin.readline()\nif os.fork(): print('forked', flush=True)\ntime.sleep(2 * {PATIENCE})"
    own = orphans.mark()
    kill, killed = os.kill, []
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={orphans.MARK: own}, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def kill_late(pid: int, number: int) -> None:
            """It forks after it was found, and before it is killed."""
            if not killed:
                process.stdin.write(b"\n")
                assert process.stdout.readline() == b"forked\n"
            killed.append(pid)
            kill(pid, number)

        monkeypatch.setattr(orphans.os, "kill", kill_late)
        orphans.end_marked(own)
        assert select.select([process.stdout], [], [], PATIENCE)[0], "somebody still has the other end of its output"
        assert process.stdout.read() == b""
    assert len(set(killed)) == 2


def test_a_command_dies_with_its_expunge_though_a_process_forked_from_that_lives_on(workshop: Workshop) -> None:
    process = start(workshop, ENDLESS, "fork")
    forked = children(workshop, process.pid) - set(keepers(workshop, process.pid))
    assert len(forked) == 1
    process.kill()
    with process:
        process.wait(PATIENCE)
        try:
            until(lambda: set(workshop.left()) == forked)
        finally:
            os.kill(forked.pop(), signal.SIGKILL)
    until(lambda: workshop.left() == [])


def test_a_command_of_another_expunge_that_lives_is_left_alone(workshop: Workshop) -> None:
    process = start(workshop, ENDLESS)
    with process:
        workshop_of_ours = Workshop(workshop.folder, apart=workshop.apart)
        workshop_of_ours.ran("pass")
        assert len(workshop.left()) >= 3
        assert process.poll() is None
        process.kill()
    until(lambda: workshop.left() == [])
