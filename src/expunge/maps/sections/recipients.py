"""The section ``recipients`` of a map: third parties that receive data, and the way to tell them to erase it."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from expunge.core.datamap.recipient_spec import MONTH, RecipientSpec
from expunge.core.values.periods import parse_period
from expunge.maps.document import words
from expunge.maps.document.faults import did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode
from expunge.maps.sections.places import is_verifier_key


def read_recipients(form: Form, root: TableNode, datasets: Collection[str]) -> dict[str, RecipientSpec]:
    """Name -> recipient."""
    recipients = {}
    for name, value in form.named(root, "recipients"):
        what = f"recipients.{name.text}"
        table = form.table(value, what, words.RECIPIENT, ("gets",))
        if table is None:
            continue
        gets = form.texts(table.get("gets"), f"{what}.gets", one_is_enough=True)
        for each in gets:
            if each not in datasets:
                form.faults.add("unknown-dataset", table.line_of("gets"), f"{what}.gets: no dataset {each!r}", did_you_mean(each, datasets))
        recipients[name.text] = RecipientSpec(
            name=name.text,
            gets=gets,
            url=_address(form, table, "url", what),
            probe=_address(form, table, "probe", what),
            key=_key(form, table, what),
            within=form.parsed(table.get("within"), f"{what}.within", "bad-period", parse_period) or MONTH,
            line=name.line,
        )
    return recipients


def _address(form: Form, table: TableNode, key: str, what: str) -> str:
    value = table.get(key)
    text = form.filled(value, f"{what}.{key}") if value is not None else None
    if text and (urlsplit(text).scheme not in ("https", "http") or not urlsplit(text).netloc):
        form.faults.add("bad-recipient", table.line_of(key), f"{what}.{key} is no address", f"{key}: https://recipient.example/erase")
    return text or ""


def _key(form: Form, table: TableNode, what: str) -> str:
    text = form.text(table.get("key"), f"{what}.key")
    if text and not is_verifier_key(text):
        said = f"{what}.key is no Ed25519 verifier key (C2SP signed-note)"
        form.faults.add("bad-recipient", table.line_of("key"), said, "key: NAME+HASH+KEY, as the recipient gives it")
    return text or ""
