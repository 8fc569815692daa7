"""The sections of a map about the content of stores: ``datasets`` and ``ignore``."""

from __future__ import annotations

import re
from difflib import get_close_matches

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import (
    Aggregate,
    ByField,
    Dataset,
    ExperimentLayout,
    Ignore,
    Inherited,
    Layout,
    ModelLayout,
    OpaquePlace,
    PathLayout,
    Shared,
    SubjectRule,
    TableLayout,
    Through,
    Undecided,
)
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.path_template import parse_template
from expunge.maps.document import words
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ListNode, ScalarNode, TableNode, Value
from expunge.maps.sections import artefacts
from expunge.maps.sections.acts import read_command, read_on_erase
from expunge.maps.sections.hashed_fields import read_hashed
from expunge.maps.sections.mentions import read_mentions
from expunge.maps.sections.reference_data import read_reference_data

_CATEGORY = re.compile(r"(user|system)(\.[a-z][a-z0-9_]*)*")
_SENTENCE = re.compile(r"(?s).*\w+\W+\w+\W+\w+.*")
_NO_SUBJECT = ByField({})
"""Stands where a noted fault leaves the subject unknown."""


def read_datasets(form: Form, root: TableNode) -> dict[str, Dataset]:
    """Read the section ``datasets``, each as written. Values that need the rest of the map are filled in later."""
    datasets = {}
    for name, value in form.named(root, "datasets"):
        what = f"datasets.{name.text}"
        table = form.table(value, what, words.DATASET, ("store",))
        if table is not None:
            datasets[name.text] = _dataset(form, table, name, what)
    return datasets


def _dataset(form: Form, table: TableNode, name: ScalarNode, what: str) -> Dataset:
    derived = form.texts(table.get("derived_from"), f"{what}.derived_from", one_is_enough=True)
    if derived and table.get("on_erase") is None:
        text = f"{what} is derived and does not say what happens to it when somebody is erased"
        form.faults.add(
            "derived-without-on-erase",
            name.line,
            text,
            'on_erase: erase, forget, destroy, {rebuild: "command"}, {retrain: "command"} or {keep: "ground"}',
        )
    subject = read_hashed(form, table, _subject(form, table, what, derived), what)
    return Dataset(
        name=name.text,
        store=form.text(table.get("store"), f"{what}.store") or "",
        subject=subject,
        retention=form.text(table.get("retention"), f"{what}.retention") or "",
        layout=_layout(form, table, what),
        format=_one_of(form, table.get("format"), f"{what}.format", "bad-path", words.FORMATS),
        records=form.text(table.get("records"), f"{what}.records") or "",
        encoding=_one_of(form, table.get("encoding"), f"{what}.encoding", "bad-path", words.ENCODINGS),
        shared=_shared(form, table, what, subject),
        people=form.text(table.get("people"), f"{what}.people") or "",
        categories=_categories(form, table, what),
        derived_from=derived,
        on_erase=read_on_erase(form, table.get("on_erase"), f"{what}.on_erase"),
        grounding=_grounding(form, table, what),
        kind=artefacts.read_kind(form, table.get("kind"), f"{what}.kind"),
        holds=_holds(form, table, what),
        collected=form.text(table.get("collected"), f"{what}.collected") or "",
        reviewed_by=artefacts.read_reviewed(form, table.get("reviewed_by"), f"{what}.reviewed_by"),
        artefact=form.text(table.get("artefact"), f"{what}.artefact") or "",
        created=artefacts.read_date(form, table.get("created"), f"{what}.created"),
        origin=artefacts.read_origin(form, table.get("origin"), f"{what}.origin"),
        attest=read_command(form, table.get("attest"), f"{what}.attest"),
        on_expiry=artefacts.read_expiry(form, table.get("on_expiry"), f"{what}.on_expiry"),
        mentions=read_mentions(form, table.get("mentions"), f"{what}.mentions"),
        line=name.line,
    )


