"""Read Fides dataset YAML (fideslang ``dataset`` resources) into a map's terms, and list everything that a map cannot say.

Nothing is dropped in silence. Every statement of a file that the proposed map lacks is in the report, with file, line and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from expunge.errors import UsageError
from expunge.maps.document.faults import FaultCollector
from expunge.maps.document.nodes import ListNode, ScalarNode, TableNode, Value, load

_COLLECTION = frozenset({"name", "description", "data_categories", "fields", "fides_meta", "fidesops_meta", "meta"})
_FIELD = frozenset({"name", "description", "data_categories", "fields", "fides_meta", "fidesops_meta", "meta", "data_qualifier"})
_FIELD_META = frozenset({"primary_key", "identity", "references", "data_type", "length"})
_DATASET = frozenset(
    {"fides_key", "name", "description", "collections", "organization_fides_key", "tags", "data_categories", "fides_meta", "meta"}
)
_QUIET = frozenset({"description", "meta", "name", "data_qualifier", "data_type", "length"})
"""Said for people, or only about the form of values: a map needs nothing of the kind."""


@dataclass(frozen=True)
class LossNote:
    """A statement of a file that the proposed map lacks."""

    file: str
    line: int
    what: str
    why: str


@dataclass(frozen=True)
class FidesReference:
    """One field that holds what another holds."""

    collection: str
    field: str
    dataset: str
    """The Fides dataset of the other; empty for the same."""
    outward: bool
    """Whether it leads from here to the other (``to``); otherwise the other is where this one's rows are found from."""
    line: int


@dataclass
class FidesField:
    """One field of a collection; nested ones are named ``outer.inner``."""

    name: str
    line: int
    categories: tuple[str, ...] = ()
    identity: str = ""
    primary: bool = False
    references: list[FidesReference] = field(default_factory=list)


@dataclass
class FidesCollection:
    """One collection, which is a table as far as a map is concerned."""

    dataset: str
    name: str
    file: str
    line: int
    fields: list[FidesField] = field(default_factory=list)
    categories: tuple[str, ...] = ()

    @property
    def personal(self) -> tuple[str, ...]:
        """Categories of people's data in it, sorted."""
        found = {*self.categories, *(category for one in self.fields for category in one.categories)}
        return tuple(sorted(each for each in found if each == "user" or each.startswith("user.")))


@dataclass
class FidesImport:
    """The content of the files of a folder."""

    collections: list[FidesCollection] = field(default_factory=list)
    lost: list[LossNote] = field(default_factory=list)


def read_fides(folder: Path) -> FidesImport:
    """Read every ``.yml`` and ``.yaml`` below a folder, or one file. Raises UsageError when none of them holds a Fides dataset."""
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*.y*ml") if path.suffix in {".yml", ".yaml"})
    found = FidesImport()
    for path in files:
        name = path.name if folder.is_file() else path.relative_to(folder).as_posix()
        faults = FaultCollector(name)
        root = load(path.read_bytes(), faults)
        found.lost += [LossNote(name, each.line, each.what, f"write {each.write_instead}") for each in faults.found]
        datasets = root.get("dataset") if isinstance(root, TableNode) else None
        if isinstance(datasets, ListNode):
            for item in datasets.items:
                _dataset(found, name, item)
    if not found.collections:
        reasons = "".join(f"\n{each.file}:{each.line}: {each.what}" for each in found.lost)
        message = f"no file in {folder.name} holds a Fides dataset with collections{reasons}"
        raise UsageError(message, help="name the folder of files that begin with `dataset:`")
    return found


def _dataset(found: FidesImport, file: str, value: Value) -> None:
    table = _table(found, file, value, "a dataset")
    if table is None:
        return
    key = _text(table.get("fides_key")) or "store"
    _leftover(found, file, table, _DATASET, f"dataset {key}")
    _meta(found, file, table, frozenset(), f"dataset {key}")
    for each in _items(table.get("collections")):
        inner = _table(found, file, each, f"a collection of {key}")
        name = _text(inner.get("name")) if inner else ""
        if inner is None or not name:
            found.lost.append(
                LossNote(file, each.line, f"a collection of {key} without a name", "give it one, or declare the table by hand")
            )
            continue
        _leftover(found, file, inner, _COLLECTION, f"collection {key}.{name}")
        collection = FidesCollection(key, name, file, inner.line, categories=_texts(inner.get("data_categories")))
        _meta(found, file, inner, frozenset(), f"collection {key}.{name}")
        for item in _items(inner.get("fields")):
            collection.fields += _fields(found, file, item, key, name, "")
        found.collections.append(collection)


