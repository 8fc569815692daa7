"""The section ``lineage`` of a map: pipelines' names for datasets, addresses without personal data, and where erasures are reported."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from expunge.core.datamap.lineage_spec import Emission, Harmless, LineageSpec
from expunge.core.lineage.openlineage import address
from expunge.core.values.service_address import is_safe
from expunge.maps.document import words
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ListNode, TableNode, Value

_EXAMPLE = "postgres://host:5432/app.public.transcripts"


def read_lineage(form: Form, root: TableNode) -> LineageSpec:
    """The section ``lineage``."""
    value = root.get("lineage")
    table = form.table(value, "lineage", words.LINEAGE) if value is not None else None
    if table is None:
        return LineageSpec()
    return LineageSpec(_names(form, table.get("names")), _harmless(form, table.get("ignore")), _emission(form, table.get("emit")))


def check_names(draft: MapDraft, spec: LineageSpec) -> None:
    """Names are given to datasets that exist, and none to two of them."""
    owners: dict[str, str] = {}
    for dataset, names in spec.names.items():
        line = draft.line("lineage", "names", dataset)
        draft.known("unknown-dataset", dataset, draft.datasets, line, "lineage.names")
        for name in names:
            if owners.setdefault(name, dataset) != dataset:
                text = f"lineage.names: {dataset!r} and {owners[name]!r} have one name"
                draft.faults.add("bad-lineage", line, text, "each name under the one dataset that it means")


def _names(form: Form, value: Value | None) -> dict[str, tuple[str, ...]]:
    table = form.table(value, "lineage.names") if value is not None else None
    found = {}
    for name, each in table.entries if table else ():
        what = f"lineage.names.{name.text}"
        texts = form.texts(each, what, one_is_enough=True)
        found[name.text] = tuple(address(text, "") for text in texts if _is_name(form, text, each.line, what))
    return found


def _is_name(form: Form, text: str, line: int, what: str) -> bool:
    if "/" in text and not text.strip("*/").endswith(":") and text.strip("*/"):
        return True
    form.faults.add("bad-lineage", line, f"{what}: {text!r} is no namespace and name of OpenLineage, joined by /", f'"{_EXAMPLE}"')
    return False


def _harmless(form: Form, value: Value | None) -> tuple[Harmless, ...]:
    if value is None:
        return ()
    if not isinstance(value, ListNode):
        instead = 'ignore:\n    - {name: "postgres://host:5432/weather.*", reason: weather is about nobody}'
        form.faults.add("wrong-type", value.line, "lineage.ignore is not a list", instead)
        return ()
    found = []
    for item in value.items:
        table = form.table(item, "lineage.ignore", words.HARMLESS, words.HARMLESS)
        name = form.text(table.get("name"), "lineage.ignore.name") if table else None
        reason = form.text(table.get("reason"), "lineage.ignore.reason") if table else None
        if name and reason and _is_name(form, name, item.line, "lineage.ignore.name"):
            found.append(Harmless(address(name, ""), reason, item.line))
    return tuple(found)


def _emission(form: Form, value: Value | None) -> Emission | None:
    table = form.table(value, "lineage.emit", words.EMIT, ("url",)) if value is not None else None
    if table is None:
        return None
    url = form.filled(table.get("url"), "lineage.emit.url") or ""
    token = form.filled(table.get("token"), "lineage.emit.token") or ""
    namespace = form.text(table.get("namespace"), "lineage.emit.namespace") or "expunge"
    if url and not _may_be_told(url):
        what = "lineage.emit.url is no https URL, or names a user in it (http only for this machine itself)"
        form.faults.add("bad-url", table.line_of("url"), what, "url: https://lineage.example.org/api/v1/lineage")
    return Emission(url, token, namespace)


def _may_be_told(url: str) -> bool:
    return is_safe(url) and urlsplit(url).username is None and re.search(r"[\s\0]", url) is None
