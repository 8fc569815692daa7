"""The state of all consents, folded from the register ``consents``, and the one answer to whether a use has a consent.

A consent holds while three conditions are met. The last decision about the purpose is yes. The text and the purpose are unchanged since the
agreement. The person who agreed still has authority. All three are checked each time, so a changed map or a birthday takes effect without
any action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from expunge.core.consent import consent_events as ce
from expunge.core.consent.consent_events import ConsentEvent, ConsentGiven, ConsentWithdrawn, EndReason, GuardianEnded, GuardianProven
from expunge.core.datamap.purposes import Ground, Purpose, Terms, TextVersion, discloses, still_covers
from expunge.core.values.ids import Pseudonym


class ConsentReason(StrEnum):
    """The reason why a purpose has a ground for a subject, or lacks one."""

    AGREED = "agreed"
    OTHER_GROUND = "it does not need consent"
    NO_PURPOSE = "the map has no such purpose"
    NEVER = "nobody has agreed"
    WITHDRAWN = "withdrawn"
    TEXT = "the text has changed since, in a way that matters"
    TERMS = "the data would be used for more than was agreed to"
    METHOD = "data goes to third parties, which the way a parent agreed does not carry"
    NO_AUTHORITY = "nobody who may decide for the person stands behind it any more"
    FROZEN = "guardians are in dispute"


@dataclass(frozen=True)
class ConsentAnswer:
    """The answer to whether data may be used for a purpose, as far as consent goes."""

    why: ConsentReason
    given: ConsentGiven | None = None
    """The consent that was looked at."""

    @property
    def holds(self) -> bool:
        """True when the purpose has a ground."""
        return self.why in (ConsentReason.AGREED, ConsentReason.OTHER_GROUND)


@dataclass(frozen=True)
class LastDecision:
    """The last word about one purpose."""

    given: ConsentGiven | None = None
    withdrawn: ConsentWithdrawn | None = None
    """None after a later consent."""

    def stricter(self, other: LastDecision) -> LastDecision:
        """Merge the decisions of two identities of one person: a withdrawal of either stands, else the later consent."""
        no = max((each.withdrawn for each in (self, other) if each.withdrawn), key=lambda each: each.at, default=None)
        yes = max((each.given for each in (self, other) if each.given), key=lambda each: each.at, default=None)
        return LastDecision(yes, no)


@dataclass(frozen=True)
class Guardianship:
    """One guardian's authority over one child."""

    proven: GuardianProven
    ended: GuardianEnded | None = None


