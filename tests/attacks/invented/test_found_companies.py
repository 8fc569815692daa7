"""Companies that the invention found, made small: each was judged wrongly once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from expunge.servers.postgres import PostgresServer
from tests.attacks.invented.company import Company, Dataset, Fill, Home, Ids, Item, Key, Link, Place, Quote, Rule, Spot, Stray, Wrap
from tests.attacks.invented.judging import faults, judge
from tests.attacks.invented.test_invented_companies import check_served

TWO = (Item((0,)), Item((1,)))
NAMING, RULES = (Home.TABLE, Home.LAKE), (Rule.NULL, Rule.KEEP, Rule.UNDECLARED)
CUSTOMERS = Dataset(Home.TABLE, Link.OWNER, (), TWO, Key.TEXT)


def letters(home: Home, ids: Ids) -> Company:
    """A letter to the customer, who is spelt otherwise in the second of two columns."""
    return Company(ids, 2, (CUSTOMERS, Dataset(home, Link.PAIR, (Fill.SENTENCE,), (Item((1, 0)), Item((1, 1))), spelled=True)))


def answers(key: Ids) -> Company:
    """Rows that follow an identifier under another name, spelt otherwise."""
    return Company(key, 2, (CUSTOMERS, Dataset(Home.TABLE, Link.THROUGH, (Fill.SENTENCE,), (Item(()), Item((), parent=1)), spelled=True)))


def recording(wrap: Wrap) -> Company:
    """A recording, whose samples lie in a table that nobody declared, written as text."""
    voice = Dataset(Home.MEDIA, Link.OWNER, (Fill.BYTES,), TWO)
    return Company(Ids.PREFIXED, 2, (CUSTOMERS, voice), (Stray(Spot.TABLE, Place(1, 0, 0), wrap),))


def strewn() -> Company:
    """A copy of another customer's bytes in a file that nobody declared, and that nobody can read."""
    mine, others = (Dataset(Home.MEDIA, Link.OWNER, (Fill.BYTES,), (Item((person,)),)) for person in (0, 1))
    return Company(Ids.PREFIXED, 2, (CUSTOMERS, others, mine), (Stray(Spot.FILE, Place(1, 0, 0), Wrap.PLAIN),))


def told(encoding: str) -> Company:
    """A text file of another customer in which the identifier stands."""
    texts = Dataset(Home.TEXT, Link.OWNER, (Fill.SENTENCE,), (Item((0,)), Item((1,), names=0)), encoding=encoding)
    return Company(Ids.NAMED, 2, (CUSTOMERS, texts))


def escaped() -> Company:
    """A record of another customer in JSON with escapes, in which the identifier stands."""
    entries = Dataset(Home.JSON, Link.OWNER, (Fill.SENTENCE,), (Item((1,), names=0),), spelled=True)
    return Company(Ids.NAMED, 2, (CUSTOMERS, entries))


def wide_escapes() -> Company:
    """A record of another customer names the person, in JSON with escapes that is written in UTF-16."""
    items = (Item((1,), refers_to=0),)
    rows = Dataset(Home.JSONL, Link.OWNER, (Fill.SENTENCE,), items, rule=Rule.UNDECLARED, encoding="utf-16", spelled=True)
    return Company(Ids.NAMED, 2, (CUSTOMERS, rows))


def referred() -> Company:
    """Customers with numbers, of whom all that a scan can see is changed when the mention goes."""
    items = (Item((0,), refers_to=0), Item((1,), refers_to=0))
    return Company(Ids.NUMBER, 2, (Dataset(Home.TABLE, Link.OWNER, (Fill.TINY,), items, Key.TEXT, Rule.NULL),))


def noted(link: Link) -> Company:
    """Rows of a lake that name their own owner in a column of mentions as well."""
    items = (Item((0,), refers_to=0), Item((1,), refers_to=0))
    return Company(Ids.PREFIXED, 2, (CUSTOMERS, Dataset(Home.LAKE, link, (Fill.SENTENCE,), items, rule=Rule.NULL)))


def recommended() -> Company:
    """The person's row names another customer, whose identifier a scan can see nowhere else."""
    rows = Dataset(Home.TABLE, Link.OWNER, (Fill.SENTENCE,), (Item((0,), refers_to=1),), rule=Rule.REPLACE)
    return Company(Ids.NUMBER, 2, (CUSTOMERS, rows))


