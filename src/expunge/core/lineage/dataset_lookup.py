"""Find the dataset of the map that an observed address means, by the names that the map declares and by where its stores lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache, cached_property
from urllib.parse import unquote, urlsplit

from expunge.core.datamap.datamap import DataMap, ModelLayout, StoreSpec, TableLayout
from expunge.core.lineage.openlineage import address

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


class DatasetLookup:
    """A data map as addresses."""

    def __init__(self, data_map: DataMap) -> None:
        self._map = data_map
        self._known: dict[str, frozenset[str]] = {}

    def datasets(self, at: str) -> frozenset[str]:
        """The datasets that an address means: none, one, or all of a folder that it names."""
        if at not in self._known:
            found = set(self._exact.get(at, ()))
            found.update(name for pattern, name in self._patterns if pattern.fullmatch(at))
            for root, templates in self._trees:
                if at == root or at.startswith(f"{root}/"):
                    below = at[len(root) + 1 :]
                    found.update(name for template, name in templates if _meets(below, template))
            self._known[at] = frozenset(found)
        return self._known[at]

    def addresses(self, dataset: str) -> tuple[str, ...]:
        """Return a dataset's addresses as pipelines would name them: the map's names, else its table, else the folders of its files."""
        given = tuple(each for each in self._map.lineage.names.get(dataset, ()) if "*" not in each)
        declared = self._map.datasets[dataset]
        store = self._map.stores[declared.store]
        match declared.layout:
            case TableLayout(name):
                return given or tuple(_table_addresses(store, name))[-1:]
            case ModelLayout(name):
                return given or (model_address(store.name, name),)
        root = _tree_root(store)
        folders = dict.fromkeys(_PLACEHOLDER.split(path)[0].rpartition("/")[0] for path in declared.paths)
        return given or tuple("/".join(each for each in (root, folder) if each) for folder in folders if root)

    def harmless(self, at: str) -> bool:
        """Return whether the map declares that an address holds no personal data, by its pipeline name or by its place in a store."""
        store, inside = self.place(at)
        spellings = (inside, inside.removeprefix("public."))
        ignored = (each.pattern for each in self._map.ignore if store and each.store == store)
        return any(each.fullmatch(at) for each in self._harmless) or any(fnmatchcase(text, each) for each in ignored for text in spellings)

    def place(self, at: str) -> tuple[str, str]:
        """The declared store in which an address lies and its table or path there; empty texts where it lies in none."""
        for name, root in self._roots:
            if at.startswith(root):
                return name, at[len(root) :]
        return "", ""

    @cached_property
    def _exact(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for dataset, names in self._map.lineage.names.items():
            for name in names:
                if "*" not in name:
                    found.setdefault(name, set()).add(dataset)
        for each_dataset in self._map.datasets.values():
            store = self._map.stores.get(each_dataset.store)
            match each_dataset.layout:
                case TableLayout(table) if store:
                    for each in _table_addresses(store, table):
                        found.setdefault(each, set()).add(each_dataset.name)
                case ModelLayout(model):
                    found.setdefault(model_address(each_dataset.store, model), set()).add(each_dataset.name)
        return found

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        return [(_glob(name), dataset) for dataset, names in self._map.lineage.names.items() for name in names if "*" in name]

    @cached_property
    def _harmless(self) -> list[re.Pattern[str]]:
        return [_glob(each.pattern) for each in self._map.lineage.harmless]

    @cached_property
    def _trees(self) -> list[tuple[str, list[tuple[list[str], str]]]]:
        found = []
        for store in self._map.stores.values():
            root = _tree_root(store)
            templates = [(path.split("/"), dataset.name) for dataset in self._map.datasets_of(store.name) for path in dataset.paths]
            if root and templates:
                found.append((root, templates))
        return found

    @cached_property
    def _roots(self) -> list[tuple[str, str]]:
        """(store, how addresses in it begin), the longest first."""
        found = []
        for store in self._map.stores.values():
            root = _tree_root(store)
            found += [(store.name, f"{root}/")] if root else [(store.name, each) for each in _database_roots(store)]
            found.append((store.name, model_address(store.name, "")))
        return sorted(found, key=lambda each: -len(each[1]))


def model_address(store: str, name: str) -> str:
    """A model by its registered name, in a registry that is a store of the map."""
    return f"model://{store}/{name}"


def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def _meets(below: str, template: list[str]) -> bool:
    """Whether a path names files of the template, a folder in which they lie, or one of the folders among them."""
    parts = below.split("/") if below else []
    if len(parts) > len(template):
        return False
    return all(re.fullmatch(_segment(segment), part) for part, segment in zip(parts, template, strict=False))


@cache
def _segment(text: str) -> str:
    """A part of a template as a regular expression."""
    return "[^/]+".join(map(re.escape, _PLACEHOLDER.split(text)))


def _tree_root(store: StoreSpec) -> str:
    """The address of a folder or a place in a bucket; empty for what is none."""
    if store.url.startswith("/"):
        return address("file", store.url)
    if store.url.startswith("s3://"):
        bucket, _, prefix = store.url.removeprefix("s3://").partition("/")
        return address(f"s3://{bucket}", prefix)
    return ""


def _database_roots(store: StoreSpec) -> Iterator[str]:
    """How addresses of a database's tables begin, the last one with the usual schema."""
    parts = urlsplit(store.url)
    if store.url.startswith("sqlite:///"):
        root = address("sqlite://", store.url.removeprefix("sqlite:///")) + "/"
        yield from (root, f"{root}main.")
    elif parts.scheme in {"postgresql", "postgres", "mysql"} and parts.hostname:
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        server = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"
        yield address(server, unquote(parts.path).strip("/")) + "."


def _table_addresses(store: StoreSpec, table: str) -> Iterator[str]:
    for root in _database_roots(store):
        yield root + table
        if store.url.startswith("postgres") and "." not in table:
            yield f"{root}public.{table}"
