"""Hand-overs and recoveries at a keeper in a process of its own: what crosses the socket, what a crash leaves, what two do at once."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from expunge import clock
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.bootstrap.accounts.guard_settings import GuardSettings
from expunge.bootstrap.accounts.kept_guard import KeptGuard
from expunge.core.accounts.asks import AskKind
from expunge.core.accounts.family_events import MembershipDecided
from expunge.core.accounts.hand_over import HandOverFault
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.recovery import RecoveryState
from expunge.core.journal import events
from expunge.engine.kernel.journal_streams import FAMILIES
from expunge.errors import ChallengeEnded, ExpungeError, HandOverRefused, NotPermitted, ProofRefused
from expunge.ports.accounts.account_register import AccountRecord, RecoveryRecord
from expunge.ports.accounts.sealed_fields import FieldKind
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.adapters.keeper.guarded import ORIGIN, SITE, Guarded, Person
from tests.adapters.keeper.kept import PATIENCE
from tests.adapters.sinks import Sink, mail_sink


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with mail_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def owl(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[Guarded]:
    guarded = Guarded.make(tmp_path_factory.mktemp("owl") / "state", sink).start()
    yield guarded
    guarded.end()


def decisions(owl: Guarded) -> list[MembershipDecided]:
    with open_journal(f"sqlite:///{owl.kept.state}/state.db") as journal:
        found = [events.decode(data) for data in journal.read(FAMILIES)]
    return [each for each in found if isinstance(each, MembershipDecided)]


def roles(owl: Guarded, person: Person) -> dict[str, MembershipRole]:
    with owl.tables() as tables:
        return {each.family: each.role for each in tables.memberships(person.account)}


def enrolled(owl: Guarded) -> Person:
    person = owl.newcomer()
    owl.enrol(person, owl.first_permit(person))
    return person


def test_a_hand_over_crosses_the_socket_and_gives_a_membership(owl: Guarded) -> None:
    anna = enrolled(owl)
    token = owl.token(anna)
    assert owl.hand_overs.look(token).guardian_of == 1
    card = owl.redeem(anna, token)
    assert (card.guardian_of, card.oneself, card.ends) == (1, False, 0)
    ((family, role),) = roles(owl, anna).items()
    assert role is MembershipRole.GUARDIAN
    assert owl.confirm(anna, anna.ask(family=family))


def test_a_refusal_says_why_on_the_other_side_too(owl: Guarded) -> None:
    anna = enrolled(owl)
    token = owl.token(anna)
    owl.redeem(anna, token)
    for text, fault in ((token, HandOverFault.USED), ("x", HandOverFault.MALFORMED), ("x" * 9000, HandOverFault.MALFORMED)):
        with pytest.raises(HandOverRefused) as refusal:
            owl.hand_overs.look(text)
        assert refusal.value.reason == fault.value
        assert refusal.value.help


def test_of_two_sessions_that_use_one_token_at_once_one_does(owl: Guarded) -> None:
    anna, bela = enrolled(owl), enrolled(owl)
    bela.address = anna.address
    with contextlib.closing(sqlite3.connect(owl.kept.state / "state.db", timeout=10)) as tables, tables:
        tables.execute(
            "UPDATE expunge_account SET address = (SELECT address FROM expunge_account WHERE account = ?) WHERE account = ?",
            (anna.account.hex, bela.account.hex),
        )
    token = owl.token(anna, "profile:both")
    results: list[str] = []

    def use(person: Person) -> None:
        try:
            owl.redeem(person, token)
            results.append("used")
        except HandOverRefused as refusal:
            results.append(refusal.reason)

    threads = [threading.Thread(target=use, args=(person,)) for person in (anna, bela)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(["used", HandOverFault.USED.value])
    assert len(roles(owl, anna)) + len(roles(owl, bela)) == 1


def test_a_token_that_was_used_stays_used_when_the_keeper_begins_anew(owl: Guarded) -> None:
    anna = enrolled(owl)
    token = owl.token(anna)
    owl.redeem(anna, token)
    owl.kept.kill()
    owl.start()
    with pytest.raises(HandOverRefused, match="used already"):
        owl.hand_overs.look(token)


def test_a_recovery_crosses_the_socket_and_outlives_the_keeper(owl: Guarded) -> None:
    anna = owl.member()
    begun = owl.recoveries.recover(anna.account, anna.session, owl.recovery_code(anna))
    assert begun.standing.state is RecoveryState.WAITING
    assert begun.standing.ready_at - begun.standing.begun_at == timedelta(hours=72)
    with pytest.raises(NotPermitted, match="recovery"):
        owl.guard.begin_ask(anna.session, anna.ask())
    owl.kept.kill()
    owl.start()
    assert owl.recoveries.recovery(anna.account) == begun.standing
    assert not owl.recoveries.recover(anna.account, anna.session, owl.recovery_code(anna)).permit
    owl.let_the_wait_pass()
    done = owl.recoveries.recover(anna.account, anna.session, owl.recovery_code(anna))
    assert done.standing.state is RecoveryState.FINISHED
    anna.authenticator = SoftAuthenticator(ORIGIN, SITE)
    owl.enrol(anna, done.permit)
    assert roles(owl, anna) == {"f-owl": MembershipRole.GUARDIAN}
    with pytest.raises(NotPermitted, match="recovery"):
        owl.guard.begin_ask(anna.session, anna.ask())
    assert owl.confirm(anna, anna.ask(AskKind.ENROL_CREDENTIAL))


def test_a_recovery_is_stopped_by_a_credential_by_a_letter_and_by_the_pages(owl: Guarded) -> None:
    anna = owl.member()

    def begin() -> str:
        before = len(owl.letters_about(anna, "/account/recovery/stop/", 0))
        owl.recoveries.recover(anna.account, anna.session, owl.recovery_code(anna))
        letter = owl.letters_about(anna, "/account/recovery/stop/", before + 1)[-1]
        return letter.partition("/account/recovery/stop/")[2].partition("/")[0]

    begin()
    owl.confirm(anna, anna.ask(AskKind.ENROL_CREDENTIAL))
    assert owl.recoveries.recovery(anna.account) is None
    secret = begin()
    assert owl.recoveries.recovery_by_secret(secret)
    assert owl.recoveries.stop_recovery_by_secret(secret)
    assert owl.recoveries.recovery_by_secret(secret) is None
    begin()
    assert owl.recoveries.stop_recovery(anna.account)
    assert not owl.recoveries.stop_recovery(anna.account)


def test_a_keeper_writes_the_second_letter_by_itself(tmp_path: Path, sink: Sink) -> None:
    """Its thread looks for what is due, and ends with it."""
    url = f"sqlite:///{tmp_path}/state.db"
    address = "reminded@home.example"
    settings = GuardSettings(ORIGIN, "Owl", MailServer.at(f"smtp://127.0.0.1:{sink.port}"), "Owl <privacy@owl.example>")
    fields, now = FieldSeals(bytes(32)), clock.now()
    guard = KeptGuard(lambda: open_journal(url), fields, settings)
    account = uuid4()
    sealed = fields.seal_fields(FieldKind.ADDRESS, [address])[0]
    secret = fields.seal_fields(FieldKind.KEPT, ["stop-me"])[0]
    register = guard.register
    register.open_account(AccountRecord(account, sealed, "en", now))
    ready = now + timedelta(hours=23)
    register.begin_recovery(RecoveryRecord(account, now, ready, ready + timedelta(days=7), bytes(32), secret))
    register.note_letter(account, 1)
    guard.watch(0.01, 0.01)
    until = time.monotonic() + PATIENCE
    while (found := register.recovery(account)) and found.letters < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    guard.close()
    (letter,) = [text for to, text in sink.messages if to == address]
    assert f"{ORIGIN}/account/recovery/stop/stop-me/" in letter
    assert not [thread for thread in threading.enumerate() if thread.name == "expunge-recoveries"]


def points(folder: Path, sink: Sink, work: Callable[[Guarded], object], wanted: tuple[str, ...]) -> list[str]:
    """Every failpoint of some kinds that a piece of work passes in the keeper."""
    owl = Guarded.make(folder / "scratch", sink).start(recorded=True)
    work(owl)
    owl.guard.close()
    passed = owl.kept.stop().returned()
    owl.kept.child = None
    owl.end()
    return sorted({name for name in passed if name.startswith(wanted)})


def killed(owl: Guarded, work: Callable[[], object]) -> list[ExpungeError]:
    """Do some work at a keeper that dies on the way, start another, and return the error that the caller heard."""
    heard: list[ExpungeError] = []

    def call() -> None:
        try:
            work()
        except ExpungeError as refusal:
            heard.append(refusal)

    asking = threading.Thread(target=call)
    asking.start()
    assert owl.kept.child
    assert owl.kept.child.wait().killed_by == 9
    owl.start()
    asking.join(60)
    return heard


def test_killed_at_every_point_of_a_hand_over_it_is_whole_or_it_is_not(tmp_path: Path, sink: Sink) -> None:
    def hand_over(owl: Guarded) -> None:
        anna = enrolled(owl)
        owl.redeem(anna, owl.token(anna))

    names = points(tmp_path, sink, hand_over, ("accounts.handover", "accounts.member", "journal.register", "journal.together"))
    assert len(names) >= 8
    for number, name in enumerate(names):
        owl = Guarded.make(tmp_path / str(number), sink).start((name, "kill", 1))
        anna = enrolled(owl)
        token = owl.token(anna)
        heard = killed(owl, partial(owl.redeem, anna, token))
        done = bool(roles(owl, anna))
        assert [each.role for each in decisions(owl)] == list(roles(owl, anna).values()), f"{name}: journal and table differ"
        assert done is (name == "journal.together.commit:after"), name
        if done:
            assert heard == [], "asked again by itself, and answered"
        else:
            assert [type(each) for each in heard] == [ChallengeEnded], name
            owl.redeem(anna, token)
            assert len(roles(owl, anna)) == len(decisions(owl)) == 1
        owl.end()


@pytest.mark.soak
def test_killed_at_every_point_of_a_recovery_it_goes_on_where_it_was(tmp_path: Path, sink: Sink) -> None:
    def recovered(owl: Guarded) -> None:
        anna = owl.member()
        owl.recoveries.recover(anna.account, anna.session, owl.recovery_code(anna))
        owl.let_the_wait_pass()
        owl.recoveries.recover(anna.account, anna.session, owl.recovery_code(anna))

    names = points(tmp_path, sink, recovered, ("accounts.recovery", "accounts.recovered", "accounts.letter"))
    assert len(names) == 8
    for number, name in enumerate(names):
        owl = Guarded.make(tmp_path / str(number), sink).start((name, "kill", 1))
        anna = owl.member()
        code = owl.recovery_code(anna)

        def recover(owl: Guarded = owl, anna: Person = anna, code: str = code) -> object:
            return owl.recoveries.recover(anna.account, anna.session, code)

        if name.startswith("accounts.recovered"):
            recover()
            owl.let_the_wait_pass()
            code = owl.recovery_code(anna)
            (refusal,) = killed(owl, partial(owl.recoveries.recover, anna.account, anna.session, code))
        else:
            (refusal,) = killed(owl, recover)
            standing = owl.recoveries.recovery(anna.account)
            assert (standing is None) is (name in ("accounts.recovery:before", "accounts.recovery.commit:before")), name
            owl.recoveries.recover(anna.account, anna.session, owl.recovery_code(anna))
            owl.let_the_wait_pass()
        assert isinstance(refusal, ProofRefused), name
        assert len(owl.guard.credentials(anna.account)) == (0 if name == "accounts.recovered.commit:after" else 1), name
        done = owl.recoveries.recover(anna.account, anna.session, owl.recovery_code(anna))
        assert done.standing.state is RecoveryState.FINISHED
        anna.authenticator = SoftAuthenticator(ORIGIN, SITE)
        owl.enrol(anna, done.permit)
        assert roles(owl, anna) == {"f-owl": MembershipRole.GUARDIAN}
        owl.end()