def paid(home: Home) -> Company:
    """A payment to another customer, whose identifier lies in a table that nobody declared as well."""
    payments = Dataset(home, Link.PAIR, (Fill.SENTENCE,), (Item((0, 1)), Item((1, 1), names=1)))
    return Company(Ids.PREFIXED, 2, (CUSTOMERS, payments), (Stray(Spot.TABLE, Place(1, 1, 0), Wrap.JSON),))


def named_elsewhere(ids: Ids, wrap: Wrap = Wrap.PLAIN) -> Company:
    """A column that nothing calls a mention names a customer; so does an undeclared copy of another customer's letter."""
    items = (Item((0,), refers_to=2), Item((1,)), Item((2,)))
    customers = Dataset(Home.TABLE, Link.OWNER, (Fill.SENTENCE,), items, Key.TEXT, rule=Rule.UNDECLARED)
    letters = Dataset(Home.TEXT, Link.OWNER, (Fill.SENTENCE,), (Item((0,)), Item((1,), names=2)))
    return Company(ids, 3, (customers, letters), (Stray(Spot.TABLE, Place(1, 1, 0), wrap),))


def told_on() -> Company:
    """A short text of the person, long with the name of another customer in it, lies in a table that nobody declared."""
    records = Dataset(Home.JSONL, Link.OWNER, (Fill.TINY,), (Item((0,), names=1),))
    return Company(Ids.PREFIXED, 2, (CUSTOMERS, records), (Stray(Spot.TABLE, Place(1, 0, 0)),))


def marked(home: Home) -> Company:
    """Records in UTF-16 with a byte order mark, the first of which goes."""
    records = Dataset(home, Link.OWNER, (Fill.SENTENCE,), (Item((0,)), Item((0,)), Item((1,)), Item((0,))), encoding="utf-16")
    return Company(Ids.PREFIXED, 2, (CUSTOMERS, records))


def decomposed(home: Home, rule: Rule) -> Company:
    """The person is named in another customer's row with an accent that stands alone (NFD)."""
    rows = Dataset(home, Link.OWNER, (Fill.SENTENCE,), (Item((0,)), Item((1,), refers_to=0)), rule=rule, respelled=True)
    return Company(Ids.NAMED, 2, (CUSTOMERS, rows))


def numbered(home: Home) -> Company:
    """The person's number stands as a number in a record of another customer."""
    rows = Dataset(home, Link.OWNER, (Fill.SENTENCE,), (Item((0,)), Item((1,), refers_to=0)), rule=Rule.UNDECLARED)
    return Company(Ids.NUMBER, 2, (replace(CUSTOMERS, fields=(Fill.SENTENCE,)), rows))


def wide() -> Company:
    """The person quotes a sentence of another customer, which lies in that customer's record in UTF-16, between quotation marks in both."""
    items = (Item((0,), quotes=(None, Quote(Place(1, 0, 1)))), Item((1,)))
    customers = Dataset(Home.TABLE, Link.OWNER, (Fill.SENTENCE, Fill.DOCUMENT), items, Key.TEXT)
    return Company(
        Ids.PREFIXED, 2, (customers, Dataset(Home.JSON, Link.OWNER, (Fill.SENTENCE, Fill.SENTENCE), (Item((1,)),), encoding="utf-16"))
    )


def leaving_together(home: Home) -> Company:
    """A stray copy of an item that two people share, who are erased by one order, so that nobody is left in it."""
    shared = Dataset(home, Link.MEMBERS, (Fill.SENTENCE,), (Item((0,)), Item((0, 1)), Item((2,))))
    three = replace(CUSTOMERS, items=(Item((0,)), Item((1,)), Item((2,))))
    return Company(Ids.PREFIXED, 3, (three, shared), (Stray(Spot.IGNORED_FILE, Place(1, 1, 0), Wrap.CSV),), together=1)


def left(rule: Rule, *, respelled: bool) -> Company:
    """A row whose list the person leaves names the person in another column as well, and in its text."""
    groups = Dataset(Home.TABLE, Link.MEMBERS, (Fill.SENTENCE,), (Item((1, 0), refers_to=0, names=0),), rule=rule, respelled=respelled)
    return Company(Ids.NAMED, 2, (CUSTOMERS, groups))


