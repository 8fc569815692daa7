"""The words of pages about guardians: faults, states, methods and reasons, each from a closed list."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from expunge.core.accounts.memberships import MembershipRole
from expunge.core.consent.consent_events import EndReason
from expunge.core.consent.consent_request_events import AskingEnd, InvitationEnd, ScanRefusal
from expunge.core.consent.guardian_faults import GuardianFault
from expunge.core.consent.scans import ScanFault
from expunge.ports.families.guardian_door import Happened, RequestState
from expunge.web.site.portal import request_words

Words = str | Promise
FAULTS: dict[GuardianFault, tuple[Words, Words]] = {
    GuardianFault.NO_LINK: (_("This link opens nothing"), _("A part of it may be missing. Open it again from the newest message.")),
    GuardianFault.USED: (_("This link was used before"), _("That answer counts. If another message follows, open the link in that one.")),
    GuardianFault.OVER: (_("This link has ended"), _("Nothing was agreed to, and what was kept to ask you is erased. Begin again.")),
    GuardianFault.DONE: (_("You have agreed already"), _("There is nothing more to do. You see it under your requests.")),
    GuardianFault.OTHER_ACCOUNT: (
        _("This link is for another account"),
        _("It counts only for the account that began the request, or that has the mail address that was invited. Log in with that one."),
    ),
    GuardianFault.DISPUTE: (
        _("The guardians do not agree"),
        _("Until the company ends this, no guardian is added and nothing new is agreed to. What was asked before waits."),
    ),
    GuardianFault.NOTICE_CHANGED: (_("What you read has changed"), _("We show you the new text. Read it, and choose again.")),
    GuardianFault.METHOD: (
        _("This way does not count here"),
        _("Data goes to other companies, or the way is not set up. Choose the signed form."),
    ),
    GuardianFault.ADDRESS: (_("We cannot reach this address"), _("Check how it is written. Nothing of it is kept.")),
    GuardianFault.NUMBER: (
        _("We cannot reach this number"),
        _("Write it with its country, such as +1 415 555 0100. Nothing of it is kept."),
    ),
    GuardianFault.BIRTHDAY: (_("Check the birthday"), _("It is missing, or it is that of a person who decides alone.")),
    GuardianFault.AWAY: (
        _("Our message cannot go out right now"),
        _("A request that you began is kept, and we try again by ourselves. An invitation was not made: invite again in an hour."),
    ),
    GuardianFault.UNDER_WAY: (_("You are in the middle of it"), _("A request of yours is open. Go on with it, or take it back first.")),
    GuardianFault.NOT_YET: (_("The day has not come"), _("The young person does not decide alone yet. Open the link again on that day.")),
    GuardianFault.NOT_ALONE: (_("The young person decides alone"), _("No guardian can be added any more.")),
    GuardianFault.ALREADY: (_("It is so already"), _("Your account is guardian of this child. There is nothing to do.")),
    GuardianFault.CANNOT: (_("That cannot be done"), _("Nothing was changed. Begin again from the first page.")),
}
"""Fault -> what the page says, and what to do."""

SCANS: dict[ScanFault, Words] = {
    ScanFault.EMPTY: _("No file arrived. Choose the picture or PDF of the form."),
    ScanFault.TOO_BIG: _("The file is larger than 10 MB. Take the picture again in a smaller size."),
    ScanFault.NO_SCAN: _("This file is no picture (JPEG or PNG) and no PDF. Nothing of it is kept."),
    ScanFault.NOT_WHOLE: _("The end of this file is missing. Send it again."),
    ScanFault.MORE_BEHIND: _("There is something else behind this PDF, so we do not take it. Take a picture of the form instead."),
    ScanFault.ACTIVE: _("This PDF does something when it is opened, so we do not take it. Take a picture of the form instead."),
    ScanFault.TOO_LARGE: _("This picture has too many dots. Take it again in a smaller size."),
}

METHODS: dict[str, tuple[Words, Words, Words]] = {
    "email plus": (
        request_words.METHODS["email plus"],
        _("You open a link in a mail, and a second one some time later. It takes a day or two."),
        _("It does not count where data goes to other companies."),
    ),
    "text plus": (
        request_words.METHODS["text plus"],
        _("You open a link in a text message, and a second one some time later. It takes a day or two."),
        _("It does not count where data goes to other companies."),
    ),
    "signed form": (
        request_words.METHODS["signed form"],
        _("You print a form, sign it, and send a picture of it. A person looks at it, mostly within a few days."),
        _("It counts for everything. The picture is kept sealed for 90 days, then erased."),
    ),
}
"""Method -> its name, what it takes and how long, what it allows."""

STATES: dict[RequestState, Words] = {
    RequestState.WAITS_ANSWER: _("Open the link in our message"),
    RequestState.UNSENT: _("Our message has not gone out yet; we try again"),
    RequestState.WAITS_SECOND: _("Your first answer is here; a second message follows"),
    RequestState.WAITS_AGAIN: _("Your first answer is here; open the link in our second message"),
    RequestState.WAITS_FORM: _("Print the form, sign it, and send a picture of it"),
    RequestState.WAITS_STAFF: _("A person looks at your form"),
    RequestState.SCAN_REFUSED: _("The form was not accepted; send another picture"),
    RequestState.AGREED: _("Done"),
    RequestState.ENDED: _("Ended without consent"),
}

REASONS: dict[str, Words] = {
    AskingEnd.NOT_PROVEN.value: _("It could not be shown that a parent answered."),
    AskingEnd.NOT_REACHED.value: _("The address or number could not be reached."),
    AskingEnd.EXPIRED.value: _("The time was over. What was kept to ask you is erased."),
    AskingEnd.CHANGED.value: _("What was asked changed meanwhile, so your answer counts for nothing. Begin again."),
    AskingEnd.NOT_ENOUGH.value: _("Data goes to other companies now, and this way is not enough for that. Choose the signed form."),
    AskingEnd.WITHDRAWN.value: _("You took it back. What was kept to ask you is erased."),
    ScanRefusal.UNREADABLE.value: _("The picture cannot be read. Take it again, in good light."),
    ScanRefusal.NOT_SIGNED.value: _("The form is not signed."),
    ScanRefusal.OTHER_FORM.value: _("The number on the form is that of another request. Print the form of this one."),
    ScanRefusal.NOT_A_PARENT.value: _("The form does not show that a parent or guardian signed it."),
}
"""The value of a reason -> its words."""

HAPPENED: dict[Happened, Words] = {
    Happened.PROVEN: _("A person showed that they are guardian"),
    Happened.ENDED: _("A guardian is guardian no more"),
    Happened.DISPUTE_BEGAN: _("Guardians did not agree: changes stopped"),
    Happened.DISPUTE_ENDED: _("The company ended the disagreement"),
    Happened.INVITED: _("A person was invited"),
    Happened.INVITATION_ENDED: _("An invitation ended"),
}

DETAILS: dict[str, Words] = {
    EndReason.CUSTODY.value: _("the custody changed"),
    EndReason.MISTAKEN.value: _("it was a mistake"),
    EndReason.GREW_UP.value: _("the young person decides alone"),
    EndReason.ERASED.value: _("everything about the child was erased"),
    EndReason.RESIGNED.value: _("the guardian stepped down"),
    InvitationEnd.TAKEN.value: _("the person answered"),
    InvitationEnd.EXPIRED.value: _("in time, without an answer"),
    InvitationEnd.WITHDRAWN.value: _("taken back"),
    InvitationEnd.NOT_REACHED.value: _("the address could not be reached"),
}

ROLES: dict[MembershipRole, Words] = {
    MembershipRole.GUARDIAN: _("Guardian"),
    MembershipRole.SELF: _("The person themself"),
    MembershipRole.FORMER: _("Was guardian"),
}


def detail(value: str) -> Words:
    """Return the words of a detail of the history."""
    return DETAILS.get(value) or request_words.method_name(value)
