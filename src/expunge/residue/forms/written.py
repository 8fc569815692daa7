"""What runs of a block say in another form, and the origin of it: a hit in it lies where its first character is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from expunge.residue.matching.matcher import Bytes
from expunge.residue.matching.session import Limits, RunOrigin

MOST_FORMS = Limits().forms
"""Forms in one another that are looked into: base64 of JSON with escapes."""
LONG = 512
"""Bytes from which on a run is read by itself, so that a container in it ends where it ends."""
_WIDEST = 12
"""Bytes of the longest form of one byte."""

Places = npt.NDArray[np.int64]


def in_groups(block: Bytes, begins: Places, sizes: Places, group: int, filling: int) -> tuple[Bytes, Places]:
    """Return runs of a block one after the other, and where each begins: filled up to whole groups, with one more group between two."""
    rooms = (sizes + group - 1) // group * group + group
    offsets = np.cumsum(rooms) - rooms
    text = np.full(int(rooms.sum()), filling, np.uint8)
    each = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    text[np.repeat(offsets, sizes) + each] = block[np.repeat(begins, sizes) + each]
    return text, offsets


class Written:
    """Decoded runs of one form, one after the other."""

    __slots__ = ("_places", "_since", "_source", "_starts", "begins", "data", "ends", "form", "leaf", "step")

    def __init__(
        self,
        form: str,
        data: bytes,
        runs: Sequence[tuple[int, int, int]] | Places,
        step: tuple[int, int] = (1, 1),
        places: Places | Callable[[], Places] | None = None,
        source: bytes = b"",
        since: int = 0,
        *,
        leaf: bool = False,
    ) -> None:
        """Say where they come from.

        Args:
            form: the name of the form.
            data: what they say.
            runs: where each begins and ends in the block, and where what it says begins in ``data``.
            step: so many bytes of the block make so many of ``data``.
            places: the place of each byte of ``data`` in the block, where there is no such step; found when it is asked for.
            source: the block, where parts of ``data`` may stand in it as they are.
            since: where the part of the block begins that was not looked at before.
            leaf: whether nothing can begin in it, no container and no other form.
        """
        self.form, self.data, self.leaf = form, data, leaf
        self.begins, self.ends, self._starts = np.asarray(runs).T
        self.step, self._source, self._since = step, source, since
        self._places = places

    def begin(self, offset: int) -> int:
        """Return where the run begins in the block that a place of the data was made from."""
        return int(self.begins[self._run(offset)])

    def place(self, offset: int) -> int:
        """Return the place in the block of a place in the data."""
        places = self._each_place()
        if places is not None:
            return int(places[min(offset, places.size - 1)])
        number = self._run(offset)
        each, makes = self.step
        return min(int(self.begins[number]) + (offset - int(self._starts[number])) * each // makes, int(self.ends[number]) - 1)

    def _each_place(self) -> Places | None:
        if callable(self._places):
            self._places = self._places()
        return self._places

    def _run(self, offset: int) -> int:
        return int(np.searchsorted(self._starts, offset, side="right")) - 1

    def rest(self, offset: int) -> bytes:
        """Return what the run says that a place of the data is in, from there on: what follows was written elsewhere."""
        following = self._run(offset) + 1
        return self.data[offset : int(self._starts[following]) if following < len(self._starts) else len(self.data)]

    def runs(self) -> Iterator[bytes]:
        """Yield what each run says by itself."""
        bounds = [*self._starts.tolist(), len(self.data)]
        yield from (self.data[begin:end] for begin, end in pairwise(bounds))

    def shows(self, offset: int, size: int) -> bool:
        """Return whether a window of the data lies in one run, and is not in the block as it is."""
        places = self._each_place()
        if places is None:
            return self._run(offset) == self._run(offset + size - 1)
        first, last = int(places[offset]), int(places[min(offset + size, places.size) - 1])
        end = int(places[offset + size]) if offset + size < places.size else last + _WIDEST
        alike = self._source[first : first + size] == self.data[offset : offset + size]
        return last - first < _WIDEST * size and end > self._since and not alike


@dataclass(slots=True)
class WrittenOrigin(RunOrigin):
    """The origin of decoded runs."""

    decoded: Written | None = field(default=None, repr=False)
    outside: Callable[[int], tuple[RunOrigin, int]] | None = field(default=None, repr=False)
    """Of a place in the block: the run of bytes that it is in, and the place there."""

    @classmethod
    def of(cls, decoded: Written, outside: Callable[[int], tuple[RunOrigin, int]]) -> WrittenOrigin:
        """Return the origin of what some runs say; all of them lie in runs of bytes with the same limits."""
        parent, _ = outside(int(decoded.begins[0]))
        return cls(
            parent.path,
            (*parent.chain, decoded.form),
            fixed=True,
            depth=parent.depth,
            leaf=decoded.leaf,
            forms=MOST_FORMS if decoded.leaf else parent.forms + 1,
            decoded=decoded,
            outside=outside,
        )

    def concrete(self, offset: int) -> tuple[RunOrigin, int]:
        """Return the origin of one place: the form, with where its run begins, in what it lies in."""
        assert self.decoded is not None
        assert self.outside is not None
        parent, at = self._parent(self.decoded.place(offset))
        _, begin = self.outside(self.decoded.begin(offset))
        chain = (*parent.chain, f"{self.decoded.form}@{max(0, begin)}")
        base, outer = parent.on_disk(at), parent.in_content(at)
        made = RunOrigin(
            parent.path,
            chain,
            base,
            fixed=True,
            depth=parent.depth,
            leaf=parent.leaf,
            mark=parent.mark,
            outer=outer,
            forms=parent.forms + 1,
        )
        return made, 0

    def _parent(self, place: int) -> tuple[RunOrigin, int]:
        assert self.outside is not None
        parent, at = self.outside(place)
        return parent.concrete(at)

    def shows(self, offset: int, size: int) -> bool:
        """Return whether a window is one that only this form shows."""
        return self.decoded is None or self.decoded.shows(offset, size)

    def inside(self, what: str, offset: int, mark: bytes | None = None) -> RunOrigin:
        """Return the run that is decoded from a container in what a run says."""
        origin, _ = self.concrete(offset)
        return origin.inside(what, 0, mark)

    def on_disk(self, offset: int) -> int:
        """Return the place in the file."""
        return self.concrete(offset)[0].base

    def in_content(self, offset: int) -> int | None:
        """Return the place in the content of the outermost container; None where there is none."""
        return self.concrete(offset)[0].outer
