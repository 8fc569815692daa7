"""The keeper seals and opens so many fields a minute, and tells how many it refused."""

from __future__ import annotations

from contextlib import closing

import pytest

from expunge.adapters.keeper.account_requests import OPENED, SEALED, AccountDesk, FieldBudget
from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.bootstrap import keeping
from expunge.errors import Busy
from expunge.ports.accounts.sealed_fields import FieldKind
from tests.adapters.keeper.kept import PATIENCE, Kept

GUESSES = [f"guess-{number}@example.org" for number in range(256)]


def seal_all(accounts: KeeperAccounts) -> None:
    for _ in range(100):
        accounts.seal_fields(FieldKind.ADDRESS, GUESSES)


def test_a_list_of_guesses_is_not_sealed_at_once(kept: Kept) -> None:
    """Addresses are sealed deterministically: sealed guesses could be held against the whole column."""
    kept.start_accounts()
    refusals: list[tuple[str, str]] = []
    with closing(KeeperAccounts(kept.place, PATIENCE, lambda *what: refusals.append(what))) as accounts:
        before_refusal = [len(accounts.seal_fields(FieldKind.ADDRESS, GUESSES)) for _ in range(20)]
        assert sum(before_refusal) == 20 * 256
        with pytest.raises(Busy) as refused:
            seal_all(accounts)
        assert "sealed" in refused.value.message
        assert accounts.seal_fields(FieldKind.MAIL, ["another kind has a budget of its own"])
        assert len(accounts.open_fields(FieldKind.ADDRESS, accounts.seal_fields(FieldKind.ADDRESS, GUESSES[:1]))) == 1
    assert refusals == [("seal", "address")]
    found = keeping.keeper_status(kept.place)
    assert found.refused == (("seal", "address", 256),)


def test_each_kind_that_is_opened_can_be_sealed(kept: Kept) -> None:
    assert SEALED.keys() == OPENED.keys()
    kept.start_accounts()
    with closing(KeeperAccounts(kept.place, PATIENCE)) as accounts:
        for kind in OPENED:
            assert accounts.open_fields(kind, accounts.seal_fields(kind, ["a text"])) == ("a text",), kind


def test_a_budget_grows_again_with_time() -> None:
    now = [0.0]
    budget = FieldBudget("open", {FieldKind.SEED: 60}, lambda: now[0])
    budget.take(FieldKind.SEED, 60)
    with pytest.raises(Busy):
        budget.take(FieldKind.SEED, 2)
    now[0] += 2
    budget.take(FieldKind.SEED, 2)
    assert budget.refused() == (("open", "seed", 2),)


def test_one_desk_counts_both(kept: Kept) -> None:
    desk = AccountDesk(FieldSeals(bytes(32)))
    assert desk.refused() == ()
