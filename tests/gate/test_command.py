"""``expunge gate``: what a shell pipeline sees, from the key that it is given to the question who was in a model."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge import Expunge
from expunge.cli.terminal import output
from expunge.servers.processes import wait_until
from tests.cli import world
from tests.cli.running import expunge, invoke

FILTER = ("gate", "filter", "--column", "profile_id", "--kind", "profile", "--purpose", "train")
NAMES = ["p-mia", "p-tom", "p-ada", None]


@dataclass(frozen=True)
class Piped:
    code: int
    out: bytes
    err: str


def piped(*arguments: str, data: bytes, cwd: Path) -> Piped:
    output.stdout.cache_clear()
    output.stderr.cache_clear()
    with contextlib.chdir(cwd):
        done = invoke(*arguments, typed=data, env={"COLUMNS": "200"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Piped(done.exit_code, done.stdout_bytes, done.stderr)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mia is gone. The pipeline has a key."""
    folder = tmp_path_factory.mktemp("company")
    world.make(folder)
    expunge("init", cwd=folder)
    expunge("order", "erase", "profile:p-mia", "--yes", cwd=folder)
    assert expunge("gate", "key", "train-intent", "--to", "pipeline", cwd=folder).code == 0
    return folder


@pytest.fixture
def company(made: Path) -> Path:
    """Its snapshot is young: a minute is all that pipelines accept."""
    with Expunge.open(made / "expunge.yaml") as opened:
        opened.gates.publish()
    return made


def parquet(names: list[str | None] = NAMES) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"profile_id": names, "n": list(range(len(names)))}), sink, row_group_size=2)
    return sink.getvalue()


def jsonl() -> bytes:
    return b"".join(json.dumps({"n": at, "profile_id": name}).encode() + b"\n" for at, name in enumerate(NAMES))


def test_parquet_comes_out_as_parquet_without_who_is_gone(company: Path) -> None:
    ran = piped(*FILTER, data=parquet(), cwd=company)
    assert ran.code == 0
    table = pq.read_table(io.BytesIO(ran.out))
    assert table.column("profile_id").to_pylist() == ["p-tom", "p-ada"]
    assert table.schema == pq.read_table(io.BytesIO(parquet())).schema
    assert ran.err == "2 rows let through; refused: 1 row it is not known whose it is, 1 row suppressed\n"


def test_json_lines_come_out_byte_for_byte(company: Path) -> None:
    ran = piped(*FILTER, data=jsonl(), cwd=company)
    assert (ran.code, ran.out) == (0, b"".join(jsonl().splitlines(keepends=True)[1:3]))


def test_csv_keeps_its_first_line(company: Path) -> None:
    ran = piped(*FILTER, data=b'n,profile_id\r\n0,p-mia\r\n1,"p-tom"\r\n2,p-ada\r\n3,\r\n', cwd=company)
    assert (ran.code, ran.out) == (0, b"n,profile_id\r\n1,p-tom\r\n2,p-ada\r\n")


def test_the_format_can_be_given(company: Path) -> None:
    ran = piped(*FILTER, "--format", "csv", data=b"profile_id\n{\n", cwd=company)
    assert (ran.code, ran.out) == (0, b"profile_id\r\n{\r\n")


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        (parquet()[:-20], (), "not a whole Parquet file"),
        (parquet(), ("--format", "jsonl"), "not a JSON object"),
        (parquet(), ("--format", "xml"), "no format"),
        (b'{"profile_id": "p-ada"}\n{"profile_id": "p-', (), "line 2 is not a JSON object"),
        (b'{"profile_id": "p-ada"}\n{"user": "p-ada"}\n', (), "line 2 has no field"),
        (b'{"profile_id": 1.5}\n', (), "text or a whole number"),
        (b"n,user\n1,p-ada\n", (), "no single column"),
        (b"n,profile_id\n1,p-ada\n2\n", (), "row 3 has 1 fields"),
        (b"", (), "no single column"),
        (b"profile_id\n\xff\n", (), "not CSV in UTF-8"),
        (jsonl(), ("--manifest", "m"), "go together"),
        (jsonl(), ("--manifest", "m", "--product", "x"), "pipeline's key"),
    ],
)
def test_a_broken_pipe_or_a_wrong_word_leaves_nothing_at_all(company: Path, data: bytes, more: tuple[str, ...], said: str) -> None:
    ran = piped(*FILTER, *more, data=data, cwd=company)
    assert (ran.code, ran.out) == (2, b"")
    assert said in ran.err
    assert not (company / "m").exists()


def test_a_gate_that_knows_nothing_writes_nothing_and_fails(company: Path, tmp_path: Path) -> None:
    company = shutil.copytree(company, tmp_path / "copy")
    (company / "state" / "gate" / "snapshot").write_bytes(b"forged")
    for data in (parquet(), jsonl(), b"profile_id\np-ada\n"):
        ran = piped(*FILTER, data=data, cwd=company)
        assert (ran.code, ran.out) == (1, b"")
        assert "not signed" in ran.err
        assert "gate publish" in ran.err


def test_rows_that_are_too_old_stay_out(company: Path) -> None:
    rows = b'{"profile_id": "p-ada", "at": "2026-01-01T00:00:00Z"}\n{"profile_id": "p-ada", "at": "soon"}\n'
    ran = piped(*FILTER, "--recorded", "at", data=rows, cwd=company)
    assert ran.out == rows.splitlines(keepends=True)[0], "the map states no period for purposes; what has no time is refused"


