"""Words of incidents, as pages say them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from expunge.core.incidents.incidents import IncidentStanding
from expunge.core.incidents.owed import Coverage
from expunge.core.journal.incident_events import IncidentFact, IncidentKind, IncidentVerdict, IncidentWord, ScopeSource

_WORDS: Mapping[type[StrEnum], Mapping[Any, str | Promise]] = {
    IncidentKind: {
        IncidentKind.VIEWS: gettext_lazy("Staff saw recordings without need"),
        IncidentKind.OPENINGS: gettext_lazy("Recordings were opened without need"),
        IncidentKind.TAKEOVER: gettext_lazy("Strangers came into accounts"),
        IncidentKind.COPY: gettext_lazy("A copy or a device was lost"),
        IncidentKind.EXPOSURE: gettext_lazy("Strangers could reach data"),
    },
    IncidentWord: {
        IncidentWord.SEEN: gettext_lazy("recordings were seen"),
        IncidentWord.COPIED: gettext_lazy("recordings were copied"),
        IncidentWord.LIVE: gettext_lazy("a camera was watched live"),
        IncidentWord.SETTINGS: gettext_lazy("settings of accounts were changed"),
        IncidentWord.CONTACT: gettext_lazy("contact data were seen"),
        IncidentWord.SEALED: gettext_lazy("only sealed data were reached"),
        IncidentWord.UNKNOWN: gettext_lazy("it is not known what was reached"),
    },
    ScopeSource: {
        ScopeSource.VIEWS: gettext_lazy("What a member of staff was shown"),
        ScopeSource.OPENINGS: gettext_lazy("What an account opened"),
        ScopeSource.TAKEOVER: gettext_lazy("An account that a stranger came into"),
        ScopeSource.NOWHERE: gettext_lazy("No register tells who is affected"),
    },
    IncidentFact: {
        IncidentFact.STATUTE: gettext_lazy("A law asks for a notice"),
        IncidentFact.GOVERNMENT_TOLD: gettext_lazy("A government body was told"),
        IncidentFact.NO_NOTICE: gettext_lazy("It was decided that no notice is needed"),
        IncidentFact.COUNTED: gettext_lazy("Affected accounts were counted otherwise"),
        IncidentFact.ENDED: gettext_lazy("The access was ended"),
        IncidentFact.COMPLETED: gettext_lazy("The response was completed"),
        IncidentFact.REPORTED: gettext_lazy("The report was handed in"),
        IncidentFact.PEOPLE_TOLD: gettext_lazy("Affected people were told"),
        IncidentFact.ASSESSED: gettext_lazy("The risk was assessed again"),
        IncidentFact.TESTED: gettext_lazy("Safeguards were tested again"),
        IncidentFact.PRODUCTS_TESTED: gettext_lazy("Networks and products were tested again"),
    },
    IncidentVerdict: {
        IncidentVerdict.SETTLED: gettext_lazy("Settled: what is owed was done"),
        IncidentVerdict.NONE: gettext_lazy("It was no incident"),
        IncidentVerdict.KEYS_SAFE: gettext_lazy("Only sealed data were reached, and the keys are safe"),
    },
    IncidentStanding: {
        IncidentStanding.OPEN: gettext_lazy("open"),
        IncidentStanding.JUDGED_ONCE: gettext_lazy("judged by one person"),
        IncidentStanding.DISPUTED: gettext_lazy("judged differently"),
        IncidentStanding.CLOSED: gettext_lazy("closed"),
        IncidentStanding.JOINED: gettext_lazy("part of another one"),
    },
    Coverage: {
        Coverage.ACCOUNTS: gettext_lazy("It is covered: ten accounts or more."),
        Coverage.STATUTE: gettext_lazy("It is covered: a law asks for a notice."),
        Coverage.UNKNOWN: gettext_lazy("It counts as covered: nobody knows that there are fewer than ten."),
        Coverage.BELOW: gettext_lazy("Fewer than ten accounts: it is recorded and watched."),
    },
}


def incident_words(each: StrEnum) -> str:
    """Return a word of a closed list in the language of the page. Raises KeyError for one of another list."""
    return str(_WORDS[type(each)][each])


def incident_choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """Return (name, words) of a closed list, for a form."""
    return [(each.name.lower(), incident_words(each)) for each in kind]
