"""The key ``posted`` of the section ``accounts``: notices of orders that the pages show for a time (AMZ-10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from expunge.core.accounts.accounts_spec import PostedNotice
from expunge.maps.document import words
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ListNode, Value
from expunge.ports.store_kind import absolute

_WHAT = "accounts.posted"
_ID = re.compile(r"[a-z][a-z0-9-]{0,30}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def read_posted(form: Form, value: Value | None, folder: Path, rule: str) -> tuple[PostedNotice, ...]:
    """Return the notices that a map names. Files are read when they are shown."""
    if value is None:
        return ()
    if not isinstance(value, ListNode):
        mend = 'posted: [{id: order, file: notices/order.txt, from: "2026-12-01", until: "2027-06-01"}]'
        form.faults.add("wrong-type", value.line, f"{_WHAT} is no list", mend)
        return ()
    found = tuple(_notices(form, value, folder, rule))
    for place, notice in enumerate(found):
        if any(notice.id == other.id for other in found[:place]):
            form.faults.add(rule, notice.line, f"{_WHAT} names {notice.id!r} twice", "each notice has an id of its own")
    return found


def _notices(form: Form, value: ListNode, folder: Path, rule: str) -> Iterator[PostedNotice]:
    for number, item in enumerate(value.items):
        what = f"{_WHAT}[{number}]"
        table = form.table(item, what, words.POSTED, ("id", "file", "from", "until"))
        if table is None:
            continue
        name = form.parsed(table.get("id"), f"{what}.id", rule, _id)
        file = form.text(table.get("file"), f"{what}.file")
        since = form.parsed(table.get("from"), f"{what}.from", "bad-date", _day)
        until = form.parsed(table.get("until"), f"{what}.until", "bad-date", _day)
        language = form.parsed(table.get("language"), f"{what}.language", rule, _language) or "en"
        if since and until and until <= since:
            text = f"{what} ends before it is shown"
            form.faults.add(rule, table.line_of("until"), text, "until: the day after the last one on which it is shown")
        elif name and file and since and until:
            yield PostedNotice(name, absolute(folder, file), since, until, language, table.line)


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("id: small letters, digits and '-', beginning with a letter, at most 31, such as order")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError('write the day as "2026-12-01"') from None


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("language: en, es, pt-BR")
    return text