@pytest.mark.duty("AMZ-08")
def test_the_manifest_of_a_model_answers_for_its_people(company: Path, tmp_path: Path) -> None:
    """From another folder, with nothing but what the pipeline was given."""
    elsewhere = tmp_path
    given = ("--gate", str(company / "pipeline" / "gate.toml"))
    ran = piped(*FILTER, *given, "--manifest", "intent-7", "--product", "intent 7", data=parquet(), cwd=elsewhere)
    assert ran.code == 0
    manifest = elsewhere / "intent-7"
    for name, code, words in (("p-tom", 0, "was in intent 7"), ("p-mia", 3, "was not in intent 7")):
        for where, more in ((elsewhere, given), (company, ())):
            asked = expunge("gate", "was-in", manifest, f"profile:{name}", *more, cwd=where)
            assert asked.code == code
            assert words in asked.out
    again = piped(*FILTER, *given, "--manifest", "intent-7", "--product", "intent 7", data=parquet(), cwd=elsewhere)
    assert again.code == 2
    assert "cannot be written" in again.err
    assert again.out == b"", "rows that no manifest knows of do not come out"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:-16])
    assert expunge("gate", "was-in", manifest, "profile:p-tom", cwd=company).code == 6
    assert expunge("gate", "was-in", company / "none", "profile:p-tom", cwd=company).code == 2
    assert expunge("gate", "was-in", manifest, "p-tom", cwd=company).code == 2
    manifest.write_bytes(whole)
    answer = expunge("gate", "was-in", manifest, "profile:p-tom", "--json", cwd=company).json
    assert (answer["schema"], answer["was_in"], answer["subjects"]) == ("expunge.was-in/1", True, 2)
    assert (answer["pipeline"], answer["purpose"]) == ("train-intent", "train")


def test_a_pipelines_folder_is_closed_and_never_overwritten(company: Path) -> None:
    folder = company / "pipeline"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    before = (folder / "pipeline.key").read_bytes()
    again = expunge("gate", "key", "train-intent", "--to", "pipeline", cwd=company)
    assert again.code == 1
    assert "already" in again.err
    assert (folder / "pipeline.key").read_bytes() == before
    assert expunge("gate", "key", "Train Intent", cwd=company).code == 2
    listed = expunge("gate", "key", "other", "--json", cwd=company).json
    assert (listed["schema"], Path(listed["folder"])) == ("expunge.gate-key/1", (company / "state/gate/pipelines/other").resolve())


def test_the_published_settings_hold_no_key(company: Path) -> None:
    expunge("gate", "publish", cwd=company)
    text = (company / "state" / "gate" / "gate.toml").read_text()
    assert (company / "pipeline" / "gate.key").read_text().strip() not in text
    assert "key" not in text


def test_where_no_worker_runs_the_command_goes_on_renewing(company: Path, tmp_path: Path) -> None:
    company = shutil.copytree(company, tmp_path / "copy")
    snapshot = company / "state" / "gate" / "snapshot"
    # A run in the background inherits that interrupts are ignored; whoever sits at a terminal does not.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "expunge", "gate", "publish", "--every", "0.1", "--json"]
    with subprocess.Popen(command, cwd=company, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for _ in range(3):
            assert json.loads(running.stdout.readline()) == {"schema": "expunge.gate-published/1", "suppressed": 1}
            # Seen in the folder: lines may have been written while this process was kept from reading them.
            snapshot.unlink()
            assert wait_until(snapshot.exists, 60), "it was not written again"
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    assert snapshot.exists()


ASK = """
import sys
from expunge.gate import may_use, allowed
for name in sys.argv[1:]:
    print(may_use(f"profile:{name}", "train").reason.name)
print(allowed(iter(sys.argv[1:]), None, "profile", "train").rows.__class__.__name__)
"""


def asked(*names: str, env: dict[str, str], cwd: Path) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EXPUNGE_") or name.startswith("EXPUNGE_TEST_")}
    done = subprocess.run([sys.executable, "-c", ASK, *names], env={**clean, **env}, cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.split()[:-1]


def test_one_question_in_one_line_finds_everything_by_itself(company: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = company / "pipeline" / "gate.toml"
    nowhere = tmp_path_factory.mktemp("nowhere")
    assert asked("p-mia", "p-tom", env={"EXPUNGE_GATE": str(settings)}, cwd=nowhere) == ["SUPPRESSED", "NOT_SUPPRESSED"]
    assert asked("p-mia", "p-tom", env={}, cwd=company / "pipeline") == ["SUPPRESSED", "NOT_SUPPRESSED"]
    assert asked("p-mia", "p-tom", env={}, cwd=nowhere) == ["NOT_SET_UP", "NOT_SET_UP"]
    key, line = (company / "pipeline" / "gate.key").read_text().strip(), settings.read_text().splitlines()[1]
    signers = ",".join(json.loads(line.partition("=")[2]))
    single = {"EXPUNGE_GATE_SNAPSHOT": str(company / "state/gate/snapshot"), "EXPUNGE_GATE_KEY": key, "EXPUNGE_GATE_SIGNERS": signers}
    assert asked("p-mia", "p-tom", env=single, cwd=nowhere) == ["SUPPRESSED", "NOT_SUPPRESSED"]
    assert asked("p-tom", env={**single, "EXPUNGE_GATE_KEY": "00" * 32}, cwd=nowhere) == ["WRONG_KEY"]
