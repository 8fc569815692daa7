"""The receipt of a look of staff, as a file to take away: any person checks it without these pages."""

from __future__ import annotations

import io
import zipfile

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from expunge.errors import UsageError
from expunge.web.site.portal.member import Member, clerk, family_page
from expunge.web.site.receipts.checking import commands
from expunge.web.site.receipts.uploads import HOW_TO


@require_safe
@family_page
def receipt(request: HttpRequest, member: Member, look: str) -> HttpResponseBase:
    """Give the receipt's folder as a zip, with how to check it beside."""
    try:
        files = clerk().reviews.receipt(member.account, member.family, member.session, look)
    except UsageError:
        messages.info(request, _("There is no receipt of this yet. Try again in a minute."))
        return redirect("portal_looked", member.slug)
    name = f"look-{look}"
    values = {"name": name, "company": settings.EXPUNGE_SITE.company, "commands": commands(name)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(files):
            archive.writestr(f"{name}/{each}", files[each])
        archive.writestr(HOW_TO, render_to_string("portal/reviews/how-to-check.txt", values, request))
    answer = HttpResponse(out.getvalue(), content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return answer
