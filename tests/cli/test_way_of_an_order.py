"""The way of an order through the real command, over real stores: what the shell sees at each turn."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests import exports
from tests.cli import world
from tests.cli.running import expunge, in_a_process


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh")
    world.make(folder)
    assert expunge("init", cwd=folder).code == 0
    return folder


@pytest.fixture
def company(fresh: Path, tmp_path: Path) -> Path:
    """A company that has keys and state and no order yet."""
    return shutil.copytree(fresh, tmp_path / "company")


def ordered(company: Path, *names: str, more: tuple[str, ...] = ()) -> str:
    ran = expunge("order", "erase", *names, "--yes", "--json", *more, cwd=company)
    assert ran.code == 0, ran.err
    return str(ran.json["order"])


def planned(company: Path, *names: str) -> str:
    order = ordered(company, *names)
    assert expunge("plan", order, cwd=company).code == 0
    return order


@contextmanager
def reader(company: Path) -> Iterator[None]:
    """Somebody who reads the database and does not let go."""
    with closing(sqlite3.connect(company / "world" / "app.db", isolation_level=None)) as database:
        database.execute("begin")
        database.execute("select count(*) from transcripts").fetchone()
        yield


def bytes_under(folder: Path) -> bytes:
    return b"\0".join(str(path).encode() + path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_child_is_erased_everywhere_and_the_others_stay(company: Path) -> None:
    order = ordered(company, "profile:p-mia", more=("--openings", "openings"))
    plan = expunge("plan", order, "--out", "plan.json", "--detailed-exitcode", cwd=company)
    assert plan.code == 3
    assert "recordings: erase 2 items" in plan.out
    assert "down to scrubbed" in plan.out
    done = in_a_process("apply", "plan.json", "--yes", "--out", "receipts", cwd=company)
    assert (done.code, "fulfilled" in done.out) == (0, True), done.err
    (company / "openings" / "1" / "opening.json").rename(company / "receipts" / "1" / "opening.json")
    verified = expunge("receipt", "verify", "receipts/1", "--json", cwd=company).json
    assert verified["verdict"] == "fulfilled"
    assert verified["opened"] is True
    left = bytes_under(company / "world")
    for gone in ("Mia Thistlewood", "purple walrus", "hedgehogs", "rec-m1-71835", "p-mia"):
        assert gone.encode() not in left, gone
    for stays in ("Tom Thistlewood", "kettle timer", "monstera", "rec-t1-33810", "p-tom"):
        assert stays.encode() in left, stays
    assert expunge("locate", "profile:p-mia", "--json", cwd=company).json["held"] == []
    again = expunge("apply", order, "--yes", "--json", cwd=company)
    assert (again.code, again.lines[-1]["state"]) == (0, "fulfilled")


def test_what_runs_long_answers_in_json_lines_of_which_the_first_names_the_version(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    ran = expunge("apply", order, "--yes", "--json", cwd=company)
    first, *middle, last = ran.lines
    assert first["schema"] == "expunge.run/1"
    assert first["version"]
    assert {each["schema"] for each in middle} == {"expunge.progress/1"}
    assert any(each["step"] == "erase:recordings" and each["state"] == "done" for each in middle)
    assert last["schema"] == "expunge.applied/1"
    assert last["residue"] == []
    assert ran.err == ""


def test_nothing_is_ordered_or_applied_where_nobody_can_be_asked(company: Path) -> None:
    assert expunge("order", "erase", "profile:p-mia", cwd=company).code == 2
    assert expunge("status", "--json", cwd=company).json["orders"] == []
    order = planned(company, "profile:p-mia")
    assert expunge("apply", order, cwd=company).code == 2
    assert expunge("status", order, "--json", cwd=company).json["orders"][0]["state"] == "planned"


def test_a_second_order_for_one_person_is_named_before_it_is_made_and_has_to_be_meant(company: Path) -> None:
    first = ordered(company, "profile:p-mia")
    refused = expunge("order", "erase", "profile:p-mia", "--yes", cwd=company)
    assert refused.code == 2
    assert f"order {first} of " in refused.err
    assert "for this person is open (fenced)" in refused.err
    assert f"expunge plan {first}" in refused.err
    assert len(expunge("status", "--json", cwd=company).json["orders"]) == 1, "nothing was received"
    expunge("plan", first, cwd=company)
    assert expunge("apply", first, "--yes", cwd=company).code == 0
    second = expunge("order", "erase", "profile:p-mia", "--yes", "--json", cwd=company)
    assert second.code == 0, "after one that ended another one needs no flag"
    assert [(each["order"], each["state"], each["open"]) for each in second.json["earlier"]] == [(first, "fulfilled", False)]
    assert f"order {first} of " in second.err
    assert "ended fulfilled on " in second.err
    assert expunge("order", "erase", "profile:p-mia", "--yes", "--again", cwd=company).code == 0


def test_an_open_reader_ends_the_order_in_part_and_a_second_apply_finishes_it(company: Path) -> None:
    with closing(sqlite3.connect(company / "world" / "app.db")) as database:
        database.execute("pragma journal_mode=wal")
    order = planned(company, "profile:p-mia")
    with reader(company):
        part = expunge("apply", order, "--yes", cwd=company)
    assert part.code == 4, part.out
    assert "in part" in part.out
    assert "not done" in part.out
    assert expunge("apply", order, "--yes", cwd=company).code == 0


def test_interrupted_is_130_and_the_same_command_goes_on(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    with reader(company):
        # A run in the background inherits that interrupts are ignored; whoever sits at a terminal does not.
        command = ["env", "--default-signal=INT", sys.executable, "-m", "expunge", "apply", order, "--yes", "--json"]
        with subprocess.Popen(command, cwd=company, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if json.loads(line).get("step", "").startswith("erase:transcripts"):
                    break
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["exit_code"] == 130
    assert "Traceback" not in err
    assert expunge("apply", order, "--yes", cwd=company).code == 0


def test_killed_in_the_middle_it_says_so_at_the_next_start_and_goes_on(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    killed = in_a_process("apply", order, "--yes", cwd=company, env={"EXPUNGE_FAILPOINT": "store.erase:after=kill"})
    assert killed.code == -signal.SIGKILL
    doctor = expunge("doctor", cwd=company)
    assert (doctor.code, "interrupted" in doctor.out) == (1, True)
    done = expunge("apply", order, "--yes", cwd=company)
    assert done.code == 0
    assert "was interrupted while erasing" in done.err


def test_a_full_disk_is_a_message_and_the_order_goes_on_afterwards(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    full = in_a_process("apply", order, "--yes", cwd=company, env={"EXPUNGE_FAILPOINT": "journal.append:before=full@4"})
    assert full.code == 1
    assert "error:" in full.err
    assert expunge("apply", order, "--yes", cwd=company).code == 0


HOLDS_ON = """
import sys
from expunge import Expunge
with Expunge.open() as expunge, expunge._alone():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.soak
def test_two_at_once_and_the_second_is_told_that_the_first_is_busy(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    with subprocess.Popen([sys.executable, "-c", HOLDS_ON], cwd=company, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = expunge("apply", order, "--yes", cwd=company)
        assert expunge("status", order, cwd=company).code == 0, "looking is allowed meanwhile"
        first.communicate("")
    assert second.code == 1
    assert "another" in second.err
    assert expunge("apply", order, "--yes", cwd=company).code == 0


def test_a_map_edited_after_the_plan_is_drift(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    path = company / "expunge.yaml"
    path.write_text(path.read_text().replace("90 days", "80 days"))
    drift = expunge("apply", order, "--yes", cwd=company)
    assert (drift.code, "changed since the plan" in drift.err) == (1, True)
    assert expunge("plan", order, cwd=company).code == 0
    assert expunge("apply", order, "--yes", cwd=company).code == 0


def test_a_saved_plan_that_was_replaced_is_refused(company: Path) -> None:
    order = ordered(company, "profile:p-mia")
    expunge("plan", order, "--out", "old.json", cwd=company)
    path = company / "expunge.yaml"
    path.write_text(path.read_text().replace("90 days", "80 days"))
    expunge("plan", order, cwd=company)
    assert expunge("apply", "old.json", "--yes", cwd=company).code == 1


def test_a_file_that_is_no_plan_is_refused(company: Path) -> None:
    (company / "junk.json").write_text("{}")
    ran = expunge("apply", "junk.json", "--yes", cwd=company)
    assert ran.code in (1, 6)
    assert "error:" in ran.err


def test_in_the_cooling_off_time_nothing_is_erased_and_the_order_can_be_cancelled(company: Path) -> None:
    order = ordered(company, "profile:p-mia", more=("--cooling-off", "3 days"))
    expunge("plan", order, cwd=company)
    early = expunge("apply", order, "--yes", cwd=company)
    assert (early.code, "cooling-off" in early.err) == (1, True)
    assert expunge("order", "cancel", order, cwd=company).code == 0
    assert b"p-mia" in bytes_under(company / "world")
    assert expunge("status", order, "--json", cwd=company).json["orders"][0]["state"] == "cancelled"


def test_where_the_map_names_approvers_apply_waits_with_5(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from expunge.core.note import Algorithm, VerifierKey

    private = Ed25519PrivateKey.generate()
    key = VerifierKey("officer", Algorithm.ED25519, private.public_key().public_bytes_raw())
    (tmp_path / "officer.pem").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    world.make(tmp_path, f'approvers:\n  officer: "{key}"\n')
    assert expunge("init", cwd=tmp_path).code == 0
    order = planned(tmp_path, "profile:p-mia")
    waits = expunge("apply", order, "--yes", cwd=tmp_path)
    assert (waits.code, "approval" in waits.err) == (5, True)
    assert expunge("approve", order, cwd=tmp_path).code == 2
    message = expunge("approve", order, "--message", cwd=tmp_path)
    assert message.out.startswith("expunge approval/1\n" + order)
    assert expunge("approve", order, "--as", "officer", "--signature", "AAAA", cwd=tmp_path).code == 6
    assert expunge("approve", order, "--as", "nobody", "--key", "officer.pem", cwd=tmp_path).code == 2
    assert expunge("approve", order, "--as", "officer", "--key", "officer.pem", cwd=tmp_path).code == 0
    assert expunge("apply", order, "--yes", cwd=tmp_path).code == 0


def test_a_hold_keeps_the_named_item_and_the_order_ends_in_part(company: Path) -> None:
    held = ("--dataset", "recordings", "--ground", "a pending claim", "--authority", "court of Elsewhere", "--until", "2099-01-31")
    key = "voice/p-mia/rec-m1-71835.wav"
    hold = expunge("hold", "add", "profile:p-mia", *held, "--item", key, "--json", cwd=company)
    assert hold.code == 0, hold.err
    assert expunge("hold", "list", "--json", cwd=company).json["holds"][0]["items"] == 1
    order = planned(company, "profile:p-mia")
    assert expunge("apply", order, "--yes", cwd=company).code == 4
    assert (company / "world/media" / key).exists()
    assert not (company / "world/media/voice/p-mia/rec-m2-90417.wav").exists()
    shown = expunge("receipt", "show", order, cwd=company)
    assert "a pending claim" in shown.out
    assert expunge("hold", "end", hold.json["hold"], "--reason", "settled", cwd=company).code == 0
    assert "no hold" in expunge("hold", "list", cwd=company).out


def test_a_hold_without_a_date_that_can_be_read_is_bad_usage(company: Path) -> None:
    held = ("--dataset", "recordings", "--ground", "x", "--authority", "y", "--until", "soon")
    assert expunge("hold", "add", "profile:p-mia", *held, cwd=company).code == 2


def test_an_ambiguous_name_is_shown_with_all_that_it_can_mean(company: Path) -> None:
    with closing(sqlite3.connect(company / "world" / "app.db")) as database, database:
        database.execute("insert into accounts values ('a-dup', 'ruth.thistlewood@example.org', '2026-01-01')")
    ran = expunge("locate", "email:ruth.thistlewood@example.org", cwd=company)
    assert ran.code == 2
    assert "account:a-one" in ran.err
    assert "account:a-dup" in ran.err


def test_somebody_of_whom_nothing_is_held_gets_a_receipt_that_says_so(company: Path) -> None:
    assert expunge("locate", "nobody-at-all", cwd=company).code == 2
    order = planned(company, "profile:nobody-at-all")
    done = expunge("apply", order, "--yes", "--out", "receipts", cwd=company)
    assert done.code == 0, done.out + done.err
    assert expunge("receipt", "verify", "receipts/1", cwd=company).code == 0
    assert {each["outcome"] for each in _datasets(company, order)} == {"absent"}


def _datasets(company: Path, order: str) -> list[dict[str, str]]:
    receipts = expunge("receipt", "show", order, "--json", cwd=company).json["receipts"]
    return [each for one in receipts for each in one["statement"]["predicate"]["datasets"]]


@pytest.mark.parametrize(
    "name", ["profile:'; drop table accounts; --", "profile:%", "profile:a\nb", "profile:\u202e\U0001f600", "profile:"]
)
def test_hostile_names_are_data_never_syntax(company: Path, name: str) -> None:
    before = world.rows(company, "accounts")
    ran = expunge("locate", name, cwd=company)
    assert ran.code in (0, 2)
    assert "\u202e" not in ran.out + ran.err
    assert world.rows(company, "accounts") == before


def test_export_gives_zips_with_signed_lists_of_hashes_and_never_overwrites(company: Path) -> None:
    ran = expunge("export", "profile:p-mia", "--out", "mia", "--json", cwd=company)
    assert ran.code == 0
    held = exports.held(company / "mia")
    media = next(name for name in held if "rec-m1-71835.wav" in name)
    assert held[media] == (company / "world/media/voice/p-mia/rec-m1-71835.wav").read_bytes()
    assert expunge("export", "profile:p-mia", "--out", "mia", cwd=company).code == 2
    assert [part["file"] for part in json.loads(ran.out)["parts"]] == ["part-1.zip"]


def test_an_export_is_verified_by_keys_got_elsewhere(company: Path) -> None:
    assert expunge("export", "profile:p-mia", "--out", "mia", "--part-size", "1MiB", "--language", "es", cwd=company).code == 0
    assert "Qué se guarda" in exports.everything(company / "mia")["index.html"].decode()
    ran = expunge("export-verify", "mia", "--trust", "mia/trust-policy.txt", "--json", cwd=company)
    assert (ran.code, json.loads(ran.out)["trusted"]) == (0, True)
    part = company / "mia" / "part-1.zip"
    assert expunge("export-verify", part, cwd=company).code == 0
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    changed = expunge("export-verify", "mia", cwd=company)
    assert changed.code == 6
    assert "part-1.zip was changed" in changed.err


def test_an_export_of_some_kinds_has_no_others_and_says_so(company: Path) -> None:
    assert expunge("export", "profile:p-mia", "--out", "mia", "--kinds", "nonsense", cwd=company).code == 2
    assert expunge("export", "profile:p-mia", "--out", "mia", "--part-size", "7 apples", cwd=company).code == 2
    assert expunge("export", "profile:p-mia", "--out", "mia", "--part-size", "1KB", cwd=company).code == 2
    assert expunge("export", "profile:p-mia", "--out", "mia", "--language", "tlh", cwd=company).code == 2
    assert not (company / "mia").exists()
    assert expunge("export", "profile:p-mia", "--out", "mia", "--kinds", "transcripts", cwd=company).code == 0
    assert {row["kind"] for row in exports.listed(company / "mia")} <= {"transcripts"}
    assert exports.manifest(company / "mia")["not_asked_for"]


def test_what_comes_back_is_found_by_verify_and_by_sweep(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    saved = (company / "world/media/voice/p-mia/rec-m1-71835.wav").read_bytes()
    assert expunge("apply", order, "--yes", cwd=company).code == 0
    assert expunge("verify", order, cwd=company).code == 0
    back = company / "world/media/voice/p-mia/rec-m1-71835.wav"
    back.parent.mkdir()
    back.write_bytes(saved)
    found = expunge("verify", order, "--json", cwd=company)
    assert (found.code, found.json["verdict"]) == (4, "present")
    swept = expunge("sweep", "--json", cwd=company)
    assert swept.code == 4
    (one,) = swept.json["came_back"]
    assert one["order"] == order
    assert expunge("plan", one["followed_by"], cwd=company).code == 0
    assert expunge("apply", one["followed_by"], "--yes", cwd=company).code == 0
    assert not back.exists()
    assert expunge("sweep", cwd=company).code == 0


def test_watch_ends_with_the_order(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    expunge("apply", order, "--yes", cwd=company)
    ran = expunge("watch", order, "--json", cwd=company)
    assert (ran.code, ran.lines[-1]["orders"][0]["state"]) == (0, "fulfilled")


def test_watch_follows_what_another_process_does(company: Path) -> None:
    order = planned(company, "profile:p-mia")
    command = [sys.executable, "-m", "expunge", "watch", order, "--json", "--interval", "0.1"]
    with subprocess.Popen(command, cwd=company, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = [json.loads(process.stdout.readline()), json.loads(process.stdout.readline())]
        assert expunge("apply", order, "--yes", cwd=company).code == 0
        seen += [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert [seen[1]["orders"][0]["state"], seen[-1]["orders"][0]["state"]] == ["planned", "fulfilled"]
    assert any(each["ended"] for each in seen[-1]["orders"][0]["steps"])


def test_an_unknown_order_is_bad_usage_everywhere(company: Path) -> None:
    for verb in (
        ["plan"],
        ["apply", "--yes"],
        ["status"],
        ["verify"],
        ["order", "cancel"],
        ["receipt", "show"],
        ["watch"],
        ["approve", "--message"],
    ):
        ran = expunge(*verb, "ord-nosuchorder", cwd=company)
        assert ran.code == 2, (verb, ran.err)
        assert "help:" in ran.err


def test_no_output_of_a_whole_run_names_the_person_but_where_they_are_shown_on_purpose(company: Path) -> None:
    order = ordered(company, "profile:p-mia")
    said = [expunge("plan", order, cwd=company), expunge("apply", order, "--yes", cwd=company), expunge("status", order, cwd=company)]
    said += [expunge("receipt", "show", order, "--out", "receipts", cwd=company), expunge("log", "verify", cwd=company)]
    text = "".join(each.out + each.err for each in said).encode() + bytes_under(company / "receipts") + bytes_under(company / "state")
    for canary in ("p-mia", "Mia Thistlewood", "purple walrus", "rec-m1-71835", "ruth.thistlewood"):
        assert canary.encode() not in text, canary
