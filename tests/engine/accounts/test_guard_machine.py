"""Asks, challenges and permits in any order and at any time, beside a plain model of who may do what."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.errors import ChallengeEnded, NotPermitted, ProofRefused
from expunge.ports.accounts.account_guard import CHALLENGE_SECONDS, PERMIT_SECONDS, PasskeyProof
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.engine.accounts.local_guard import BEGUN, ORIGIN, SITE, Local, local_guard
from tests.soaking import examples

SESSIONS = (b"a" * 32, b"b" * 32)


@dataclass
class Begun:
    token: str
    ask: Ask
    session: bytes
    response: bytes
    until: float
    order: int
    used: bool = False


@dataclass
class Given:
    permit: str
    ask: Ask
    session: bytes
    until: float
    used: bool = False


class AskMachine(RuleBasedStateMachine):
    """Two guardians of one family each, with a passkey each, in two sessions."""

    begun = Bundle("begun")
    given = Bundle("given")

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.local: Local = self.stack.enter_context(local_guard(Path(folder)))
        self.made: list[Begun] = []

    def teardown(self) -> None:
        self.stack.close()

    @initialize()
    def people(self) -> None:
        self.accounts = []
        self.keys: list[SoftAuthenticator] = []
        for family in ("f-owl", "f-elk"):
            self.local.authenticator = SoftAuthenticator(ORIGIN, SITE, synced=True)
            self.accounts.append(self.local.guardian(family))
            self.keys.append(self.local.authenticator)
        self.roles = {(0, "f-owl"): MembershipRole.GUARDIAN, (1, "f-elk"): MembershipRole.GUARDIAN}

    def may(self, ask: Ask) -> bool:
        role = self.roles.get((self.accounts.index(ask.account), ask.family or ""))
        return role is not None and role.may(ask.kind)

    asks = st.tuples(st.sampled_from([0, 1]), st.sampled_from([AskKind.EXPORT, AskKind.PLAYBACK]), st.sampled_from(["f-owl", "f-elk"]))

    def ask_of(self, drawn: tuple[int, AskKind, str]) -> Ask:
        who, kind, family = drawn
        return Ask(kind, self.accounts[who], family)

    @rule(target=begun, drawn=asks, session=st.sampled_from(SESSIONS))
    def begin(self, drawn: tuple[int, AskKind, str], session: bytes) -> Begun | None:
        ask = self.ask_of(drawn)
        try:
            ceremony = self.local.guard.begin_ask(session, ask)
        except NotPermitted:
            assert not self.may(ask)
            return None
        assert self.may(ask)
        response = self.keys[drawn[0]].sign(ceremony.options or {})
        made = Begun(ceremony.token, ask, session, response, self.local.hands.seconds + CHALLENGE_SECONDS, len(self.made))
        self.made.append(made)
        return made

    def lives(self, begun: Begun) -> bool:
        """Not used, in time, and among the newest eight of its account."""
        living = [
            each for each in self.made if each.ask.account == begun.ask.account and not each.used and each.until > self.local.hands.seconds
        ]
        return begun in living[-8:]

    @rule(target=given, begun=begun, signed=begun, drawn=asks, session=st.sampled_from(SESSIONS), honest=st.integers(0, 3))
    def finish(
        self, begun: Begun | None, signed: Begun | None, drawn: tuple[int, AskKind, str], session: bytes, honest: int
    ) -> Given | None:
        if begun is None or signed is None:
            return None
        if honest:
            signed, ask, session = begun, begun.ask, begun.session
        else:
            ask = self.ask_of(drawn)
        right = self.lives(begun) and signed is begun and ask == begun.ask and session == begun.session and self.may(ask)
        try:
            permit = self.local.guard.finish_ask(begun.token, session, ask, PasskeyProof(signed.response))
        except (ChallengeEnded, ProofRefused, NotPermitted):
            assert not right
            begun.used = True
            return None
        begun.used = True
        assert right
        return Given(permit, ask, session, self.local.hands.seconds + PERMIT_SECONDS)

    @rule(given=given, drawn=asks, session=st.sampled_from(SESSIONS), honest=st.integers(0, 3))
    def act(self, given: Given | None, drawn: tuple[int, AskKind, str], session: bytes, honest: int) -> None:
        if given is None:
            return
        ask = given.ask if honest else self.ask_of(drawn)
        session = given.session if honest else session
        right = (
            not given.used and given.until > self.local.hands.seconds and ask == given.ask and session == given.session and self.may(ask)
        )
        try:
            self.local.guard.use_permit(given.permit, session, ask)
        except (ChallengeEnded, ProofRefused, NotPermitted):
            assert not right
        else:
            assert right
        given.used = True

    @rule(seconds=st.sampled_from([1.0, 60.0, 119.0, 120.0, 299.0, 300.0]))
    def wait(self, seconds: float) -> None:
        self.local.hands.seconds += seconds

    @precondition(lambda self: hasattr(self, "roles"))
    @rule(who=st.sampled_from([0, 1]), family=st.sampled_from(["f-owl", "f-elk"]), role=st.sampled_from(MembershipRole))
    def join(self, who: int, family: str, role: MembershipRole) -> None:
        self.roles[who, family] = role
        self.local.register.set_membership(Membership(self.accounts[who], family, role, BEGUN))


TestAsks = AskMachine.TestCase
TestAsks.settings = settings(stateful_step_count=25, max_examples=examples(6), deadline=None)
