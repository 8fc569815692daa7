"""Find the owners of the rows that refer to a table, as the map declares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expunge.core.datamap.datamap import AboutNobody, ByField, Dataset, Through
from expunge.core.datamap.mentions import yaml_for

REFERRED = "rows of {} refer to what should go; declare that table as a dataset of the same people so that they are erased first"
NAMED = "; or, where {} names another person than the one whose row it is, write `{}` in its dataset"
TAKEN_ALONG = "the schema would delete rows of {} along (ON DELETE CASCADE) that are to stay; write ON DELETE SET NULL instead"


@dataclass(frozen=True)
class TableReferences:
    """The map's declarations about the tables of one database. They tell the owner of a row from which a reference comes."""

    dataset: Dataset
    """The one that is erased."""
    others: Mapping[str, Dataset]
    """Name of a table -> the dataset that declares it; the erased one included."""
    narrowed: bool = False
    """Only some rows of each person go, or a class of rows whoever they are about: then the rest of the same person stays as well."""

    def kinds(self, child: str) -> list[tuple[str, str]]:
        """Return pairs of fields (of the child, of the parent) that hold the same identity kind.

        They tell the owners of the child's rows.
        """
        if self.narrowed:
            return []
        theirs, ours = self.others[child].subject, self.dataset.subject
        if not isinstance(theirs, ByField) or not isinstance(ours, ByField):
            return []
        return [(name, own) for kind, name in theirs.pairs() for other, own in ours.pairs() if kind == other]

    def shares_kind(self, child: str) -> bool:
        """Return whether the map declares the owners of the child's rows in the same terms as those of the erased table."""
        if self.narrowed:
            return child in self.others and isinstance(self.others[child].subject, ByField)
        return child in self.others and bool(self.kinds(child))

    def releases(self, child: str, columns: Sequence[str]) -> bool:
        """Return whether the child's erase step takes the erased person's identifiers out of one of the referring columns.

        Then rows of others that refer to the erased table by them do not stand in the way: they refer to nobody any more, or to the
        replacement.
        """
        declared = self.others.get(child)
        rules = {} if declared is None else {name.casefold(): rule for name, rule in declared.mentions.items()}
        return any(name.casefold() in rules and rules[name.casefold()].releases for name in columns)

    def said(self, child: str, columns: Sequence[str], *, cascades: bool) -> str:
        """Return why a reference stands in the way, and what to write."""
        if cascades:
            return TAKEN_ALONG.format(child)
        named = NAMED.format(", ".join(columns), yaml_for(columns)) if child in self.others else ""
        return REFERRED.format(child) + named

    def untold(self, child: str) -> tuple[str, ...]:
        """Return the child's subject fields where the erased table, found through others, cannot say if the subjects are the same.

        A subject who is named in such a row keeps it: the rows of the subjects of an order go in a step of their own, at the latest with
        the next round.
        """
        theirs = self.others[child].subject if child in self.others else None
        if self.narrowed or not isinstance(theirs, ByField) or not isinstance(self.dataset.subject, Through):
            return ()
        return tuple(dict.fromkeys(name for _, name in theirs.pairs()))

    def goes_by_itself(self, child: str, *, beforehand: bool) -> bool:
        """Return whether an order erases the child's rows in a step of its own, so that they do not stand in the way.

        A declared child of another identity kind (profiles of an account) does. A child that is found ``through`` others is erased earlier:
        then it should be gone, but beforehand it is still there.
        """
        declared = self.others.get(child)
        if declared is None or isinstance(declared.subject, AboutNobody):
            return False
        if isinstance(declared.subject, Through):
            return beforehand
        return not self.narrowed and not self.kinds(child)
