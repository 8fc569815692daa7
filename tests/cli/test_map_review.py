"""``expunge map review``: a person is asked what the map leaves open, and each answer is in the file, whole or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge import faults
from expunge.cli.terminal import output
from expunge.faults import arm
from expunge.maps import examine
from expunge.stores import Kinds
from tests.cli.running import Ran, expunge, invoke
from tests.cli.terminal import on_a_terminal

SECRET = "Zerlina"
SCHEMA = f"""
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, created_at TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER, title TEXT);
CREATE TABLE settings (id INTEGER PRIMARY KEY, value TEXT);
CREATE TABLE addresses (id INTEGER PRIMARY KEY, street TEXT);
INSERT INTO users VALUES (100, '{SECRET}', '2026-01-01'), (101, 'Ambrosius', '2026-01-02');
INSERT INTO posts VALUES (1, 100, 'a'), (2, 101, 'b'), (3, 101, 'c');
INSERT INTO settings VALUES (1, '{SECRET.lower()}@example.org');
INSERT INTO addresses VALUES (100, 'Lane');
"""
ANSWERS = ["90 days", "y", "run the shop", "orders are packed from it", "subject: {user: id}", "y", "nobody"]
"""In the order of the questions: four of the retention, then addresses, posts, settings."""


@pytest.fixture
def guessed(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "app.db")) as db, db:
        db.executescript(SCHEMA)
    assert expunge("init", "app.db", cwd=tmp_path).code == 0
    path = tmp_path / "expunge.yaml"
    path.write_text(path.read_text().replace("    store: app\n    table: posts\n", "    store: app   # the only one\n    table: posts\n"))
    return path


def piped(folder: Path, answers: list[str], *arguments: str) -> Ran:
    from contextlib import chdir

    output.stdout.cache_clear()
    output.stderr.cache_clear()
    typed = "".join(f"{each}\n" for each in answers)
    with chdir(folder):
        done = invoke("map", "review", *arguments, typed=typed)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)


def guesses(path: Path) -> set[str]:
    reading = examine(path, {}, kinds=Kinds())
    assert reading.faults == ()
    assert reading.map is not None
    return {each.name for each in reading.map.guesses}


def test_json_lists_what_is_open_with_counts_and_no_value_and_writes_nothing(guessed: Path) -> None:
    before = guessed.read_bytes()
    ran = expunge("map", "review", "--json", cwd=guessed.parent)
    assert ran.code == 1
    open_ = {".".join((each["section"], each["name"], each["key"])).rstrip("."): each for each in ran.json["open"]}
    keys = {f"retention.first.{key}" for key in ("period", "from", "purpose", "need")}
    assert open_.keys() == keys | {"datasets.addresses", "datasets.posts", "datasets.settings"}
    posts = open_["datasets.posts"]
    assert (posts["rows"], posts["columns"], posts["proposed"]) == (3, ["id", "author_id", "title"], "subject: {user: author_id}")
    assert posts["reason"] == "author_id: 2 of 2 values match users.id"
    assert guessed.read_text().splitlines()[posts["line"] - 1].strip().startswith("guess:")
    assert open_["datasets.settings"]["proposed"] == open_["retention.first.purpose"]["proposed"] == ""
    assert SECRET.lower() not in ran.out.lower()
    assert guessed.read_bytes() == before


def test_answers_from_stdin_are_written_and_comments_and_order_stay(guessed: Path) -> None:
    before = guessed.read_text()
    os.chmod(guessed, 0o640)  # noqa: PTH101 - the mode that has to stay
    ran = piped(guessed.parent, ANSWERS)
    assert (ran.code, ran.out) == (0, "nothing is left to decide; run expunge check\n"), ran.err
    assert "3 rows; columns: id, author_id, title" in ran.err
    assert "an order takes what leads to its person" in ran.err
    assert SECRET.lower() not in (ran.out + ran.err).lower()
    text = guessed.read_text()
    assert guesses(guessed) == set()
    assert guessed.stat().st_mode & 0o777 == 0o640
    assert "    store: app   # the only one\n    table: posts\n    subject: {user: author_id}\n    retention: first\n" in text
    assert "  settings:\n    store: app\n    table: settings\n    about: nobody\n" in text
    assert '    purpose: "run the shop"\n    need: "orders are packed from it"\n' in text
    kept = [line for line in before.splitlines() if line.startswith("#") or line.endswith(":") or "url:" in line]
    assert [line for line in text.splitlines() if line in kept] == kept
    assert sorted(each.name for each in guessed.parent.iterdir()) == ["app.db", "expunge.yaml"]


def test_each_answer_may_be_left_out_and_is_asked_again(guessed: Path) -> None:
    ran = piped(guessed.parent, ["", "", "", "", "", "y"])
    assert ran.code == 1
    assert "6 questions left in" in ran.out
    assert guesses(guessed) == {"first", "addresses", "settings"}
    assert piped(guessed.parent, ["y", "y", "run the shop", "", "", "ignore: our own settings, no customer's"]).code == 1
    assert guesses(guessed) == {"first", "addresses"}
    assert '{store: app, table: "settings", reason: "our own settings, no customer\'s"}' in guessed.read_text()
    assert 'purpose: "run the shop"' in guessed.read_text()
    # What was said of the retention is not asked again.
    assert "still to be said: need; how long" in guessed.read_text()
    assert piped(guessed.parent, ["they buy", "subject: {user: id}"]).code == 0
    assert "guess" not in guessed.read_text().partition("version:")[2]


def test_what_was_said_of_one_retention_is_proposed_for_the_next(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app.db")) as db, db:
        db.executescript("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, created_at TEXT)")
        db.executescript("CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), sent_at TEXT)")
    assert expunge("init", "app.db", cwd=tmp_path).code == 0
    ran = piped(tmp_path, ["y", "y", "run the shop", "orders are packed from it", "30 days", "y", "y", "send them on"])
    assert ran.code == 0, ran.err
    text = (tmp_path / "expunge.yaml").read_text()
    assert text.count('purpose: "run the shop"') == 2
    assert (text.count('need: "orders are packed from it"'), text.count('need: "send them on"')) == (1, 1)
    assert (text.count('period: "30 days"'), text.count("period: 90 days")) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("y", "there is nothing proposed to say yes to"),
        ("subjekt: {user: id}", "has no key 'subjekt'"),
        ("subject: {nobody_known: id}", "nobody_known"),
        ("subject: {user: id}, guess: x", "that is no line of YAML"),
        ("subject: {through: posts}", "lacks 'via'"),
        ("ignore:", "say why nobody is in it"),
    ],
)
def test_an_answer_that_is_none_changes_nothing_and_names_the_question(guessed: Path, answer: str, said: str) -> None:
    before = guessed.read_bytes()
    ran = piped(guessed.parent, ["", "", "", "", answer])
    assert ran.code == 1
    assert "line 5: datasets.addresses: " in ran.err
    assert said in ran.err
    assert guessed.read_bytes() == before


def test_a_wrong_line_is_named_and_its_question_asked_again_after_the_others(guessed: Path) -> None:
    wrong = "subject: {nobody_known: id}"
    ran = piped(guessed.parent, [*ANSWERS[:4], wrong, "y", "nobody", wrong, ANSWERS[4]])
    assert ran.code == 0, ran.err
    assert ("line 5: datasets.addresses: " in ran.err, "line 8: datasets.addresses: " in ran.err) == (True, True)
    assert "    table: addresses\n    subject: {user: id}\n" in guessed.read_text()
    assert "    table: posts\n    subject: {user: author_id}\n" in guessed.read_text()


def test_a_question_is_asked_three_times_at_most(guessed: Path) -> None:
    ran = piped(guessed.parent, [*ANSWERS[:4], "y", "y", "nobody", "y", "y", "subject: {user: id}"])
    assert (ran.code, ran.err.count("there is nothing proposed to say yes to")) == (1, 3)
    assert guesses(guessed) == {"addresses"}


def test_the_answer_before_is_taken_back_and_asked_for_again(guessed: Path) -> None:
    before = guessed.read_bytes()
    ran = piped(guessed.parent, ["b", "2 years", "back", "90 days", "created_at", "run the shop", "b", "b", "q"])
    assert ran.code == 1
    assert "this is the first question" in ran.err
    assert ran.err.count("(1 of 7) retention.first.period") == 3
    text = guessed.read_text()
    assert 'period: "90 days"' in text
    assert "still to be said: from, purpose, need" in text
    assert "DECIDE: what it is used for" in text
    guessed.write_bytes(before)
    # Back over a question that was left open, and over one that moved a dataset.
    assert piped(guessed.parent, [*ANSWERS[:4], "", "y", "ignore: our own settings", "q"]).code == 1
    guessed.write_bytes(before)
    ran = piped(guessed.parent, [*ANSWERS[:4], "ignore: drafts", "", "b", "b", *ANSWERS[4:]])
    assert (ran.code, "ignore" in guessed.read_text().partition("version:")[2]) == (0, False), ran.err
    assert "    table: addresses\n    subject: {user: id}\n" in guessed.read_text()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["", "2 years"], "retention.first.from: '2 years' is a period, and the name of a field is asked for here"),
        (["", "", "90 days"], "retention.first.purpose: '90 days' is a period, and what it is used for is asked for here"),
        (["2 yeers"], "retention.first.period: '2 yeers' is not understood"),
        (["forever"], "retention.first.period: 'forever' is not understood"),
    ],
)
def test_a_period_is_taken_where_one_is_asked_for_and_nowhere_else(guessed: Path, answers: list[str], said: str) -> None:
    before = guessed.read_bytes()
    ran = piped(guessed.parent, answers)
    assert ran.code == 1
    assert said in ran.err, ran.err
    assert guessed.read_bytes() == before


def test_a_map_that_may_not_be_written_is_not(guessed: Path) -> None:
    os.chmod(guessed, 0o440)  # noqa: PTH101 - the mode that says so
    before = guessed.stat()
    ran = piped(guessed.parent, ["30 days"])
    assert ran.code == 1
    assert "may not be written: this answer is not in it" in ran.err
    assert (guessed.stat().st_ino, guessed.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_without_terminal_and_answers_it_says_what_to_do(guessed: Path) -> None:
    ran = piped(guessed.parent, [])
    assert ran.code == 2
    assert "there is no terminal to ask on" in ran.err


def test_a_write_that_fails_leaves_the_map_as_it_was(guessed: Path) -> None:
    before = guessed.read_bytes()
    with faults.record() as passed:
        piped(guessed.parent, ["30 days"])
    points = [
        each for each in dict.fromkeys(passed) if each.startswith("map.review.answer") and not each.startswith("map.review.answer.folder")
    ]
    assert points
    assert b"period: 30 days" in guessed.read_bytes().replace(b'"', b"")
    for point in points[:-1]:
        guessed.write_bytes(before)
        with arm(point, "full"):
            assert piped(guessed.parent, ["30 days"]).code == 1
        assert guessed.read_bytes() == before
        assert sorted(each.name for each in guessed.parent.iterdir()) == ["app.db", "expunge.yaml"]


def test_a_map_that_changed_meanwhile_is_not_overwritten(guessed: Path) -> None:
    from expunge import survey
    from expunge.errors import UsageError

    reviewed = survey.review(guessed)
    changed = guessed.read_text() + "# another hand\n"
    guessed.write_text(changed)
    with pytest.raises(UsageError, match="was changed by another program"):
        survey.decide(reviewed, reviewed.questions[0], "30 days")
    assert guessed.read_text() == changed


def test_a_person_answers_on_a_terminal_is_asked_again_and_stops_with_control_c(guessed: Path) -> None:
    code, screen = on_a_terminal(
        ["map", "review"],
        [
            ("how long is it kept? [y: as proposed", b"soon\n"),
            ("'soon' is not understood", b""),
            ("how long is it kept?", b"2 years\n"),
            ("from which field", b"y\n"),
            ("what is it used for?", b"\n"),
            ("why does that need it?", b"?\n"),
            ("the value alone", b""),
            ("why does that need it?", b"\n"),
            ("(5 of 7) datasets.addresses", b""),
            ("whose is it?", signal.SIGINT),
        ],
        guessed.parent,
        TERM="dumb",
        COLUMNS="200",
        LINES="60",
        NO_COLOR="1",
    )
    assert code == 130, screen
    assert "stopped; 2 answers are in the map" in screen
    assert 'period: "2 years"' in guessed.read_text()
    assert guesses(guessed) == {"first", "addresses", "posts", "settings"}
