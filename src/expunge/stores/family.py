"""What the map says about tables that refer to each other: whose rows a reference comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from expunge.core.datamap import Aggregate, ByField, Dataset, Through


@dataclass(frozen=True)
class Family:
    """What the map says about the tables of one database, to tell whose rows a reference comes from."""

    dataset: Dataset
    """The one that is erased."""
    others: Mapping[str, Dataset]
    """Name of a table -> the dataset that declares it; the erased one included."""

    def kinds(self, child: str) -> list[tuple[str, str]]:
        """Pairs of fields (of the child, of the parent) that hold the same kind of identity."""
        theirs, ours = self.others[child].subject, self.dataset.subject
        if not isinstance(theirs, ByField) or not isinstance(ours, ByField):
            return []
        return [(theirs.fields[kind], ours.fields[kind]) for kind in theirs.fields if kind in ours.fields]

    def goes_by_itself(self, child: str, *, beforehand: bool) -> bool:
        """Whether an order erases the child's rows in a step of its own, so that they do not stand in the way.

        A declared child of another kind of identity (profiles of an account) does. One that is found ``through`` others is
        erased earlier: then it should be gone, but beforehand it is still there.
        """
        declared = self.others.get(child)
        if declared is None or isinstance(declared.subject, Aggregate):
            return False
        return beforehand if isinstance(declared.subject, Through) else not self.kinds(child)
