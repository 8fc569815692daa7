"""The register of public claims about keeping and erasing, each sentence tied to the check that proves it.

Source: claims about retention, deletion and the rights of parents have to be true, and stay true (AMZ-03).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.protected_kinds import ProtectedKind, in_scope
from expunge.core.retention.inactivity import ASKED, GONE, watched_for
from expunge.core.retention.public_recipients import public_recipients
from expunge.core.retention.retention_rules import rules
from expunge.core.values.scope import MODIFIED
from expunge.core.values.tags import tagged

LATE_DAYS = 2
"""Days after its period within which an item is gone: what runs every day may miss one."""


class ClaimCheck(StrEnum):
    """The check that a sentence is tied to."""

    NOTHING_OVERDUE = "nothing overdue"
    """No item of a schedule is older than its period and the days that a run may be late."""
    LAST_RUN = "last run"
    """The last order of expiry ended with everything erased and a receipt in the log."""
    GATE_REFUSES = "gate refuses"
    """The published snapshot refuses everybody whom the register suppresses."""
    UNUSED_GONE = "unused gone"
    """No profile is unused for longer than its period without being flagged, or flagged for longer than 90 days and there."""
    NOWHERE_ELSE = "nowhere else"
    """No store holds anything that the map does not declare."""
    AS_PUBLISHED = "as published"
    """The map still bears out the sentence that is public."""
    NOBODY_ELSE = "nobody else"
    """Nobody was seen to get data whom the sentence does not name."""
    GETS_THAT = "gets that"
    """The recipient was seen to get nothing of which the sentence says nothing."""
    ONLY_AT_DESK = "only at desk"
    """No person could read recordings past the review desk, as far as each store of them can tell; where one cannot, it is not true."""
    AS_DECLARED = "as declared"
    """The map says so, and Expunge does it; nothing has to be looked at."""
    AS_SEARCHED = "as searched"
    """It says no more than the last search for undeclared places found; so it is true for as long as that is the last one."""


class PlacesKnown(StrEnum):
    """Whether the places of the map are all there are, by the last search for others."""

    ALL = "all"
    SOME = "some"
    """The search found places that hold people and that nobody declared."""
    UNKNOWN = "unknown"
    """There was no search yet, or not of this map, or not lately, or it could not look everywhere."""


@dataclass(frozen=True)
class PlacesSearch:
    """The answer of the last search for undeclared places, for the public."""

    known: PlacesKnown = PlacesKnown.UNKNOWN
    at: datetime | None = None
    """When it was; None where there was none."""
    evidence: str = "nobody has looked for other places yet: run `expunge discover`"


@dataclass(frozen=True)
class Claim:
    """One public sentence."""

    id: str
    """Stays the same from one version of the policy to the next."""
    sentence: str
    proof: ClaimCheck
    about: str = ""
    """What the check is asked about: a schedule, a kind of identity."""
    dated: str = ""
    """From when that is known, for the page. It is no part of the sentence, which stays the same while it is true."""


@dataclass(frozen=True)
class CheckedClaim:
    """A claim, held against the estate."""

    claim: Claim
    true: bool
    evidence: str
    """What was found; counts and names of the map only."""


@tagged("ClaimsPublished")
@dataclass(frozen=True)
class ClaimsPublished:
    """A policy was published with these sentences."""

    at: datetime
    sha256: str
    """Hex, of the Markdown page."""
    sentences: Mapping[str, str]
    """Claim -> sentence."""


@tagged("ClaimNowFalse")
@dataclass(frozen=True)
class ClaimNowFalse:
    """A sentence that is published does not hold any more."""

    at: datetime
    claim: str
    evidence: str


@tagged("ClaimTrueAgain")
@dataclass(frozen=True)
class ClaimTrueAgain:
    """A claim that did not hold holds again."""

    at: datetime
    claim: str


ClaimEvent: TypeAlias = ClaimsPublished | ClaimNowFalse | ClaimTrueAgain


@dataclass
class Published:
    """The public claims of now, and the claims known to be false."""

    at: datetime | None = None
    sentences: dict[str, str] = field(default_factory=dict)
    false: dict[str, datetime] = field(default_factory=dict)
    """Claim -> since when."""


def fold_claims(events: Iterable[object]) -> Published:
    """The register as it stands."""
    found = Published()
    for event in events:
        match event:
            case ClaimsPublished():
                found = Published(
                    event.at, dict(event.sentences), {each: at for each, at in found.false.items() if each in event.sentences}
                )
            case ClaimNowFalse():
                found.false.setdefault(event.claim, event.at)
            case ClaimTrueAgain():
                found.false.pop(event.claim, None)
    return found


def claims_of(data_map: DataMap, search: PlacesSearch) -> tuple[Claim, ...]:
    """Return every sentence that the map's own rules, and the last search for other places, allow as a public claim."""
    found = []
    for name, schedule in data_map.retention.items():
        kept = [rule.dataset for rule in rules(data_map) if rule.schedule == name]
        if kept:
            verb = "is" if len(kept) == 1 and not kept[0].endswith("s") else "are"
            counted = (
                f"kept for {schedule.period}, counted from {counted_from(schedule.start)}, and erased within {LATE_DAYS} days after that"
            )
            sentence = f"{_list(kept)} {verb} {counted}."
            found.append(Claim(f"retention.{name}", sentence, ClaimCheck.NOTHING_OVERDUE, name))
    found.append(
        Claim(
            "retention.proof",
            "Each time data is erased because its time is over, a signed receipt in a public log says so.",
            ClaimCheck.LAST_RUN,
        )
    )
    for kind, identity in data_map.identities.items():
        period = watched_for(data_map, identity)
        if period is not None:
            sentence = (
                f"A {kind} that nobody uses for {period} is flagged, whoever it belongs to is told, and it is erased with everything in it "
                f"within {GONE.days} days unless somebody keeps it or uses it again within {ASKED.days}."
            )
            found.append(Claim(f"inactive.{kind}", sentence, ClaimCheck.UNUSED_GONE, kind))
    found.append(
        Claim(
            "gate.refuses",
            "Data of somebody who was erased is not used again: whatever uses data has to ask first.",
            ClaimCheck.GATE_REFUSES,
        )
    )
    found += _recipients(data_map)
    found += _of_children(data_map)
    found += _staff_looks(data_map)
    found.append(_places_known(search))
    return tuple(found)


