"""Addresses of the pages of families. A slug is of one session, and names no person."""

from __future__ import annotations

from django.urls import include, path

from expunge.web.site.portal import deleting, deletion_status, home, notices, opening, pages, receipts, requests, whereabouts

opening.offer_asks()
deleting.offer_asks()
deletion_status.offer_asks()

urlpatterns = [
    path("", pages.families, name="portal_families"),
    path("<slug:slug>/", home.home, name="portal_home"),
    path("<slug:slug>/places/", whereabouts.places, name="portal_places"),
    path("<slug:slug>/places/off/", whereabouts.switch_off, name="portal_places_off"),
    path("<slug:slug>/lock/", opening.end, name="portal_lock"),
    path("<slug:slug>/", include("expunge.web.site.portal.stopping.urls")),
    path("<slug:slug>/", include("expunge.web.site.portal.exporting.urls")),
    path("<slug:slug>/requests/", requests.requests, name="portal_requests"),
    path("<slug:slug>/requests/<slug:order>/", requests.one, name="portal_request"),
    path("<slug:slug>/requests/<slug:order>/messages/", requests.thread, name="portal_thread"),
    path("<slug:slug>/requests/<slug:order>/receipt/", receipts.receipt, name="portal_receipt"),
    path("<slug:slug>/requests/<slug:order>/receipt/page/", receipts.page, name="portal_receipt_page"),
    path("<slug:slug>/requests/<slug:order>/receipt/folder/", receipts.folder, name="portal_receipt_folder"),
    path("<slug:slug>/notices/", notices.notices, name="portal_notices"),
    path("<slug:slug>/delete/", deleting.choose, name="portal_delete"),
    path("<slug:slug>/delete/preview/", deleting.preview, name="portal_delete_preview"),
    path("<slug:slug>/delete/confirm/", deleting.confirm, name="portal_delete_confirm"),
    path("<slug:slug>/delete/<slug:order>/", deletion_status.status, name="portal_deletion"),
    path("<slug:slug>/delete/<slug:order>/live/", deletion_status.live, name="portal_deletion_live"),
    path("<slug:slug>/delete/<slug:order>/call-off/", deletion_status.call_off, name="portal_deletion_call_off"),
    path("<slug:slug>/guardians/", include("expunge.web.site.portal.guardians.urls")),
    path("<slug:slug>/", include("expunge.web.site.portal.recordings.urls")),
    path("<slug:slug>/", include("expunge.web.site.portal.reviews.urls")),
    path("<slug:slug>/guardians/", include("expunge.web.site.portal.guardians.urls")),
]
