"""Addresses that links of messages lead to, and the requests of an account. A request's id is random, and names no person."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.portal.guardians import answering

urlpatterns = [
    path("", answering.arrive, name="consent_arrive"),
    path("answer/", answering.answer, name="consent_answer"),
    path("other-account/", answering.other_account, name="consent_other_account"),
    path("requests/", answering.requests, name="consent_requests"),
    path("requests/<slug:asked>/", answering.one, name="consent_request"),
    path("requests/<slug:asked>/form/", answering.form, name="consent_form"),
    path("requests/<slug:asked>/scan/", answering.scan, name="consent_scan"),
    path("requests/<slug:asked>/withdraw/", answering.withdraw, name="consent_withdraw"),
    path("requests/<slug:asked>/receipts/<int:number>/", answering.receipt, name="consent_receipt"),
]
