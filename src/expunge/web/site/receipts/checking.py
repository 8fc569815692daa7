"""The check of a receipt for any person, without a login. Nothing of an upload is stored, and nothing of it is logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from expunge import clock
from expunge.core.evidence.receipt import build
from expunge.core.pages import languages
from expunge.core.verification.receipt_check import CheckedReceipt, check
from expunge.errors import EvidenceInvalid, StateUnavailable
from expunge.web.site.receipts.uploads import MOST_FILES, read_text, read_upload

_LONGEST_CODE = 40


def commands(folder: str) -> tuple[str, str]:
    """Return the two lines that check a folder without these pages, on any machine with Python."""
    return "pip install expunge-verify", f"expunge-verify {folder}"


class _SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Some files, which may be none."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Return the files."""
        given = data if isinstance(data, list | tuple) else [data]
        return [super(_FilesField, self).clean(each, initial) for each in given if each]


class CheckForm(forms.Form):
    """A receipt as files or as text, and the code that a person has of it."""

    receipt = _FilesField(
        label=gettext_lazy("The receipt"),
        help_text=gettext_lazy("The zip that you downloaded, or all files of its folder."),
        required=False,
        widget=_SeveralFiles(),
    )
    text = forms.CharField(
        label=gettext_lazy("Or paste the text of receipt.dsse.json"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
    )
    code = forms.CharField(
        label=gettext_lazy("The short code, if you have one"),
        required=False,
        max_length=_LONGEST_CODE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def check_page(request: HttpRequest) -> HttpResponse:
    """Show the form, and what a check finds."""
    if request.method != "POST":
        return _page(request, {"form": CheckForm(initial={"code": request.GET.get("code", "")[:_LONGEST_CODE]})})
    form = CheckForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, {"form": form})
    uploads: Sequence[Any] = form.cleaned_data["receipt"]
    text, code = form.cleaned_data["text"], form.cleaned_data["code"]
    if not uploads and not text.strip():
        form.add_error(None, _("Choose the receipt first. A file of more than 2 MB is no receipt."))
        return _page(request, {"form": form})
    published = _published()
    try:
        parts = [(each.name, each.read()) for each in uploads[: MOST_FILES + 1]]
        found = check(read_upload(parts) if parts else read_text(text), published, clock.now())
    except EvidenceInvalid as refusal:
        # Why with its words: they name the file of the receipt and what is wrong in it, which a person who looks closer needs.
        return _page(request, {"form": CheckForm(initial={"code": code}), "refusal": refusal.message})
    return _page(request, {"form": CheckForm(), "found": found, **_shown(found, code)})


def _page(request: HttpRequest, values: dict[str, Any]) -> HttpResponse:
    return render(request, "receipts/check.html", {"commands": commands("receipt-ord-..."), **values})


def _published() -> bytes | None:
    """Return the keys that the company publishes; None where the clerk does not answer now, which the page then says."""
    try:
        keys: bytes = settings.EXPUNGE_CLERK.receipts.published_keys()
    except StateUnavailable:
        return None
    return keys


def _shown(found: CheckedReceipt, code: str) -> dict[str, Any]:
    language = languages.SPANISH if (get_language() or "").startswith(languages.SPANISH) else languages.ENGLISH
    said = languages.plain_part(build(found.receipt), language)
    return {
        "said": mark_safe(said),  # noqa: S308 - made by the receipt's page, which escapes each value
        "typed": bool(code.strip()),
        "same": found.same_code(code),
        "steps": found.verified.steps if found.verified else (),
    }
