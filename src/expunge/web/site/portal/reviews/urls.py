"""Addresses of a family's pages about reviews, below that of the family. A request and a look have random ids, which name no person."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.portal.reviews import look_receipt, reviews

reviews.offer_asks()

urlpatterns = [
    path("reviews/", reviews.reviews, name="portal_reviews"),
    path("reviews/answer/", reviews.answer, name="portal_review_answer"),
    path("reviews/bar/", reviews.bar, name="portal_review_bar"),
    path("looked/<slug:look>/receipt/", look_receipt.receipt, name="portal_look_receipt"),
]
