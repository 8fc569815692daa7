"""Decide what of a record of several people goes with one of them."""

from __future__ import annotations

from collections.abc import Sequence

from expunge.core.values.copy import Selector
from expunge.stores.tables.json_members import JsonMembers, MemberCut
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.record_files import FileRecord

_JSON = frozenset({"json", "jsonl"})


def member_cut(layout: FolderLayout, record: FileRecord, selectors: Sequence[Selector]) -> MemberCut | None:
    """Return what is left of a record when some subjects leave its lists; None where the record goes as a whole.

    Args:
        layout: of the dataset.
        record: a record that all selectors mean.
        selectors: of the subjects who leave.
    """
    if not layout.dataset.members or layout.dataset.format not in _JSON or any(each.every for each in selectors):
        return None
    match: dict[str, frozenset[str]] = {}
    for selector in selectors:
        for name, values in selector.match.items():
            match[name] = match.get(name, frozenset()) | values
    cut = JsonMembers(record.raw.decode(record.codec), (*layout.dataset.subject_fields, *match)).without(match)
    return cut if cut.gone and not cut.whole else None
