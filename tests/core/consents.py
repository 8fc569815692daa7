"""Small registers of consent for tests: one company's purposes and texts, and events made in order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from expunge.core.consent import consent_events as ce
from expunge.core.consent.consent import ConsentAnswer, Consents, consented
from expunge.core.datamap.purposes import Ground, Purpose, TextVersion, Use
from expunge.core.values.ids import Pseudonym

START = datetime(2026, 1, 1, tzinfo=UTC)
CHILD, OTHER, MUM, DAD = (Pseudonym(each * 32) for each in "abcd")

PURPOSES = {
    "answer": Purpose("answer", "answer what is asked", Ground.CONTRACT, Use.COLLECTION, ("voice",)),
    "training": Purpose("training", "learn", Ground.CONSENT, Use.TRAINING, ("voice", "model"), text="training"),
    "review": Purpose("review", "listen", Ground.CONSENT, Use.REVIEW, ("voice", "notes"), text="review"),
}
TEXTS = {"training": (TextVersion("1", "/t1"),), "review": (TextVersion("1", "/r1"),)}
PARTNERS = Purpose("partners", "partners learn", Ground.CONSENT, Use.TRAINING_BY_OTHERS, ("voice",), ("labs",), text="partners")


@dataclass
class Company:
    """A map and a register that grows; every event a minute after the one before."""

    consents: Consents = field(default_factory=lambda: Consents(dict(PURPOSES), dict(TEXTS)))
    now: datetime = START
    birthdays: dict[str, datetime] = field(default_factory=dict)
    """Proof -> the day on which the child decides alone."""

    def __post_init__(self) -> None:
        self.consents.grows_up = lambda proven: self.birthdays.get(proven.proof)

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def give(self, purpose: str = "training", who: Pseudonym = CHILD, proof: str = "", carries: bool = True) -> ce.ConsentGiven:
        known = self.consents.purposes[purpose]
        version = self.consents.texts[known.text][-1].version
        sha = self.consents.fixed.get((known.text, version), f"hash of {known.text} {version}")
        digest = known.terms.digest()
        self.consents.apply(ce.ConsentTextFixed(self.tick(), known.text, version, sha))
        self.consents.apply(ce.ConsentTermsFixed(self.now, digest, known.terms))
        given = ce.ConsentGiven(
            self.now, f"cns-{self.now:%H%M}", who, f"entry of {who}", purpose, known.text, version, sha, digest, "app",
            ce.ConsentAct.PRESSED, proof, "signed in", carries,
        )  # fmt: skip
        self.consents.apply(given)
        return given

    def withdraw(self, purpose: str = "training", who: Pseudonym = CHILD, proof: str = "") -> None:
        self.consents.apply(ce.ConsentWithdrawn(self.tick(), f"wdr-{self.now:%H%M}", who, f"entry of {who}", purpose, proof, ()))

    def prove(self, proof: str, guardian: Pseudonym = MUM, child: Pseudonym = CHILD, days: int = 1000) -> str:
        self.birthdays[proof] = START + timedelta(days=days)
        self.consents.apply(ce.GuardianProven(self.tick(), proof, child, "profile", guardian, "court paper", "priya"))
        return proof

    def end(self, proof: str, why: ce.EndReason) -> None:
        self.consents.apply(ce.GuardianEnded(self.tick(), proof, why, "priya"))

    def change(self, purpose: str = "training", **what: object) -> None:
        purposes = dict(self.consents.purposes)
        purposes[purpose] = replace(purposes[purpose], **what)  # type: ignore[arg-type]
        self.consents.purposes = purposes

    def new_text(self, name: str = "training", *, material: bool = True) -> None:
        texts = dict(self.consents.texts)
        texts[name] = (*texts[name], TextVersion(str(len(texts[name]) + 1), "/new", material, "" if material else "spelling"))
        self.consents.texts = texts

    def ask(self, purpose: str = "training", who: Pseudonym = CHILD, at: datetime | None = None) -> ConsentAnswer:
        return consented(self.consents, who, purpose, at or self.now)
