"""The one place where the engine calls stores: a failpoint before and after each call, and errors turned into outcomes.

A call whose reply was lost surfaces as :class:`expunge.faults.ReplyLost`. The caller journals ``Unknown``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from expunge.core.datamap.datamap import Dataset, Ignore
from expunge.core.datamap.grounding import Capabilities
from expunge.core.datamap.mentions import ColumnReference, FoundMentions, MentionQuery
from expunge.core.lineage.model_origin import ModelOrigin
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Outcome, Outcomes, Reason, Unable
from expunge.errors import CouldNotLook, ExpungeError, StoreUnavailable
from expunge.faults import failpoint
from expunge.ports.optional.item_listing import ItemListing, ListedItem
from expunge.ports.optional.item_naming import ItemNaming
from expunge.ports.optional.led_items import LedItems
from expunge.ports.optional.model_registry import ModelRegistry
from expunge.ports.optional.packed_cells import PackedCells
from expunge.ports.optional.placing import PlaceReader
from expunge.ports.optional.ranged_reading import ItemState, RangedReading
from expunge.ports.optional.remainders import Remainders
from expunge.ports.optional.remote_content import Remote, RemoteContent, RemoteObject
from expunge.ports.optional.schema_listing import MentionListing, SchemaListing, TriggerListing, UndeclaredListing, UndeclaredTable
from expunge.ports.optional.schema_naming import SchemaNaming
from expunge.ports.optional.spelling_search import SpellingSearch, StoreEquality
from expunge.ports.optional.subject_listing import SubjectListing
from expunge.ports.optional.undeclared_places import UndeclaredPlaces
from expunge.ports.scanner import Tracer
from expunge.ports.store import Store


def capabilities(store: Store) -> Capabilities:
    """Ask the store for its capabilities here and now."""
    failpoint("store.capabilities:before")
    answer = store.capabilities
    failpoint("store.capabilities:after")
    return answer


def remainders(store: Store) -> tuple[str, ...]:
    """Ask the store what stays in it that may be of people who are gone; nothing where it cannot count that. Raises as ``locate``."""
    return tuple(store.remainders()) if isinstance(store, Remainders) else ()


def check(store: Store, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
    """Compare the store with the map."""
    failpoint("store.check:before")
    answer = tuple(store.check(ignored))
    failpoint("store.check:after")
    return answer


def undeclared_places(store: Store, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
    """Return the places of the store that no dataset declares; where the store can tell them without reading content, it does."""
    if not isinstance(store, UndeclaredPlaces):
        return tuple(each for each in check(store, ignored) if each.kind is FindingKind.UNDECLARED)
    failpoint("store.undeclared_places:before")
    answer = tuple(store.undeclared_places(ignored))
    failpoint("store.undeclared_places:after")
    return answer


def locate(store: Store, dataset: Dataset, selectors: Sequence[Selector]) -> tuple[Copy, ...]:
    """Find copies; nothing to look for answers nothing, without a call."""
    if not selectors:
        return ()
    failpoint("store.locate:before")
    answer = tuple(store.locate(dataset, selectors))
    failpoint("store.locate:after")
    return answer


def origins(store: ModelRegistry) -> tuple[ModelOrigin, ...]:
    """Ask a registry for the origins of its models."""
    failpoint("store.origins:before")
    answer = store.origins()
    failpoint("store.origins:after")
    return answer


def ages(store: Store, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
    """Count items by age."""
    failpoint("store.ages:before")
    answer = store.ages(dataset, field, edges)
    failpoint("store.ages:after")
    return answer


def spans(store: Store, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
    """Stream when each value's items begin and end."""
    failpoint("store.spans:before")
    yield from store.spans(dataset, by, field)
    failpoint("store.spans:after")


