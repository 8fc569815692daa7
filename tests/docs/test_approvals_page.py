"""Whoever sets up approvals as the page says sees what the page shows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.running import expunge
from tests.docs.test_tutorial import ROOT, prints_what_is_shown

MAP = """\
version: 1
identities: {profile: {dataset: profiles, key: profile_id, also: [email]}}
stores: {app: {kind: sqlite, url: "sqlite:///app.db"}}
retention: {account: {period: 2 years, from: joined_at, purpose: know who asks, need: the contract}}
datasets:
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: account}
"""


@pytest.mark.slow
@pytest.mark.soak
def test_every_command_about_approvals_prints_what_is_shown(tmp_path: Path) -> None:
    make_installation(tmp_path)
    prints_what_is_shown(ROOT / "docs/howto/approvals.md", tmp_path, {}, at_least=10)


def make_installation(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "app.db")) as db, db:
        db.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, email TEXT, joined_at TEXT)")
        for name in ("ann", "ben", "cleo"):
            db.execute("INSERT INTO profiles VALUES (?, ?, '2026-05-01')", (f"p-{name}", f"{name}@owl.example"))
    (folder / "expunge.yaml").write_text(MAP)
    assert expunge("init", cwd=folder).code == 0
