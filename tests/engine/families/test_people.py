"""The person behind a pseudonym: found through the map's identities, and not remembered once the stores hold nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.orders.run import OrderState
from expunge.engine.families.people import FamilyPeople
from tests.cli import world


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Expunge]:
    path = world.make(tmp_path)
    Expunge.init(path)
    with Expunge.open(path) as expunge:
        yield expunge


def test_each_person_is_found_by_the_pseudonym_that_orders_know(company: Expunge) -> None:
    people = FamilyPeople(company.context)
    for name in (*world.PEOPLE, *(f"account:{account}" for account in world.ACCOUNTS)):
        resolved = company.resolve(name)
        found = people.find(str(resolved.person.subject))
        assert found == resolved
    again = people.find(str(company.resolve("p-mia").person.subject))
    assert again == company.resolve("p-mia")


def test_a_pseudonym_of_nobody_is_nobody(company: Expunge) -> None:
    assert FamilyPeople(company.context).find("0" * 32) is None


def test_who_was_found_and_is_gone_is_not_found_again(company: Expunge) -> None:
    people = FamilyPeople(company.context)
    mia = company.resolve("p-mia")
    assert people.find(str(mia.person.subject)) is not None
    order = company.order_erase([mia], cooling_off=timedelta()).order
    company.plan(order)
    assert company.apply(order).state is OrderState.FULFILLED
    assert people.find(str(mia.person.subject)) is None
    tom = company.resolve("p-tom")
    assert people.find(str(tom.person.subject)) == tom