def _one_of(form: Form, value: Value | None, what: str, rule: str, known: tuple[str, ...]) -> str:
    text = form.text(value, what)
    if text is None or value is None or text in known:
        return text or ""
    key, near = what.rsplit(".", 1)[-1], get_close_matches(text, known, n=1)
    form.faults.add(rule, value.line, f"{what}: {text!r} is not one of {', '.join(known)}", f"{key}: {near[0] if near else known[0]}")
    return ""


def _shared(form: Form, table: TableNode, what: str, subject: SubjectRule) -> Shared:
    """Return what becomes of an item of several people. What several ways lead to stays for the others."""
    stated = Shared(_one_of(form, table.get("shared"), f"{what}.shared", "bad-shared", words.SHARED) or Shared.ERASE)
    if not isinstance(subject, Through) or not subject.further:
        return stated
    for key in ("shared", "people"):
        if table.get(key) is not None and (key == "people" or stated is not Shared.KEEP):
            text = f"{what} is found by several ways: an item goes with the last person to whom one of them leads"
            form.faults.add("bad-shared", table.line_of(key), text, f"the dataset without {key}")
    return Shared.KEEP


def _grounding(form: Form, table: TableNode, what: str) -> Grounding | None:
    word = _one_of(form, table.get("grounding"), f"{what}.grounding", "bad-grounding", words.GROUNDINGS)
    return Grounding.from_word(word) if word else None


def _holds(form: Form, table: TableNode, what: str) -> DataKind | None:
    word = _one_of(form, table.get("holds"), f"{what}.holds", "bad-holds", words.HOLDS)
    return DataKind(word) if word else None


def _layout(form: Form, table: TableNode, what: str) -> Layout | None:
    """The layout that is stated, the first of several; the rules say what is wrong with several, and with none."""
    stated: list[Layout] = []
    if name := form.text(table.get("table"), f"{what}.table"):
        stated.append(TableLayout(name))
    if paths := _paths(form, table, what):
        stated.append(PathLayout(paths))
    if name := form.text(table.get("model"), f"{what}.model"):
        stated.append(ModelLayout(name))
    if name := form.text(table.get("experiment"), f"{what}.experiment"):
        stated.append(ExperimentLayout(name))
    return stated[0] if stated else None


def _paths(form: Form, table: TableNode, what: str) -> tuple[str, ...]:
    value = table.get("path")
    items = value.items if isinstance(value, ListNode) else (value,)
    templates = form.texts(value, f"{what}.path", one_is_enough=True)
    lines = {item.text: item.line for item in items if isinstance(item, ScalarNode)}
    sound = []
    for text in templates:
        try:
            sound.append(parse_template(text).text)
        except ValueError as error:
            instead = 'path: "voice/{profile_id}/{recording_id}.flac"'
            form.faults.add("bad-path", lines.get(text, table.line), f"{what}.path: {error}", instead)
    return tuple(sound)


def _categories(form: Form, table: TableNode, what: str) -> tuple[str, ...]:
    value = table.get("categories")
    found = form.texts(value, f"{what}.categories", one_is_enough=True)
    for text in found:
        if not _CATEGORY.fullmatch(text):
            line = table.line_of("categories")
            form.faults.add("bad-category", line, f"{what}: {text!r} is no Fideslang category", "categories: [user.biometrics.voice]")
    return found


def _subject(form: Form, table: TableNode, what: str, derived: tuple[str, ...]) -> SubjectRule:
    value, aggregate = table.get("subject"), table.get("aggregate")
    if table.get("about") is not None or table.get("vocabulary") is not None:
        return read_reference_data(form, table, what)
    if value is not None and aggregate is not None:
        form.faults.add("bad-subject", table.line_of("aggregate"), f"{what} has both a subject and aggregate", "one of the two")
    if aggregate is not None:
        return _aggregate(form, aggregate, f"{what}.aggregate")
    if value is not None:
        return _by_field_or_through(form, value, f"{what}.subject")
    if derived:
        return Inherited(derived)
    if table.get("guess") is not None:
        return Undecided()
    text = f"{what} has no path to a subject: nobody could be found in it"
    form.faults.add(
        "no-subject",
        table.line,
        text,
        "subject: {KIND: FIELD} or {through: DATASET, via: FIELD}, aggregate: {...} where it is about many at once, or about: nobody",
    )
    return _NO_SUBJECT