def _recipients(data_map: DataMap) -> Iterator[Claim]:
    """Who else gets data, each recipient in a sentence of its own, so that a changed entry is a changed sentence."""
    everybody = public_recipients(data_map)
    said = "We know of nobody else who is handed data about people."
    if everybody:
        said = f"Data about people is handed to {_and([each.name for each in everybody])}, and to nobody else."
    yield Claim("recipients.all", said, ClaimCheck.NOBODY_ELSE)
    for each in everybody:
        what = _and([name.replace("_", " ") for name in each.datasets])
        kinds = f" ({_and([kind.value for kind in each.kinds])})" if each.kinds else ""
        why = f", to {'; to '.join(each.purposes)}" if each.purposes else ""
        yield Claim(f"recipient.{each.name}", f"{each.name} gets {what}{kinds}{why}.", ClaimCheck.GETS_THAT, each.name)


def _of_children(data_map: DataMap) -> Iterator[Claim]:
    """What parents are told: what they may ask for, and what becomes of a child's voice (16 CFR 312.4(d)(4) and (5))."""
    if not data_map.guardians:
        return
    rights = "A parent may see at any time what is kept about the child, have it used no longer, and have all of it erased."
    yield Claim("children.rights", rights, ClaimCheck.AS_DECLARED)
    for name, purpose in data_map.purposes.items():
        if purpose.because:
            needs = "; ".join(f"{each.replace('_', ' ')}, because {why.rstrip('.')}" for each, why in purpose.because.items())
            yield Claim(f"needs.{name}", f"Without this we cannot {purpose.description}: {needs}.", ClaimCheck.AS_DECLARED)
    voices = next(each.children for each in in_scope(data_map) if each.kind is ProtectedKind.VOICE)
    ends = {name: data_map.retention[data_map.datasets[name].retention] for name in voices}
    if ends:
        uses = _and(list(dict.fromkeys(each.purpose for each in ends.values())))
        longest = max((each.period for each in ends.values()), key=lambda period: period.nominal)
        kept = _and([name.replace("_", " ") for name in voices])
        sentence = f"A child's voice, and what is written down of it ({kept}), is used to {uses}, and kept for {longest} at most."
        yield Claim("children.voice", sentence, ClaimCheck.AS_DECLARED)


def _staff_looks(data_map: DataMap) -> Iterator[Claim]:
    """What the public is told about people who look at recordings (RNG I.A)."""
    if data_map.review is None:
        return
    said = "None of our people sees or hears your recordings, but for one case at a time and some minutes: with your agreement, "
    said += "after another of them approved it, or in an emergency that another of them judges within a day. "
    said += "You can read who looked, when and why."
    yield Claim("staff.review", said, ClaimCheck.ONLY_AT_DESK)


def _places_known(search: PlacesSearch) -> Claim:
    dated = f"last looked for on {search.at:%Y-%m-%d}" if search.at is not None else ""
    match search.known:
        case PlacesKnown.ALL:
            sentence = "There is no other place in which data about people is kept than those named here."
            return Claim("places.known", sentence, ClaimCheck.NOWHERE_ELSE, dated=dated)
        case PlacesKnown.SOME:
            sentence = "Data about people is also kept in places that are not named here; these are being added, or cleared."
        case PlacesKnown.UNKNOWN:
            sentence = "It is not known whether data about people is also kept in places that are not named here."
    return Claim("places.known", sentence, ClaimCheck.AS_SEARCHED, dated=dated)


def outdated(published: Published, current: Sequence[Claim]) -> dict[str, str]:
    """Return the public sentences that the map no longer supports: claim -> the map's present sentence."""
    now = {each.id: each.sentence for each in current}
    return {each: now.get(each, "nothing") for each, said in published.sentences.items() if now.get(each) != said}


def counted_from(field: str) -> str:
    """A schedule's field in words for the public."""
    return "when it was last written" if field == MODIFIED else field.replace("_", " ")


def _list(names: Sequence[str]) -> str:
    joined = _and([name.replace("_", " ") for name in names])
    return joined[:1].upper() + joined[1:]


def _and(names: Sequence[str]) -> str:
    *head, last = names
    return f"{', '.join(head)} and {last}" if head else last
