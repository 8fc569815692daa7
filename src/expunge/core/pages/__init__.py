"""Pages for people, each a pure function of a statement's bytes.

A released version is never changed: a receipt names the version that it came with, and is checked against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from expunge.core.evidence import receipt
from expunge.core.pages import receipt_v1, receipt_v2, receipt_v3, receipt_v4, receipt_v5, receipt_v6, receipt_v8
from expunge.errors import EvidenceInvalid

PAGES: Mapping[int, Callable[[bytes], bytes]] = {
    1: receipt_v1.render,
    2: receipt_v2.render,
    3: receipt_v3.render,
    4: receipt_v4.render,
    5: receipt_v5.render,
    6: receipt_v6.render,
    7: receipt_v6.render,
    8: receipt_v8.render,
}
"""Template version -> page. Add; never change or remove."""
LATEST = 8


def render(statement: bytes) -> bytes:
    """The page of the template version that the statement names. Raises EvidenceInvalid, also for a version not known here."""
    version = receipt.parse(statement).tool.page
    if version not in PAGES:
        message = f"the receipt's page is of template version {version}, which this version does not have"
        raise EvidenceInvalid(message, help="check it with a newer version of the tool")
    return PAGES[version](statement)
