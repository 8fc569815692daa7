"""Addresses of the pages of families. A slug is of one session, and names no person."""

from __future__ import annotations

from django.urls import include, path

from expunge.web.site.portal import opening, pages

opening.offer_asks()

urlpatterns = [
    path("", pages.families, name="portal_families"),
    path("<slug:slug>/", pages.home, name="portal_home"),
    path("<slug:slug>/lock/", opening.end, name="portal_lock"),
    path("<slug:slug>/guardians/", include("expunge.web.site.portal.guardians.urls")),
]
