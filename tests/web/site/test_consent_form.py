"""The form of consent on paper: one sheet of A4 and of Letter in each language, with nothing cut off, and the number on it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from expunge.adapters.asking import wording
from expunge.core.accounts.accounts_spec import CompanySpec
from expunge.core.consent.direct_notice import direct_notice
from expunge.core.datamap.purposes import Ground, Purpose, Use
from expunge.ports.consent_method import Asking
from tests.core.maps import voice_company

pytestmark = pytest.mark.browser
METHODS = ("email plus", "text plus", "signed form")


TEXT = (
    "We make a lamp that answers children. To understand children better, we would like to learn from what they say to it. The recordings "
    "stay with us, and are erased after 90 days.\n\nYou can say no. The lamp works all the same.\n"
)
ASKED = (
    "make the recogniser understand children better",
    "people listen to find out what went wrong",
    "partners train models of their own",
)
_CONSENT, _OWN, _OTHERS = Ground.CONSENT, ("recordings", "transcripts"), ("Speech Laboratories", "Night Owl Research")
PURPOSES = (
    Purpose("answer", "answer what is asked", Ground.CONTRACT, Use.COLLECTION, ("recordings",)),
    Purpose("training", ASKED[0], _CONSENT, Use.TRAINING, _OWN, text="training"),
    Purpose("review", ASKED[1], _CONSENT, Use.REVIEW, _OWN, text="review"),
    Purpose("partners", ASKED[2], _CONSENT, Use.TRAINING_BY_OTHERS, ("recordings",), _OTHERS, text="partners"),
)
COMPANY = CompanySpec("Example Home", "privacy@home.example", "the Data Protection Commission, dpc.example")


def form(language: str, repeated: int = 1) -> str:
    """The form of a company that asks for three uses, one of them by third parties, each with a text of its own."""
    data_map = replace(voice_company(), purposes={each.name: each for each in PURPOSES}, company=COMPANY)
    asked = Asking(
        request="ask-0123456789abcdef",
        step=1,
        contact="",
        token="WXYZ-2345-ABCD-6789",
        purpose="; ".join(ASKED),
        disclosure="\n\n".join([*[TEXT.rstrip()] * 3 * repeated, direct_notice(data_map, language, METHODS).text]),
        expires_days=30,
        items=_OWN,
        recipients=_OTHERS,
        language=language,
        on_pages=True,
    )
    return wording.form(asked)


def sheets(browser: Browser, page: str, sheet: str) -> list[bytes]:
    """The sheets of paper, as objects of the PDF that Chromium prints."""
    with browser.new_context(java_script_enabled=False) as context:
        shown = context.new_page()
        shown.set_content(page)
        printed = shown.pdf(format=sheet)
    return re.findall(rb"/Type /Page\b(?!s)[^>]*", printed)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("sheet", ["A4", "Letter"])
def test_the_form_is_one_sheet_of_paper(browser: Browser, sheet: str, language: str) -> None:
    assert len(sheets(browser, form(language), sheet)) == 1


def test_a_longer_form_takes_more_sheets_and_keeps_what_is_signed_on_one(browser: Browser) -> None:
    """The control: what is counted are sheets. The number stands beside the signature, wherever the sheet ends."""
    page = form("en", 4)
    assert len(sheets(browser, page, "A4")) == 2
    shown = browser.new_page(java_script_enabled=False)
    try:
        shown.set_content(page)
        shown.emulate_media(media="print")
        signed = shown.locator(".signed")
        assert signed.evaluate("each => getComputedStyle(each).breakInside") == "avoid"
        assert signed.get_by_text("WXYZ-2345-ABCD-6789").count() == 1
        assert signed.get_by_text("Signature", exact=True).count() == 1
    finally:
        shown.close()
