"""The addresses of findings."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.desk.findings import pages

urlpatterns = [
    path("findings/", pages.findings, name="desk_findings"),
    path("findings/<slug:which>/", pages.finding, name="desk_finding"),
]
