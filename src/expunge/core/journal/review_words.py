"""The closed lists of the review desk: purposes, cases, clarity, rooms, and why a lease ended. The journal holds these words."""

from __future__ import annotations

from enum import StrEnum


class ReviewPurpose(StrEnum):
    """The purposes for which a person may review a recording of a customer. The list is closed: RNG III.E.1(a) (RNG-09)."""

    LAW = "law or legal process"
    ILLEGAL_ACTIVITY = "illegal activity"
    """Suspected or actual illegal activity is investigated."""
    LEGAL_RIGHTS = "legal rights"
    """Legal rights are exercised or defended."""
    HARM = "harm or financial loss"
    """Physical or other harm, or financial loss, is prevented."""
    AUTHORISED = "authorised by the customer"
    """The customer agreed: by a consent for review, or to this request."""


class CaseKind(StrEnum):
    """The kinds of cases that a request can name."""

    SUPPORT = "support"
    LEGAL_REQUEST = "legal request"
    SECURITY_INCIDENT = "security incident"
    SAFETY_REPORT = "safety report"
    ABUSE_REPORT = "abuse report"


class Clarity(StrEnum):
    """How clearly the picture is shown."""

    TRANSCRIPT = "transcript"
    """No picture: the transcript, with names masked."""
    PIXELATED = "pixelated"
    """The whole frame pixelated and grey: the default."""
    FACES_HIDDEN = "faces hidden"
    """In colour, with faces hidden."""
    CLEAR = "clear"

    @property
    def step(self) -> int:
        """Return its place among all, from 0, the least clear first."""
        return list(Clarity).index(self)


class Sound(StrEnum):
    """How clearly the sound is heard."""

    MUTE = "mute"
    MASKED = "masked"
    CLEAR = "clear"

    @property
    def step(self) -> int:
        """Return its place among all, from 0, the least clear first."""
        return list(Sound).index(self)


class Room(StrEnum):
    """The class of place that a camera looks at. It is worked out when a view is asked for; the camera's name is kept nowhere."""

    BEDROOM = "bedroom"
    BATHROOM = "bathroom"
    INDOOR = "indoor"
    OUTDOOR = "outdoor"
    UNKNOWN = "unknown"

    @property
    def indoors(self) -> bool:
        """Return whether it counts as a room inside a home. What is unknown does."""
        return self is not Room.OUTDOOR


class AnswerBy(StrEnum):
    """The side that answers a request."""

    STAFF = "staff"
    """Another member of staff."""
    FAMILY = "family"
    """A member of the customer's family."""


class RecusalReason(StrEnum):
    """Why a reviewer gives a request back."""

    KNOWS_PERSON = "I know this person"
    HARMFUL = "this harms me"


class ReviewOutcome(StrEnum):
    """The result of a review, as its reviewer enters it."""

    RESOLVED = "resolved"
    """The case was settled with what was seen."""
    NOTHING_SEEN = "nothing seen"
    """The recording did not help the case."""
    HANDED_ON = "handed on"
    """Another person goes on with the case."""
    REPORTED = "reported"
    """What was seen was reported as the law asks."""
    NOT_VIEWED = "not viewed"
    """Nothing was looked at."""


class NoteAbout(StrEnum):
    """The subject of a note."""

    RECORDING = "recording"
    """The name by which the store finds the recording."""
    NEED = "why less would not do"
    OUTCOME = "outcome"
    BREAK_GLASS = "break-glass review"


class LeaseEnding(StrEnum):
    """Why a lease ended before its time."""

    OUTCOME = "outcome entered"
    RECUSED = "reviewer recused"
    REVOKED = "revoked"
    CONSENT_WITHDRAWN = "consent withdrawn"
    ERASURE = "erasure ordered"
    DISPUTE = "guardians in dispute"
    RIGHTS_ENDED = "rights of the reviewer ended"
    SESSION_ENDED = "session of the reviewer ended"
    FAMILY_DENIED = "family denied"


class DeskAct(StrEnum):
    """The acts that are decided at the desk."""

    REQUEST = "request"
    APPROVE = "approve"
    ACTIVATE = "activate"
    STEP_UP = "step up"
    VIEW = "view"
