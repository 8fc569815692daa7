"""A stranger's walk: an operator who holds every key cheats, and a holder of something older finds it with one command."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import clock
from tests.cli.running import Ran, expunge
from tests.log_kit import Operator, SeededWitness, asking, dated, served

NOW = clock.now()


@dataclass
class Holder:
    """A person with a receipt and the operator's published keys, and whatever they kept."""

    operator: Operator
    receipt: Path
    """Entry 5 of 9."""
    trust: Path
    kept: Path
    """The log's head of a week ago, 7 entries, as any reader may have copied it."""
    watch: Path
    """Heads that a watch of the holder saw."""

    def check_receipt(self, url: str, *more: str | Path) -> Ran:
        return expunge("receipt", "verify", self.receipt, "--trust", self.trust, "--log", url, *more)

    def check_log(self, url: str, *more: str | Path) -> Ran:
        return expunge("log", "verify", url, "--trust", self.trust, *more)


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    operator = Operator(tmp_path / "log")
    operator.log.append([b"salted %d" % n for n in range(5)])
    receipt = operator.issue(tmp_path / "receipt", dated(NOW - timedelta(days=8)))
    operator.log.append([b"salted 6"])
    kept = tmp_path / "kept.checkpoint"
    witness = SeededWitness("auditor")
    kept.write_bytes(operator.cosigned(witness, at=NOW - timedelta(days=7)))
    operator.log.append([b"salted 7", b"salted 8"])
    trust = tmp_path / "trust.txt"
    trust.write_bytes(operator.policy.encode())
    found = Holder(operator, receipt, trust, kept, tmp_path / "watch")
    with served(operator.folder) as url:
        assert expunge("log", "watch", url, "--trust", trust, "--keep", found.watch).code == 0
    return found


def rewritten(holder: Holder, to: Path, *, without: int | None = None, changed: int | None = None, until: int = 12) -> Path:
    """The same operator's log, with the same keys, told anew."""
    old = holder.operator.log
    entries = [old.entry(n) for n in range(old.head().size)] + [b"salted %d" % n for n in range(old.head().size, until)]
    if without is not None:
        del entries[without]
    if changed is not None:
        entries[changed] = b"another"
    Operator(to).log.append(entries[:until])
    return to


def test_an_honest_log_passes_every_one_of_these_commands(holder: Holder, tmp_path: Path) -> None:
    holder.operator.log.append([b"salted %d" % n for n in range(9, 300)])
    fresh = holder.operator.issue(tmp_path / "fresh", dated(NOW, 1))
    with served(holder.operator.folder) as url:
        for ran in (
            holder.check_receipt(url, "--since", holder.kept, "--since", holder.watch),
            expunge("receipt", "verify", fresh, "--trust", holder.trust, "--log", url, "--since", holder.receipt, "--since", holder.watch),
            holder.check_log(url, "--since", holder.kept, "--since", holder.receipt, "--since", holder.watch),
            holder.check_log(url, "--heads-only", "--since", holder.kept),
            expunge("log", "watch", url, "--trust", holder.trust, "--keep", holder.watch),
        ):
            assert ran.code == 0, ran.err


@pytest.mark.parametrize("way", ["left out", "replaced", "cut off"])
def test_a_receipt_dropped_from_the_log_is_missed_by_its_holder(holder: Holder, tmp_path: Path, way: str) -> None:
    told = {"left out": {"without": 5}, "replaced": {"changed": 5}, "cut off": {"until": 5}}[way]
    with served(rewritten(holder, tmp_path / "told", **told)) as url:
        ran = holder.check_receipt(url)
        assert ran.code == 6
        assert "fork" in ran.err or "shorter" in ran.err
        assert holder.check_log(url).code == 0, "the log alone looks as good as any"
        assert expunge("receipt", "verify", holder.receipt, "--trust", holder.trust).code == 0, "and so does the receipt alone"
        assert expunge("log", "watch", url, "--trust", holder.trust, "--keep", holder.watch).code == 6


def test_an_entry_that_is_served_no_more_is_missed_by_its_holder(holder: Holder) -> None:
    (holder.operator.folder / "tile/entries/000.p/9").unlink()
    with served(holder.operator.folder) as url:
        ran = holder.check_receipt(url)
        assert (ran.code, "missing" in ran.err) == (6, True)


@pytest.mark.parametrize("changed", [0, 6])
def test_a_fork_is_found_by_whoever_kept_a_head(holder: Holder, tmp_path: Path, changed: int) -> None:
    with served(rewritten(holder, tmp_path / "told", changed=changed)) as url:
        for since in (holder.kept, holder.watch, *([holder.receipt] if changed < 5 else [])):
            ran = holder.check_log(url, "--since", since)
            assert (ran.code, "fork" in ran.err) == (6, True)
        assert holder.check_log(url).code == 0


def test_a_rollback_is_found_by_whoever_kept_a_head(holder: Holder, tmp_path: Path) -> None:
    with served(rewritten(holder, tmp_path / "told", until=6)) as url:
        ran = holder.check_log(url, "--since", holder.kept)
        assert (ran.code, "shorter" in ran.err) == (6, True)


@pytest.mark.parametrize("kept", ["receipt", "watch", "kept"])
def test_a_receipt_dated_back_is_found_by_whoever_kept_something_older(holder: Holder, tmp_path: Path, kept: str) -> None:
    """The operator enters it today and says it was a month ago. An older receipt, a watch, or a head that a witness cosigned show it."""
    late = holder.operator.issue(tmp_path / "late", dated(NOW - timedelta(days=31), 2))
    reader = tmp_path / "readers-trust.txt"
    reader.write_bytes(asking(holder.operator.policy, [SeededWitness("auditor")]).encode().replace(b"quorum quorum", b"quorum none"))
    with served(holder.operator.folder) as url:
        command = ("receipt", "verify", late, "--trust", reader, "--log", url)
        assert expunge(*command).code == 0, "nothing in the receipt or the log of now shows it"
        ran = expunge(*command, "--since", {"receipt": holder.receipt, "watch": holder.watch, "kept": holder.kept}[kept])
        assert (ran.code, "dated back" in ran.err) == (6, True)


def test_a_receipt_dated_before_its_signers_key_is_found_with_the_published_policy_alone(holder: Holder, tmp_path: Path) -> None:
    late = holder.operator.issue(tmp_path / "late", dated(NOW - timedelta(days=31), 2))
    policy = holder.operator.policy
    made = (NOW - timedelta(days=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    holder.trust.write_bytes(policy.encode().replace(b"quorum", f"since {made} {policy.signers[0]}\nquorum".encode()))
    ran = expunge("receipt", "verify", late, "--trust", holder.trust)
    assert (ran.code, "dated back" in ran.err) == (6, True)
    assert expunge("receipt", "verify", holder.receipt, "--trust", holder.trust).code == 0


def test_two_readers_who_are_shown_different_logs_find_it_by_comparing_heads(holder: Holder, tmp_path: Path) -> None:
    other = rewritten(holder, tmp_path / "told", changed=8)
    shown = tmp_path / "shown.checkpoint"
    shutil.copy(other / "checkpoint", shown)
    holder.operator.log.append([b"salted %d" % n for n in range(9, 14)])
    with served(holder.operator.folder) as url:
        assert holder.check_log(url, "--since", shown, "--heads-only").code == 6