def _by_field_or_through(form: Form, value: Value, what: str) -> SubjectRule:
    if isinstance(value, TableNode) and value.get("aggregate") is not None:
        form.faults.add("bad-subject", value.line, f"{what}: aggregate stands in place of subject, not in it", "aggregate: {reason: ...}")
        return _NO_SUBJECT
    if isinstance(value, ListNode):
        text = f"{what} is a list: one rule finds the subject, and may hold several fields"
        form.faults.add("bad-subject", value.line, text, "subject: {account: account_id, profile: profile_id}")
        return _NO_SUBJECT
    table = form.table(value, what)
    if table is None:
        return _NO_SUBJECT
    if table.get("through") is not None or table.get("via") is not None:
        form.table(table, what, (*words.THROUGH, words.MANY), words.THROUGH)
        if isinstance(ways := table.get("through"), TableNode):
            return _several_ways(form, table, ways, what)
        many = _many(form, table.get(words.MANY), f"{what}.{words.MANY}")
        via, to = _via(form, table.get("via"), f"{what}.via")
        return Through(form.text(table.get("through"), f"{what}.through") or "", via, to, many=many)
    columns = {kind.text: form.texts(field, f"{what}.{kind.text}", one_is_enough=True) for kind, field in table.entries}
    if not columns or any(isinstance(field, ListNode) and not field.items for _, field in table.entries):
        form.faults.add("bad-subject", table.line, f"{what} is empty", "subject: {profile: profile_id}")
    # Why apart: a map without several columns of one kind reads, and counts in its digest, as it always did.
    further = {kind: names[1:] for kind, names in columns.items() if names[1:]}
    return ByField({kind: names[0] if names else "" for kind, names in columns.items()}, further)


def _several_ways(form: Form, table: TableNode, ways: TableNode, what: str) -> Through:
    """``through: {customer: address_id, orders: [bill_to, ship_to]}, via: a``: each dataset with its fields that ``via`` equals."""
    fields = {name.text: form.texts(each, f"{what}.through.{name.text}", one_is_enough=True) for name, each in ways.entries}
    found = [(name, link) for name, links in fields.items() for link in links]
    instead = "subject: {through: {customers: address_id, orders: [bill_to, ship_to]}, via: address_id}"
    if len(found) < 2:
        one = ", ".join(f"through: {name}, via: {{FIELD HERE: {link}}}" for name, link in found)
        form.faults.add("bad-subject", ways.line, f"{what}.through names fewer than two ways", f"subject: {{{one}}}" if one else instead)
    if table.get(words.MANY) is not None:
        text = f"{what} has several ways, by which an item goes with the last person: {words.MANY} says nothing more"
        form.faults.add("bad-subject", table.line_of(words.MANY), text, instead)
    if isinstance(table.get("via"), TableNode):
        text = f"{what} has several ways, each with its own field there: via is the field here"
        form.faults.add("bad-subject", table.line_of("via"), text, instead)
        return Through("", "")
    here = form.text(table.get("via"), f"{what}.via") or ""
    (first, link), *further = found or [("", "")]
    return Through(first, here, "" if link == here else link, further=tuple(further))


