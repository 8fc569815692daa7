"""What pages say of a deletion: kinds of data, reasons why data stays or could not be erased yet, and what happens next."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.families.deletion import Place, PlaceState, Remade, Stage, Staying, StayReason, Unread
from expunge.core.values.outcome import RETRYABLE, Reason
from expunge.web.site.portal.kind_words import NAMED

_NAMES: dict[DataKind, str | Promise] = {**NAMED, DataKind.MODEL: gettext_lazy("Models that learnt from it")}
_ITEMS = ngettext_lazy("%(count)d item", "%(count)d items", "count")
_REMADE = {
    EraseAct.RETRAIN: gettext_lazy("They are trained anew without this data."),
    EraseAct.REBUILD: gettext_lazy("They are made anew without this data."),
    EraseAct.FORGET: gettext_lazy("They forget what they learnt from it."),
    EraseAct.DESTROY: gettext_lazy("They are erased as a whole."),
}
_STAYS = {
    StayReason.SHARED: gettext_lazy("Other people are in them too, and they stay."),
    StayReason.UNLINKED: gettext_lazy("Nothing says which of them were made from what you chose. “Erase everything” takes them."),
    StayReason.UNDATED: gettext_lazy("They have no time, so nobody can tell whether they are of the days that you chose."),
    StayReason.LEFT: gettext_lazy("They can only forget a whole person. “Erase everything” makes them forget."),
    StayReason.BACKUP: gettext_lazy("They lie in backups, which end by themselves. If one is used before, they are erased again."),
}
_REASONS: dict[Reason, str | Promise] = {
    Reason.UNREACHABLE: gettext_lazy("The place did not answer."),
    Reason.LOCKED: gettext_lazy("Another program is using it."),
    Reason.READER_OPEN: gettext_lazy("Another program is reading it."),
    Reason.OUTSIDE_WINDOW: gettext_lazy("It is changed at night only."),
    Reason.RESIDUE: gettext_lazy("It was erased, and our check still found traces."),
    Reason.CANNOT_TELL: gettext_lazy("It was erased, and our check could not see enough to be sure."),
    Reason.REFERENCED: gettext_lazy("Other data depends on it."),
    Reason.NO_RUNNER: gettext_lazy("This is done by hand."),
    Reason.CORRUPT: gettext_lazy("The place is damaged."),
    Reason.MENTIONED: gettext_lazy("Data of other people still names this person."),
}


@dataclass(frozen=True)
class ShownPlace:
    """One place, in words."""

    number: int
    name: str
    count: str
    state: str
    """The verb."""
    good: bool
    """Whether its end is a good one, for the look of the state."""
    waits: bool
    why: str
    next: str


def kind_name(kind: DataKind) -> str:
    """Return what pages call a kind of data."""
    return str(_NAMES[kind])


def items(count: int) -> str:
    """Return a number of items in words."""
    return str(_ITEMS % {"count": count})


def remade(each: Remade) -> str:
    """Return what is done with a model or an index."""
    return str(_REMADE.get(each.act, gettext_lazy("They are erased.")))


def stays(each: Staying | Place) -> str:
    """Return why data stays."""
    if isinstance(each.reason, StayReason) and each.reason is not StayReason.GROUND:
        return str(_STAYS[each.reason])
    return _("Reason: %(ground)s") % {"ground": each.ground} if each.ground else _("The law or a contract asks for it.")


def could_not(reason: Reason) -> str:
    """Return why something could not be done."""
    return str(_REASONS.get(reason, gettext_lazy("A step of it failed.")))


def unread(each: Unread) -> str:
    """Return why data could not be looked through."""
    return could_not(each.reason)


def shown(number: int, place: Place) -> ShownPlace:
    """Return a place in words."""
    why = following = ""
    if place.state is PlaceState.NOT_YET:
        reason = place.reason if isinstance(place.reason, Reason) else Reason.ERROR
        why, following = could_not(reason), _next(reason)
    elif place.state in {PlaceState.EXPIRING, PlaceState.KEPT}:
        why = stays(place)
    elif place.state is PlaceState.ERASED:
        following = _("Next we look for traces that are left.")
    return ShownPlace(
        number=number,
        name=kind_name(place.kind),
        count=items(place.items) if place.items else "",
        state=str(_STATES[place.state]),
        good=place.state is PlaceState.VERIFIED,
        waits=not place.settled,
        why=why,
        next=following,
    )


_STATES = {
    PlaceState.WAITING: gettext_lazy("Waiting"),
    PlaceState.ERASED: gettext_lazy("Erased"),
    PlaceState.VERIFIED: gettext_lazy("Erased and verified"),
    PlaceState.EXPIRING: gettext_lazy("Expiring"),
    PlaceState.KEPT: gettext_lazy("Kept"),
    PlaceState.NOT_YET: gettext_lazy("Not yet"),
}


def _next(reason: Reason) -> str:
    if reason in RETRYABLE:
        return _("We try again within the hour.")
    return _("%(company)s has to see to it. You need not do anything.") % {"company": settings.EXPUNGE_SITE.company}


def stage(of: Stage, *, final: bool) -> tuple[str, str]:
    """Return what a status page says first, and what happens next. ``final``: nothing is left that a later try could do."""
    title, following = _EXCEPTIONS if of is Stage.IN_PART and final else _STAGES[of]
    return str(title) % {"company": settings.EXPUNGE_SITE.company}, str(following)


_STAGES: dict[Stage, tuple[str | Promise, str | Promise]] = {
    Stage.COOLING: (
        gettext_lazy("You can still call this off"),
        gettext_lazy("Nothing has been erased. It begins when this time is over."),
    ),
    Stage.WAITING: (gettext_lazy("This begins in a moment"), gettext_lazy("Nothing has been erased yet.")),
    Stage.COMPANY: (
        gettext_lazy("%(company)s has to say yes first"),
        gettext_lazy("A person there looks at it. We write to you when it begins."),
    ),
    Stage.WORKING: (
        gettext_lazy("We are erasing"),
        gettext_lazy("Each place is erased, and then checked for traces. You may close this page: it goes on."),
    ),
    Stage.DONE: (
        gettext_lazy("Erased and verified"),
        gettext_lazy("There is nothing more to do. Your receipt says how each place was checked."),
    ),
    Stage.IN_PART: (
        gettext_lazy("Erased in part"),
        gettext_lazy("The rest is listed below. We go on trying where the reason can pass."),
    ),
    Stage.CANCELLED: (gettext_lazy("Called off"), gettext_lazy("Nothing was erased. Everything is as it was.")),
    Stage.CAME_BACK: (
        gettext_lazy("Some of it came back"),
        gettext_lazy("It was found again, and is being erased again. We have written to you."),
    ),
}
_EXCEPTIONS = (
    gettext_lazy("Erased, with exceptions"),
    gettext_lazy("What stays is listed below with its reason. Your receipt says the same."),
)
