"""Whole orders beside transcripts that have every word by itself: stray ones are residue, those of other people are not."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import BELA as CUSTOMER_B
from tests.attacks.mention_company import MentionCompany, company
from tests.engine.household import ANNA, BELA, CARA, Household, build
from tests.residue import timed_words
from tests.residue.timed_words import FORMS

HERS = "Please, remind my brother tomorrow evening that our old boat needs another coat of paint!"
OTHERS = "Wake me at dawn, because my neighbour wants to see the harbour and then sleep again."
COMMON = "Turn on the lights in the kitchen, please."
IGNORED = 'ignore:\n  - {store: lake, path: "scratch/**", reason: scratch space of the recogniser}\n'


@pytest.fixture
def home(tmp_path: Path) -> Household:
    made = build(tmp_path / "home")
    said(made, ANNA, HERS)
    said(made, CARA, OTHERS)
    return made


def run_sql(home: Household, *statements: tuple[str, tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        for statement, values in statements:
            db.execute(statement, values)


def said(home: Household, profile: str, text: str) -> None:
    run_sql(home, ("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (f"rec-{profile[4:8]}-0-X7", text)))


def lay(home: Household, name: str, data: bytes) -> Path:
    path = home.folder / "world" / "lake" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def residue(home: Household, run: Run) -> set[str]:
    with home.open() as opened:
        return {Path(place.path).name for place in opened.residue(run.order)}


@pytest.mark.parametrize("form", [*FORMS])
def test_a_stray_transcript_in_an_ignored_folder_is_residue(home: Household, form: str) -> None:
    lay(home, f"scratch/{form}", FORMS[form](HERS.split()))
    home.write_map(more=IGNORED)
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert residue(home, run) == {form}


@pytest.mark.parametrize("form", [*FORMS])
def test_another_persons_transcript_in_the_same_form_changes_nothing(home: Household, form: str) -> None:
    lay(home, f"scratch/{form}", FORMS[form](OTHERS.split()))
    home.write_map(more=IGNORED)
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_a_stray_transcript_in_an_undeclared_file_is_residue(home: Household) -> None:
    lay(home, "asr/out.json.gz", gzip.compress(timed_words.whisper(HERS.split())))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert residue(home, run) == {"out.json.gz"}


def test_a_stray_table_with_a_word_a_row_is_residue(home: Household) -> None:
    words = [(word.strip("!,"), 0.3 * number) for number, word in enumerate(HERS.split())]
    run_sql(
        home,
        ("CREATE TABLE asr (id INTEGER PRIMARY KEY, word TEXT, start REAL)", ()),
        *(("INSERT INTO asr (word, start) VALUES (?, ?)", row) for row in words),
    )
    home.write_map(more="ignore:\n  - {store: app, table: asr, reason: scratch space of the recogniser}\n")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert residue(home, run) == {"app.db"}


# --- what other people have as well -----------------------------------------------------------------


def clips(home: Household, form: str, *people: tuple[str, str]) -> None:
    """A declared folder of transcripts, a file a person."""
    ending = form.partition(".")[2]
    for profile, text in people:
        lay(home, f"clips/{profile}.{ending}", FORMS[form](text.split()))
    more = f'  clips: {{store: lake, path: "clips/{{profile_id}}.{ending}", subject: {{profile: profile_id}}, retention: life}}\n'
    home.write_map(more=more)


@pytest.mark.parametrize("form", ["whisper.json", "kitchen.ctm", "inline.vtt", "letter.docx", "rows.db"])
def test_the_same_sentence_of_another_person_in_a_declared_file_is_that_persons(home: Household, form: str) -> None:
    said(home, ANNA, COMMON)
    clips(home, form, (BELA, COMMON), (CARA, OTHERS))
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


@pytest.mark.parametrize("form", ["whisper.json", "kitchen.ctm"])
def test_a_declared_transcript_of_the_person_goes(home: Household, form: str) -> None:
    clips(home, form, (ANNA, HERS), (BELA, OTHERS))
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert not (home.folder / "world" / "lake" / "clips" / f"{ANNA}.{form.partition('.')[2]}").exists()


def test_a_stray_copy_of_a_declared_transcript_in_another_form_is_residue(home: Household) -> None:
    sentence = "Nobody knows that seven purple geese live behind the library of my school"
    clips(home, "whisper.json", (ANNA, sentence), (BELA, OTHERS))
    lay(home, "scratch/a.TextGrid", timed_words.textgrid(sentence.split()))
    home.write_map(
        more=home.map.read_text().partition("retention: life\n  clips:")[1].removeprefix("retention: life\n") + _clips() + IGNORED
    )
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert residue(home, run) == {"a.TextGrid"}


def _clips() -> str:
    return ' {store: lake, path: "clips/{profile_id}.json", subject: {profile: profile_id}, retention: life}\n'


WORD_ROWS = "  spoken: {store: app, table: spoken, subject: {profile: profile_id}, retention: life}\n"


def word_rows(home: Household, *people: tuple[str, str]) -> None:
    """A declared table with a word a row."""
    rows = [(profile, word.strip("!,."), 0.3 * number) for profile, text in people for number, word in enumerate(text.split())]
    run_sql(
        home,
        ("CREATE TABLE spoken (id INTEGER PRIMARY KEY, profile_id TEXT, word TEXT, start REAL, closed_at TEXT)", ()),
        *(("INSERT INTO spoken (profile_id, word, start) VALUES (?, ?, ?)", row) for row in rows),
    )


def test_the_same_sentence_of_another_person_a_word_a_row_is_that_persons(home: Household) -> None:
    said(home, ANNA, COMMON)
    word_rows(home, (BELA, COMMON), (CARA, OTHERS))
    home.write_map(more=WORD_ROWS)
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_words_of_the_person_in_rows_of_another_are_residue(home: Household) -> None:
    """Rows that one person owns do not explain a sentence that people who stay never said: here the rows lead to nobody."""
    word_rows(home, ("prf-gone-00000000", HERS), (CARA, OTHERS))
    home.write_map(more=WORD_ROWS)
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART


def test_a_common_sentence_that_others_say_in_plain_excuses_no_stray_file(home: Household) -> None:
    said(home, ANNA, COMMON)
    said(home, BELA, COMMON)
    lay(home, "scratch/a.srt", timed_words.srt(COMMON.split()))
    home.write_map(more=IGNORED)
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert residue(home, run) == {"a.srt"}


def test_another_person_who_says_it_with_other_punctuation_keeps_the_sentence(home: Household) -> None:
    said(home, ANNA, "turn on; the lights, in the kitchen; and wait for me")
    said(home, BELA, "turn on the lights in: the kitchen and wait for me")
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


# --- on a server ------------------------------------------------------------------------------------

CUSTOMERS = f"""
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, note TEXT, closed_at TEXT);
INSERT INTO customers VALUES ('{CUSTOMER_B}', 'Bela who came along some time later', '{HERS}', NULL);
INSERT INTO customers VALUES ('cus-ca9D4F2H7S', 'Cara who was sent by Bela in the end', '{OTHERS}', NULL);
"""
DECLARED = "customers: {store: app, table: customers, subject: {customer: id}, retention: life}"
TABLES = {
    "word a row": ("id serial, recording uuid DEFAULT gen_random_uuid(), word text, start float8, stop float8", "(word, start, stop)"),
    "word in the last column": ("start float8, stop float8, word text", "(word, start, stop)"),
    "times in milliseconds": ("start int, stop int, word varchar(40)", "(word, start, stop)"),
}


@pytest.mark.parametrize("text", [HERS, OTHERS], ids=["hers", "another's"])
@pytest.mark.parametrize("table", TABLES)
def test_a_stray_table_on_a_server(tmp_path: Path, database: str, table: str, text: str) -> None:
    made = _on_a_server(tmp_path, database)
    columns, into = TABLES[table]
    with psycopg.connect(database) as connection:
        connection.execute(f"CREATE TABLE asr ({columns})".encode())
        rows = [(word.strip("!,."), 310 * number, 310 * number + 270) for number, word in enumerate(text.split())]
        for word, start, stop in rows:
            connection.execute(f"INSERT INTO asr {into} VALUES (%s, %s, %s)".encode(), (word, start, stop))
    assert (made.erase(CUSTOMER_B).state is OrderState.IN_PART) == (text is HERS)


@pytest.mark.parametrize("kind", ["json", "jsonb"])
def test_a_stray_column_of_json_on_a_server(tmp_path: Path, database: str, kind: str) -> None:
    made = _on_a_server(tmp_path, database)
    with psycopg.connect(database) as connection:
        connection.execute(f"CREATE TABLE asr (id serial, words {kind})".encode())
        connection.execute(b"INSERT INTO asr (words) VALUES (%s)", (timed_words.vosk(HERS.split()).decode(),))
    assert made.erase(CUSTOMER_B).state is OrderState.IN_PART


def _on_a_server(folder: Path, database: str) -> MentionCompany:
    made = company(folder, CUSTOMERS, DECLARED, server=database)
    made.map.write_text(made.map.read_text() + "ignore:\n  - {store: app, table: public.asr, reason: scratch space of the recogniser}\n")
    return made
