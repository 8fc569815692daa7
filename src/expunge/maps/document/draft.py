"""A map that has been read section by section and not yet been checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from expunge.core.datamap.datamap import Dataset, IdentitySpec, Ignore, NotOurs, OpaquePlace, Retention, StoreSpec
from expunge.maps.document.faults import FaultCollector, did_you_mean
from expunge.maps.document.nodes import TableNode, Value
from expunge.ports.store_kind import StoreKind


@dataclass(frozen=True)
class MapDraft:
    """The sections that the rules check."""

    root: TableNode
    faults: FaultCollector
    state: str
    stores: Mapping[str, StoreSpec]
    kinds: Mapping[str, StoreKind]
    """Store -> the declaration of its kind."""
    datasets: Mapping[str, Dataset]
    identities: Mapping[str, IdentitySpec]
    retention: Mapping[str, Retention]
    ignore: tuple[Ignore, ...]
    opaque: tuple[OpaquePlace, ...]
    not_ours: tuple[NotOurs, ...]

    def line(self, *keys: str) -> int:
        """The line of ``datasets``, ``recordings``, ``path``, or of as much of that as there is."""
        at: Value = self.root
        line = self.root.line
        for key in keys:
            if not isinstance(at, TableNode) or (inner := at.get(key)) is None:
                break
            line = at.line_of(key)
            at = inner
        return line

    def has(self, *keys: str) -> bool:
        """Return whether the author wrote this."""
        at: Value | None = self.root
        for key in keys:
            at = at.get(key) if isinstance(at, TableNode) else None
        return at is not None

    def has_field(self, dataset: str, field: str) -> bool:
        """Return whether a dataset may have a field, as far as the map itself can tell: whole files have their placeholders only."""
        spec = self.datasets.get(dataset)
        return spec is None or not self.is_whole_files(spec) or all("{" + field + "}" in path for path in spec.paths)

    def is_whole_files(self, dataset: Dataset) -> bool:
        """Return whether its items are files that are taken whole, so that their paths must say everything."""
        kind = self.kind_of(dataset)
        by_path = kind is None or kind.layouts is None or "path" in kind.layouts
        return by_path and bool(dataset.paths) and not dataset.format and (kind is None or kind.whole_files)

    def kind_of(self, dataset: Dataset) -> StoreKind | None:
        """The declaration of the kind of store that a dataset lies in; None where no such store is declared."""
        return self.kinds.get(dataset.store)

    def known(self, rule: str, word: str, among: Mapping[str, object], line: int, what: str) -> bool:
        """Return whether a name is declared; note a fault otherwise. An empty word was noted before."""
        if word and word not in among:
            self.faults.add(rule, line, f"{what} names {word!r}, which is not declared", did_you_mean(word, among))
        return word in among
