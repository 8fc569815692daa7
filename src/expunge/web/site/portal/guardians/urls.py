"""Addresses of the guardians of a family, below the family's own."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.portal.guardians import guardians

guardians.offer_asks()

urlpatterns = [
    path("", guardians.guardians, name="portal_guardians"),
    path("ask/", guardians.ask, name="portal_guardians_ask"),
    path("invite/", guardians.invite, name="portal_guardians_invite"),
    path("leave/", guardians.leave, name="portal_guardians_leave"),
    path("dispute/", guardians.dispute, name="portal_guardians_dispute"),
]
