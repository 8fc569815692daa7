"""The keeper is killed on the way of an enrolment or an ask: a credential is enrolled or is not, and what was begun is begun again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.core.accounts.asks import AskKind
from expunge.errors import ChallengeEnded, ExpungeError, ProofRefused
from expunge.ports.accounts.account_guard import CodeProof, PasskeyProof
from tests.adapters.keeper.guarded import Guarded, Person, code_of, moment
from tests.adapters.sinks import Sink, mail_sink


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with mail_sink() as sink:
        yield sink


@pytest.fixture
def owl(tmp_path: Path, sink: Sink) -> Iterator[Guarded]:
    guarded = Guarded.make(tmp_path / "state", sink)
    yield guarded
    guarded.end()


def points(folder: Path, sink: Sink, *, device: bool) -> list[str]:
    """Every failpoint that the end of an enrolment passes in the keeper, and its beginning."""
    owl = Guarded.make(folder / "scratch", sink).start(recorded=True)
    anna = owl.newcomer()
    permit = owl.first_permit(anna)
    owl.with_code_device(anna, permit, moment()) if device else owl.enrol(anna, permit)
    owl.guard.close()
    passed = owl.kept.stop().returned()
    owl.kept.child = None
    owl.end()
    wanted = "accounts.device" if device else "accounts.enrol"
    return sorted({name for name in passed if name.startswith(wanted)} | {"keeper.answer:before", "keeper.answer:after"})


@pytest.mark.parametrize("device", [False, True], ids=["passkey", "code device"])
def test_killed_at_every_point_of_an_enrolment_it_is_whole_or_it_is_not(tmp_path: Path, sink: Sink, device: bool) -> None:
    """The caller's answer was lost: it asks again by itself, and hears *enrolled* where the credential lies in the table."""
    names = points(tmp_path, sink, device=device)
    assert len(names) >= 5
    for number, name in enumerate(names):
        owl = Guarded.make(tmp_path / str(number), sink)
        # Four answers come before that of the end: account, code, proof, beginning.
        owl.start((name, "kill", 5 if name.startswith("keeper.answer") else 1))
        anna = owl.newcomer()
        permit = owl.first_permit(anna)
        errors: list[ExpungeError] = []

        def enrol(owl: Guarded = owl, anna: Person = anna, permit: str = permit, errors: list[ExpungeError] = errors) -> None:
            try:
                owl.with_code_device(anna, permit, moment()) if device else owl.enrol(anna, permit)
            except ExpungeError as refusal:
                errors.append(refusal)

        asking = threading.Thread(target=enrol)
        asking.start()
        assert owl.kept.child
        assert owl.kept.child.wait().killed_by == 9, name
        owl.start()
        asking.join(60)
        enrolled = len(owl.guard.credentials(anna.account))
        if name in ("accounts.enrol.commit:after", "accounts.device.commit:after") or name.startswith("keeper.answer"):
            assert (enrolled, errors) == (1, []), name
        else:
            assert enrolled == 0, name
            assert [type(error) for error in errors] == [ChallengeEnded], name
            assert "the keeper began anew" in errors[0].message
            if device:
                owl.with_code_device(anna, owl.first_permit(anna), moment())
            else:
                owl.enrol(anna, owl.first_permit(anna))
            assert len(owl.guard.credentials(anna.account)) == 1
        owl.end()


def test_a_keeper_that_was_restarted_knows_no_challenge_permit_or_code_and_says_so(owl: Guarded) -> None:
    owl.start()
    anna = owl.member()
    ask = anna.ask()
    begun = owl.guard.begin_ask(anna.session, ask)
    permit = owl.confirm(anna, anna.ask(AskKind.ENROL_CREDENTIAL))
    bela = owl.newcomer()
    code = owl.sent_code(bela)
    owl.kept.kill()
    owl.start()
    for call in (
        lambda: owl.guard.finish_ask(begun.token, anna.session, ask, PasskeyProof(anna.authenticator.sign(begun.options or {}))),
        lambda: owl.guard.begin_enrolment(anna.account, anna.session, permit),
        lambda: owl.guard.prove_by_code(bela.account, bela.session, code),
    ):
        with pytest.raises(ChallengeEnded, match="the keeper began anew") as ended:
            call()
        assert "nothing was done" in ended.value.help
    assert owl.confirm(anna, ask), "begun again"


def test_killed_while_a_signature_is_counted_it_counts_once(owl: Guarded) -> None:
    """The counter is durable before the permit is given: what a thief replays later is behind it."""
    for name, counted in (("accounts.use:before", False), ("accounts.use:after", True)):
        owl.start((name, "kill", 1))
        anna = owl.member()
        with owl.tables() as tables:
            before = tables.credentials(anna.account)[0].sign_count

        def confirm(anna: Person = anna) -> None:
            with pytest.raises(ChallengeEnded):
                owl.confirm(anna, anna.ask())

        asking = threading.Thread(target=confirm)
        asking.start()
        assert owl.kept.child
        assert owl.kept.child.wait().killed_by == 9
        owl.start()
        asking.join(60)
        with owl.tables() as tables:
            assert (tables.credentials(anna.account)[0].sign_count > before) is counted, name
        assert owl.confirm(anna, anna.ask())
        owl.kept.kill()


def test_a_code_counts_once_in_all_processes_together(owl: Guarded) -> None:
    """A keeper that was restarted within the half minute still refuses it, and so does one of another process."""
    owl.start()
    anna = owl.newcomer()
    now = moment()
    seed = owl.with_code_device(anna, owl.first_permit(anna), now)
    owl.join(anna)
    owl.kept.kill()
    owl.start()
    begun = owl.guard.begin_ask(anna.session, anna.ask())
    with pytest.raises(ProofRefused, match="used already"):
        owl.guard.finish_ask(begun.token, anna.session, anna.ask(), CodeProof(code_of(seed, now)))
