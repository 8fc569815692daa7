"""The receipt in Spanish says what the signed statement says, and changes no byte of the issued page."""

from __future__ import annotations

import re

import pytest

from expunge.core.evidence import receipt
from expunge.core.pages import languages, receipt_v6, receipt_v6_spanish_words, receipt_v6_words, render
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
def test_the_whole_page_is_one_file_with_the_annex_in_english(name: str) -> None:
    page = languages.page(statement(name), "es").decode()
    assert page.startswith("<!DOCTYPE html>")
    assert page.count('<html lang="es">') == 1
    assert page.count('<section class="annex" lang="en">') == 1
    assert page.endswith("</main>\n</body>\n</html>\n")
    assert "receipt.html" in page


def test_the_spanish_page_of_some_items_does_not_read_as_everything_of_the_person() -> None:
    spanish = languages.plain_part(statement("some items"), "es")
    assert "Se borraron todos los datos de esta orden que se encontraron" in spanish
    assert "Todo lo demás se queda." in spanish
    assert not any(lie in spanish for lie in ("todos los datos sobre esta persona", "Sin datos nuevos desde"))


def test_the_issued_page_stays_what_a_check_compares() -> None:
    made = statement("for people")
    assert languages.page(made, "en") == render(made)
    assert languages.page(made, "fr") == render(made)


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
