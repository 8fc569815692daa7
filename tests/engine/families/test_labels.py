"""First names of subjects: read from the field that the map names, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.engine.families.labels import LONGEST, FamilyLabels
from expunge.engine.families.people import FamilyPeople
from tests.engine.families.company import BEN, MIA, build


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("labels") / "company")


def called(company: Path, value: str | None) -> None:
    with closing(sqlite3.connect(company.parent / "world" / "app.db")) as db, db:
        db.execute("UPDATE profiles SET first_name = ? WHERE profile_id = ?", (value, MIA))


def label(company: Path, profile: str = MIA) -> str:
    with Expunge.open(company) as opened:
        family = opened.resolve(f"profile:{profile}").person.subject
        return FamilyLabels(opened.context, FamilyPeople(opened.context).find).of(family)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Mía", "Mía"),
        ("  María  José \n", "María José"),
        ("美亚", "美亚"),
        ("مِيا", "مِيا"),
        ("a\u202eb", "a b"),
        ("x" * 60, "x" * LONGEST),
        ("", ""),
        (None, ""),
    ],
    ids=["accents", "spaces", "Chinese", "Arabic", "a mark that turns", "long", "empty", "none"],
)
def test_a_name_is_shown_as_the_company_holds_it(company: Path, value: str | None, shown: str) -> None:
    called(company, value)
    assert label(company) == shown
    assert label(company, BEN) == "Ben"


def test_without_a_field_in_the_map_no_store_is_asked(company: Path) -> None:
    text = company.read_text()
    company.write_text(text.replace(", label: first_name", ""))
    try:
        assert label(company) == ""
    finally:
        company.write_text(text)


def test_a_name_is_remembered_for_five_minutes_and_then_read_again(company: Path) -> None:
    called(company, "Mia")
    now = 0.0
    with Expunge.open(company) as opened:
        family = opened.resolve(f"profile:{MIA}").person.subject
        labels = FamilyLabels(opened.context, FamilyPeople(opened.context).find, lambda: now)
        assert labels.of(family) == "Mia"
        called(company, "Maria")
        now = 299.0
        assert labels.of(family) == "Mia"
        now = 301.0
        assert labels.of(family) == "Maria"
        assert labels.of("0" * 32) == ""
