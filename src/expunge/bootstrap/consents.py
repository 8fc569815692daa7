"""The desk of consent and guardians."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from expunge.bootstrap import askers
from expunge.bootstrap.desk import Desk
from expunge.core import consent_events as ce
from expunge.core.asking import Pending
from expunge.core.consent import Answer, Consents
from expunge.core.ids import OrderId
from expunge.engine import asking, authority, consenting, disclosing, guarding
from expunge.engine.asking import Answered, Question
from expunge.engine.consenting import Agreed, Agreement, Withdrew
from expunge.engine.disclosing import Text
from expunge.engine.resolving import Resolved
from expunge.errors import UsageError
from expunge.ports.consent_method import Begun, ConsentMethod, Handed

__all__ = ["Agreement", "ConsentDesk", "Question"]


class ConsentDesk(Desk):
    """Who has agreed to what, and who decides for whom."""

    def give(self, person: Resolved, purpose: str, agreement: Agreement) -> Agreed:
        """Enter a consent; see :func:`expunge.engine.consenting.give`."""
        with self.writing():
            return consenting.give(self.context, person, purpose, agreement)

    def withdraw(self, person: Resolved, purpose: str, proof: str = "") -> Withdrew:
        """End a consent at once; see :func:`expunge.engine.consenting.withdraw`."""
        with self.writing():
            return consenting.withdraw(self.context, person, purpose, proof)

    def ask(self, person: Resolved, purpose: str) -> Answer:
        """Whether a person's data may be used for a purpose now, as far as consent goes."""
        return consenting.ask(self.context, person, purpose)

    def register(self) -> Consents:
        """All that was said, folded."""
        return authority.load(self.context)

    def texts(self) -> tuple[Text, ...]:
        """Every version of every text of the map, and whether it is still what people agreed to."""
        return disclosing.texts(self.context, self.register())

    def text(self, name: str, version: str) -> bytes:
        """A text as people agreed to it."""
        return disclosing.as_shown(self.context, self.register(), name, version)

    def prove(self, child: Resolved, guardian: Resolved, *, born: date, method: str, by: str) -> str:
        """Enter a guardian's authority; returns the proof's id."""
        with self.writing():
            return guarding.prove(self.context, child, guardian, born=born, method=method, by=by)

    def end(self, proof: str, why: ce.EndReason, by: str) -> tuple[OrderId, ...]:
        """End an authority; returns the orders that were stopped with it."""
        with self.writing():
            return guarding.end(self.context, proof, why, by)

    def freeze(self, child: Resolved, *, by: str, reason: str) -> None:
        """Let no guardian see or order anything until :meth:`release`."""
        with self.writing():
            guarding.freeze(self.context, child, by=by, reason=reason)

    def release(self, child: Resolved, *, by: str, reason: str) -> None:
        """Settle a dispute."""
        with self.writing():
            guarding.release(self.context, child, by=by, reason=reason)

    def ask_guardian(self, method: ConsentMethod, question: Question) -> tuple[str, Begun]:
        """Ask a parent by a method; returns the request's id and what has to be handed over; see :func:`expunge.engine.asking.ask`."""
        with self.writing():
            return asking.ask(self.context, method, question)

    def answer(self, method: ConsentMethod, request: str, handed: Handed) -> Answered:
        """Take what a parent handed in; see :func:`expunge.engine.asking.answer`."""
        with self.writing():
            return asking.answer(self.context, method, request, handed)

    def methods(self) -> dict[str, ConsentMethod]:
        """The ways of asking that the map sets up."""
        return askers.methods(self.context.data_map.asking)

    def method(self, name: str) -> ConsentMethod:
        """One of them. Raises UsageError with those there are."""
        return askers.method(self.context.data_map.asking, name)

    def answer_any(self, request: str, token: str, document: bytes = b"", staff: str = "") -> Answered:
        """Take an answer by whichever way of the map the request was asked in."""
        one = self.asked().get(request)
        if one is None:
            message = "nobody was asked under this id"
            raise UsageError(message, help="`expunge consent asked` lists the open ones")
        return self.answer(self.method(one.asked.method), request, Handed(token, document, staff))

    def asked(self) -> dict[str, Pending]:
        """Every asking there was, by its id."""
        return asking.pending(self.context)

    def receipt(self, consent: str) -> bytes:
        """The signed receipt of a consent."""
        return consenting.receipt(self.context, consent)

    def evidence(self, request: str) -> bytes:
        """What a parent handed in, while it is kept."""
        return asking.evidence(self.context, request)

    def sweep(self, methods: Mapping[str, ConsentMethod]) -> asking.Swept:
        """Send what is due, forget who did not answer in time, delete evidence whose time is up."""
        with self.writing():
            return asking.sweep(self.context, methods)

    def merge(self, source: Resolved, into: Resolved, *, by: str, reason: str) -> None:
        """Two identities are one person's."""
        with self.writing():
            guarding.merge(self.context, source, into, by=by, reason=reason)

    def split(self, subject: Resolved, new: Resolved, *, by: str, reason: str) -> None:
        """One identity was two people's."""
        with self.writing():
            guarding.split(self.context, subject, new, by=by, reason=reason)
