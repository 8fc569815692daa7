"""The receipt in the language of its reader: as a page of its own, and its plain part for a page that has a look of its own."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from hashlib import sha256

from expunge.core.datamap.artefact import DataKind
from expunge.core.pages import receipt_v6_spanish, receipt_v6_spanish_words, receipt_v6_words, receipt_v8, render
from expunge.core.values.outcome import Reason

ENGLISH, SPANISH = "en", "es"
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


def page(statement: bytes, language: str) -> bytes:
    """Return the receipt page: the issued one in English, a translation in Spanish. Raises EvidenceInvalid unless given a statement."""
    return receipt_v6_spanish.render(statement) if language == SPANISH else render(statement)


def plain_part(statement: bytes, language: str) -> str:
    """Return what the receipt says in plain words, as HTML without a style. Raises EvidenceInvalid unless given a statement."""
    if language == SPANISH:
        return receipt_v6_spanish.body(statement)
    whole = receipt_v8.render(statement).decode()
    return whole.partition("</header>\n")[2].partition('<section class="annex">')[0]


def kinds(language: str) -> Mapping[DataKind, tuple[str, str]]:
    """Return the nouns of kinds of data, for one and for several."""
    return receipt_v6_spanish_words.KINDS if language == SPANISH else receipt_v6_words.KINDS


def reasons(language: str) -> Mapping[Reason, str]:
    """Return the sentences that say why something could not be erased."""
    return receipt_v6_spanish_words.WHY if language == SPANISH else receipt_v6_words.WHY


def style_sources(html: bytes) -> str:
    """Return the sources of style for a page's own style sheet alone, as a policy of sources has them (CSP Level 3, 6.6.3.3)."""
    found = _STYLE.findall(html)
    return " ".join(f"'sha256-{base64.b64encode(sha256(each).digest()).decode()}'" for each in found) or "'none'"
