"""What the pages of the desk call purposes, cases, clarity, standings, and the rules of noticing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from expunge.core.journal.finding_events import FindingReason, FindingVerdict
from expunge.core.journal.review_words import CaseKind, Clarity, LeaseEnding, RecusalReason, ReviewOutcome, ReviewPurpose, Room, Sound
from expunge.core.noticing.findings import FindingStanding
from expunge.core.review.people import RecordStanding
from expunge.core.review.request import RequestStanding
from expunge.core.review.statements import DELETION_ROLE

Words = str | Promise
PURPOSES: Mapping[ReviewPurpose, Words] = MappingProxyType(
    {
        ReviewPurpose.LAW: gettext_lazy("A law or a court asks for it"),
        ReviewPurpose.ILLEGAL_ACTIVITY: gettext_lazy("Something against the law is looked into"),
        ReviewPurpose.LEGAL_RIGHTS: gettext_lazy("A legal claim is made or answered"),
        ReviewPurpose.HARM: gettext_lazy("Harm or a loss of money is kept away"),
        ReviewPurpose.AUTHORISED: gettext_lazy("The customer agreed to it"),
    }
)
ADDRESSES: Mapping[ReviewPurpose, str] = MappingProxyType(
    {
        ReviewPurpose.LAW: "law",
        ReviewPurpose.ILLEGAL_ACTIVITY: "activity",
        ReviewPurpose.LEGAL_RIGHTS: "rights",
        ReviewPurpose.HARM: "harm",
        ReviewPurpose.AUTHORISED: "customer",
    }
)
"""Purpose -> its word in an address."""
CASES: Mapping[CaseKind, Words] = MappingProxyType(
    {
        CaseKind.SUPPORT: gettext_lazy("Support case"),
        CaseKind.LEGAL_REQUEST: gettext_lazy("Legal request"),
        CaseKind.SECURITY_INCIDENT: gettext_lazy("Security incident"),
        CaseKind.SAFETY_REPORT: gettext_lazy("Safety report"),
        CaseKind.ABUSE_REPORT: gettext_lazy("Abuse report"),
    }
)
CLARITIES: Mapping[Clarity, Words] = MappingProxyType(
    {
        Clarity.TRANSCRIPT: gettext_lazy("Words alone, names hidden"),
        Clarity.PIXELATED: gettext_lazy("Grey blocks"),
        Clarity.FACES_HIDDEN: gettext_lazy("Colour, faces hidden"),
        Clarity.CLEAR: gettext_lazy("Clear picture"),
    }
)
SOUNDS: Mapping[Sound, Words] = MappingProxyType(
    {Sound.MUTE: gettext_lazy("No sound"), Sound.MASKED: gettext_lazy("Voices changed"), Sound.CLEAR: gettext_lazy("Clear sound")}
)
ROOMS: Mapping[Room, Words] = MappingProxyType(
    {
        Room.BEDROOM: gettext_lazy("bedroom"),
        Room.BATHROOM: gettext_lazy("bathroom"),
        Room.INDOOR: gettext_lazy("inside a home"),
        Room.OUTDOOR: gettext_lazy("outdoors"),
        Room.UNKNOWN: gettext_lazy("not known, so it counts as inside a home"),
    }
)
STANDINGS: Mapping[RequestStanding, tuple[Words, str]] = MappingProxyType(
    {
        RequestStanding.WAITING: (gettext_lazy("Waits"), ""),
        RequestStanding.APPROVED: (gettext_lazy("Approved"), "good"),
        RequestStanding.DENIED: (gettext_lazy("Turned down"), "caution"),
        RequestStanding.EXPIRED: (gettext_lazy("Ended by time"), ""),
        RequestStanding.ACTIVE: (gettext_lazy("Lease runs"), "good"),
        RequestStanding.OUTCOME_OWED: (gettext_lazy("Outcome owed"), "caution"),
        RequestStanding.CLOSED: (gettext_lazy("Closed"), ""),
        RequestStanding.RECUSED: (gettext_lazy("Given back"), ""),
    }
)
"""Standing -> its words, and the look of its mark."""
OUTCOMES: Mapping[ReviewOutcome, Words] = MappingProxyType(
    {
        ReviewOutcome.RESOLVED: gettext_lazy("The case was settled with what was seen"),
        ReviewOutcome.NOTHING_SEEN: gettext_lazy("The recording did not help"),
        ReviewOutcome.HANDED_ON: gettext_lazy("Another person goes on with the case"),
        ReviewOutcome.REPORTED: gettext_lazy("It was reported as the law asks"),
        ReviewOutcome.NOT_VIEWED: gettext_lazy("Nothing was looked at"),
    }
)
RECUSALS: Mapping[RecusalReason, Words] = MappingProxyType(
    {
        RecusalReason.KNOWS_PERSON: gettext_lazy("I know a person in it"),
        RecusalReason.HARMFUL: gettext_lazy("It harms me to see it"),
    }
)
ENDINGS: Mapping[LeaseEnding, Words] = MappingProxyType(
    {
        LeaseEnding.OUTCOME: gettext_lazy("the outcome was entered"),
        LeaseEnding.RECUSED: gettext_lazy("the reviewer gave it back"),
        LeaseEnding.REVOKED: gettext_lazy("it was stopped"),
        LeaseEnding.CONSENT_WITHDRAWN: gettext_lazy("the family withdrew its consent"),
        LeaseEnding.ERASURE: gettext_lazy("the recording is to be erased"),
        LeaseEnding.DISPUTE: gettext_lazy("guardians are in dispute"),
        LeaseEnding.RIGHTS_ENDED: gettext_lazy("the reviewer's right ended"),
        LeaseEnding.SESSION_ENDED: gettext_lazy("the reviewer logged out"),
        LeaseEnding.FAMILY_DENIED: gettext_lazy("the family said no"),
    }
)
RECORDS: Mapping[RecordStanding, tuple[Words, str]] = MappingProxyType(
    {
        RecordStanding.CURRENT: (gettext_lazy("Current"), "good"),
        RecordStanding.DUE: (gettext_lazy("Due soon"), "caution"),
        RecordStanding.LAPSED: (gettext_lazy("Lapsed"), "caution"),
        RecordStanding.MISSING: (gettext_lazy("Missing"), "caution"),
    }
)
FINDINGS: Mapping[FindingStanding, tuple[Words, str]] = MappingProxyType(
    {
        FindingStanding.OPEN: (gettext_lazy("Waits for two people"), "caution"),
        FindingStanding.JUDGED_ONCE: (gettext_lazy("Waits for a second person"), "caution"),
        FindingStanding.DISPUTED: (gettext_lazy("Judged differently"), "caution"),
        FindingStanding.EXPLAINED: (gettext_lazy("Explained"), ""),
        FindingStanding.CONFIRMED: (gettext_lazy("Confirmed"), "caution"),
    }
)
REASONS: Mapping[FindingReason, Words] = MappingProxyType(
    {
        FindingReason.WORK: gettext_lazy("The cases needed it"),
        FindingReason.ASSIGNED: gettext_lazy("A supervisor assigned it"),
        FindingReason.RECORD_WRONG: gettext_lazy("The record is wrong"),
        FindingReason.NO_NEED: gettext_lazy("There was no need to look"),
        FindingReason.PRETEXT: gettext_lazy("The case was a pretext"),
        FindingReason.ACCOUNT_TAKEN: gettext_lazy("Another person used the account"),
    }
)
VERDICTS: Mapping[FindingVerdict, Words] = MappingProxyType(
    {FindingVerdict.EXPLAINED: gettext_lazy("Explained"), FindingVerdict.CONFIRMED: gettext_lazy("Confirmed")}
)
RULES: Mapping[str, tuple[Words, Words]] = MappingProxyType(
    {
        "many-households": (gettext_lazy("Saw recordings of many more households than others do"), gettext_lazy("households")),
        "long-watching": (gettext_lazy("Watched much longer than others do"), gettext_lazy("seconds")),
        "same-household-again": (gettext_lazy("Came back to the same households"), gettext_lazy("leases for a household seen before")),
        "same-household-other-cases": (
            gettext_lazy("Saw the same household under other cases"),
            gettext_lazy("changes of the case of a household"),
        ),
        "one-case-many-households": (gettext_lazy("Saw many households for one case"), gettext_lazy("households of one case")),
        "bedrooms": (gettext_lazy("Watched bedrooms and bathrooms far more than others do"), gettext_lazy("seconds in such rooms")),
        "off-hours": (gettext_lazy("Watched outside working hours far more than others do"), gettext_lazy("seconds outside working hours")),
        "past-need": (gettext_lazy("Watched more than the request needed"), gettext_lazy("seconds past need")),
        "no-case": (gettext_lazy("Asked without a case"), gettext_lazy("requests without a case")),
        "many-refusals": (gettext_lazy("Was refused far more often than others are"), gettext_lazy("refusals")),
    }
)
"""Rule of noticing -> what it says of the reviewer's day, and what its number counts."""
_MINUTE_MS = 60_000


