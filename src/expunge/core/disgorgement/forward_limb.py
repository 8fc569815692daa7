"""The forward half of orders about models: find products made later that contain deleted data.

Pure. A *product* is a dataset or a single artefact of a kind that the limb names. A product was *made before* when it existed when the
deletion had been processed. Such a product stays and may be used. A product made later must not hold or build on deleted data. It does so
when it was made from a copy of a source that was read before the deletion was processed. It also does so when it was made from a product
that holds the data itself (features, label sets, embeddings). To build on a model that was made before is to use that model, which the
order allows: the product is listed and not accused.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from expunge.core.datamap.artefact import ArtefactKind
from expunge.core.disgorgement.disgorgement import holds_data
from expunge.core.disgorgement.taint import Derivation
from expunge.core.values.ids import OrderId


class ForwardFinding(StrEnum):
    """The finding about one product."""

    CLEAN = "clean"
    BEFORE = "made before"
    """It was there when each of the deletions that matter had been processed."""
    RELIES = "relies on a product made before"
    VIOLATION = "holds or builds on deleted data"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Deletion:
    """One order that was carried out."""

    order: OrderId
    processed: datetime
    datasets: frozenset[str]
    """Those in which something was erased."""


@dataclass(frozen=True)
class Product:
    """A dataset or artefact that a limb names, or a source of one."""

    name: str
    kind: ArtefactKind
    created: datetime | None
    living: bool = False
    """Not made at one time: whoever is erased is erased from it, item by item."""


@dataclass(frozen=True)
class ProductVerdict:
    """One product of a kind that the limb names."""

    product: Product
    finding: ForwardFinding
    why: str
    path: tuple[Derivation, ...] = ()
    deletions: tuple[OrderId, ...] = ()
    """Those whose data it is about."""


@dataclass(frozen=True)
class _Read:
    """One dataset that people were erased from, read for a product or for something that it builds on."""

    dataset: str
    at: datetime | None
    until: datetime
    """Deletions processed before this matter: when the product was made, or the model in between that learnt from the dataset."""
    path: tuple[Derivation, ...]


@dataclass
class _Origin:
    reads: list[_Read]
    relied: set[str]
    """Models it builds on that were made before something was deleted."""
    lost: list[str]
    """What has no origin on record."""


class ForwardJudge:
    """Judges products against deletions."""

    def __init__(self, products: Mapping[str, Product], made: Iterable[Derivation], deletions: Sequence[Deletion]) -> None:
        """Sort what is known.

        Args:
            products: every dataset and artefact by name, collected ones too.
            made: what was made from what.
            deletions: in any order.
        """
        self._products = products
        self._sources: dict[str, list[Derivation]] = {}
        for each in made:
            self._sources.setdefault(each.product, []).append(each)
        self._by_dataset: dict[str, list[Deletion]] = {}
        for deletion in sorted(deletions, key=lambda each: each.processed):
            for name in deletion.datasets:
                self._by_dataset.setdefault(name, []).append(deletion)
        self._processed = sorted(deletion.processed for deletion in deletions)

    def judge(self, name: str) -> ProductVerdict:
        """Judge one product. Raises KeyError for an undeclared name."""
        product = self._products[name]
        if not self._processed:
            return ProductVerdict(product, ForwardFinding.CLEAN, "nothing was deleted yet")
        if product.living:
            return ProductVerdict(product, ForwardFinding.CLEAN, "whoever is erased is erased from it, item by item")
        if product.created is None:
            return ProductVerdict(product, ForwardFinding.UNKNOWN, "nobody says when it was made")
        if product.created <= self._processed[0]:
            return ProductVerdict(product, ForwardFinding.BEFORE, "it was there when the first deletion had been processed")
        return self._by_origin(product, self._origin(product, product.created))

    def _by_origin(self, product: Product, origin: _Origin) -> ProductVerdict:
        undated: _Read | None = None
        for read in origin.reads:
            caught = self._between(read)
            if caught and read.at is not None:
                when = f"{caught[0].processed:%Y-%m-%d %H:%M}"
                why = f"{read.dataset} was read for it on {read.at:%Y-%m-%d %H:%M}; data was deleted from it by {when}"
                return ProductVerdict(product, ForwardFinding.VIOLATION, why, read.path, tuple(each.order for each in caught))
            undated = undated or (read if caught else None)
        if undated is not None:
            why = f"nobody says when {undated.dataset} was read for it, or for what it builds on"
            return ProductVerdict(product, ForwardFinding.UNKNOWN, why, undated.path, tuple(each.order for each in self._between(undated)))
        if origin.lost:
            return ProductVerdict(product, ForwardFinding.UNKNOWN, f"nothing is on record about what {origin.lost[0]} was made from")
        if origin.relied:
            return ProductVerdict(product, ForwardFinding.RELIES, f"it builds on {', '.join(sorted(origin.relied))}")
        return ProductVerdict(product, ForwardFinding.CLEAN, "each source was read after what was deleted from it was gone")

    def _between(self, read: _Read) -> list[Deletion]:
        """The deletions from a dataset that were processed after it was read, and in time to matter."""
        deletions = self._by_dataset.get(read.dataset, [])
        first = bisect_right([deletion.processed for deletion in deletions], read.at) if read.at is not None else 0
        return [deletion for deletion in deletions[first:] if deletion.processed < read.until]

    def _deleted_between(self, made: datetime, later: datetime) -> bool:
        """Whether a deletion was processed after something was made, and before something else was."""
        return bisect_right(self._processed, made) < bisect_left(self._processed, later)

    def _origin(self, product: Product, created: datetime) -> _Origin:
        origin = _Origin([], set(), [])
        todo: list[tuple[str, datetime, bool, tuple[Derivation, ...]]] = [(product.name, created, True, ())]
        best = {product.name: created}
        for name, until, dated, path in todo:  # grows while it is walked
            sources = self._sources.get(name, [])
            if not sources:
                origin.lost.append(name)
            for made in sources:
                source, further, limit, known = self._products.get(made.source), (made, *path), until, dated
                if source is None:
                    origin.lost.append(made.source)
                    continue
                if source.kind is ArtefactKind.RAW or source.name in self._by_dataset:
                    # Why the walk ends at what people are erased from: it is kept free of them, and what counts is when it was read.
                    origin.reads.append(_Read(source.name, made.read if dated else None, until, further))
                    continue
                if not holds_data(source.kind):
                    # Why its own date: what it had learnt before a deletion it may keep; only what it learnt after accuses it.
                    if source.created is None or self._deleted_between(source.created, created):
                        origin.relied.add(source.name)
                    limit, known = (until, False) if source.created is None else (min(until, source.created), dated)
                if source.name not in best or best[source.name] < limit:
                    best[source.name] = limit
                    todo.append((source.name, limit, known, further))
        return origin


def kinds_of(products: Mapping[str, Product], takes: Collection[ArtefactKind]) -> list[str]:
    """Names of the products of some kinds, sorted."""
    return sorted(name for name, each in products.items() if each.kind in takes)
