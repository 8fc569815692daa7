"""Companies that the invention found, made small: each was judged wrongly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.invented.company import Company, Dataset, Fill, Home, Ids, Item, Key, Link
from tests.attacks.invented.judging import faults, judge

TWO = (Item((0,)), Item((1,)))
CUSTOMERS = Dataset(Home.TABLE, Link.OWNER, (), TWO, Key.TEXT)


def letters(home: Home, ids: Ids) -> Company:
    """A letter to the customer, who is spelt otherwise in the second of two columns."""
    return Company(ids, 2, (CUSTOMERS, Dataset(home, Link.PAIR, (Fill.SENTENCE,), (Item((1, 0)), Item((1, 1))), spelled=True)))


def answers(key: Ids) -> Company:
    """Rows that follow an identifier under another name, spelt otherwise."""
    return Company(key, 2, (CUSTOMERS, Dataset(Home.TABLE, Link.THROUGH, (Fill.SENTENCE,), (Item(()), Item((), parent=1)), spelled=True)))


FOUND = {
    "the second of two columns spells a customer otherwise": letters(Home.TABLE, Ids.EMAIL),
    "the second of two columns of a lake spells a customer otherwise": letters(Home.LAKE, Ids.PREFIXED),
    "the second of two columns of a file spells a customer otherwise": letters(Home.JSONL, Ids.NAMED),
    "a column of another name that follows an identifier spells it otherwise": answers(Ids.EMAIL),
}


@pytest.mark.parametrize("company", FOUND.values(), ids=FOUND)
def test_a_company_that_was_judged_wrongly_once_is_judged_rightly(company: Company, tmp_path: Path) -> None:
    assert list(faults(judge(company, tmp_path))) == []
