"""Addresses of the pages of families. A slug is of one session, and names no person."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.portal import home, opening, pages, whereabouts

opening.offer_asks()

urlpatterns = [
    path("", pages.families, name="portal_families"),
    path("<slug:slug>/", home.home, name="portal_home"),
    path("<slug:slug>/places/", whereabouts.places, name="portal_places"),
    path("<slug:slug>/places/off/", whereabouts.switch_off, name="portal_places_off"),
    path("<slug:slug>/lock/", opening.end, name="portal_lock"),
]
