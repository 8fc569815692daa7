"""One story for each duty that other tests do not show: it fails without the guard, or the notice, that meets the duty."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from contextlib import closing

import pytest

from expunge.core.evidence.receipt import Receipt, Result
from expunge.core.log import tlog_proof
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_folder as folder
from expunge.core.verification import receipt_verify
from expunge.errors import EvidenceInvalid, IllegalTransition, UsageError
from expunge.maps.reading.reader import MapFaults, read_map
from expunge.stores import Kinds
from tests.engine.consents import CHILD, OTHER_PARENT, PARENT, asking, prove
from tests.engine.household import ANNA, BELA, PEOPLE, SAID, Household, strings_of, wav

PLACES = "  whereabouts: {store: app, table: whereabouts, subject: {profile: profile_id}, retention: life}\n"
ROAD = {ANNA: "48.137154,11.576124 at the old river gate", BELA: "52.520008,13.404954 by the television tower"}


def with_whereabouts(home: Household) -> Household:
    """Where two children were, in a table of its own."""
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("CREATE TABLE whereabouts (id INTEGER PRIMARY KEY, profile_id TEXT, place TEXT, closed_at TEXT)")
        db.executemany("INSERT INTO whereabouts (profile_id, place) VALUES (?, ?)", ROAD.items())
    return home


def receipt(home: Household, order: str) -> Receipt:
    with home.open() as opened:
        files = opened.receipt_folder(order, 1)  # type: ignore[arg-type]
    return receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt


def notices(home: Household, kind: str) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted((home.state / "outbox").glob(f"*-{kind}.json"))]


@pytest.mark.duty("AMZ-04")
def test_voice_and_whereabouts_go_and_the_receipt_says_of_every_store_what_a_second_look_found(home: Household) -> None:
    with_whereabouts(home).write_map(more=PLACES)
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA), ROAD[ANNA]) == []
    assert home.search(ROAD[BELA], where=("world",))
    made = receipt(home, run.order)
    with home.open() as opened:
        assert {each.dataset for each in made.datasets} == set(opened.map.datasets), "every place where it looked is listed"
    by_name = {each.dataset: each for each in made.datasets}
    assert {name: by_name[name].items for name in ("voice", "whereabouts")} == {"voice": 2, "whereabouts": 1}
    for name, way in (("voice", "listing"), ("whereabouts", "table")):
        probe = by_name[name].probe
        assert probe is not None
        assert way in probe.paths
        assert probe.clean
    assert by_name["accounts"].outcome is Result.ABSENT


@pytest.mark.duty("AMZ-07")
def test_everything_of_a_child_goes_when_a_parent_asks_and_nothing_when_a_stranger_does(home: Household) -> None:
    with_whereabouts(asking(home))
    home.map.write_text(home.map.read_text().replace("purposes:\n", f"{PLACES}purposes:\n", 1))
    with home.open() as opened:
        child = [opened.resolve(CHILD)]
        proof, other = prove(opened), prove(opened, f"profile:{BELA}", OTHER_PARENT)
        for wrong in ("grd-0000000000000000", other):
            with pytest.raises(UsageError, match="gives no authority"):
                opened.order_erase(child, guardian=wrong)
        order = opened.order_erase(child, guardian=proof).order
        opened.plan(order)
        run = opened.apply(order)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert home.search(*strings_of(ANNA), ROAD[ANNA]) == []
    assert home.search(ROAD[BELA], *SAID[BELA], where=("world",))
    assert f"account:{PEOPLE[ANNA]}" == PARENT


CONDITIONS = ("safeguards", "prohibition", "release", "no_attempt")
STATED = {each: f"{each}: this is stated in three words" for each in ("reason", *CONDITIONS)}


@pytest.mark.duty("DSG-09")
@pytest.mark.parametrize("missing", ["", *CONDITIONS])
def test_data_counts_as_de_identified_with_all_four_conditions_and_not_with_three(home: Household, missing: str) -> None:
    said = ", ".join(text for name, text in STATED.items() if name != missing)
    home.write_map(more=f"  counts: {{store: app, table: counts, aggregate: {{{said}}}, retention: life}}\n")
    if not missing:
        assert "counts" in read_map(home.map, {}, kinds=Kinds()).datasets
        return
    with pytest.raises(MapFaults) as refused:
        read_map(home.map, {}, kinds=Kinds())
    assert [each.rule for each in refused.value.faults] == ["aggregate-incomplete"]


@pytest.mark.duty("FAIL-02", "AMZ-04")
def test_a_store_that_is_declared_later_is_searched_for_everybody_who_was_erased_before(home: Household) -> None:
    first = home.erase(f"profile:{ANNA}")
    with_whereabouts(home)
    with home.open() as opened:
        (found,) = [each for each in opened.check() if each.kind == "undeclared"]
        assert found.where.endswith(": whereabouts"), "it is found before it is declared"
        assert opened.sweep().came_back == ()
    home.write_map(more=PLACES)
    with home.open() as opened:
        (back,) = opened.sweep().came_back
        assert (back.order, back.datasets) == (first.order, ("whereabouts",))
    home.plan(back.followed_by)
    assert home.apply(back.followed_by).state is OrderState.FULFILLED
    assert home.search(ROAD[ANNA]) == []


@pytest.mark.duty("FAIL-03")
def test_whoever_was_told_that_it_was_gone_is_told_that_it_was_not_each_time(home: Household) -> None:
    order = home.erase(f"profile:{ANNA}").order
    for times in (1, 2):
        voice = home.world / "media" / "voice" / ANNA
        voice.mkdir()
        (voice / "rec-anna-0-X7.wav").write_bytes(wav(f"{ANNA}0"))
        with home.open() as opened:
            (back,) = opened.sweep().came_back
            assert opened.status(order).state is OrderState.REOPENED
            assert opened.status(back.followed_by).received.follows == order
        told = notices(home, "came-back")
        assert len(told) == times
        (mine,) = [each for each in told if each["order"] == order]
        assert mine["fields"] == {"order": back.followed_by}
        home.plan(back.followed_by)
        assert home.apply(back.followed_by).state is OrderState.FULFILLED
        order = back.followed_by


@pytest.mark.duty("NST-01")
def test_the_receipt_says_for_each_store_how_deep_it_went_and_how_that_was_checked(home: Household) -> None:
    lake = "lake: {kind: files, url: ./world/lake"
    home.map.write_text(home.map.read_text().replace(lake, f"{lake}, scan: sample"))
    run = home.erase(f"profile:{ANNA}")
    made = receipt(home, run.order)
    deep = {(each.store, each.kind): each.claimed.word for each in made.datasets if each.outcome is Result.ERASED}
    assert deep == {("app", "sqlite"): "scrubbed", ("media", "files"): "scrubbed", ("lake", "files"): "removed"}
    for each in made.datasets:
        if each.outcome is Result.ERASED:
            assert each.probe is not None
            assert each.probe.paths
            assert each.scan is not None
            assert each.scan.scanner.startswith("expunge.residue/")
    with home.open() as opened:
        page = opened.receipt_folder(run.order, 1)["receipt.html"].decode()
    rows = [re.sub(r"<[^>]+>", " ", row) for row in page.split("<tr") if "events" in row]
    assert any("removed" in row and "scrubbed" not in row for row in rows), "people read the depth too"


@pytest.mark.duty("NST-03")
def test_no_receipt_calls_rows_that_were_deleted_media_that_were_cleared_purged_or_destroyed(home: Household) -> None:
    run = home.erase(f"profile:{ANNA}")
    with home.open() as opened:
        files = opened.receipt_folder(run.order, 1)
    words = re.sub(r"<style.*?</style>", "", files["receipt.html"].decode(), flags=re.DOTALL)
    signed = json.loads(base64.b64decode(json.loads(files["receipt.dsse.json"])["payload"])) if "receipt.dsse.json" in files else {}
    words += json.dumps(signed) + files["receipt.pae"].decode(errors="replace")
    assert re.findall(r"(?i)\b(?:purged?|sanitis\w+|sanitiz\w+|800-88|cleared|destroyed|cryptographic erase)\b", words) == []
    assert "scrubbed" in words


@pytest.mark.duty("RNG-26")
def test_a_receipt_that_is_not_in_the_log_is_refused_whatever_its_signature_says(home: Household) -> None:
    """The signature is right and the checkpoint is right; only the way from the one to the other is not."""
    order = home.erase(f"profile:{ANNA}", f"profile:{BELA}").order
    with home.open() as opened:
        first, second = (opened.receipt_folder(order, number) for number in (1, 2))
    proof, other = (tlog_proof.parse(each["receipt.tlog-proof"]) for each in (first, second))
    assert proof.path != other.path or proof.index != other.index
    # Without the second wrapping of the same proof, which a reader may leave out.
    alone = {name: data for name, data in first.items() if name not in {folder.BUNDLE, folder.ROOT}}
    mixed = {**alone, folder.PROOF: second[folder.PROOF]}
    assert receipt_verify.verify(alone, first["trust-policy.txt"], at=None).receipt
    with pytest.raises(EvidenceInvalid):
        receipt_verify.verify(mixed, first["trust-policy.txt"], at=None)


@pytest.mark.duty("TIM-04")
def test_the_person_is_told_the_outcome_and_what_could_not_be_done(home: Household) -> None:
    done = home.erase(f"profile:{BELA}")
    assert [(each["order"], each["fields"]) for each in notices(home, "done")] == [(done.order, {"receipts": "1"})]
    (home.world / "lake").rename(home.world / "elsewhere")
    part = home.erase(f"profile:{ANNA}")
    (told,) = notices(home, "could-not")
    assert told["order"] == part.order
    assert "events" in str(told["fields"])
    with home.open() as opened, pytest.raises(IllegalTransition):
        opened.order_cancel(part.order)
