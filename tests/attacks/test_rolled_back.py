"""A state that was put back from yesterday: a part of it knows more than another, and nothing is carried out until a person decides."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from expunge import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.core.verification.receipt_verify import verify
from expunge.engine.kernel import journal_streams
from expunge.errors import Misconfigured, StateRolledBack, StateUnavailable, UsageError
from expunge.faults import arm
from expunge.gate import Subject
from expunge.testing.forked import in_child
from tests.cli.running import expunge
from tests.engine.household import ANNA, BELA, CARA, DINO, Household, build

JOURNAL = ("state.db", "state.db-wal", "state.db-shm")


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


class Yesterday:
    """A copy of the state folder, of which parts are put back."""

    def __init__(self, home: Household) -> None:
        self.home = home
        self.copy = home.folder / "yesterday"
        shutil.copytree(home.state, self.copy)

    def put_back(self, *parts: str) -> None:
        for part in parts:
            now, then = self.home.state / part, self.copy / part
            if now.is_dir():
                shutil.rmtree(now)
            now.unlink(missing_ok=True)
            if then.is_dir():
                shutil.copytree(then, now)
            elif then.exists():
                shutil.copy(then, now)


ACTS: dict[str, Callable[[Expunge], object]] = {
    "apply": lambda opened: opened.apply_all([run.order for run in opened.orders()][:1]),
    "plan": lambda opened: opened.plan(opened.orders()[0].order),
    "order": lambda opened: opened.order_erase([opened.resolve(f"profile:{DINO}")]),
    "due orders": lambda opened: opened.run_due(),
    "sweep": lambda opened: opened.sweep(),
    "recovery": lambda opened: opened.recover(),
    "retention": lambda opened: opened.retention.retire(),
    "watch": lambda opened: opened.retention.watch(),
    "gate": lambda opened: opened.gate_publish(),
    "restored": lambda opened: opened.restored("app"),
    "lineage": lambda opened: opened.lineage_tell(),
    "verify": lambda opened: opened.verify(opened.orders()[0].order),
}


def refused(home: Household, act: Callable[[Expunge], object]) -> StateRolledBack:
    with home.open() as opened:
        with pytest.raises(StateRolledBack) as caught:
            act(opened)
        return caught.value


def holds_still(home: Household, receipts_of: OrderId) -> None:
    """Nothing is carried out and nothing changes; what was issued can be read, and verifies."""
    before, snapshot = home.logical(), (home.state / "gate" / "snapshot").read_bytes()
    for act in ACTS.values():
        refused(home, act)
    assert home.logical() == before
    assert (home.state / "gate" / "snapshot").read_bytes() == snapshot
    with home.open() as opened:
        assert opened.status(receipts_of).state is OrderState.FULFILLED
        assert len(opened.receipts(receipts_of)) == 1
        folder = opened.receipt_folder(receipts_of)
        assert opened.resolve(f"profile:{DINO}").known
        assert opened.check() is not None
    verify(folder, folder["trust-policy.txt"])
    listed = expunge("status", cwd=home.folder)
    assert (listed.code, str(receipts_of) in listed.out) == (1, True), "a list that may lack orders is no success"
    assert expunge("status", receipts_of, cwd=home.folder).code == 0
    assert expunge("receipt", "show", receipts_of, cwd=home.folder).code == 0


def doctor(home: Household, *arguments: str | Path, code: int = 0) -> str:
    done = expunge("doctor", *arguments, cwd=home.folder)
    assert done.code == code, done.out + done.err
    return done.out


def may_use(home: Household, who: str) -> bool:
    with home.open() as opened:
        return bool(opened.gate().may_use(Subject("profile", who), "training"))


def first(home: Household) -> Run:
    """The order of before yesterday."""
    run = home.erase(f"profile:{BELA}")
    assert run.state is OrderState.FULFILLED
    return run


@pytest.mark.parametrize(
    "parts",
    [
        JOURNAL,
        pytest.param((*JOURNAL, "gate"), marks=pytest.mark.soak),
        pytest.param((*JOURNAL, "orders"), marks=pytest.mark.soak),
        pytest.param((*JOURNAL, "log"), marks=pytest.mark.soak),
        pytest.param((*JOURNAL, "log", "gate"), marks=pytest.mark.soak),
        pytest.param((*JOURNAL, "log", "gate", "orders"), marks=pytest.mark.soak),
        (*JOURNAL, "log", "gate", "keys"),
    ],
    ids=lambda parts: " and ".join(("journal", *parts[3:])),
)
def test_a_journal_that_is_older_than_anything_beside_it_holds_everything_still(home: Household, parts: tuple[str, ...]) -> None:
    known = first(home)
    yesterday = Yesterday(home)
    forgotten = home.erase(f"profile:{ANNA}")
    yesterday.put_back(*parts)
    named = not {"orders", "keys"} <= set(parts)
    holds_still(home, known.order)
    told = doctor(home, code=1)
    assert "one moment" in told
    assert (str(forgotten.order) in told) is named
    assert str(forgotten.order) in refused(home, ACTS["apply"]).message


def test_the_round_that_was_forgotten_of_an_order_that_is_known_is_named(home: Household) -> None:
    known = first(home)
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)
    yesterday = Yesterday(home)
    home.apply(accepted.order)
    yesterday.put_back(*JOURNAL, "log", "gate", "keys")
    holds_still(home, known.order)
    assert str(accepted.order) in doctor(home, code=1)


def test_a_person_decides_by_name_and_everyone_forgotten_stays_refused(home: Household) -> None:
    first(home)
    yesterday = Yesterday(home)
    forgotten = home.erase(f"profile:{ANNA}")
    yesterday.put_back(*JOURNAL)
    with home.open() as opened:
        for by, reason in (("", "why"), ("priya", " ")):
            with pytest.raises(UsageError):
                opened.accept_rollback(by, reason)
        assert opened.rollback is not None
    assert doctor(home, "--accept-rollback", "priya", code=2) == ""
    told = doctor(home, "--accept-rollback", "priya", "--reason", "the disk died, this is the newest copy")
    assert str(forgotten.order) in told
    with home.open() as opened:
        assert opened.rollback is None
        (decision,) = journal_streams.read_register(opened.context.journal, journal_streams.ROLLBACKS)
        assert (decision.by, decision.reason) == ("priya", "the disk died, this is the newest copy")  # type: ignore[union-attr]
        assert decision.orders == (forgotten.order,)  # type: ignore[union-attr]
        opened.gate_publish()
        with pytest.raises(UsageError, match="nothing to accept"):
            opened.accept_rollback("priya", "again")
    assert not may_use(home, ANNA)
    assert may_use(home, CARA)
    assert home.erase(f"profile:{CARA}").state is OrderState.FULFILLED
    assert not may_use(home, ANNA)
    assert "NOT  one moment" not in doctor(home)


def test_the_right_journal_put_back_goes_on_as_if_nothing_had_been(home: Household) -> None:
    first(home)
    yesterday = Yesterday(home)
    home.erase(f"profile:{ANNA}")
    today = home.folder / "today"
    shutil.copytree(home.state, today)
    yesterday.put_back(*JOURNAL)
    refused(home, ACTS["sweep"])
    shutil.rmtree(home.state)
    shutil.copytree(today, home.state)
    doctor(home)
    assert home.erase(f"profile:{CARA}").state is OrderState.FULFILLED


@pytest.mark.parametrize("how", [pytest.param("older", marks=pytest.mark.soak), "gone"])
def test_a_log_that_is_older_than_the_journal_is_no_persons_to_accept(home: Household, how: str) -> None:
    known = first(home)
    yesterday = Yesterday(home)
    home.erase(f"profile:{ANNA}")
    yesterday.put_back("log")
    if how == "gone":
        (home.state / "log" / "checkpoint").unlink()
    holds_still(home, known.order)
    assert "log is damaged" in doctor(home, code=1)
    with home.open() as opened, pytest.raises(StateRolledBack):
        opened.accept_rollback("priya", "never mind the log")


def test_a_snapshot_of_the_gate_that_is_older_than_the_journal_is_published_again(home: Household) -> None:
    first(home)
    yesterday = Yesterday(home)
    home.erase(f"profile:{ANNA}")
    yesterday.put_back("gate")
    assert may_use(home, ANNA), "the older snapshot lets her pass: that is what has to be noticed"
    assert "missing: run `expunge gate publish`" in doctor(home, code=1)
    with home.open() as opened:
        opened.recover()
    assert not may_use(home, ANNA)
    doctor(home)


def test_an_order_whose_key_is_not_in_the_backup_is_named(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    for key in (home.state / "keys" / "orders").iterdir():
        key.unlink()
    told = doctor(home, code=1)
    assert "keys of orders" in told
    assert str(accepted.order) in told
    with home.open() as opened:
        opened.order_cancel(accepted.order)
    assert home.erase(f"profile:{ANNA}").state is OrderState.FULFILLED
    doctor(home)


@pytest.mark.parametrize(
    "also",
    [(), pytest.param(("gate",), marks=pytest.mark.soak), pytest.param(("gate", "log"), marks=pytest.mark.soak), ("gate", "log", "orders")],
    ids=lambda parts: " and ".join(("keys", *parts)),
)
def test_keys_that_are_gone_are_not_made_anew_over_a_journal_that_needs_them(home: Household, also: tuple[str, ...]) -> None:
    first(home)
    for part in ("keys", *also):
        shutil.rmtree(home.state / part)
    assert "restore keys/ from its backup" in doctor(home, code=1)
    with pytest.raises((StateUnavailable, Misconfigured)):
        Expunge.init(home.map)
    assert not (home.state / "keys").exists()


def test_an_emptied_journal_is_an_older_one(home: Household) -> None:
    run = first(home)
    for name in JOURNAL:
        (home.state / name).unlink(missing_ok=True)
    for name in ("sweep", "gate", "order"):
        assert str(run.order) in refused(home, ACTS[name]).message


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("journal.begin:before", marks=pytest.mark.soak),
        "journal.begin:after",
        pytest.param("journal.register:before", marks=pytest.mark.soak),
        "journal.register:after",
    ],
)
def test_an_intake_that_a_crash_ended_is_no_older_journal(home: Household, where: str) -> None:
    def doomed() -> None:
        with arm(where, "kill", 1):
            home.order(f"profile:{ANNA}")

    assert in_child(doomed).killed_by == 9
    with home.open() as opened:
        assert opened.rollback is None
        opened.recover()
    assert home.erase(f"profile:{CARA}").state is OrderState.FULFILLED


def test_all_of_a_state_from_an_older_copy_is_told_by_what_was_kept_elsewhere(home: Household) -> None:
    first(home)
    yesterday = Yesterday(home)
    forgotten = home.erase(f"profile:{ANNA}")
    with home.open() as opened:
        proof = opened.receipt_folder(forgotten.order)["receipt.tlog-proof"]
    kept = home.folder / "kept.tlog-proof"
    kept.write_bytes(proof)
    doctor(home, "--since", kept)
    shutil.rmtree(home.state)
    shutil.copytree(yesterday.copy, home.state)
    doctor(home)
    assert "the whole state is an older copy" in doctor(home, "--since", kept, code=1)


# --- state on a server -------------------------------------------------------------------------------


def test_a_database_that_was_put_back_holds_everything_still(home: Household, database: str) -> None:
    shutil.rmtree(home.state)
    home.map.write_text(home.map.read_text().replace("state: ./state\n", f'state: "{database}"\nstate_folder: ./state\n'))
    Expunge.init(home.map)
    known = first(home)
    older = f"{database.rpartition('/')[2]}_older"
    with psycopg.connect(database, autocommit=True) as connection:
        name = connection.info.dbname
    admin = database.rpartition("/")[0] + "/postgres"

    def copied(source: str, target: str) -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%s, %s)", (source, target))
            connection.execute(f'DROP DATABASE IF EXISTS "{target}"'.encode())
            connection.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"'.encode())

    copied(name, older)
    forgotten = home.erase(f"profile:{ANNA}")
    copied(older, name)
    holds_still(home, known.order)
    with home.open() as opened, pytest.raises(StateRolledBack, match=str(forgotten.order)):
        opened.worker()
    assert str(forgotten.order) in doctor(home, code=1)
    doctor(home, "--accept-rollback", "priya", "--reason", "the newest dump there is")
    assert not may_use(home, ANNA)
    assert home.erase(f"profile:{CARA}").state is OrderState.FULFILLED
    shutil.rmtree(home.state)
    with pytest.raises(StateUnavailable, match=r"keys .* are missing"):
        Expunge.init(home.map)
