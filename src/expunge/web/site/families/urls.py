"""Addresses of hand-overs. The token stands behind the ``#`` of a link, which no browser sends and no log has."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.families import hand_over

hand_over.offer_asks()

urlpatterns = [
    path("", hand_over.arrive, name="families_hand_over"),
    path("confirm/", hand_over.confirm, name="families_hand_over_confirm"),
    path("other-account/", hand_over.other_account, name="families_hand_over_other"),
    path("done/", hand_over.done, name="families_hand_over_done"),
]
