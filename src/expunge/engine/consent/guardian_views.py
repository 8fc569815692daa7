"""The guardians of a child as a member sees them: folded from the registers, without a name or an address of any person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from uuid import UUID

from expunge.core.accounts.family_events import ByConsent, MembershipDecided
from expunge.core.accounts.memberships import Membership
from expunge.core.consent import consent_events as ce
from expunge.core.consent import consent_request_events as ae
from expunge.core.consent.consent import Consents
from expunge.core.consent.consent_requests import Invitation, OpenAsking
from expunge.core.consent.direct_notice import asked_for
from expunge.core.datamap.purposes import OUTWARD, discloses
from expunge.core.values.ids import Pseudonym
from expunge.engine.consent import direct_notices, disclosure_texts, invitations, parental_consent
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.ports.consent_method import ConsentEvidence, ConsentMethod
from expunge.ports.families.guardian_door import (
    GuardianLine,
    GuardiansCard,
    Happened,
    HistoryLine,
    MethodCard,
    NoticeCard,
    PurposeCard,
    RequestCard,
    RequestState,
    Shown,
)

KNOWN_METHODS = ("email plus", "text plus", "signed form")
BY_A_GUARDIAN = "a guardian, on the pages"
"""The name under which a dispute begins that a guardian asks for."""


def guardians(
    context: Context, account: UUID, family: Pseudonym, members: Iterable[Membership], decisions: Iterable[MembershipDecided]
) -> GuardiansCard:
    """Return the guardians of a child.

    Args:
        context: the composition.
        account: the one that looks.
        family: the pseudonym of the child.
        members: every membership of the family, former ones too.
        decisions: about memberships of the family, oldest first.
    """
    consents, now = consent_register.load(context), context.clock.now()
    frozen = consents.frozen.get(consents.of(family))
    invited = [each for each in invitations.known(context).values() if each.invited.subject == family]
    last = {each.account: each for each in decisions}
    lines = tuple(
        _line(consents, each, last.get(str(each.account)), own=each.account == account)
        for each in sorted(members, key=lambda each: each.since)
    )
    return GuardiansCard(
        lines,
        _history(consents, family, invited),
        tuple(each for each in requests(context, account) if each.family == family),
        frozen.at if frozen else None,
        frozen is not None and frozen.by == BY_A_GUARDIAN,
        _of_age(context, consents, family),
        tuple((each.invited.expires, each.invited.oneself) for each in invited if each.open_at(now)),
    )


def _line(consents: Consents, member: Membership, decided: MembershipDecided | None, *, own: bool) -> GuardianLine:
    by = decided.by if decided else None
    if isinstance(by, ByConsent) and (known := consents.guardianships.get(by.proof)) is not None:
        return GuardianLine(own, member.role, member.since, Shown.METHOD, known.proven.method)
    return GuardianLine(own, member.role, member.since, Shown.COMPANY)


def _of_age(context: Context, consents: Consents, family: Pseudonym) -> date | None:
    days = [consents.grows_up(each.proven) for each in consents.guardians_of(family, context.clock.now())]
    known = [each for each in days if each is not None]
    return max(known).date() if known else None


def _history(consents: Consents, family: Pseudonym, invited: Iterable[Invitation]) -> tuple[HistoryLine, ...]:
    lines: list[HistoryLine] = []
    for event in consents.history.get(consents.of(family), ()):
        match event:
            case ce.GuardianProven():
                lines.append(HistoryLine(event.at, Happened.PROVEN, event.method))
            case ce.GuardianEnded():
                lines.append(HistoryLine(event.at, Happened.ENDED, event.why.value))
            case ce.ChildFrozen():
                lines.append(HistoryLine(event.at, Happened.DISPUTE_BEGAN))
            case ce.ChildReleased():
                lines.append(HistoryLine(event.at, Happened.DISPUTE_ENDED))
            case _:
                continue
    for each in invited:
        lines.append(HistoryLine(each.invited.at, Happened.INVITED))
        if each.ended is not None:
            lines.append(HistoryLine(each.ended.at, Happened.INVITATION_ENDED, each.ended.how.value))
    return tuple(sorted(lines, key=lambda line: line.at, reverse=True))


def requests(context: Context, account: UUID) -> tuple[RequestCard, ...]:
    """Return the requests of an account, the newest first."""
    own = [one for one in parental_consent.pending(context).values() if one.account is not None and one.account.account == str(account)]
    return tuple(sorted((card(context, one) for one in own), key=lambda each: each.at, reverse=True))


def card(context: Context, one: OpenAsking) -> RequestCard:
    """Return where a request stands."""
    state, reason = _state(context, one)
    asked, consents = one.asked, one.agreed.consents if one.agreed else ()
    purposes = tuple(_words(context, each.purpose) for each in one.purposes if each.purpose)
    short = len(purposes) - len(consents) if one.agreed else 0
    return RequestCard(asked.request, str(asked.subject), asked.method, state, asked.at, asked.expires, purposes, reason, consents, short)


def _state(context: Context, one: OpenAsking) -> tuple[RequestState, str]:
    now = context.clock.now()
    if one.ended is not None:
        return (RequestState.AGREED, "") if one.ended.how is ae.AskingEnd.AGREED else (RequestState.ENDED, one.ended.how.value)
    if now >= one.asked.expires:
        return RequestState.ENDED, ae.AskingEnd.EXPIRED.value
    if one.scan is not None:
        return RequestState.WAITS_STAFF, ""
    if one.refused is not None:
        return RequestState.SCAN_REFUSED, one.refused.why.value
    if one.sent is None:
        return RequestState.UNSENT, ""
    if one.asked.method == "signed form":
        return RequestState.WAITS_FORM, ""
    if one.sent.step == one.done:
        return RequestState.WAITS_SECOND, ""
    return (RequestState.WAITS_AGAIN if one.done else RequestState.WAITS_ANSWER), ""


def _words(context: Context, name: str) -> str:
    known = context.data_map.purposes.get(name)
    return known.description if known else name


def notice(context: Context, methods: Mapping[str, ConsentMethod], language: str, *, born_known: bool) -> NoticeCard:
    """Return the direct notice, and what can be chosen after it."""
    made = direct_notices.now(context, language)
    consents = consent_register.load(context)
    purposes = []
    for each in asked_for(context.data_map):
        text = disclosure_texts.to_show(context, consents, each.text)[1].decode()
        purposes.append(PurposeCard(each.name, each.description, each.use in OUTWARD, each.recipients, text))
    outward = discloses(context.data_map.purposes.values())
    ways = tuple(_method(methods.get(name), name, outward=outward) for name in KNOWN_METHODS)
    sections = tuple((section.heading, section.lines) for section in made.sections)
    return NoticeCard(made.language, made.digest, sections, tuple(purposes), ways, asks_birthday=not born_known)


def _method(method: ConsentMethod | None, name: str, *, outward: bool) -> MethodCard:
    if method is None:
        return MethodCard(name, 0, 0, enough=not outward, there=False)
    hours = round(method.delay / timedelta(hours=1))
    there = method.evidence in (ConsentEvidence.NOTHING, ConsentEvidence.DOCUMENT)
    return MethodCard(name, method.steps, hours, enough=method.allows_disclosure or not outward, there=there)


def born_known(context: Context, family: Pseudonym) -> bool:
    """Return whether an authority in force has the child's birthday."""
    consents = consent_register.load(context)
    return any(consents.grows_up(each.proven) is not None for each in consents.guardians_of(family, context.clock.now()))
