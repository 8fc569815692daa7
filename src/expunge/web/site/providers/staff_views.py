"""Pages of staff about the company's login: the way there and back, and the logins that an account has."""

from __future__ import annotations

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.accounts.accounts_spec import ProviderAudience
from expunge.web.site.providers.staff_decisions import may_connect
from expunge.web.site.providers.views import answered, leave, provider_of, shown
from expunge.web.site.shell.typed import row_number
from expunge.web.site.staff.entering import StaffRequest, is_staff, staff_page


@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Lead to the company's login: to sign in, or to connect it to the account that is signed in."""
    provider = provider_of(request, provider_id, ProviderAudience.STAFF)
    if request.method != "POST":
        return redirect("staff_sign_in")
    process = request.POST.get("process", "login")
    if process == "connect":
        return leave(request, provider, process) if may_connect(request) else _to_sign_in_anew(request)
    if process != "login":
        raise Http404
    return redirect("staff_home") if is_staff(request) else leave(request, provider, process)


@require_safe
def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Take the answer of a provider, which has to belong to a login that this browser began."""
    return answered(request, provider_of(request, provider_id, ProviderAudience.STAFF))


@require_http_methods(["GET", "POST"])
@staff_page()
def connected(request: StaffRequest) -> HttpResponse:
    """List the company's logins of an account, and disconnect one."""
    logins = SocialAccount.objects.filter(user_id=request.staff.account).order_by("pk")
    if request.method == "POST":
        if not may_connect(request):
            return _to_sign_in_anew(request)
        number = row_number(request.POST.get("number", ""))
        if number is None or not logins.filter(pk=number).delete()[0]:
            raise Http404
        messages.success(request, _("It is disconnected. That login opens your account no more."))
        return redirect("staff_company_logins")
    held = {login.provider for login in logins}
    companies = [spec for spec in settings.EXPUNGE_SITE.providers_for(ProviderAudience.STAFF) if spec.id not in held]
    values = {"logins": [shown(login) for login in logins], "companies": companies, "may": may_connect(request)}
    return render(request, "providers/staff_logins.html", values)


def _to_sign_in_anew(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("Log out, and log in with your passkey: company logins are changed right after that."))
    return redirect("staff_company_logins")
