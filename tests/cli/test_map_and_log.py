"""``check``, ``map``, ``init``, ``doctor`` and ``log`` through the real command."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from expunge.adapters.keys.local_keystore import open_keystore
from tests.cli import world
from tests.cli.running import expunge


@pytest.fixture
def company(tmp_path: Path) -> Path:
    world.make(tmp_path)
    return tmp_path


@pytest.fixture
def with_log(company: Path) -> Path:
    """A company with one receipt in its log."""
    expunge("init", cwd=company)
    order = expunge("order", "erase", "profile:p-mia", "--yes", "--json", cwd=company).json["order"]
    expunge("plan", order, cwd=company)
    assert expunge("apply", order, "--yes", "--out", "receipts", cwd=company).code == 0
    return company


def test_check_needs_no_state_and_is_content_with_what_is_declared(company: Path) -> None:
    ran = expunge("check", "--json", cwd=company)
    assert (ran.code, ran.json["sound"]) == (0, True)
    assert not (company / "state").exists()


@pytest.mark.duty("FAIL-02", "RNG-27")
def test_check_finds_what_nobody_declared(company: Path) -> None:
    (company / "world/media/backup").mkdir()
    (company / "world/media/backup/mia.wav").write_bytes(b"RIFF")
    ran = expunge("check", "--json", cwd=company)
    assert (ran.code, ran.json["sound"]) == (1, False)
    assert any(each["kind"] == "undeclared" and "backup" in each["where"] for each in ran.json["findings"])
    assert "undeclared" in expunge("check", cwd=company).out


def test_what_check_finds_of_accounts_is_named_once(company: Path) -> None:
    secret, path = company / "secret", company / "expunge.yaml"
    secret.write_text("s3cret\n")
    secret.chmod(0o604)
    home = "{id: home, name: Home, issuer: 'https://id.example.com', client_id: expunge, for: customers, secret_file: ./secret}"
    path.write_text(f"{path.read_text()}\naccounts: {{origin: 'https://owl.example', providers: [{home}]}}\n")
    told = expunge("check", cwd=company).out
    assert "\nnote: accounts: no mail server is named" in f"\n{told}"
    assert "\npermission: accounts: everybody can read the secret" in told
    assert "accounts: accounts" not in told


def test_check_names_file_line_and_what_to_write(company: Path) -> None:
    path = company / "expunge.yaml"
    path.write_text(path.read_text().replace("retention: life}", "retention: live}", 1))
    ran = expunge("check", cwd=company)
    assert ran.code == 1
    assert f"{path}:13:" in ran.out
    assert "did you mean 'life'?" in ran.out
    (fault,) = expunge("check", "--json", cwd=company).json["faults"]
    assert (fault["line"], fault["rule"]) == (13, "unknown-retention")


def test_the_map_is_found_from_a_folder_below_and_missed_outside(company: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert expunge("check", cwd=company / "world" / "media").code == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    elsewhere.chmod(0o777)
    (elsewhere / "below").mkdir()
    ran = expunge("check", cwd=elsewhere / "below")
    assert ran.code == 1
    assert "expunge init" in ran.err


def test_map_show_draws_a_tree_and_a_picture(company: Path) -> None:
    ran = expunge("map", "show", "--svg", "map.svg", cwd=company)
    assert ran.code == 0
    assert "└─ transcripts" in ran.out
    assert (company / "map.svg").read_text().startswith("<svg")
    top = [each["dataset"] for each in expunge("map", "show", "--json", cwd=company).json["lineage"]]
    assert top == ["accounts", "profiles", "recordings"]


def test_map_diff_says_where_people_are_protected_less(company: Path) -> None:
    old = company / "old.yaml"
    shutil.copy(company / "expunge.yaml", old)
    assert "mean the same" in expunge("map", "diff", old, cwd=company).out
    path = company / "expunge.yaml"
    path.write_text(path.read_text().replace("90 days", "120 days"))
    ran = expunge("map", "diff", old, "--detailed-exitcode", cwd=company)
    assert ran.code == 3
    assert "look twice: data is kept longer" in ran.out


def test_init_proposes_a_first_map_that_check_accepts_and_never_overwrites_one(company: Path) -> None:
    (company / "expunge.yaml").unlink()
    ran = expunge("init", "world", "--json", cwd=company)
    assert (ran.code, ran.json["schema"]) == (0, "expunge.proposal/1"), ran.err
    proposed = (company / "expunge.yaml").read_text()
    assert "p-mia" not in proposed
    check = expunge("check", "--json", cwd=company)
    assert check.code == 1
    assert {each["rule"] for each in check.json["faults"]} == {"open-guess"}
    (company / "expunge.yaml").write_text(
        "".join(line + "\n" for line in proposed.splitlines() if "guess: " not in line).replace("DECIDE: ", "")
    )
    assert expunge("check", cwd=company).code == 0
    (company / "expunge.yaml").write_text(proposed)
    assert expunge("init", "world", cwd=company).code == 2
    assert (company / "expunge.yaml").read_text() == proposed


def test_init_prints_lines_for_what_nobody_can_read_and_pasted_they_settle_it(company: Path) -> None:
    (company / "expunge.yaml").unlink()
    (company / "world" / "old").mkdir()
    (company / "world" / "old" / "export.age").write_bytes(random.Random(1).randbytes(9000))
    ran = expunge("init", "world", cwd=company)
    assert (ran.code, ran.out.count("opaque:")) == (0, 1), ran.err
    lines = [line for line in ran.out.partition("opaque:\n")[2].splitlines() if line.startswith("  - ")]
    assert len(lines) == 1
    assert '"old/export.age"' in lines[0]
    pasted = "opaque:\n" + "".join(f"{line}\n" for line in lines).replace("WHY IT HOLDS NOTHING OF PEOPLE WHO GO", "keys are gone")
    decided = re.sub(r"  old:\n(    .*\n)+", "", (company / "expunge.yaml").read_text())
    (company / "expunge.yaml").write_text(decided + pasted)
    assert "export.age" not in expunge("check", cwd=company).out


def test_init_refuses_to_make_keys_twice(company: Path) -> None:
    assert expunge("init", cwd=company).code == 0
    again = expunge("init", cwd=company)
    assert again.code == 1
    assert "already" in again.err


def test_without_state_every_verb_says_to_init(company: Path) -> None:
    ran = expunge("status", cwd=company)
    assert (ran.code, "expunge init" in ran.err) == (1, True)


def test_a_keystore_with_a_passphrase_opens_with_it_alone(company: Path) -> None:
    secret = {"EXPUNGE_PASSPHRASE": "correct horse"}
    assert expunge("init", cwd=company, env=secret).code == 0
    assert expunge("status", cwd=company, env=secret).code == 0
    for env in ({}, {"EXPUNGE_PASSPHRASE": "wrong"}):
        ran = expunge("status", cwd=company, env=env)
        assert ran.code == 2
        assert "passphrase" in (ran.err).lower()


def test_doctor_finds_a_state_that_others_can_read(with_log: Path) -> None:
    assert expunge("doctor", cwd=with_log).code == 0
    (with_log / "state").chmod(0o755)
    ran = expunge("doctor", cwd=with_log)
    assert (ran.code, "NOT  state folder" in ran.out) == (1, True)


def test_the_log_verifies_with_its_own_state_and_as_a_copy_with_keys_got_elsewhere(with_log: Path) -> None:
    ran = expunge("log", "verify", "--since", "receipts/1/receipt.tlog-proof", "--json", cwd=with_log)
    assert ran.code == 0, ran.out
    assert (ran.json["size"], ran.json["known"]) == (1, 1)
    (with_log / "trust.txt").write_text(expunge("log", "policy", cwd=with_log).out)
    shutil.copytree(with_log / "state/log", with_log / "copy")
    assert expunge("log", "verify", "copy", cwd=with_log).code == 2
    assert expunge("log", "verify", "copy", "--trust", "trust.txt", cwd=with_log).code == 0
    assert expunge("receipt", "verify", "receipts/1", "--trust", "trust.txt", cwd=with_log).code == 0


def test_after_a_rotation_the_published_policy_says_since_when_and_old_and_new_receipts_verify(with_log: Path) -> None:
    before = (with_log / "state/log/checkpoint").read_bytes()
    keys = open_keystore(with_log / "state/keys")
    # Keys count from whole seconds on: of two that begin in one second, neither replaces the other.
    sleep(1.1)
    keys.rotate_log()
    keys.rotate_signer()
    policy = expunge("log", "policy", cwd=with_log).out
    assert (policy.count("\nsince ") + policy.startswith("since "), policy.count("signer "), policy.count("log ")) == (6, 2, 4)
    (with_log / "trust.txt").write_text(policy)
    assert expunge("log", "verify", "--since", "receipts/1", cwd=with_log).code == 0
    order = expunge("order", "erase", "profile:p-tom", "--yes", "--json", cwd=with_log).json["order"]
    expunge("plan", order, cwd=with_log)
    assert expunge("apply", order, "--yes", "--out", "new", cwd=with_log).code == 0
    for folder in ("receipts/1", "new/1"):
        ran = expunge("receipt", "verify", folder, "--trust", "trust.txt", "--log", "state/log", "--since", "receipts/1", cwd=with_log)
        assert ran.code == 0, ran.err
    (with_log / "old").mkdir()
    shutil.copytree(with_log / "state/log/tile", with_log / "old/tile")
    (with_log / "old/checkpoint").write_bytes(before)
    (with_log / "trust.txt").write_text(_earlier(policy))
    ran = expunge("log", "verify", "old", "--trust", "trust.txt", cwd=with_log)
    assert (ran.code, "replaced since" in ran.err) == (6, True), "the key that was replaced signs no head of now"


def _earlier(policy: str) -> str:
    """The policy as if the rotation had been an hour ago: clocks may differ by minutes."""
    times = sorted({line.split()[1] for line in policy.splitlines() if line.startswith("since ")})
    moved = [(datetime.fromisoformat(time) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ") for time in times]
    for time, earlier in zip(times, moved, strict=True):
        policy = policy.replace(time, earlier)
    return policy


@pytest.mark.duty("NST-08")
def test_a_changed_entry_in_the_log_is_bad_evidence(with_log: Path) -> None:
    entry = next(path for path in (with_log / "state/log/tile/entries").rglob("*") if path.is_file())
    data = bytearray(entry.read_bytes())
    data[10] ^= 1
    entry.write_bytes(data)
    (with_log / "trust.txt").write_bytes((with_log / "receipts/1/trust-policy.txt").read_bytes())
    assert expunge("log", "verify", "state/log", "--trust", "trust.txt", cwd=with_log).code == 6


def test_another_log_is_not_mistaken_for_the_one_that_is_trusted(with_log: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    world.make(other)
    expunge("init", cwd=other)
    ran = expunge("log", "verify", "state/log", "--trust", with_log / "receipts/1/trust-policy.txt", cwd=other)
    assert ran.code == 6


def test_the_served_log_gives_its_files_and_nothing_else(with_log: Path) -> None:
    (with_log / "state/log/secret").write_text("x")
    command = [sys.executable, "-m", "expunge", "log", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=with_log, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            import json

            url = json.loads(process.stdout.readline())["url"]
            with urllib.request.urlopen(f"{url}checkpoint") as answer:
                assert answer.read() == (with_log / "state/log/checkpoint").read_bytes()
                assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            with urllib.request.urlopen(f"{url}tile/entries/000.p/1") as answer:
                assert answer.read()
                assert "immutable" in answer.headers["Cache-Control"]
            for path in ("secret", "", "tile", "tile/../secret", "../state.db", "tile/entries/001", "%63heckpoint"):
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(f"{url}{path}")
                assert refused.value.code == 404
                refused.value.close()
        finally:
            process.terminate()


def test_a_map_is_reviewed_against_the_one_that_orders_were_last_carried_out_under(with_log: Path) -> None:
    assert "mean the same" in expunge("map", "diff", cwd=with_log).out
    path = with_log / "expunge.yaml"
    text = path.read_text().replace("period: 90 days", "period: 30 days").replace("on_erase: erase", "on_erase: {keep: a quarrel about it}")
    path.write_text(text)
    ran = expunge("map", "diff", "--detailed-exitcode", cwd=with_log)
    assert ran.code == 3
    assert "for people: recordings, transcripts: kept for 30 days from modified instead of 90 days from modified" in ran.out
    assert "for people: an erasure keeps it (a quarrel about it); before, it erases what is theirs in it" in ran.out
    assert expunge("map", "diff", "--refuse-weaker", cwd=with_log).code == 1
    path.write_text(text.replace("on_erase: {keep: a quarrel about it}", "on_erase: erase"))
    assert expunge("map", "diff", "--refuse-weaker", cwd=with_log).code == 0
    changes = expunge("map", "diff", "--json", cwd=with_log).json["changes"]
    assert [(each["section"], each["name"]) for each in changes] == [("retention", "voice")]


def test_before_any_order_there_is_no_map_to_review_against(company: Path) -> None:
    expunge("init", cwd=company)
    ran = expunge("map", "diff", cwd=company)
    assert (ran.code, "expunge map diff OLD" in ran.err) == (2, True)


def test_annotations_name_the_line_and_no_place_that_may_be_named_after_a_person(company: Path) -> None:
    for name in ("mia-thistlewood", "ada-quillfeather"):
        (company / f"world/media/{name}.wav").write_bytes(b"RIFF")
    ran = expunge("check", "--ci", cwd=company, env={"GITHUB_ACTIONS": "true"})
    line = (company / "expunge.yaml").read_text().splitlines().index("  media: {kind: files, url: ./world/media}") + 1
    assert ran.code == 1
    (told,) = [each for each in ran.out.splitlines() if "no categories" not in each]
    assert told.startswith(f"::error file=expunge.yaml,line={line},title=data map%3A undeclared::media: ")
    assert "(2 places)%0A" in told
    assert "thistlewood" not in ran.out + ran.err
    plain = expunge("check", "--ci", cwd=company, env={"GITHUB_ACTIONS": ""})
    assert plain.out.startswith(f"expunge.yaml:{line}: error: data map: undeclared: media: ")


def test_a_fault_in_the_map_is_annotated_where_it_stands_with_what_to_write(company: Path) -> None:
    path = company / "expunge.yaml"
    path.write_text(path.read_text().replace("period: 90 days", "period: 100%"))
    ran = expunge("check", "--ci", cwd=company, env={"GITHUB_ACTIONS": "true"})
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "100%" in text)
    assert ran.code == 1
    assert ran.out.startswith(f"::error file=expunge.yaml,line={line},title=data map%3A bad-period::")
    assert "100%25" in ran.out
    assert "%0Ainstead" in ran.out