def _via(form: Form, value: Value | None, what: str) -> tuple[str, str]:
    """The field here, and the one of the other dataset where that has another name: ``via: {note_id: id}``."""
    if not isinstance(value, TableNode):
        return form.text(value, what) or "", ""
    if len(value.entries) != 1:
        form.faults.add("bad-subject", value.line, f"{what} names one field here and one there", "via: {note_id: id}")
        return "", ""
    ((here, there),) = value.entries
    named = form.text(there, f"{what}.{here.text}") or ""
    return here.text, "" if named == here.text else named


def _many(form: Form, value: Value | None, what: str) -> bool:
    if isinstance(value, ScalarNode) and value.text in {"true", "false"}:
        return value.text == "true"
    if value is not None:
        form.faults.add(
            "bad-subject", value.line, f"{what} is neither true nor false", "many: true, where a value may lead to several people"
        )
    return False


def _aggregate(form: Form, value: Value, what: str) -> Aggregate:
    table = form.table(value, what, words.AGGREGATE)
    texts = {}
    for key in words.AGGREGATE if table else ():
        assert table is not None
        text = form.text(table.get(key), f"{what}.{key}") or ""
        texts[key] = text
        if not _SENTENCE.fullmatch(text):
            form.faults.add(
                "aggregate-incomplete",
                table.line_of(key),
                f"{what}: {_CONDITIONS[key]} is not stated",
                f"{key}: a sentence of at least three words",
            )
    return Aggregate(**{key: texts.get(key, "") for key in words.AGGREGATE})


_CONDITIONS = {
    "reason": "why this is about nobody",
    "safeguards": "which technical safeguards keep people from being found in it",
    "prohibition": "which rule of the business forbids trying, buyers included,",
    "release": "what prevents an accidental release of identifiable data",
    "no_attempt": "that nobody here attempts to identify anyone in it",
}


def read_ignore(form: Form, root: TableNode) -> tuple[Ignore, ...]:
    """The section ``ignore``."""
    value = root.get("ignore")
    if value is None:
        return ()
    if not isinstance(value, ListNode):
        form.faults.add(
            "wrong-type", value.line, "ignore is not a list", 'ignore:\n  - {store: app, table: "django_*", reason: framework tables}'
        )
        return ()
    return tuple(entry for item in value.items if (entry := _ignored(form, item)) is not None)


def _ignored(form: Form, value: Value) -> Ignore | None:
    said = _place(form, value, "ignore", 'table: "django_*", or path: "cache/*"')
    return Ignore(*said) if said is not None else None


def _place(form: Form, value: Value, what: str, instead: str) -> tuple[str, str, str, int] | None:
    """Store, pattern, reason and line of an entry that names a part of a store; empty texts for what is missing, which is a fault."""
    table = form.table(value, what, words.IGNORE, ("store", "reason"))
    if table is None:
        return None
    patterns = [text for key in ("table", "path") if (text := form.text(table.get(key), f"{what}.{key}")) is not None]
    if len(patterns) != 1:
        form.faults.add("missing-layout", table.line, f"{what} needs one of table and path", instead)
    reason = form.text(table.get("reason"), f"{what}.reason") or ""
    return form.text(table.get("store"), f"{what}.store") or "", patterns[0] if patterns else "", reason, table.line


def read_opaque(form: Form, root: TableNode) -> tuple[OpaquePlace, ...]:
    """The section ``opaque``."""
    value = root.get("opaque")
    if value is None:
        return ()
    if not isinstance(value, ListNode):
        instead = 'opaque:\n  - {store: lake, path: "backups/*.age", reason: encrypted under a key of each month that is destroyed}'
        form.faults.add("wrong-type", value.line, "opaque is not a list", instead)
        return ()
    return tuple(entry for item in value.items if (entry := _opaque(form, item)) is not None)


def _opaque(form: Form, value: Value) -> OpaquePlace | None:
    said = _place(form, value, "opaque", 'path: "backups/*.age", or table: audit.payload')
    # Why not half of one: a pattern without a reason, or none, would declare something that nobody said.
    return OpaquePlace(*said) if said is not None and all(said[:3]) else None
