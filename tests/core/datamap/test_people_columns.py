"""Which columns hold keys of people: by schema, name and values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from expunge.core.datamap.people_columns import (
    ColumnFacts,
    ColumnVerdict,
    MapWords,
    NameTells,
    chance_of_sequence,
    name_tells,
    numbers_own_rows,
    says_people,
    sounds_like_people,
    to_try,
    verdict,
)

WORDS = MapWords(frozenset({"member_no"}), frozenset({"customer", "account"}), frozenset({"town", "order"}))
DENSE = ColumnFacts(NameTells.NOTHING, frozenset("357"), frozenset("357"), frozenset("7"), 1.0)
SPARSE_VALUES = frozenset({"120731", "340559", "558203"})
SPARSE = ColumnFacts(NameTells.NOTHING, SPARSE_VALUES, SPARSE_VALUES, frozenset({"558203"}), 0.008)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("customer", NameTells.DECLARED),
        ("customerId", NameTells.DECLARED),
        ("CUSTOMER_NO", NameTells.DECLARED),
        ("member_no", NameTells.DECLARED),
        ("who", NameTells.PEOPLE),
        ("reviewed_by", NameTells.PEOPLE),
        ("user_id", NameTells.PEOPLE),
        ("customer_count", NameTells.OTHER),
        ("quantity", NameTells.OTHER),
        ("order_number", NameTells.OTHER),
        ("town_id", NameTells.OTHER),
        ("number", NameTells.OTHER),
        ("minor", NameTells.OTHER),
        ("build", NameTells.OTHER),
        ("id", NameTells.NOTHING),
        ("shelf", NameTells.NOTHING),
    ],
)
def test_a_name_tells_people_from_amounts(column: str, told: NameTells) -> None:
    assert name_tells(column, WORDS) is told


def test_the_first_fact_decides() -> None:
    assert verdict(replace(DENSE, refers=True, said=NameTells.OTHER)) is ColumnVerdict.PEOPLE
    assert verdict(replace(DENSE, said=NameTells.DECLARED, keys=frozenset("7"))) is ColumnVerdict.PEOPLE
    assert verdict(replace(DENSE, wanted=frozenset({"cus-7f"}), values=frozenset({"cus-7f", "b"}))) is ColumnVerdict.PEOPLE
    assert verdict(replace(SPARSE, said=NameTells.OTHER)) is ColumnVerdict.PEOPLE
    assert verdict(replace(SPARSE, numbers_rows=True)) is ColumnVerdict.PEOPLE
    assert verdict(replace(DENSE, numbers_rows=True, said=NameTells.PEOPLE)) is ColumnVerdict.OTHER
    assert verdict(replace(DENSE, said=NameTells.OTHER)) is ColumnVerdict.OTHER


def test_values_that_no_person_has_speak_against_it() -> None:
    assert verdict(DENSE) is ColumnVerdict.DOUBTFUL
    assert verdict(replace(DENSE, values=frozenset({"3", "5", "7", "0"}))) is ColumnVerdict.DOUBTFUL
    assert verdict(replace(DENSE, values=frozenset({"3", "5", "7", "11"}))) is ColumnVerdict.OTHER
    named = replace(DENSE, said=NameTells.PEOPLE)
    assert verdict(named) is ColumnVerdict.PEOPLE
    assert verdict(replace(named, values=frozenset({"3", "5", "7", "11"}))) is ColumnVerdict.DOUBTFUL
    assert verdict(replace(named, values=frozenset(map(str, range(3, 20))))) is ColumnVerdict.OTHER


def test_a_large_number_alone_is_no_accident_unless_keys_are_a_sequence() -> None:
    mixed = replace(SPARSE, values=SPARSE_VALUES | {"12", "1"})
    assert verdict(mixed) is ColumnVerdict.PEOPLE
    assert verdict(replace(mixed, density=0.9)) is ColumnVerdict.OTHER
    assert verdict(replace(mixed, wanted=frozenset({"12"}))) is ColumnVerdict.OTHER
    crowd = frozenset(map(str, range(558000, 558900)))
    assert verdict(replace(mixed, values=crowd)) is ColumnVerdict.OTHER


def test_numbers_to_try_lie_among_the_values_and_are_none_of_them() -> None:
    tried = to_try({"3", "9", "x"}, {"3"}, 4)
    assert {"1", "2", "4", "5", "6"} <= set(tried)
    assert not {"3", "9"} & set(tried)
    assert len(to_try({"1", str(10**17)}, {"1"}, 128)) < 140


def test_rows_of_a_table_named_after_people_are_numbered_by_their_keys() -> None:
    assert says_people("customers_2023", WORDS)
    assert says_people("customerProfiles", WORDS)
    assert not says_people("towns", WORDS)
    numbers = replace(DENSE, numbers_rows=True, numbers_people=True)
    assert verdict(numbers) is ColumnVerdict.PEOPLE
    assert verdict(replace(numbers, values=frozenset({"3", "5", "7", "11"}))) is ColumnVerdict.DOUBTFUL
    assert verdict(replace(numbers, values=frozenset(map(str, range(3, 20))))) is ColumnVerdict.OTHER


def test_numbers_in_turn_tell_people_by_their_gaps_alone() -> None:
    full, gaps = frozenset(map(str, range(1, 60))), frozenset({"13", "21", "40", "44"})
    dense = ColumnFacts(NameTells.NOTHING, full, full, frozenset("7"), 0.5, numbers_rows=True)
    assert verdict(dense) is ColumnVerdict.PEOPLE
    assert verdict(replace(dense, sequence=chance_of_sequence(full, (), ()))) is ColumnVerdict.OTHER
    assert chance_of_sequence(full - gaps, gaps, ()) < 1e-3
    assert chance_of_sequence(full - gaps, gaps, gaps) > 0.1
    assert chance_of_sequence(full - {"13"}, {"13"}, ()) > 0.01
    assert chance_of_sequence(map(str, range(10, 600, 10)), map(str, range(11, 19)), ()) == pytest.approx(1)
    assert chance_of_sequence(SPARSE_VALUES, map(str, range(120731, 558203, 3417)), ()) < 1e-3
    assert chance_of_sequence({"7", "0", "x"}, {"6", "8"}, ()) == 1


@pytest.mark.parametrize(
    ("column", "table", "own"),
    [
        ("id", "products", True),
        ("product_id", "products", True),
        ("ProductID", "Products", True),
        ("productid", "products", True),
        ("product_no", "stock.products", True),
        ("order_line_id", "order_lines", True),
        ("line_id", "order_lines", True),
        ("user_id", "products", False),
        ("order_id", "order_lines", False),
        ("which", "products", False),
        ("product", "products", False),
    ],
)
def test_a_name_tells_the_numbers_of_a_tables_own_rows(column: str, table: str, own: bool) -> None:
    assert numbers_own_rows(column, table) is own


def test_the_name_of_a_table_may_have_a_word_for_people() -> None:
    assert sounds_like_people("profiles")
    assert sounds_like_people("DriverSettings")
    assert not sounds_like_people("products")
