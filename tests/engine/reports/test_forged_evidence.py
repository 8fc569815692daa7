"""A company that signs its pack anew cannot have lists, pages or times in it that contradict the receipts: each forgery is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from expunge import Expunge
from expunge.core.values import canonical
from expunge.core.verification.ledger_record import LedgerKind
from expunge.errors import EvidenceInvalid
from tests.engine.household import ANNA, BELA, CARA, Household, build
from tests.engine.reports.packs import FIRST, NEW_YEAR, SECOND, Set, check, erase, packed, rows, signed_again, without

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Household:
    made = build(tmp_path_factory.mktemp("forged") / "home")
    erase(made, FIRST, f"profile:{ANNA}", f"profile:{BELA}")
    with Expunge.open(made.map, clock=Set(FIRST)) as expunge:
        expunge.records.enter(LedgerKind.ROLE, date(2031, 5, 1), role="deletion manager")
    erase(made, SECOND, f"profile:{CARA}")
    return made


@pytest.fixture(scope="module")
def whole(home: Household, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return packed(home, tmp_path_factory.mktemp("forged-whole") / "evidence.zip")


def listed(files: Files, name: str, found: list[dict[str, Any]]) -> Files:
    """The pack with another list, counted in the manifest."""
    return manifest({**files, f"lists/{name}.json": canonical.encode(found)}, lists={**said(files)["lists"], name: len(found)})


def manifest(files: Files, **changes: Any) -> Files:
    return {**files, "manifest.json": canonical.encode({**said(files), **changes})}


def said(files: Files) -> dict[str, Any]:
    found: Any = canonical.decode(files["manifest.json"])
    return dict(found)


def answers(change: Callable[[list[dict[str, Any]], int], Any]) -> Callable[[Files], Files]:
    """A pack whose answers were changed; the change gets the rows, and the place of the first receipt."""

    def forge(files: Files) -> Files:
        found = rows(files, "answers")
        change(found, next(place for place, row in enumerate(found) if row["what"] == "receipt"))
        return listed(files, "answers", found)

    return forge


def gone(files: Files) -> Files:
    """The list of requests is in neither manifest nor pack."""
    left = without(files, "lists/requests.")
    return manifest(left, lists={name: count for name, count in said(files)["lists"].items() if name != "requests"})


def last(found: list[dict[str, Any]]) -> dict[str, Any]:
    return [row for row in found if row["what"] == "receipt"][-1]


NO_RECEIPT = "what no receipt of the pack says"
FORGERIES: dict[str, tuple[Callable[[Files], Files], str]] = {
    "a row leads to another receipt": (answers(lambda all_, at: all_[at].update(receipt=last(all_)["receipt"])), NO_RECEIPT),
    "a row names another order": (answers(lambda all_, at: all_[at].update(order="ord-that-never-was")), NO_RECEIPT),
    "a row names no entry": (answers(lambda all_, at: (all_[at].pop("entry"), all_[at].update(verdict="in part"))), "of no shape"),
    "a row names its entry as text": (answers(lambda all_, at: all_[at].update(entry="0")), "of no shape"),
    "a row names its entry as a truth": (answers(lambda all_, at: all_[at].update(entry=False)), "of no shape"),
    "a row calls itself something else": (answers(lambda all_, at: all_[at].update(what="note")), "of no shape"),
    "a row says more": (answers(lambda all_, at: all_[at].update(remark="perfect")), "of no shape"),
    "a row is left out": (answers(lambda all_, at: all_.pop(at)), "has no row for receipts/"),
    "a row is there twice": (answers(lambda all_, at: all_.append(all_[at])), "more than once"),
    "an order was invented": (answers(lambda all_, at: all_.append({**all_[at], "order": "ord-x"})), NO_RECEIPT),
    "a row is no object": (lambda files: listed(files, "answers", [*rows(files, "answers"), [1]]), "of no shape"),  # type: ignore[list-item]
    "no answers": (lambda files: listed(files, "answers", []), "has no row for receipts/"),
    "no requests": (lambda files: listed(files, "requests", []), "has no row for order"),
    "a request is there twice": (lambda files: listed(files, "requests", rows(files, "requests") * 2), "more than once"),
    "no ledger": (lambda files: listed(files, "ledger", []), "has no row for ledger/"),
    "another role": (lambda files: listed(files, "ledger", [{**rows(files, "ledger")[0], "role": "x"}]), "what no record of the pack says"),
    "an end is no refusal": (
        answers(lambda all_, _: next(row for row in all_ if row["what"] == "fulfilled").update(what="cancelled")),
        "has other ends than",
    ),
    "a list is gone": (gone, r"(?s)lists/requests\.json.*the manifest does not count the list requests"),
    "a count is wrong": (lambda files: manifest(files, lists={**said(files)["lists"], "holds": 3}), "has not the 3 rows"),
    "another first page": (lambda files: {**files, "index.html": b"<h1>900 receipts, all fulfilled</h1>"}, r"index\.html does not show"),
    "another page of a list": (lambda files: {**files, "lists/answers.html": b"<h1>nothing</h1>"}, r"lists/answers\.html does not show"),
    "another first record": (lambda files: manifest(files, since="2020-01-01T00:00:00Z"), "another time of the first record"),
    "a page beside": (lambda files: {**files, "summary.html": b"<h1>all is well</h1>"}, r"summary\.html has no place"),
    "made before": (lambda files: manifest(files, made="1999-01-01T00:00:00Z", since=None), "made before receipts/"),
    "made before its time ended": (lambda files: manifest(files, made="2033-01-01T00:00:00Z", to="2034-01-01T00:00:00Z"), "made before"),
    "ends before it begins": (
        lambda files: manifest(files, **{"from": "2032-01-01T00:00:00Z", "to": "2031-01-01T00:00:00Z"}),
        "ends before it begins",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_pack_that_was_forged_and_signed_anew_is_refused(home: Household, whole: Files, forgery: str) -> None:
    forge, named = FORGERIES[forgery]
    with pytest.raises(EvidenceInvalid, match=named):
        check(signed_again(home, forge(whole)))


def test_a_pack_as_it_is_and_one_signed_anew_unchanged_hold(home: Household, whole: Files, tmp_path: Path) -> None:
    assert check(signed_again(home, whole)).receipts == 3
    assert any("the company's own statement" in step for step in check(whole).steps)
    # The end of a time that is not over is the time at which the pack was made.
    open_end = packed(home, tmp_path / "open.zip", start=NEW_YEAR, end=NEW_YEAR.replace(year=2033))
    assert said(open_end)["to"] == said(open_end)["made"]
    assert check(open_end).receipts == len([row for row in rows(open_end, "answers") if row["what"] == "receipt"])


def test_a_receipt_of_another_time_does_not_count_as_one_of_the_pack_s(home: Household, tmp_path: Path) -> None:
    early = packed(home, tmp_path / "early.zip", end=NEW_YEAR)
    name = next(name.rpartition("/")[0] for name in early if name.startswith("beside/"))
    shown = {path.replace(f"{name}/", "receipts/ord-x/1-1/"): data for path, data in early.items()}
    shown["log/entries.json"] = early["log/entries.json"].replace(name.encode(), b"receipts/ord-x/1-1")
    with pytest.raises(EvidenceInvalid, match=r"receipts/ord-x/1-1 is not where it belongs"):
        check(signed_again(home, shown))
