"""The records of an invented company as they lie before an order, and as they have to lie after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from tests.attacks.invented.company import TEXTS, Company, Dataset, Fill, Home, Ids, Item, Key, Link, Place, Rule, Words, word

Record = dict[str, object]
GONE = "u_deleted"
"""The replacement of an identifier."""
SUBJECTS = {
    Link.OWNER: "{{{kind}: who}}",
    Link.PAIR: "{{{kind}: [sender, recipient]}}",
    Link.MEMBERS: "{{{kind}: members}}",
    Link.DOCUMENT: '{{{kind}: "doc.owner.id"}}',
    Link.THROUGH: "{{through: {parent}, via: {{parent_id: id}}}}",
}
DECLARED = {Rule.NULL: "null", Rule.REPLACE: f"{{replace: {GONE}}}", Rule.KEEP: "keep"}
RECORDS = {Home.JSONL: "jsonl", Home.JSON: "json", Home.CSV: "csv"}
"""Homes of records of many people in one file of the folder, with the word of the map."""


def key_of(company: Company, number: int, item: int) -> object:
    """Return the key of an item."""
    if number == 0:
        return identifier(company, company.datasets[0], item)
    if company.datasets[number].key in {Key.TEXT, Key.CLUSTERED}:
        return word(("key", number, item))
    return 100 * number + item


def identifier(company: Company, dataset: Dataset, person: int, *, spelled: bool | None = None) -> object:
    """Return an identifier as a value of its type; ``spelled`` says whether in another spelling, by default as the dataset spells it."""
    text = company.spelling(person, dataset if spelled is None else replace(dataset, spelled=spelled))
    return int(text) if company.ids is Ids.NUMBER and dataset.home not in {Home.CSV, Home.TEXT, Home.MEDIA} else text


def record(company: Company, number: int, position: int) -> Record:
    """Return one item as columns and values."""
    dataset, item = company.datasets[number], company.datasets[number].items[position]
    made: Record = {"id": key_of(company, number, position)} if dataset.key is not Key.NONE else {}
    if number:
        made |= _link(company, dataset, item)
    if dataset.rule is not Rule.NO_COLUMN:
        named = None if item.refers_to is None else identifier(company, dataset, item.refers_to, spelled=dataset.respelled)
        # Why text: a replacement is a word, and stands in the column as well.
        made["refers_to"] = str(named) if named is not None and dataset.rule is Rule.REPLACE else named
    for field in range(len(dataset.fields)):
        made[f"f{field}"] = company.value(Place(number, position, field))
    return made


def _link(company: Company, dataset: Dataset, item: Item) -> Record:
    people = [identifier(company, dataset, person) for person in item.owners]
    if dataset.link is Link.OWNER:
        return {"who": people[0]}
    if dataset.link is Link.PAIR:
        return {"sender": people[0], "recipient": people[-1]}
    if dataset.link is Link.MEMBERS:
        return {"members": people}
    if dataset.link is Link.DOCUMENT:
        return {"doc": {"owner": {"id": people[0]}, "kind": "note"}}
    if item.parent is None:
        return {"parent_id": None}
    if dataset.parent == 0:
        return {"parent_id": identifier(company, dataset, item.parent)}
    return {"parent_id": key_of(company, dataset.parent, item.parent)}


def records(company: Company, number: int) -> list[Record]:
    """Return all items of a dataset."""
    return [record(company, number, position) for position in range(len(company.datasets[number].items))]


def expected(company: Company, number: int) -> list[Record]:
    """Return the items of a dataset after the target was erased."""
    dataset = company.datasets[number]
    left = []
    for position, item in enumerate(dataset.items):
        if company.goes(number, position) or company.is_past(number, position):
            continue
        made = record(company, number, position)
        if dataset.link is Link.MEMBERS:
            made["members"] = [identifier(company, dataset, person) for person in item.owners if person not in company.targets]
        if item.refers_to in company.targets and dataset.rule in {Rule.NULL, Rule.REPLACE}:
            made["refers_to"] = None if dataset.rule is Rule.NULL else GONE
        left.append(made)
    return left


def canonical(rows: list[Record]) -> list[str]:
    """Return records in one spelling, so that two stores' answers compare."""
    return sorted(json.dumps({name: _plain(value) for name, value in row.items()}, sort_keys=True, ensure_ascii=True) for row in rows)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        return json.loads(value)
    return value


def map_of(company: Company, store: str) -> str:
    """Return the data map."""
    lines = [
        "version: 1\nstate: ./state\nidentities:",
        f"  {company.kind}: {{dataset: customers, key: id}}",
        f"stores:\n  app: {store}",
        "  media: {kind: files, url: ./world/media}\n  lake: {kind: parquet, url: ./world/lake}",
        "retention:\n  life: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}\ndatasets:",
    ]
    for number, dataset in enumerate(company.datasets):
        name = company.name(number)
        subject = "{{{kind}: id}}" if number == 0 else SUBJECTS[dataset.link]
        words = [place_of(company, number), f"subject: {subject.format(kind=company.kind, parent=company.name(dataset.parent))}"]
        words += ["retention: life"]
        words += [f"mentions: {{refers_to: {DECLARED[dataset.rule]}}}"] if dataset.rule in DECLARED else []
        lines.append(f"  {name}: {{{', '.join(words)}}}")
    lines += [
        "ignore:",
        '  - {store: app, table: "ignored_*", reason: scratch space of the application}',
        '  - {store: media, path: "ignored/*", reason: scratch space of the application}',
        '  - {store: lake, path: "ignored/*", reason: scratch space of the application}',
    ]
    return "\n".join(lines) + "\n"


def place_of(company: Company, number: int) -> str:
    """Return the words of the map that say where a dataset lies."""
    dataset, name = company.datasets[number], company.name(number)
    if dataset.home is Home.TABLE:
        return f"store: app, table: {name}"
    if dataset.home is Home.LAKE:
        return f'store: lake, path: "{name}/{{part}}.parquet"'
    if dataset.home in RECORDS:
        packed = ".gz" if dataset.packed else ""
        word = RECORDS[dataset.home]
        more = ", records: entries" if dataset.home is Home.JSON else ""
        more += "" if dataset.encoding in {"utf-8", "utf-16"} else f", encoding: {dataset.encoding}"
        return f'store: media, path: "{name}/{{part}}.{word}{packed}", format: {word}{more}'
    ending = "txt" if dataset.home is Home.TEXT else "wav"
    return f'store: media, path: "{name}/{{who}}/{{n}}.{ending}"'


def staying_mentions(company: Company, target: int) -> Iterator[tuple[str, str, str, int]]:
    """Yield (dataset, column, act, rows) of what the receipt of a person has to list."""
    for number, dataset in enumerate(company.datasets):
        if dataset.home not in {Home.TABLE, Home.LAKE}:
            continue
        items = [item for position, item in enumerate(dataset.items) if company.stays(number, position)]
        named = sum(item.refers_to == target for item in items)
        if named and dataset.rule in DECLARED:
            yield company.name(number), "refers_to", dataset.rule.value, named
        prose = sum(item.names == target for item in items)
        if prose and dataset.fields and dataset.fields[0] in TEXTS - {Fill.DOCUMENT}:
            yield company.name(number), "f0", "keep", prose


def searchable(dataset: Dataset) -> bool:
    """Return whether a full-text index can lie over a table."""
    return dataset.words is not Words.NONE and dataset.key is Key.NUMBER and bool(dataset.fields) and dataset.fields[0] in TEXTS