def duty(role: str, purpose: ReviewPurpose | None) -> str:
    """Return what a training or a statement of a role is about."""
    if purpose is not None:
        return str(PURPOSES[purpose])
    return _("Erasing data, every year") if role == DELETION_ROLE else _("Access to recordings, every year")


def choices(words: Mapping[str, Words]) -> list[tuple[str, Words]]:
    """Return the members of a closed list with their words, as a form offers them."""
    return [(each.value if hasattr(each, "value") else each, said) for each, said in words.items()]


def clock_of(milliseconds: int) -> str:
    """Return a place in a recording as minutes and seconds, with tenths where they are not zero: ``01:23`` or ``01:23.4``."""
    minutes, rest = divmod(milliseconds, _MINUTE_MS)
    seconds, tenths = divmod(rest, 1000)
    return f"{minutes:02}:{seconds:02}" + (f".{tenths // 100}" if tenths else "")


def part(first_ms: int, last_ms: int) -> str:
    """Return a range in words."""
    return _("%(first)s to %(last)s") % {"first": clock_of(first_ms), "last": clock_of(last_ms)}


def lasting(milliseconds: int) -> str:
    """Return the length of a range in words."""
    seconds = -(-milliseconds // 1000)
    if seconds < 120:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}


def left(seconds: float) -> str:
    """Return how much time is left, in words, rounded down."""
    hours, minutes = int(seconds // 3600), int(seconds // 60)
    if seconds <= 0:
        return _("no time left")
    if hours >= 2:
        return ngettext("%(count)s hour left", "%(count)s hours left", hours) % {"count": hours}
    return ngettext("%(count)s minute left", "%(count)s minutes left", minutes) % {"count": minutes}


def listed(words: Iterable[Words]) -> str:
    """Return words in one line."""
    return ", ".join(map(str, words))
