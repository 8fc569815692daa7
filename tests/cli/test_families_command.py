"""``expunge families``: who is in which family, decided at the command line, and what the journal says of it."""

from __future__ import annotations

import getpass
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.running import expunge
from tests.docs.test_approvals_page import make_installation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_installation(tmp_path)
    return tmp_path


def account(folder: Path) -> str:
    """An account, as the keeper opens it."""
    made = uuid4()
    (state,) = folder.rglob("state.db")
    with closing(sqlite3.connect(state)) as db, db:
        row = (made.hex, b"", "en", "2026-11-01 00:00:00", b"")
        db.execute("INSERT INTO expunge_account (account, address, language, opened_at, address_before) VALUES (?, ?, ?, ?, ?)", row)
    return str(made)


def test_a_guardian_is_added_listed_and_ended(folder: Path) -> None:
    owner = account(folder)
    added = expunge("families", "add", owner, "profile:p-ann", "--json", cwd=folder)
    assert added.code == 0, added.err
    assert added.json["changed"] is True
    family = added.json["membership"]["family"]
    assert len(family) == 32
    assert "ann" not in added.out
    again = expunge("families", "add", owner, "p-ann", "--json", cwd=folder)
    assert again.json["changed"] is False
    listed = expunge("families", "list", "--json", cwd=folder).json["memberships"]
    assert [(each["account"], each["family"], each["role"], each["by"]) for each in listed] == [
        (owner, family, "guardian", f"user {getpass.getuser()}")
    ]
    assert expunge("families", "list", "--person", "profile:p-ben", "--json", cwd=folder).json["memberships"] == []
    assert owner in expunge("families", "list", "--account", owner, "--person", family, cwd=folder).out
    ended = expunge("families", "end", owner, family, cwd=folder)
    assert "no longer in the family" in ended.out
    assert [each["role"] for each in expunge("families", "list", "--json", cwd=folder).json["memberships"]] == ["former"]
    assert "nothing changed" in expunge("families", "end", owner, "profile:p-ben", cwd=folder).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "ACCOUNT", "profile:p-none"), "no dataset of the map holds such a person"),
        (("add", "not-an-id", "profile:p-ann"), "this is no account"),
        (("add", "00000000-0000-4000-8000-000000000000", "profile:p-ann"), "the keeper has no such account"),
        (("add", "ACCOUNT", "profile:p-ann", "--role", "former"), "is no role"),
        (("end", "ACCOUNT", "pet:rex"), "nobody of that name is known"),
    ],
    ids=["no person", "no id", "no account", "no role", "no kind"],
)
def test_what_cannot_be_meant_is_refused(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    owner = account(folder)
    refused = expunge("families", *(owner if each == "ACCOUNT" else each for each in arguments), cwd=folder)
    assert refused.code != 0
    assert said in refused.err
    assert expunge("families", "list", "--json", cwd=folder).json["memberships"] == []
