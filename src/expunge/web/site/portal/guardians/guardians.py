"""The page of a child's guardians, and what a guardian decides there: to show it, to invite, to step down, to dispute."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.mail_addresses import is_address
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.consent.guardian_faults import GuardianFault
from expunge.errors import GuardianshipRefused, NotPermitted
from expunge.ports.families.guardian_door import INVITE, INVITE_SUBJECT, STEP_DOWN, GuardianLine
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.factors import asking
from expunge.web.site.portal.guardians import choosing, words
from expunge.web.site.portal.member import Member, clerk, family_page
from expunge.web.site.portal.request_words import method_name


def _require_guardian(member: Member) -> None:
    """Raise NotPermitted for a member who is no guardian. The clerk refuses the act as well."""
    if member.role is not MembershipRole.GUARDIAN:
        raise NotPermitted("only a guardian may do this", help="go back to the page of guardians")


@require_safe
@family_page
def guardians(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show who is guardian, since when and how it was shown, and what happened."""
    card = clerk().guardians.guardians(member.account, member.family)
    lines = [_told(line) for line in card.lines if line.role is not MembershipRole.FORMER]
    history = [
        {"at": line.at, "what": words.HAPPENED[line.what], "detail": words.detail(line.detail) if line.detail else ""}
        for line in card.history
    ]
    requests = [{"card": each, "state": words.STATES[each.state]} for each in card.requests]
    values = {
        "card": card,
        "lines": lines,
        "former": [_told(line) for line in card.lines if line.role is MembershipRole.FORMER],
        "history": history,
        "requests": requests,
        "decides": member.role is MembershipRole.GUARDIAN,
    }
    return render(request, "portal/guardians/guardians.html", values)


def _told(line: GuardianLine) -> dict[str, Any]:
    return {"line": line, "role": words.ROLES[line.role], "method": method_name(line.method) if line.method else ""}


@require_http_methods(["GET", "POST"])
@family_page
def ask(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show the direct notice; take what the guardian chose, and begin to ask."""
    _require_guardian(member)
    fault = None
    if request.method == "POST":
        try:
            made = clerk().guardians.ask(member.account, member.family, choosing.chosen(request))
            return redirect("consent_request", made)
        except GuardianshipRefused as refusal:
            fault = choosing.fault_of(refusal)
        if fault is GuardianFault.AWAY:
            messages.info(request, _("Our message cannot go out right now. Your request is kept, and we try again by ourselves."))
            return redirect("consent_requests")
        if fault is GuardianFault.UNDER_WAY:
            return redirect("consent_requests")
    notice = clerk().guardians.notice(member.account, member.family, choosing.language())
    values = choosing.shown(request, notice, fault)
    return render(request, "portal/guardians/ask.html", values, status=400 if fault else 200)


@require_http_methods(["GET", "POST"])
@family_page
def invite(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Ask for the address of the person to invite, and lead to the page that confirms."""
    _require_guardian(member)
    address, oneself = request.POST.get("address", "").strip(), request.POST.get("who", "") == "subject"
    problem = request.method == "POST" and not is_address(address)
    if request.method == "POST" and not problem:
        if not guard().credentials(member.account):
            return render(request, "portal/guardians/protect.html", {}, status=403)
        details = (("act", INVITE_SUBJECT if oneself else INVITE), ("address", sha256(address.encode()).hexdigest()))
        asked = Ask(AskKind.CHANGE_OF_GUARDIAN, member.account, member.family, details)
        return asking.begin(request, asked, slug=member.slug, label=member.label, address=address)
    card = clerk().guardians.guardians(member.account, member.family)
    values = {"address": address, "oneself": oneself, "problem": problem, "card": card}
    return render(request, "portal/guardians/invite.html", values, status=400 if problem else 200)


@require_http_methods(["GET", "POST"])
@family_page
def leave(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Say what stepping down means, and lead to the page that confirms."""
    _require_guardian(member)
    if request.method == "POST":
        if not guard().credentials(member.account):
            return render(request, "portal/guardians/protect.html", {}, status=403)
        asked = Ask(AskKind.CHANGE_OF_GUARDIAN, member.account, member.family, (("act", STEP_DOWN),))
        return asking.begin(request, asked, slug=member.slug, label=member.label, address="")
    card = clerk().guardians.guardians(member.account, member.family)
    others = sum(1 for line in card.lines if line.role is MembershipRole.GUARDIAN and not line.own)
    return render(request, "portal/guardians/leave.html", {"others": others})


@require_http_methods(["GET", "POST"])
@family_page
def dispute(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Say what a dispute stops and what goes on; begin one."""
    _require_guardian(member)
    if request.method == "POST":
        try:
            clerk().guardians.dispute(member.account, member.family)
        except GuardianshipRefused as refusal:
            what, do = words.FAULTS[choosing.fault_of(refusal)]
            messages.error(request, f"{what}. {do}")
            return redirect("portal_guardians", member.slug)
        messages.success(request, _("Changes are stopped. We have written to every guardian."))
        return redirect("portal_guardians", member.slug)
    card = clerk().guardians.guardians(member.account, member.family)
    return render(request, "portal/guardians/dispute.html", {"card": card})


def offer_asks() -> None:
    """Show asks to change guardians."""
    asking.offer(
        AskKind.CHANGE_OF_GUARDIAN,
        asking.AskPage(title=_title, text=_text, act=_act, back="portal_families"),
    )


def _title(_request: HttpRequest, asked: Ask, given: asking.Given) -> str:
    label = {"label": given["label"]}
    match asked.detail("act"):
        case "invite":
            return _("Invite a guardian: %(label)s?") % label
        case "invite-subject":
            return _("Invite the young person to take over: %(label)s?") % label
        case _:
            return _("Step down as guardian: %(label)s?") % label


def _text(_request: HttpRequest, asked: Ask, given: asking.Given) -> str:
    if asked.detail("act") == STEP_DOWN:
        return _("You see and decide nothing about this child any more. Other guardians get a letter. You cannot take it back here.")
    company = {"company": settings.EXPUNGE_SITE.company, "address": given["address"]}
    return _("%(company)s writes to %(address)s. The person then has to show who they are, by themself.") % company


def _act(request: HttpRequest, asked: Ask, permit: str, given: asking.Given) -> HttpResponse:
    door, session = clerk().guardians, guard_session(request)
    try:
        if asked.detail("act") == STEP_DOWN:
            door.step_down(permit, session, asked)
            messages.success(request, _("You are guardian of this child no more."))
            return redirect("portal_families")
        door.invite(permit, session, asked, given["address"], choosing.language())
    except GuardianshipRefused as refusal:
        what, do = words.FAULTS[choosing.fault_of(refusal)]
        messages.error(request, f"{what}. {do}")
    else:
        messages.success(request, _("The invitation is on its way."))
    return redirect("portal_guardians", given["slug"])
