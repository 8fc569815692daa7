"""The words for requests and notices, in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy

from expunge.core.datamap.artefact import DataKind
from expunge.core.journal.export_events import ExportEnd
from expunge.core.journal.notice_events import NoticeKind
from expunge.core.journal.thread_events import MessageKind
from expunge.core.pages import languages
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason
from expunge.ports.families.order_door import CopyCard, CopyMaker, RequestState


@dataclass(frozen=True)
class StateWords:
    """How a state reads, and how it looks."""

    words: str | Promise
    look: str
    """Class of the mark."""
    icon: str


METHODS: Mapping[str, str | Promise] = {
    "email plus": gettext_lazy("By mail, twice"),
    "text plus": gettext_lazy("By text message, twice"),
    "signed form": gettext_lazy("By a signed form"),
}
"""Ways in which guardians show that they are guardian."""
KINDS: Mapping[OrderKind, str | Promise] = {
    OrderKind.ERASURE: gettext_lazy("Erase data"),
    OrderKind.WITHDRAWAL: gettext_lazy("Erase after a consent was taken back"),
    OrderKind.EXPIRY: gettext_lazy("Erase what is too old to keep"),
    OrderKind.INACTIVITY: gettext_lazy("Erase a profile that is not used"),
    OrderKind.DISGORGEMENT: gettext_lazy("Erase by order of a court or regulator"),
}
STATES: Mapping[RequestState, StateWords] = {
    RequestState.WAITING: StateWords(gettext_lazy("Received, nothing erased yet"), "", "receipt"),
    RequestState.RUNNING: StateWords(gettext_lazy("Being erased now"), "", "erase"),
    RequestState.DONE: StateWords(gettext_lazy("Erased and verified"), "good", "check"),
    RequestState.IN_PART: StateWords(gettext_lazy("Done in part"), "caution", "alert"),
    RequestState.STOPPED: StateWords(gettext_lazy("Stopped before anything was erased"), "caution", "alert"),
    RequestState.CAME_BACK: StateWords(gettext_lazy("Found again, being erased once more"), "caution", "alert"),
}
NOTICES: Mapping[NoticeKind, str | Promise] = {
    NoticeKind.RECEIVED: gettext_lazy("A request came in"),
    NoticeKind.NEEDS_YOU: gettext_lazy("Your answer is needed"),
    NoticeKind.ANSWERED: gettext_lazy("There is a message for you"),
    NoticeKind.EXTENDED: gettext_lazy("A request takes longer"),
    NoticeKind.DONE: gettext_lazy("A request is done"),
    NoticeKind.IN_PART: gettext_lazy("A request is done in part"),
    NoticeKind.CANCELLED: gettext_lazy("A request was stopped"),
    NoticeKind.CAME_BACK: gettext_lazy("Erased data was found again"),
    NoticeKind.REVIEW_WAITS: gettext_lazy("A person of the company asks to look at a recording"),
    NoticeKind.SEEN_BY_STAFF: gettext_lazy("A person of the company looked at a recording"),
    NoticeKind.EMERGENCY_VIEW: gettext_lazy("A person of the company looked at a recording in an emergency"),
}
NOTICE_ICONS: Mapping[NoticeKind, str] = {
    NoticeKind.RECEIVED: "receipt",
    NoticeKind.NEEDS_YOU: "alert",
    NoticeKind.ANSWERED: "mail",
    NoticeKind.EXTENDED: "alert",
    NoticeKind.DONE: "check",
    NoticeKind.IN_PART: "alert",
    NoticeKind.CANCELLED: "alert",
    NoticeKind.CAME_BACK: "alert",
    NoticeKind.REVIEW_WAITS: "alert",
    NoticeKind.SEEN_BY_STAFF: "lock",
    NoticeKind.EMERGENCY_VIEW: "alert",
}
MESSAGES: Mapping[MessageKind, str | Promise] = {
    MessageKind.MESSAGE: "",
    MessageKind.QUESTION: gettext_lazy("Needs an answer"),
    MessageKind.APPEAL: gettext_lazy("Appeal"),
    MessageKind.ACCEPTED: gettext_lazy("Appeal accepted"),
    MessageKind.REJECTED: gettext_lazy("Appeal not accepted"),
}
COPIES: Mapping[CopyMaker, str | Promise] = {
    CopyMaker.YOU: gettext_lazy("You asked for a copy"),
    CopyMaker.MEMBER: gettext_lazy("Another member of the family asked for a copy"),
    CopyMaker.COMPANY: gettext_lazy("The company made a copy"),
}
_ENDS: Mapping[ExportEnd, str | Promise] = {
    ExportEnd.EXPIRED: gettext_lazy("It expired, and is erased."),
    ExportEnd.CANCELLED: gettext_lazy("It was stopped, and is erased."),
    ExportEnd.ERASED: gettext_lazy("It is erased with the data."),
    ExportEnd.FAILED: gettext_lazy("It could not be made."),
    ExportEnd.NO_ROOM: gettext_lazy("It could not be made: there was no room for it."),
}


def copy_state(copy: CopyCard) -> str | Promise:
    """Return what became of a copy."""
    if copy.ended is not None:
        return _ENDS[copy.ended]
    if copy.maker is CopyMaker.COMPANY:
        return gettext_lazy("It is not kept here.")
    return gettext_lazy("It can be fetched.") if copy.until else gettext_lazy("It is being made.")


def language() -> str:
    """Return the language of receipts on this page: Spanish, or else English."""
    return languages.SPANISH if (get_language() or "").startswith(languages.SPANISH) else languages.ENGLISH


def kind_words(kind: DataKind | None, items: int = 2) -> str:
    """Return the noun of a kind of data for so many items."""
    return languages.kinds(language())[kind or DataKind.RECORD][items != 1]


def reason_words(reason: Reason) -> str:
    """Return the sentence for why something could not be erased."""
    return languages.reasons(language())[reason]


def method_name(name: str) -> str | Promise:
    """Return the name of a method; that of the operator's own words where it is none of ours."""
    return METHODS.get(name, name)
