"""The names of recordings: which datasets lie in vaults, which people a name says, and the name that fields make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from expunge.core.datamap.datamap import ByField, DataMap, Dataset, Through
from expunge.errors import UsageError
from expunge.ports.vault.sealed_library import Subject
from expunge.stores.tree.template_walk import CompiledTemplate

KIND = "vault"


class StrayFiles(UsageError):
    """Files of a folder are no recordings of the dataset; ``names`` are their names below it, which the message never holds."""

    def __init__(self, message: str, *, help: str = "", names: tuple[str, ...] = ()) -> None:  # noqa: A002 - the field's usual word
        super().__init__(message, help=help)
        self.names = names


def datasets_of(data_map: DataMap) -> tuple[str, ...]:
    """Return the datasets that lie in vaults."""
    return tuple(name for name, each in data_map.datasets.items() if data_map.stores[each.store].kind == KIND)


def dataset_of(data_map: DataMap, name: str) -> Dataset:
    """Return a dataset that lies in a vault. Raises UsageError where there is none of that name."""
    found = data_map.datasets.get(name)
    if found is None or data_map.stores[found.store].kind != KIND:
        known = datasets_of(data_map)
        message = "no dataset of that name lies in a vault"
        raise UsageError(message, help=f"one of: {', '.join(known)}" if known else "declare a store of kind vault in the map")
    return found


def named(dataset: Dataset, fields: Mapping[str, str]) -> str:
    """Return a recording's name, from values for the placeholders of a path. Raises UsageError where they fill no path."""
    for path in dataset.paths:
        template = CompiledTemplate.of(path)
        if template.placeholders == set(fields):
            parts = ("".join(fields[part] if at % 2 else part for at, part in enumerate(each.parts)) for each in template.segments)
            return "/".join(parts)
    wanted = " or ".join(" and ".join(sorted(CompiledTemplate.of(path).placeholders)) for path in dataset.paths)
    message = f"the fields fill no path of {dataset.name}"
    raise UsageError(message, help=f"give the fields {wanted}, or the whole name")


def names_below(dataset: Dataset, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name, file) for each file below a folder. Raises StrayFiles, before the first, where some fit no path of the dataset."""
    found = [(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if not path.is_symlink() and path.is_file()]
    strays = tuple(name for name, _ in found if not _fits(dataset, name))
    if strays:
        message = f"{len(strays)} of {len(found)} files below the folder fit no path of {dataset.name}, or could be two people's"
        raise StrayFiles(message, help=f"move them away; names are like {' or '.join(dataset.paths)}", names=strays)
    yield from found


def _fits(dataset: Dataset, name: str) -> bool:
    try:
        named_in(dataset, name)
    except UsageError:
        return False
    return True


def people_of(data_map: DataMap, dataset: Dataset) -> ByField | None:
    """Return the rule by which the people of a dataset are found in names, its own or that of the dataset it is found through."""
    rule = dataset.subject
    while isinstance(rule, Through):
        rule = data_map.datasets[rule.dataset].subject
    return rule if isinstance(rule, ByField) else None


def named_in(dataset: Dataset, name: str, rule: ByField | None = None) -> tuple[Subject, ...]:
    """Return the people in a recording's name, by the dataset's own rule unless another is given.

    Raises UsageError where the name fits no path, or can be read in two ways.
    """
    own = dataset.subject
    rule = rule or (own if isinstance(own, ByField) else None)
    pairs = rule.pairs() if rule else ()
    fields = (*(field for _, field in pairs), *dataset.subject_fields)
    parts = name.split("/")
    ways = [way for path in dataset.paths for way in CompiledTemplate.of(path).readings(name)]
    if not ways or "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
        message = f"a name fits no path of {dataset.name}"
        raise UsageError(message, help=f"names are like {' or '.join(dataset.paths)}")
    if len({tuple(map(way.get, fields)) for way in ways}) > 1:
        message = f"a name of {dataset.name} can be read in two ways, so that it could be two people's"
        raise UsageError(message, help="separate the placeholders by '/' or by a character that no identifier holds")
    return tuple((kind, ways[0][field]) for kind, field in pairs if field in ways[0])