def bystanders(store: Store, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
    """Stream copies of bystanders."""
    failpoint("store.bystanders:before")
    yield from store.bystanders(dataset, erased, limit)
    failpoint("store.bystanders:after")


def named(store: SubjectListing, dataset: Dataset, field: str) -> Iterator[Sequence[str]]:
    """Stream the values of a field."""
    failpoint("store.named:before")
    yield from store.named(dataset, field)
    failpoint("store.named:after")


def mentions(
    store: MentionListing,
    dataset: Dataset,
    queries: Sequence[MentionQuery],
    aside: Sequence[Copy],
    columns: frozenset[str] | None = None,
    most: int = 0,
) -> tuple[FoundMentions, ...]:
    """Count the rows of other people that name a person."""
    failpoint("store.mentions:before")
    answer = tuple(store.mentions(dataset, queries, aside, columns, most))
    failpoint("store.mentions:after")
    return answer


def column_references(store: MentionListing, dataset: Dataset) -> tuple[ColumnReference, ...]:
    """Ask for the foreign keys that lead out of a dataset."""
    failpoint("store.column_references:before")
    answer = store.column_references(dataset)
    failpoint("store.column_references:after")
    return answer


def unfit_mentions(store: MentionListing, dataset: Dataset) -> tuple[tuple[str, str, str], ...]:
    """Ask which rules about mentions the schema does not let be carried out."""
    failpoint("store.unfit_mentions:before")
    answer = store.unfit_mentions(dataset)
    failpoint("store.unfit_mentions:after")
    return answer


def undeclared_tables(store: UndeclaredListing, ignored: Sequence[Ignore]) -> tuple[UndeclaredTable, ...]:
    """Ask for the tables that no dataset declares."""
    failpoint("store.undeclared_tables:before")
    answer = tuple(store.undeclared_tables(ignored))
    failpoint("store.undeclared_tables:after")
    return answer


def copied_elsewhere(store: TriggerListing, dataset: Dataset) -> tuple[str, ...]:
    """Ask which triggers copy rows that go."""
    failpoint("store.copied_elsewhere:before")
    answer = store.copied_elsewhere(dataset)
    failpoint("store.copied_elsewhere:after")
    return answer


def lacking_fields(store: SchemaListing, dataset: Dataset) -> tuple[str, ...]:
    """Ask which fields of a dataset's paths to people its table lacks."""
    failpoint("store.lacking_fields:before")
    answer = store.lacking_fields(dataset)
    failpoint("store.lacking_fields:after")
    return answer


def uncovered_references(store: SchemaListing, dataset: Dataset, copies: Sequence[Copy]) -> tuple[str, ...]:
    """Ask which undeclared tables refer to copies."""
    failpoint("store.uncovered_references:before")
    answer = store.uncovered_references(dataset, copies)
    failpoint("store.uncovered_references:after")
    return answer


def binding_references(
    store: SchemaListing, dataset: Dataset, copies: Sequence[Copy], going: Mapping[str, Sequence[Copy]]
) -> Mapping[Pseudonym, Unable]:
    """Ask whose copies cannot go while other rows stay."""
    failpoint("store.binding_references:before")
    answer = store.binding_references(dataset, copies, going)
    failpoint("store.binding_references:after")
    return answer


def equality(store: SpellingSearch, dataset: Dataset, field: str) -> StoreEquality:
    """Ask how the store compares the values of a field."""
    failpoint("store.equality:before")
    answer = store.equality(dataset, field)
    failpoint("store.equality:after")
    return answer


def alike(store: SpellingSearch, dataset: Dataset, field: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Stream the values that the store takes for some others."""
    failpoint("store.alike:before")
    yield from store.alike(dataset, field, values)
    failpoint("store.alike:after")


def near(store: SpellingSearch, dataset: Dataset, field: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
    """Stream the values that may be spellings of some texts."""
    failpoint("store.near:before")
    yield from store.near(dataset, field, texts)
    failpoint("store.near:after")


def export(store: Store, dataset: Dataset, copy: Copy) -> Iterator[Item]:
    """Stream a copy's items."""
    failpoint("store.export:before")
    yield from store.export(dataset, copy)
    failpoint("store.export:after")


def listed(store: ItemListing, dataset: Dataset, copy: Copy) -> Iterator[ListedItem]:
    """Stream a copy's items without their content."""
    failpoint("store.listed:before")
    yield from store.listed(dataset, copy)
    failpoint("store.listed:after")


def state_of(store: RangedReading, dataset: Dataset, copy: Copy, key: str) -> ItemState:
    """Return the present state of one item."""
    failpoint("store.state_of:before")
    answer = store.state_of(dataset, copy, key)
    failpoint("store.state_of:after")
    return answer


def read_range(store: RangedReading, dataset: Dataset, copy: Copy, key: str, state: ItemState, first: int, last: int) -> bytes:
    """Read a part of one item."""
    failpoint("store.read_range:before")
    answer = store.read_range(dataset, copy, key, state, first, last)
    failpoint("store.read_range:after")
    return answer


def trace(store: Store, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
    """Hand content to a tracer."""
    failpoint("store.trace:before")
    store.trace(dataset, copies, tracer)
    failpoint("store.trace:after")


def schema_words(store: SchemaNaming, most: int) -> tuple[str, ...]:
    """Ask a store for up to ``most`` words of its schema."""
    failpoint("store.schema_words:before")
    answer = tuple(islice(store.schema_words(), most))
    failpoint("store.schema_words:after")
    return answer


def preflight(store: Store, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy]) -> tuple[Unable, ...]:
    """Ask for foreseeable reasons, changing nothing."""
    failpoint("store.preflight:before")
    answer = store.preflight(dataset, copies, kept)
    failpoint("store.preflight:after")
    return answer


def cost(store: Store, copies: Mapping[str, Sequence[Copy]]) -> Cost:
    """Ask for the reads and writes that erasing the copies will take."""
    failpoint("store.cost:before")
    answer = store.cost(copies)
    failpoint("store.cost:after")
    return answer


def erase(store: Store, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:
    """Erase a batch; every subject has an outcome."""
    failpoint("store.erase:before")
    answer = store.erase(dataset, copies, key)
    # crash here: the effect stands, its outcome is unknown until it is looked at.
    failpoint("store.erase:after")
    return answer


def purge(store: Store, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:
    """Make erasures physical."""
    failpoint("store.purge:before")
    answer = store.purge(datasets, key)
    failpoint("store.purge:after")
    return answer


def probe(store: Store, dataset: Dataset, copies: Sequence[Copy]) -> tuple[Probed, ...]:
    """Look by every normal read path."""
    failpoint("store.probe:before")
    answer = tuple(store.probe(dataset, copies))
    failpoint("store.probe:after")
    return answer


def raw(store: Store) -> tuple[RawSource, ...]:
    """Ask where the bytes lie."""
    failpoint("store.raw:before")
    answer = tuple(store.raw())
    failpoint("store.raw:after")
    return answer


def interface(store: Store) -> str:
    """Return the url of the interface through which a store's content is read; empty for other stores. Raises as ``content``."""
    return store.interface if isinstance(store, RemoteContent) else ""


def content(store: Store) -> Iterator[Remote]:
    """Yield all that a store shows whose bytes are out of reach; nothing for other stores."""
    if isinstance(store, RemoteContent):
        failpoint("store.content:before")
        yield from store.content()


def led_from_elsewhere(store: Store, dataset: Dataset, copy: Copy, going: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Ask which keys of a copy were made from items that stay; none for a store that does not tell. Raises as ``locate``."""
    return store.led_from_elsewhere(dataset, copy, going) if isinstance(store, LedItems) else frozenset()


def names_of(store: Store, dataset: Dataset, copy: Copy) -> Mapping[str, Mapping[str, str]]:
    """Return key -> field -> value of items that have names; nothing for a store whose items have none. Raises as ``locate``."""
    return store.names_of(dataset, copy) if isinstance(store, ItemNaming) else {}


def packed_cells(store: Store, least: int) -> Iterator[tuple[str, bytes]]:
    """Yield values of bytes in tables that no dataset declares; nothing for stores without tables. Raises as the store does."""
    if isinstance(store, PackedCells):
        yield from store.packed_cells(least)


def unreadable(store: Store, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
    """Ask what a store whose bytes are out of reach holds and does not show; nothing for other stores. Raises as ``content``."""
    return store.unreadable(ignored) if isinstance(store, RemoteContent) else ()


def remote(store: object, dataset: Dataset, path: Path) -> PlaceReader | RemoteObject | None:
    """Ask for what tells which live items lie at places of remote content; None for a file of this machine. Raises as ``content``."""
    return store.remote(dataset, path) if isinstance(store, RemoteContent) else None


TROUBLE = (StoreUnavailable, CouldNotLook, OSError)
"""What a store may raise when it cannot be used now; everything else is a defect and propagates."""


def as_unable(error: Exception) -> Unable:
    """Return the outcome for trouble with a store: the message of our own errors, which hold no identifier; of others the number only."""
    if isinstance(error, CouldNotLook):
        return Unable(Reason.CORRUPT, error.message)
    if isinstance(error, ExpungeError):
        return Unable(Reason.UNREACHABLE, error.message)
    if isinstance(error, OSError):
        if isinstance(error, PermissionError):
            return Unable(Reason.PERMISSION, "the operating system refused")
        reason = Reason.DISK_FULL if error.errno in (28, 122) else Reason.UNREACHABLE
        return Unable(reason, f"operating system error {error.errno}")
    # The name of a foreign exception is text for people: nothing reads it back. Its message may hold an identifier.
    return Unable(Reason.ERROR, type(error).__name__)
