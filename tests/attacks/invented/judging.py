"""Judge an order by what lies in the world after it: bytes of the person, and records of everybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from expunge.bootstrap import Expunge
from expunge.core.evidence.receipt import Receipt, Result, parse
from expunge.core.evidence.unread_places import blocking
from expunge.core.log import dsse
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from tests.attacks.invented.building import build, comparable, read
from tests.attacks.invented.company import TEXTS, Company, Fill, Home, Key, Rule, needles, word
from tests.attacks.invented.outside_search import Needle, Search
from tests.attacks.invented.records import canonical, expected, searchable, staying_mentions
from tests.engine.household import shorten_pauses

BLIND_IS_FAULT = False
"""Whether an order is at fault that stays in part because nothing of a dataset is long enough, or the person's alone, to be looked for."""
RAW = (Home.TABLE, Home.LAKE)
"""Homes where free text of others that names the person stays and is listed."""


@dataclass(frozen=True)
class Judgement:
    """One order over an invented company, carried out."""

    company: Company
    folder: Path
    run: Run
    receipts: tuple[Receipt, ...]
    """One for each person who is erased."""
    left: frozenset[tuple[Needle, str]]
    """Needles of the person and the places where nothing that stays explains them."""
    doubtful: frozenset[tuple[Needle, str]]
    """The same of words that the person quoted of another customer: a stray copy of them may be either's."""
    server: str = ""


def judge(company: Company, folder: Path, server: str = "", data: Callable[[], Iterable[Path]] = tuple) -> Judgement:
    """Build the company, erase the target, and look."""
    build(company, folder, server)
    map_file = folder / "expunge.yaml"
    Expunge.init(map_file)
    with _opened(map_file) as opened:
        names = [f"{company.kind}:{company.identifier(person)}" for person in sorted(company.targets)]
        order = opened.order_erase([opened.resolve(name) for name in names]).order
        opened.plan(order)
        run = opened.apply(order)
        folders = [opened.receipt_folder(run.order, number) for number in range(1, len(names) + 1)]
        receipts = tuple(parse(dsse.parse(each["receipt.dsse.json"]).payload) for each in folders)
    left = frozenset([*_left(company, folder / "world", server, data), *_named(company, folder, server)])
    borrowed = {
        needle
        for place in company.mine()
        for of, some in needles(company, place).items()
        for needle in some
        if not company.goes(of.dataset, of.item)
    }
    doubtful = frozenset(hit for hit in left if hit[0] in borrowed)
    return Judgement(company, folder, run, receipts, left - doubtful, doubtful, server)


@contextmanager
def _opened(map_file: Path) -> Iterator[Expunge]:
    with Expunge.open(map_file) as opened:
        shorten_pauses(opened)
        yield opened


def _left(company: Company, world: Path, server: str, data: Callable[[], Iterable[Path]]) -> Iterator[tuple[Needle, str]]:
    wanted = _wanted(company)
    search = Search(wanted)
    search.folder(world)
    if server:
        search.server(server, "app.db")
        for path in data():
            search.plain(path.read_bytes(), "app.db")
    explained = {(needle, place) for needle, places in wanted.items() for place in places}
    yield from search.found - explained


def _named(company: Company, folder: Path, server: str) -> Iterator[tuple[Needle, str]]:
    """Yield the columns in which rows of others name the target although the map does not keep that."""
    for number, dataset in enumerate(company.datasets):
        targets = {company.spelling(person, replace(dataset, spelled=dataset.respelled)) for person in company.targets}
        if dataset.rule not in {Rule.NO_COLUMN, Rule.KEEP}:
            for row in read(company, number, folder, server):
                if str(row["refers_to"]) in targets:
                    yield str(row["refers_to"]), f"{company.name(number)}.refers_to"