def both() -> Company:
    """Rows of two owners, which go, in a table in which a row could lose a member; they name the person as well."""
    rows = Dataset(Home.TABLE, Link.PAIR, (Fill.SENTENCE,), (Item((0, 1), refers_to=0), Item((1, 1), refers_to=0)), rule=Rule.NULL)
    return Company(Ids.EMAIL, 2, (CUSTOMERS, replace(rows, respelled=True)))


def trailing(home: Home, ids: Ids) -> Company:
    """A column with a rule spells the person otherwise: an opaque id with a blank behind it."""
    rows = Dataset(home, Link.OWNER, (Fill.SENTENCE,), (Item((0,)), Item((1,), refers_to=0)), rule=Rule.NULL, respelled=True)
    return Company(ids, 2, (CUSTOMERS, rows))


def capitals(home: Home, ids: Ids) -> Company:
    """A record of another customer names the person in capitals, which say nothing in such an identifier."""
    rows = Dataset(home, Link.OWNER, (Fill.WORD,), (Item((1,), refers_to=0), Item((0,))), rule=Rule.UNDECLARED, respelled=True)
    return Company(ids, 2, (replace(CUSTOMERS, fields=(Fill.SENTENCE,)), rows))


def followed() -> Company:
    """A row of another customer keeps a mention of the person, and a moment stands behind it as in the person's own row."""
    items = (Item((0,)), Item((1,), refers_to=0))
    customers = Dataset(Home.TABLE, Link.OWNER, (Fill.MOMENT, Fill.SENTENCE), items, Key.TEXT, Rule.KEEP)
    media = Dataset(Home.MEDIA, Link.OWNER, (Fill.BYTES,), (Item((0,)),))
    visits = Dataset(Home.TABLE, Link.OWNER, (Fill.MOMENT,), (Item((0,)),), bound=True)
    return Company(Ids.NAMED, 2, (customers, media, visits), wal=False)


def ends_alike() -> Company:
    """A record that is a few bytes longer than a number of whole parts ends as another record does."""
    rows = Dataset(
        Home.JSONL, Link.THROUGH, (Fill.ACCENTS, Fill.NUMBER, Fill.MARKS), (Item((0,)), Item((0,), parent=None)), rule=Rule.NO_COLUMN
    )
    return Company(Ids.UUID, 2, (replace(CUSTOMERS, rule=Rule.NO_COLUMN), rows))


def told_twice(home: Home, ids: Ids) -> Company:
    """A row of another customer tells of the person in a text, which stays, and names the person in a column in another spelling."""
    rows = Dataset(home, Link.OWNER, (Fill.SENTENCE,), (Item((0,)), Item((1,), refers_to=0, names=0)), rule=Rule.UNDECLARED, respelled=True)
    return Company(ids, 2, (replace(CUSTOMERS, fields=(Fill.SENTENCE,)), rows))


