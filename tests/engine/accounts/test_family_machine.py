"""Any sequence of verbs: no membership without a token of the company or the operator, no permit without a credential or a wait."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.hand_over import digest_of
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.recovery import CLOSED, OPEN, WAIT, RecoveryState
from expunge.core.accounts.staff_events import ByMachineUser
from expunge.core.values.ids import pseudonym
from expunge.errors import ChallengeEnded, ExpungeError, HandOverRefused, NotPermitted, ProofRefused
from expunge.ports.accounts.account_guard import PasskeyProof
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.engine.accounts.company import Company
from tests.engine.accounts.local_guard import ORIGIN, SESSION, SITE, Local, local_guard
from tests.soaking import examples

PEOPLE, CHILDREN = (0, 1), ("p-1", "p-2")
HOUR = 3600.0
CODES = 1200.0
"""Seconds after which another code may be asked for: five an hour."""
who, child = st.sampled_from(PEOPLE), st.sampled_from(CHILDREN)


class FamilyMachine(RuleBasedStateMachine):
    """Two accounts, each with a mailbox and a passkey. A thief of the web process calls every verb, with the tokens and permits it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.local: Local = self.stack.enter_context(local_guard(Path(folder)))
        self.tokens: list[tuple[str, int, str, MembershipRole, float]] = []
        """Token, for whom, about which child, with which role, until when."""
        self.used: set[str] = set()
        self.permits: list[tuple[str, Ask, float]] = []

    def teardown(self) -> None:
        self.stack.close()

    @initialize()
    def people(self) -> None:
        self.keys = [SoftAuthenticator(ORIGIN, SITE, synced=True) for _ in PEOPLE]
        self.accounts = []
        for key in self.keys:
            account = self.local.newcomer()
            self.local.authenticator = key
            self.local.enrol(account, self.local.guard.prove_by_code(account, SESSION, self.local.sent_code(account)))
            self.accounts.append(account)
        self.roles: dict[tuple[int, str], MembershipRole] = {}
        self.waits: dict[int, float] = {}
        """Account -> since when it recovers."""
        self.back: dict[int, float] = {}
        """Account -> when it was back."""
        self.local.hands.seconds += HOUR

    @property
    def now(self) -> float:
        return self.local.hands.seconds

    def family(self, name: str) -> str:
        return str(pseudonym(bytes(32), "profile", name))

    # ---- the company, the operator, time -------------------------------------------------------------------

    @rule(person=who, about=child, role=st.sampled_from(MembershipRole), forged=st.booleans())
    def the_company_signs(self, person: int, about: str, role: MembershipRole, forged: bool) -> None:
        """Or a stranger does, whose token never counts."""
        signer = Company(ORIGIN) if forged else self.local.company
        address = self.local.address(self.accounts[person])
        token = signer.token(self.local.hands.now().timestamp(), (f"profile:{about}", role.value), address=address)
        self.tokens.append((token, person if not forged else -1, about, role, self.now + 600))

    @rule(person=who, about=child, role=st.sampled_from(MembershipRole))
    def the_operator_decides(self, person: int, about: str, role: MembershipRole) -> None:
        self.local.families.decide(self.accounts[person], [(self.family(about), role)], ByMachineUser("omar"))
        self.note(person, about, role)

    def note(self, person: int, about: str, role: MembershipRole) -> None:
        if role is not MembershipRole.FORMER or (person, about) in self.roles:
            self.roles[person, about] = role

    @rule(seconds=st.sampled_from([60.0, CODES, WAIT.total_seconds() - HOUR, WAIT.total_seconds(), CLOSED.total_seconds()]))
    def time_passes(self, seconds: float) -> None:
        self.local.hands.seconds += seconds
        self.local.guard.recoveries.write_due_letters()

    # ---- asks ----------------------------------------------------------------------------------------------

    def waiting(self, person: int) -> bool:
        begun = self.waits.get(person)
        return begun is not None and self.now < begun + (WAIT + OPEN).total_seconds()

    def closed(self, person: int, ask: Ask) -> bool:
        back = self.back.get(person)
        if ask.kind.of_family and back is not None and self.now < back + CLOSED.total_seconds():
            return True
        return self.waiting(person) and ask.kind in {AskKind.EXPORT, AskKind.PLAYBACK}

    def may(self, person: int, ask: Ask) -> bool:
        role = next((role for (one, about), role in self.roles.items() if one == person and self.family(about) == ask.family), None)
        return not ask.kind.of_family or (role is not None and role.may(ask.kind) and not self.closed(person, ask))

    @rule(person=who, about=child, kind=st.sampled_from([AskKind.EXPORT, AskKind.CHANGE_OF_GUARDIAN, AskKind.HAND_OVER]), by=who)
    def a_person_confirms(self, person: int, about: str, kind: AskKind, by: int) -> None:
        """With the key of an account; an ask of the other account takes the other key."""
        account = self.accounts[person]
        told = (("token", digest_of(self.tokens[-1][0])),) if kind is AskKind.HAND_OVER and self.tokens else ()
        ask = Ask(kind, account, self.family(about) if kind.of_family else None, told)
        has_key = bool(self.local.guard.credentials(account))
        try:
            begun = self.local.guard.begin_ask(SESSION, ask)
        except NotPermitted:
            assert not self.may(person, ask) or not has_key
            return
        assert self.may(person, ask)
        (credential,) = self.keys[by].made
        signed = self.keys[by].sign(begun.options or {}, credential=credential)
        try:
            permit = self.local.guard.finish_ask(begun.token, SESSION, ask, PasskeyProof(signed))
        except ProofRefused:
            assert by != person, "its own key was refused"
            return
        assert by == person, "the key of another account confirmed it"
        self.permits.append((permit, ask, self.now + 120))
        self.waits.pop(person, None)

    @precondition(lambda self: self.permits)
    @rule(data=st.data())
    def an_act_uses_a_permit(self, data: st.DataObject) -> None:
        permit, ask, until = data.draw(st.sampled_from(self.permits))
        self.permits.remove((permit, ask, until))
        person = self.accounts.index(ask.account)
        right = self.now < until and self.may(person, ask)
        try:
            self.local.guard.use_permit(permit, SESSION, ask)
        except (NotPermitted, ChallengeEnded):
            assert not right or self.ended(person, until)
        else:
            assert right

    def ended(self, person: int, until: float) -> bool:
        """Whether a recovery ended the permits of that time."""
        return person in self.back and self.back[person] >= until - 120

    # ---- hand-overs ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), person=who, permit=st.none() | st.integers(0, 8))
    def the_web_process_redeems(self, data: st.DataObject, person: int, permit: int | None) -> None:
        token, owner, about, role, until = data.draw(st.sampled_from(self.tokens))
        account = self.accounts[person]
        ask = Ask(AskKind.HAND_OVER, account, details=(("token", digest_of(token)),))
        mine = next((each for each in self.permits if each[1] == ask and self.now < each[2]), None)
        given = mine[0] if mine else self.permits[permit % len(self.permits)][0] if self.permits and permit is not None else "none"
        right = mine is not None and owner == person and token not in self.used and self.now < until + 60
        again = token in self.used and owner == person and self.now < until + 60
        try:
            self.local.hand_overs.redeem(given, SESSION, ask, token)
        except (HandOverRefused, ProofRefused, NotPermitted):
            assert not right or self.ended(person, mine[2] if mine else 0.0)
        else:
            assert right or again
            if right:
                self.used.add(token)
                self.note(person, about, role)
        # Why: a permit that was presented for something else is used up by that.
        self.permits = [each for each in self.permits if each[0] != given]

    # ---- recoveries ----------------------------------------------------------------------------------------

    @rule(person=who, honest=st.booleans())
    def a_mailbox_is_proven(self, person: int, honest: bool) -> None:
        self.local.hands.seconds += CODES
        account, recoveries = self.accounts[person], self.local.guard.recoveries
        before = len(self.local.letters(account, "This code gets you back", 0))
        recoveries.send_recovery_code(account, SESSION)
        found = re.search(r"\b\d{8}\b", self.local.letters(account, "This code gets you back", before + 1)[-1])
        assert found
        code = found[0] if honest else f"{(int(found[0]) + 1) % 10**8:08}"
        try:
            done = recoveries.recover(account, SESSION, code)
        except ProofRefused:
            assert not honest
            return
        assert honest
        began = self.waits.get(person) if self.waiting(person) else None
        over = began is not None and self.now >= began + WAIT.total_seconds()
        if began is None:
            self.waits[person] = self.now
        assert bool(done.permit) is over, "a permit without the wait, or none after it"
        if over:
            assert done.standing.state is RecoveryState.FINISHED
            assert self.local.guard.credentials(account) == ()
            self.keys[person] = SoftAuthenticator(ORIGIN, SITE, synced=True)
            self.local.authenticator = self.keys[person]
            self.local.enrol(account, done.permit)
            del self.waits[person]
            self.back[person] = self.now

    @rule(person=who, by_letter=st.booleans())
    def it_is_stopped(self, person: int, by_letter: bool) -> None:
        account = self.accounts[person]
        if by_letter:
            letters = self.local.letters(account, "/account/recovery/stop/", 0)
            found = re.search(r"/account/recovery/stop/([\w-]+)/", letters[-1]) if letters else None
            if found is None or not self.local.guard.recoveries.stop_recovery_by_secret(found[1]):
                return
        else:
            self.local.guard.recoveries.stop_recovery(account)
        self.waits.pop(person, None)

    @rule(person=who, permit=st.text(max_size=8))
    def the_web_process_enrols(self, person: int, permit: str) -> None:
        """With whatever it has: permits for other asks, and texts of its own."""
        for given in (permit, *(each[0] for each in self.permits if each[1].kind is not AskKind.ENROL_CREDENTIAL)):
            try:
                self.local.guard.begin_enrolment(self.accounts[person], SESSION, given)
            except ExpungeError:
                continue
            raise AssertionError("an enrolment began without a permit for it")

    # ---- always --------------------------------------------------------------------------------------------

    @invariant()
    def every_membership_was_decided(self) -> None:
        if not hasattr(self, "roles"):
            return
        held = {
            (person, about): membership.role
            for person, account in enumerate(self.accounts)
            for about in CHILDREN
            if (membership := self.local.register.membership(account, self.family(about))) is not None
        }
        assert held == self.roles
        told: dict[tuple[str, str], MembershipRole] = {}
        for decision in self.local.families.decisions():
            told[decision.account, decision.family] = decision.role
        assert told == {(str(self.accounts[person]), self.family(about)): role for (person, about), role in held.items()}


TestFamilies = FamilyMachine.TestCase
TestFamilies.settings = settings(stateful_step_count=25, max_examples=examples(6), deadline=None)
