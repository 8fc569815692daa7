"""The addresses of approvals and judgements."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.desk.approvals import pages

urlpatterns = [
    path("approvals/", pages.waiting, name="desk_approvals"),
    path("approvals/<slug:which>/", pages.decide, name="desk_approval"),
    path("emergencies/<slug:which>/", pages.judge, name="desk_judgement"),
]