@dataclass
class Consents:
    """The register, folded."""

    purposes: Mapping[str, Purpose]
    """Of the map as it is now."""
    texts: Mapping[str, tuple[TextVersion, ...]]
    grows_up: Callable[[GuardianProven], datetime | None] = lambda _: None
    """When the child of a guardianship decides alone; None where nobody can tell any more, which ends it."""
    fixed: dict[tuple[str, str], str] = field(default_factory=dict)
    """(text, version) -> hex SHA-256 of what was shown."""
    terms: dict[str, Terms] = field(default_factory=dict)
    said: dict[Pseudonym, dict[str, LastDecision]] = field(default_factory=dict)
    guardianships: dict[str, Guardianship] = field(default_factory=dict)
    frozen: dict[Pseudonym, ce.ChildFrozen] = field(default_factory=dict)
    ordered: dict[str, ce.WithdrawalOrdered] = field(default_factory=dict)
    withdrawals: dict[str, ConsentWithdrawn] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    """Withdrawal -> the account that made it on the pages."""
    history: dict[Pseudonym, list[ConsentEvent]] = field(default_factory=dict)
    """What happened about each subject, oldest first."""
    entries: dict[Pseudonym, frozenset[str]] = field(default_factory=dict)
    """Subject -> entries in the gate's snapshot, in hex: several after a merger."""
    wards: dict[Pseudonym, tuple[str, ...]] = field(default_factory=dict)
    """Child -> the proofs of those who decide for them, or did."""
    groundless: dict[str, dict[Pseudonym, ce.GroundMissed]] = field(default_factory=dict)
    """Dataset -> whose data was found in it without a ground, as of the last look."""
    _became: dict[Pseudonym, Pseudonym] = field(default_factory=dict)

    def of(self, subject: Pseudonym) -> Pseudonym:
        """Return the pseudonym under which a subject is known now. It differs from ``subject`` after a merger."""
        while subject in self._became:
            subject = self._became[subject]
        return subject

    def guardians_of(self, child: Pseudonym, at: datetime) -> tuple[Guardianship, ...]:
        """Return the guardianships in force at that instant, in the order in which they were proven."""
        return tuple(each for each in self._all_of(child) if self.in_force(each, at))

    def _all_of(self, child: Pseudonym) -> tuple[Guardianship, ...]:
        return tuple(self.guardianships[proof] for proof in self.wards.get(self.of(child), ()))

    def in_force(self, each: Guardianship, at: datetime) -> bool:
        """Return whether the authority holds: it has not ended, and the child has not grown up."""
        if each.ended is not None:
            return False
        until = self.grows_up(each.proven)
        return until is not None and at < until

    def decides_alone_from(self, subject: Pseudonym, otherwise: datetime) -> datetime:
        """Return the moment from which a subject decides alone: when they have grown up, or ``otherwise`` without any guardianship."""
        real = [
            each for each in self._all_of(subject) if each.ended is None or each.ended.why not in (EndReason.MISTAKEN, EndReason.ERASED)
        ]
        return max((self._grown_up(each) for each in real), default=otherwise)

    def _grown_up(self, each: Guardianship) -> datetime:
        if each.ended is not None and each.ended.why is EndReason.GREW_UP:
            return each.ended.at
        return self.grows_up(each.proven) or datetime.max.replace(tzinfo=UTC)

    def supposing(self, event: GuardianProven, until: datetime) -> Consents:
        """The same with one guardianship more, until then, which is entered nowhere yet."""

        def grows_up(proven: GuardianProven) -> datetime | None:
            return until if proven.proof == event.proof else self.grows_up(proven)

        child = self.of(event.child)
        wards = {**self.wards, child: (*self.wards.get(child, ()), event.proof)}
        return replace(self, guardianships={**self.guardianships, event.proof: Guardianship(event)}, wards=wards, grows_up=grows_up)

    def apply(self, event: ConsentEvent) -> None:  # noqa: C901 - one line for each kind of event
        """Take in one event."""
        match event:
            case ce.ConsentTextFixed():
                self.fixed.setdefault((event.text, event.version), event.sha256)
            case ce.ConsentTermsFixed():
                self.terms[event.digest] = event.terms
            case ce.ConsentGiven():
                self._enter(event.subject, event.entry)
                self._say(event.subject, event.purpose, LastDecision(event), event)
            case ce.ConsentWithdrawn():
                before = self.said.get(self.of(event.subject), {}).get(event.purpose, LastDecision())
                self.withdrawals[event.id] = event
                self._enter(event.subject, event.entry)
                self._say(event.subject, event.purpose, LastDecision(before.given, event), event)
            case ce.WithdrawalByAccount():
                self.accounts[event.withdrawal] = event.account
            case ce.WithdrawalOrdered():
                self.ordered[event.withdrawal] = event
            case ce.GuardianProven():
                self.guardianships[event.proof] = Guardianship(event)
                child = self.of(event.child)
                self.wards[child] = (*self.wards.get(child, ()), event.proof)
                self._note(event.child, event)
            case ce.GuardianEnded():
                known = self.guardianships[event.proof]
                # Why the first word stands: an authority that ended is proven anew or not at all.
                self.guardianships[event.proof] = Guardianship(known.proven, known.ended or event)
                self._note(known.proven.child, event)
            case ce.ChildFrozen():
                self.frozen[self.of(event.child)] = event
                self._enter(event.child, event.entry)
                self._note(event.child, event)
            case ce.ChildReleased():
                self.frozen.pop(self.of(event.child), None)
                self._note(event.child, event)
            case ce.SubjectsMerged():
                self._merge(event)
            case ce.SubjectSplit():
                self._split(event)
            case ce.GroundMissed() | ce.GroundFound():
                self._ground(event)

    def _ground(self, event: ce.GroundMissed | ce.GroundFound) -> None:
        there = self.groundless.setdefault(event.dataset, {})
        for subject in event.subjects:
            if isinstance(event, ce.GroundMissed):
                there[subject] = replace(event, at=there[subject].at) if subject in there else event
            else:
                there.pop(subject, None)

    def _say(self, subject: Pseudonym, purpose: str, said: LastDecision, event: ConsentEvent) -> None:
        self.said.setdefault(self.of(subject), {})[purpose] = said
        self._note(subject, event)

    def _enter(self, subject: Pseudonym, *entries: str) -> None:
        subject = self.of(subject)
        self.entries[subject] = self.entries.get(subject, frozenset()) | frozenset(entries)

    def _note(self, subject: Pseudonym, event: ConsentEvent) -> None:
        self.history.setdefault(self.of(subject), []).append(event)

    def _merge(self, event: ce.SubjectsMerged) -> None:
        source, into = self.of(event.source), self.of(event.into)
        self._enter(into, *event.entries)
        if source == into:
            return
        self._enter(into, *self.entries.pop(source, ()))
        theirs, mine = self.said.pop(source, {}), self.said.setdefault(into, {})
        for purpose, said in theirs.items():
            mine[purpose] = mine.get(purpose, LastDecision()).stricter(said)
        if source in self.frozen:
            self.frozen.setdefault(into, self.frozen.pop(source))
        self.history[into] = sorted([*self.history.pop(source, []), *self.history.get(into, [])], key=lambda each: each.at)
        self.wards[into] = (*self.wards.get(into, ()), *self.wards.pop(source, ()))
        self._became[source] = into
        self._note(into, event)

    def _split(self, event: ce.SubjectSplit) -> None:
        subject = self.of(event.subject)
        # Why no longer the same as before: a split undoes a merger of the two.
        self._became.pop(event.into, None)
        self.entries[subject] = self.entries.get(subject, frozenset()) - {event.entry}
        self._enter(event.into, event.entry)
        both = self.wards.get(subject, ())
        own = tuple(each for each in both if self.guardianships[each].proven.child == event.into)
        self.wards[event.into] = (*self.wards.get(event.into, ()), *own)
        self.wards[subject] = tuple(each for each in both if each not in own)
        new, old = self.said.setdefault(event.into, {}), self.said.setdefault(subject, {})
        for purpose, said in list(old.items()):
            if said.given is not None and self.of(said.given.subject) != subject:
                # Why not the other's either: who agreed was the one of the two who is now held to have agreed to nothing.
                old[purpose] = LastDecision(None, said.withdrawn)
            if said.withdrawn is not None:
                new[purpose] = new.get(purpose, LastDecision()).stricter(LastDecision(None, said.withdrawn))
        if subject in self.frozen:
            self.frozen.setdefault(event.into, self.frozen[subject])
        self._note(subject, event)
        self._note(event.into, event)


