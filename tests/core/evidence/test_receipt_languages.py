"""The receipt in Spanish says what the signed statement says, and changes no byte of the issued page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum

import pytest

from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence import receipt
from expunge.core.evidence.unread_places import PlaceKind
from expunge.core.models.membership_opinion import Opinion
from expunge.core.models.model_outcomes import ComparisonResult, NetworkAccess, SourceAccess
from expunge.core.pages import languages, receipt_v6, receipt_v6_spanish_words, receipt_v6_words, render
from expunge.core.pages import receipt_v1 as v1
from expunge.core.values.outcome import Reason
from tests.evidence_kit import (
    absent,
    at_page,
    for_people,
    for_some_items,
    fulfilled,
    in_part,
    of_now,
    with_mentions,
    with_models,
    with_text_of_others,
)

UNCHANGED = {
    "Plan (SHA-256)",
    "expunge receipt verify . --trust THEIR-KEYS.txt",
    "openssl pkeyutl -verify -pubin -inkey signer.pem -rawin \\\n  -in receipt.pae -sigfile receipt.sig",
    "receipt.tlog-proof",
}
"""What is the same in both languages: names of files, commands and their answers."""
RECEIPTS = {
    "fulfilled": fulfilled(),
    "in part": in_part(),
    "for people": for_people(),
    "mentions": with_mentions(),
    "models": with_models(),
    "others": with_text_of_others(),
    "nothing": of_now(absent()),
    "some items": for_some_items(),
}


def statement(name: str) -> bytes:
    return receipt.build(at_page(RECEIPTS[name]))


@pytest.mark.parametrize("name", RECEIPTS)
def test_every_number_and_date_of_the_english_part_is_in_the_spanish_one(name: str) -> None:
    made = statement(name)
    english, spanish = (languages.plain_part(made, language) for language in ("en", "es"))
    assert re.findall(r'datetime="[^"]+"', english) == re.findall(r'datetime="[^"]+"', spanish)
    assert re.findall(r"<li>([\d,]+) ", english) == [each.replace(".", ",") for each in re.findall(r"<li>([\d.]+) ", spanish)]
    assert english.count("<section") == spanish.count("<section")
    assert english.count("<li>") == spanish.count("<li>")
    assert receipt_v6.short_code(made) in spanish


@pytest.mark.parametrize("name", RECEIPTS)
def test_the_whole_page_is_one_spanish_file(name: str) -> None:
    page = languages.page(statement(name), "es").decode()
    assert page.startswith("<!DOCTYPE html>")
    assert page.count('<html lang="es">') == 1
    assert page.count('<section class="annex">') == 1
    assert page.endswith("</main>\n</body>\n</html>\n")
    assert "receipt.html" in page


def annexes(name: str) -> tuple[str, str]:
    """The annex of the issued page, and of the Spanish one."""
    made = statement(name)
    english, spanish = (languages.page(made, language).decode().partition('<section class="annex">')[2] for language in ("en", "es"))
    return english, spanish


@pytest.mark.parametrize("name", RECEIPTS)
def test_the_spanish_annex_has_each_section_row_and_fingerprint_of_the_issued_one(name: str) -> None:
    english, spanish = annexes(name)
    for sign in ("<h3>", "<tr>", "<td", "<dt>", "<dd>", "<li>", "<table>", "<details>", "<sup>"):
        assert english.count(sign) == spanish.count(sign), sign
    codes = [re.findall(r"<code>(.*?)</code>", each, re.DOTALL) for each in (english, spanish)]
    assert codes[0][:-1] == codes[1][:-1], "but for the word *page* in the last one"
    assert re.findall(r'datetime="[^"]+"', english) == re.findall(r'datetime="[^"]+"', spanish)
    assert re.findall(r'data-label="Items">([\d,]+)', english) == [
        each.replace(".", ",") for each in re.findall(r'data-label="Elementos">([\d.]+)', spanish)
    ]


@pytest.mark.parametrize("name", RECEIPTS)
def test_no_fixed_words_of_the_annex_stay_in_english(name: str) -> None:
    english, spanish = annexes(name)
    spanish = re.sub(r'<(?:span|em) lang="en">.*?</(?:span|em)>', "", spanish)
    first, second = ({each.strip() for each in re.findall(r">([^<>]+)<", page)} for page in (english, spanish))
    signed = sorted({v1.text(each) for each in texts(json.loads(statement(name)))} | stores(name), key=len, reverse=True)
    of_their_own = re.compile("|".join(re.escape(each) for each in signed))
    alike = {each for each in first & second if re.search("[A-Za-z]{3}", of_their_own.sub("", each))}
    assert alike <= UNCHANGED


def stores(name: str) -> set[str]:
    """Sentences about a store, without its name."""
    return {v1.text(each) for each in receipt_v6.left_out(RECEIPTS[name])}


def texts(value: object) -> Iterator[str]:
    """Every text of a statement."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


@pytest.mark.parametrize("name", RECEIPTS)
def test_what_was_signed_as_text_stands_in_the_spanish_annex_as_it_was_signed(name: str) -> None:
    _, spanish = annexes(name)
    said = RECEIPTS[name]
    signed = {each.ground for each in said.kept} | {each.dataset for each in said.datasets} | set(receipt_v6.left_out(said))
    assert all(v1.text(each) in spanish for each in signed)
    sentences = set(receipt_v6.left_out(said)) - {each.says for each in said.outside}
    assert all(f'<span lang="en">{v1.text(each)}</span>' in spanish for each in sentences)


def test_the_spanish_page_of_some_items_does_not_read_as_everything_of_the_person() -> None:
    spanish = languages.plain_part(statement("some items"), "es")
    assert "Se borraron todos los datos de esta orden que se encontraron" in spanish
    assert "Todo lo demás se queda." in spanish
    assert not any(lie in spanish for lie in ("todos los datos sobre esta persona", "Sin datos nuevos desde"))


def test_the_issued_page_stays_what_a_check_compares() -> None:
    made = statement("for people")
    assert languages.page(made, "en") == render(made)
    assert languages.page(made, "fr") == render(made)


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("RESULT", receipt.Result), ("GROUNDING", Grounding), ("REASON", Reason), ("PLACE", PlaceKind), ("MENTION", MentionAct),
        ("COMPARED", ComparisonResult), ("SIGHT", SourceAccess), ("NETWORK", NetworkAccess), ("OPINION", Opinion),
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)  # fmt: skip
def test_each_word_of_the_annex_has_a_spanish_one(table: str, keys: type[Enum]) -> None:
    assert set(getattr(receipt_v6_spanish_words, table)) == set(keys)


@pytest.mark.parametrize("table", ["KINDS", "FROM", "DONE", "DEPTH", "WHY"])
def test_each_word_of_the_english_tables_has_a_spanish_one(table: str) -> None:
    english, spanish = (getattr(words, table) for words in (receipt_v6_words, receipt_v6_spanish_words))
    assert english.keys() == spanish.keys()
    assert all(english[key] != spanish[key] for key in english)


def test_the_policy_of_sources_takes_the_pages_own_style_and_no_other() -> None:
    page = languages.page(statement("in part"), "es")
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", languages.style_sources(page))
    assert languages.style_sources(page) != languages.style_sources(page.replace(b"<style>\n", b"<style>\n\n"))
    assert b"style=" not in page
    assert languages.style_sources(b"<p>") == "'none'"
