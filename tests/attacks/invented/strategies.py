"""Strategies that invent companies. What they draw shrinks to few people, few datasets, few items and no stray copies."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tests.attacks.invented.building import payload
from tests.attacks.invented.company import (
    BINARY,
    TEXTS,
    TRACED,
    Company,
    Dataset,
    Fill,
    Home,
    Ids,
    Item,
    Key,
    Link,
    Place,
    Quote,
    Rule,
    Spot,
    Stray,
    Words,
    Wrap,
)
from tests.attacks.invented.records import RECORDS

LINKS = {
    Home.TABLE: list(Link),
    Home.JSONL: list(Link),
    Home.JSON: [Link.OWNER, Link.PAIR, Link.DOCUMENT, Link.THROUGH],
    Home.CSV: [Link.OWNER, Link.PAIR, Link.THROUGH],
    Home.TEXT: [Link.OWNER],
    Home.MEDIA: [Link.OWNER],
    Home.LAKE: [Link.OWNER, Link.PAIR, Link.MEMBERS, Link.DOCUMENT, Link.THROUGH],
}
_WORDS = [Fill.SENTENCE, Fill.TINY, Fill.WORD, Fill.LONG, Fill.ACCENTS, Fill.MARKS]
FILLS = {
    Home.TABLE: [*_WORDS, Fill.DOCUMENT, Fill.NUMBER, Fill.BYTES, Fill.MOMENT],
    Home.JSONL: [*_WORDS, Fill.DOCUMENT, Fill.NUMBER, Fill.MOMENT],
    Home.JSON: [*_WORDS, Fill.DOCUMENT, Fill.NUMBER, Fill.MOMENT],
    Home.CSV: [*_WORDS, Fill.MOMENT],
    Home.TEXT: [*_WORDS, Fill.DOCUMENT],
    Home.MEDIA: [Fill.BYTES],
    Home.LAKE: [*_WORDS, Fill.DOCUMENT, Fill.NUMBER, Fill.BYTES, Fill.MOMENT],
}
_ALONE = frozenset({Key.NUMBER, Key.TEXT, Key.CLUSTERED})
_PARENTS = frozenset({Home.TABLE, Home.JSONL, Home.LAKE})
_SHORTEST_BASE85 = 32
"""Characters from which on base85 is read."""
_ENCODINGS = ["utf-8", "utf-16", "latin-1"]


@st.composite
def companies(draw: st.DrawFn, homes: tuple[Home, ...] = tuple(Home), *, served: bool = False) -> Company:
    """A company of up to four people and five datasets, over tables, a folder of files and a lake."""
    ids = draw(st.sampled_from(Ids))
    people = draw(st.integers(2, 4))
    datasets = [_customers(draw, people)]
    for _ in range(draw(st.integers(0, 4))):
        datasets.append(_dataset(draw, ids, people, datasets, homes))
    together = draw(st.none() | st.none() | st.integers(1, people - 1)) if people > 2 else None
    company = Company(ids, people, tuple(datasets), together=together, wal=draw(st.booleans()), secure=draw(st.booleans()))
    company = _quoting(draw, _orphans_name_nobody(company))
    return replace(company, strays=_strays(draw, company, served=served))


def _customers(draw: st.DrawFn, people: int) -> Dataset:
    rule = draw(st.sampled_from([Rule.NO_COLUMN, Rule.NULL, Rule.KEEP, Rule.REPLACE, Rule.UNDECLARED]))
    referred = st.none() | st.integers(0, people - 1)
    items = tuple(Item((person,), refers_to=draw(referred) if rule is not Rule.NO_COLUMN else None) for person in range(people))
    fields = tuple(draw(st.lists(st.sampled_from(FILLS[Home.TABLE]), max_size=2)))
    bound = rule is Rule.NULL and draw(st.booleans())
    return Dataset(Home.TABLE, Link.OWNER, fields, items, Key.TEXT, rule, bound, indexed=draw(st.booleans()))


def _dataset(draw: st.DrawFn, ids: Ids, people: int, before: list[Dataset], homes: tuple[Home, ...]) -> Dataset:
    home = draw(st.sampled_from(homes))
    link = draw(st.sampled_from(LINKS[home]))
    single = home in {Home.TEXT, Home.MEDIA}
    fields = tuple(draw(st.lists(st.sampled_from(FILLS[home]), min_size=1, max_size=1 if single else 3)))
    key = draw(st.sampled_from(Key)) if home is Home.TABLE else draw(st.sampled_from([Key.NUMBER] if single else [Key.NUMBER, Key.TEXT]))
    rules = list(Rule) if home in {Home.TABLE, Home.LAKE} else [Rule.NO_COLUMN, Rule.UNDECLARED]
    rule = Rule.NO_COLUMN if single else draw(st.sampled_from(rules))
    bound = home is Home.TABLE and link in {Link.OWNER, Link.PAIR} and rule in {Rule.NO_COLUMN, Rule.NULL} and draw(st.booleans())
    parents = [number for number, dataset in enumerate(before) if _leads(dataset)]
    parent = draw(st.sampled_from(parents)) if link is Link.THROUGH else 0
    made = Dataset(
        home, link, fields, (), key, rule, bound, parent=parent,
        indexed=draw(st.booleans()) if home in {Home.TABLE, Home.LAKE} else False,
        words=draw(st.sampled_from(Words)) if home is Home.TABLE else Words.NONE,
        packed=draw(st.booleans()) if home in RECORDS or home is Home.LAKE else False,
        encoding=draw(st.sampled_from(_ENCODINGS)) if home in RECORDS or home is Home.TEXT else "utf-8",
        spelled=draw(st.booleans()) if not bound and _respelled(ids, home) else False,
    )  # fmt: skip
    if ids is Ids.NAMED and made.encoding == "latin-1":
        # Why: Latin-1 has no letter for an accent that stands alone.
        made = replace(made, encoding="utf-8")
    if made.rule is not Rule.NO_COLUMN and not bound and _respelled(ids, home):
        made = replace(made, respelled=draw(st.booleans()))
    items = tuple(_item(draw, people, made, len(before[parent].items)) for _ in range(draw(st.integers(1, 5))))
    return replace(made, items=items)


def _leads(dataset: Dataset) -> bool:
    """Return whether rows of other datasets can be found through this one: by a key of its own, to one person each."""
    return dataset.home in _PARENTS and dataset.link in {Link.OWNER, Link.THROUGH} and dataset.key in {Key.NUMBER, Key.TEXT}


def _respelled(ids: Ids, home: Home) -> bool:
    # Why not: a folder whose name ends in a blank is another matter.
    return ids in {Ids.EMAIL, Ids.NAMED, Ids.UUID} or (ids is Ids.PREFIXED and home not in {Home.TEXT, Home.MEDIA})


def _item(draw: st.DrawFn, people: int, dataset: Dataset, parents: int) -> Item:
    person = st.integers(0, people - 1)
    most = {Link.PAIR: 2, Link.MEMBERS: 3}.get(dataset.link, 1)
    owners = tuple(
        draw(st.lists(person, min_size=2 if dataset.link is Link.PAIR else 1, max_size=most, unique=dataset.link is Link.MEMBERS))
    )
    named = dataset.fields[0] in TEXTS - {Fill.DOCUMENT}
    return Item(
        owners,
        refers_to=draw(st.none() | person) if dataset.rule is not Rule.NO_COLUMN else None,
        names=draw(st.none() | st.none() | person) if named else None,
        parent=draw(st.integers(0, parents - 1) | st.integers(0, parents - 1) | st.none()) if dataset.link is Link.THROUGH else 0,
        past=draw(st.integers(0, 4)) == 4 if dataset.home is Home.TABLE and dataset.key in _ALONE else False,
    )


def _orphans_name_nobody(company: Company) -> Company:
    """Let rows that lead to no person name none: whose mention that would be, no rule says."""
    datasets = [
        replace(
            dataset,
            items=tuple(
                item if company.owners(number, at) else replace(item, refers_to=None, names=None) for at, item in enumerate(dataset.items)
            ),
        )
        for number, dataset in enumerate(company.datasets)
    ]
    return replace(company, datasets=tuple(datasets))


def _quoting(draw: st.DrawFn, company: Company) -> Company:
    """Let some items quote what stands in others."""
    places = [place for place in company.places() if company.fill(place) in TEXTS]
    if not places:
        return company
    quoting, quoted = set[Place](), set[Place]()
    for _ in range(draw(st.integers(0, 3))):
        by, of, exact = draw(st.sampled_from(places)), draw(st.sampled_from(places)), draw(st.booleans())
        apart = company.owners(by.dataset, by.item) != company.owners(of.dataset, of.item)
        # Why no quote of a quote: the words at a place are then its own. Why none of a word beside a name: it is a part of a longer value.
        shorter = company.datasets[of.dataset].items[of.item].names is not None and company.fill(of) in {Fill.WORD, Fill.TINY}
        if apart and not shorter and company.fill(of) is not Fill.DOCUMENT and of not in quoting and by not in quoted:
            company = _with_quote(company, by, Quote(of, exact))
            quoting.add(by)
            quoted.add(of)
    return company


def _with_quote(company: Company, by: Place, quote: Quote) -> Company:
    dataset = company.datasets[by.dataset]
    item = dataset.items[by.item]
    quotes = [*item.quotes, *[None] * (len(dataset.fields) - len(item.quotes))]
    quotes[by.field] = quote
    items = [*dataset.items]
    items[by.item] = replace(item, quotes=tuple(quotes))
    datasets = [*company.datasets]
    datasets[by.dataset] = replace(dataset, items=tuple(items))
    return replace(company, datasets=tuple(datasets))


def _strays(draw: st.DrawFn, company: Company, *, served: bool) -> tuple[Stray, ...]:
    spots = [spot for spot in Spot if spot is not Spot.DATABASE or not served]
    found = []
    for _ in range(draw(st.integers(0, 2))):
        stray = Stray(draw(st.sampled_from(spots)), draw(st.sampled_from([None, *company.places()])), draw(st.sampled_from(Wrap)))
        kind = Fill.WORD if stray.of is None else company.fill(stray.of)
        if kind is Fill.NUMBER:
            stray = replace(stray, wrap=Wrap.PLAIN)
        if kind is Fill.BYTES and stray.wrap not in BINARY:
            stray = replace(stray, wrap=Wrap.PLAIN)
        if kind in {Fill.WORD, Fill.TINY} and stray.wrap is Wrap.BASE32:
            # Why: runs of letters are read from 23 characters on.
            stray = replace(stray, wrap=Wrap.PLAIN)
        if stray.wrap is Wrap.BASE85 and len(payload(company, stray)) < _SHORTEST_BASE85:
            stray = replace(stray, wrap=Wrap.PLAIN)
        # Why no copy of a database with nothing but numbers: that a key is a binary number in a file of a folder is not seen.
        blank = stray.spot is Spot.DATABASE and company.ids is Ids.NUMBER and not _says(company)
        # Why no copy of what was deleted before: no order has ever seen that content.
        past = stray.of is not None and company.is_past(stray.of.dataset, stray.of.item)
        if not past and not blank:
            found.append(stray)
    return tuple(found)


def _says(company: Company) -> bool:
    """Return whether a table has content of the person that is long enough to be looked for."""
    return any(company.datasets[each.dataset].home is Home.TABLE and company.fill(each) in TRACED for each in company.mine())
