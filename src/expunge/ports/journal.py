"""The journal port: append-only streams of canonical event bytes, the single truth about every order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from expunge.ports.leases import Lease


class Journal(Protocol):
    """Append-only streams with compare-and-append.

    A stream is one order (its id) or a named register (``holds``, ``suppressions`` ...). Positions count from 0 without gaps.

    Durability: ``append`` returns after the events are on the device (they survive a power cut); all events of one call become
    visible together
    or not at all. Every event is chained: the stored digest of event n is SHA-256 over the digest of event n-1 and its bytes, and ``read``
    checks it. Safe across processes.

    Two rights beside it, each of which one process has at a time: to run orders (:meth:`exclusive`, for as long as that takes) and to
    change what orders share (:meth:`changing`, for a moment). What a person says needs the second one alone, so that it waits for no run.
    Whoever needs both takes the first one first.
    """

    def append(self, stream: str, expected: int, events: Sequence[bytes]) -> int:
        """Append at position ``expected``; returns the new length.

        Raises:
            Conflict: when the stream's length is not ``expected`` (another writer appended); nothing was written.
            StateCorrupt: when the stored chain does not hold.
        """
        ...

    def append_all(self, appends: Sequence[tuple[str, int, Sequence[bytes]]], lease: Lease | None = None, *, ends: bool = False) -> None:
        """Append to several streams in one transaction: (stream, expected length, events) each; all become durable together, or none.

        With ``ends`` the lease is given back in the same transaction.

        Raises as :meth:`append`, and TakenOver when a lease is given whose fencing token is no longer the newest: that is checked in the
        same transaction, so that a worker that comes back late writes nothing.
        """
        ...

    def atomically(self) -> AbstractContextManager[None]:
        """Open a block whose appends and queued work commit together at its end or not at all.

        A nested block is a part of the outer one.
        """
        ...

    def exclusive(self, *, wait: float | None = None) -> AbstractContextManager[None]:
        """Hold the right to run orders for the length of a block.

        Args:
            wait: seconds to wait for another process; as the journal was opened when None.

        Raises Busy after the wait; RuntimeError in a thread that holds the right to change already: another one may hold them the other way
        round, and both would wait for ever.
        """
        ...

    def changing(self) -> AbstractContextManager[None]:
        """Hold the right to change what orders share, for the length of a block: to read a register, decide and append, or to publish.

        Short: no look into a store, no call to another machine. A block inside another one of the same thread is a part of it. Whoever
        waits gets it in turn, and it dies with its holder.

        Raises Busy after the wait; RuntimeError inside :meth:`atomically`, which others may have to wait for while they hold this right.
        """
        ...

    def lock(self, streams: Sequence[str]) -> dict[str, int]:
        """Inside :meth:`atomically`: keep others from appending to some streams until its end. Return the number of events of each.

        A caller that needs leases and streams in one transaction takes the leases first. Two callers then never wait for each other in a
        circle.
        """
        ...

    def read(self, stream: str, start: int = 0) -> Iterator[bytes]:
        """The events from ``start`` on, in order; raises StateCorrupt when the chain does not hold or a position is missing."""
        ...

    def read_all(self, starts: Mapping[str, int]) -> dict[str, list[bytes]]:
        """The events of several streams, each from its position on, with few round trips; raises as :meth:`read`."""
        ...

    def lengths(self) -> dict[str, int]:
        """Name -> how many events it has, of all streams in order of creation."""
        ...

    def length(self, stream: str) -> int:
        """Return the number of events in the stream; 0 for a stream that does not exist."""
        ...

    def streams(self) -> Iterator[str]:
        """Names of all streams, in order of creation."""
        ...
