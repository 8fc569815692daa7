"""Addresses of the pages of families. A slug is of one session, and names no person."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.portal import deleting, deletion_status, opening, pages

opening.offer_asks()
deleting.offer_asks()

urlpatterns = [
    path("", pages.families, name="portal_families"),
    path("<slug:slug>/", pages.home, name="portal_home"),
    path("<slug:slug>/lock/", opening.end, name="portal_lock"),
    path("<slug:slug>/delete/", deleting.choose, name="portal_delete"),
    path("<slug:slug>/delete/preview/", deleting.preview, name="portal_delete_preview"),
    path("<slug:slug>/delete/confirm/", deleting.confirm, name="portal_delete_confirm"),
    path("<slug:slug>/delete/<slug:order>/", deletion_status.status, name="portal_deletion"),
    path("<slug:slug>/delete/<slug:order>/live/", deletion_status.live, name="portal_deletion_live"),
    path("<slug:slug>/delete/<slug:order>/call-off/", deletion_status.call_off, name="portal_deletion_call_off"),
]