def fold(consents: Consents, events: Iterable[ConsentEvent]) -> Consents:
    """Take in events, oldest first."""
    for event in events:
        consents.apply(event)
    return consents


def consented(consents: Consents, subject: Pseudonym, purpose: str, at: datetime) -> ConsentAnswer:
    """Return whether a person's data may be used for a purpose at that instant, as far as consent goes."""
    known = consents.purposes.get(purpose)
    if known is None:
        return ConsentAnswer(ConsentReason.NO_PURPOSE)
    if known.needs is not Ground.CONSENT:
        return ConsentAnswer(ConsentReason.OTHER_GROUND)
    subject = consents.of(subject)
    said = consents.said.get(subject, {}).get(purpose, LastDecision())
    if said.withdrawn is not None:
        return ConsentAnswer(ConsentReason.WITHDRAWN, said.given)
    if said.given is None:
        return ConsentAnswer(ConsentReason.NEVER)
    return ConsentAnswer(_what_is_wrong(consents, subject, known, said.given, at) or ConsentReason.AGREED, said.given)


def _what_is_wrong(consents: Consents, subject: Pseudonym, purpose: Purpose, given: ConsentGiven, at: datetime) -> ConsentReason | None:
    if subject in consents.frozen:
        return ConsentReason.FROZEN
    fixed = consents.fixed.get((given.text, given.version))
    if fixed != given.sha256 or given.text != purpose.text or not still_covers(consents.texts.get(purpose.text, ()), given.version):
        return ConsentReason.TEXT
    agreed = consents.terms.get(given.terms)
    if agreed is None or not purpose.terms.within(agreed):
        return ConsentReason.TERMS
    if not given.carries_disclosure and discloses(consents.purposes.values()):
        return ConsentReason.METHOD
    return None if _may_decide(consents, subject, given, at) else ConsentReason.NO_AUTHORITY


def _may_decide(consents: Consents, subject: Pseudonym, given: ConsentGiven, at: datetime) -> bool:
    """Whether whoever agreed had the say, and somebody who has it now still stands behind it."""
    if not given.proof:
        return given.at >= consents.decides_alone_from(subject, given.at)
    known = consents.guardianships.get(given.proof)
    mistaken = known is None or (known.ended is not None and known.ended.why is EndReason.MISTAKEN)
    return not mistaken and bool(consents.guardians_of(subject, at))
