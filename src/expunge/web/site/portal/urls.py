"""Addresses of the pages of families. A slug is of one session, and names no person."""

from __future__ import annotations

from django.urls import include, path

from expunge.web.site.portal import notices, opening, pages, receipts, requests

opening.offer_asks()

urlpatterns = [
    path("", pages.families, name="portal_families"),
    path("<slug:slug>/", pages.home, name="portal_home"),
    path("<slug:slug>/lock/", opening.end, name="portal_lock"),
    path("<slug:slug>/", include("expunge.web.site.portal.recordings.urls")),
    path("<slug:slug>/", include("expunge.web.site.portal.stopping.urls")),
    path("<slug:slug>/requests/", requests.requests, name="portal_requests"),
    path("<slug:slug>/requests/<slug:order>/", requests.one, name="portal_request"),
    path("<slug:slug>/requests/<slug:order>/messages/", requests.thread, name="portal_thread"),
    path("<slug:slug>/requests/<slug:order>/receipt/", receipts.receipt, name="portal_receipt"),
    path("<slug:slug>/requests/<slug:order>/receipt/page/", receipts.page, name="portal_receipt_page"),
    path("<slug:slug>/requests/<slug:order>/receipt/folder/", receipts.folder, name="portal_receipt_folder"),
    path("<slug:slug>/notices/", notices.notices, name="portal_notices"),
]
