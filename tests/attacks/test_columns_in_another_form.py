"""Content that is declared in another form: a copy of what it says, in plain, is looked for; what another customer says as well is not."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import lzma
import quopri
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg
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
    "wide letters": lambda text: "".join(
        chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else "\u3000" if each == " " else each for each in text
    ),
    "typographic signs": lambda text: text.replace(" ", "\u2009").replace("-", "\u2011"),
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


def document(*paragraphs: str) -> bytes:
    """A letter as a word processor writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", '<Types><Default Extension="xml" ContentType="application/xml"/></Types>')
        archive.writestr("docProps/app.xml", "<Properties><Application>A word processor of an office</Application></Properties>")
        archive.writestr("word/styles.xml", '<w:styles><w:style w:styleId="Heading of the company" w:font="Garamond Light"/></w:styles>')
        body = "".join(f"<w:p><w:r><w:t>{html.escape(each)}</w:t></w:r></w:p>" for each in paragraphs)
        archive.writestr("word/document.xml", f"<w:document><w:body>{body}</w:body></w:document>")
    return out.getvalue()


@pytest.mark.parametrize(("said", "state"), [(SAID, OrderState.IN_PART), (OTHER, OrderState.FULFILLED)], ids=["the person's", "another's"])
def test_a_preview_of_a_document_of_the_person_is_residue_and_a_template_is_not(tmp_path: Path, said: str, state: OrderState) -> None:
    uploads = 'uploads: {store: lake, path: "uploads/{who}/{name}.docx", subject: {customer: who}, retention: life}'
    made = company(tmp_path, CUSTOMERS, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", uploads, lake=True)
    made.map.write_text(made.map.read_text().replace("kind: parquet, url: ./world/lake", "kind: files, url: ./world/lake"))
    for who, text in ((ANNA, SAID), (BELA, OTHER), (CARA, "a short word about the ferry")):
        folder = made.folder / "world" / "lake" / "uploads" / who
        folder.mkdir(parents=True)
        (folder / "letter.docx").write_bytes(document(text, "Yours"))
    (made.folder / "world" / "lake" / "template.docx").write_bytes(document("Dear team of the office by the sea", "Yours"))
    made.run(f"CREATE TABLE previews (n INTEGER PRIMARY KEY, x TEXT); INSERT INTO previews VALUES (1, '{said}');")
    run = made.erase(ANNA)
    assert run.state is state, run.reasons


@pytest.mark.soak
@pytest.mark.parametrize("form", ["base64", "gzip of JSON", "UTF-16", "entities"])
def test_on_a_server_the_same_is_residue(tmp_path: Path, database: str, form: str) -> None:
    made = company(tmp_path, CUSTOMERS, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", LETTERS, server=database)
    kind = "bytea" if isinstance(WRITTEN[form](SAID), bytes) else "text"
    with psycopg.connect(database) as connection:
        connection.execute(f"CREATE TABLE letters (n int PRIMARY KEY, customer text, body {kind})".encode())
        for number, (who, said) in enumerate(((ANNA, SAID), (BELA, OTHER), (CARA, f"{OTHER} in winter"))):
            connection.execute("INSERT INTO letters VALUES (%s, %s, %s)", (number, who, WRITTEN[form](said)))
        connection.execute("CREATE TABLE drafts (n int PRIMARY KEY, body text)")
        connection.execute("INSERT INTO drafts VALUES (1, %s)", (f"Re: {STRAY}, he wrote",))
    assert made.erase(ANNA).state is OrderState.IN_PART
    made.run("DROP TABLE drafts")
    run = made.erase(BELA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


@pytest.mark.soak
def test_in_an_order_for_many_people_a_plain_copy_is_residue_too(tmp_path: Path) -> None:
    people = [f"cus-{number:04}M9K4T" for number in range(240)]
    made = company(tmp_path, CUSTOMERS, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", LETTERS)
    with closing(sqlite3.connect(made.database)) as db, db:
        db.execute("CREATE TABLE letters (n INTEGER PRIMARY KEY, customer TEXT, body)")
        db.executemany("INSERT INTO customers VALUES (?, ?, NULL, NULL)", [(who, f"the name of {who}") for who in people])
        said = [(who, base64.b64encode(f"{OTHER}, said {who} in the year of the comet".encode()).decode()) for who in (*people, BELA, CARA)]
        db.executemany("INSERT INTO letters (customer, body) VALUES (?, ?)", said)
        db.execute("CREATE TABLE drafts (n INTEGER PRIMARY KEY, body TEXT)")
        db.execute("INSERT INTO drafts VALUES (1, ?)", (f"Re: {OTHER}, said",))
    with made.open() as opened:
        order = opened.order_erase([opened.resolve(f"customer:{who}") for who in people]).order
        opened.plan(order)
        assert opened.apply(order).state is OrderState.IN_PART
