"""The section of a map about databases of others beside a declared one."""

from __future__ import annotations

from expunge.core.datamap.datamap import NotOurs
from expunge.maps.document import words
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ListNode, TableNode, Value


def read_not_ours(form: Form, root: TableNode) -> tuple[NotOurs, ...]:
    """Read the section ``not_ours``."""
    value = root.get("not_ours")
    if value is None:
        return ()
    if not isinstance(value, ListNode):
        instead = "not_ours:\n  - {store: app, database: billing, reason: of another company on the same server}"
        form.faults.add("wrong-type", value.line, "not_ours is not a list", instead)
        return ()
    return tuple(entry for item in value.items if (entry := _entry(form, item)) is not None)


def _entry(form: Form, value: Value) -> NotOurs | None:
    table = form.table(value, "not_ours", words.NOT_OURS, words.NOT_OURS)
    if table is None:
        return None
    said = [form.text(table.get(key), f"not_ours.{key}") or "" for key in words.NOT_OURS]
    return NotOurs(said[0], said[1], said[2], table.line) if all(said) else None
