"""Words of the desk's closed lists, as pages say them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from django.utils.translation import gettext, gettext_noop

from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.review_words import (
    CaseKind,
    Clarity,
    LeaseEnding,
    RecusalReason,
    ReviewOutcome,
    ReviewPurpose,
    Room,
    Sound,
)
from expunge.core.noticing.findings import FindingStanding
from expunge.core.review.people import RecordStanding
from expunge.core.review.request import LeaseStanding, RequestStanding

WORDS: tuple[tuple[StrEnum, str], ...] = (
    (ReviewPurpose.LAW, gettext_noop("law or legal process")),
    (ReviewPurpose.ILLEGAL_ACTIVITY, gettext_noop("acts against the law")),
    (ReviewPurpose.LEGAL_RIGHTS, gettext_noop("legal rights")),
    (ReviewPurpose.HARM, gettext_noop("harm or financial loss")),
    (ReviewPurpose.AUTHORISED, gettext_noop("authorised by the customer")),
    (CaseKind.SUPPORT, gettext_noop("support case")),
    (CaseKind.LEGAL_REQUEST, gettext_noop("legal request")),
    (CaseKind.SECURITY_INCIDENT, gettext_noop("security incident")),
    (CaseKind.SAFETY_REPORT, gettext_noop("safety report")),
    (CaseKind.ABUSE_REPORT, gettext_noop("abuse report")),
    (Clarity.TRANSCRIPT, gettext_noop("transcript")),
    (Clarity.PIXELATED, gettext_noop("pixelated")),
    (Clarity.FACES_HIDDEN, gettext_noop("faces hidden")),
    (Clarity.CLEAR, gettext_noop("clear picture")),
    (Sound.MUTE, gettext_noop("no sound")),
    (Sound.MASKED, gettext_noop("masked sound")),
    (Sound.CLEAR, gettext_noop("clear sound")),
    (Room.BEDROOM, gettext_noop("bedroom")),
    (Room.BATHROOM, gettext_noop("bathroom")),
    (Room.INDOOR, gettext_noop("inside a home")),
    (Room.OUTDOOR, gettext_noop("outdoors")),
    (Room.UNKNOWN, gettext_noop("place not known, counts as inside a home")),
    (RecusalReason.KNOWS_PERSON, gettext_noop("I know this person")),
    (RecusalReason.HARMFUL, gettext_noop("this harms me")),
    (ReviewOutcome.RESOLVED, gettext_noop("resolved")),
    (ReviewOutcome.NOTHING_SEEN, gettext_noop("nothing seen that helps")),
    (ReviewOutcome.HANDED_ON, gettext_noop("handed on")),
    (ReviewOutcome.REPORTED, gettext_noop("reported as the law asks")),
    (ReviewOutcome.NOT_VIEWED, gettext_noop("not viewed")),
    (LeaseEnding.OUTCOME, gettext_noop("result entered")),
    (LeaseEnding.RECUSED, gettext_noop("given back by the reviewer")),
    (LeaseEnding.REVOKED, gettext_noop("revoked")),
    (LeaseEnding.CONSENT_WITHDRAWN, gettext_noop("the consent was withdrawn")),
    (LeaseEnding.ERASURE, gettext_noop("the recording is being erased")),
    (LeaseEnding.DISPUTE, gettext_noop("guardians are in dispute")),
    (LeaseEnding.RIGHTS_ENDED, gettext_noop("the right to see recordings ended")),
    (LeaseEnding.SESSION_ENDED, gettext_noop("the login ended")),
    (LeaseEnding.FAMILY_DENIED, gettext_noop("the family said no")),
    (RequestStanding.WAITING, gettext_noop("waiting")),
    (RequestStanding.APPROVED, gettext_noop("approved")),
    (RequestStanding.DENIED, gettext_noop("refused")),
    (RequestStanding.EXPIRED, gettext_noop("not answered in time")),
    (RequestStanding.ACTIVE, gettext_noop("under way")),
    (RequestStanding.OUTCOME_OWED, gettext_noop("result owed")),
    (RequestStanding.CLOSED, gettext_noop("closed")),
    (RequestStanding.RECUSED, gettext_noop("given back")),
    (LeaseStanding.RUNNING, gettext_noop("under way")),
    (LeaseStanding.TIME_OVER, gettext_noop("its time is over")),
    (LeaseStanding.ENDED, gettext_noop("ended")),
    (FindingStanding.OPEN, gettext_noop("open")),
    (FindingStanding.JUDGED_ONCE, gettext_noop("judged by one person")),
    (FindingStanding.DISPUTED, gettext_noop("judged differently")),
    (FindingStanding.EXPLAINED, gettext_noop("explained")),
    (FindingStanding.CONFIRMED, gettext_noop("confirmed")),
    (FindingReason.WORK, gettext_noop("work of the cases")),
    (FindingReason.ASSIGNED, gettext_noop("assigned by a supervisor")),
    (FindingReason.RECORD_WRONG, gettext_noop("the record was wrong")),
    (FindingReason.NO_NEED, gettext_noop("watched without need")),
    (FindingReason.PRETEXT, gettext_noop("the case was a pretext")),
    (FindingReason.ACCOUNT_TAKEN, gettext_noop("the account was taken over")),
    (RecordStanding.CURRENT, gettext_noop("current")),
    (RecordStanding.DUE, gettext_noop("due")),
    (RecordStanding.LAPSED, gettext_noop("lapsed")),
    (RecordStanding.MISSING, gettext_noop("missing")),
)
"""Each word of the closed lists, and what a page says. No mapping by word: equal words of two lists would be one key."""
_KNOWN: Mapping[type[StrEnum], Mapping[str, str]] = {
    kind: {each.value: words for each, words in WORDS if type(each) is kind} for kind in {type(each) for each, _ in WORDS}
}


def word(each: StrEnum) -> str:
    """Return a word of a closed list in the language of the page. Raises KeyError for one of another list."""
    return gettext(_KNOWN[type(each)][each.value])


def choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """Return (value, words) of a closed list, for a form."""
    return [(each.value, word(each)) for each in kind]
