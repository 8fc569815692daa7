"""Any value with letters beyond ASCII is looked for in another encoding and with accents that stand alone, not the first few."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CUSTOMERS, CUSTOMERS_SET, MentionCompany, company

WORDS = ("grün", "süß", "spät", "früh", "öde", "blöd", "kühl", "zäh", "rüde", "edel")
NOTES = "notes: {store: app, table: notes, subject: {customer: who}, retention: life}"
WRITES: dict[str, Callable[[str], bytes]] = {
    "Windows-1252": lambda text: text.encode("cp1252"),
    "accents alone": lambda text: unicodedata.normalize("NFD", text).encode(),
}


def note(number: int, who: str = ANNA) -> str:
    words = [WORDS[number // each % 10] for each in (1, 10, 3)]
    return f"{'Grüße' if who == ANNA else 'Küsse'}, {' '.join(words)}"


def village(folder: Path, data: bytes, form: str = "NFC") -> MentionCompany:
    """A company in whose lake an export lies that nobody declared."""
    rows = [(who, unicodedata.normalize(form, note(n, who))) for n in range(60) for who in (ANNA, BELA)]  # type: ignore[arg-type]
    values = ", ".join(f"({n}, '{who}', '{said}')" for n, (who, said) in enumerate(rows))
    sql = f"CREATE TABLE notes (n INTEGER PRIMARY KEY, who TEXT, said TEXT); INSERT INTO notes VALUES {values};"
    made = company(folder, CUSTOMERS + sql, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", NOTES, lake=True)
    made.map.write_text(made.map.read_text().replace("kind: parquet, url: ./world/lake", "kind: files, url: ./world/lake"))
    (made.folder / "world" / "lake" / "export.csv").write_bytes(data)
    return made


@pytest.mark.parametrize("way", WRITES)
def test_a_copy_of_one_of_many_values_in_another_encoding_is_residue(tmp_path: Path, way: str) -> None:
    assert village(tmp_path, b"n;said\r\n1;" + WRITES[way](note(37)) + b"\r\n").erase(ANNA).state is OrderState.IN_PART


@pytest.mark.parametrize("way", WRITES)
def test_an_export_of_others_in_another_encoding_is_theirs(tmp_path: Path, way: str) -> None:
    made = village(tmp_path, b"".join(b"1;" + WRITES[way](note(n, BELA)) + b"\r\n" for n in range(60)))
    run = made.erase(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_a_joined_copy_of_what_is_stored_with_accents_that_stand_alone_is_residue(tmp_path: Path) -> None:
    assert village(tmp_path, f"1;{note(37)}\n".encode(), "NFD").erase(ANNA).state is OrderState.IN_PART
