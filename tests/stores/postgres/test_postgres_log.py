"""Blanking a server's log: nothing that quotes a row stays, what a log is kept for does, its writer is not disturbed."""

from __future__ import annotations

import csv
import json

import pytest

from expunge.stores.postgres.ladder.server_log import blank

WORD = "gkz7q0vmwx4tn2yd"
PLAIN = f"""2026-11-25 16:00:00.000 UTC [7] LOG:  checkpoint starting: immediate force wait
2026-11-25 16:00:01.000 UTC [8] anna@app ERROR:  duplicate key value violates unique constraint "people_pkey"
2026-11-25 16:00:01.000 UTC [8] anna@app DETAIL:  Key (email)=({WORD}) already exists.
2026-11-25 16:00:01.000 UTC [8] anna@app STATEMENT:  INSERT INTO people
\tVALUES ('{WORD}',
\t 'and LOG:  checkpoint starting {WORD}')
2026-11-25 16:00:02.000 UTC [8] LOG:  execute <unnamed>: SELECT $1
2026-11-25 16:00:02.000 UTC [8] DETAIL:  Parameters: $1 = '{WORD}'
2026-11-25 16:00:02.000 UTC [8] LOG:  duration: 12.000 ms  statement: SELECT '{WORD}'
2026-11-25 16:00:03.000 UTC [8] ERROR:  invalid input syntax for type integer: "{WORD}"
2026-11-25 16:00:03.000 UTC [8] FEHLER:  ungültige Eingabe: »{WORD}«
2026-11-25 16:00:03.000 UTC [8] ОШИБКА:  неверный ввод: "{WORD}"
{WORD} written by something else
2026-11-25 16:00:04.000 UTC [9] LOG:  connection authorized: user=anna database=app
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "postgresql.log"
    path.write_text(PLAIN)
    return path


def test_values_go_and_when_who_and_how_grave_stay(log):
    assert blank(log)[0] > 0
    text = log.read_bytes()
    assert WORD.encode() not in text
    assert len(text) == len(PLAIN.encode())
    assert text.count(b"\n") == PLAIN.count("\n")
    lines = text.decode().splitlines()
    assert lines[0] == PLAIN.splitlines()[0]
    assert lines[-1] == PLAIN.splitlines()[-1]
    assert lines[1].rstrip() == "2026-11-25 16:00:01.000 UTC [8] anna@app ERROR:"


def test_a_blanked_log_is_left_alone(log):
    blank(log)
    before = log.stat().st_mtime_ns
    assert blank(log) == (0, len(PLAIN.encode()))
    assert log.stat().st_mtime_ns == before


def test_a_server_that_goes_on_writing_is_not_disturbed(log):
    with log.open("ab") as server:
        blank(log)
        server.write(b"2026-11-25 16:01:00.000 UTC [9] LOG:  listening on nothing\n")
    assert log.read_bytes().endswith(b"listening on nothing\n")
    assert WORD.encode() not in log.read_bytes()


def test_a_line_that_is_still_being_written_waits(log):
    with log.open("ab") as server:
        server.write(f"2026-11-25 16:01:00.000 UTC [9] ERROR:  {WORD}".encode())
    blank(log)
    assert log.read_bytes().count(WORD.encode()) == 1
    with log.open("ab") as server:
        server.write(b"\n")
    blank(log)
    assert WORD.encode() not in log.read_bytes()


def test_csvlog_stays_a_table(tmp_path):
    path = tmp_path / "postgresql.csv"
    message, harmless = f'value "{WORD}", with\n lines', "checkpoint starting: time"
    rows = [
        ["t"] * 11
        + ["ERROR", "23505", message, f"Key ({WORD})", "", WORD, "3", WORD, f"INSERT '{WORD}'", "", "", "psql", "client", "", "0"]
    ]
    rows.append(["t"] * 11 + ["LOG", "00000", harmless, "", "", "", "", "", "", "", "", "", "checkpointer", "", "0"])
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    assert blank(path) == (5, path.stat().st_size)
    assert WORD not in path.read_text()
    with path.open(newline="") as file:
        first, second = csv.reader(file)
    assert (len(first), first[11:13], first[22]) == (26, ["ERROR", "23505"], "psql")
    assert second == rows[1]


def test_jsonlog_stays_json(tmp_path):
    path = tmp_path / "postgresql.json"
    entry = {"timestamp": "t", "pid": 3, "error_severity": "ERROR", "state_code": "23505", "message": f'a "{WORD}" \\ b', "detail": WORD}
    entry |= {"statement": f"INSERT '{WORD}'\n", "context": WORD, "hint": WORD, "internal_query": WORD, "backend_type": "client backend"}
    harmless = {"pid": 4, "error_severity": "LOG", "message": "checkpoint complete: wrote 3 buffers"}
    path.write_text("".join(json.dumps(each, separators=(",", ":")) + "\n" for each in (entry, harmless)))
    assert blank(path) == (6, path.stat().st_size)
    first, second = map(json.loads, path.read_text().splitlines())
    assert WORD not in path.read_text()
    assert (first["state_code"], first["backend_type"], first["pid"]) == ("23505", "client backend", 3)
    assert second == harmless


@pytest.mark.parametrize("ending", ["log", "csv"])
def test_a_long_log_is_read_in_pieces_that_end_with_entries(tmp_path, monkeypatch, ending):
    monkeypatch.setattr("expunge.stores.postgres.ladder.server_log._CHUNK", 100)
    path = tmp_path / f"postgresql.{ending}"
    entry = ",".join(["t"] * 13 + [f'"value ""{WORD}""\nof {WORD} more"', "", "\n"]) if ending == "csv" else PLAIN
    path.write_text(entry * 50)
    places, end = blank(path)
    assert (places, end) == (blank_whole(entry * 50, ending, tmp_path), path.stat().st_size)
    assert WORD.encode() not in path.read_bytes()
    with path.open("ab") as server:
        server.write(entry.encode())
    assert blank(path, end)[0] > 0
    assert WORD.encode() not in path.read_bytes()


def blank_whole(text, ending, folder):
    path = folder / f"whole.{ending}"
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("expunge.stores.postgres.ladder.server_log._CHUNK", 1 << 30)
        return blank(path)[0]
