"""The keeper's letters: both languages complete, nothing injected, nothing left open."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from expunge.core.accounts.letter_texts import LetterKind, written

CODES = {
    LetterKind.ENROLMENT_CODE,
    LetterKind.PROVING_CODE,
    LetterKind.CHANGE_CODE,
    LetterKind.CLOSING_CODE,
    LetterKind.RECOVERY_CODE,
}
LINKS = {LetterKind.RECOVERY_BEGUN, LetterKind.RECOVERY_NEAR, LetterKind.CREDENTIAL_WAITS, LetterKind.FIRST_CREDENTIAL_WAITS}
"""What stands for the code in them is the address of a page of the site."""
WHEN = datetime(2026, 11, 29, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize("kind", LetterKind, ids=lambda kind: kind.value)
def test_each_letter_is_whole_in_both_languages(kind: LetterKind) -> None:
    english, spanish = (written(kind, tag, company="Owl", site="https://owl.example", when=WHEN, code="12345678") for tag in ("en", "es"))
    for letter in (english, spanish):
        assert "Owl" in letter.text
        assert "https://owl.example" in letter.text or kind in LINKS
        assert not set("{}") & set(f"{letter.subject}{letter.text}{letter.html}")
        assert ("12345678" in letter.text) is (kind in CODES or kind in LINKS)
        assert ("\n\n12345678\n" in letter.text) is (kind in CODES or kind in LINKS), "it stands alone"
        assert "12345678" not in letter.subject, "a lock screen shows it"
        assert ("2026-11-29 12:05 UTC" in letter.text) is (kind not in CODES)
        # One more than the text has: the company's name stands above.
        assert letter.html.count("<p ") == letter.text.count("\n\n") + 2
    assert english.subject != spanish.subject
    assert english.text != spanish.text


@pytest.mark.parametrize(("tag", "lang"), [("es", "es"), ("es-MX", "es"), ("ES_ar", "es"), ("en-GB", "en"), ("de", "en"), ("", "en")])
def test_a_language_tag_chooses_the_language(tag: str, lang: str) -> None:
    letter = written(LetterKind.CREDENTIAL_ADDED, tag, company="Owl", site="https://owl.example", when=WHEN)
    assert f'lang="{lang}"' in letter.html


def test_names_are_escaped() -> None:
    letter = written(LetterKind.CREDENTIAL_ADDED, "en", company="<b>Owl</b> & {code}", site="https://owl.example", when=WHEN)
    assert "<b>" not in letter.html
    assert "&lt;b&gt;Owl" in letter.html
    assert "<b>Owl</b> & {code}" in letter.text