def _wanted(company: Company) -> dict[Needle, set[str]]:
    """Return what of the target is looked for, each with the places where an item of a person who stays holds it."""
    wanted: dict[Needle, set[str]] = {
        needle: set() for place in company.mine() for some in needles(company, place).values() for needle in some
    }
    for number, dataset in enumerate(company.datasets):
        for position in range(len(dataset.items)):
            if company.goes(number, position) and number and dataset.key in {Key.TEXT, Key.CLUSTERED}:
                wanted[word(("key", number, position))] = set()
    wanted |= {company.identifier(person): set() for person in company.targets}
    for place in company.places():
        if company.stays(place.dataset, place.item):
            for needle in (needle for some in needles(company, place).values() for needle in some):
                if needle in wanted:
                    wanted[needle].update(_where(company, place.dataset, place.item))
    for number, dataset in enumerate(company.datasets):
        for position, item in enumerate(dataset.items):
            prose = item.names if dataset.fields and dataset.fields[0] in TEXTS - {Fill.DOCUMENT} else None
            kept = item.refers_to if dataset.rule is Rule.KEEP else None
            for person in {prose, kept} & company.targets if dataset.home in RAW and company.stays(number, position) else ():
                wanted[company.identifier(person)].update(_where(company, number, position))
    return wanted


def _where(company: Company, number: int, position: int) -> Iterator[str]:
    """Yield the places at which the words of one item that stays may lie."""
    dataset, name = company.datasets[number], company.name(number)
    if dataset.home is Home.TABLE:
        yield from ("app.db", "app.db-wal", f"app.db#{name}")
        if searchable(dataset):
            yield from (f"app.db#{name}_words{part}" for part in ("", "_data", "_idx", "_docsize", "_config"))
    elif dataset.home is Home.LAKE:
        yield f"lake/{name}/part-{position % 2}.parquet"
    elif dataset.home in {Home.TEXT, Home.MEDIA}:
        owner = company.spelling(dataset.items[position].owners[0], dataset)
        yield f"media/{name}/{owner}/{position}.{'txt' if dataset.home is Home.TEXT else 'wav'}"
    else:
        packed = ".gz" if dataset.packed else ""
        yield f"media/{name}/part-{position % 2}.{dataset.home.value}{packed}"


def _blind(receipt: Receipt) -> bool:
    """Return whether all that is open are datasets of which nothing could be looked for, or nobody who stays was seen."""
    unable = [entry for entry in receipt.datasets if entry.outcome is Result.UNABLE]
    seen = [entry.scan for entry in unable if entry.reason is Reason.CANNOT_TELL and entry.scan is not None]
    return len(seen) == len(unable) and not any(scan.traces_usable and scan.controls_found for scan in seen)


def _unreadable(judgement: Judgement) -> bool:
    """Return whether a stray copy of bytes lies anywhere, and each receipt says that nobody can read what is there."""
    company = judgement.company
    lying = [each for each in company.strays if each.of is not None and company.fill(each.of) not in TEXTS]
    return bool(lying) and all(blocking(receipt.unread) for receipt in judgement.receipts)


def faults(judgement: Judgement) -> Iterator[str]:
    """Yield what is wrong with an order: with its verdict, with its receipt, with the records of other people."""
    company, run = judgement.company, judgement.run
    if run.state is OrderState.FULFILLED and judgement.left:
        yield f"fulfilled, and left: {sorted(judgement.left, key=repr)[:6]}"
    nothing = not judgement.left and not judgement.doubtful and not _unreadable(judgement)
    if run.state is not OrderState.FULFILLED and nothing and (BLIND_IS_FAULT or not all(map(_blind, judgement.receipts))):
        yield f"{run.state.value}, and nothing is left: {run.reasons}"
    for number in range(len(company.datasets)):
        now = canonical(read(company, number, judgement.folder, judgement.server))
        then = canonical(comparable(company, number, expected(company, number)))
        if now != then:
            yield f"{company.name(number)}: gone {[row for row in then if row not in now]}, there {[row for row in now if row not in then]}"
    if run.state is OrderState.FULFILLED:
        listed = sorted(
            (each.dataset, each.column, each.act.value, each.items) for receipt in judgement.receipts for each in receipt.mentions
        )
        wanted = sorted(mention for person in company.targets for mention in staying_mentions(company, person))
        if listed != wanted:
            yield f"mentions: listed {listed}, not {wanted}"
