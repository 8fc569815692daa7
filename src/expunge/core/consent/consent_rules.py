"""Rules of authority: who may give or withdraw a consent, and the form it must have. Every refusal says what to do instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from expunge.core.consent.consent import Consents
from expunge.core.consent.consent_events import NO_ACT, ConsentAct, EndReason
from expunge.core.datamap.purposes import Ground, discloses
from expunge.core.values.ids import Pseudonym

_SURFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,.:/()_-]{2,79}")
_APART_FROM = re.compile(r"(?i)terms|conditions|privacy (policy|notice|statement)|licen[cs]e|\beula\b|cookie (wall|banner)")


@dataclass(frozen=True)
class ConsentRefusal:
    """The reason for a refusal, and what to do instead."""

    why: str
    instead: str


def parse_act(word: str) -> ConsentAct:
    """Return the act that a word names. Raises ValueError, with the reason, for a word that is no affirmative act."""
    if word in NO_ACT:
        message = f"{word!r} is no consent: {NO_ACT[word]}"
        raise ValueError(message)
    try:
        return ConsentAct(word)
    except ValueError:
        message = f"{word!r} is not an act by which somebody agrees; those are {', '.join(ConsentAct)}"
        raise ValueError(message) from None


def check_surface(surface: str) -> str:
    """Return ``surface``, the place where a disclosure was shown.

    Raises ValueError for a place in which it does not stand apart from other terms, and for a name that is not plain words.
    """
    if _APART_FROM.search(surface):
        message = "what somebody agrees to stands apart from terms of use and privacy policies"
        raise ValueError(message)
    if not _SURFACE.fullmatch(surface):
        message = "a surface is named in 3 to 80 plain letters, digits and signs, such as 'app 4.2, voice settings'"
        raise ValueError(message)
    return surface


def may_give(
    consents: Consents, subject: Pseudonym, purpose: str, proof: str, at: datetime, *, carries_disclosure: bool = True
) -> ConsentRefusal | None:
    """Return None when the person (no ``proof``) or that guardian may agree to a purpose now, else the refusal."""
    known = consents.purposes.get(purpose)
    if known is None:
        return ConsentRefusal("the map has no such purpose", f"it has {', '.join(sorted(consents.purposes)) or 'none'}")
    if known.needs is not Ground.CONSENT:
        return ConsentRefusal(f"{purpose} rests on {known.needs.value}: nobody is asked", "needs: consent, if people are to be asked")
    if not carries_disclosure and discloses(consents.purposes.values()):
        return ConsentRefusal(
            "data goes to third parties, and this way of asking a parent is not enough for that (16 CFR 312.5(b)(2))",
            "a signed form, a card, a government document or knowledge questions",
        )
    return _may_speak(consents, subject, proof, at) or _after_anothers_no(consents, subject, purpose, proof, at)


def may_withdraw(consents: Consents, subject: Pseudonym, proof: str, at: datetime) -> ConsentRefusal | None:
    """Return None when the person or that guardian may withdraw, else the refusal. The person always may, a child too."""
    return _may_speak(consents, subject, proof, at) if proof else None


def _may_speak(consents: Consents, subject: Pseudonym, proof: str, at: datetime) -> ConsentRefusal | None:
    subject = consents.of(subject)
    if subject in consents.frozen:
        return ConsentRefusal(
            "the guardians are in dispute: none of them decides anything now", "`expunge guardian release`, once it is settled"
        )
    if not proof:
        if at < consents.decides_alone_from(subject, at):
            return ConsentRefusal("a guardian decides for this person", "name the guardian's proof, as `expunge guardian list` shows it")
        return None
    return None if lacks(consents, subject, proof, at) is None else ConsentRefusal(*_NO_AUTHORITY)


_NO_AUTHORITY = ("this proof gives no authority over the person now", "`expunge guardian list NAME` shows those in force")


def lacks(consents: Consents, subject: Pseudonym, proof: str, at: datetime) -> str | None:
    """Return None while a proof gives authority over the subject, else why it does not."""
    known = consents.guardianships.get(proof)
    if known is None or consents.of(known.proven.child) != consents.of(subject):
        return "no such proof about this person"
    if known.ended is not None:
        return known.ended.why.value
    return None if consents.in_force(known, at) else EndReason.GREW_UP.value


def _after_anothers_no(consents: Consents, subject: Pseudonym, purpose: str, proof: str, at: datetime) -> ConsentRefusal | None:
    said = consents.said.get(consents.of(subject), {}).get(purpose)
    no = said.withdrawn.proof if said and said.withdrawn else ""
    if no and no != proof and any(guardian.proven.proof == no for guardian in consents.guardians_of(subject, at)):
        return ConsentRefusal(
            "another guardian said no to this, and still decides for the child", "their own yes; or `expunge guardian freeze`"
        )
    return None
