"""Content that is declared in another form: a copy of what it says, in plain, is looked for; what another customer says as well is not."""

from __future__ import annotations

import base64
import gzip
import html
import json
import lzma
import quopri
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CARA, CUSTOMERS, CUSTOMERS_SET, MentionCompany, company

SAID = "Zoë said: “the café in Órgiva sells walnut bread & marmalade < 5 €”, and went home before the rain"
OTHER = "nobody ever found out why the lighthouse of Åbo was painted in seven colours & two more"
WRITTEN: dict[str, Callable[[str], str | bytes]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "entities": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "UTF-16": lambda text: text.encode("utf-16-be"),
    "hexadecimal": lambda text: text.encode().hex(),
    "base64 in JSON": lambda text: json.dumps({"n": 7, "body": base64.urlsafe_b64encode(text.encode()).decode()}),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip of JSON": lambda text: gzip.compress(json.dumps({"n": 7, "said": text}).encode()),
    "xz": lambda text: lzma.compress(text.encode()),
    "percent": quote,
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "JSON escapes": lambda text: json.dumps(text)[1:-1],
    "base85": lambda text: base64.b85encode(text.encode()).decode(),
    "a letter": lambda text: f"From: a@example.org\nContent-Transfer-Encoding: base64\n\n{base64.encodebytes(text.encode()).decode()}",
    "address of data": lambda text: f"data:text/plain;base64,{base64.b64encode(text.encode()).decode()}",
}
FEW = ("base64", "entities", "gzip of JSON")
STRAY = "the café in Órgiva sells walnut bread"
LETTERS = "letters: {store: app, table: letters, subject: {customer: customer}, retention: life}"


def letters(folder: Path, write: Callable[[str], str | bytes], stray: str = "", *more: tuple[str, str | bytes]) -> MentionCompany:
    """A company whose letters are written in some form, with a table of drafts that no dataset declares."""
    made = company(folder, CUSTOMERS, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", LETTERS)
    with closing(sqlite3.connect(made.database)) as db, db:
        db.execute("CREATE TABLE letters (n INTEGER PRIMARY KEY, customer TEXT, body)")
        rows = [(ANNA, write(SAID)), (BELA, write(OTHER)), (CARA, write(f"{OTHER} in winter")), *more]
        db.executemany("INSERT INTO letters (customer, body) VALUES (?, ?)", rows)
        if stray:
            db.execute("CREATE TABLE drafts (n INTEGER PRIMARY KEY, body TEXT)")
            db.execute("INSERT INTO drafts VALUES (1, ?)", (f"Re: {stray}, he wrote",))
    return made


@pytest.mark.parametrize("form", [pytest.param(each, marks=[] if each in FEW else pytest.mark.soak) for each in WRITTEN])
def test_a_plain_copy_of_what_a_column_says_in_another_form_is_residue(tmp_path: Path, form: str) -> None:
    made = letters(tmp_path, WRITTEN[form], STRAY)
    run = made.erase(ANNA)
    assert made.found(STRAY) != []
    assert run.state is OrderState.IN_PART


@pytest.mark.parametrize("form", [pytest.param(each, marks=[] if each in FEW else pytest.mark.soak) for each in WRITTEN])
def test_what_another_customer_says_too_in_that_form_or_in_plain_is_explained(tmp_path: Path, form: str) -> None:
    same = (BELA, WRITTEN[form](f"as they say: {SAID} (so they say)"))
    run = letters(tmp_path, WRITTEN[form], OTHER, same, (CARA, f"{SAID}, I heard")).erase(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
