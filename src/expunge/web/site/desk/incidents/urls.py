"""The addresses of incidents."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.desk.incidents import pages

urlpatterns = [
    path("", pages.incidents, name="desk_incidents"),
    path("new/", pages.enter, name="desk_incident_new"),
    path("<slug:which>/", pages.incident, name="desk_incident"),
    path("<slug:which>/close/", pages.close, name="desk_incident_close"),
    path("<slug:which>/enter/<slug:kind>/", pages.change, name="desk_incident_change"),
    path("<slug:which>/letter/<slug:to>/", pages.letter, name="desk_incident_letter"),
]
