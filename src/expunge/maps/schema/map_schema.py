"""The JSON Schema of a map, for editors and for checks without Expunge.

It describes one entry at a time. Only ``expunge check`` tells whether the entries fit together (names, cycles, paths to a subject).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expunge.core.datamap.datamap import LAYOUTS
from expunge.core.datamap.spelling import CaseRule, SpellingType, UnicodeForm
from expunge.maps.document import words
from expunge.maps.schema import accounts, acts, artefacts, consent, hashed_fields, lineage, mentions, review_desk, vault_root
from expunge.ports.store_kind import (
    ALIAS,
    AttachedOption,
    ChoiceOption,
    FoldersOption,
    NumberOption,
    Option,
    ReasonsOption,
    SpanOption,
    StoreKind,
)

Schema = dict[str, Any]

_NAME = "^[A-Za-z][A-Za-z0-9_.-]{0,62}$"
_PERIOD = {
    "type": "string",
    "pattern": "^[1-9][0-9]{0,5} (day|week|month|year)s?$",
    "description": "A finite period in calendar units: 90 days, 18 months, 2 years.",
}
_VARIABLE = {"type": "string", "pattern": "\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}"}
"""Filled from the environment before it is looked at."""
_SPAN = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,5}) (minute|hour|day|week)s?$"}


def json_schema(kinds: Mapping[str, StoreKind]) -> Schema:
    """The schema, draft 2020-12. ``kinds`` are those whose url and options it spells out; other kinds take any."""
    sections = {
        "version": {"const": 1},
        "state": _text("Folder of Expunge's own state, outside every store (.expunge beside the map by default), or postgresql://..."),
        "state_folder": _text("With state on PostgreSQL: the folder of keys and log; .expunge beside the map by default."),
        "longest_wait": {**_SPAN, "description": "How long an order that is in no hurry waits to share rewrites with others; 24 hours."},
        "cooling_off": {**_SPAN, "description": "Time between an order and the first erase, in which it may be cancelled."},
        "traces_kept": {**_SPAN, "description": "How long keyed traces are kept for later looks; 90 days by default."},
        "approvers": _named(
            _one_or_more(
                "The keys of one person: Ed25519 verifier keys (C2SP signed-note), and passkeys as `expunge approvers` prints them."
            ),
            "Who may approve plans; none: no approval needed.",
        ),
        "identities": _named(_identity(), "Which identifiers there are, and which dataset says who exists."),
        "stores": _named(_store(kinds), "The systems that hold data."),
        "retention": _named(_retention(), "How long data is kept, from when, what for and why it is needed."),
        "datasets": _named(_dataset(), "What is held where, about whom, for how long."),
        "ignore": {"type": "array", "items": _ignore(), "description": "What holds no personal data, each with the reason."},
        "opaque": {"type": "array", "items": _opaque(), "description": "What cannot be read, each with the reason why that is no harm."},
        "not_ours": {"type": "array", "items": _not_ours(), "description": "Databases of others on the server of a store."},
        "cohorts": _named(artefacts.cohort(), "Groups of people that orders name, by what a dataset says of them."),
        "provenance": artefacts.provenance(),
        "trainings": artefacts.trainings(),
        "witnesses": _witnesses(),
        "vault_root": vault_root.vault_root(),
        "company": accounts.company(),
        "accounts": accounts.accounts(),
        "review": review_desk.review_desk(_SPAN),
        "lineage": lineage.lineage(),
        "purposes": consent.purposes(),
        "texts": consent.texts(),
        "guardians": consent.guardians(_PERIOD),
        "recipients": _named(_recipient(), "Third parties that data is handed to."),
        "laws": _one_or_more(
            "Which deadlines run: names of laws (GDPR, CCPA) or of clocks, and files of clocks; the standard ones by default."
        ),
        "records": {
            **_table(dict.fromkeys(words.RECORDS, _PERIOD)),
            "description": "How long records about orders are kept, by kind; 5 years by default.",
        },
        "consent_wait": {**_SPAN, "description": "How long somebody who was asked may take to agree before they are forgotten; 14 days."},
        "asking": consent.asking(_SPAN),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:expunge:data-map:1",
        "title": "Expunge data map",
        "description": "expunge.yaml: stores, datasets, lineage, purposes and retention.",
        **_table({key: sections[key] for key in words.MAP}, required=("version", "stores", "datasets")),
    }


def _recipient() -> Schema:
    properties = {
        "gets": _one_or_more("Datasets that are handed to it."),
        "url": _text("Where instructions are posted; else somebody carries them there."),
        "probe": _text("Where it can be asked how much it still holds."),
        "key": _text("Verifier key (C2SP signed-note) of its confirmations."),
        "within": {**_PERIOD, "description": "How long it has to confirm; 30 days by default."},
    }
    return _table({key: properties[key] for key in words.RECIPIENT}, required=("gets",))


def _text(description: str = "") -> Schema:
    schema: Schema = {"type": "string", "pattern": "\\S"}
    return {**schema, "description": description} if description else schema


def _guess() -> Schema:
    return _text("What a proposal rests on. Orders are not planned while it stands: take it out once the entry is right.")


def _words(*known: str) -> Schema:
    return {"enum": [str(each) for each in known]}


def _one_or_more(description: str = "") -> Schema:
    return {"description": description, "anyOf": [_text(), {"type": "array", "items": _text(), "uniqueItems": True}]}


def _table(properties: Schema, required: tuple[str, ...] = (), *, others: bool = False) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    if not others:
        schema["additionalProperties"] = False
    return schema


def _witnesses() -> Schema:
    fields = {
        "policy": _text("A file with witness, group and quorum lines (C2SP tlog-policy), beside the map."),
        "wait": {
            **_SPAN,
            "description": "How long a receipt waits for the quorum, 20 hours at most; 12 by default.",
        },
    }
    return {**_table({key: fields[key] for key in words.WITNESSES}, required=("policy",)), "description": "Who cosigns the log."}


def _named(entry: Schema, description: str) -> Schema:
    return {"type": "object", "description": description, "propertyNames": {"pattern": _NAME}, "additionalProperties": entry}


def _identity() -> Schema:
    texts = {
        "dataset": _text("The dataset that says who exists."),
        "key": _text("Its field with the identifier."),
        "also": _one_or_more("Other fields of it by which the same person may be named."),
        **_spelling(),
        "compare": _named(_table(_spelling()), "How fields of `also` compare, each as the key does: {phone: {type: phone, region: GB}}."),
        "member_of": _text("The identity this one belongs to: erasing the owner erases its members."),
        "label": _text("Its field that pages call the person by: first_name."),
        "last_used": _named(_text("Its field with the time of an item."), "Datasets whose newest item says when it was last used."),
        "inactive_after": {**_PERIOD, "description": "Unused for so long, it is flagged, and erased unless it is kept or used again."},
        "guess": _guess(),
    }
    return _table({key: texts[key] for key in words.IDENTITY}, ("dataset", "key"))


def _spelling() -> Schema:
    texts = {
        "type": {**_words(*SpellingType), "description": "What the key is. By default as its name says: one that ends in email, or phone."},
        "case": {**_words(*CaseRule), "description": "Whether capitals tell two people apart: fold for email, exact for text."},
        "unicode": {**_words(*UnicodeForm), "description": "The normal form of the comparison: nfkc for email and phone, nfc for text."},
        "region": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "The country of phone numbers without a country code: GB."},
    }
    return {key: texts[key] for key in words.SPELLING}


def _store(kinds: Mapping[str, StoreKind]) -> Schema:
    fields = {
        "kind": _text(f"{', '.join(kinds)}, or another kind that is installed."),
        "url": _text("Relative to the map; ${NAME} is filled from the environment."),
        "window": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"},
        "outside": _one_or_more("Places beyond this store that receipts must name: backups, replicas, third parties."),
        "scan": {
            **_words(*words.SCANS),
            "description": "What looks after an erasure read: all (the default); changed, so that later looks of the same order read "
            "what has changed since the last; sample, a part drawn by chance, so that receipts claim at most removed and say so first.",
        },
    }
    by_kind = [
        {"if": {"properties": {"kind": {"const": word}}, "required": ["kind"]}, "then": _of_kind(kind)} for word, kind in kinds.items()
    ]
    return {**_table({key: fields[key] for key in words.STORE}, ("kind", "url"), others=True), "allOf": by_kind}


def _of_kind(kind: StoreKind) -> Schema:
    """What a store of one kind adds."""
    schema: Schema = {}
    if kind.options is not None:
        schema["propertyNames"] = {"enum": [*words.STORE, *kind.options]}
    properties: Schema = {"url": {"description": _plain(kind.url.about)}} if kind.url else {}
    properties |= {name: _option(option) for name, option in (kind.options or {}).items()}
    if properties:
        schema["properties"] = properties
    required = [name for name, option in (kind.options or {}).items() if option.required]
    return {**schema, "required": required} if required else schema


def _option(option: Option) -> Schema:
    about = {"description": _plain(option.about)}
    match option:
        case NumberOption():
            return {**about, "type": "integer", "minimum": option.least}
        case ChoiceOption():
            return {**about, "anyOf": [_words(*option.words), _VARIABLE]}
        case SpanOption():
            return {**about, "anyOf": [_SPAN, _VARIABLE]}
        case FoldersOption():
            return {**about, "anyOf": [_text(), {"type": "object", "minProperties": 1, "additionalProperties": _text()}]}
        case ReasonsOption():
            return {**about, "type": "object", "minProperties": 1, "additionalProperties": _text()}
        case AttachedOption():
            return {**about, "type": "object", "propertyNames": {"pattern": f"^{ALIAS}$"}, "additionalProperties": _text()}
        case _:
            return {**_text(), **about}


def _plain(markdown: str) -> str:
    """The text of the documentation without its marks, as a sentence."""
    text = markdown.replace("`", "")
    return f"{text[:1].upper()}{text[1:]}."


def _retention() -> Schema:
    fields = {
        "period": _PERIOD,
        "from": _text("The field that the period runs from."),
        "purpose": _text("What the data is used for."),
        "need": _text("Why that needs the data."),
        "inactive_after": _PERIOD,
        "guess": _guess(),
    }
    return _table({key: fields[key] for key in words.RETENTION}, ("period", "from", "purpose", "need"))


def _dataset() -> Schema:
    renamed = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _text()}
    via = {"description": "The field of both, or {FIELD HERE: FIELD THERE}.", "anyOf": [_text(), renamed]}
    many = {"type": "boolean", "description": "Whether a value of via may lead to several people."}
    fields = {key: via if key == "via" else _text() for key in words.THROUGH}
    through = _table({**fields, words.MANY: many}, words.THROUGH)
    field = _one_or_more("The field there, or several, that via equals.")
    named = {"description": "Each dataset that leads to people.", "type": "object", "minProperties": 1, "additionalProperties": field}
    ways = _table({"through": named, "via": _text("The field here.")}, words.THROUGH)
    by_field = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"not": {"enum": [*words.THROUGH, "aggregate"]}},
        "additionalProperties": _one_or_more("The field, or several that each hold such an identifier: payer and payee."),
    }
    fields = {
        "store": _text("The store it lies in."),
        "table": _text("For databases: table or schema.table."),
        "path": _one_or_more("For files: templates such as voice/{profile_id}/{recording_id}.flac."),
        "model": _text("For model registries: the registered name."),
        "experiment": _text("For model registries: the experiment whose runs and traces are about people."),
        "format": {**_words(*words.FORMATS), "description": "For files with records of many people; .gz is told from the name."},
        "records": _text("For format json: the field whose lists hold the records, such as members or a.b.members; . for the document."),
        "encoding": {**_words(*words.ENCODINGS), "description": "Of files with records and without a byte order mark; utf-8 by default."},
        "subject": {
            "description": "Whose it is: {KIND: FIELD or [FIELD, FIELD], ...}, or {through: DATASET, via: FIELD or {HERE: THERE}}, "
            "or by several ways {through: {DATASET: FIELD THERE, ...}, via: FIELD HERE}.",
            "anyOf": [by_field, through, ways],
        },
        "spelling": hashed_fields.spelling(),
        "aggregate": _table({key: _text() for key in words.AGGREGATE}, words.AGGREGATE),
        "about": {**_words(words.NOBODY), "description": "Reference data: it lists what there is, whoever has it (cities, products)."},
        "vocabulary": _named(
            _named(_one_or_more(), "Dataset of people -> the column, or columns."),
            "Column of reference data -> columns of people whose values come from its list: {name: {customers: city}}.",
        ),
        "shared": {**_words(*words.SHARED), "description": "What becomes of an item of several people when one is erased."},
        "people": _text("The dataset that says who is in a recording."),
        "categories": _one_or_more("Fideslang data categories."),
        "retention": _text("A name under retention; derived datasets take the shortest of their sources by default."),
        "derived_from": _one_or_more("The datasets it was made from."),
        "on_erase": acts.on_erase(_SPAN),
        "grounding": {**_words(*words.GROUNDINGS), "description": "How deep an erasure must go; what the store reaches by default."},
        **artefacts.of_dataset(),
        "mentions": mentions.mentions(),
        "guess": _guess(),
    }
    rules = {
        "oneOf": [{"required": [layout]} for layout in LAYOUTS],
        "dependentRequired": {"derived_from": ["on_erase"], "vocabulary": ["about"]},
        "anyOf": [{"required": [key]} for key in ("subject", "aggregate", "about", "derived_from", "guess")],
        "not": {"required": ["subject", "aggregate"]},
        "allOf": [{"anyOf": [{"required": [key]} for key in ("retention", "derived_from", "about")]}],
    }
    return {**_table({key: fields[key] for key in words.DATASET}, ("store",)), **rules}


def _ignore() -> Schema:
    fields = {
        "store": _text(),
        "table": _text("A pattern such as django_*."),
        "path": _text("A pattern such as cache/*."),
        "reason": _text("Why it holds no personal data."),
    }
    return {
        **_table({key: fields[key] for key in words.IGNORE}, ("store", "reason")),
        "oneOf": [{"required": ["table"]}, {"required": ["path"]}],
    }


def _not_ours() -> Schema:
    fields = {
        "store": _text("A store of kind postgres."),
        "database": _text("A pattern such as billing_*, over names of databases."),
        "reason": _text("Whose it is, or why nothing of ours is in it."),
    }
    return _table({key: fields[key] for key in words.NOT_OURS}, words.NOT_OURS)


def _opaque() -> Schema:
    fields = {
        "store": _text(),
        "table": _text("A column of a table, such as audit.payload. It is on every receipt."),
        "path": _text("A pattern such as backups/*.age. It is on every receipt, so that it names nobody."),
        "reason": _text("Why it holds nothing of people who go, or when that ends. It is on every receipt."),
    }
    return {
        **_table({key: fields[key] for key in words.OPAQUE}, ("store", "reason")),
        "oneOf": [{"required": ["table"]}, {"required": ["path"]}],
    }