FOUND = {
    **{
        f"a {home.value} tells of the person and names them in a column, {ids.value}": told_twice(home, ids)
        for home in (Home.TABLE, Home.JSONL, Home.LAKE)
        for ids in (Ids.UUID, Ids.EMAIL)
    },
    "a record of nobody ends as the person's does": ends_alike(),
    "a mention that stays has a moment behind it": followed(),
    **{
        f"a {home.value} names the person in capitals, {ids.value}": capitals(home, ids)
        for home in (Home.JSONL, Home.CSV, Home.JSON)
        for ids in (Ids.EMAIL, Ids.UUID)
    },
    "a row of two owners names the one who goes": both(),
    **{f"a row that the person leaves names them, {rule.value}": left(rule, respelled=False) for rule in RULES},
    "a row that the person leaves names them in another spelling": left(Rule.NULL, respelled=True),
    **{
        f"a {home.value} spells a customer otherwise, {ids.value}": trailing(home, ids)
        for home in NAMING
        for ids in (Ids.PREFIXED, Ids.EMAIL, Ids.UUID)
    },
    "the second of two columns spells a customer otherwise": letters(Home.TABLE, Ids.EMAIL),
    "the second of two columns of a lake spells a customer otherwise": letters(Home.LAKE, Ids.PREFIXED),
    "the second of two columns of a file spells a customer otherwise": letters(Home.JSONL, Ids.NAMED),
    "a column of another name that follows an identifier spells it otherwise": answers(Ids.EMAIL),
    "samples of a recording lie in a table in base64": recording(Wrap.BASE64),
    "bytes of another customer lie in an undeclared file": strewn(),
    "a text in UTF-16 of another customer names the person": told("utf-16"),
    "a text in Latin-1 of another customer names the person": told("latin-1"),
    "a record in JSON with escapes of another customer names the person": escaped(),
    "a record in JSON with escapes in UTF-16 of another customer names the person": wide_escapes(),
    "nothing but the mention that goes can be seen of another customer": referred(),
    "rows of a lake found through a list name their own owner": noted(Link.MEMBERS),
    "rows of a lake found through a document name their own owner": noted(Link.DOCUMENT),
    "another customer can be seen in the person's rows alone": recommended(),
    "another customer, whom a payment of the person names, lies in an undeclared table": paid(Home.TABLE),
    "another customer, whom a record of the person names, lies in an undeclared table": paid(Home.JSONL),
    "another customer, whom a row of a lake names, lies in an undeclared table": paid(Home.LAKE),
    **{f"a customer, whom an undeclared column names, lies in an undeclared table, {ids.value}": named_elsewhere(ids) for ids in Ids},
    "a customer, whom an undeclared column names, lies in a zip archive in an undeclared table": named_elsewhere(Ids.UUID, Wrap.ZIP),
    "a customer, whom an undeclared column names, lies in base64 in an undeclared table": named_elsewhere(Ids.PREFIXED, Wrap.BASE64),
    "a short text that names another customer lies in an undeclared table": told_on(),
    "the first of the lines with a byte order mark goes": marked(Home.JSONL),
    "the first of the rows with a byte order mark goes": marked(Home.CSV),
    "the person quotes a record in UTF-16 of another customer": wide(),
    **{f"a number names the person in {home.value}": numbered(home) for home in (Home.JSONL, Home.JSON, Home.CSV, Home.TABLE, Home.LAKE)},
    **{f"an accent that stands alone is {rule.value} in a {home.value}": decomposed(home, rule) for home in NAMING for rule in RULES},
    "samples of a recording lie in a table in hexadecimal": recording(Wrap.HEX),
    **{f"an item in {home.value} loses both of its people": leaving_together(home) for home in (Home.JSONL, Home.TABLE, Home.LAKE)},
}


SOAKED = {
    *(
        f"a {home.value} tells of the person and names them in a column, {ids.value}"
        for home, ids in zip((Home.TABLE, Home.JSONL, Home.LAKE), (Ids.EMAIL, Ids.UUID, Ids.EMAIL), strict=True)
    ),
    *(
        f"a {home.value} names the person in capitals, {ids.value}"
        for home, ids in zip((Home.JSONL, Home.CSV, Home.JSON), (Ids.UUID, Ids.EMAIL, Ids.UUID), strict=True)
    ),
    *(
        f"a {home.value} spells a customer otherwise, {ids.value}"
        for home, ids in zip((Home.TABLE, Home.TABLE, Home.LAKE), (Ids.EMAIL, Ids.UUID, Ids.PREFIXED), strict=True)
    ),
    *(
        f"an accent that stands alone is {rule.value} in a {home.value}"
        for home, rule in zip((Home.TABLE, Home.TABLE, Home.LAKE), (Rule.KEEP, Rule.UNDECLARED, Rule.NULL), strict=True)
    ),
}
"""Left to the soak. The sample has each fault in each kind of home, with each kind of identifier and each rule, not each with each."""
assert FOUND.keys() > SOAKED
CASES = [pytest.param(company, id=name, marks=[pytest.mark.soak] if name in SOAKED else []) for name, company in FOUND.items()]


@pytest.mark.parametrize("company", CASES)
def test_a_company_that_was_judged_wrongly_once_is_judged_rightly(company: Company, tmp_path: Path) -> None:
    assert list(faults(judge(company, tmp_path))) == []


@pytest.mark.soak
def test_a_row_on_a_server_that_loses_both_of_its_people_is_looked_for(postgres_server: PostgresServer) -> None:
    check_served(postgres_server, leaving_together(Home.TABLE))
