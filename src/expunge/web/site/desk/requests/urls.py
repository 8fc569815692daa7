"""The addresses of requests. An id of a request is random, and is no identifier of a person."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.desk.requests import pages

urlpatterns = [
    path("requests/", pages.mine, name="desk_requests"),
    path("requests/new/", pages.new, name="desk_request_new"),
    path("requests/emergency/", pages.emergency, name="desk_request_emergency"),
    path("requests/<slug:which>/", pages.one, name="desk_request"),
    path("requests/<slug:which>/extend/", pages.extend, name="desk_request_extend"),
    path("requests/<slug:which>/withdraw/", pages.withdraw, name="desk_request_withdraw"),
    path("requests/<slug:which>/stop/", pages.stop, name="desk_request_stop"),
]