def _fields(found: FidesImport, file: str, value: Value, dataset: str, collection: str, prefix: str) -> Iterator[FidesField]:
    where = f"{dataset}.{collection}"
    table = _table(found, file, value, f"a field of {where}")
    name = _text(table.get("name")) if table else ""
    if table is None or not name:
        found.lost.append(LossNote(file, value.line, f"a field of {where} without a name", "nothing can be said of it"))
        return
    full = f"{prefix}{name}"
    _leftover(found, file, table, _FIELD, f"field {where}.{full}")
    meta = _meta(found, file, table, _FIELD_META, f"field {where}.{full}")
    one = FidesField(full, table.line, _texts(table.get("data_categories")))
    if meta is not None:
        one.identity = _text(meta.get("identity"))
        one.primary = _text(meta.get("primary_key")).lower() == "true"
        references = (_reference(found, file, item, dataset) for item in _items(meta.get("references")))
        one.references = [reference for reference in references if reference is not None]
    yield one
    inner = _items(table.get("fields"))
    if inner:
        why = "a table has columns: declare the part by hand where the store can look into it"
        found.lost.append(LossNote(file, table.line, f"{where}.{full} has fields of its own", why))
    for each in inner:
        yield from _fields(found, file, each, dataset, collection, f"{full}.")


def _reference(found: FidesImport, file: str, value: Value, dataset: str) -> FidesReference | None:
    table = _table(found, file, value, "a reference")
    if table is None:
        return None
    collection, dot, name = _text(table.get("field")).partition(".")
    if not dot or not name:
        found.lost.append(LossNote(file, value.line, "a reference that names no collection.field", "say the path to the person by hand"))
        return None
    other = _text(table.get("dataset"))
    return FidesReference(collection, name, "" if other == dataset else other, _text(table.get("direction")) == "to", value.line)


def _meta(found: FidesImport, file: str, table: TableNode, known: Iterable[str], what: str) -> TableNode | None:
    value = table.get("fides_meta") or table.get("fidesops_meta")
    meta = _table(found, file, value, f"the meta of {what}") if value is not None and not _is_nothing(value) else None
    if meta is not None:
        _leftover(found, file, meta, known, what)
    return meta


def _leftover(found: FidesImport, file: str, table: TableNode, known: Iterable[str], what: str) -> None:
    for name, value in table.entries:
        if name.text not in known and name.text not in _QUIET and not _is_nothing(value):
            found.lost.append(LossNote(file, name.line, f"{what}: {name.text}", _WHY.get(name.text, "a map has no word for it")))


_WHY = {
    "retention": "say a period under retention: in the map",
    "masking_strategy_override": "rows are erased, not masked: say on_erase in the map where something else is meant",
    "after": "what goes before what follows from the paths to the person",
    "erase_after": "what goes before what follows from the paths to the person",
    "skip_processing": "it is proposed all the same: name it under ignore, with the reason, where it holds nobody's data",
    "read_only": "say on_erase: {keep: GROUND} in the map where it may not be erased",
    "return_all_elements": "an export holds every row of the person anyway",
    "custom_request_field": "a person is named by an identity: add the field to identities in the map",
    "namespace": "say the schema in front of the table: table: SCHEMA.TABLE",
    "connection": "say the place under stores in the map",
    "redact": "an export holds what the row holds",
}


def _table(found: FidesImport, file: str, value: Value, what: str) -> TableNode | None:
    if isinstance(value, TableNode):
        return value
    found.lost.append(LossNote(file, value.line, f"{what} is no table", "write it as key: value"))
    return None


def _items(value: Value | None) -> tuple[Value, ...]:
    return value.items if isinstance(value, ListNode) else ()


def _text(value: Value | None) -> str:
    return "" if not isinstance(value, ScalarNode) or value.read_as == "null" else value.text


def _texts(value: Value | None) -> tuple[str, ...]:
    return tuple(each for item in _items(value) if (each := _text(item)))


def _is_nothing(value: Value) -> bool:
    return (isinstance(value, ScalarNode) and value.read_as == "null") or (isinstance(value, ListNode) and not value.items)
