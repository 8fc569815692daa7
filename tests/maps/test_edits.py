"""One key changes, and every other byte of the file stays."""

from __future__ import annotations

import pytest

from expunge.maps.document.edits import CannotEdit, changed_entry, entry_lines, moved_to_list

BLOCK = """\
# on top
datasets:   # all of them
  clips:
    # why this store
    store: media   # the disk
    path:
      - "a/{user_id}.wav"
      - "a/{user_id}.json"

    guess: "2 of 2"  # goes along
    retention: first
  # about the next
  notes:
    store: media
"""


def test_a_key_takes_the_place_of_the_guess_and_all_comments_stay() -> None:
    done = changed_entry(BLOCK, "datasets", "clips", put={"subject": "{user: user_id}"}, drop=("guess",))
    assert done == BLOCK.replace('    guess: "2 of 2"  # goes along\n', "    subject: {user: user_id}\n")


def test_windows_line_breaks_and_a_missing_last_one_stay() -> None:
    text = BLOCK.replace("\n", "\r\n").removesuffix("\r\n")
    done = changed_entry(text, "datasets", "notes", put={"retention": "first"})
    assert done == text + "\r\n    retention: first\r\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('a: {x: {guess: "g, }", key: k}}  # c\n', "a: {x: {key: k}}  # c\n"),
        ('a: {x: {key: k, guess: "g"}}\n', "a: {x: {key: k}}\n"),
        ("a:\n  x: {key: k, guess: 'it''s', also: [e]}\n", "a:\n  x: {key: k, also: [e]}\n"),
        ("a:\n  x:\n    guess: >\n      many\n      words\n\n    key: k\n", "a:\n  x:\n\n    key: k\n"),
    ],
)
def test_a_key_is_taken_out_in_every_style(text: str, left: str) -> None:
    assert changed_entry(text, "a", "x", put={}, drop=("guess",)) == left


@pytest.mark.parametrize(
    ("text", "value"),
    [("a: {x: {key: k}}\n", "b, c: d"), ("a: {x: {key: k}}\n", "b}, y: {z: 1"), ("a:\n  x:\n    key: k\n", "b\n  y: 1")],
)
def test_a_value_that_would_say_more_than_its_key_is_refused(text: str, value: str) -> None:
    with pytest.raises(CannotEdit):
        changed_entry(text, "a", "x", put={"key": value})


def test_an_entry_that_is_not_there_is_refused() -> None:
    with pytest.raises(CannotEdit):
        changed_entry(BLOCK, "datasets", "other", put={"retention": "first"})


@pytest.mark.parametrize("listed", ["", "ignore:\n- {store: media, path: b, reason: r}\n", "ignore: []\n"])
def test_an_entry_moves_to_the_end_of_a_list(listed: str) -> None:
    text = listed + BLOCK
    if listed == "ignore: []\n":
        with pytest.raises(CannotEdit, match="by hand"):
            moved_to_list(text, "datasets", "clips", "ignore", ["{store: media}"])
        return
    done = moved_to_list(text, "datasets", "clips", "ignore", ["{store: media, path: 'a/*'}"])
    assert entry_lines(done, "datasets", "clips") == ()
    assert "# about the next\n" in done
    assert "- {store: media, path: 'a/*'}\n" in done
