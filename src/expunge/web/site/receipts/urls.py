"""Addresses of the pages about receipts that need no login."""

from __future__ import annotations

from django.urls import path

from expunge.web.site.receipts import checking

urlpatterns = [path("check/", checking.check_page, name="receipt_check")]
