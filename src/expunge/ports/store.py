"""The store port: a place that holds personal data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from expunge.core.datamap.datamap import Dataset, Ignore
from expunge.core.datamap.grounding import Capabilities
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.outcome import Outcome, Outcomes, Unable
from expunge.ports.scanner import Tracer


class Store(Protocol):
    """One declared store. Built as ``Kind(spec: StoreSpec, datasets: tuple[Dataset, ...])``; opening happens at first use.

    Rules for every method:

    * Business trouble is answered, not raised: ``erase`` and ``purge`` return ``Unable(reason, detail)``. ``locate``, ``export``, ``trace``
      and ``check`` may raise :class:`expunge.errors.StoreUnavailable` (unreachable, locked) or ``CouldNotLook`` (corrupt, encrypted:
      the message names the dataset, never a person); programming errors propagate.
    * Details, messages and outcomes hold no identifier and no content. Keys, links and item names do: they stay in memory.
    * Strings from outside (quotes, newlines, ``%``, NUL, any Unicode) are data, never syntax.
    * Work is streamed: memory does not grow with the size of the dataset, only with that of the answer.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The store's capabilities here, now, with this process's rights."""
        ...

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Open the store and compare it with the map.

        Rights, fields that do not exist, subject paths that cannot be followed, and whatever lies inside that no dataset declares and
        no ``ignore`` names.
        """
        ...

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """Find what the dataset holds about each selector's subject; one :class:`Copy` per subject that has anything, in any order.

        Items are those that :class:`Selector` says: by values or every one, of a window, without those that are spared; times are read as
        :mod:`expunge.core.values.timestamps` does.
        Trouble with the window's own field (it is no time, it does not exist) is ``CouldNotLook``.
        One pass over the data for all selectors of a call. ``Copy.selector`` is set, ``Copy.links`` holds the values of every field
        that another dataset's ``through`` or an identity of the map follows.
        """
        ...

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield copies of people who stay (at most ``limit``): everything live in the dataset that is not in ``erased``.

        Subjects are named ``control-<n>``, not by pseudonym, so that their identity stays unknown. ``selector`` (for rows and files that
        name a subject) and ``links`` are filled as by ``locate``. Used as positive control (a few) and to tell whether a window found later
        belongs to a bystander too (all, ``limit=None``).
        """
        ...

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Stream what the copy holds: media byte for byte, rows and records as JSON lines. Reads only."""
        ...

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Hand the real content of the copies to the tracer, field by field, through normal reads. Reads only; keeps nothing."""
        ...

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """Return the number and size of items between some ascending moments: pushed down as far as the store can; reads only.

        Counts the items that a selector with ``every`` and a window over ``field`` would find; items that are in no window count as
        undated. Raises as ``locate``.
        """
        ...

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """For each value that the field ``by`` has: how many items, and the oldest and newest of the times that ``field`` gives them.

        Who has anything in a window, and when who was last there. Values are identifiers: they stay in memory. Raises as ``locate``.
        """
        ...

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:
        """Say every foreseeable reason why ``erase`` or ``purge`` would fail (rights, locks, free disk, references, types); change nothing.

        ``kept`` are items of this store that stay on purpose (a hold): erasing that would take one of them along (a cascade) is a reason.
        """
        ...

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Estimate what erasing these copies (dataset name -> copies) and the purge after it will read and write; changes nothing."""
        ...

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:
        """Make the items gone from every normal read path; durable once it returns.

        Idempotent under ``key`` and in effect: an item that is gone already answers ``Absent``. Exactly the items of ``copies`` go
        (``keys``; for files with records of many people, the records matching ``copy.selector``). The bytes and values of all other people
        stay identical. A crash at any instruction leaves each file or transaction either whole before or whole after. The answer has one
        outcome per subject in ``copies``; ``Kept(ground, until)`` where the store itself forbids it for a time (an object lock). Calls
        :func:`expunge.permit.check` right before each point from which there is no way back.
        """
        ...

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:
        """Make earlier erasures physical, store-wide: rewrite, compact, truncate logs and journals, drop statistics and leftovers.

        ``Erased(items=n)`` with n = files or structures rewritten or removed, ``Absent()`` when there was nothing to do, ``Unable``
        with what stands in the way
        (an open reader is ``READER_OPEN``, never silence). Idempotent.
        """
        ...

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """Look for the copies by every normal read path, over a connection or handle opened for this call; one answer per subject.

        Looks for the selector's values as well as for the keys, so that items which came in later are seen.
        """
        ...

    def raw(self) -> Iterator[RawSource]:
        """Yield the places of all bytes of the store, as it reports them: data, indexes, journals, logs, old versions, temporaries.

        Every file that any workload on the store changes lies at or under one of these. Yields nothing for a store whose disks are out of
        reach: then ``capabilities.grounding`` is at most ``REMOVED``. A server is asked to flush its memory before it answers.
        """
        ...

    def close(self) -> None:
        """Let go of connections and handles; safe to call twice."""
        ...
