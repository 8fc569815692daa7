"""The words of the pages about reviews: purposes, cases, clarity, job functions, and how a request stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from expunge.core.accounts.staff import JobFunction
from expunge.core.datamap.artefact import DataKind
from expunge.core.families.reviews import FamilyReviewState
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Sound

Words = str | Promise
PURPOSES: Mapping[str, Words] = {
    ReviewPurpose.LAW.value: gettext_lazy("the law asks for it"),
    ReviewPurpose.ILLEGAL_ACTIVITY.value: gettext_lazy("to find out about something against the law"),
    ReviewPurpose.LEGAL_RIGHTS.value: gettext_lazy("a legal claim"),
    ReviewPurpose.HARM.value: gettext_lazy("to keep harm or a loss away"),
    ReviewPurpose.AUTHORISED.value: gettext_lazy("your family agreed to it"),
}
"""What a look was for."""
WANTED: Mapping[ReviewPurpose, Words] = {
    ReviewPurpose.LAW: gettext_lazy("The law asks the company to look."),
    ReviewPurpose.ILLEGAL_ACTIVITY: gettext_lazy("The company wants to find out about something against the law."),
    ReviewPurpose.LEGAL_RIGHTS: gettext_lazy("There is a legal claim."),
    ReviewPurpose.HARM: gettext_lazy("The company wants to keep harm or a loss away."),
    ReviewPurpose.AUTHORISED: gettext_lazy("The company asks you to let a person look."),
}
"""What a request is for."""
CASES: Mapping[str, Words] = {
    CaseKind.SUPPORT.value: gettext_lazy("a question to the help desk"),
    CaseKind.LEGAL_REQUEST.value: gettext_lazy("a request by a court or an office"),
    CaseKind.SECURITY_INCIDENT.value: gettext_lazy("a break-in or a leak"),
    CaseKind.SAFETY_REPORT.value: gettext_lazy("a report of a danger"),
    CaseKind.ABUSE_REPORT.value: gettext_lazy("a report of abuse"),
}
PICTURES: Mapping[str, Words] = {
    Clarity.TRANSCRIPT.value: gettext_lazy("the words alone, names hidden"),
    Clarity.PIXELATED.value: gettext_lazy("coarse blocks without colour"),
    Clarity.FACES_HIDDEN.value: gettext_lazy("in colour, faces hidden"),
    Clarity.CLEAR.value: gettext_lazy("a clear picture"),
}
SOUNDS: Mapping[str, Words] = {
    Sound.MUTE.value: gettext_lazy("no sound"),
    Sound.MASKED.value: gettext_lazy("voices changed"),
    Sound.CLEAR.value: gettext_lazy("clear sound"),
}
FUNCTIONS: Mapping[str, Words] = {
    JobFunction.OPERATOR.value: gettext_lazy("an operator"),
    JobFunction.REVIEWER.value: gettext_lazy("a reviewer"),
    JobFunction.OFFICER.value: gettext_lazy("an officer"),
    JobFunction.ASSESSOR.value: gettext_lazy("an assessor"),
    JobFunction.ADMINISTRATOR.value: gettext_lazy("an administrator"),
    "": gettext_lazy("a person who signed"),
}
"""Who of the company did something: the job, and no name."""
KINDS: Mapping[DataKind | None, Words] = {
    DataKind.VOICE: gettext_lazy("A voice recording"),
    DataKind.VIDEO: gettext_lazy("A video"),
    DataKind.PICTURE: gettext_lazy("A picture"),
}
REFUSALS: Mapping[str, Words] = {
    "no-approval": gettext_lazy("No other person had approved it."),
    "no-consent": gettext_lazy("Your family had not agreed to it."),
    "no-right": gettext_lazy("The person did not have the right to do it."),
    "own-request": gettext_lazy("No person approves a request of their own."),
    "not-yours": gettext_lazy("It was the request of another person."),
    "erasure": gettext_lazy("Data of this child was being erased."),
    "dispute": gettext_lazy("Guardians did not agree."),
    "recused": gettext_lazy("The person had given this recording back."),
    "clearer-than-asked": gettext_lazy("It was clearer than what had been asked for."),
    "out-of-range": gettext_lazy("It was another part of the recording than the one that had been asked for."),
    "no-lease": gettext_lazy("The time for looking was over, or had not begun."),
    "not-active": gettext_lazy("The time for looking was over, or had not begun."),
    "not-approved": gettext_lazy("It had been answered with no, or its time was over."),
    "no-session": gettext_lazy("The person was not logged in any more."),
    "another-session": gettext_lazy("It came from another device than the look began on."),
    "another-recording": gettext_lazy("The recording was not there any more."),
}
"""Rule that was against it -> what a family is told. A rule of the company's own has no words of ours."""
BY_A_RULE = gettext_lazy("A rule of the company was against it.")


@dataclass(frozen=True)
class StateWords:
    """How a request stands."""

    name: Words
    text: Words
    mark: str = ""
    """The class of its mark."""
    icon: str = "eye"


STATES: Mapping[FamilyReviewState, StateWords] = {
    FamilyReviewState.WAITS: StateWords(
        gettext_lazy("Waits for your word"), gettext_lazy("No person looks unless you allow it."), "caution", "alert"
    ),
    FamilyReviewState.CONSENTED: StateWords(
        gettext_lazy("Covered by your consent"),
        gettext_lazy("Your consent to such looks is enough for it. You can deny this one."),
        "caution",
        "alert",
    ),
    FamilyReviewState.BARRED: StateWords(
        gettext_lazy("Barred"), gettext_lazy("You said that no person may look at this recording. So no person does."), "", "lock"
    ),
    FamilyReviewState.ALLOWED: StateWords(
        gettext_lazy("Allowed"), gettext_lazy("Your family allowed it. You can still deny it."), "good", "check"
    ),
    FamilyReviewState.APPROVED: StateWords(
        gettext_lazy("Approved in the company"),
        gettext_lazy("For this reason the company does not need your word. Another person of the company has to agree."),
    ),
    FamilyReviewState.RUNNING: StateWords(
        gettext_lazy("A person may look right now"), gettext_lazy("It ends by itself within minutes."), "caution", "alert"
    ),
    FamilyReviewState.OVER: StateWords(gettext_lazy("Over"), gettext_lazy("What was looked at stands under “Who looked”.")),
    FamilyReviewState.DENIED: StateWords(
        gettext_lazy("Your family said no"), gettext_lazy("No person looks at it because of your word."), "good", "lock"
    ),
    FamilyReviewState.EXPIRED: StateWords(
        gettext_lazy("Expired"), gettext_lazy("Its time ended without a look. That counts as a no."), "", "clock"
    ),
    FamilyReviewState.GIVEN_BACK: StateWords(
        gettext_lazy("Given back"), gettext_lazy("The person gave it back, and does not look at this recording again."), "", "check"
    ),
}


def clarity(picture: str, sound: str) -> str:
    """Return how clearly something is seen and heard."""
    return f"{PICTURES.get(picture, '')}, {SOUNDS.get(sound, '')}"


def refusal(reasons: str) -> list[str]:
    """Return sentences for the rules that were against something, each once. ``reasons``: names with commas between."""
    return list(dict.fromkeys(str(REFUSALS.get(each, BY_A_RULE)) for each in reasons.split(", ")))


def clock(milliseconds: int) -> str:
    """Return a place in a recording, as minutes and seconds."""
    seconds = milliseconds // 1000
    return f"{seconds // 60}:{seconds % 60:02}"
