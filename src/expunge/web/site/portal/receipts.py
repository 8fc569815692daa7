"""The receipt of a request: what it says in plain words, its short code, and its files to take away."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from expunge.core.log import dsse
from expunge.core.pages import languages
from expunge.core.pages.receipt_v6 import short_code
from expunge.core.values.ids import OrderId
from expunge.core.verification import receipt_folder
from expunge.errors import UsageError
from expunge.web.site.portal import request_words as words
from expunge.web.site.portal.member import Member, clerk, family_page
from expunge.web.site.receipts.checking import commands
from expunge.web.site.receipts.code_picture import code_picture
from expunge.web.site.receipts.folder_zip import zipped
from expunge.web.site.receipts.uploads import HOW_TO, SPANISH_PAGE


@require_safe
@family_page
def receipt(request: HttpRequest, member: Member, order: str) -> HttpResponseBase:
    """Show the receipt in plain words."""
    statement = _statement(_files(member, order))
    if statement is None:
        return redirect("portal_request", member.slug, order)
    code = short_code(statement)
    where = f"{settings.EXPUNGE_SITE.origin}{reverse('receipt_check')}?{urlencode({'code': code})}"
    said = mark_safe(languages.plain_part(statement, words.language()))  # noqa: S308 - made by the receipt's page, which escapes each value
    return render(request, "portal/receipt.html", {"order": order, "said": said, "code": code, "picture": code_picture(where)})


@require_safe
@family_page
def page(request: HttpRequest, member: Member, order: str) -> HttpResponseBase:  # noqa: ARG001 - the shape of a family's page
    """Show the receipt's own page, as it lies in its folder; in Spanish, its translation."""
    statement = _statement(_files(member, order))
    if statement is None:
        return redirect("portal_request", member.slug, order)
    html = languages.page(statement, words.language())
    answer = HttpResponse(html, content_type="text/html; charset=utf-8")
    # Why its own policy: the page brings its style along, and nothing else may run or load.
    sources = languages.style_sources(html)
    answer.headers["Content-Security-Policy"] = f"default-src 'none'; style-src {sources}; base-uri 'none'; frame-ancestors 'none'"
    return answer


@require_safe
@family_page
def folder(request: HttpRequest, member: Member, order: str) -> HttpResponseBase:
    """Give the receipt's folder as a zip, with how to check it, and the page in the reader's language beside."""
    files = _files(member, order)
    statement = _statement(files)
    if statement is None:
        return redirect("portal_request", member.slug, order)
    name = f"receipt-{order}"
    check = f"{settings.EXPUNGE_SITE.origin}{reverse('receipt_check')}"
    values = {"name": name, "code": short_code(statement), "check": check, "commands": commands(name)}
    beside = {HOW_TO: render_to_string("portal/how-to-check.txt", values, request).encode()}
    if words.language() == languages.SPANISH:
        beside[SPANISH_PAGE] = languages.page(statement, languages.SPANISH)
    answer = HttpResponse(zipped(name, files, beside), content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return answer


def _files(member: Member, order: str) -> dict[str, bytes]:
    """Return the files of the receipt; none where the request has no receipt."""
    try:
        return clerk().receipts.receipt(member.account, member.family, OrderId(order))
    except UsageError:
        return {}


def _statement(files: dict[str, bytes]) -> bytes | None:
    return dsse.parse(files[receipt_folder.ENVELOPE]).payload if files else None
