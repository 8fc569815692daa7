"""The conformance suite of the port ``consent_method``."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from expunge.errors import ExpungeError
from expunge.ports.consent_method import Asking, AskingBegun, ConsentEvidence, ConsentMethod, HandedEvidence, Strength

CONTACT_WORDS = "parent-7Q2M9K4T"
ASKING = Asking(
    request="ask-00112233445566aa",
    step=1,
    contact=f"{CONTACT_WORDS}@example.org",
    token="tok_-3R8W1Z6P9D4F2H7S",  # noqa: S106 - made up
    purpose="make the recogniser understand children better",
    disclosure="We would like to use the recordings of your child.\n\nYou can say no & nothing changes.\n",
    expires_days=14,
    items=("recordings", "transcripts"),
    recipients=("speech laboratories",),
)


class ConsentMethodSuite:
    """Subclass it, say how a method is made and how a parent answers; run it with pytest."""

    tells = True
    """Whether what :meth:`ConsentMethod.begin` sends or makes asks the parent; not where a page of somebody outside does."""
    contact = ASKING.contact
    """Where the method reaches a parent."""

    def method(self) -> ConsentMethod:
        """Return the method; the same or an equal one at each call in a test."""
        raise NotImplementedError

    def right(self, asking: Asking, begun: AskingBegun) -> HandedEvidence:
        """Return the evidence of a parent who agrees."""
        raise NotImplementedError

    def wrong(self, asking: Asking, begun: AskingBegun) -> list[HandedEvidence]:
        """Return answers that may come back and prove nothing."""
        raise NotImplementedError

    def broken(self) -> ConsentMethod | None:
        """Return the method while the service it depends on cannot be reached; None where it depends on none."""
        return None

    def seen_by_parent(self, begun: AskingBegun) -> str:
        """Return all that reached the parent by the last ``begin``."""
        return begun.body.decode()

    @property
    def asking(self) -> Asking:
        """A first step."""
        return replace(ASKING, contact=self.contact)

    def test_it_states_what_it_is_good_for(self) -> None:
        method = self.method()
        assert method.name == method.name.strip().lower()
        assert method.steps >= 1
        assert method.delay >= timedelta(0)
        assert method.evidence_ttl >= timedelta(0)
        if method.strength is Strength.PLUS:
            assert not method.allows_disclosure, "a message and a second step are not enough for disclosure"
            assert method.steps == 2
            assert method.delay > timedelta(0), "the second step is a later one"
        if method.evidence is ConsentEvidence.IDENTITY:
            assert method.evidence_ttl == timedelta(0), "identity documents and faces go at once"
        if method.evidence is ConsentEvidence.NOTHING:
            assert method.evidence_ttl == timedelta(0)

    def test_a_parent_who_does_every_step_has_proven_it(self) -> None:
        method = self.method()
        for step in range(1, method.steps + 1):
            asking = replace(self.asking, step=step, token=f"{ASKING.token}{step}")
            outcome = method.complete(asking, self.right(asking, method.begin(asking)))
            assert outcome.proven, outcome.why
            assert bool(outcome.evidence) <= (method.evidence_ttl > timedelta(0)), "evidence that nobody may keep is not handed back"

    def test_what_proves_nothing_is_not_taken_for_proof_and_says_why(self) -> None:
        method = self.method()
        begun = method.begin(self.asking)
        wrong = self.wrong(self.asking, begun)
        assert wrong, "name at least one"
        for each in wrong:
            outcome = method.complete(self.asking, each)
            assert not outcome.proven
            assert not outcome.evidence
            assert CONTACT_WORDS not in outcome.why
            assert self.asking.token not in outcome.why

    def test_the_same_step_can_be_begun_again_with_another_token(self) -> None:
        method = self.method()
        method.begin(self.asking)
        again = replace(self.asking, token="tok_second")  # noqa: S106 - made up
        assert method.complete(again, self.right(again, method.begin(again))).proven

    def test_the_parent_reads_what_is_asked(self) -> None:
        seen = self.seen_by_parent(self.method().begin(self.asking))
        assert (ASKING.purpose in seen) == self.tells

    def test_the_last_message_of_several_says_how_consent_is_taken_back(self) -> None:
        method = self.method()
        if method.steps > 1:
            seen = self.seen_by_parent(method.begin(replace(self.asking, step=method.steps)))
            assert "ake it back" in seen or "ake this back" in seen

    def test_nothing_of_the_parent_is_logged_or_shown(self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
        caplog.set_level(logging.DEBUG)
        method = self.method()
        handed = self.right(self.asking, method.begin(self.asking))
        method.complete(self.asking, handed)
        out = capsys.readouterr()
        told = caplog.text + out.out + out.err + repr(self.asking) + repr(handed) + repr(method)
        assert self.contact not in told
        assert self.asking.token not in told

    def test_trouble_is_said_without_the_parents_address(self) -> None:
        broken = self.broken()
        if broken is None:
            return
        with pytest.raises(ExpungeError) as caught:
            broken.complete(self.asking, self.right(self.asking, broken.begin(self.asking)))
        assert self.contact not in f"{caught.value} {caught.value.help}"
        assert caught.value.help
