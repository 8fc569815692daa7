"""The last use of a profile, as a map declares it: the part of ``identities`` that inactivity is computed from."""

from __future__ import annotations

from collections.abc import Mapping

from expunge.core.datamap.datamap import ByField
from expunge.core.values.scope import MODIFIED
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import Value


def read_last_used(form: Form, value: Value | None, what: str) -> Mapping[str, str]:
    """The table of datasets and their fields of time."""
    table = form.table(value, f"{what}.last_used") if value is not None else None
    entries = table.entries if table else ()
    return {name.text: text for name, each in entries if (text := form.text(each, f"{what}.last_used.{name.text}"))}


def check_last_used(draft: MapDraft) -> None:
    """Check that each dataset names its people by identifiers of that kind, and that a kind with a period declares its last use."""
    for kind, identity in draft.identities.items():
        for name, field in identity.last_used.items():
            what, line = f"identities.{kind}.last_used", draft.line("identities", kind, "last_used", name)
            if not draft.known("unknown-dataset", name, draft.datasets, line, what):
                continue
            rule = draft.datasets[name].subject
            named = isinstance(rule, ByField) and kind in rule.fields
            if not named and name != identity.dataset:
                text = f"{what}: {name!r} does not say whose its items are by a {kind}"
                draft.faults.add("bad-last-used", line, text, f"a dataset with subject: {{{kind}: FIELD}}")
            elif field != MODIFIED and not draft.has_field(name, field):
                text = f"{what}: the path of {name!r} has no {{{field}}}"
                draft.faults.add("bad-last-used", line, text, f"{name}: modified, which is when each file was last written")
        if identity.inactive_after is not None and not identity.last_used:
            line = draft.line("identities", kind, "inactive_after")
            text = f"identities.{kind}: nothing says when one was last used"
            draft.faults.add("bad-last-used", line, text, "last_used: {recordings: recorded_at}")
