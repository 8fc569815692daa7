"""How much of a store looks read: all of it, what changed since an earlier look of the same order, or a sample, which clears nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence.receipt import Result, ScanMode, ScanVerdict
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.core.verification.receipt_verify import VerifiedReceipt
from tests.engine.household import ANNA, BELA, SAID, Household, build

LAKE = "lake: {kind: files, url: ./world/lake"
MEDIA = "media: {kind: files, url: ./world/media"
APP = 'app: {kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500'


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def scans(home: Household, depth: str) -> None:
    text = home.map.read_text()
    for store in (LAKE, MEDIA, APP):
        text = text.replace(store, f"{store}, scan: {depth}")
    home.map.write_text(text)


def verified(home: Household, run: Run) -> tuple[VerifiedReceipt, str]:
    with home.open() as opened:
        files = opened.receipt_folder(run.order, 1)
    return receipt_verify.verify(files), files["receipt.html"].decode()


def test_a_sample_never_says_scrubbed_nor_gone_and_is_said_first(home: Household) -> None:
    scans(home, "sample")
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    checked, page = verified(home, run)
    assert checked.receipt.sampled == ("app", "lake", "media")
    assert "SAMPLE" in checked.steps[0]
    assert "app, lake, media" in page.partition("<h1>")[2].partition("</h1>")[0]
    for entry in checked.receipt.datasets:
        assert entry.claimed <= Grounding.REMOVED
        assert entry.scan is not None
        assert (entry.scan.mode, entry.scan.verdict) == (ScanMode.SAMPLE, ScanVerdict.CANNOT_TELL)
    assert any(entry.outcome is Result.ERASED for entry in checked.receipt.datasets)
    assert sum("sample" in each for each in checked.receipt.out_of_scope) == 3


def test_residue_that_a_sample_meets_is_residue(home: Household) -> None:
    scans(home, "sample")
    for number in range(200):
        (home.world / "lake" / f"copy-{number}.txt").write_text(SAID[ANNA][0])
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert any("residue" in each for each in run.reasons), run.reasons


def old(folder: Path) -> None:
    """Let all files be older than the finest step of the clock that stamps them."""
    del folder
    time.sleep(2.1)


def test_a_later_look_reads_what_changed_and_finds_what_came_back(home: Household) -> None:
    scans(home, "changed")
    others = home.world / "lake" / "others"
    others.mkdir()
    for number in range(50):
        (others / f"{number}.txt").write_text(f"nobody in particular, line {number}\n" * 40)
    old(home.world)
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    checked, _ = verified(home, run)
    assert {each.scan.mode for each in checked.receipt.datasets if each.scan is not None} == {ScanMode.ALL}
    read = []

    def look() -> tuple[int, dict[str, str], list[str]]:
        with home.open() as opened:
            scanner = opened.context.scanner
            whole = scanner.scan

            def counted(*args, **more):
                done = whole(*args, **more)
                read.append(done.coverage.files)
                return done

            scanner.scan = counted  # type: ignore[method-assign]
            looked = opened.verify(run.order)
            return looked.found, dict(looked.failed), sorted(looked.since)

    assert look() == (0, {}, ["app", "lake", "media"])
    assert sum(read) < 30
    # What a stamp does not tell: the same name, size and time of the bytes, with others in them.
    victim = others / "7.txt"
    status = victim.stat()
    text = SAID[ANNA][0].encode()
    victim.write_bytes(text + victim.read_bytes()[len(text) :])
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert victim.stat().st_size == status.st_size
    found, failed, _ = look()
    assert found > 0, failed
    found, failed, _ = look()
    assert found > 0, "what was found once is looked at again, though nothing changed since"


def test_a_later_look_after_another_persons_order_of_the_same_round_passes_nothing_over(home: Household) -> None:
    scans(home, "changed")
    (home.world / "lake" / "others").mkdir()
    first, second = home.order(f"profile:{ANNA}"), home.order(f"profile:{BELA}")
    with home.open() as opened:
        for each in (first, second):
            opened.plan(each.order)
        opened.apply_all([first.order, second.order])
    (home.world / "lake" / "others" / "back.txt").write_text(SAID[BELA][0])
    old(home.world)
    with home.open() as opened:
        assert opened.verify(first.order).found == 0
        assert opened.verify(second.order).found > 0
        assert opened.verify(second.order).found > 0
