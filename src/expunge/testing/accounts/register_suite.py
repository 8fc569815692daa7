"""The conformance suite of the port of the keeper's accounts."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from expunge import faults
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.accounts.recovery import RecoveryTimes
from expunge.core.accounts.waits import Wait
from expunge.errors import AlreadyThere, ExpungeError, NotPermitted, UsageError
from expunge.ports.accounts.account_register import (
    MOST_CREDENTIALS,
    AccountRecord,
    AccountRegister,
    CodeDeviceRecord,
    CredentialRecord,
    RecoveryRecord,
    UseResult,
    WaitingRecord,
)
from expunge.testing.forked import start

ONE, OTHER, NONE = (UUID(int=number) for number in (1, 2, 3))
STRANGER = UUID(int=4)
"""Opened, never proven, and without anything."""
EARLIER = UUID(int=5)
"""Had another address before."""
AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
SECOND = timedelta(seconds=1)
STOP = b"t" * 32


def account(number: UUID = ONE) -> AccountRecord:
    """Return an account."""
    return AccountRecord(number, b"sealed-" + number.bytes, "es-MX", AT)


def passkey(credential: bytes = b"c-1", owner: UUID = ONE, sign_count: int = 1) -> CredentialRecord:
    """Return a credential."""
    return CredentialRecord(
        credential, owner, b"key-" + credential, sign_count, user_verified=True, backup_eligible=False, name=b"name", ceremony=bytes(32),
        created_at=AT,
    )  # fmt: skip


def device(owner: UUID = ONE, last_step: int = 7) -> CodeDeviceRecord:
    """Return a code device."""
    return CodeDeviceRecord(owner, b"seed", last_step, bytes(32), AT)


def recovery(owner: UUID = ONE) -> RecoveryRecord:
    """Return a recovery that is ready an hour after it began, and lapses two hours after."""
    return RecoveryRecord(owner, AT, LATER, LATER + timedelta(hours=2), owner.bytes * 2, b"sealed")


class RegisterSuite:
    """Subclass it, say where a register may be kept and how to open it; run it with pytest."""

    failpoints: tuple[str, ...] = ()
    """Every failpoint of the register."""

    def place(self, folder: Path) -> str:
        """Return a place for a fresh register: a folder's file, or a new database of a server."""
        raise NotImplementedError

    def open(self, place: str) -> AccountRegister:
        """Open the register at a place; called in children and in threads too."""
        raise NotImplementedError

    def copied(self, place: str, folder: Path) -> str:  # noqa: ARG002 - for overriders
        """Return the place of a copy of a register that nobody has open, made in a folder that is not there yet.

        A suite that does not override it furnishes a new register for each copy.
        """
        copy = self.place(folder)
        with self.opened(copy) as register:
            self._furnish(register)
        return copy

    @contextmanager
    def opened(self, place: str) -> Iterator[AccountRegister]:
        """Give a register for the length of a block."""
        register = self.open(place)
        register.stay()
        try:
            yield register
        finally:
            register.close()

    @pytest.fixture
    def register(self, tmp_path: Path) -> Iterator[AccountRegister]:
        """Return a fresh one with two accounts."""
        with self.opened(self.place(tmp_path)) as register:
            register.open_account(account())
            register.open_account(account(OTHER))
            yield register

    # --- accounts -------------------------------------------------------------------------------

    def test_an_account_is_kept_as_it_was_opened_and_opened_once(self, register: AccountRegister) -> None:
        assert register.account(ONE) == account()
        assert register.account(NONE) is None
        assert register.open_account(account()) is False
        with pytest.raises(AlreadyThere):
            register.open_account(replace(account(), address=b"another"))
        assert register.account(ONE) == account()

    def test_an_address_is_proven_as_long_as_it_is_the_accounts(self, register: AccountRegister) -> None:
        assert register.prove_address(ONE, account().address, AT)
        assert register.account(ONE) == replace(account(), proven_at=AT)
        assert register.change_address(ONE, b"mistyped", LATER, AT)
        before = account().address
        assert register.account(ONE) == replace(account(), address=b"mistyped", before=before, before_until=LATER)
        assert not register.prove_address(ONE, before, LATER)
        assert register.change_address(ONE, b"new", LATER, AT)
        assert register.account(ONE) == replace(account(), address=b"new", before=before, before_until=LATER), "never proven"
        assert register.drop_unproven(LATER + SECOND) == 1, "the other one"
        assert register.forget_addresses(LATER) == 0
        assert register.prove_address(ONE, b"new", LATER)
        assert register.forget_addresses(LATER - SECOND) == 0
        assert register.forget_addresses(LATER) == 1
        assert register.account(ONE) == replace(account(), address=b"new", proven_at=LATER)
        assert not register.change_address(NONE, b"new", LATER, AT)

    def test_two_changes_of_address_in_a_day_keep_the_one_that_was_there_before_both(self, register: AccountRegister) -> None:
        register.prove_address(ONE, account().address, AT)
        register.change_address(ONE, b"second", LATER, AT)
        register.prove_address(ONE, b"second", AT)
        register.change_address(ONE, b"third", LATER + SECOND, LATER - SECOND)
        assert register.account(ONE) == replace(account(), address=b"third", before=account().address, before_until=LATER + SECOND)
        register.prove_address(ONE, b"third", LATER)
        register.change_address(ONE, b"fourth", LATER + 3 * SECOND, LATER + SECOND)
        assert register.account(ONE) == replace(account(), address=b"fourth", before=b"third", before_until=LATER + 3 * SECOND)

    def test_a_closed_account_leaves_nothing(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        register.set_code_device(device(), first=False)
        register.set_membership(Membership(ONE, "f-owl", MembershipRole.GUARDIAN, AT))
        assert register.close_account(ONE)
        assert not register.close_account(ONE)
        assert register.account(ONE) is None
        assert (register.credentials(ONE), register.code_device(ONE), register.memberships(ONE)) == ((), None, ())
        assert register.account(OTHER) == account(OTHER)
        register.open_account(account())
        register.add_credential(passkey(), first=True)

    def test_accounts_that_were_never_proven_and_have_nothing_are_dropped(self, register: AccountRegister) -> None:
        register.open_account(AccountRecord(NONE, b"", "en", AT))
        register.add_credential(passkey(), first=True)
        assert register.drop_unproven(AT) == 0, "it is not before its time"
        assert register.drop_unproven(LATER) == 1
        assert register.account(OTHER) is None
        assert register.account(ONE) == account(), "it has a passkey"
        assert register.account(NONE), "an invitation opened it, and it has no address"
        register.open_account(account(OTHER))
        register.prove_address(OTHER, account(OTHER).address, AT)
        assert register.drop_unproven(LATER) == 0

    # --- credentials ----------------------------------------------------------------------------

    def test_a_credential_is_kept_whole_and_belongs_to_one_account(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        assert register.credentials(ONE) == (passkey(),)
        assert register.credentials(OTHER) == ()
        for owner in (ONE, OTHER):
            with pytest.raises(AlreadyThere):
                register.add_credential(passkey(owner=owner), first=False)
        with pytest.raises(UsageError):
            register.add_credential(passkey(b"c-2", NONE), first=False)

    def test_a_credential_is_renamed(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        assert register.rename_credential(ONE, b"c-1", b"tablet")
        assert register.credentials(ONE) == (replace(passkey(), name=b"tablet"),)
        assert not register.rename_credential(OTHER, b"c-1", b"mine")
        assert not register.rename_credential(ONE, b"c-2", b"none")

    def test_a_first_credential_is_added_to_an_account_that_has_none(self, register: AccountRegister) -> None:
        register.set_code_device(device(), first=True)
        with pytest.raises(NotPermitted):
            register.add_credential(passkey(), first=True)
        with pytest.raises(NotPermitted):
            register.set_code_device(device(), first=True)
        register.add_credential(passkey(), first=False)
        with pytest.raises(NotPermitted):
            register.set_code_device(device(last_step=1), first=True)
        assert register.code_device(ONE) == device()

    def test_there_is_an_end_to_the_credentials_of_an_account(self, register: AccountRegister) -> None:
        for number in range(MOST_CREDENTIALS):
            register.add_credential(passkey(b"c-%d" % number), first=not number)
        with pytest.raises(NotPermitted):
            register.add_credential(passkey(b"more"), first=False)
        assert len(register.credentials(ONE)) == MOST_CREDENTIALS

    def test_a_counter_rises_and_one_that_went_back_ends_the_credential(self, register: AccountRegister) -> None:
        register.add_credential(passkey(sign_count=5), first=True)
        assert register.use_credential(ONE, b"c-1", 6, AT) is UseResult.COUNTED
        assert register.use_credential(ONE, b"c-1", 900, LATER) is UseResult.COUNTED
        assert register.credentials(ONE) == (replace(passkey(sign_count=900), used_at=LATER),)
        assert register.use_credential(OTHER, b"c-1", 901, AT) is UseResult.GONE
        assert register.use_credential(ONE, b"c-1", 900, AT) is UseResult.WENT_BACK
        assert register.credentials(ONE)[0].copied_at == AT
        assert register.use_credential(ONE, b"c-1", 1000, LATER) is UseResult.GONE

    def test_a_counter_that_once_counted_never_comes_back_as_zero(self, register: AccountRegister) -> None:
        register.add_credential(passkey(sign_count=0), first=True)
        assert [register.use_credential(ONE, b"c-1", count, AT) for count in (0, 0, 3, 0)] == [
            UseResult.COUNTED,
            UseResult.COUNTED,
            UseResult.COUNTED,
            UseResult.WENT_BACK,
        ]

    def test_a_code_counts_once(self, register: AccountRegister) -> None:
        assert register.accept_step(ONE, 8, AT) is False, "there is no device"
        register.set_code_device(device(last_step=7), first=True)
        assert [register.accept_step(ONE, step, AT) for step in (7, 8, 8, 6, 9)] == [False, True, False, False, True]
        assert register.code_device(ONE) == replace(device(last_step=9), used_at=AT)
        assert register.accept_step(OTHER, 10, AT) is False

    def test_the_last_way_to_confirm_stays(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        with pytest.raises(NotPermitted):
            register.remove_credential(ONE, b"c-1", AT)
        register.set_code_device(device(), first=False)
        assert register.remove_credential(OTHER, b"c-1", AT) is False
        assert register.remove_credential(ONE, b"c-1", AT) is True
        assert register.remove_credential(ONE, b"c-1", AT) is False
        with pytest.raises(NotPermitted):
            register.remove_code_device(ONE, AT)
        register.add_credential(passkey(b"c-2"), first=False)
        assert register.remove_code_device(ONE, AT) is True
        assert register.remove_code_device(ONE, AT) is False
        assert [each.credential for each in register.credentials(ONE)] == [b"c-2"]

    def test_a_copied_credential_is_no_way_to_confirm_and_may_always_go(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        register.add_credential(passkey(b"c-2"), first=False)
        assert register.use_credential(ONE, b"c-1", 1, AT) is UseResult.WENT_BACK
        with pytest.raises(NotPermitted):
            register.remove_credential(ONE, b"c-2", AT)
        assert register.remove_credential(ONE, b"c-1", AT) is True

    # --- waits ----------------------------------------------------------------------------------

    def test_what_waits_is_no_last_way_to_confirm_before_its_time(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        register.add_credential(replace(passkey(b"c-2"), wait=Wait(LATER, told=False, first=False)), first=False)
        for now in (AT, LATER):
            with pytest.raises(NotPermitted):
                register.remove_credential(ONE, b"c-1", now)
        register.note_wait(ONE, b"c-2", STOP, LATER)
        with pytest.raises(NotPermitted):
            register.remove_credential(ONE, b"c-1", LATER - SECOND)
        with pytest.raises(NotPermitted):
            register.set_code_device(replace(device(), wait=Wait(LATER, told=False, first=False)), first=True)
        register.set_code_device(device(), first=False)
        assert register.remove_credential(ONE, b"c-2", AT) is True, "what waits may go"
        assert register.remove_credential(ONE, b"c-1", AT) is True, "the code device counts"
        with pytest.raises(NotPermitted):
            register.set_code_device(replace(device(), wait=Wait(LATER, told=False, first=False)), first=False)

    def test_a_wait_is_noted_once_found_and_stopped_as_long_as_it_lasts(self, register: AccountRegister) -> None:
        waits = Wait(LATER, told=False, first=False)
        register.add_credential(passkey(), first=True)
        register.add_credential(replace(passkey(b"c-2"), wait=waits), first=False)
        register.set_code_device(replace(device(), wait=waits), first=False)
        assert {each.credential for each in register.waiting_untold()} == {b"c-2", None}
        assert {each.wait for each in register.waiting_untold()} == {waits}
        register.note_wait(ONE, b"c-2", STOP, LATER)
        register.note_wait(ONE, None, b"p" * 32, LATER)
        register.note_wait(ONE, b"c-2", b"q" * 32, AT)
        register.note_wait(ONE, b"c-1", b"r" * 32, LATER)
        assert register.waiting_untold() == ()
        assert register.waiting_by_stop(STOP) == WaitingRecord(ONE, b"c-2", replace(waits, told=True))
        assert register.waiting_by_stop(b"q" * 32) is register.waiting_by_stop(b"r" * 32) is None
        assert register.stop_waiting(STOP, LATER, LATER) is None, "it is over"
        assert register.stop_waiting(STOP, AT, LATER) == ONE
        assert register.stop_waiting(STOP, AT, LATER) is None
        assert register.stop_waiting(b"p" * 32, AT, LATER) == ONE
        assert [each.credential for each in register.credentials(ONE)] == [b"c-1"]
        assert register.code_device(ONE) is None
        assert register.recovery_times(ONE).families_from is None, "it has a passkey"

    def test_an_account_that_has_nothing_left_confirms_nothing_about_a_family_for_a_while(self, register: AccountRegister) -> None:
        register.add_credential(replace(passkey(), wait=Wait(LATER, told=False, first=True)), first=True)
        register.note_wait(ONE, b"c-1", STOP, LATER)
        assert register.credentials(ONE) == (replace(passkey(), wait=Wait(LATER, told=True, first=True)),)
        assert register.stop_waiting(STOP, AT, LATER) == ONE
        assert register.credentials(ONE) == ()
        assert register.recovery_times(ONE).families_from == LATER

    # --- memberships ----------------------------------------------------------------------------

    def test_an_account_has_one_role_in_each_family(self, register: AccountRegister) -> None:
        owl, elk = Membership(ONE, "f-owl", MembershipRole.GUARDIAN, AT), Membership(ONE, "f-elk", MembershipRole.SELF, AT)
        for membership in (owl, elk):
            register.set_membership(membership)
        assert register.memberships(ONE) == (elk, owl)
        former = replace(owl, role=MembershipRole.FORMER, since=LATER)
        register.set_membership(former)
        assert register.membership(ONE, "f-owl") == former
        assert register.membership(OTHER, "f-owl") is None
        with pytest.raises(UsageError):
            register.set_membership(replace(owl, account=NONE))

    def test_the_members_of_a_family_are_found_in_whatever_role(self, register: AccountRegister) -> None:
        one, other = (Membership(each, "f-owl", MembershipRole.GUARDIAN, AT) for each in (ONE, OTHER))
        for membership in (other, one, replace(one, family="f-elk")):
            register.set_membership(membership)
        assert register.members("f-owl") == (one, other)
        former = replace(one, role=MembershipRole.FORMER)
        register.set_membership(former)
        assert register.members("f-owl") == (former, other)
        assert register.members("f-none") == ()

    # --- hand-overs -----------------------------------------------------------------------------

    def test_a_token_counts_once_and_its_use_may_be_repeated(self, register: AccountRegister) -> None:
        use, session = b"u" * 32, b"s" * 32
        assert register.hand_over_use(use) is None
        assert register.use_hand_over(use, ONE, session, LATER, AT) is True
        assert register.use_hand_over(use, ONE, session, LATER, AT) is False
        for owner, where in ((OTHER, session), (ONE, b"t" * 32)):
            with pytest.raises(AlreadyThere):
                register.use_hand_over(use, owner, where, LATER, AT)
        assert register.hand_over_use(use) == (ONE, session)
        assert register.use_hand_over(b"v" * 32, OTHER, session, LATER, LATER) is True
        assert register.hand_over_use(use) is None, "it had ended"
        with pytest.raises(UsageError):
            register.use_hand_over(b"w" * 32, NONE, session, LATER, AT)

    # --- recoveries -----------------------------------------------------------------------------

    def test_a_recovery_begins_once_and_keeps_its_time(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        assert register.recovery(ONE) is None
        assert register.begin_recovery(recovery()) == recovery()
        again = replace(recovery(), begun_at=AT + timedelta(minutes=5), ready_at=AT + timedelta(minutes=5), stop=b"x" * 32)
        assert register.begin_recovery(again) == recovery()
        assert register.recovery(ONE) == recovery()
        assert register.recovery_by_stop(recovery().stop) == recovery()
        assert register.recovery_by_stop(b"x" * 32) is None
        lapsed = replace(again, begun_at=recovery().lapses_at)
        assert register.begin_recovery(lapsed) == lapsed
        with pytest.raises(UsageError):
            register.begin_recovery(recovery(NONE))

    def test_a_recovery_ends_every_credential_once_it_is_ready_and_once(self, register: AccountRegister) -> None:
        member = Membership(ONE, "f-owl", MembershipRole.GUARDIAN, AT)
        register.add_credential(passkey(), first=True)
        register.add_credential(passkey(b"other", OTHER), first=True)
        register.set_code_device(device(), first=False)
        register.set_membership(member)
        register.begin_recovery(recovery())
        assert not register.finish_recovery(ONE, LATER, LATER), "no letter went out"
        register.note_letter(ONE, 1)
        assert not register.finish_recovery(ONE, LATER - timedelta(seconds=1), LATER), "in the wait"
        assert not register.finish_recovery(ONE, recovery().lapses_at, LATER), "lapsed"
        assert not register.finish_recovery(OTHER, LATER, LATER), "of another account"
        assert len(register.credentials(ONE)) == 1
        until = LATER + timedelta(days=7)
        assert register.finish_recovery(ONE, LATER, until)
        assert not register.finish_recovery(ONE, LATER, until)
        assert (register.credentials(ONE), register.code_device(ONE)) == ((), None)
        assert len(register.credentials(OTHER)) == 1
        assert register.memberships(ONE) == (member,)
        assert register.account(ONE) == replace(account(), families_from=until)
        assert not register.stop_recovery(ONE, LATER), "it is over"
        # Until a credential is there it is the same one; from then on another may begin.
        assert register.begin_recovery(replace(recovery(), begun_at=LATER)) == replace(recovery(), letters=1, finished_at=LATER)
        register.add_credential(passkey(b"new"), first=True)
        begun = replace(recovery(), begun_at=LATER)
        assert register.begin_recovery(begun) == begun
        assert register.account(ONE) == replace(account(), families_from=until), "a second one opens nothing earlier"

    def test_the_times_that_close_asks_are_told(self, register: AccountRegister) -> None:
        assert register.recovery_times(ONE) == register.recovery_times(NONE) == RecoveryTimes()
        register.begin_recovery(recovery())
        register.note_letter(ONE, 1)
        assert register.recovery_times(ONE) == RecoveryTimes(None, recovery().ready_at, recovery().lapses_at)
        register.finish_recovery(ONE, LATER, LATER + timedelta(days=7))
        assert register.recovery_times(ONE) == RecoveryTimes(LATER + timedelta(days=7), recovery().ready_at, recovery().lapses_at, LATER)
        assert register.recovery_times(OTHER) == RecoveryTimes()

    def test_a_recovery_that_is_stopped_ends_nothing(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        register.begin_recovery(recovery())
        assert not register.stop_recovery(ONE, recovery().lapses_at)
        assert register.stop_recovery(ONE, AT)
        assert not register.stop_recovery(ONE, AT)
        assert not register.finish_recovery(ONE, LATER, LATER)
        assert len(register.credentials(ONE)) == 1

    def test_the_owner_of_a_recovery_has_two_letters_and_each_once(self, register: AccountRegister) -> None:
        for owner in (ONE, OTHER):
            register.begin_recovery(recovery(owner))
        assert register.recoveries_to_tell(AT, AT) == (recovery(), recovery(OTHER))
        register.note_letter(ONE, 1)
        assert register.recoveries_to_tell(AT, AT) == (recovery(OTHER),)
        assert register.recoveries_to_tell(LATER, AT) == (replace(recovery(), letters=1), recovery(OTHER))
        register.note_letter(ONE, 2)
        assert register.recoveries_to_tell(LATER, AT) == (recovery(OTHER),)
        register.stop_recovery(OTHER, AT)
        assert register.recoveries_to_tell(LATER, AT) == ()

    # --- several at once, and crashes -----------------------------------------------------------

    def test_of_processes_that_do_the_same_at_once_one_is_let(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as register:
            for number in (ONE, OTHER):
                register.open_account(account(number))
            register.set_code_device(device(OTHER), first=True)

        def work(number: int) -> tuple[bool, bool]:
            with self.opened(place) as register:
                step = register.accept_step(OTHER, 8, AT)
                try:
                    register.add_credential(passkey(b"c-%d" % number), first=True)
                except NotPermitted:
                    return step, False
                return step, True

        children = [start(partial(work, number)) for number in range(4)]
        answers = [child.wait().returned() for child in children]
        assert [sum(answer) for answer in zip(*answers, strict=True)] == [1, 1]

    def test_of_threads_that_use_a_credential_with_one_counter_one_is_let(self, register: AccountRegister) -> None:
        register.add_credential(passkey(), first=True)
        results: list[UseResult] = []

        def use() -> None:
            results.append(register.use_credential(ONE, b"c-1", 2, AT))

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results.count(UseResult.COUNTED) == 1

    def test_killed_anywhere_a_verb_was_done_or_was_not(self, tmp_path: Path) -> None:
        assert self.failpoints
        furnished = self.place(tmp_path / "furnished")
        with self.opened(furnished) as register:
            self._furnish(register)
            assert [name for name, _, is_done in self._kills() if is_done(register)] == []
        for number, (name, verb, is_done) in enumerate(self._kills()):
            place = self.copied(furnished, tmp_path / str(number))

            def work(place: str = place, name: str = name, verb: Callable[[AccountRegister], object] = verb) -> None:
                with self.opened(place) as register, faults.arm(name, "kill"):
                    verb(register)

            assert start(work).wait().killed_by == 9, name
            with self.opened(place) as register:
                done = name.endswith(":after")
                assert is_done(register) is done, name
                if not done:
                    verb(register)
                    assert is_done(register), f"{name}: and again"

    def _furnish(self, register: AccountRegister) -> None:
        for number in (ONE, OTHER, STRANGER):
            register.open_account(account(number))
        register.open_account(account(EARLIER))
        register.prove_address(EARLIER, account(EARLIER).address, AT)
        register.change_address(EARLIER, b"new", LATER, AT)
        register.prove_address(EARLIER, b"new", AT)
        register.add_credential(passkey(b"c-0"), first=True)
        register.add_credential(passkey(b"c-9"), first=False)
        register.set_code_device(device(), first=False)
        register.add_credential(passkey(b"c-8", OTHER), first=True)
        for name in (b"c-7", b"c-6"):
            register.add_credential(replace(passkey(name, OTHER), wait=Wait(LATER, told=False, first=False)), first=False)
        register.note_wait(OTHER, b"c-6", b"p" * 32, LATER)
        register.begin_recovery(recovery(OTHER))
        register.note_letter(OTHER, 1)

    def _kills(self) -> Iterator[tuple[str, Callable[[AccountRegister], object], Callable[[AccountRegister], bool]]]:
        """Yield (failpoint, verb, whether it is done)."""
        member = Membership(ONE, "f-owl", MembershipRole.GUARDIAN, AT)
        verbs: dict[str, tuple[Callable[[AccountRegister], object], Callable[[AccountRegister], bool]]] = {
            "open": (lambda held: held.open_account(account(NONE)), lambda held: held.account(NONE) is not None),
            "address": (
                lambda held: held.change_address(ONE, b"new", LATER, AT),
                lambda held: held.account(ONE) == replace(account(), address=b"new"),
            ),
            "enrol": (lambda held: held.add_credential(passkey(), first=False), lambda held: passkey() in held.credentials(ONE)),
            "use": (lambda held: held.use_credential(ONE, b"c-9", 2, AT), lambda held: held.credentials(ONE)[1].sign_count == 2),
            "remove": (lambda held: held.remove_credential(ONE, b"c-9", AT), lambda held: len(held.credentials(ONE)) == 1),
            "device": (lambda held: held.set_code_device(device(OTHER), first=False), lambda held: held.code_device(OTHER) is not None),
            "step": (
                lambda held: held.accept_step(ONE, 8, AT),
                lambda held: held.code_device(ONE) == replace(device(last_step=8), used_at=AT),
            ),
            "undevice": (lambda held: held.remove_code_device(ONE, AT), lambda held: held.code_device(ONE) is None),
            "rename": (
                lambda held: held.rename_credential(ONE, b"c-0", b"other"),
                lambda held: held.credentials(ONE)[:1] == (replace(passkey(b"c-0"), name=b"other"),),
            ),
            "close": (lambda held: held.close_account(ONE), lambda held: held.account(ONE) is None),
            "forget": (
                lambda held: held.forget_addresses(LATER),
                lambda held: held.account(EARLIER) == replace(account(EARLIER), address=b"new", proven_at=AT),
            ),
            "drop": (lambda held: held.drop_unproven(LATER), lambda held: held.account(STRANGER) is None),
            "handover": (
                lambda held: held.use_hand_over(b"u" * 32, ONE, b"s" * 32, LATER, AT),
                lambda held: held.hand_over_use(b"u" * 32) is not None,
            ),
            "recovery": (lambda held: held.begin_recovery(recovery()), lambda held: held.recovery(ONE) == recovery()),
            "recovered": (lambda held: held.finish_recovery(OTHER, LATER, LATER), lambda held: not held.credentials(OTHER)),
            "unrecover": (lambda held: held.stop_recovery(OTHER, AT), lambda held: held.recovery(OTHER) is None),
            "letter": (
                lambda held: held.note_letter(OTHER, 2),
                lambda held: held.recovery(OTHER) == replace(recovery(OTHER), letters=2),
            ),
            "wait": (lambda held: held.note_wait(OTHER, b"c-7", STOP, LATER), lambda held: held.waiting_by_stop(STOP) is not None),
            "unwait": (lambda held: held.stop_waiting(b"p" * 32, AT, LATER), lambda held: held.waiting_by_stop(b"p" * 32) is None),
            "member": (lambda held: held.set_membership(member), lambda held: held.membership(ONE, "f-owl") == member),
        }
        for name in self.failpoints:
            verb, is_done = verbs[name.split(".")[1].partition(":")[0]]
            yield name, verb, is_done

    def test_an_error_names_nothing_of_an_account(self, register: AccountRegister) -> None:
        register.add_credential(passkey(b"secret-credential"), first=True)
        for call in (
            lambda: register.add_credential(passkey(b"secret-credential"), first=False),
            lambda: register.remove_credential(ONE, b"secret-credential", AT),
            lambda: register.set_membership(Membership(NONE, "f-secret", MembershipRole.SELF, AT)),
            lambda: register.open_account(replace(account(), address=b"secret")),
        ):
            with pytest.raises(ExpungeError) as refusal:
                call()
            assert "secret" not in f"{refusal.value.message} {refusal.value.help}"
            assert str(ONE) not in refusal.value.message
            assert refusal.value.help
