"""A cell that an identifier fills is told in every spelling of its rule, and no other cell is."""

from __future__ import annotations

import pytest

from expunge.core.datamap.person import Person
from expunge.core.datamap.spelling import EMAIL, OPAQUE, UUID, Spelling, SpellingType
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence.spelt_cells import SpeltCells

PHONE = Spelling(SpellingType.PHONE, EMAIL.case, EMAIL.form, "GB")
UUID_TEXT = "5f0c7e52-93a1-4b8e-a6d4-2f91c0b37e18"


class Rules:
    """The rules of a map, by kind."""

    def __init__(self, rule: Spelling) -> None:
        self._rule = rule

    def spelling(self, kind: str) -> Spelling:
        """Return the rule of every kind."""
        assert kind == "customer"
        return self._rule


@pytest.mark.parametrize(
    ("rule", "known", "same", "other"),
    [
        (OPAQUE, "cus-51XKQ9", ("cus-51XKQ9", " cus-51XKQ9\t", "\ufeffcus-51XKQ9"), ("cus-51xkq9", "cus-51XKQ90", "a cus-51XKQ9")),
        (EMAIL, "mia@example.org", ("MIA@Example.ORG", "mia@EXAMPLE.org "), ("mia@example.com", "m.ia@example.org", "mia")),
        (PHONE, "+44 20 7946 0958", ("(020) 7946-0958", "00442079460958"), ("+44 20 7946 0959", "0958", "order 460958")),
        (UUID, UUID_TEXT, (UUID_TEXT.upper(), UUID_TEXT.replace("-", ""), f"{{{UUID_TEXT}}}"), (UUID_TEXT[:-1] + "9", UUID_TEXT[1:])),
    ],
)
def test_a_cell_is_told_in_every_spelling(rule: Spelling, known: str, same: tuple[str, ...], other: tuple[str, ...]) -> None:
    person = Person(Pseudonym("a" * 32), {"customer": frozenset({known})}, {})
    cells = SpeltCells(Rules(rule), [person])
    assert [text for text in same if not cells.fills(text)] == []
    assert [text for text in other if cells.fills(text)] == []
