"""A view ends: its reviewer gives the recording back, or enters the result."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from expunge.core.accounts.staff import StaffRight
from expunge.core.journal.review_words import RecusalReason, ReviewOutcome
from expunge.errors import IllegalTransition
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page
from expunge.web.site.desk.viewing import pages
from expunge.web.site.desk.words import choices

MOST_NOTE = 2000
"""Characters of a note."""


class ResultForm(forms.Form):
    """The result of a view."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("Result"), choices=lambda: [("", ""), *((value, capfirst(said)) for value, said in choices(ReviewOutcome))]
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=MOST_NOTE,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy(
            "Say what settles the case, and no more of what you saw. The note is sealed for the people in it, and goes with them."
        ),
    )


@require_POST
@desk_page(StaffRight.SEE_VIEWS, StaffRight.REQUEST_VIEWS)
def give_back(request: DeskRequest, request_id: str) -> HttpResponseBase:
    """Give a recording back: the view ends, and it is not shown to this reviewer again."""
    try:
        why = RecusalReason(request.POST.get("why", ""))
        desk().recuse(request.seat, request_id, why)
    except ValueError:
        return redirect("desk_view_start", request_id)
    text = _("You gave the recording back. It is not shown to you again, and nobody asks you for more reasons.")
    if why is RecusalReason.HARMFUL:
        text = _("You gave the recording back. It is not shown to you again. Take the time that you need: talk to a person you trust.")
    messages.success(request, text)
    return redirect("desk_home")


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(StaffRight.SEE_VIEWS, StaffRight.REQUEST_VIEWS)
def result(request: DeskRequest, request_id: str) -> HttpResponseBase:
    """Ask for the result of a view, and enter it: that ends the view, and closes the request.

    Why by the request: who logged in anew since owes the result still, and the lease is that of the login before.
    """
    who = request.seat
    form = ResultForm(request.POST or None)
    try:
        asked = desk().request(who, request_id).card
        if asked.lease is None or asked.outcome is not None or asked.recused is not None:
            return redirect("desk_view_start", request_id)
        if request.method == "POST" and form.is_valid():
            desk().outcome(who, request_id, ReviewOutcome(form.cleaned_data["outcome"]), form.cleaned_data["note"].strip())
            messages.success(request, _("The result is entered, and the request is closed."))
            return redirect("desk_home")
    except IllegalTransition:
        return redirect("desk_view_start", request_id)
    return render(request, "desk/viewing/result.html", {**pages.about(asked), "form": form, "lease": asked.lease})
